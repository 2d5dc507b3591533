//! The entries whose keys fall into one partition, in memory and in files.

use super::spill::{Segment, Spill};
use super::table::Table;
use super::{Entry, Key, Value};
use crate::store::Result;

/// Entries are held in pieces of so many, so that they never move as they grow more.
pub(super) const CHUNK_ENTRIES: usize = 256;

pub(super) struct Partition<K, V> {
    /// The piece that is being filled.
    tail: Vec<Entry<K, V>>,
    chunks: Vec<Vec<Entry<K, V>>>,
    /// What was written, and the number of the file that it is in.
    segments: Vec<(usize, Segment)>,
}

impl<K, V> Default for Partition<K, V> {
    fn default() -> Self {
        Self { tail: Vec::new(), chunks: Vec::new(), segments: Vec::new() }
    }
}

impl<K: Key, V: Value> Partition<K, V> {
    /// Holds `entries`, which are fewer than fit into a piece.
    pub(super) fn extend(&mut self, entries: &[Entry<K, V>]) {
        if self.tail.len() + entries.len() > self.tail.capacity() {
            self.next_chunk();
        }
        self.tail.extend_from_slice(entries);
    }

    #[cold]
    fn next_chunk(&mut self) {
        let full = std::mem::replace(&mut self.tail, Vec::with_capacity(CHUNK_ENTRIES));
        if !full.is_empty() {
            self.chunks.push(full);
        }
    }

    /// Entries in memory.
    pub(super) fn held(&self) -> usize {
        self.tail.len() + self.chunks.iter().map(Vec::len).sum::<usize>()
    }

    /// Entries in memory and in files.
    pub(super) fn entries(&self) -> u64 {
        let written: u64 = self.segments.iter().map(|(_, segment)| segment.entries).sum();
        self.held() as u64 + written
    }

    /// Takes in `other`, whose files are numbered from `spills_before` on here.
    pub(super) fn merge(&mut self, other: Self, spills_before: usize) {
        self.chunks.extend(other.chunks);
        self.chunks.push(other.tail);
        let segments = other.segments.into_iter();
        self.segments.extend(segments.map(|(spill, segment)| (spills_before + spill, segment)));
    }

    /// Calls `each` with every entry, those in memory first.
    pub(super) fn for_each(
        &self,
        spills: &[Spill],
        mut each: impl FnMut(Entry<K, V>),
    ) -> Result<()> {
        for chunk in self.chunks.iter().chain([&self.tail]) {
            chunk.iter().copied().for_each(&mut each);
        }
        for (spill, segment) in &self.segments {
            spills[*spill].read(segment, &mut each)?;
        }
        Ok(())
    }

    /// Sums up what is in memory, so that each key is there once.
    pub(super) fn compact(&mut self, table: &mut Table<K, V>) {
        let tail = std::mem::take(&mut self.tail);
        for chunk in self.chunks.drain(..).chain([tail]) {
            for entry in chunk {
                table.add(entry, entry.key.hash());
            }
        }
        table.drain_entries(|entry| self.extend(&[entry]));
    }

    /// Moves what is in memory to `spill`, which will have the number `number`.
    pub(super) fn write_to(&mut self, spill: &mut Spill, number: usize) -> Result<()> {
        let tail = std::mem::take(&mut self.tail);
        let chunks = std::mem::take(&mut self.chunks);
        let entries = chunks.iter().chain([&tail]).flatten();
        self.segments.push((number, spill.write(entries)?));
        Ok(())
    }
}
