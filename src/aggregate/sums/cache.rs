//! A small cache of sums, so that keys that come often leave a thread seldom.

use super::key::{self, Key};
use super::{Entry, Value};

/// The cache's size: with the outbox, less than half of a small second-level processor cache.
const CACHE_BYTES: usize = 128 << 10;

/// One place for each key, and a key that comes later takes it.
pub(super) struct Cache<K, V> {
    slots: Box<[Entry<K, V>]>,
}

impl<K: Key, V: Value> Cache<K, V> {
    const SLOTS: usize = {
        let slots = CACHE_BYTES / size_of::<Entry<K, V>>();
        1 << slots.ilog2()
    };

    pub(super) fn new() -> Self {
        Self { slots: vec![Entry::FREE; Self::SLOTS].into() }
    }

    /// Adds an entry. Gives back what was in its place, and whether it had to go for it and is to
    /// be kept elsewhere. Without a branch: whether a key is in the cache cannot be foretold.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "the lazy operator is a branch")]
    pub(super) fn add(&mut self, entry: Entry<K, V>) -> (Entry<K, V>, bool) {
        let slot = &mut self.slots[key::cache_slot(entry.key.hash(), Self::SLOTS)];
        let was = *slot;
        let (both, fits) = entry.value.and(was.value);
        let met = (was.key == entry.key) & fits;
        *slot = Entry { key: entry.key, value: if met { both } else { entry.value } };
        (was, !met & (was.key != K::FREE))
    }

    /// Empties the cache.
    pub(super) fn drain(&mut self) -> Vec<Entry<K, V>> {
        let slots = self.slots.iter_mut().filter(|slot| slot.key != K::FREE);
        slots.map(|slot| std::mem::replace(slot, Entry::FREE)).collect()
    }
}
