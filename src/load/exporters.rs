//! What came from each exporter, and what became of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::flow::UnixMillis;
use crate::store::{Ahead, Clock};

/// So many exporters are told apart; the others are counted together.
pub const MAX_EXPORTERS: usize = 16_384;

/// The ledger names so many exporters whose clocks run ahead; flows of all of them are counted.
/// So it does of anything else that few exporters have.
pub const MAX_AHEAD: usize = 1024;

/// What came from one exporter.
///
/// `datagrams = decoded + duplicates + malformed + waiting + given_up + not_flow_export`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    /// Datagrams read.
    pub datagrams: u64,
    /// Datagrams decoded, new to the store.
    pub decoded: u64,
    /// Datagrams that were met before.
    pub duplicates: u64,
    /// Datagrams that could not be decoded.
    pub malformed: u64,
    /// Datagrams that wait for a template.
    pub waiting: u64,
    /// Datagrams that had no room to wait for a template.
    #[serde(default)]
    pub given_up: u64,
    /// Datagrams that are no flow export.
    pub not_flow_export: u64,
    /// Flows stored.
    pub flows: u64,
    /// Records of which no flow could be made.
    #[serde(default)]
    pub rejected: u64,
    /// Datagrams that were decoded in part, for something in them could not be read.
    #[serde(default)]
    pub faulty: u64,
    /// Flows with a time that nobody can have meant; another stands for it.
    #[serde(default)]
    pub not_believed: u64,
    /// Templates that one of its UDP ports defined otherwise than another, in the same domain.
    #[serde(default)]
    pub conflicting_templates: u64,
    /// Flows that came before it told, by options, how it samples.
    #[serde(default)]
    pub flows_before_rate: u64,
    /// Flows among these that were moved, because the exporter's clock runs ahead.
    #[serde(default)]
    pub moved: u64,
    /// How far it does.
    #[serde(default)]
    pub clock_ahead: Option<ClockAhead>,
    /// How far its clock is from the receipt, or the capture's, where that is more than a day and
    /// its flows stay.
    #[serde(default)]
    pub clock_off: Option<ClockOff>,
}

/// How far an exporter's clock was from that of who received what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockOff {
    /// By how many milliseconds it was ahead at last; behind where that is negative.
    pub ahead_ms: i64,
    /// When the first datagram came that was sent so.
    #[serde(with = "crate::flow::text")]
    pub since: UnixMillis,
    /// When the last one came.
    #[serde(with = "crate::flow::text")]
    pub until: UnixMillis,
    /// How many did.
    pub datagrams: u64,
}

/// How far an exporter's clock was ahead of the receipt of what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockAhead {
    /// By the last datagram that was, in milliseconds.
    pub by_ms: u64,
    /// When the first one that was came.
    #[serde(with = "crate::flow::text")]
    pub since: UnixMillis,
    /// When the last one that was came.
    #[serde(with = "crate::flow::text")]
    pub until: UnixMillis,
}

impl Exported {
    /// Enters a datagram that came at `received` and was sent `by_ms` later; says whether it is the
    /// first one.
    pub(super) fn ahead(&mut self, by_ms: u64, received: UnixMillis) -> bool {
        let known = self.clock_ahead;
        let since = known.map_or(received, |known| known.since.min(received));
        let until = known.map_or(received, |known| known.until.max(received));
        self.clock_ahead = Some(ClockAhead { by_ms, since, until });
        known.is_none()
    }

    /// Enters a datagram that came at `received`, by a clock that was `ahead_ms` ahead of that, and
    /// whose flows stay; says whether it is the first one.
    pub(super) fn off(&mut self, ahead_ms: i64, received: UnixMillis) -> bool {
        let known = self.clock_off;
        self.clock_off = Some(ClockOff {
            ahead_ms,
            since: known.map_or(received, |known| known.since.min(received)),
            until: known.map_or(received, |known| known.until.max(received)),
            datagrams: known.map_or(0, |known| known.datagrams) + 1,
        });
        known.is_none()
    }
}

/// Counts of each exporter.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByExporter<T> {
    counts: Vec<(IpAddr, T)>,
    places: HashMap<IpAddr, usize>,
    /// Those of the exporters beyond [`MAX_EXPORTERS`].
    others: T,
    /// The place that was asked for last: datagrams of one exporter often follow each other.
    last: usize,
}

impl<T: Copy + Default + PartialEq> ByExporter<T> {
    /// The counts of `exporter`, to be added to.
    pub(crate) fn of(&mut self, exporter: IpAddr) -> &mut T {
        if self.counts.get(self.last).is_none_or(|(known, _)| *known != exporter) {
            let next = self.counts.len();
            self.last = match self.places.get(&exporter) {
                Some(&place) => place,
                None if next >= MAX_EXPORTERS => return &mut self.others,
                None => {
                    self.counts.push((exporter, T::default()));
                    self.places.insert(exporter, next);
                    next
                }
            };
        }
        &mut self.counts[self.last].1
    }

    /// Each exporter with its counts; without an address, those of all others together.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Option<IpAddr>, T)> {
        let others = (self.others != T::default()).then_some((None, self.others));
        self.counts.iter().map(|&(exporter, counts)| (Some(exporter), counts)).chain(others)
    }
}

impl ByExporter<Exported> {
    /// Those with most of what `count` counts, if they have any, as far as the ledger names them.
    pub(super) fn most(&self, count: impl Fn(&Exported) -> u64) -> BTreeMap<IpAddr, u64> {
        let counts = self.counts.iter().map(|(exporter, counts)| (*exporter, count(counts)));
        let mut most: Vec<_> = counts.filter(|&(_, count)| count > 0).collect();
        most.sort_by_key(|&(_, count)| Reverse(count));
        most.truncate(MAX_AHEAD);
        most.into_iter().collect()
    }

    /// Those whose clock runs ahead and whose flows are moved, most flows first.
    pub(super) fn ahead(&self) -> Vec<Ahead> {
        let ahead = |&(exporter, exported): &(IpAddr, Exported)| {
            let ClockAhead { by_ms, since, .. } = exported.clock_ahead?;
            Some(Ahead { exporter, by_ms, since, flows: exported.moved })
        };
        let mut all: Vec<Ahead> = self.counts.iter().filter_map(ahead).collect();
        all.sort_by_key(|ahead| Reverse(ahead.flows));
        all.truncate(MAX_AHEAD);
        all
    }

    /// Those whose clock is off and whose flows stay, most datagrams first.
    pub(super) fn clocks(&self) -> Vec<Clock> {
        let off = |&(exporter, exported): &(IpAddr, Exported)| {
            let ClockOff { ahead_ms, since, datagrams, .. } = exported.clock_off?;
            Some(Clock { exporter, ahead_ms, since, datagrams })
        };
        let mut all: Vec<Clock> = self.counts.iter().filter_map(off).collect();
        all.sort_by_key(|clock| std::cmp::Reverse(clock.datagrams));
        all.truncate(MAX_AHEAD);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exporters_beyond_the_limit_are_counted_together() {
        let mut exporters = ByExporter::<Exported>::default();
        for number in 0..MAX_EXPORTERS as u32 + 5 {
            exporters.of(IpAddr::from(number.to_be_bytes())).datagrams += 1;
            exporters.of(IpAddr::from([0, 0, 0, 7])).flows += 1;
        }
        let all: Vec<_> = exporters.iter().collect();
        assert_eq!(all.len(), MAX_EXPORTERS + 1);
        let seventh = all.iter().find(|one| one.0 == Some(IpAddr::from([0, 0, 0, 7])));
        assert_eq!(seventh.map(|one| one.1.flows), Some(MAX_EXPORTERS as u64 + 5));
        assert_eq!((all[MAX_EXPORTERS].0, all[MAX_EXPORTERS].1.datagrams), (None, 5));
    }
}
