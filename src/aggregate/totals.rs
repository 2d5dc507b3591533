//! How much there is in all.

use serde::Serialize;

use super::Aggregate;
use crate::flow::{Column, Columns, Family, FlowBatch, UnixMillis};
use crate::store::Result;

/// The sums of all flows, by address family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// The flows between IPv4 addresses.
    pub v4: FlowTotals,
    /// The flows between IPv6 addresses.
    pub v6: FlowTotals,
}

/// The sums of some flows, and the time that they span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FlowTotals {
    /// How many there are.
    pub flows: u64,
    /// Their layer-3 bytes.
    pub octets: u128,
    /// Their packets.
    pub packets: u128,
    /// When the first of them began. None where there are none.
    pub first: Option<UnixMillis>,
    /// When the last of them ended.
    pub last: Option<UnixMillis>,
}

impl Totals {
    /// What a scan must read.
    pub const COLUMNS: Columns =
        Columns::of(&[Column::First, Column::Duration, Column::Octets, Column::Packets]);

    /// Both families together.
    pub fn all(&self) -> FlowTotals {
        self.v4.and(&self.v6)
    }
}

impl FlowTotals {
    /// So many flows more, the first of which began at `first`, and the last of which ended at
    /// `last`.
    #[inline]
    pub(super) fn add(&mut self, flows: u64, (first, last): (u64, u64), octets: u64, packets: u64) {
        self.flows += flows;
        self.octets += u128::from(octets);
        self.packets += u128::from(packets);
        self.first =
            Some(self.first.map_or(UnixMillis(first), |known| known.min(UnixMillis(first))));
        self.last = self.last.max(Some(UnixMillis(last)));
    }

    /// How long the time is that they span, in milliseconds; 0 where there are none.
    pub fn span_ms(&self) -> u64 {
        self.first.zip(self.last).map_or(0, |(first, last)| last - first)
    }

    fn of(flows: &FlowBatch) -> Self {
        let last = |(&first, &duration): (&u64, &u32)| first.saturating_add(duration.into());
        Self {
            flows: flows.flow_count(),
            octets: flows.octets.iter().map(|&octets| u128::from(octets)).sum(),
            packets: flows.packets.iter().map(|&packets| u128::from(packets)).sum(),
            first: flows.first_ms.iter().min().copied().map(UnixMillis),
            last: flows.first_ms.iter().zip(&flows.duration_ms).map(last).max().map(UnixMillis),
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            flows: self.flows + other.flows,
            octets: self.octets + other.octets,
            packets: self.packets + other.packets,
            // None is less than any time, so it loses against the later end, not the earlier start.
            first: self.first.into_iter().chain(other.first).min(),
            last: self.last.max(other.last),
        }
    }
}

impl Aggregate for Totals {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let to = match flows.family() {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        };
        *to = to.and(&FlowTotals::of(flows));
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.v4 = self.v4.and(&other.v4);
        self.v6 = self.v6.and(&other.v6);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A batch of flows: first, duration, octets and packets of each.
    fn batch(family: Family, flows: &[(u64, u32, u64, u64)]) -> FlowBatch {
        let mut batch = FlowBatch::new(family);
        for &(first, duration, octets, packets) in flows {
            batch.first_ms.push(first);
            batch.duration_ms.push(duration);
            batch.octets.push(octets);
            batch.packets.push(packets);
        }
        batch.set_len(flows.len());
        batch
    }

    fn any_flows() -> impl Strategy<Value = Vec<(u64, u32, u64, u64)>> {
        let count = || prop_oneof![0u64..9, Just(u64::MAX)];
        prop::collection::vec((0u64..99, 0u32..99, count(), count()), 0..20)
    }

    proptest! {
        #[test]
        fn totals_are_the_same_in_any_parts_and_order(v4 in any_flows(), v6 in any_flows(), cut in 0usize..20) {
            let (head, tail) = v4.split_at(cut.min(v4.len()));
            let mut whole = Totals::default();
            whole.observe(&batch(Family::V4, tail)).unwrap();
            let mut other = Totals::default();
            other.observe(&batch(Family::V6, &v6)).unwrap();
            other.observe(&batch(Family::V4, head)).unwrap();
            whole.merge(other).unwrap();
            for (totals, flows) in [(whole.v4, &v4), (whole.v6, &v6), (whole.all(), &[v4.clone(), v6.clone()].concat())] {
                let expected = FlowTotals {
                    flows: flows.len() as u64,
                    octets: flows.iter().map(|flow| u128::from(flow.2)).sum(),
                    packets: flows.iter().map(|flow| u128::from(flow.3)).sum(),
                    first: flows.iter().map(|flow| UnixMillis(flow.0)).min(),
                    last: flows.iter().map(|flow| UnixMillis(flow.0 + u64::from(flow.1))).max(),
                };
                prop_assert_eq!(totals, expected);
            }
        }
    }
}
