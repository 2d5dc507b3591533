//! Times, also those of which only the beginning is written.

use jiff::tz::TimeZone;

use super::error::Wrong;
use crate::flow::{Kind, NTP_TO_UNIX_SECS, UnixMillis};

/// Reads a time as [`UnixMillis::parse`] does, and, as nfdump does, also one that ends with the
/// year, the month or the hour: the moment when that began.
pub(super) fn read_time(text: &str, zone: &TimeZone, now: UnixMillis) -> Result<UnixMillis, Wrong> {
    let whole = whole(text).unwrap_or_else(|| text.to_owned());
    UnixMillis::parse(&whole, zone, now).map_err(|error| {
        let error = error.to_string();
        let (problem, expected) = error.split_once("; ").unwrap_or((&error, ""));
        let wrong = Wrong::new(problem.replacen(&format!("{whole:?}"), &format!("{text:?}"), 1));
        match expected.strip_prefix("write ") {
            Some(expected) => wrong.expecting(expected),
            None => wrong.hinting(expected),
        }
    })
}

/// The numbers by which elements of this kind tell `time`, to the millisecond.
pub(super) fn stamps(time: UnixMillis, kind: Kind) -> (u64, u64) {
    match kind {
        Kind::Seconds => (time.0 / 1000, time.0 / 1000),
        Kind::Ntp => {
            let secs = (time.0 / 1000).saturating_add(NTP_TO_UNIX_SECS) << 32;
            let from = |millis: u64| secs + (millis << 32).div_ceil(1000);
            (from(time.0 % 1000), from(time.0 % 1000 + 1) - 1)
        }
        _ => (time.0, time.0),
    }
}

/// The time with what it leaves out at its end: `2023`, `2023-11`, `2023-11-14T22`.
fn whole(text: &str) -> Option<String> {
    let is_number =
        |part: &str, digits| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_month = |text: &str| {
        text.split_once('-').is_some_and(|(year, month)| is_number(year, 4) && is_number(month, 2))
    };
    if is_number(text, 4) {
        return Some(format!("{text}-01-01"));
    }
    if is_month(text) {
        return Some(format!("{text}-01"));
    }
    let (date, hour) = text.split_once(['T', 't', ' '])?;
    (date.len() == 10 && is_number(hour, 2)).then(|| format!("{date}T{hour}:00"))
}

/// Whether `first` and `second`, which stand behind each other, are the date and the clock of one
/// time.
pub(super) fn are_one(first: &str, second: &str) -> bool {
    let shape = |text: &str, of: &str| {
        text.len() >= of.len()
            && text.bytes().zip(of.bytes()).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
    };
    first.len() == 10 && shape(first, "0000-00-00") && shape(second, "00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_end_early() {
        let read =
            |text| read_time(text, &TimeZone::UTC, UnixMillis(0)).map(|time| time.to_string());
        for (text, expected) in [
            ("2023", "2023-01-01T00:00:00.000Z"),
            ("2023-11", "2023-11-01T00:00:00.000Z"),
            ("2023-11-14", "2023-11-14T00:00:00.000Z"),
            ("2023-11-14T22", "2023-11-14T22:00:00.000Z"),
            ("2023-11-14T22:20", "2023-11-14T22:20:00.000Z"),
            ("2023-11-14T22:20:00.500", "2023-11-14T22:20:00.500Z"),
            ("2023-11-14 22:20", "2023-11-14T22:20:00.000Z"),
        ] {
            assert_eq!(read(text).ok().as_deref(), Some(expected), "{text}");
        }
        let wrong = read("1969").unwrap_err();
        assert_eq!(wrong.problem, "\"1969\" is out of range");
        for text in ["2023/11/14", "soon", "20231", "2023-1", "2023-13"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(are_one("2023-11-14", "22:20:00") && !are_one("2023-11-14", "and"));
    }
}
