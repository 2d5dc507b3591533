//! How packets were chosen, by the fields that say it: one rule for options and for data records.

use super::field::number_u32;
use crate::flow::{Sampling, float, unsigned};

/// What the fields of one record say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rate {
    /// One packet of so many is taken.
    interval: Option<u32>,
    /// So many packets in a row are taken, and so many left out (RFC 5477 §8.2).
    taken: Option<u32>,
    left: Option<u32>,
    /// So many of so many are taken.
    size: Option<u32>,
    population: Option<u32>,
    probability: Option<f64>,
    /// 1 deterministic, 2 random.
    algorithm: u8,
}

impl Rate {
    /// Takes in the value of IANA's `element`; says whether it is one of sampling.
    pub(super) fn take(&mut self, element: u16, value: &[u8]) -> bool {
        let word = || Some(number_u32(value));
        match element {
            34 | 50 => self.interval = word(),
            305 => self.taken = word(),
            306 => self.left = word(),
            309 => self.size = word(),
            310 => self.population = word(),
            311 => self.probability = float(value),
            35 | 49 | 304 => self.algorithm = mode(element, unsigned(value)),
            _ => return false,
        }
        true
    }

    /// One packet of how many is seen, if it says.
    pub(super) fn sampling(self) -> Option<Sampling> {
        let in_a_row = self.taken.filter(|&taken| taken > 0).zip(self.left);
        let of_size = self.population.zip(self.size.filter(|&size| size > 0));
        let interval = if let Some((taken, left)) = in_a_row {
            taken.saturating_add(left) / taken
        } else if let Some(interval) = self.interval.or(self.taken) {
            interval
        } else if let Some((population, size)) = of_size {
            population / size
        } else {
            let probability = self.probability.filter(|&probability| probability > 0.0)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "of what lies beyond all intervals, the greatest is meant"
            )]
            let interval = (1.0 / probability).round() as u32;
            interval
        };
        Some(Sampling { mode: self.algorithm, interval })
    }
}

/// The mode as v5 has it: 1 deterministic, 2 random. `samplingAlgorithm` and `samplerMode` count
/// so; of `selectorAlgorithm` 1 and 2 are systematic, 3 and 4 random (RFC 5477 §8.1).
fn mode(element: u16, value: u64) -> u8 {
    match (element, value) {
        (304, 1 | 2) => 1,
        (304, 3 | 4) => 2,
        (304, _) => 0,
        _ => value.to_le_bytes()[0],
    }
}
