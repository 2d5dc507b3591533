//! A hasher for datagram identities: they are hashes already, so one multiplication each is enough.
//! It does for numbers that senders choose, too, as addresses and ports.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes [`Mix`] hashers of one seed, which nobody outside knows: datagrams cannot be made up so
/// that they all fall into one bucket of a table.
#[derive(Debug, Clone)]
pub(in crate::store) struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Seeded {
    type Hasher = Mix;

    fn build_hasher(&self) -> Mix {
        Mix(self.0)
    }
}

/// Multiplies what it is given into 128 bits, and folds them.
pub(in crate::store) struct Mix(u64);

/// The first 64 binary digits of the golden ratio's fraction, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn write_u128(&mut self, number: u128) {
        self.write_u64((number >> 64) as u64);
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        let (low, high) = (self.0 ^ number).carrying_mul(GOLDEN, 0);
        self.0 = low ^ high;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::DatagramId;
    use std::collections::HashSet;

    #[test]
    fn identities_that_differ_little_fall_into_different_buckets() {
        let seeded = Seeded::default();
        let ids = (0..64u64).flat_map(|hash| {
            (0..64).map(move |exported_secs| DatagramId { exported_secs, hash: hash << 40 })
        });
        let hashes: Vec<u64> = ids.map(|id| seeded.hash_one(id)).collect();
        // A table takes its bucket from the low bits, and tells entries apart by the high ones.
        for (what, part) in [("low", 0), ("high", 52)] {
            let parts: HashSet<u64> = hashes.iter().map(|hash| (hash >> part) & 0xfff).collect();
            // Of 4096 drawn at random, 63 % differ.
            assert!(parts.len() > 2000, "{} {what} bits", parts.len());
        }
        assert_ne!(Seeded::default().0, seeded.0);
    }
}
