//! Absolute time, and the ways in which people write it.

use std::fmt;
use std::ops::{Add, Sub};

use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::time_words::beginning;

/// Milliseconds since 1970-01-01T00:00:00Z. `Display` gives RFC 3339 with milliseconds, in UTC.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct UnixMillis(pub u64);

/// The last moment that text can show: 9999-12-30T22:00:00Z less a second, the library's limit.
const LAST_SHOWN_MS: u64 = 253_402_207_199_000;
const DAY_MS: u64 = 86_400_000;

impl UnixMillis {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The end of time, which comes after everything, also after a flow that says to have begun then.
    pub const MAX: Self = Self(u64::MAX);
    /// The last moment at which a flow may have begun: the last one that text can show,
    /// 9999-12-30T21:59:59Z. A stamp beyond it is no time.
    pub const LAST: Self = Self(LAST_SHOWN_MS);

    /// The day that this moment is in, counted from 1970-01-01, in UTC.
    pub const fn day(self) -> u64 {
        self.0 / DAY_MS
    }

    /// The moment in which `day` begins, counted from 1970-01-01, in UTC.
    pub const fn of_day(day: u64) -> Self {
        Self(day.saturating_mul(DAY_MS))
    }

    /// Whether this comes before `end`. Everything comes before the end of time, [`Self::MAX`].
    pub const fn is_before(self, end: Self) -> bool {
        self.0 < end.0 || end.0 == u64::MAX
    }

    /// Whether this is the end of time.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called by what serde generates")]
    pub(crate) fn is_max(&self) -> bool {
        *self == Self::MAX
    }

    /// The present moment.
    pub fn now() -> Self {
        Self(u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0))
    }

    /// The time for showing; moments that no calendar here reaches are shown as its last one.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0.min(LAST_SHOWN_MS) as i64)
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Reads a time as people write it, `zone` applying where the text names none.
    ///
    /// RFC 3339, `YYYY-MM-DD[ T]HH:MM[:SS[.mmm]]`, `YYYY-MM-DD`, `2007-07-26-22:15:38`, `now`,
    /// times before `now` such as `-2h`, `-90min`, `-1d12h`, and the beginning of a day, a week, a month
    /// or a year: `today`, `yesterday`, `last monday`, `this week`, `last month`, `2026-W47`, `2026-11`.
    ///
    /// # Errors
    ///
    /// [`ParseTimeError`] with the text, if it is none of these, or lies before 1970 or after
    /// what the calendar here reaches.
    pub fn parse(text: &str, zone: &TimeZone, now: Self) -> Result<Self, ParseTimeError> {
        let time = parse_absolute(text, zone)
            .or_else(|| parse_relative(text, now))
            .or_else(|| beginning(text, zone, now.timestamp()));
        match time.map(|time| u64::try_from(time.as_millisecond())) {
            Some(Ok(millis)) => Ok(Self(millis)),
            Some(Err(_)) => Err(ParseTimeError::OutOfRange(text.to_owned())),
            None if is_time(text) => Err(ParseTimeError::OutOfRange(text.to_owned())),
            None => Err(ParseTimeError::NoTime(text.to_owned())),
        }
    }
}

fn parse_absolute(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil: DateTime = match text.parse::<Date>() {
        Ok(date) if text.len() == 10 => date.into(),
        // `2007-07-26-22:15:38`: the form of flow tools, a dash in place of the T.
        _ if text.as_bytes().get(10) == Some(&b'-') => {
            format!("{}T{}", text.get(..10)?, text.get(11..)?).parse().ok()?
        }
        _ => text.parse().ok()?,
    };
    zone.to_timestamp(civil).ok()
}

/// Whether text is written as a time, if of one that cannot be reached.
fn is_time(text: &str) -> bool {
    let with_t = |date: &str| text.get(11..).map(|time| format!("{date}T{time}"));
    let absolute = match text.get(..10) {
        Some(date) if text.as_bytes().get(10) == Some(&b'-') => with_t(date),
        _ => None,
    };
    Pieces::parse(absolute.as_deref().unwrap_or(text)).is_ok()
        || text.strip_prefix('-').is_some_and(|span| span.parse::<Span>().is_ok())
}

fn parse_relative(text: &str, now: UnixMillis) -> Option<Timestamp> {
    let now = now.timestamp().to_zoned_datetime(TimeZone::UTC);
    if text == "now" {
        return Some(now.timestamp());
    }
    let span: Span = text.strip_prefix('-')?.parse().ok()?;
    Some(now.checked_sub(span).ok()?.timestamp())
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl Add<u64> for UnixMillis {
    type Output = Self;

    fn add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl Sub for UnixMillis {
    /// Milliseconds; 0 where `earlier` is later.
    type Output = u64;

    fn sub(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseTimeError {
    /// It is not written as a time.
    #[error(
        "{0:?} is no time; write 2026-11-23, 2026-11-23T14:05, 2026-11-23T14:05:30Z, -2h, \
         yesterday, last monday, 2026-W47 or 2026-11"
    )]
    NoTime(String),
    /// It is a time before 1970, or after the last one of the calendar.
    #[error("{0:?} is out of range; times go from 1970-01-01 to 9999-12-30")]
    OutOfRange(String),
    /// It is not written as a stretch of time.
    #[error(
        "{0:?} is no stretch of time; write yesterday, 2026-11-23, 2026-W47, 2026-11, \
         2026-11-23T08:00..2026-11-23T09:30 or -2h"
    )]
    NoStretch(String),
}

/// `count` × `factor` a millisecond, rounded down; 0 where there was no time, as nfdump has it.
/// Packets a second take a factor of 1,000, bits a second of octets 8,000.
pub fn rate(count: u128, factor: u128, millis: u64) -> u128 {
    count.saturating_mul(factor).checked_div(millis.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = UnixMillis(1_185_488_138_000);
        for (text, millis) in [
            ("2007-07-26T22:15:38Z", 1_185_488_138_000),
            ("2007-07-26T22:15:38.250Z", 1_185_488_138_250),
            ("2007-07-27T00:15:38+02:00", 1_185_488_138_000),
            ("2007-07-26 22:15:38", 1_185_488_138_000),
            ("2007-07-26T22:15", 1_185_488_100_000),
            ("2007-07-26", 1_185_408_000_000),
            ("2007-07-26-22:15:38", 1_185_488_138_000),
            ("now", 1_185_488_138_000),
            ("-2h", 1_185_480_938_000),
            ("-1d", 1_185_401_738_000),
        ] {
            assert_eq!(
                UnixMillis::parse(text, &TimeZone::UTC, now),
                Ok(UnixMillis(millis)),
                "{text}"
            );
        }
        for (text, problem) in [
            ("", "is no time"),
            ("someday", "is no time"),
            ("2007-13-01", "is no time"),
            ("-", "is no time"),
            ("-2", "is no time"),
            ("12", "is no time"),
            ("2007-07-26-", "is no time"),
            ("1969-12-31", "is out of range"),
            ("1960-01-01T00:00:00Z", "is out of range"),
            ("9999-12-31", "is out of range"),
            ("9999-12-31T12:00:00Z", "is out of range"),
            ("9999-12-31-12:00:00", "is out of range"),
            ("-60y", "is out of range"),
            ("-20000y", "is no time"),
        ] {
            let error = UnixMillis::parse(text, &TimeZone::UTC, now).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_time_prints_as_rfc_3339_in_milliseconds() {
        assert_eq!(UnixMillis(1_185_488_138_007).to_string(), "2007-07-26T22:15:38.007Z");
        assert_eq!(UnixMillis::MAX.to_string(), "9999-12-30T21:59:59.000Z");
    }
}
