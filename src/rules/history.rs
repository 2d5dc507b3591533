//! What is usual for a key, by the windows before.

use crate::detect;

/// So many windows there are at least before anything is called unusual.
pub(super) const LEAST_WINDOWS: usize = 10;

/// Times the median deviation is a standard deviation, where values are normally distributed.
const NORMAL: f64 = 1.4826;
/// Deviations count as at least this share of the median, so that what hardly ever changes is not
/// unusual when it changes a little.
const LEAST_DEVIATION: f64 = 0.05;

/// What was usual for a key, and how far from it a window is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Usual {
    /// The mean of so many windows, and how many percent of it there were now; infinite where it is 0.
    Mean {
        /// The mean.
        mean: f64,
        /// Now, of the mean.
        percent: f64,
        /// Of how many windows.
        windows: usize,
    },
    /// The median of so many windows, the deviation that counted, and the robust z of what there is now.
    Median {
        /// The median.
        median: f64,
        /// The scaled median deviation, or what counts at least.
        deviation: f64,
        /// How many deviations above the median.
        z: f64,
        /// Of how many windows.
        windows: usize,
    },
}

impl Usual {
    /// What `value` is of the mean of `before`.
    pub(super) fn by_mean(before: &[u128], value: u128) -> Self {
        let windows = before.len();
        let mean = before.iter().sum::<u128>() as f64 / windows.max(1) as f64;
        Self::Mean { mean, percent: value as f64 * 100.0 / mean, windows }
    }

    /// How far `value` is from the median of `before`.
    pub(super) fn by_median(before: &[u128], value: u128) -> Self {
        let median = detect::median(before.iter().map(|&value| value as f64).collect());
        let apart = before.iter().map(|&value| (value as f64 - median).abs()).collect();
        let deviation =
            (NORMAL * detect::median(apart)).max(LEAST_DEVIATION * median).max(f64::MIN_POSITIVE);
        let z = (value as f64 - median) / deviation;
        Self::Median { median, deviation, z, windows: before.len() }
    }

    /// Whether it is beyond what a rule allows: percent of a mean, or a robust z.
    pub(super) fn is_above(self, most: f64) -> bool {
        match self {
            Self::Mean { percent, .. } => percent > most,
            Self::Median { z, .. } => z > most,
        }
    }
}
