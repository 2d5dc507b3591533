//! The four scores of RITA v5 (Active Countermeasures): each from 0 to 1, of equal weight.

/// A window is looked at in so many bins of equal length.
const BINS: usize = 24;

/// Quartiles that are closer, in milliseconds, are taken for equal.
const CLOSE_MS: f64 = 10_000.0;

/// So many bins must be filled for a fit of two modes, and for a score of duration.
const FILLED_OF_TWO_MODES: usize = 11;
const FILLED_OF_DURATION: usize = 6;

/// A run of so many filled bins is as long as need be.
const LONG_RUN: f64 = 12.0;

/// What is said of contacts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scores {
    /// How even the intervals are.
    pub(super) interval: f64,
    /// How even what is sent is.
    pub(super) size: f64,
    /// How evenly they fill the window.
    pub(super) histogram: f64,
    /// How much of the window they fill.
    pub(super) duration: f64,
    pub(super) median_interval_ms: u64,
}

impl Scores {
    /// The scores of contacts at `times`, which rise, that sent so many octets, in a window that ends with
    /// the last one.
    pub(super) fn of(times: &[u64], octets: Vec<u64>, window_ms: u64) -> Self {
        let between = times.windows(2).map(|pair| pair[1] - pair[0]);
        let intervals: Vec<u64> = between.filter(|&interval| interval > 0).collect();
        let mut sorted = intervals.clone();
        sorted.sort_unstable();
        let median_interval_ms = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
        let bins = histogram(times, window_ms);
        Self {
            interval: evenness(&sorted, CLOSE_MS),
            size: size_score(octets),
            histogram: spread(&bins).max(two_modes(&bins)),
            duration: duration_score(&bins, times, window_ms),
            median_interval_ms,
        }
    }

    pub(super) fn mean(&self) -> f64 {
        (self.interval + self.size + self.histogram + self.duration) / 4.0
    }
}

fn size_score(mut octets: Vec<u64>) -> f64 {
    octets.sort_unstable();
    if quantile(&octets, 2) < 1.0 {
        return 0.0;
    }
    evenness(&octets, 0.0)
}

/// The mean of two: how little the quartiles lean to one side (Bowley's skewness), and how little the
/// values differ from their median (its absolute deviation).
fn evenness(sorted: &[u64], close: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let [low, median, high] = [1, 2, 3].map(|quarter| quantile(sorted, quarter));
    let is_one = |quartile: f64| (median - quartile).abs() < f64::EPSILON;
    let is_even = high - low < close.max(1e-9) || is_one(low) || is_one(high);
    let skewness = if is_even { 0.0 } else { (high + low - 2.0 * median) / (high - low) };
    let deviation = if median < 1.0 {
        1.0
    } else {
        let mut deviations: Vec<f64> =
            sorted.iter().map(|&value| (value as f64 - median).abs()).collect();
        deviations.sort_by(f64::total_cmp);
        let middle = middle_of(&deviations);
        ((median - middle) / median).max(0.0)
    };
    f64::midpoint(1.0 - skewness.abs(), deviation)
}

fn middle_of(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// The value below which so many quarters of all lie, between two where it lies there.
fn quantile(sorted: &[u64], quarters: usize) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = last as f64 * quarters as f64 / 4.0;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below as f64 + (above as f64 - below as f64) * place.fract()
}

/// How many contacts lie in each bin of the window.
fn histogram(times: &[u64], window_ms: u64) -> [u64; BINS] {
    let mut bins = [0; BINS];
    let last = times.last().copied().unwrap_or(0);
    let start = (last + 1).saturating_sub(window_ms);
    for time in times {
        let bin = u128::from(time.saturating_sub(start)) * BINS as u128 / u128::from(window_ms);
        bins[(bin as usize).min(BINS - 1)] += 1;
    }
    bins
}

/// One less the standard deviation over the mean.
fn spread(bins: &[u64; BINS]) -> f64 {
    let mean = bins.iter().sum::<u64>() as f64 / BINS as f64;
    if mean == 0.0 {
        return 0.0;
    }
    let variance = bins.iter().map(|&bin| (bin as f64 - mean).powi(2)).sum::<f64>() / BINS as f64;
    (1.0 - variance.sqrt() / mean).max(0.0)
}

/// The share of filled bins that are of one of two heights: bars are alike within a twentieth of the
/// highest, and one class of them may be left out.
fn two_modes(bins: &[u64; BINS]) -> f64 {
    let filled: Vec<u64> = bins.iter().copied().filter(|&bin| bin > 0).collect();
    if filled.len() < FILLED_OF_TWO_MODES {
        return 0.0;
    }
    let highest = filled.iter().copied().max().unwrap_or(1);
    let width = (highest as f64 * 0.05).ceil().max(1.0);
    let mut classes: Vec<usize> = filled.iter().map(|&bin| (bin as f64 / width) as usize).collect();
    classes.sort_unstable();
    let mut counts: Vec<usize> = classes.chunk_by(usize::eq).map(<[_]>::len).collect();
    counts.sort_unstable_by(|one, other| other.cmp(one));
    let in_two: usize = counts.iter().take(2).sum();
    // One that is left out is the rarest, if there are more than two.
    let left_out = if counts.len() > 2 { counts[counts.len() - 1].min(1) } else { 0 };
    in_two as f64 / (filled.len() - left_out) as f64
}

/// How long they go on, of the window, or without a gap.
fn duration_score(bins: &[u64; BINS], times: &[u64], window_ms: u64) -> f64 {
    if bins.iter().filter(|&&bin| bin > 0).count() < FILLED_OF_DURATION {
        return 0.0;
    }
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0.0 };
    let span = (last - first) as f64 / window_ms as f64;
    // A run may go on from the end at the beginning.
    let (mut run, mut longest) = (0_usize, 0_usize);
    for place in 0..2 * BINS {
        run = if bins[place % BINS] > 0 { run + 1 } else { 0 };
        longest = longest.max(run.min(BINS));
    }
    span.max(longest as f64 / LONG_RUN).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[track_caller]
    fn assert_close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-9, "{one} and {other}");
    }

    #[test]
    fn a_clock_scores_one() {
        let times: Vec<u64> = (1..=1_440).map(|minute| minute * MINUTE).collect();
        let scores = Scores::of(&times, vec![500; times.len()], 1_440 * MINUTE);
        assert_close(scores.mean(), 1.0);
        assert_eq!(scores.median_interval_ms, MINUTE);
    }

    #[test]
    fn skewness_and_deviation_are_as_published() {
        // Quartiles 20, 30 and 60 s: Bowley (60 + 20 - 60) / 40 = 0.5; deviations from 30: 10, 0, 30, 20,
        // 90, of which the median is 20; so ((1 - 0.5) + (30 - 20) / 30) / 2.
        let intervals = vec![10_000, 20_000, 30_000, 60_000, 120_000];
        let expected = f64::midpoint(0.5, (30.0 - 20.0) / 30.0);
        assert_close(evenness(&intervals, CLOSE_MS), expected);
        // Quartiles within ten seconds do not lean.
        assert!(evenness(&[60_000, 60_001, 60_005], CLOSE_MS) > 0.999);
        assert_close(size_score(vec![0, 0, 0, 9]), 0.0);
    }

    #[test]
    fn bars_of_two_heights_are_as_even_as_bars_of_one() {
        let mut bins = [10; BINS];
        assert_close(spread(&bins), 1.0);
        assert_close(two_modes(&bins), 1.0);
        bins.iter_mut().step_by(2).for_each(|bin| *bin = 40);
        assert!(spread(&bins) < 0.5);
        assert_close(two_modes(&bins), 1.0);
        // Of too few bars nothing is said.
        let mut few = [0; BINS];
        few[..10].fill(3);
        assert_close(two_modes(&few), 0.0);
    }

    #[test]
    fn a_run_of_half_a_day_is_long() {
        let hour = 60 * MINUTE;
        let day = 24 * hour;
        let times: Vec<u64> = (0..12).map(|at| 100 * day + at * hour).collect();
        let bins = histogram(&times, day);
        assert_eq!(bins.iter().filter(|&&bin| bin > 0).count(), 12);
        assert_close(duration_score(&bins, &times, day), 1.0);
        assert_close(duration_score(&histogram(&times[..5], day), &times[..5], day), 0.0);
    }
}
