//! A hash table that sums up the entries of one partition.

use std::collections::HashMap;

use super::Entry;
use super::key::{self, Key};

/// The size of a new table.
const MIN_SLOTS: usize = 1 << 8;

/// Open addressing, at most half full. A table serves one partition after the other, and keeps its
/// size.
pub(super) struct Table<K, const N: usize> {
    slots: Vec<Entry<K, N>>,
    used: usize,
    /// How often each sum went beyond 64 bits. Counters of real traffic never do.
    carries: HashMap<K, [u64; N]>,
}

impl<K: Key, const N: usize> Table<K, N> {
    pub(super) fn new() -> Self {
        Self { slots: vec![Entry::FREE; MIN_SLOTS], used: 0, carries: HashMap::new() }
    }

    /// Adds `entry`, whose key has this hash and is not [`Key::FREE`].
    #[inline]
    pub(super) fn add(&mut self, entry: Entry<K, N>, hash: u64) {
        let last = self.slots.len() - 1;
        let mut at = key::table_slot(hash, self.slots.len());
        loop {
            let slot = &mut self.slots[at];
            if slot.key == entry.key {
                for (place, sum) in entry.sums.into_iter().enumerate() {
                    let (total, carry) = slot.sums[place].overflowing_add(sum);
                    slot.sums[place] = total;
                    if carry {
                        note_carry(&mut self.carries, entry.key, place);
                    }
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

    /// Empties the table, calling `each` with every key and its sums.
    pub(super) fn drain(&mut self, mut each: impl FnMut(K, [u128; N])) {
        let carries = std::mem::take(&mut self.carries);
        self.drain_slots(|Entry { key, sums }| {
            let mut sums = sums.map(u128::from);
            if let Some(carries) = carries.get(&key) {
                for (sum, &carry) in sums.iter_mut().zip(carries) {
                    *sum += u128::from(carry) << 64;
                }
            }
            each(key, sums);
        });
    }

    /// Empties the table into entries, one for each key but for those whose sums need more.
    pub(super) fn drain_entries(&mut self, mut each: impl FnMut(Entry<K, N>)) {
        let carries = std::mem::take(&mut self.carries);
        self.drain_slots(&mut each);
        for (key, mut carries) in carries {
            while carries.iter().any(|&carry| carry > 0) {
                // A carry is 2^64, which is one more than fits.
                let ones = carries.map(|carry| u64::from(carry > 0));
                each(Entry { key, sums: ones.map(|one| one * u64::MAX) });
                each(Entry { key, sums: ones });
                carries = carries.map(|carry| carry.saturating_sub(1));
            }
        }
    }

    fn drain_slots(&mut self, mut each: impl FnMut(Entry<K, N>)) {
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
fn note_carry<K: Key, const N: usize>(carries: &mut HashMap<K, [u64; N]>, key: K, place: usize) {
    carries.entry(key).or_insert([0; N])[place] += 1;
}
