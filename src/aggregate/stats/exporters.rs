//! Sums by exporter.

use std::net::IpAddr;
use std::sync::Arc;

use super::groups::Groups;
use crate::aggregate::FlowTotals;
use crate::flow::Source;

/// Sums by source for as long as batches count in the same list of them, which the regions of a
/// store mostly do; then by exporter.
#[derive(Debug, Default)]
pub(super) struct Exporters {
    groups: Groups<IpAddr>,
    sources: Arc<Vec<Source>>,
    by_source: Vec<FlowTotals>,
    /// Flows whose source nobody knows.
    unknown: FlowTotals,
}

impl Exporters {
    /// From now on flows count in `sources`.
    pub(super) fn count_in(&mut self, sources: &Arc<Vec<Source>>) {
        if !Arc::ptr_eq(sources, &self.sources) {
            self.settle();
            self.sources = Arc::clone(sources);
            self.by_source.resize(sources.len(), FlowTotals::default());
        }
    }

    /// The totals of the source at this place.
    #[inline]
    pub(super) fn of(&mut self, source: u32) -> &mut FlowTotals {
        self.by_source.get_mut(source as usize).unwrap_or(&mut self.unknown)
    }

    pub(super) fn merge(&mut self, mut other: Self) {
        other.settle();
        self.groups.merge(other.groups);
    }

    /// The totals by exporter, in the order of addresses, and those of exporters beyond them.
    pub(super) fn finish(mut self) -> (impl Iterator<Item = (IpAddr, FlowTotals)>, FlowTotals) {
        self.settle();
        let (groups, others) = self.groups.finish();
        (groups, others)
    }

    /// Adds up sources of one exporter.
    fn settle(&mut self) {
        for (source, totals) in self.sources.iter().zip(self.by_source.drain(..)) {
            if totals.flows > 0 {
                self.groups.add(source.exporter, &totals);
            }
        }
        if self.unknown.flows > 0 {
            self.groups.add(IpAddr::from([0, 0, 0, 0]), &std::mem::take(&mut self.unknown));
        }
    }
}
