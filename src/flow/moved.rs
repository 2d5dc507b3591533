//! Flows that begin at another time than their exporter told: moved to when they were, as its clock
//! runs ahead, or cut at their beginning, as they lasted too long.

use super::{
    ElementId, Extra, FlowBatch, REVERSE_ENTERPRISE, extras, push_extra, unsigned,
    without_zeros_at_start,
};

/// The element under which a moved flow keeps the start that its exporter told:
/// flowStartMilliseconds.
pub(crate) const TOLD_START: ElementId = ElementId::iana(152);

impl FlowBatch {
    /// Moves the flows from `row` on `by_ms` back in time, and what came back with them. When each
    /// began by its exporter's clock stays with it, before all else that it has beyond the common
    /// fields.
    pub(crate) fn move_back(&mut self, row: usize, by_ms: u64) {
        let at = |told: u64| told.saturating_sub(by_ms);
        self.begin(row, at, at);
    }

    /// Has the flows from `row` on begin `by_ms` later, and keeps the start that was told likewise.
    pub(crate) fn begin_later(&mut self, row: usize, by_ms: u64) {
        self.begin(row, |told| told.saturating_add(by_ms), |told| told);
    }

    /// Has the flows from `row` on begin then, and what came back be then.
    fn begin(&mut self, row: usize, at: impl Fn(u64) -> u64, back_at: impl Fn(u64) -> u64) {
        let rows = row..self.len();
        let had: Vec<Vec<u8>> = rows.clone().map(|row| self.extras.get(row).to_vec()).collect();
        self.extras.truncate(row);
        let mut has = Vec::new();
        for (row, had) in rows.zip(had) {
            let first = &mut self.first_ms[row];
            has.clear();
            let ElementId { number, enterprise } = TOLD_START;
            let told = first.to_be_bytes();
            let start = Extra { number, enterprise, value: without_zeros_at_start(&told) };
            for extra in std::iter::once(start).chain(extras(&had)) {
                let is_of_way_back = extra.enterprise == REVERSE_ENTERPRISE;
                let time = back_at(unsigned(extra.value)).to_be_bytes();
                let value = match extra.number {
                    152 | 153 if is_of_way_back => without_zeros_at_start(&time),
                    _ => extra.value,
                };
                push_extra(&mut has, 0, Extra { value, ..extra });
            }
            self.extras.set(row, &has);
            *first = at(*first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{
        Family, FlowRecord, MAX_EXTRAS_BYTES, Origin, Protocol, Sampling, Source, UnixMillis,
        extra_value,
    };

    fn flow(first: u64) -> FlowRecord {
        let address = Family::V4.address(7);
        FlowRecord {
            first: UnixMillis(first),
            duration_ms: 9,
            octets: 1,
            packets: 1,
            protocol: Protocol(17),
            next_hop: address,
            source: Source { exporter: address, engine: 0, sampling: Sampling::default() },
            ..FlowRecord::between(address, address)
        }
    }

    #[test]
    fn flows_are_moved_and_keep_what_their_exporter_told() {
        let mut full = Vec::new();
        let value = &[9; MAX_EXTRAS_BYTES / 2 - 4][..];
        for number in [1000, 1001] {
            push_extra(&mut full, 0, Extra { number, enterprise: 0, value });
        }
        assert_eq!(full.len(), MAX_EXTRAS_BYTES);
        let mut short = Vec::new();
        push_extra(&mut short, 0, Extra { number: 58, enterprise: 0, value: &[7] });

        let mut batch = FlowBatch::new(Family::V4);
        for (first, extras) in [(5000, &short[..]), (7000, &[]), (8000, &short), (8001, &full)] {
            batch.push_with(&flow(first), 0, Origin(first), extras);
        }
        batch.move_back(1, 6000);
        assert_eq!(batch.first_ms, [5000, 1000, 2000, 2001]);
        let told = |row, number| extra_value(batch.extras.get(row), ElementId::iana(number));
        let start = |row| told(row, TOLD_START.number);
        assert_eq!(batch.extras.get(0), short);
        for (row, first) in [(1, 7000u16), (2, 8000), (3, 8001)] {
            assert_eq!(start(row), Some(&first.to_be_bytes()[..]));
        }
        assert_eq!((told(1, 58), told(2, 58)), (None, Some(&[7][..])));
        // There is no room for all; what is there is whole.
        assert_eq!((told(3, 1000), told(3, 1001)), (Some(value), None));
    }
}
