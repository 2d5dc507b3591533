//! How much there is in all.

use serde::Serialize;

use super::Aggregate;
use crate::flow::{Column, Columns, Family, FlowBatch, UnixMillis};
use crate::store::Result;

/// The sums of all flows, by address family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// The flows between IPv4 addresses.
    pub v4: FamilyTotals,
    /// The flows between IPv6 addresses.
    pub v6: FamilyTotals,
}

/// The sums of some flows, and the time that they span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FamilyTotals {
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
    pub fn all(&self) -> FamilyTotals {
        self.v4.and(&self.v6)
    }
}

impl FamilyTotals {
    fn of(flows: &FlowBatch) -> Self {
        let last = |(&first, &duration): (&u64, &u32)| first.saturating_add(duration.into());
        Self {
            flows: flows.len() as u64,
            octets: flows.octets.iter().map(|&octets| u128::from(octets)).sum(),
            packets: flows.packets.iter().map(|&packets| u128::from(packets)).sum(),
            first: flows.first_ms.iter().min().copied().map(UnixMillis),
            last: flows.first_ms.iter().zip(&flows.duration_ms).map(last).max().map(UnixMillis),
        }
    }

    fn and(&self, other: &Self) -> Self {
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
        *to = to.and(&FamilyTotals::of(flows));
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.v4 = self.v4.and(&other.v4);
        self.v6 = self.v6.and(&other.v6);
        Ok(())
    }
}
