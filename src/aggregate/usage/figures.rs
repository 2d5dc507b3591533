//! What is told of the bins of a series: sums, rates, and the percentile of rates.

use super::UsageOptions;
use crate::aggregate::Measure;
use crate::flow::{UnixMillis, rate};

/// What some of the traffic comes to. Rates are bits a second of octets, else packets or flows a
/// second, rounded down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// How much there was in all.
    pub total: u128,
    /// The rate over all of the time.
    pub mean: u128,
    /// The percentile of the bins' rates.
    pub percentile: u128,
    /// The greatest rate of a bin.
    pub peak: u128,
    /// When the first bin of most began; None where there was nothing.
    pub peak_at: Option<UnixMillis>,
    /// Rates to be drawn, of stretches that are equally long but for the last.
    pub line: Vec<u128>,
}

impl Figures {
    /// Those of `values`, one for each bin.
    pub(super) fn of(values: &[u128], options: &UsageOptions) -> Self {
        let axis = options.axis();
        let over = |total: u128, first: usize, last: usize| {
            rate(total, factor(options.by), axis.end(last) - axis.start(first))
        };
        let mut rates: Vec<u128> =
            values.iter().enumerate().map(|(bin, &value)| over(value, bin, bin)).collect();
        let total = values.iter().sum();
        // Rates are rounded, and bins may differ in length.
        let long = |bin: usize| u128::from(axis.end(bin) - axis.start(bin));
        let is_higher = |a: usize, b: usize| {
            values[a].saturating_mul(long(b)) > values[b].saturating_mul(long(a))
        };
        let highest = (0..values.len()).reduce(|a, b| if is_higher(b, a) { b } else { a });
        let highest = highest.filter(|_| total > 0);
        let each = values.len().div_ceil(options.line_columns.max(1)).max(1);
        let drawn = if options.line_columns == 0 { &[] } else { values };
        let column = |(column, values): (usize, &[u128])| {
            over(values.iter().sum(), column * each, column * each + values.len() - 1)
        };
        Self {
            total,
            mean: over(total, 0, values.len().saturating_sub(1)),
            peak: highest.map_or(0, |bin| rates[bin]),
            peak_at: highest.map(|bin| axis.start(bin)),
            line: drawn.chunks(each).enumerate().map(column).collect(),
            percentile: nearest_rank(&mut rates, options.percentile),
        }
    }
}

/// What a rate is of a count a millisecond.
pub(super) const fn factor(by: Measure) -> u128 {
    match by {
        Measure::Octets => 8000,
        Measure::Packets | Measure::Flows => 1000,
    }
}

/// How many of so many samples are not above the percentile: the greatest others are thrown away.
pub(super) const fn rank(samples: usize, percentile: u8) -> usize {
    (samples * percentile as usize).div_ceil(100)
}

/// The percentile by nearest rank: the greatest sample that is left when the greatest ones are thrown
/// away, and never something between two samples.
fn nearest_rank(samples: &mut [u128], percentile: u8) -> u128 {
    let rank = rank(samples.len(), percentile);
    match rank.checked_sub(1) {
        Some(place) => *samples.select_nth_unstable(place).1,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples and percentiles of an example that is told in many books: 15, 20, 35, 40 and 50.
    #[test]
    fn a_percentile_is_a_sample() {
        for (percentile, expected) in [(5, 15), (30, 20), (40, 20), (50, 35), (95, 50), (100, 50)] {
            let mut samples = [35, 20, 50, 15, 40];
            assert_eq!(nearest_rank(&mut samples, percentile), expected, "{percentile}");
        }
        // Of a month of 30 days, 432 of 8,640 samples are thrown away.
        let mut month: Vec<u128> = (1..=8640).rev().collect();
        assert_eq!(nearest_rank(&mut month, 95), 8640 - 432);
        assert_eq!(nearest_rank(&mut [], 95), 0);
    }
}
