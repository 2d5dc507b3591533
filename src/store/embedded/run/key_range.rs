//! The range of row keys that a scan reads, as ranges of the columns that lead the key.

use std::ops::Range;

use crate::flow::{Addresses, Column, Family, TimeRange, UnixMillis, Values};
use crate::store::Scan;

/// The columns that lead the row key, and the ranges of their values that `scan` asks for, as long as
/// rows with equal values of those before are in the order of the next. Addresses of `family` lead.
pub(super) fn key_ranges(scan: &Scan, family: Family) -> Vec<(Column, (u128, u128))> {
    let Some(hull) = scan.lead.as_ref().and_then(|lead| lead.hull(family)) else {
        return Vec::new();
    };
    let mut ranges = vec![(scan.order.columns().0, hull.bits())];
    if hull.host().is_some() {
        ranges.extend(scan.port.map(|port| (Column::NatPort, (port.into(), port.into()))));
        if scan.is_timed() && !scan.time.is_all() {
            ranges.push((Column::First, moments(scan.time)));
        }
    }
    ranges
}

/// The least and the greatest moment in `time`.
fn moments(TimeRange { since, until }: TimeRange) -> (u128, u128) {
    let last = if until == UnixMillis::MAX { u64::MAX } else { until.0.saturating_sub(1) };
    (since.0.into(), last.into())
}

/// The rows whose values, which are sorted, lie in this range.
pub(super) fn sorted_range(values: Values<'_>, first: u128, last: u128) -> Range<usize> {
    fn between<T: Copy + Into<u128>>(values: &[T], first: u128, last: u128) -> Range<usize> {
        let start = values.partition_point(|&value| value.into() < first);
        start..values.partition_point(|&value| value.into() <= last).max(start)
    }
    match values {
        Values::Addresses(Addresses::V4(values)) => between(values, first, last),
        Values::U32(values) => between(values, first, last),
        Values::Addresses(Addresses::V6(values)) => between(values, first, last),
        Values::U8(values) => between(values, first, last),
        Values::U16(values) => between(values, first, last),
        Values::U64(values) => between(values, first, last),
        Values::Extras(values) => 0..values.len(),
    }
}
