//! From an exporter's uptime to absolute time.

use crate::flow::{UnixMillis, low_u32};

/// A time may lie so far after the export that states it, in milliseconds. What seems to lie
/// later than that is taken for a time before the last wrap of the uptime.
///
/// Some exporters stamp the last packet a little after the header (Cisco defect `CSCei12353`). The bound is
/// that of nfdump.
pub const MAX_LEAD_MS: u32 = 100_000;

/// A calendar time that lies further than this after the export that states it, in milliseconds, is
/// not believed: nothing is told before it was. It is a day, as clocks of exporter and observer may
/// differ, and an hour: nfreplay dates its headers a day before the first of the flows in them.
pub const MAX_BELIEVED_LEAD_MS: u64 = 25 * 3_600_000;

/// The uptime counts modulo this: every 49.7 days it begins again.
const WRAP_MS: i64 = 1 << 32;

/// What the header of an export says of time: the absolute time, and the uptime at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportClock {
    exported: UnixMillis,
    uptime_ms: u32,
}

impl ExportClock {
    /// The clock of an exporter whose uptime was `uptime_ms` at `exported`.
    pub const fn new(exported: UnixMillis, uptime_ms: u32) -> Self {
        Self { exported, uptime_ms }
    }

    /// The absolute time at which the uptime was `stamp_ms`; None if that was before 1970.
    pub fn at(self, stamp_ms: u32) -> Option<UnixMillis> {
        self.exported.0.checked_add_signed(self.offset_ms(stamp_ms)).map(UnixMillis)
    }

    /// How long after the export the uptime was `stamp_ms`: mostly negative, in milliseconds.
    #[inline]
    pub(super) const fn offset_ms(self, stamp_ms: u32) -> i64 {
        let ahead_ms = stamp_ms.wrapping_sub(self.uptime_ms);
        if ahead_ms <= MAX_LEAD_MS { ahead_ms as i64 } else { ahead_ms as i64 - WRAP_MS }
    }

    /// Whether every time that this clock can give is in 1970 or later.
    pub(super) const fn never_before_1970(self) -> bool {
        self.exported.0 >= WRAP_MS as u64
    }

    /// When the exporter started, modulo 2³² ms: the same at every wrap of the uptime.
    pub(super) const fn start_ms(self) -> u32 {
        low_u32(self.exported.0).wrapping_sub(self.uptime_ms)
    }

    /// Whether an export at this clock's time can tell of `time`. One that says to have been sent at
    /// the very beginning of 1970 says nothing of when that was; then what counts is when it was
    /// `received`, where that is known.
    pub(super) fn believes(self, time: UnixMillis, received: Option<UnixMillis>) -> bool {
        let sent = if self.exported.0 == 0 { received } else { Some(self.exported) };
        sent.is_none_or(|sent| time <= sent + MAX_BELIEVED_LEAD_MS)
    }

    /// The export's time.
    pub const fn exported(self) -> UnixMillis {
        self.exported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes_become_absolute_times() {
        // (unix_secs, nsecs, uptime, stamp) as real exporters sent them, and the time by hand.
        for (what, secs, nanos, uptime_ms, stamp_ms, expected) in [
            ("plain", 1_186_040_527, 446_891_562, 1_811_404_680, 1_811_402_411, 1_186_040_525_177),
            // First was stamped 1 ms before the uptime wrapped.
            ("wrap", 1_430_591_888, 280_328_000, 3381, 4_294_967_295, 1_430_591_884_898),
            ("lead", 1_186_040_527, 0, 5000, 5900, 1_186_040_527_900),
            ("longest lead", 1_186_040_527, 0, 5000, 105_000, 1_186_040_627_000),
            ("no lead any more", 1_186_040_527, 0, 5000, 105_001, 1_181_745_659_705),
            ("lead over a wrap", 1_186_040_527, 0, u32::MAX, 9, 1_186_040_527_010),
            ("at once", 1_186_040_527, 0, 7, 7, 1_186_040_527_000),
            ("first ms", 10, 0, 10_000, 0, 0),
        ] {
            let exported = UnixMillis(secs * 1000 + nanos / 1_000_000);
            let clock = ExportClock::new(exported, uptime_ms);
            assert_eq!(clock.at(stamp_ms), Some(UnixMillis(expected)), "{what}");
        }
        assert_eq!(ExportClock::new(UnixMillis(9_999), 10_000).at(0), None);
    }
}
