//! What came from each exporter, and what became of it.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// So many exporters are told apart; the others are counted together.
pub const MAX_EXPORTERS: usize = 16_384;

/// What came from one exporter.
///
/// `datagrams = decoded + duplicates + malformed + waiting + not_flow_export`.
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
    /// Datagrams that are no flow export.
    pub not_flow_export: u64,
    /// Flows stored.
    pub flows: u64,
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
