//! A temporary file of entries.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::temporary::TemporaryFile;
use super::{Entry, Key, Value};
use crate::store::{Result, StoreError};

/// Bytes read or written at once.
const BUFFER_BYTES: usize = 64 << 10;

/// A temporary file, and how long it is.
#[derive(Debug)]
pub(super) struct Spill {
    to: TemporaryFile,
    bytes: u64,
}

/// Entries that lie behind one another in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    at: u64,
    pub(super) entries: u64,
}

impl Spill {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        Ok(Self { to: TemporaryFile::create(folder)?, bytes: 0 })
    }

    /// Appends entries.
    pub(super) fn write<'a, K: Key, V: Value>(
        &mut self,
        entries: impl Iterator<Item = &'a Entry<K, V>>,
    ) -> Result<Segment> {
        let at = self.bytes;
        let written = write_entries(&mut self.to.file, entries)
            .map_err(StoreError::io(&self.to.path, "write temporary file"))?;
        self.bytes += written * entry_bytes::<K, V>() as u64;
        Ok(Segment { at, entries: written })
    }

    /// Calls `each` with the entries of `segment`.
    pub(super) fn read<K: Key, V: Value>(
        &self,
        segment: &Segment,
        each: impl FnMut(Entry<K, V>),
    ) -> Result<()> {
        // Threads read from one file side by side, each from where it is.
        read_entries(&self.to.file, segment, each)
            .map_err(StoreError::io(&self.to.path, "read temporary file"))
    }
}

const fn entry_bytes<K: Key, V: Value>() -> usize {
    K::BYTES + V::BYTES
}

fn write_entries<'a, K: Key, V: Value>(
    file: &mut File,
    entries: impl Iterator<Item = &'a Entry<K, V>>,
) -> io::Result<u64> {
    let mut bytes = Vec::with_capacity(BUFFER_BYTES + entry_bytes::<K, V>());
    let mut written = 0;
    for entry in entries {
        entry.key.encode(&mut bytes);
        entry.value.encode(&mut bytes);
        written += 1;
        if bytes.len() >= BUFFER_BYTES {
            file.write_all(&bytes)?;
            bytes.clear();
        }
    }
    file.write_all(&bytes)?;
    Ok(written)
}

fn read_entries<K: Key, V: Value>(
    file: &File,
    segment: &Segment,
    mut each: impl FnMut(Entry<K, V>),
) -> io::Result<()> {
    let entry_bytes = entry_bytes::<K, V>();
    let at_once = (BUFFER_BYTES / entry_bytes).max(1);
    let mut bytes = vec![0; at_once * entry_bytes];
    let (mut at, mut left) = (segment.at, segment.entries);
    while left > 0 {
        let some = left.min(at_once as u64);
        let bytes = &mut bytes[..some as usize * entry_bytes];
        file.read_exact_at(bytes, at)?;
        for entry in bytes.chunks_exact(entry_bytes) {
            let (key, value) = entry.split_at(K::BYTES);
            each(Entry { key: K::decode(key), value: V::decode(value) });
        }
        at += bytes.len() as u64;
        left -= some;
    }
    Ok(())
}
