//! What some flows come to.

use crate::flow::{FlowBatch, saturated_u32};

/// What some flows come to: their number, their counters, when the first of them began and when the
/// last of them ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) flows: u64,
    pub(super) octets: u64,
    pub(super) packets: u64,
    pub(super) first: u64,
    last: u64,
}

impl Sum {
    /// The flow at `row`.
    #[inline]
    pub(super) fn of(flows: &FlowBatch, row: usize) -> Self {
        let first = flows.first_ms[row];
        Self {
            flows: 1,
            octets: flows.octets[row],
            packets: flows.packets[row],
            first,
            last: first.saturating_add(flows.duration_ms[row].into()),
        }
    }

    /// So much at one moment.
    pub(super) fn at(moment: u64, flows: u64, octets: u64, packets: u64) -> Self {
        Self { flows, octets, packets, first: moment, last: moment }
    }

    pub(super) fn has_traffic(&self) -> bool {
        self.octets != 0 || self.packets != 0
    }

    /// Adds `more`. Where its counters would not fit into 64 bits any more, multiplied by `factor`,
    /// it is `more` alone from then on, and what it was is given back: a row that stands for several
    /// flows scales as they do.
    #[inline]
    pub(super) fn add(&mut self, more: Self, factor: u64) -> Option<Self> {
        let sum = |a: u64, b: u64| {
            let sum = a.checked_add(b)?;
            sum.checked_mul(factor).map(|_| sum)
        };
        let both = sum(self.octets, more.octets).zip(sum(self.packets, more.packets));
        let Some((octets, packets)) = both else { return Some(std::mem::replace(self, more)) };
        *self = Self {
            flows: self.flows + more.flows,
            octets,
            packets,
            first: self.first.min(more.first),
            last: self.last.max(more.last),
        };
        None
    }

    /// The sum as rows, each with how long it lasts: mostly one. Where the last flow ended too long
    /// after the first began, a row of no flow says when.
    pub(super) fn rows(self) -> impl Iterator<Item = (Self, u32)> {
        let duration = self.last - self.first;
        let longest = u64::from(u32::MAX);
        let end = (duration > longest).then(|| {
            let none = Self { flows: 0, octets: 0, packets: 0, ..self };
            (Self { first: self.last - longest, ..none }, u32::MAX)
        });
        [(self, saturated_u32(duration))].into_iter().chain(end)
    }
}
