//! Days, weeks and months in words: when each begins and ends.

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The days of a week, as they are written.
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// The moment that is meant by `today`, `yesterday`, `last monday`, `this week`, `last month`,
/// `2026-W47`, `2026-11` and the like, as the calendar of `zone` has it at `now`. Weeks begin on Mondays
/// (ISO 8601); `last monday` lies before today.
pub(super) fn beginning(text: &str, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let (date, _) = stretch(text, zone, now)?;
    // Where clocks skip midnight, a day begins when they have.
    zone.to_timestamp(date.into()).ok()
}

/// Likewise when it begins and when it ends, also of a day that is written as a date.
pub(super) fn both_ends(
    text: &str,
    zone: &TimeZone,
    now: Timestamp,
) -> Option<(Timestamp, Timestamp)> {
    let date = || text.parse().ok().filter(|_| text.len() == 10).map(|date| (date, days(1)));
    let (first, length) = stretch(text, zone, now).or_else(date)?;
    let moment = |date: Date| zone.to_timestamp(date.into()).ok();
    Some((moment(first)?, moment(first.checked_add(length).ok()?)?))
}

/// The first day of a stretch, and how long that is.
fn stretch(text: &str, zone: &TimeZone, now: Timestamp) -> Option<(Date, Span)> {
    let today = now.to_zoned_datetime(zone.clone()).date();
    named(text, today).or_else(|| week_of_year(text)).or_else(|| month_of_year(text))
}

fn days(count: i64) -> Span {
    Span::new().days(count)
}

fn named(text: &str, today: Date) -> Option<(Date, Span)> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let days_of_week = i64::from(today.weekday().to_monday_zero_offset());
    let [week, month, year] = [days(7), Span::new().months(1), Span::new().years(1)];
    let monday = || today.checked_sub(days(days_of_week)).ok();
    let new_year = || Date::new(today.year(), 1, 1).ok();
    let day = |date: Date| (date, days(1));
    Some(match words[..] {
        ["today"] => day(today),
        ["yesterday"] => day(today.yesterday().ok()?),
        ["this", "week"] => (monday()?, week),
        ["last", "week"] => (monday()?.checked_sub(week).ok()?, week),
        ["this", "month"] => (today.first_of_month(), month),
        ["last", "month"] => (today.first_of_month().checked_sub(month).ok()?, month),
        ["this", "year"] => (new_year()?, year),
        ["last", "year"] => (new_year()?.checked_sub(year).ok()?, year),
        ["last", name] => {
            let (_, weekday) = WEEKDAYS.iter().find(|(day, _)| *day == name)?;
            day(today.nth_weekday(-1, *weekday).ok()?)
        }
        _ => return None,
    })
}

/// `2026-W47`.
fn week_of_year(text: &str) -> Option<(Date, Span)> {
    let (year, week) = text.split_once("-W")?;
    if year.len() != 4 || week.len() != 2 {
        return None;
    }
    let week = ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday).ok()?;
    Some((week.date(), days(7)))
}

/// `2026-11`.
fn month_of_year(text: &str) -> Option<(Date, Span)> {
    let (year, month) = text.split_once('-')?;
    if year.len() != 4 || month.len() != 2 {
        return None;
    }
    let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    Some((first, Span::new().months(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of the week, weeks and offsets by GNU date: `date -d DAY +%A %G-W%V`.
    #[test]
    fn days_weeks_and_months_begin_in_the_zone() {
        let zurich = TimeZone::get("Europe/Zurich").unwrap();
        // A Monday, 01:30 there, when it is Sunday still in UTC.
        let now: Timestamp = "2026-11-29T23:30:00Z".parse().unwrap();
        for (text, expected) in [
            ("today", "2026-11-29T23:00:00Z"),
            ("Yesterday", "2026-11-28T23:00:00Z"),
            ("last monday", "2026-11-22T23:00:00Z"),
            ("last  Sunday", "2026-11-28T23:00:00Z"),
            ("this week", "2026-11-29T23:00:00Z"),
            ("last week", "2026-11-22T23:00:00Z"),
            ("this month", "2026-10-31T23:00:00Z"),
            ("last month", "2026-09-30T22:00:00Z"),
            ("last year", "2024-12-31T23:00:00Z"),
            ("2026-W47", "2026-11-15T23:00:00Z"),
            ("2026-W01", "2025-12-28T23:00:00Z"),
            ("2026-10", "2026-09-30T22:00:00Z"),
        ] {
            let found = beginning(text, &zurich, now).map(|time| time.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", "monday", "next monday", "last", "2026-W54", "2026-13", "26-11", "2026-w47"]
        {
            assert_eq!(beginning(text, &zurich, now), None, "{text}");
        }
        let utc = beginning("today", &TimeZone::UTC, now).unwrap();
        assert_eq!(utc.to_string(), "2026-11-29T00:00:00Z");
    }

    #[test]
    fn a_day_without_midnight_begins_behind_it() {
        let sao_paulo = TimeZone::get("America/Sao_Paulo").unwrap();
        let now: Timestamp = "2018-11-04T12:00:00Z".parse().unwrap();
        let began = beginning("today", &sao_paulo, now).unwrap();
        assert_eq!(began.to_string(), "2018-11-04T03:00:00Z");
    }

    /// Expected moments by GNU date: `TZ=Europe/Zurich date -u -d 'TZ="Europe/Zurich" 2026-10-25'`.
    #[test]
    fn a_stretch_ends_where_the_next_begins() {
        let zurich = TimeZone::get("Europe/Zurich").unwrap();
        let now: Timestamp = "2026-11-29T23:30:00Z".parse().unwrap();
        for (text, first, next) in [
            ("yesterday", "2026-11-28T23:00:00Z", "2026-11-29T23:00:00Z"),
            ("2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
            ("last week", "2026-11-22T23:00:00Z", "2026-11-29T23:00:00Z"),
            ("2026-W01", "2025-12-28T23:00:00Z", "2026-01-04T23:00:00Z"),
            ("last year", "2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"),
        ] {
            let ends = both_ends(text, &zurich, now);
            let ends = ends.map(|(first, next)| (first.to_string(), next.to_string()));
            assert_eq!(ends, Some((first.to_owned(), next.to_owned())), "{text}");
        }
        for text in ["now", "-1d", "20261025", "2026-10-25T12:00"] {
            assert_eq!(both_ends(text, &zurich, now), None, "{text}");
        }
    }
}
