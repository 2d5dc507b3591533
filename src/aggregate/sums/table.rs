//! A hash table that sums up the entries of one partition.

use std::collections::HashMap;

use super::key::{self, Key};
use super::{Entry, Value};

/// The size of a new table.
const MIN_SLOTS: usize = 1 << 8;

/// Open addressing, at most half full. A table serves one partition after the other, and keeps its
/// size.
pub(super) struct Table<K, V: Value> {
    slots: Vec<Entry<K, V>>,
    used: usize,
    /// What did not fit into 64 bits. Counters of real traffic always do.
    overflows: HashMap<K, V::Total>,
}

impl<K: Key, V: Value> Table<K, V> {
    pub(super) fn new() -> Self {
        Self { slots: vec![Entry::FREE; MIN_SLOTS], used: 0, overflows: HashMap::new() }
    }

    /// Adds `entry`, whose key has this hash and is not [`Key::FREE`].
    #[inline]
    pub(super) fn add(&mut self, entry: Entry<K, V>, hash: u64) {
        let last = self.slots.len() - 1;
        let mut at = key::table_slot(hash, self.slots.len());
        loop {
            let slot = &mut self.slots[at];
            if slot.key == entry.key {
                let (both, fits) = slot.value.and(entry.value);
                if fits {
                    slot.value = both;
                } else {
                    note_overflow::<K, V>(&mut self.overflows, *slot);
                    slot.value = entry.value;
                }
                return;
            }
            if slot.key == K::FREE {
                *slot = entry;
                self.used += 1;
                if self.used > last / 2 {
                    self.grow();
                }
                return;
            }
            at = (at + 1) & last;
        }
    }

    /// Empties the table, calling `each` with every key and its total.
    pub(super) fn drain(&mut self, mut each: impl FnMut(K, V::Total)) {
        let overflows = std::mem::take(&mut self.overflows);
        self.drain_slots(|Entry { key, value }| {
            let total = value.total();
            each(key, overflows.get(&key).map_or(total, |&more| V::sum(total, more)));
        });
    }

    /// Empties the table into entries, one for each key but for those whose total needs more.
    pub(super) fn drain_entries(&mut self, mut each: impl FnMut(Entry<K, V>)) {
        let overflows = std::mem::take(&mut self.overflows);
        self.drain_slots(&mut each);
        for (key, total) in overflows {
            let mut rest = Some(total);
            while let Some(total) = rest {
                let (value, more) = V::part(total);
                each(Entry { key, value });
                rest = more;
            }
        }
    }

    fn drain_slots(&mut self, mut each: impl FnMut(Entry<K, V>)) {
        // Taken slots are gathered first, without a branch: which they are cannot be foretold.
        const BLOCK: usize = 64;
        for slots in self.slots.chunks_mut(BLOCK) {
            let mut taken = [Entry::FREE; BLOCK];
            let mut count = 0;
            for slot in slots {
                taken[count % BLOCK] = *slot;
                count += usize::from(slot.key != K::FREE);
                *slot = Entry::FREE;
            }
            taken[..count].iter().copied().for_each(&mut each);
        }
        self.used = 0;
    }

    #[cold]
    fn grow(&mut self) {
        let slots = vec![Entry::FREE; self.slots.len() * 2];
        let last = slots.len() - 1;
        for entry in std::mem::replace(&mut self.slots, slots) {
            if entry.key != K::FREE {
                let mut at = key::table_slot(entry.key.hash(), self.slots.len());
                while self.slots[at].key != K::FREE {
                    at = (at + 1) & last;
                }
                self.slots[at] = entry;
            }
        }
    }
}

#[cold]
fn note_overflow<K: Key, V: Value>(overflows: &mut HashMap<K, V::Total>, entry: Entry<K, V>) {
    let more = entry.value.total();
    overflows.entry(entry.key).and_modify(|total| *total = V::sum(*total, more)).or_insert(more);
}
