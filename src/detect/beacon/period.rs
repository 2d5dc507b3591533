//! The period of events, and how likely it is to come by chance.
//!
//! Whoever calls by the clock is early or late against it, and never goes astray; whoever sleeps between
//! calls goes astray a little more with each. So two tests are made, one of when they call and one of how
//! long they pause, and the surer one is told.

use std::f64::consts::{LN_2, TAU};

/// So many of the latest events are looked at.
const MOST_EVENTS: usize = 1_000;

/// So many frequencies are tried for each step by which they can be told apart; among pauses, which are
/// much shorter than all of the time and so tell few apart, more.
const STEPS: f64 = 2.0;
const STEPS_OF_PAUSES: f64 = 4.0;

/// So many frequencies are tried at most.
const MOST_FREQUENCIES: usize = 4_096;

/// Frequencies are tried around that of the median interval: from a half, as a lost event doubles an
/// interval, up to half as many more, as what is shorter than its interval is none.
const SLOWEST: f64 = 0.5;
const FASTEST: f64 = 1.5;

/// An interval of more than so many medians is a rest, and says nothing of a period.
const REST: u64 = 4;

/// A period that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Period {
    pub(super) millis: u64,
    /// The probability that events without any period show as much of one.
    pub(super) chance: f64,
}

impl Period {
    fn of(frequency: f64, chance: f64) -> Self {
        Self { millis: (1.0 / frequency).round() as u64, chance }
    }
}

/// The period of events at `times`, which rise, if there are four intervals at least; by their pauses as well,
/// if that is wanted. It is to be wanted where these are even alone: calls in bursts, each as long behind the
/// one before as an exporter takes to end a connection, have pauses that are alike too, but long ones among
/// them.
pub(super) fn period(times: &[u64], by_pauses: bool) -> Option<Period> {
    let times = &times[times.len().saturating_sub(MOST_EVENTS)..];
    let mut intervals: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    intervals.retain(|&interval| interval > 0);
    if intervals.len() < 4 {
        return None;
    }
    intervals.sort_unstable();
    let median = intervals[intervals.len() / 2];
    let of_times = of_clock(times, median as f64)?;
    if !by_pauses {
        return Some(of_times);
    }
    let pauses = &intervals[..intervals.partition_point(|&interval| interval <= REST * median)];
    let of_pauses = of_sleep(pauses, median as f64)?;
    let surer = if of_pauses.chance < of_times.chance { of_pauses } else { of_times };
    // Either could have shown one by chance.
    Some(Period { chance: (2.0 * surer.chance).min(1.0), ..surer })
}

/// Frequencies around that of `median`, so many for each step that can be told apart over `span`, and how
/// many of them are independent of each other.
fn frequencies(median: f64, span: f64, steps: f64) -> (impl Iterator<Item = f64>, f64) {
    let (slowest, fastest) = (SLOWEST / median, FASTEST / median);
    let step = (1.0 / (steps * span)).max((fastest - slowest) / MOST_FREQUENCIES as f64);
    let count = ((fastest - slowest) / step).ceil() as usize + 1;
    ((0..count).map(move |at| slowest + step * at as f64), (count as f64 / steps).max(1.0))
}

/// That of several frequencies for which `measure` is greatest.
fn greatest(
    frequencies: impl Iterator<Item = f64>,
    measure: impl Fn(f64) -> f64,
) -> Option<(f64, f64)> {
    frequencies
        .map(|frequency| (frequency, measure(frequency)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// The chance of the greatest of many (Walker): 1 - (1 - p)^m.
fn of_many(chance: f64, independent: f64) -> f64 {
    -(independent * (-chance.min(1.0)).ln_1p()).exp_m1()
}

/// The period whose phase `times` have most in common: Rayleigh's test, which as the periodogram of events
/// is made for each frequency, with the chance of so few (Zar, Biostatistical Analysis, 27.4).
fn of_clock(times: &[u64], median: f64) -> Option<Period> {
    let (first, last) = (*times.first()?, *times.last()?);
    let count = times.len() as f64;
    let (tried, independent) = frequencies(median, (last - first) as f64, STEPS);
    // The length of the sum of all as unit vectors, squared.
    let length = |frequency: f64| {
        let (mut cosine, mut sine) = (0.0, 0.0);
        for &time in times {
            let (one, other) = (TAU * frequency * (time - first) as f64).sin_cos();
            sine += one;
            cosine += other;
        }
        cosine * cosine + sine * sine
    };
    let (frequency, length) = greatest(tried, length)?;
    let rest = (count * count - length).max(0.0);
    let chance = ((1.0 + 4.0 * count + 4.0 * rest).sqrt() - (1.0 + 2.0 * count)).exp();
    Some(Period::of(frequency, of_many(chance, independent)))
}

/// The period of which all `pauses`, which rise, are about one or several: the V test of their phases about
/// none (Greenwood and Durand), for each frequency.
fn of_sleep(pauses: &[u64], median: f64) -> Option<Period> {
    let longest = *pauses.last()? as f64;
    // By one phase alone twice as many can be told apart as by any.
    let (tried, independent) = frequencies(median, 2.0 * longest, STEPS_OF_PAUSES);
    let count = pauses.len() as f64;
    let together = |frequency: f64| {
        let cosines = pauses.iter().map(|&pause| (TAU * frequency * pause as f64).cos());
        (2.0 / count).sqrt() * (cosines.sum::<f64>() - count * of_random_pauses(frequency, median))
    };
    let (frequency, deviations) = greatest(tried, together)?;
    // What is above so many deviations, of numbers that are normal (Mills).
    let above =
        |deviations: f64| (-deviations * deviations / 2.0).exp() / (deviations * TAU.sqrt());
    let chance = if deviations > 1.0 { above(deviations) } else { 1.0 };
    // Which is only near the period: that is how long all of them are, over how many periods.
    let periods = |&pause: &u64| (frequency * pause as f64).round().max(1.0);
    let [length, count] = [pauses.iter().sum::<u64>() as f64, pauses.iter().map(periods).sum()];
    Some(Period::of(count / length, of_many(chance, independent)))
}

/// The mean cosine of the phases of pauses between events at random, up to the longest that counts: short ones
/// are frequent, so it is above 0, and of many pauses that would be seen.
fn of_random_pauses(frequency: f64, median: f64) -> f64 {
    let rate = LN_2 / median;
    let longest = REST as f64 * median;
    let angular = TAU * frequency;
    // As many are longer than the longest.
    let beyond = (-rate * longest).exp();
    let (sine, cosine) = (angular * longest).sin_cos();
    let sum = rate * (1.0 - beyond * cosine) + angular * beyond * sine;
    rate * sum / ((rate * rate + angular * angular) * (1.0 - beyond))
}

#[cfg(test)]
mod tests {
    use super::super::scattered::scattered;
    use super::*;

    #[test]
    fn a_period_shows_through_jitter_and_loss() {
        let calls = scattered(0, 400).enumerate().filter(|(at, _)| at % 10 != 3);
        let times: Vec<u64> =
            calls.map(|(at, drawn)| at as u64 * 60_000 + (drawn * 24_000.0) as u64).collect();
        let found = period(&times, true).unwrap();
        assert!((59_500..60_500).contains(&found.millis), "{found:?}");
        assert!(found.chance < 1e-9, "{found:?}");
    }

    #[test]
    fn a_period_shows_where_each_pause_is_a_little_off() {
        // Each pause is up to a fifth shorter or longer, so that after a day nothing is left of the phase.
        let mut time = 0;
        let calls = scattered(0, 144).map(|drawn| {
            time += 480_000 + (drawn * 240_000.0) as u64;
            time
        });
        let times: Vec<u64> =
            calls.enumerate().filter(|(at, _)| at % 10 != 3).map(|(_, at)| at).collect();
        let found = period(&times, true).unwrap();
        assert!((580_000..620_000).contains(&found.millis), "{found:?}");
        assert!(found.chance < 1e-9, "{found:?}");
    }

    #[test]
    fn what_comes_at_random_has_a_period_as_seldom_as_is_said() {
        // Of few events and of many, of which the pauses alone would tell more.
        for count in [20, 200, 1_000] {
            let is_told = |seed: &u64| {
                let mut times: Vec<u64> =
                    scattered(*seed, count).map(|drawn| (drawn * 86_400_000.0) as u64).collect();
                times.sort_unstable();
                period(&times, true).unwrap().chance < 0.02
            };
            let told = (0..200).filter(is_told).count();
            assert!(told <= 12, "{told} of 200 where 4 are to be expected, of {count} events");
        }
    }

    // By Python, of three million x = -math.log(1 - random.random()) those of at most 4 * math.log(2): the mean
    // of math.cos(2 * math.pi * f / math.log(2) * x).
    #[test]
    fn short_pauses_at_random_have_something_in_common() {
        for (frequency, expected) in [(0.5, 0.047), (0.8, 0.0286), (1.0, 0.0122)] {
            let found = of_random_pauses(frequency / 60_000.0, 60_000.0);
            assert!((found - expected).abs() < 1e-3, "{frequency}: {found}");
        }
    }

    #[test]
    fn what_comes_at_random_has_none() {
        let mut times: Vec<u64> =
            scattered(0, 300).map(|drawn| (drawn * 86_400_000.0) as u64).collect();
        times.sort_unstable();
        assert!(period(&times, true).unwrap().chance > 1e-4);
        assert_eq!(period(&[1, 2, 3], true), None);
    }
}
