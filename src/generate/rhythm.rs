//! How much is exported when: the hours of the day, and the unrest of every second.

use super::random::Random;

/// How busy each hour of the day is, in UTC, from midnight on.
const HOURS: [f64; 24] = [
    46.0, 36.0, 29.0, 25.0, 23.0, 25.0, 33.0, 47.0, 63.0, 75.0, 82.0, 86.0, 88.0, 89.0, 90.0, 91.0,
    93.0, 95.0, 98.0, 100.0, 99.0, 92.0, 78.0, 61.0,
];
const HOUR_SECS: f64 = 3600.0;

/// Shares a number of flows among the seconds of a capture.
#[derive(Debug)]
pub(super) struct Rhythm {
    flows: u64,
    start_secs: u64,
    seed: u64,
    total_weight: f64,
    weight_so_far: f64,
    second: u64,
}

impl Rhythm {
    /// `flows` from `start_secs` since 1970 on, for `seconds`.
    pub(super) fn new(flows: u64, start_secs: u64, seconds: u64, seed: u64) -> Self {
        let mut rhythm =
            Self { flows, start_secs, seed, total_weight: 0.0, weight_so_far: 0.0, second: 0 };
        rhythm.total_weight = (0..seconds).map(|second| rhythm.weight(second)).sum();
        rhythm
    }

    /// How many flows are exported until the end of the next second, from the beginning on.
    pub(super) fn next_second(&mut self) -> u64 {
        self.weight_so_far += self.weight(self.second);
        self.second += 1;
        let share = self.weight_so_far / self.total_weight;
        ((self.flows as f64 * share) as u64).min(self.flows)
    }

    fn weight(&self, second: u64) -> f64 {
        let hours = ((self.start_secs + second) % 86_400) as f64 / HOUR_SECS;
        let hour = hours as usize;
        let within = hours - hour as f64;
        let even = HOURS[hour] * (1.0 - within) + HOURS[(hour + 1) % 24] * within;
        even * (0.8 + 0.4 * Random::new(self.seed, second).unit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_has_its_second_and_evenings_have_more_than_nights() {
        let mut rhythm = Rhythm::new(1_000_000, 86_400 * 365, 86_400, 1);
        let until: Vec<u64> = (0..86_400).map(|_| rhythm.next_second()).collect();
        assert!(until.is_sorted());
        assert!((999_999..=1_000_000).contains(until.last().unwrap()));
        let in_hour = |hour: usize| until[hour * 3600 + 3599] - until[hour * 3600];
        assert!(in_hour(19) > 3 * in_hour(4));
    }
}
