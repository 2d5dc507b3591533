//! Rows of bytes in memory.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

/// Rows, one behind the other, and where each begins.
#[derive(Debug, Default)]
pub(super) struct Arena {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// A row.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The first bytes of it, by which most rows differ: so that few are looked up.
    head: u64,
    start: usize,
    len: u32,
}

impl Entry {
    fn range(&self) -> Range<usize> {
        self.start..self.start + self.len as usize
    }
}

impl Arena {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The memory that they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    pub(super) fn push(&mut self, row: &[u8]) {
        let mut head = [0; 8];
        let len = row.len().min(head.len());
        head[..len].copy_from_slice(&row[..len]);
        let head = u64::from_be_bytes(head);
        self.entries.push(Entry { head, start: self.bytes.len(), len: row.len() as u32 });
        self.bytes.extend_from_slice(row);
    }

    /// Takes in the rows of `other`, behind those that are there.
    pub(super) fn append(&mut self, other: Self) {
        let moved = self.bytes.len();
        let entries = other.entries.into_iter();
        self.entries.extend(entries.map(|entry| Entry { start: entry.start + moved, ..entry }));
        self.bytes.extend_from_slice(&other.bytes);
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Sorts the rows, and drops all but the first `count`.
    pub(super) fn keep_first(&mut self, count: usize) {
        let Self { bytes, entries } = self;
        let in_order = |a: &Entry, b: &Entry| match a.head.cmp(&b.head) {
            Ordering::Equal => bytes[a.range()].cmp(&bytes[b.range()]),
            order => order,
        };
        if count < entries.len() {
            entries.select_nth_unstable_by(count, in_order);
            entries.truncate(count);
            entries.par_sort_unstable_by(in_order);
            let mut kept = Vec::new();
            for entry in entries {
                let start = kept.len();
                kept.extend_from_slice(&bytes[entry.range()]);
                entry.start = start;
            }
            *bytes = kept;
        } else {
            entries.par_sort_unstable_by(in_order);
        }
    }

    /// The last row.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.entries.last().map(|entry| &self.bytes[entry.range()])
    }

    /// The rows as they lie.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().map(|entry| &self.bytes[entry.range()])
    }

    /// The rows as they lie, of which each is copied when it is taken.
    pub(super) fn into_rows(self) -> impl Iterator<Item = Arc<[u8]>> + Send {
        let Self { bytes, entries } = self;
        entries.into_iter().map(move |entry| Arc::from(&bytes[entry.range()]))
    }
}
