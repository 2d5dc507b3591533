//! Random numbers that never change: of our own making, so that no dependency's next version gives
//! a seed another meaning.
//!
//! For the same reason nothing here, or in what uses it, calls a transcendental function: only
//! what IEEE 754 rounds the same on every machine, which is + − × ÷ and the square root.

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers of `seed`; those of another `stream` share nothing with them.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed);
        let seed = random.next();
        Self(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    /// Any number.
    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    #[inline]
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        scale(self.next() >> 32, bound)
    }

    /// A number from `low` to `high`, both included.
    #[inline]
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// Whether one of `chances` in 256 came.
    #[inline]
    pub(super) fn chance(&mut self, chances: u8) -> bool {
        (self.next() >> 56) < u64::from(chances)
    }

    /// A number from 0 to 1, without 0.
    #[inline]
    pub(super) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// One of `choices`.
    #[inline]
    pub(super) fn one_of<T: Copy, const N: usize>(&mut self, choices: &[T; N]) -> T {
        choices[self.below(N as u32) as usize]
    }

    /// A number of at least 1 with a heavy tail: P(X > x) = x^(-4/3).
    #[inline]
    pub(super) fn heavy_tail(&mut self) -> f64 {
        let root = self.unit().sqrt();
        1.0 / (root * root.sqrt())
    }
}

/// `bits`, any 32 of them, scaled to below `bound`.
#[inline]
pub(super) fn scale(bits: u64, bound: u32) -> u32 {
    ((bits * u64::from(bound)) >> 32) as u32
}

/// Draws places with given weights in constant time (Walker's alias method, in Vose's form).
#[derive(Debug)]
pub(super) struct Weighted(Vec<(u32, u32)>);

impl Weighted {
    /// Place `i` is drawn with weight `weights[i]`.
    pub(super) fn new(weights: &[f64]) -> Self {
        let count = weights.len();
        let total: f64 = weights.iter().sum();
        let mut shares: Vec<f64> = weights.iter().map(|w| w * count as f64 / total).collect();
        let mut table = vec![(u32::MAX, 0); count];
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|&place| shares[place] < 1.0);
        while let (Some(&giver), Some(taker)) = (large.last(), small.pop()) {
            table[taker] = ((shares[taker] * 4_294_967_295.0) as u32, giver as u32);
            shares[giver] -= 1.0 - shares[taker];
            if shares[giver] < 1.0 {
                large.pop();
                small.push(giver);
            }
        }
        Self(table)
    }

    /// Weights that fall with the place as place^(-3/4): what popularity looks like.
    pub(super) fn popularity(count: u32) -> Self {
        let weights: Vec<f64> = (1..=count)
            .map(|place| {
                let root = f64::from(place).sqrt();
                1.0 / (root * root.sqrt())
            })
            .collect();
        Self::new(&weights)
    }

    /// A place.
    #[inline]
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let bits = random.next();
        let place = scale(bits >> 32, self.0.len() as u32) as usize;
        let (keep, alias) = self.0[place];
        if bits as u32 <= keep { place } else { alias as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        // First outputs of SplitMix64 for the seed 1234567, as the reference implementation in C
        // prints them.
        let mut random = Random(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn places_are_drawn_as_often_as_they_weigh() {
        let weights = [1.0, 5.0, 0.0, 2.0, 2.0];
        let weighted = Weighted::new(&weights);
        let mut random = Random::new(1, 0);
        let mut drawn = [0_u32; 5];
        for _ in 0..100_000 {
            drawn[weighted.draw(&mut random)] += 1;
        }
        for (place, weight) in weights.iter().enumerate() {
            let expected = weight * 10_000.0;
            assert!((f64::from(drawn[place]) - expected).abs() < 500.0, "{place}: {drawn:?}");
        }
    }
}
