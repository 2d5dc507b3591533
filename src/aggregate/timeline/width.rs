//! How long bins are, and where they begin.

use std::num::NonZeroU64;

use jiff::tz::TimeZone;

use crate::flow::UnixMillis;

/// How long the bins of a timeline are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinWidth {
    /// As short as leaves at most so many bins (at least 2): a second, or one of the usual steps up
    /// to four weeks, then two, four, eight times these.
    AtMost(usize),
    /// So many milliseconds.
    Millis(NonZeroU64),
}

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: u64 = 24 * HOUR_MS;

/// Each divides the next, so that bins can be put together while they fill.
const LADDER: [u64; 15] = [
    SECOND_MS,
    5 * SECOND_MS,
    10 * SECOND_MS,
    30 * SECOND_MS,
    MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    7 * DAY_MS,
    28 * DAY_MS,
];

impl BinWidth {
    /// The width to begin with, and how many bins there may be.
    pub(super) fn start(self) -> (u64, usize) {
        match self {
            Self::AtMost(most) => (LADDER[0], most.max(2)),
            Self::Millis(width) => (width.get(), super::MAX_BINS),
        }
    }

    /// The width after `width_ms`, of which it is a multiple; none where the width is given.
    pub(super) fn wider(self, width_ms: u64) -> Option<u64> {
        match self {
            Self::AtMost(_) => {
                let next = LADDER.into_iter().find(|&step| step > width_ms);
                Some(next.unwrap_or_else(|| width_ms.saturating_mul(2)))
            }
            Self::Millis(_) => None,
        }
    }
}

/// How far times are moved before they are cut into bins: by what the clocks of `zone` are ahead
/// at `moment`, so that days begin at midnight there, and by three days, so that weeks begin on
/// Mondays; 1970 began on a Thursday.
pub(super) fn shift_ms(zone: &TimeZone, moment: UnixMillis) -> u64 {
    let ahead_ms = i64::from(zone.to_offset(moment.timestamp()).seconds()) * 1000;
    (3 * DAY_MS).saturating_add_signed(ahead_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_width_is_a_multiple_of_the_one_before() {
        let width = BinWidth::AtMost(9);
        let mut step = width.start().0;
        for _ in 0..40 {
            let next = width.wider(step).unwrap();
            assert!(next > step && next.is_multiple_of(step), "{step} {next}");
            step = next;
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_days_at_midnight_of_the_zone() {
        // 2007-07-23 was a Monday.
        let monday = UnixMillis::parse("2007-07-23", &TimeZone::UTC, UnixMillis(0)).unwrap();
        assert_eq!((monday.0 + shift_ms(&TimeZone::UTC, monday)) % (7 * DAY_MS), 0);
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let midnight = UnixMillis::parse("2007-07-26", &zone, UnixMillis(0)).unwrap();
        assert_eq!((midnight.0 + shift_ms(&zone, midnight)) % DAY_MS, 0);
    }
}
