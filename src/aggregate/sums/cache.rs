//! A small cache of sums, so that keys that come often leave a thread seldom.

use super::Entry;
use super::key::{self, Key};

/// The cache's size: with the outbox, less than half of a small second-level processor cache.
const CACHE_BYTES: usize = 128 << 10;

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

    /// Adds an entry. Gives back what was in its place, and whether it had to go for it and is to
    /// be kept elsewhere. Without a branch: whether a key is in the cache cannot be foretold.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "the lazy operator is a branch")]
    pub(super) fn add(&mut self, entry: Entry<K, N>) -> (Entry<K, N>, bool) {
        let slot = &mut self.slots[key::cache_slot(entry.key.hash(), Self::SLOTS)];
        let was = *slot;
        let mut met = was.key == entry.key;
        let mut sums = entry.sums;
        for (sum, was) in sums.iter_mut().zip(was.sums) {
            let (total, carry) = sum.overflowing_add(was);
            *sum = total;
            met &= !carry;
        }
        *slot = Entry { key: entry.key, sums: if met { sums } else { entry.sums } };
        (was, !met & (was.key != K::FREE))
    }

    /// Empties the cache.
    pub(super) fn drain(&mut self) -> Vec<Entry<K, N>> {
        let slots = self.slots.iter_mut().filter(|slot| slot.key != K::FREE);
        slots.map(|slot| std::mem::replace(slot, Entry::FREE)).collect()
    }
}
