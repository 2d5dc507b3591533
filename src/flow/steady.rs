//! What time it is by the times of packets, of which any may be wrong.

use super::UnixMillis;

/// Two packets agree on a time that lies not further apart.
const SAME_MS: u64 = 86_400_000;

/// A clock that one wrong time does not move far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SteadyClock {
    now: UnixMillis,
    is_set: bool,
    /// The time of the packet before, if it was not believed.
    doubted: Option<UnixMillis>,
}

impl SteadyClock {
    /// Takes the time of a packet. One further away than `reach_ms`, ahead or back, counts when the
    /// next packet tells the same: the clock was set then, or nothing came for long. Gives the time
    /// that was doubted until now, if so.
    pub(crate) fn hear(&mut self, time: UnixMillis, reach_ms: u64) -> Option<UnixMillis> {
        let doubted = self.doubted.take();
        if !self.is_set || self.now.0.abs_diff(time.0) <= reach_ms {
            self.now = self.now.max(time);
            self.is_set = true;
            return None;
        }
        let believed = doubted.filter(|doubted| doubted.0.abs_diff(time.0) <= SAME_MS);
        match believed {
            Some(_) => self.now = time,
            None => self.doubted = Some(time),
        }
        believed
    }

    /// What time it is.
    pub(crate) const fn now(&self) -> UnixMillis {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_time_moves_nothing_and_two_that_agree_do() {
        const DAY: u64 = 86_400_000;
        let mut clock = SteadyClock::default();
        for (time, now) in [
            (100 * DAY, 100),
            (101 * DAY, 101),
            (100 * DAY, 101),
            // Damaged, ahead and back, alone and one after the other.
            (50_000 * DAY, 101),
            (102 * DAY, 102),
            (0, 102),
            (50_000 * DAY, 102),
            (103 * DAY, 103),
            // A long silence.
            (500 * DAY, 103),
            (501 * DAY, 501),
            // Set back.
            (300 * DAY, 501),
            (300 * DAY, 300),
        ] {
            clock.hear(UnixMillis(time), 30 * DAY);
            assert_eq!(clock.now(), UnixMillis(now * DAY), "{time}");
        }
    }
}
