//! What is kept for each key: a few numbers, and how two values become one.

use super::key::word;

/// What one or several flows of a key come to, in 64 bits a number.
pub(in super::super) trait Value: Copy + Send + Sync + 'static {
    /// Any number of values together, exactly.
    type Total: Copy + Send;
    /// Stands where there is none.
    const NONE: Self;
    /// Its bytes in a file.
    const BYTES: usize;

    /// Both together, and whether they fit into one value; if not, what is given means nothing.
    fn and(self, other: Self) -> (Self, bool);

    /// The total of this value alone.
    fn total(self) -> Self::Total;

    /// Both totals together.
    fn sum(a: Self::Total, b: Self::Total) -> Self::Total;

    /// As much of `total` as fits into a value, and what is left.
    fn part(total: Self::Total) -> (Self, Option<Self::Total>);

    /// Its bytes for a file that this process will read.
    fn encode(self, to: &mut Vec<u8>);

    /// The value that [`Self::encode`] made [`Self::BYTES`] bytes of.
    fn decode(bytes: &[u8]) -> Self;
}

/// `N` sums.
impl<const N: usize> Value for [u64; N] {
    type Total = [u128; N];
    const NONE: Self = [0; N];
    const BYTES: usize = 8 * N;

    #[inline]
    fn and(mut self, other: Self) -> (Self, bool) {
        let mut fits = true;
        for (sum, more) in self.iter_mut().zip(other) {
            let (total, carry) = sum.overflowing_add(more);
            *sum = total;
            fits &= !carry;
        }
        (self, fits)
    }

    #[inline]
    fn total(self) -> [u128; N] {
        self.map(u128::from)
    }

    fn sum(mut a: [u128; N], b: [u128; N]) -> [u128; N] {
        a.iter_mut().zip(b).for_each(|(sum, more)| *sum += more);
        a
    }

    fn part(total: [u128; N]) -> (Self, Option<[u128; N]>) {
        let part = total.map(|sum| u64::try_from(sum).unwrap_or(u64::MAX));
        let mut rest = total;
        rest.iter_mut().zip(part).for_each(|(sum, part)| *sum -= u128::from(part));
        (part, rest.iter().any(|&sum| sum > 0).then_some(rest))
    }

    fn encode(self, to: &mut Vec<u8>) {
        for sum in self {
            to.extend_from_slice(&sum.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Self {
        std::array::from_fn(|at| word(bytes, at))
    }
}
