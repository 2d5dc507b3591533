//! Bins of whole days where clocks change: 23 or 25 hours long, twice a year.
//!
//! They are put together out of parts that are short enough for every midnight to lie between two.

use std::num::NonZeroU64;
use std::ops::Range;

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::width::DAY_MS;
use super::{BinWidth, Series, Timeline};
use crate::flow::UnixMillis;

/// What clocks differ from UTC by, and change by, is a multiple of this.
const PART_MS: NonZeroU64 = NonZeroU64::new(15 * 60 * 1000).unwrap();
/// So many parts there may be: of 57 years.
pub(super) const MAX_PARTS: usize = 2_000_000;
/// How long parts are.
pub(super) const PARTS: BinWidth = BinWidth::Millis(PART_MS);

/// How many days bins of `width` have, if these are not equally long in `zone`.
pub(super) fn uneven(width: BinWidth, zone: &TimeZone) -> Option<i64> {
    let BinWidth::Millis(width) = width else { return None };
    let is_whole = width.get().is_multiple_of(DAY_MS) && zone.to_fixed_offset().is_err();
    is_whole.then(|| i64::try_from(width.get() / DAY_MS).ok()).flatten()
}

/// Puts `parts` together into bins of `days` days of `zone`. Weeks begin on Mondays. None where the
/// calendar ends.
pub(super) fn put_together(parts: &Timeline, days: i64, zone: &TimeZone) -> Option<Timeline> {
    let empty = |series: &Series| Series { whose: series.whose, values: Vec::new() };
    let mut bins = Timeline {
        by: parts.by,
        bin_ms: u64::try_from(days).ok()?.saturating_mul(DAY_MS),
        starts: Vec::new(),
        until: parts.until,
        series: parts.series.iter().map(empty).collect(),
    };
    for (part, &start) in parts.starts.iter().enumerate() {
        if bins.starts.is_empty() || start >= bins.until {
            let bin = bin_of(start, days, zone).filter(|bin| bin.contains(&start))?;
            bins.starts.push(bin.start);
            bins.until = bin.end;
            bins.series.iter_mut().for_each(|series| series.values.push(0));
        }
        for (series, parts) in bins.series.iter_mut().zip(&parts.series) {
            if let Some(value) = series.values.last_mut() {
                *value += parts.values[part];
            }
        }
    }
    Some(bins)
}

/// The bin that `moment` is in.
fn bin_of(moment: UnixMillis, days: i64, zone: &TimeZone) -> Option<Range<UnixMillis>> {
    // A Monday.
    const BEGIN: Date = Date::constant(1969, 12, 29);
    let date = moment.timestamp().to_zoned_datetime(zone.clone()).date();
    let day = i64::from(BEGIN.until(date).ok()?.get_days());
    let first = day.div_euclid(days) * days;
    let midnight = |day: i64| {
        let date = BEGIN.checked_add(Span::new().try_days(day).ok()?).ok()?;
        let start = date.to_zoned_datetime(zone.clone()).ok()?.start_of_day().ok()?;
        // Before 1970 there are no moments.
        Some(UnixMillis(u64::try_from(start.timestamp().as_millisecond()).unwrap_or(0)))
    };
    Some(midnight(first)?..midnight(first.checked_add(days)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Measure, Whose};

    fn zurich() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn moment(text: &str) -> UnixMillis {
        UnixMillis::parse(text, &TimeZone::UTC, UnixMillis(0)).unwrap()
    }

    /// Parts from `since` on, one in each.
    fn parts(since: &str, count: usize) -> Timeline {
        let start = |part: usize| moment(since) + part as u64 * PART_MS.get();
        Timeline {
            by: Measure::Octets,
            bin_ms: PART_MS.get(),
            starts: (0..count).map(start).collect(),
            until: start(count),
            series: vec![Series { whose: Whose::All, values: vec![1; count] }],
        }
    }

    // Central Europe's clocks went forward on 2007-03-25 and back on 2007-10-28, both Sundays.
    #[test]
    fn days_begin_at_midnight_on_both_sides_of_a_change_of_the_clocks() {
        for (since, count, days, until, expected) in [
            (
                "2007-03-24T22:30Z",
                150,
                1,
                "2007-03-26T22:00Z",
                &[("2007-03-23T23:00Z", 2), ("2007-03-24T23:00Z", 92), ("2007-03-25T22:00Z", 56)][..],
            ),
            (
                "2007-10-27T21:45Z",
                200,
                1,
                "2007-10-30T23:00Z",
                &[
                    ("2007-10-26T22:00Z", 1),
                    ("2007-10-27T22:00Z", 100),
                    ("2007-10-28T23:00Z", 96),
                    ("2007-10-29T23:00Z", 3),
                ],
            ),
            // Weeks, from Monday on.
            (
                "2007-10-27T22:00Z",
                101,
                7,
                "2007-11-04T23:00Z",
                &[("2007-10-21T22:00Z", 100), ("2007-10-28T23:00Z", 1)],
            ),
        ] {
            let bins = put_together(&parts(since, count), days, &zurich()).unwrap();
            let values = bins.series[0].values.iter().copied();
            let told: Vec<_> = bins.starts.iter().copied().zip(values).collect();
            let expected: Vec<_> =
                expected.iter().map(|&(start, value)| (moment(start), value)).collect();
            assert_eq!(told, expected, "{since}");
            assert_eq!(bins.until, moment(until), "{since}");
            assert_eq!(bins.bin_ms, days as u64 * DAY_MS);
        }
    }

    #[test]
    fn only_whole_days_where_clocks_change_are_put_together() {
        let width = |millis| BinWidth::Millis(NonZeroU64::new(millis).unwrap());
        assert_eq!(uneven(width(7 * DAY_MS), &zurich()), Some(7));
        assert_eq!(uneven(width(DAY_MS / 2), &zurich()), None);
        assert_eq!(uneven(width(DAY_MS), &TimeZone::UTC), None);
        assert_eq!(uneven(width(DAY_MS), &TimeZone::fixed(jiff::tz::offset(2))), None);
        assert_eq!(uneven(BinWidth::AtMost(2), &zurich()), None);
        assert!(put_together(&parts("9999-12-30T20:00Z", 99), 1, &zurich()).is_none());
        assert!(put_together(&parts("2007-03-24T22:30Z", 1), 9_000_000, &zurich()).is_none());
    }
}
