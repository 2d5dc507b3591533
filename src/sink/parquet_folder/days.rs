//! Which days there are to write, and what their folders are called.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::flow::{Column, Columns, TimeRange, UnixMillis};
use crate::query::{Question, fold_regions};
use crate::store::{Result, Snapshot, StoredDay};

/// The days of a store on which flows may have begun that are asked for.
pub struct Days {
    /// The days, rising.
    pub days: Vec<StoredDay>,
    /// Whether the store knows their versions: else they are empty.
    pub known: bool,
}

/// The days of `snapshot` that `question` may find flows of. Where the store does not keep them, the
/// flows that are asked for are looked through.
///
/// # Errors
///
/// What the store meets.
pub fn days(snapshot: &dyn Snapshot, question: &Question) -> Result<Days> {
    let lookup = question.plan_unordered(Columns::of(&[Column::First]));
    if let Some(mut days) = snapshot.days()? {
        days.retain(|day| {
            let TimeRange { since, until } = range(day.day);
            let last = UnixMillis(until.0 - 1);
            lookup.scans().iter().any(|scan| scan.time.overlaps(since, last))
        });
        return Ok(Days { days, known: true });
    }
    let mut regions = Vec::new();
    for scan in lookup.scans() {
        regions.append(&mut snapshot.regions(scan)?);
    }
    let count = |days: &mut BTreeMap<u64, u64>, flows: &crate::flow::FlowBatch| {
        for &first in &flows.first_ms {
            *days.entry(UnixMillis(first).min(UnixMillis::LAST).day()).or_default() += 1;
        }
        Ok(ControlFlow::Continue(()))
    };
    let mut days: BTreeMap<u64, u64> = BTreeMap::new();
    for part in fold_regions(regions, BTreeMap::new, count)? {
        for (day, flows) in part {
            *days.entry(day).or_default() += flows;
        }
    }
    let stored = |(day, flows)| StoredDay { day, flows, version: String::new() };
    Ok(Days { days: days.into_iter().map(stored).collect(), known: false })
}

/// When flows of `day` begin. The last day of the calendar has all that comes after it.
pub fn range(day: u64) -> TimeRange {
    let until =
        if day < UnixMillis::LAST.day() { UnixMillis::of_day(day + 1) } else { UnixMillis::MAX };
    TimeRange { since: UnixMillis::of_day(day), until }
}

/// A day, counted from 1970-01-01, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub(super) u64);

impl Place {
    /// `2026-11-28`
    pub(super) fn date(self) -> String {
        let moment = UnixMillis::of_day(self.0).timestamp();
        moment.to_zoned_datetime(jiff::tz::TimeZone::UTC).date().to_string()
    }
}

/// The folder of the day of this date, within that of all: `year=2026/month=3/day=28`. Numbers have no
/// zeros before them, which some readers would take for texts.
pub(super) fn folder_of(date: &str) -> String {
    let mut parts = date.split('-').map(|part| part.trim_start_matches('0'));
    let mut part = || parts.next().unwrap_or_default();
    format!("year={}/month={}/day={}", part(), part(), part())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_folder_and_a_range() {
        for (day, folder) in [
            (0, "year=1970/month=1/day=1"),
            (20_785, "year=2026/month=11/day=28"),
            (UnixMillis::LAST.day(), "year=9999/month=12/day=30"),
        ] {
            assert_eq!(folder_of(&Place(day).date()), folder);
            assert!(range(day).contains(UnixMillis::of_day(day)));
            assert!(day == 0 || !range(day).contains(UnixMillis(UnixMillis::of_day(day).0 - 1)));
        }
        assert!(range(UnixMillis::LAST.day()).contains(UnixMillis::MAX));
    }
}
