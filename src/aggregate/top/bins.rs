//! Stretches of time that flows began in, as the clocks of a zone cut them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::stats::quarters;
use crate::flow::UnixMillis;

/// Stretches of equal length, counted from the midnight of 1970-01-01 on the clocks of a zone. Where
/// clocks change, one is longer or shorter: days have 23 or 25 hours.
#[derive(Debug)]
pub(super) struct Bins {
    span_ms: u64,
    /// Stretches of which each is in one bin, counted from 1970 in UTC.
    within_ms: u64,
    /// What the zone's clocks are ahead of UTC by; None in UTC.
    offsets: Option<Offsets>,
}

impl Bins {
    /// Those of `span_ms`, as the clocks of `zone` have it.
    pub(super) fn new(span_ms: u64, zone: &TimeZone) -> Self {
        if *zone == TimeZone::UTC {
            return Self { span_ms, within_ms: span_ms, offsets: None };
        }
        let within_ms = quarters(zone).map_or(1, |each| greatest_common_divisor(span_ms, each));
        Self { span_ms, within_ms, offsets: Some(Offsets::of(zone)) }
    }

    /// Stretches of how many milliseconds, counted from 1970 in UTC, are each in one bin.
    pub(super) const fn within_ms(&self) -> u64 {
        self.within_ms
    }

    /// The bits that a number of [`Self::number`] has at most.
    pub(super) fn bits(&self) -> u32 {
        (u64::MAX / self.unit_ms()).ilog2() + 1
    }

    /// A number for the bin in which `first_ms` is: they rise with time.
    #[inline]
    pub(super) fn number(&self, first_ms: u64) -> u64 {
        match &self.offsets {
            None => first_ms / self.span_ms,
            Some(offsets) => offsets.start(first_ms, self.span_ms) / self.unit_ms(),
        }
    }

    /// When the bin of this number begins.
    pub(super) fn start(&self, number: u64) -> UnixMillis {
        UnixMillis(number.saturating_mul(self.unit_ms()))
    }

    /// What beginnings of bins are a multiple of.
    const fn unit_ms(&self) -> u64 {
        // Offsets are of whole seconds, as spans are.
        if self.offsets.is_some() { 1000 } else { self.span_ms }
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// What clocks are ahead of UTC by: from each moment on, in milliseconds.
#[derive(Debug)]
struct Offsets(Vec<(u64, i64)>);

impl Offsets {
    /// Those from 1970 to 2100; the last one goes on.
    fn of(zone: &TimeZone) -> Self {
        const LAST_SECOND: i64 = 4_102_444_800;
        let ahead = |moment| i64::from(zone.to_offset(moment).seconds()) * 1000;
        let changes = zone.following(Timestamp::UNIX_EPOCH).map(|change| change.timestamp());
        let changes = changes.take_while(|moment| moment.as_second() < LAST_SECOND);
        let changes = std::iter::once(Timestamp::UNIX_EPOCH).chain(changes);
        let millis = |moment: Timestamp| u64::try_from(moment.as_millisecond()).unwrap_or(0);
        Self(changes.map(|moment| (millis(moment), ahead(moment))).collect())
    }

    fn at(&self, moment_ms: u64) -> i64 {
        let behind = self.0.partition_point(|&(from, _)| from <= moment_ms);
        self.0.get(behind.saturating_sub(1)).map_or(0, |&(_, ahead)| ahead)
    }

    /// When the bin begins that `moment_ms` is in.
    fn start(&self, moment_ms: u64, span_ms: u64) -> u64 {
        let ahead = self.at(moment_ms);
        let on_clocks = moment_ms.saturating_add_signed(ahead);
        let start = on_clocks - on_clocks % span_ms;
        let moment = start.saturating_add_signed(-ahead);
        // Where clocks changed since, it is by those of before that the bin begins.
        start.saturating_add_signed(-self.at(moment)).min(moment_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> UnixMillis {
        UnixMillis::parse(text, &TimeZone::UTC, UnixMillis(0)).unwrap()
    }

    /// Expected by Python's zoneinfo, as `docs` of `datetime` have it: the wall clock is cut, and the
    /// moment that it stood for is looked up.
    #[test]
    fn bins_are_cut_by_the_clocks_of_the_zone() {
        const MINUTE: u64 = 60_000;
        for (zone, span_ms, first, start) in [
            ("UTC", 1440 * MINUTE, "2026-10-25T12:00Z", "2026-10-25T00:00Z"),
            ("+02:00", 1440 * MINUTE, "2026-10-25T22:30Z", "2026-10-25T22:00Z"),
            ("Europe/Zurich", 1440 * MINUTE, "2026-10-25T21:59Z", "2026-10-24T22:00Z"),
            ("Europe/Zurich", 1440 * MINUTE, "2026-10-25T22:59Z", "2026-10-24T22:00Z"),
            ("Europe/Zurich", 1440 * MINUTE, "2026-10-25T23:00Z", "2026-10-25T23:00Z"),
            ("Europe/Zurich", 1440 * MINUTE, "2026-03-29T21:59Z", "2026-03-28T23:00Z"),
            ("Europe/Zurich", 1440 * MINUTE, "2026-03-29T22:00Z", "2026-03-29T22:00Z"),
            // The hour that comes twice is two.
            ("Europe/Zurich", 60 * MINUTE, "2026-10-25T00:30Z", "2026-10-25T00:00Z"),
            ("Europe/Zurich", 60 * MINUTE, "2026-10-25T01:30Z", "2026-10-25T01:00Z"),
            ("Europe/Zurich", 360 * MINUTE, "2026-10-25T04:59Z", "2026-10-24T22:00Z"),
            ("Europe/Zurich", 360 * MINUTE, "2026-10-25T05:00Z", "2026-10-25T05:00Z"),
            ("Asia/Kathmandu", 60 * MINUTE, "2026-10-25T00:00Z", "2026-10-24T23:15Z"),
            // Clocks skip midnight there.
            ("America/Sao_Paulo", 1440 * MINUTE, "2018-11-04T12:00Z", "2018-11-04T03:00Z"),
        ] {
            let zone = if zone.starts_with('+') {
                TimeZone::fixed(jiff::tz::offset(2))
            } else {
                TimeZone::get(zone).unwrap()
            };
            let bins = Bins::new(span_ms, &zone);
            let number = bins.number(moment(first).0);
            assert!(number < 1 << (bins.bits() - 1) || bins.bits() == 64, "{first}");
            assert_eq!(bins.start(number), moment(start), "{first} of {span_ms}");
        }
    }

    #[test]
    fn quarters_of_an_hour_are_each_of_one_bin() {
        let within =
            |span_ms, zone: &str| Bins::new(span_ms, &TimeZone::get(zone).unwrap()).within_ms();
        assert_eq!(within(86_400_000, "UTC"), 86_400_000);
        assert_eq!(within(86_400_000, "Europe/Zurich"), 900_000);
        assert_eq!(within(300_000, "Europe/Zurich"), 300_000);
        assert_eq!(within(7_000, "Europe/Zurich"), 1000);
    }
}
