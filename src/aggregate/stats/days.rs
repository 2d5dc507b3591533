//! Sums by day, as the clocks of a time zone have it.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::groups::{Groups, MAX_GROUPS};
use crate::aggregate::FlowTotals;
use crate::flow::UnixMillis;

/// Sums by day. The day of the last flow is at hand, for the next flow is mostly of it, too.
#[derive(Debug)]
pub(super) struct Days {
    zone: TimeZone,
    groups: Groups<u64>,
    today: Range<u64>,
    totals: FlowTotals,
    /// When known days end, by when they begin.
    known: BTreeMap<u64, u64>,
}

impl Days {
    pub(super) fn new(zone: TimeZone) -> Self {
        let (groups, totals) = Default::default();
        Self { zone, groups, today: 0..0, totals, known: BTreeMap::new() }
    }

    /// The totals of the day that `moment` is in.
    #[inline]
    pub(super) fn of(&mut self, moment: u64) -> &mut FlowTotals {
        if !self.today.contains(&moment) {
            self.settle();
            self.today = self.day(moment);
        }
        &mut self.totals
    }

    pub(super) fn merge(&mut self, mut other: Self) {
        other.settle();
        self.groups.merge(other.groups);
    }

    /// The totals by day, in the order of time, and those of later days.
    pub(super) fn finish(mut self) -> (impl Iterator<Item = (UnixMillis, FlowTotals)>, FlowTotals) {
        self.settle();
        let (days, later) = self.groups.finish();
        (days.map(|(start, totals)| (UnixMillis(start), totals)), later)
    }

    fn settle(&mut self) {
        if self.totals.flows > 0 {
            self.groups.add(self.today.start, &std::mem::take(&mut self.totals));
        }
    }

    /// When the day of `moment` begins, and when the next does.
    fn day(&mut self, moment: u64) -> Range<u64> {
        if let Some((&start, &end)) = self.known.range(..=moment).next_back()
            && moment < end
        {
            return start..end;
        }
        let day = day_of(moment, &self.zone);
        if self.known.len() < MAX_GROUPS {
            self.known.insert(day.start, day.end);
        }
        day
    }
}

/// A stretch of time of which all days of `zone` have a whole number, in milliseconds: a quarter of
/// an hour wherever clocks differ from UTC, and change, by whole ones.
pub(in crate::aggregate) fn quarters(zone: &TimeZone) -> Option<u64> {
    const QUARTER_SECS: i64 = 15 * 60;
    // Those of what is foreseen for ever repeat themselves.
    const MAX_CHANGES: usize = 1_000;
    let are_whole = |secs: i64| secs % QUARTER_SECS == 0;
    let begin = jiff::Timestamp::UNIX_EPOCH;
    let changes = zone.following(begin).take(MAX_CHANGES);
    let all_whole = are_whole(zone.to_offset(begin).seconds().into())
        && changes.into_iter().all(|change| {
            are_whole(change.offset().seconds().into()) && are_whole(change.timestamp().as_second())
        });
    all_whole.then_some(QUARTER_SECS as u64 * 1000)
}

fn day_of(moment: u64, zone: &TimeZone) -> Range<u64> {
    let zoned = UnixMillis(moment).timestamp().to_zoned_datetime(zone.clone());
    let start = zoned.start_of_day().ok();
    let next =
        start.as_ref().and_then(|start| start.checked_add(1.day()).ok()?.start_of_day().ok());
    let millis =
        |zoned: jiff::ZonedDateTime| u64::try_from(zoned.timestamp().as_millisecond()).unwrap_or(0);
    // What no calendar reaches is on its last day.
    start.map_or(0, millis)..next.map_or(u64::MAX, millis).max(moment.saturating_add(1))
}
