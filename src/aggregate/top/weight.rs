//! What keys are weighed by: which number, and of which time.

use super::order::TopOrder;
use crate::flow::{TimeRange, UnixMillis};

/// What keys are weighed by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight {
    pub(super) order: TopOrder,
    pub(super) windows: Windows,
}

impl Weight {
    /// By `order`, whenever flows began.
    pub(super) const fn by(order: TopOrder) -> Self {
        const NEVER: TimeRange = TimeRange { since: UnixMillis::EPOCH, until: UnixMillis::EPOCH };
        Self { order, windows: Windows { now: TimeRange::ALL, before: NEVER } }
    }
}

/// Two stretches of time, of which one is held against the other. They may overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The one that is asked about.
    pub now: TimeRange,
    /// The one that it is held against.
    pub before: TimeRange,
}

impl Windows {
    /// Both, the one that is asked about first.
    pub const fn both(&self) -> [TimeRange; 2] {
        [self.now, self.before]
    }

    /// Stretches that do not overlap, each of which is in one of the windows or in both.
    pub fn parts(&self) -> Vec<TimeRange> {
        let mut ends: Vec<UnixMillis> =
            self.both().iter().flat_map(|window| [window.since, window.until]).collect();
        ends.sort_unstable();
        ends.dedup();
        let parts = ends.windows(2).map(|ends| TimeRange { since: ends[0], until: ends[1] });
        parts.filter(|part| self.both().iter().any(|window| window.contains(part.since))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_overlap_are_read_once() {
        let range = |since, until| TimeRange { since: UnixMillis(since), until: UnixMillis(until) };
        for (now, before, parts) in [
            ((10, 20), (0, 10), vec![(0, 10), (10, 20)]),
            ((20, 30), (0, 10), vec![(0, 10), (20, 30)]),
            ((5, 15), (0, 10), vec![(0, 5), (5, 10), (10, 15)]),
            ((0, 10), (0, 10), vec![(0, 10)]),
            ((2, 4), (0, 10), vec![(0, 2), (2, 4), (4, 10)]),
        ] {
            let windows = Windows { now: range(now.0, now.1), before: range(before.0, before.1) };
            let parts: Vec<_> =
                parts.into_iter().map(|(since, until)| range(since, until)).collect();
            assert_eq!(windows.parts(), parts, "{now:?} {before:?}");
        }
    }
}
