//! Bins in which nothing was, so that a silence is seen.

use jiff::Span;
use jiff::tz::TimeZone;

use super::parts;
use crate::aggregate::{Series, Timeline};
use crate::flow::{TimeRange, UnixMillis};

/// How long a day is on which no clocks change.
pub(super) const DAY_MS: u64 = 86_400_000;

/// `timeline` with bins of nothing up to both ends of `window`, so that a silence is seen.
pub(super) fn spanning(mut timeline: Timeline, window: TimeRange, zone: &TimeZone) -> Timeline {
    let Some(&first) = timeline.starts.first() else { return timeline };
    let (bin_ms, end) = (timeline.bin_ms.max(1), timeline.until);
    let is_open = (window.since == UnixMillis::EPOCH, window.until == UnixMillis::MAX);
    let earlier = silent_bins(is_open.0, |bin| {
        let start = moved(first, -bin, bin_ms, zone);
        (moved(first, 1 - bin, bin_ms, zone) > window.since).then_some(start)
    });
    let later = silent_bins(is_open.1, |bin| {
        let start = moved(end, bin - 1, bin_ms, zone);
        (start < window.until).then_some(start)
    });
    timeline.until = moved(end, later.len() as i64, bin_ms, zone);
    for Series { values, .. } in &mut timeline.series {
        values.splice(..0, std::iter::repeat_n(0, earlier.len()));
        values.resize(values.len() + later.len(), 0);
    }
    timeline.starts.splice(..0, earlier.into_iter().rev());
    timeline.starts.extend(later);
    timeline
}

/// The starts of bins, from the first on, as long as `start` has some; none where these are too many:
/// that is no silence but a clock that is wrong.
fn silent_bins(is_open: bool, start: impl Fn(i64) -> Option<UnixMillis>) -> Vec<UnixMillis> {
    const MOST: usize = 4 * parts::PLOT_BINS;
    if is_open {
        return Vec::new();
    }
    let bins: Vec<UnixMillis> = (1..).map_while(start).take(MOST + 1).collect();
    if bins.len() > MOST { Vec::new() } else { bins }
}

/// The moment so many bins from another one. Bins of whole days begin at midnight, however long the
/// days are between.
pub(super) fn moved(from: UnixMillis, bins: i64, bin_ms: u64, zone: &TimeZone) -> UnixMillis {
    let by_calendar = || {
        let days = bins.checked_mul(i64::try_from(bin_ms / DAY_MS).ok()?)?;
        let day = from.timestamp().to_zoned_datetime(zone.clone());
        let day = day.checked_add(Span::new().try_days(days).ok()?).ok()?;
        u64::try_from(day.timestamp().as_millisecond()).ok().map(UnixMillis)
    };
    let by_clock = || {
        let by_ms = bin_ms.saturating_mul(bins.unsigned_abs());
        let moved =
            if bins < 0 { from.0.saturating_sub(by_ms) } else { from.0.saturating_add(by_ms) };
        UnixMillis(moved)
    };
    let is_of_days = bin_ms.is_multiple_of(DAY_MS);
    is_of_days.then(by_calendar).flatten().unwrap_or_else(by_clock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Measure, Whose};

    fn moment(text: &str) -> UnixMillis {
        UnixMillis::parse(text, &TimeZone::UTC, UnixMillis(0)).unwrap()
    }

    #[test]
    fn days_begin_at_midnight_on_both_sides_of_a_change_of_the_clocks() {
        // Clocks went on at 2007-03-25T01:00Z.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let timeline = Timeline {
            by: Measure::Octets,
            bin_ms: DAY_MS,
            starts: vec![moment("2007-03-24T23:00Z")],
            until: moment("2007-03-25T22:00Z"),
            series: vec![Series { whose: Whose::All, values: vec![7] }],
        };
        let window =
            |since: &str, until: &str| TimeRange { since: moment(since), until: moment(until) };
        let whole =
            spanning(timeline.clone(), window("2007-03-22T23:00Z", "2007-03-27T22:00Z"), &zone);
        let starts = [
            "2007-03-22T23:00Z",
            "2007-03-23T23:00Z",
            "2007-03-24T23:00Z",
            "2007-03-25T22:00Z",
            "2007-03-26T22:00Z",
        ];
        assert_eq!(whole.starts, starts.map(moment));
        assert_eq!(whole.until, moment("2007-03-27T22:00Z"));
        assert_eq!(whole.series[0].values, [0, 0, 7, 0, 0]);
        // A window that is open, or would have too many, is none of silence.
        assert_eq!(spanning(timeline.clone(), TimeRange::ALL, &zone), timeline);
        let long = window("1990-01-01T00:00Z", "2007-03-25T22:00Z");
        assert_eq!(spanning(timeline.clone(), long, &zone), timeline);
        // Bins of hours are equally long.
        let hours = Timeline { bin_ms: 3_600_000, until: moment("2007-03-25T00:00Z"), ..timeline };
        let hours = spanning(hours, window("2007-03-24T22:30Z", "2007-03-25T02:00Z"), &zone);
        assert_eq!(hours.starts.len(), 4);
        assert_eq!(hours.starts[0], moment("2007-03-24T22:00Z"));
        assert_eq!(hours.until, moment("2007-03-25T02:00Z"));
    }
}
