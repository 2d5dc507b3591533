//! Which times are usual for the flows of a batch: what clocks tell that are not all wrong.

use std::collections::BTreeMap;

use crate::flow::UnixMillis;

/// So many days of datagrams are told apart in one batch; of more, those with the fewest count as
/// unusual.
pub const MAX_USUAL_DAYS: usize = 1024;

/// Flows that begin this long after the present, in milliseconds, or later, are of a clock that
/// runs ahead.
pub const AHEAD_MS: u64 = 86_400_000;

/// The days around which the datagrams of a batch were sent, and from when on flows are of days to
/// come.
///
/// Stores that keep flows by day keep those apart from all others that a wrong clock, or a forger,
/// puts anywhere else: so that what is usual can be found, and deleted, by its day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usual {
    /// How many datagrams were sent on each.
    days: BTreeMap<u64, u64>,
    horizon: UnixMillis,
}

impl Usual {
    /// No day is usual yet, and none is one to come.
    pub const fn new() -> Self {
        Self { days: BTreeMap::new(), horizon: UnixMillis::MAX }
    }

    /// Enters the day on which a datagram was sent.
    pub fn enter(&mut self, sent: UnixMillis) {
        let day = sent.day();
        if self.days.len() >= MAX_USUAL_DAYS && !self.days.contains_key(&day) {
            // Made-up days come once, true ones again and again.
            let least = self.days.iter().min_by_key(|(_, datagrams)| **datagrams);
            if let Some(least) = least.map(|(&day, _)| day) {
                self.days.remove(&least);
            }
        }
        *self.days.entry(day).or_default() += 1;
    }

    /// From now on the present is `now`.
    pub fn set_present(&mut self, now: UnixMillis) {
        self.horizon = now + AHEAD_MS;
    }

    /// Whether a flow that began at `first` is of a day to come.
    pub fn is_ahead(&self, first: UnixMillis) -> bool {
        first > self.horizon
    }

    /// Whether it is not known of any day.
    pub fn is_unknown(&self) -> bool {
        self.days.is_empty()
    }

    /// Whether flows of `day` are of a day on which datagrams were sent, or of one next to it.
    pub fn is_usual(&self, day: u64) -> bool {
        self.days.range(day.saturating_sub(1)..=day.saturating_add(1)).next().is_some()
    }

    /// From when on flows are of days to come; never, as long as the present is not known.
    pub fn horizon(&self) -> UnixMillis {
        self.horizon
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        *self = Self::new();
    }
}

impl Default for Usual {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_next_to_one_of_a_datagram_are_usual_and_days_to_come_are_ahead() {
        let mut usual = Usual::new();
        assert!(!usual.is_usual(0) && !usual.is_ahead(UnixMillis::MAX));
        usual.enter(UnixMillis::of_day(10) + 5);
        usual.enter(UnixMillis::EPOCH);
        let days: Vec<u64> = (0..20).filter(|&day| usual.is_usual(day)).collect();
        assert_eq!(days, [0, 1, 9, 10, 11]);
        usual.set_present(UnixMillis::of_day(10));
        assert!(!usual.is_ahead(UnixMillis::of_day(11)));
        assert!(usual.is_ahead(UnixMillis::of_day(11) + 1));
        for day in 0..5000 {
            usual.enter(UnixMillis::of_day(100_000));
            usual.enter(UnixMillis::of_day(day * 3));
        }
        assert_eq!(usual.days.len(), MAX_USUAL_DAYS);
        assert!(usual.is_usual(100_000));
        usual.clear();
        assert_eq!(usual, Usual::new());
    }
}
