//! Sums by key, for millions of keys, on all cores, in bounded memory.
//!
//! Each thread adds into a [`GroupSums`] of its own. A small cache that fits into the processor's
//! sums up what comes often; what it drops goes, as (key, sums), into one of 256 partitions by the
//! key's hash. At the end the same partition of all threads is summed in one table, so threads
//! share nothing, and each table is small. Partitions that outgrow the memory allowed are summed
//! in place, and if that does not help, written to a temporary file.

mod cache;
mod key;
mod outbox;
mod partition;
mod spill;
mod table;
mod value;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use cache::Cache;
pub(super) use key::{Key, V4Pair, V6Pair};
use outbox::Outbox;
use partition::Partition;
use spill::Spill;
use table::Table;
pub(super) use value::Value;

use crate::store::{Result, Watch};

#[cfg(test)]
mod tests;

/// How much memory a summary may take, and where what does not fit is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for all threads together; tables of the last step may take half as much again.
    pub memory_bytes: usize,
    /// A folder for temporary files, which are gone when the summary is.
    pub temp_dir: PathBuf,
    /// Says whether to go on, also when everything is read.
    pub watch: Watch,
}

/// The memory that a summary takes where nothing else is said.
pub(crate) const DEFAULT_MEMORY_BYTES: usize = 224 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: DEFAULT_MEMORY_BYTES,
            temp_dir: std::env::temp_dir(),
            watch: Watch::default(),
        }
    }
}

/// Into how many parts keys are split by their hash.
const PARTITIONS: usize = 256;

/// A table may always hold so many entries, however little memory there is.
const MIN_TABLE_ENTRIES: usize = 2048;

/// A key, and what some of its flows come to.
#[derive(Debug, Clone, Copy)]
struct Entry<K, V> {
    key: K,
    value: V,
}

impl<K: Key, V: Value> Entry<K, V> {
    /// Marks a slot of a cache or a table as free.
    const FREE: Self = Self { key: K::FREE, value: V::NONE };
}

/// A total for each key.
pub(super) struct GroupSums<K, V: Value> {
    cache: Cache<K, V>,
    outbox: Outbox<K, V>,
    partitions: Vec<Partition<K, V>>,
    /// Entries in the memory of all partitions.
    held: usize,
    /// How many there may be.
    held_limit: usize,
    limits: Limits,
    /// Whether summing up what is held made little room when that was tried last.
    all_differ: bool,
    /// The files that partitions were written to: one for each thread that had to.
    spills: Vec<Spill>,
    /// The total of the key [`Key::FREE`], which cannot be in the cache or a table.
    free_key: Option<V::Total>,
}

impl<K: Key, V: Value> GroupSums<K, V> {
    /// Sums of nothing, for one of `threads` threads.
    pub(super) fn new(limits: &Limits, threads: usize) -> Self {
        let held_limit = limits.memory_bytes / threads.max(1) / size_of::<Entry<K, V>>();
        Self {
            cache: Cache::new(),
            outbox: Outbox::new(),
            partitions: (0..PARTITIONS).map(|_| Partition::default()).collect(),
            held: 0,
            // Below this, partitions would be written before they are worth a write.
            held_limit: held_limit.max(PARTITIONS * partition::CHUNK_ENTRIES),
            limits: limits.clone(),
            all_differ: false,
            spills: Vec::new(),
            free_key: None,
        }
    }

    /// Adds to the total of each key.
    #[inline]
    pub(super) fn add(&mut self, items: impl Iterator<Item = (K, V)>) -> Result<()> {
        for (key, value) in items {
            if key == K::FREE {
                self.add_free_key(value.total());
                continue;
            }
            let (dropped, wanted) = self.cache.add(Entry { key, value });
            self.hold(dropped, wanted);
        }
        // A batch is small beside the limit, so it is enough to look now and then.
        if self.held > self.held_limit { self.make_room() } else { Ok(()) }
    }

    /// Takes in all that `other` holds.
    pub(super) fn merge(&mut self, mut other: Self) {
        other.empty_cache();
        for (to, from) in self.partitions.iter_mut().zip(other.partitions) {
            to.merge(from, self.spills.len());
        }
        self.spills.append(&mut other.spills);
        self.held += other.held;
        self.held_limit += other.held_limit;
        if let Some(total) = other.free_key {
            self.add_free_key(total);
        }
    }

    /// Calls `each` once for every key with its total, on all threads, each with a value of its own
    /// that `make` made, and returns these values.
    pub(super) fn finish<R: Send>(
        mut self,
        make: impl Fn() -> R + Sync,
        each: impl Fn(&mut R, K, V::Total) + Sync,
    ) -> Result<Vec<R>> {
        self.empty_cache();
        let threads = rayon::current_num_threads();
        // A table is at most half full, and double that for a moment when it grows.
        let table_limit = self.limits.memory_bytes / 2 / threads / size_of::<Entry<K, V>>() / 4;
        let table_limit = table_limit.max(MIN_TABLE_ENTRIES);
        let partitions = Mutex::new(self.partitions.into_iter());
        let (spills, watch) = (&self.spills, &self.limits.watch);
        let work = || -> Result<R> {
            let mut value = make();
            let mut table = Table::new();
            loop {
                let next = partitions.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(partition) = next else { return Ok(value) };
                // Keys may be more than a table has room for: then they take turns by their hash.
                let turns = partition.entries().div_ceil(table_limit as u64).next_power_of_two();
                for turn in 0..turns {
                    watch.check()?;
                    partition.for_each(spills, |entry| {
                        let hash = entry.key.hash();
                        if key::turn(hash, turns) == turn {
                            table.add(entry, hash);
                        }
                    })?;
                    table.drain(|key, total| each(&mut value, key, total));
                }
            }
        };
        let mut values = (0..threads)
            .into_par_iter()
            .with_max_len(1)
            .map(|_| work())
            .collect::<Result<Vec<R>>>()?;
        if let (Some(total), Some(value)) = (self.free_key, values.first_mut()) {
            each(value, K::FREE, total);
        }
        Ok(values)
    }

    #[cold]
    fn add_free_key(&mut self, more: V::Total) {
        self.free_key = Some(self.free_key.map_or(more, |total| V::sum(total, more)));
    }

    /// Holds `entry` if it is `wanted`.
    #[inline]
    fn hold(&mut self, entry: Entry<K, V>, wanted: bool) {
        let partition = key::partition(entry.key.hash());
        if let Some(full) = self.outbox.put(partition, entry, wanted) {
            self.held += full.len();
            self.partitions[partition].extend(full);
        }
    }

    fn empty_cache(&mut self) {
        for entry in self.cache.drain() {
            self.hold(entry, true);
        }
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            let rest = self.outbox.take(number);
            self.held += rest.len();
            partition.extend(rest);
        }
    }

    /// Sums up what is held, unless that made little room before, and writes it out if it is still
    /// more than half of what it may be.
    #[cold]
    fn make_room(&mut self) -> Result<()> {
        if !self.all_differ {
            let before = self.held;
            let mut table = Table::new();
            for partition in &mut self.partitions {
                self.limits.watch.check()?;
                partition.compact(&mut table);
            }
            self.held = self.partitions.iter().map(Partition::held).sum();
            self.all_differ = self.held > before / 4 * 3;
        }
        if self.held > self.held_limit / 2 {
            if self.spills.is_empty() {
                self.spills.push(Spill::create(&self.limits.temp_dir)?);
            }
            let number = self.spills.len() - 1;
            for partition in &mut self.partitions {
                self.limits.watch.check()?;
                partition.write_to(&mut self.spills[number], number)?;
            }
            self.held = 0;
        }
        Ok(())
    }
}
