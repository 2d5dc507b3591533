//! What there is: sums of everything, by protocol, by exporter and by day.

mod days;
mod exporters;
mod groups;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use jiff::tz::TimeZone;

use days::Days;
pub(super) use days::quarters;
use exporters::Exporters;
pub use groups::MAX_GROUPS;

use super::{Aggregate, FlowTotals, Totals, over};
use crate::flow::{Column, Columns, FlowBatch, Protocol, UnixMillis};
use crate::query::Lookup;
use crate::store::{Result, Rows, Snapshot};

/// Sums of flows: all, and in groups.
///
/// Of exporters and of days, the first [`MAX_GROUPS`] are told apart, in the order of their
/// addresses and of time; who forges either does not fill the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// All of them, by family.
    pub totals: Totals,
    /// Those among them of no packet and no octet: what firewalls and NATs tell of connections and
    /// translations, beside or in place of their traffic.
    pub without_traffic: u64,
    /// By protocol, those with most octets first.
    pub protocols: Vec<(Protocol, FlowTotals)>,
    /// By exporter, those with most octets first.
    pub exporters: Vec<(IpAddr, FlowTotals)>,
    /// The flows of exporters beyond these.
    pub other_exporters: FlowTotals,
    /// By the day on which they began, which is given by its midnight, in the order of time.
    pub days: Vec<(UnixMillis, FlowTotals)>,
    /// The flows of days after these.
    pub later_days: FlowTotals,
}

impl Stats {
    /// What a lookup must read.
    pub const COLUMNS: Columns = Columns::of(&[
        Column::First,
        Column::Duration,
        Column::Octets,
        Column::Packets,
        Column::Protocol,
        Column::Source,
    ]);

    /// What rows may stand for, where days are as the clocks of `zone` have them.
    fn rows(zone: &TimeZone) -> Rows {
        let by = Columns::of(&[Column::Protocol, Column::Source]);
        quarters(zone).map_or(Rows::Flows, |within_ms| Rows::Sums { by, within_ms })
    }

    /// The sums of the flows that `lookup` finds, by days as the clocks of `zone` have them.
    ///
    /// # Errors
    ///
    /// As [`over`].
    pub fn of(snapshot: &dyn Snapshot, lookup: &Lookup, zone: &TimeZone) -> Result<Self> {
        let lookup = lookup.clone().of(Self::rows(zone));
        Ok(over(snapshot, lookup.scans(), || Sums::new(zone.clone()))?.finish())
    }
}

/// The sums while they are made.
struct Sums {
    totals: Totals,
    without_traffic: u64,
    protocols: Vec<FlowTotals>,
    exporters: Exporters,
    days: Days,
}

impl Sums {
    fn new(zone: TimeZone) -> Self {
        Self {
            totals: Totals::default(),
            without_traffic: 0,
            protocols: vec![FlowTotals::default(); 256],
            exporters: Exporters::default(),
            days: Days::new(zone),
        }
    }

    fn finish(self) -> Stats {
        let (exporters, other_exporters) = self.exporters.finish();
        let (days, later_days) = self.days.finish();
        let mut protocols: Vec<(Protocol, FlowTotals)> = (0..=u8::MAX)
            .map(Protocol)
            .zip(self.protocols)
            .filter(|(_, totals)| totals.flows > 0)
            .collect();
        let mut exporters: Vec<_> = exporters.collect();
        // Stable sorts: equal ones stay in the order of their numbers and addresses.
        protocols.sort_by_key(|(_, totals)| std::cmp::Reverse(totals.octets));
        exporters.sort_by_key(|(_, totals)| std::cmp::Reverse(totals.octets));
        Stats {
            totals: self.totals,
            without_traffic: self.without_traffic,
            protocols,
            exporters,
            other_exporters,
            days: days.collect(),
            later_days,
        }
    }
}

impl Aggregate for Sums {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        self.totals.observe(flows)?;
        self.without_traffic += flows.without_traffic();
        self.exporters.count_in(&flows.sources);
        for row in 0..flows.len() {
            let first = flows.first_ms[row];
            let time = (first, first.saturating_add(flows.duration_ms[row].into()));
            let (octets, packets) = (flows.octets[row], flows.packets[row]);
            let count = flows.flows.of(row);
            self.protocols[usize::from(flows.protocol[row])].add(count, time, octets, packets);
            self.exporters.of(flows.source[row]).add(count, time, octets, packets);
            self.days.of(first).add(count, time, octets, packets);
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.totals.merge(other.totals)?;
        self.without_traffic += other.without_traffic;
        for (to, more) in self.protocols.iter_mut().zip(&other.protocols) {
            *to = to.and(more);
        }
        self.exporters.merge(other.exporters);
        self.days.merge(other.days);
        Ok(())
    }
}
