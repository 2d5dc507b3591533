//! Moments as text, in the user's time zone.

use jiff::tz::TimeZone;

use super::text::{push_number_right, push_three_digits, push_two_digits};
use crate::flow::UnixMillis;

/// Writes moments in one time zone. It remembers the last second that it worked out.
pub(super) struct Clock {
    zone: TimeZone,
    /// What the rest is the text of. No moment that can be shown is so late.
    second: i64,
    /// `2007-07-26`.
    date: Vec<u8>,
    /// `22:15:38`.
    time: Vec<u8>,
    /// How RFC 3339 names the offset: `Z` in UTC, else `+02:00`.
    offset: Vec<u8>,
    /// For moments that are wanted in UTC whatever the zone is.
    utc: Option<Box<Self>>,
}

impl Clock {
    pub(super) fn new(zone: TimeZone) -> Self {
        let (date, time, offset) = Default::default();
        Self { zone, second: i64::MAX, date, time, offset, utc: None }
    }

    /// Appends `2007-07-26 22:15:38.007`.
    pub(super) fn push(&mut self, to: &mut Vec<u8>, moment: UnixMillis) {
        let millis = self.set(moment);
        to.extend_from_slice(&self.date);
        to.push(b' ');
        to.extend_from_slice(&self.time);
        to.push(b'.');
        push_three_digits(to, millis);
    }

    /// Appends `2007-07-26 22:15:38.007`, and behind it the offset where the zone is not UTC: an hour
    /// may come twice there.
    pub(super) fn push_with_offset(&mut self, to: &mut Vec<u8>, moment: UnixMillis) {
        self.push(to, moment);
        if self.zone != TimeZone::UTC {
            to.extend_from_slice(&self.offset);
        }
    }

    /// Appends `2007-07-26 22:15:38.007` in UTC.
    pub(super) fn push_utc(&mut self, to: &mut Vec<u8>, moment: UnixMillis) {
        self.utc.get_or_insert_with(|| Box::new(Self::new(TimeZone::UTC))).push(to, moment);
    }

    /// As [`Self::push_rfc_3339`] appends it.
    pub(super) fn rfc_3339(&mut self, moment: UnixMillis) -> String {
        let mut text = Vec::new();
        self.push_rfc_3339(&mut text, moment);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Appends `2007-07-26T22:15:38.007Z`.
    pub(super) fn push_rfc_3339(&mut self, to: &mut Vec<u8>, moment: UnixMillis) {
        let millis = self.set(moment);
        to.extend_from_slice(&self.date);
        to.push(b'T');
        to.extend_from_slice(&self.time);
        to.push(b'.');
        push_three_digits(to, millis);
        to.extend_from_slice(&self.offset);
    }

    /// Appends `2007-07-26-22:15:38`.
    pub(super) fn push_dashed(&mut self, to: &mut Vec<u8>, moment: UnixMillis) {
        self.set(moment);
        to.extend_from_slice(&self.date);
        to.push(b'-');
        to.extend_from_slice(&self.time);
    }

    /// Works out the text of `moment` to the second; returns the milliseconds.
    fn set(&mut self, moment: UnixMillis) -> u32 {
        let moment = moment.timestamp();
        if moment.as_second() != self.second {
            self.second = moment.as_second();
            let offset = self.zone.to_offset(moment);
            let civil = offset.to_datetime(moment);
            self.date.clear();
            let (year, month, day) =
                (civil.year() as u32, civil.month() as u32, civil.day() as u32);
            push_two_digits(&mut self.date, year / 100);
            push_two_digits(&mut self.date, year);
            self.date.push(b'-');
            push_two_digits(&mut self.date, month);
            self.date.push(b'-');
            push_two_digits(&mut self.date, day);
            self.time.clear();
            push_clock(
                &mut self.time,
                civil.hour() as u32,
                civil.minute() as u32,
                civil.second() as u32,
            );
            self.set_offset(offset.seconds());
        }
        moment.subsec_millisecond() as u32
    }

    fn set_offset(&mut self, seconds: i32) {
        self.offset.clear();
        if self.zone == TimeZone::UTC {
            self.offset.push(b'Z');
            return;
        }
        // RFC 3339 knows no seconds here; offsets that have some ended in 1972.
        let minutes = (seconds.unsigned_abs() + 30) / 60;
        self.offset.push(if seconds < 0 { b'-' } else { b'+' });
        push_two_digits(&mut self.offset, minutes / 60);
        self.offset.push(b':');
        push_two_digits(&mut self.offset, minutes % 60);
    }
}

/// Appends a duration as nfdump has it, 16 wide: `    00:00:04.791`, with days ` 1d 00:00:04.791`.
pub(super) fn push_duration(to: &mut Vec<u8>, millis: u64) {
    let days = millis / 86_400_000;
    // Below a day, so the rest is done in 32 bits.
    let millis = (millis % 86_400_000) as u32;
    if days == 0 {
        to.extend_from_slice(b"    ");
    } else {
        push_number_right(to, 2, days);
        to.extend_from_slice(b"d ");
    }
    let seconds = millis / 1000;
    push_clock(to, seconds / 3600, seconds / 60 % 60, seconds % 60);
    to.push(b'.');
    push_three_digits(to, millis % 1000);
}

fn push_clock(to: &mut Vec<u8>, hours: u32, minutes: u32, seconds: u32) {
    push_two_digits(to, hours);
    to.push(b':');
    push_two_digits(to, minutes);
    to.push(b':');
    push_two_digits(to, seconds);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut to = Vec::new();
        push(&mut to);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn a_moment_is_shown_in_the_zone_that_was_asked_for() {
        let moment = UnixMillis(1_185_488_138_007);
        for (zone, plain, rfc_3339, dashed) in [
            ("UTC", "2007-07-26 22:15:38.007", "2007-07-26T22:15:38.007Z", "2007-07-26-22:15:38"),
            (
                "CET-1CEST,M3.5.0,M10.5.0/3",
                "2007-07-27 00:15:38.007",
                "2007-07-27T00:15:38.007+02:00",
                "2007-07-27-00:15:38",
            ),
            (
                "NST3:30NDT,M3.2.0,M11.1.0",
                "2007-07-26 19:45:38.007",
                "2007-07-26T19:45:38.007-02:30",
                "2007-07-26-19:45:38",
            ),
        ] {
            let zone = if zone == "UTC" { TimeZone::UTC } else { TimeZone::posix(zone).unwrap() };
            let mut clock = Clock::new(zone);
            assert_eq!(text(|to| clock.push(to, moment)), plain);
            assert_eq!(text(|to| clock.push_rfc_3339(to, moment)), rfc_3339);
            assert_eq!(text(|to| clock.push_dashed(to, moment)), dashed);
        }
    }

    #[test]
    fn the_clock_follows_the_change_to_summer_time() {
        let mut clock = Clock::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        for (millis, shown) in [
            (1_174_784_399_999, "2007-03-25T01:59:59.999+01:00"),
            (1_174_784_400_000, "2007-03-25T03:00:00.000+02:00"),
            (1_174_784_399_000, "2007-03-25T01:59:59.000+01:00"),
        ] {
            assert_eq!(text(|to| clock.push_rfc_3339(to, UnixMillis(millis))), shown);
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_told_apart_by_its_offset() {
        let mut clock = Clock::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        for (millis, shown) in [
            (1_761_436_800_000, "2025-10-26 02:00:00.000+02:00"),
            (1_761_440_400_000, "2025-10-26 02:00:00.000+01:00"),
            (1_761_444_000_000, "2025-10-26 03:00:00.000+01:00"),
        ] {
            assert_eq!(text(|to| clock.push_with_offset(to, UnixMillis(millis))), shown);
        }
        let mut utc = Clock::new(TimeZone::UTC);
        let moment = UnixMillis(1_761_440_400_000);
        assert_eq!(text(|to| utc.push_with_offset(to, moment)), "2025-10-26 01:00:00.000");
    }

    // As nfdump's DurationString, `%2dd %02d:%02d:%02d.%03d`.
    #[test]
    fn a_duration_shows_days_only_where_there_are_some() {
        for (millis, shown) in [
            (0, "    00:00:00.000"),
            (4_791, "    00:00:04.791"),
            (86_399_999, "    23:59:59.999"),
            (86_400_000, " 1d 00:00:00.000"),
            (u32::MAX.into(), "49d 17:02:47.295"),
            (8_640_000_001, "100d 00:00:00.001"),
        ] {
            assert_eq!(text(|to| push_duration(to, millis)), shown);
        }
    }

    proptest! {
        #[test]
        fn a_moment_is_shown_as_its_type_shows_it(moments in prop::collection::vec(any::<u64>(), 1..5), shift in 0u32..64) {
            let mut clock = Clock::new(TimeZone::UTC);
            for moment in moments {
                let moment = UnixMillis(moment >> shift);
                prop_assert_eq!(text(|to| clock.push_rfc_3339(to, moment)), moment.to_string());
            }
        }
    }
}
