//! Where the ticks of an axis are, and what is written at them.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::flow::UnixMillis;

/// Round values from 0 on, at most `most` of them (at least 2) beside 0, the last of which is not
/// below `greatest`: 1, 2 or 5 of a power of ten apart.
pub(super) fn ticks(greatest: f64, most: usize) -> Vec<f64> {
    let greatest = if greatest > 0.0 { greatest } else { 1.0 };
    let least_step = greatest / most.max(2) as f64;
    let power = 10f64.powi(least_step.log10().floor() as i32);
    // The logarithm may be a little off, so the next power is tried as well.
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0].map(|step| step * power);
    let step = steps.into_iter().find(|step| step * 1.000_001 >= least_step).unwrap_or(greatest);
    let count = (greatest / step * 0.999_999).ceil() as usize;
    (0..=count).map(|tick| tick as f64 * step).collect()
}

/// How many steps an axis needs for `greatest`; at least one.
pub(super) fn steps(greatest: f64, step: f64) -> usize {
    ((greatest / step * 0.999_999).ceil() as usize).max(1)
}

/// A moment on an axis of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeTick {
    pub at: UnixMillis,
    /// `06:00`, `06:00:30`, `26 Jul`.
    pub label: String,
    /// The date or the year that it begins: `26 Jul 2007`, `2007`; the first tick has it always.
    pub above: Option<String>,
}

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// What ticks are apart, where they are less than a day.
const STEPS: [u64; 17] = [
    1000,
    2000,
    5000,
    10_000,
    15_000,
    30_000,
    MINUTE_MS,
    2 * MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
];
/// Likewise from a day on, in days.
const DAYS: [u64; 4] = [1, 2, 7, 14];
/// And from a month on, in months.
const MONTHS: [u64; 13] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12_000];
/// The shortest one; ticks may be a little more than `most`.
const MONTH_MS: u64 = 28 * DAY_MS;

/// Round moments from `since` to `until`, about `most` of them at most, as the clocks of `zone`
/// show them.
pub(super) fn time_ticks(
    since: UnixMillis,
    until: UnixMillis,
    zone: &TimeZone,
    most: usize,
) -> Vec<TimeTick> {
    let least_step = (until - since).div_ceil(most.max(1) as u64);
    if let Some(step) = STEPS.into_iter().find(|&step| step >= least_step) {
        return clock_ticks(since, until, zone, step);
    }
    if let Some(days) = DAYS.into_iter().find(|days| days * DAY_MS >= least_step) {
        return day_ticks(since, until, zone, days);
    }
    let months = MONTHS.into_iter().find(|months| months * MONTH_MS >= least_step);
    months.map_or_else(Vec::new, |months| month_ticks(since, until, zone, months))
}

fn clock_ticks(since: UnixMillis, until: UnixMillis, zone: &TimeZone, step: u64) -> Vec<TimeTick> {
    let ahead_ms = i64::from(zone.to_offset(since.timestamp()).seconds()) * 1000;
    let first = since.0.saturating_add_signed(ahead_ms).div_ceil(step).saturating_mul(step);
    let first = first.saturating_add_signed(-ahead_ms);
    let format = if step < MINUTE_MS { "%H:%M:%S" } else { "%H:%M" };
    let mut before: Option<Date> = None;
    let moments = (first..=until.0).step_by(step as usize);
    moments
        .filter(|&at| at >= since.0)
        .map(|at| {
            let moment = UnixMillis(at).timestamp().to_zoned_datetime(zone.clone());
            let date = moment.date();
            let above = (before != Some(date)).then(|| date.strftime("%-d %b %Y").to_string());
            before = Some(date);
            TimeTick { at: UnixMillis(at), label: moment.strftime(format).to_string(), above }
        })
        .collect()
}

fn day_ticks(since: UnixMillis, until: UnixMillis, zone: &TimeZone, days: u64) -> Vec<TimeTick> {
    // Weeks begin on Mondays, and 1970 began on a Thursday.
    let first = (since.day() + 3) / days * days;
    let date = |day: u64| {
        let moment = UnixMillis(day.saturating_sub(3).saturating_mul(DAY_MS)).timestamp();
        moment.to_zoned_datetime(TimeZone::UTC).date()
    };
    let dates = (first..=until.day() + 4).step_by(days as usize).map(date);
    date_ticks(dates, since, until, zone, "%-d %b")
}

fn month_ticks(
    since: UnixMillis,
    until: UnixMillis,
    zone: &TimeZone,
    months: u64,
) -> Vec<TimeTick> {
    let month = |moment: UnixMillis| {
        let date = moment.timestamp().to_zoned_datetime(zone.clone()).date();
        date.year() as u64 * 12 + date.month() as u64 - 1
    };
    let first = month(since) / months * months;
    let date = |month: u64| Date::new((month / 12) as i16, (month % 12) as i8 + 1, 1).ok();
    let dates = (first..=month(until)).step_by(months as usize).filter_map(date);
    date_ticks(dates, since, until, zone, if months < 12 { "%b" } else { "%Y" })
}

/// Ticks at the midnights of `dates`.
fn date_ticks(
    dates: impl Iterator<Item = Date>,
    since: UnixMillis,
    until: UnixMillis,
    zone: &TimeZone,
    format: &str,
) -> Vec<TimeTick> {
    let mut ticks = Vec::new();
    let mut year = None;
    for date in dates {
        let Ok(midnight) = zone.to_timestamp(date.into()) else { continue };
        let at = UnixMillis(u64::try_from(midnight.as_millisecond()).unwrap_or(0));
        if at < since || at > until {
            continue;
        }
        let above = (year != Some(date.year()) && format != "%Y").then(|| date.year().to_string());
        year = Some(date.year());
        ticks.push(TimeTick { at, label: date.strftime(format).to_string(), above });
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(since: &str, until: &str, zone: &TimeZone, most: usize) -> Vec<String> {
        let at = |text| UnixMillis::parse(text, zone, UnixMillis::EPOCH).unwrap();
        time_ticks(at(since), at(until), zone, most)
            .into_iter()
            .map(|tick| {
                format!("{} {}", tick.label, tick.above.unwrap_or_default()).trim_end().to_owned()
            })
            .collect()
    }

    #[test]
    fn ticks_of_time_are_round_on_the_clocks_of_the_zone() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        for (since, until, zone, most, expected) in [
            (
                "2007-07-26T22:15",
                "2007-07-27T04:15",
                &TimeZone::UTC,
                4,
                &["00:00 27 Jul 2007", "02:00", "04:00"][..],
            ),
            (
                "2007-07-26T23:15",
                "2007-07-27T01:15",
                &berlin,
                4,
                &["23:30 26 Jul 2007", "00:00 27 Jul 2007", "00:30", "01:00"],
            ),
            (
                "2007-07-26T23:15:07",
                "2007-07-26T23:15:18",
                &berlin,
                3,
                &["23:15:10 26 Jul 2007", "23:15:15"],
            ),
            (
                "2007-03-24",
                "2007-03-27T12:00",
                &berlin,
                4,
                &["24 Mar 2007", "25 Mar", "26 Mar", "27 Mar"],
            ),
            (
                "2007-12-20",
                "2008-01-20",
                &TimeZone::UTC,
                5,
                &["24 Dec 2007", "31 Dec", "7 Jan 2008", "14 Jan"],
            ),
            (
                "2007-11-20",
                "2008-04-01",
                &berlin,
                5,
                &["Dec 2007", "Jan 2008", "Feb", "Mar", "Apr"],
            ),
            (
                "1999-06-01",
                "2041-06-01",
                &TimeZone::UTC,
                6,
                &["2000", "2010", "2020", "2030", "2040"],
            ),
        ] {
            assert_eq!(shown(since, until, zone, most), expected, "{since}");
        }
        assert!(time_ticks(UnixMillis(u64::MAX - 9), UnixMillis::MAX, &berlin, 9).len() < 99);
    }

    proptest! {
        #[test]
        fn ticks_of_values_are_few_and_reach_the_greatest(greatest in prop_oneof![1e-6..1e-3, 0.0..10.0, 1e3..1e40], most in 2usize..12) {
            let ticks = ticks(greatest, most);
            prop_assert!(ticks.len() - 1 <= most, "{ticks:?}");
            prop_assert!(ticks[ticks.len() - 1] >= greatest * 0.9999, "{ticks:?}");
            prop_assert!(ticks[ticks.len() - 2] < greatest || greatest == 0.0, "{ticks:?}");
        }

        #[test]
        fn ticks_of_time_are_few(since in 0u64..300_000_000_000_000, span in 1u64..100_000_000_000_000, most in 1usize..20) {
            let ticks = time_ticks(UnixMillis(since), UnixMillis(since + span), &TimeZone::UTC, most);
            prop_assert!(ticks.len() <= most + 2, "{}", ticks.len());
            prop_assert!(ticks.iter().all(|tick| (since..=since + span).contains(&tick.at.0)));
        }
    }
}
