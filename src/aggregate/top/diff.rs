//! The keys that changed most from one stretch of time to another.
//!
//! One look at the flows of both keeps six counters a key, so the answer is exact, and the memory is that
//! of other sums.

use std::cmp::{Ordering, Reverse};
use std::ops::Range;

use super::counts::{Counters, Kept};
use super::field::KeyValue;
use super::groups::{Found, greatest};
use super::layout::{self, Layout};
use super::order::TopOrder;
use super::weight::{Weight, Windows};
use super::{TopOptions, layouts};
use crate::flow::{Column, Columns, FlowBatch, TimeRange, UnixMillis, rate};
use crate::store::{Result, Scan, Snapshot};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffOptions {
    /// What flows are grouped by, and what keys are ordered by: the difference of it. Rates are those
    /// over all of a window.
    pub top: TopOptions,
    /// What is held against what.
    pub windows: Windows,
}

/// The keys that changed most, and what there is in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// By how much they changed, downwards; equal ones by their values, upwards.
    pub entries: Vec<DiffEntry>,
    /// How many keys there are of each kind, in the order of [`Change::ALL`].
    pub keys: [u64; Change::ALL.len()],
    /// The counters of all flows of either window, the one that is asked about first.
    pub totals: [Counters; 2],
}

/// A key, and what its flows come to in either window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffEntry {
    /// A value for each field.
    pub key: Vec<KeyValue>,
    /// The counters of the window that is asked about, and of the one before.
    pub counters: [Counters; 2],
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It had no flows before.
    Came,
    /// There is more of it.
    Grew,
    /// There is as much as before.
    Stayed,
    /// There is less.
    Shrank,
    /// It has no flows any more.
    Went,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 5] = [Self::Came, Self::Grew, Self::Stayed, Self::Shrank, Self::Went];

    /// Its word in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Came => "came",
            Self::Grew => "grew",
            Self::Stayed => "stayed",
            Self::Shrank => "shrank",
            Self::Went => "went",
        }
    }
}

impl Diff {
    /// The keys that changed most among the flows of `snapshot` that `scans` find: scans that are each
    /// of one of the windows' [parts](Windows::parts), so that no flow is found by two of them.
    ///
    /// Exact, whatever number of keys there is.
    ///
    /// # Errors
    ///
    /// As [`over`](crate::aggregate::over).
    pub fn of(snapshot: &dyn Snapshot, scans: &[Scan], options: &DiffOptions) -> Result<Self> {
        let mut diff = Self { entries: Vec::new(), keys: [0; 5], totals: Default::default() };
        for (layout, scans) in layouts(scans, &options.top) {
            // As of tops, but of fewer sizes.
            diff.add(match layout.words() {
                0..=1 => part::<1>(snapshot, &scans, &layout, options)?,
                2..=3 => part::<3>(snapshot, &scans, &layout, options)?,
                4..=8 => part::<8>(snapshot, &scans, &layout, options)?,
                _ => part::<{ layout::MAX_WORDS }>(snapshot, &scans, &layout, options)?,
            });
        }
        let rank = |entry: &DiffEntry| Reverse(options.difference(entry).unsigned_abs());
        diff.entries.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.key.cmp(&b.key)));
        diff.entries.truncate(options.top.count.unwrap_or(usize::MAX));
        Ok(diff)
    }

    fn add(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
        self.keys.iter_mut().zip(other.keys).for_each(|(keys, more)| *keys += more);
        self.totals.iter_mut().zip(other.totals).for_each(|(sum, more)| sum.add(more));
    }
}

impl DiffOptions {
    /// What `counters` come to by what keys are ordered by, in the window that is asked about and in
    /// the one before.
    pub fn weighed(&self, counters: &[Counters; 2]) -> [u128; 2] {
        weights(counters, &self.weight())
    }

    /// By how much the key's weight is more than before.
    pub fn difference(&self, entry: &DiffEntry) -> i128 {
        let [now, before] = self.weighed(&entry.counters);
        // Numbers of flows, packets and octets are far from the greatest of these.
        now.cast_signed().wrapping_sub(before.cast_signed())
    }

    /// What became of the key.
    pub fn change(&self, entry: &DiffEntry) -> Change {
        changed(&entry.counters, &self.weight())
    }

    const fn weight(&self) -> Weight {
        Weight { order: self.top.order, windows: self.windows }
    }
}

fn part<const W: usize>(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    layout: &Layout,
    options: &DiffOptions,
) -> Result<Diff> {
    let (limits, weight) = (&options.top.limits_of_sums(), &options.weight());
    let count = options.top.count.unwrap_or(usize::MAX);
    let Found { greatest, keys, counters, .. } =
        greatest::<W, [u64; 6]>(snapshot, scans, layout, weight, (count, limits))?;
    let entry = |(key, total): ([u64; W], [u128; 6])| DiffEntry {
        key: layout.unpack(&key),
        counters: both(&total),
    };
    Ok(Diff { entries: greatest.into_iter().map(entry).collect(), keys, totals: counters })
}

/// Flows, packets and octets of the window that is asked about, and those of the one before.
impl Kept for [u64; 6] {
    const COLUMNS: Columns = Columns::of(&[Column::First]);

    fn read(flows: &FlowBatch, rows: Range<usize>, weight: &Weight, to: &mut Vec<Self>) {
        to.clear();
        let Windows { now, before } = weight.windows;
        let counters = flows.packets[rows.clone()].iter().zip(&flows.octets[rows.clone()]);
        let counters = flows.flows.of_rows(rows.clone()).zip(counters);
        to.extend(flows.first_ms[rows].iter().zip(counters).map(
            |(&first, (flows, (&packets, &octets)))| {
                let mut sums = [0; 6];
                let (of_now, of_before) = sums.split_at_mut(3);
                for (window, to) in [(&now, of_now), (&before, of_before)] {
                    if window.contains(UnixMillis(first)) {
                        to.copy_from_slice(&[flows, packets, octets]);
                    }
                }
                sums
            },
        ));
    }

    fn rank(total: &[u128; 6], weight: &Weight) -> u128 {
        let [now, before] = weights(&both(total), weight);
        now.abs_diff(before)
    }

    fn kind(total: &[u128; 6], weight: &Weight) -> usize {
        changed(&both(total), weight) as usize
    }
}

fn both(sums: &[u128; 6]) -> [Counters; 2] {
    [0, 3].map(|at| Counters { flows: sums[at], packets: sums[at + 1], octets: sums[at + 2] })
}

fn weights([now, before]: &[Counters; 2], weight: &Weight) -> [u128; 2] {
    let Weight { order, windows } = weight;
    [weighed(now, *order, &windows.now), weighed(before, *order, &windows.before)]
}

/// What `counters` of `window` come to by `order`; rates are those over all of the window.
fn weighed(counters: &Counters, order: TopOrder, window: &TimeRange) -> u128 {
    let millis = window.until - window.since;
    match order {
        TopOrder::Measure(measure) => counters.get(measure),
        TopOrder::PacketsASecond => rate(counters.packets, 1000, millis),
        TopOrder::BitsASecond => rate(counters.octets, 8000, millis),
        TopOrder::OctetsAPacket => counters.octets_a_packet(),
    }
}

fn changed(counters: &[Counters; 2], weight: &Weight) -> Change {
    let [now, before] = weights(counters, weight);
    match (counters[0].flows, counters[1].flows, now.cmp(&before)) {
        (_, 0, _) => Change::Came,
        (0, ..) => Change::Went,
        (.., Ordering::Greater) => Change::Grew,
        (.., Ordering::Equal) => Change::Stayed,
        (.., Ordering::Less) => Change::Shrank,
    }
}
