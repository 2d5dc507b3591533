//! The octets and packets of flows in equal stretches of time, spread over those in which they lasted.

use super::sum::Sum;
use crate::flow::{FlowBatch, UnixMillis, shares};

/// A flow is spread over so many stretches at most, on average: whoever forges long ones is not
/// worth the time.
const MAX_STRETCHES: u64 = 64;

/// What flows that began on one day sent in each stretch of so many milliseconds since 1970, and how
/// many began in it.
pub(super) struct Shares {
    width_ms: u64,
    /// The number of the stretch of the first cell.
    begin: u64,
    cells: Vec<Cell>,
    flows: u64,
    in_all: u64,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    /// Whether any flow lasted in it.
    is_used: bool,
    octets: u128,
    packets: u128,
    flows: u64,
}

impl Shares {
    /// None yet, of flows that began on the day of `first`.
    pub(super) fn new(width_ms: u64, first: UnixMillis) -> Self {
        let width_ms = width_ms.max(1);
        let begin = UnixMillis::of_day(first.day()).0 / width_ms;
        Self { width_ms, begin, cells: Vec::new(), flows: 0, in_all: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether they may come to something.
    pub(super) fn are_worth_it(&self, most_rows: usize) -> bool {
        self.in_all / MAX_STRETCHES <= self.flows && self.cells.len() <= most_rows
    }

    pub(super) fn observe(&mut self, flows: &FlowBatch) {
        self.flows += flows.len() as u64;
        for row in 0..flows.len() {
            let first = flows.first_ms[row];
            let end = first.saturating_add(flows.duration_ms[row].into());
            let octets = shares(first, end, flows.octets[row], self.width_ms);
            let packets = shares(first, end, flows.packets[row], self.width_ms);
            self.cell(first / self.width_ms).flows += 1;
            for ((stretch, octets), (_, packets)) in octets.zip(packets) {
                let cell = self.cell(stretch);
                cell.octets += octets;
                cell.packets += packets;
                self.in_all += 1;
            }
        }
    }

    fn cell(&mut self, stretch: u64) -> &mut Cell {
        // No flow lasts longer than 49.7 days.
        let at = stretch.saturating_sub(self.begin) as usize;
        if at >= self.cells.len() {
            self.cells.resize(at + 1, Cell::default());
        }
        self.cells[at].is_used = true;
        &mut self.cells[at]
    }

    /// A row for each stretch in which a flow lasted, more where counters are too large for one.
    pub(super) fn finish(self) -> impl Iterator<Item = Sum> {
        let width_ms = self.width_ms;
        (self.begin..).zip(self.cells).flat_map(move |(stretch, mut cell)| {
            std::iter::from_fn(move || {
                let Cell { is_used: true, octets, packets, flows } = cell else { return None };
                let part = |of: u128| u64::try_from(of).unwrap_or(u64::MAX);
                let row = Sum::at(stretch * width_ms, flows, part(octets), part(packets));
                let octets = octets - u128::from(row.octets);
                let packets = packets - u128::from(row.packets);
                cell = Cell { is_used: octets > 0 || packets > 0, octets, packets, flows: 0 };
                Some(row)
            })
        })
    }
}
