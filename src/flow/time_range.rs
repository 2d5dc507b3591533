//! Stretches of time.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::time::{ParseTimeError, UnixMillis};
use super::time_words::both_ends;

/// The flows that began at `since` or later, and before `until`; where that is
/// [`UnixMillis::MAX`], the range has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first moment in the range.
    pub since: UnixMillis,
    /// The first moment after it.
    pub until: UnixMillis,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { since: UnixMillis::EPOCH, until: UnixMillis::MAX };

    /// Reads a stretch of time as people write it, `zone` applying where the text names none: a day, a
    /// week, a month or a year (`2026-11-23`, `yesterday`, `last monday`, `2026-W47`, `2026-11`, `last
    /// year`); from a time to another, `2026-11-23T08:00..2026-11-23T09:30`; or up to `now`, `-2h` or
    /// `2026-11-23T08:00..`.
    ///
    /// # Errors
    ///
    /// [`ParseTimeError`] with the text that is none of these, and where it ends before it begins.
    pub fn parse(text: &str, zone: &TimeZone, now: UnixMillis) -> Result<Self, ParseTimeError> {
        let none = || ParseTimeError::NoStretch(text.to_owned());
        let millis = |time: Timestamp| u64::try_from(time.as_millisecond()).map(UnixMillis);
        if let Some((first, next)) = both_ends(text, zone, now.timestamp()) {
            return match (millis(first), millis(next)) {
                (Ok(since), Ok(until)) => Ok(Self { since, until }),
                _ => Err(ParseTimeError::OutOfRange(text.to_owned())),
            };
        }
        let (since, until) = match text.split_once("..") {
            Some((since, until)) => (since, until),
            None if text.starts_with('-') => (text, ""),
            None => return Err(none()),
        };
        let since = UnixMillis::parse(since, zone, now)?;
        let until = if until.is_empty() { now } else { UnixMillis::parse(until, zone, now)? };
        Some(Self { since, until }).filter(|range| !range.is_empty()).ok_or_else(none)
    }

    /// This stretch so much before, as the clocks of `zone` have it: a day that ends when clocks changed
    /// is as long as the calendar has it. None where that is before 1970.
    pub fn before(&self, span: Span, zone: &TimeZone) -> Option<Self> {
        let earlier = |time: UnixMillis| {
            let time = time.timestamp().to_zoned_datetime(zone.clone());
            let moment = time.checked_sub(span).ok()?.timestamp();
            u64::try_from(moment.as_millisecond()).ok().map(UnixMillis)
        };
        Some(Self { since: earlier(self.since)?, until: earlier(self.until)? })
    }

    /// Whether `time` is in the range.
    pub fn contains(&self, time: UnixMillis) -> bool {
        self.since <= time && time.is_before(self.until)
    }

    /// Whether any moment from `first` to `last`, both included, is in the range.
    pub fn overlaps(&self, first: UnixMillis, last: UnixMillis) -> bool {
        first.is_before(self.until) && self.since <= last
    }

    /// Whether all moments from `first` to `last`, both included, are in the range.
    pub fn covers(&self, first: UnixMillis, last: UnixMillis) -> bool {
        self.since <= first && last.is_before(self.until)
    }

    /// Whether no moment is in the range.
    pub fn is_empty(&self) -> bool {
        !self.since.is_before(self.until)
    }

    /// What is in both ranges.
    #[must_use]
    pub fn and(&self, other: Self) -> Self {
        Self { since: self.since.max(other.since), until: self.until.min(other.until) }
    }

    /// Whether the range leaves nothing out.
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }
}

impl Default for TimeRange {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Result<(String, String), String> {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let now = UnixMillis::parse("2026-11-23T12:00Z", &zone, UnixMillis(0)).unwrap();
        TimeRange::parse(text, &zone, now)
            .map(|range| (range.since.to_string(), range.until.to_string()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_stretch_is_read_as_people_write_it() {
        for (text, since, until) in [
            ("2026-11-22", "2026-11-21T23:00:00.000Z", "2026-11-22T23:00:00.000Z"),
            ("2026-10-25", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"),
            ("2026-W47", "2026-11-15T23:00:00.000Z", "2026-11-22T23:00:00.000Z"),
            ("-2h", "2026-11-23T10:00:00.000Z", "2026-11-23T12:00:00.000Z"),
            ("-2h..-1h", "2026-11-23T10:00:00.000Z", "2026-11-23T11:00:00.000Z"),
            ("2026-11-22..", "2026-11-21T23:00:00.000Z", "2026-11-23T12:00:00.000Z"),
            ("today..now", "2026-11-22T23:00:00.000Z", "2026-11-23T12:00:00.000Z"),
            (
                "2026-11-22T08:00..2026-11-22T09:30",
                "2026-11-22T07:00:00.000Z",
                "2026-11-22T08:30:00.000Z",
            ),
        ] {
            assert_eq!(range(text), Ok((since.to_owned(), until.to_owned())), "{text}");
        }
        for text in ["", "now", "-1h..-2h", "2026-11-22T08:00", "soon"] {
            assert!(range(text).unwrap_err().contains("is no stretch of time"), "{text}");
        }
        for text in ["..", "soon..", "today..soon"] {
            assert!(range(text).unwrap_err().contains("is no time"), "{text}");
        }
    }

    // Clocks went back on 2026-10-25 in Zurich.
    #[test]
    fn the_same_time_before_is_by_the_clock() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let now = UnixMillis(0);
        let read = |text: &str| TimeRange::parse(text, &zone, now).unwrap();
        let before = |text: &str, span| read(text).before(span, &zone);
        assert_eq!(before("2026-10-26", Span::new().days(1)), Some(read("2026-10-25")));
        assert_eq!(before("2026-10-26", Span::new().weeks(1)), Some(read("2026-10-19")));
        assert_eq!(before("2026-10", Span::new().months(1)), Some(read("2026-09")));
        assert_eq!(before("1970-01-02", Span::new().months(1)), None);
    }
}
