//! A small cache of sums, so that keys that come often leave a thread seldom.

use super::key::{self, Key};
use super::{Entry, checked_add};

/// The cache's size: half of a small second-level processor cache.
const CACHE_BYTES: usize = 256 << 10;

/// One place for each key, and a key that comes later takes it.
pub(super) struct Cache<K, const N: usize> {
    slots: Box<[Entry<K, N>]>,
}

impl<K: Key, const N: usize> Cache<K, N> {
    const SLOTS: usize = {
        let slots = CACHE_BYTES / size_of::<Entry<K, N>>();
        1 << slots.ilog2()
    };

    pub(super) fn new() -> Self {
        Self { slots: vec![Entry::FREE; Self::SLOTS].into() }
    }

    /// Adds an entry, and gives back the one that had to go for it.
    #[inline]
    pub(super) fn add(&mut self, entry: Entry<K, N>) -> Option<Entry<K, N>> {
        let slot = &mut self.slots[key::cache_slot(entry.key.hash(), Self::SLOTS)];
        if slot.key == entry.key
            && let Some(sums) = checked_add(slot.sums, entry.sums)
        {
            slot.sums = sums;
            return None;
        }
        let dropped = std::mem::replace(slot, entry);
        (dropped.key != K::FREE).then_some(dropped)
    }

    /// Empties the cache.
    pub(super) fn drain(&mut self) -> Vec<Entry<K, N>> {
        let slots = self.slots.iter_mut().filter(|slot| slot.key != K::FREE);
        slots.map(|slot| std::mem::replace(slot, Entry::FREE)).collect()
    }
}
