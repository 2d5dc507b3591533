//! The period of events, and how likely it is to come by chance.

use std::f64::consts::TAU;

/// So many of the latest events are looked at.
const MOST_EVENTS: usize = 1_000;

/// So many frequencies are tried for each step by which they can be told apart.
const STEPS: f64 = 2.0;

/// So many frequencies are tried at most.
const MOST_FREQUENCIES: usize = 4_096;

/// A period that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Period {
    pub(super) millis: u64,
    /// The probability that events without any period show as much of one.
    pub(super) chance: f64,
}

/// The period of events at `times`, which rise: the one whose phase they have most in common
/// (Rayleigh's power, as the periodogram of events), with the probability after Walker's test of the
/// greatest of many.
pub(super) fn period(times: &[u64]) -> Option<Period> {
    let times = &times[times.len().saturating_sub(MOST_EVENTS)..];
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return None };
    let span = (last - first) as f64;
    let mut intervals: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.retain(|&interval| interval > 0);
    if intervals.len() < 4 || span == 0.0 {
        return None;
    }
    intervals.sort_unstable();
    let median = intervals[intervals.len() / 2] as f64;
    // From twice the median down to two thirds of it: a lost event doubles an interval, and what is
    // shorter than its interval is none.
    let (slowest, fastest) = (1.0 / (2.0 * median), 1.5 / median);
    let step = (1.0 / (STEPS * span)).max((fastest - slowest) / MOST_FREQUENCIES as f64);
    let count = ((fastest - slowest) / step).ceil() as usize + 1;
    let power = |frequency: f64| {
        let (mut cosine, mut sine) = (0.0, 0.0);
        for &time in times {
            let (one, other) = (TAU * frequency * (time - first) as f64).sin_cos();
            sine += one;
            cosine += other;
        }
        (cosine * cosine + sine * sine) / times.len() as f64
    };
    let tried = (0..count).map(|at| slowest + step * at as f64);
    let (frequency, greatest) = tried
        .map(|frequency| (frequency, power(frequency)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let independent = (count as f64 / STEPS).max(1.0);
    // 1 - (1 - e^-P)^m, where the power of no period is exponential.
    let chance = -(independent * (-(-greatest).exp()).ln_1p()).exp_m1();
    Some(Period { millis: (1.0 / frequency).round() as u64, chance })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 to 1 that are as good as random.
    fn scattered(count: u64) -> impl Iterator<Item = f64> {
        let mix = |at: u64| {
            let mixed = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..count).map(mix)
    }

    #[test]
    fn a_period_shows_through_jitter_and_loss() {
        let calls = scattered(400).enumerate().filter(|(at, _)| at % 10 != 3);
        let times: Vec<u64> =
            calls.map(|(at, drawn)| at as u64 * 60_000 + (drawn * 24_000.0) as u64).collect();
        let found = period(&times).unwrap();
        assert!((59_500..60_500).contains(&found.millis), "{found:?}");
        assert!(found.chance < 1e-9, "{found:?}");
    }

    #[test]
    fn what_comes_at_random_has_none() {
        let mut times: Vec<u64> =
            scattered(300).map(|drawn| (drawn * 86_400_000.0) as u64).collect();
        times.sort_unstable();
        assert!(period(&times).unwrap().chance > 1e-4);
        assert_eq!(period(&[1, 2, 3]), None);
    }
}
