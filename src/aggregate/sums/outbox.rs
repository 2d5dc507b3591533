//! Entries on their way into partitions, a few for each, so that memory is written in long pieces.

use super::{Entry, Key, PARTITIONS, Value};

/// So many entries of a partition wait.
const BOX_ENTRIES: usize = 16;

pub(super) struct Outbox<K, V> {
    entries: Box<[[Entry<K, V>; BOX_ENTRIES]]>,
    lengths: [usize; PARTITIONS],
}

impl<K: Key, V: Value> Outbox<K, V> {
    pub(super) fn new() -> Self {
        let entries = vec![[Entry::FREE; BOX_ENTRIES]; PARTITIONS].into();
        Self { entries, lengths: [0; PARTITIONS] }
    }

    /// Puts `entry` in the box of `partition`, where it stays only if it is `wanted`; gives the
    /// content of the box if that filled it.
    #[inline]
    pub(super) fn put(
        &mut self,
        partition: usize,
        entry: Entry<K, V>,
        wanted: bool,
    ) -> Option<&[Entry<K, V>]> {
        let length = &mut self.lengths[partition];
        self.entries[partition][*length % BOX_ENTRIES] = entry;
        *length += usize::from(wanted);
        if *length < BOX_ENTRIES {
            return None;
        }
        *length = 0;
        Some(&self.entries[partition])
    }

    /// Empties the box of `partition`.
    pub(super) fn take(&mut self, partition: usize) -> &[Entry<K, V>] {
        let length = std::mem::take(&mut self.lengths[partition]);
        &self.entries[partition][..length]
    }
}
