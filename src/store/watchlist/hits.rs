//! What was hit: sums by indicator, and by who dealt with it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Found, Indicator, WatchList};
use crate::flow::{FlowBatch, UnixMillis};

/// Of so many addresses that dealt with an indicator, the least ones, it is kept which they are; so
/// the same are kept in whatever order flows come.
pub const MAX_OTHERS: usize = 1_000;
/// Of so many indicators of a list it is kept that they were hit: of those that were seen last.
pub const MAX_HIT: usize = 100_000;
/// So many addresses that dealt with indicators are kept of a list, alike many of each indicator.
const MAX_OTHERS_OF_LIST: usize = 250_000;

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
    /// more than [`MAX_OTHERS`], and fewer of a list of very many hits.
    pub others: Vec<(IpAddr, Sum)>,
}

/// What was hit of a list. It is kept as a map by what indicators are called, with what was left out as
/// one more entry where that is anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hits {
    /// By what indicators are called.
    seen: BTreeMap<String, Seen>,
    /// How often an indicator was left out that was hit, to keep within [`MAX_HIT`].
    left_out: u64,
}

/// Under this, which is no indicator, it is kept how many were left out.
const LEFT_OUT: &str = "leftOut";

impl Serialize for Hits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (indicator, seen) in &self.seen {
            map.serialize_entry(indicator, seen)?;
        }
        if self.left_out > 0 {
            map.serialize_entry(LEFT_OUT, &self.left_out)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Hits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

/// Reads hits entry by entry.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Hits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what was hit, by indicators")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hits, A::Error> {
        let mut hits = Hits::default();
        while let Some(indicator) = map.next_key::<String>()? {
            if indicator == LEFT_OUT {
                hits.left_out = map.next_value()?;
            } else {
                hits.seen.insert(indicator, map.next_value()?);
            }
        }
        Ok(hits)
    }
}

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
        let Some(known) = self.seen.get_mut(&indicator) else {
            self.seen.insert(indicator, seen);
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
        for (indicator, seen) in other.seen {
            self.take(indicator, seen);
        }
        self.left_out += other.left_out;
        self.bound();
    }

    /// Leaves out what is beyond the bounds of a list.
    pub(crate) fn bound(&mut self) {
        self.bound_to(MAX_HIT, MAX_OTHERS_OF_LIST);
    }

    /// Keeps so many indicators, and so many addresses beside them. Room is made for many at once, as all
    /// are looked at for it.
    fn bound_to(&mut self, most: usize, most_others: usize) {
        let before = self.seen.len();
        if before > most {
            let order = self.seen.iter().map(|(name, seen)| (Reverse(seen.sum.last), &**name));
            let mut order: Vec<(Reverse<UnixMillis>, &str)> = order.collect();
            let (_, &mut (last, name), _) = order.select_nth_unstable(most - most / 8);
            let name = name.to_owned();
            self.seen.retain(|other, seen| (Reverse(seen.sum.last), &**other) < (last, &*name));
            self.left_out += (before - self.seen.len()) as u64;
        }
        let others = |each: usize, seen: &BTreeMap<String, Seen>| -> usize {
            seen.values().map(|seen| seen.others.len().min(each)).sum()
        };
        if others(MAX_OTHERS, &self.seen) <= most_others {
            return;
        }
        let mut each = MAX_OTHERS;
        while each > 1 && others(each, &self.seen) > most_others - most_others / 8 {
            each /= 2;
        }
        for seen in self.seen.values_mut() {
            while seen.others.len() > each {
                seen.others.pop_last();
            }
        }
    }

    /// How often an indicator was left out that was hit.
    pub(crate) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Forgets what was hit of `indicator`.
    pub(crate) fn forget(&mut self, indicator: &str) {
        self.seen.remove(indicator);
    }

    /// Whether nothing was hit.
    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The flows of each indicator.
    pub(crate) fn sums(&self) -> impl Iterator<Item = &Sum> {
        self.seen.values().map(|seen| &seen.sum)
    }

    /// Hits of `list`, that of most flows first.
    pub(crate) fn told(self, list: &WatchList) -> Vec<Hit> {
        // A million indicators have names, and few of them are asked for.
        let of_name: HashMap<String, &Indicator> = list
            .indicators
            .iter()
            .map(|indicator| (indicator.to_string(), indicator))
            .filter(|(name, _)| self.seen.contains_key(name))
            .collect();
        let hit = |(indicator, Seen { sum, others }): (String, Seen)| {
            let listed = of_name.get(&indicator);
            let note = listed.and_then(|listed| listed.note.clone());
            let (listed, others) = (listed.is_some(), others.into_iter().collect());
            Hit { indicator, note, listed, sum, others }
        };
        let mut hits: Vec<Hit> = self.seen.into_iter().map(hit).collect();
        hits.sort_by_key(|hit| Reverse(hit.sum.flows));
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

    #[test]
    fn of_very_many_those_that_were_seen_last_are_kept_and_the_rest_is_counted() {
        let mut hits = Hits::default();
        for number in 0..20_u32 {
            for other in 0..10_u32 {
                let at = sum(u64::from(number * 100 + other));
                hits.enter(format!("10.0.0.{number:02}"), IpAddr::V4(other.into()), &at);
            }
        }
        let mut same = hits.clone();
        same.bound_to(20, 200);
        assert_eq!(same, hits);
        hits.bound_to(16, 60);
        let kept: Vec<&str> = hits.seen.keys().map(String::as_str).collect();
        let expected: Vec<String> = (6..20).map(|number| format!("10.0.0.{number:02}")).collect();
        assert_eq!((kept, hits.left_out()), (expected.iter().map(String::as_str).collect(), 6));
        // Of 1000, 500 and so on down to 3 of each, 42 are within 60 less an eighth.
        for seen in hits.seen.values() {
            let others: Vec<IpAddr> = seen.others.keys().copied().collect();
            assert_eq!(others, [0, 1, 2].map(|other: u32| IpAddr::V4(other.into())));
            assert_eq!(seen.sum.flows, 10);
        }
        let kept = serde_json::to_string(&hits).unwrap();
        assert!(
            kept.starts_with("{\"10.0.0.06\":{") && kept.ends_with(",\"leftOut\":6}"),
            "{kept}"
        );
        assert_eq!(serde_json::from_str::<Hits>(&kept).unwrap(), hits);
        let mut more = Hits::default();
        more.merge(hits.clone());
        assert_eq!(more, hits);
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
