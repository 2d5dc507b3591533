//! What was hit: sums by indicator, and by who dealt with it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Found, Indicator, WatchList};
use crate::flow::{FlowBatch, UnixMillis};

/// Of so many addresses that dealt with an indicator, the least ones, it is kept which they are; so
/// the same are kept in whatever order flows come.
pub const MAX_OTHERS: usize = 1_000;

/// What some flows come to, with counters as exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// When the first of them began.
    pub first: UnixMillis,
    /// When the last of them ended.
    pub last: UnixMillis,
    /// How many there are.
    pub flows: u64,
    /// Their packets.
    pub packets: u128,
    /// Their layer-3 bytes.
    pub octets: u128,
}

impl Sum {
    /// The flow at `row`.
    pub(crate) fn of(batch: &FlowBatch, row: usize) -> Self {
        let first = UnixMillis(batch.first_ms[row]);
        Self {
            first,
            last: first + u64::from(batch.duration_ms[row]),
            flows: 1,
            packets: batch.packets[row].into(),
            octets: batch.octets[row].into(),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.flows += other.flows;
        self.packets += other.packets;
        self.octets += other.octets;
    }
}

/// An indicator that was hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it is called.
    pub indicator: String,
    /// What the list says of it.
    pub note: Option<Box<str>>,
    /// Whether it is in the list still.
    pub listed: bool,
    /// The flows.
    pub sum: Sum,
    /// The addresses that dealt with it, rising, each with its flows: the least ones, where there are
    /// more than [`MAX_OTHERS`].
    pub others: Vec<(IpAddr, Sum)>,
}

/// What was hit of a list, by what indicators are called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hits(BTreeMap<String, Seen>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    sum: Sum,
    others: BTreeMap<IpAddr, Sum>,
}

impl Hits {
    /// The flows of `batch` that were found.
    pub(crate) fn of(list: &WatchList, batch: &FlowBatch, found: &[Found]) -> Self {
        let mut hits = Self::default();
        for found in found {
            let indicator = &list.indicators[found.place as usize];
            hits.enter(indicator.to_string(), found.other, &Sum::of(batch, found.row));
        }
        hits
    }

    /// Enters flows that `other` had with `indicator`.
    pub(crate) fn enter(&mut self, indicator: String, other: IpAddr, sum: &Sum) {
        self.take(indicator, Seen { sum: *sum, others: [(other, *sum)].into() });
    }

    fn take(&mut self, indicator: String, seen: Seen) {
        let Some(known) = self.0.get_mut(&indicator) else {
            self.0.insert(indicator, seen);
            return;
        };
        known.sum.merge(&seen.sum);
        for (other, sum) in seen.others {
            known.others.entry(other).and_modify(|known| known.merge(&sum)).or_insert(sum);
        }
        // Who is among the least ones has always been, so of those that are kept nothing is missing.
        while known.others.len() > MAX_OTHERS {
            known.others.pop_last();
        }
    }

    /// Takes in what else was hit.
    pub(crate) fn merge(&mut self, other: Self) {
        for (indicator, seen) in other.0 {
            self.take(indicator, seen);
        }
    }

    /// Forgets what was hit of `indicator`.
    pub(crate) fn forget(&mut self, indicator: &str) {
        self.0.remove(indicator);
    }

    /// Whether nothing was hit.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The flows of each indicator.
    pub(crate) fn sums(&self) -> impl Iterator<Item = &Sum> {
        self.0.values().map(|seen| &seen.sum)
    }

    /// Hits of `list`, that of most flows first.
    pub(crate) fn told(self, list: &WatchList) -> Vec<Hit> {
        // A million indicators have names, and few of them are asked for.
        let of_name: HashMap<String, &Indicator> = list
            .indicators
            .iter()
            .map(|indicator| (indicator.to_string(), indicator))
            .filter(|(name, _)| self.0.contains_key(name))
            .collect();
        let hit = |(indicator, Seen { sum, others }): (String, Seen)| {
            let listed = of_name.get(&indicator);
            let note = listed.and_then(|listed| listed.note.clone());
            let (listed, others) = (listed.is_some(), others.into_iter().collect());
            Hit { indicator, note, listed, sum, others }
        };
        let mut hits: Vec<Hit> = self.0.into_iter().map(hit).collect();
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.sum.flows));
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(number: u64) -> Sum {
        let (first, last) = (UnixMillis(number), UnixMillis(number + 5));
        Sum { first, last, flows: 1, packets: number.into(), octets: 1 }
    }

    proptest! {
        #[test]
        fn the_order_of_flows_makes_no_difference(
            flows in proptest::collection::vec((0..3_u8, 0..2_000_u32, 0..100_u64), 0..3_000),
            cut in 0..3_000_usize,
        ) {
            let all = |flows: &mut dyn Iterator<Item = &(u8, u32, u64)>| {
                let mut hits = Hits::default();
                for (indicator, other, number) in flows {
                    hits.enter(indicator.to_string(), IpAddr::V4((*other).into()), &sum(*number));
                }
                hits
            };
            let (one, other) = flows.split_at(cut.min(flows.len()));
            let mut parts = all(&mut other.iter().rev());
            parts.merge(all(&mut one.iter()));
            prop_assert_eq!(parts, all(&mut flows.iter()));
        }
    }
}
