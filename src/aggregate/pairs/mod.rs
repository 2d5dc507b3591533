//! The pairs of addresses that exchange most.

mod rank;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};

use rank::{TextRank, V4Rank};

use super::greatest::Greatest;
use super::sums::{GroupSums, Key, Limits, V4Pair, V6Pair};
use super::{Aggregate, Measure, over};
use crate::flow::{Addresses, Column, Columns, FlowBatch};
use crate::store::{Result, Rows, Scan, Snapshot};

/// How pairs are made, and what they are weighed by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PairOptions {
    /// What pairs are weighed by.
    pub by: Measure,
    /// Whether A to B and B to A are two pairs.
    pub directed: bool,
    /// How much memory they may take.
    pub limits: Limits,
}

/// A pair of addresses, and what its flows come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivePair {
    /// The address whose text is less; the source if pairs are directed.
    pub first: IpAddr,
    /// The other address; the destination if pairs are directed.
    pub second: IpAddr,
    /// Octets, packets or flows.
    pub value: u128,
}

/// All pairs of addresses with their sums.
pub struct ActivePairs {
    by: Measure,
    directed: bool,
    limits: Limits,
    v4: Option<Box<GroupSums<V4Pair, [u64; 1]>>>,
    v6: Option<Box<GroupSums<V6Pair, [u64; 1]>>>,
}

impl ActivePairs {
    /// No pairs yet.
    pub fn new(options: &PairOptions) -> Self {
        let PairOptions { by, directed, limits } = options.clone();
        Self { by, directed, limits, v4: None, v6: None }
    }

    /// The `count` pairs of greatest value among the flows that `scans` of [`Self::columns`] find in
    /// `snapshot`: by value downwards, then by the text `(ADDR,ADDR)`. No flow is to be found by two
    /// of the scans.
    ///
    /// ```
    /// use earlgrey_hbase::aggregate::{ActivePairs, Measure, PairOptions};
    /// use earlgrey_hbase::store::memory::MemoryStore;
    /// use earlgrey_hbase::{Scan, Store};
    ///
    /// let snapshot = MemoryStore::default().snapshot()?;
    /// let options = PairOptions { by: Measure::Packets, ..PairOptions::default() };
    /// let everything = Scan::all(ActivePairs::columns(&options));
    /// assert_eq!(ActivePairs::top_of(&*snapshot, &[everything], &options, 10)?, []);
    /// # Ok::<(), earlgrey_hbase::StoreError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`over`].
    pub fn top_of(
        snapshot: &dyn Snapshot,
        scans: &[Scan],
        options: &PairOptions,
        count: usize,
    ) -> Result<Vec<ActivePair>> {
        over(snapshot, scans, || Self::new(options))?.top(count)
    }

    /// What is read of the flows: src, dst and, but for the number of flows, one counter.
    pub fn columns(options: &PairOptions) -> Columns {
        Columns::of(&[Column::Src, Column::Dst]) | options.by.columns()
    }

    /// What rows may stand for: flows of one pair.
    pub const ROWS: Rows =
        Rows::Sums { by: Columns::of(&[Column::Src, Column::Dst]), within_ms: 0 };

    /// The `count` pairs of greatest value: by value downwards, then by the text `(ADDR,ADDR)`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io) if what was put into a temporary file cannot be
    /// read.
    pub fn top(self, count: usize) -> Result<Vec<ActivePair>> {
        let directed = self.directed;
        let mut best = Greatest::new(count);
        if let Some(sums) = self.v4 {
            let each = |greatest: &mut Greatest<V4Rank>, pair, [value]: [u128; 1]| {
                greatest.offer(value, || V4Rank::new(pair, directed));
            };
            for (value, V4Rank { first, second, .. }) in tops(*sums, count, each)? {
                let (first, second) = (Ipv4Addr::from(first), Ipv4Addr::from(second));
                best.offer(value, || TextRank::new(first.into(), second.into()));
            }
        }
        if let Some(sums) = self.v6 {
            let each = |greatest: &mut Greatest<TextRank>, pair, [value]: [u128; 1]| {
                greatest.offer(value, || TextRank::of_v6(pair, directed));
            };
            for (value, rank) in tops(*sums, count, each)? {
                best.offer(value, || rank);
            }
        }
        let pair = |(value, TextRank { first, second, .. }): (u128, TextRank)| ActivePair {
            first,
            second,
            value,
        };
        Ok(best.into_sorted().map(pair).collect())
    }
}

/// What the tops of all threads hold.
fn tops<K: Key, R: Ord + Send>(
    sums: GroupSums<K, [u64; 1]>,
    count: usize,
    each: impl Fn(&mut Greatest<R>, K, [u128; 1]) + Sync,
) -> Result<impl Iterator<Item = (u128, R)>> {
    Ok(sums.finish(|| Greatest::new(count), each)?.into_iter().flat_map(Greatest::into_sorted))
}

impl Aggregate for ActivePairs {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let threads = rayon::current_num_threads();
        let limits = &self.limits;
        match (&flows.src, &flows.dst) {
            (Addresses::V4(src), Addresses::V4(dst)) => {
                let pairs = src.iter().zip(dst).map(|(&src, &dst)| (src.into(), dst.into()));
                let join = |(src, dst): (u64, u64)| src << 32 | dst;
                let sums = self.v4.get_or_insert_with(|| GroupSums::new(limits, threads).into());
                if self.directed {
                    add(sums, self.by, flows, pairs.map(join))
                } else {
                    add(sums, self.by, flows, pairs.map(sort).map(join))
                }
            }
            (Addresses::V6(src), Addresses::V6(dst)) => {
                let pairs = src.iter().zip(dst).map(|(&src, &dst)| (src, dst));
                let sums = self.v6.get_or_insert_with(|| GroupSums::new(limits, threads).into());
                if self.directed {
                    add(sums, self.by, flows, pairs.map(halves))
                } else {
                    add(sums, self.by, flows, pairs.map(sort).map(halves))
                }
            }
            // A batch has one family.
            _ => Ok(()),
        }
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        merge(&mut self.v4, other.v4);
        merge(&mut self.v6, other.v6);
        Ok(())
    }
}

fn merge<K: Key>(
    to: &mut Option<Box<GroupSums<K, [u64; 1]>>>,
    from: Option<Box<GroupSums<K, [u64; 1]>>>,
) {
    match (to, from) {
        (Some(to), Some(from)) => to.merge(*from),
        (to @ None, from) => *to = from,
        (Some(_), None) => {}
    }
}

#[inline]
fn add<K: Key>(
    sums: &mut GroupSums<K, [u64; 1]>,
    by: Measure,
    flows: &FlowBatch,
    pairs: impl Iterator<Item = K>,
) -> Result<()> {
    match by {
        Measure::Octets => sums.add(pairs.zip(flows.octets.iter().map(|&octets| [octets]))),
        Measure::Packets => sums.add(pairs.zip(flows.packets.iter().map(|&packets| [packets]))),
        Measure::Flows => {
            let counts = flows.flows.of_rows(0..flows.len()).map(|flows| [flows]);
            sums.add(pairs.zip(counts))
        }
    }
}

/// The lesser number first: any order will do to bring both directions together, and this is fast.
#[inline]
fn sort<T: Ord + Copy>((a, b): (T, T)) -> (T, T) {
    (a.min(b), a.max(b))
}

fn halves((src, dst): (u128, u128)) -> V6Pair {
    [(src >> 64) as u64, src as u64, (dst >> 64) as u64, dst as u64]
}
