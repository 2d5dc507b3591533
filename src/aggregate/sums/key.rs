//! What sums are kept by: keys of a few words, their hash, and what is taken from it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;

use super::PARTITIONS;

/// A key of `WORDS` 64-bit words.
pub(in super::super) trait Key: Copy + Eq + Hash + Send + Sync + 'static {
    /// Stands for no key where keys are kept; as a key it is dear, so a rare one is best.
    const FREE: Self;
    /// The bytes of the key in a file.
    const BYTES: usize;

    /// Its hash, the same all through this process.
    fn hash(self) -> u64;

    /// Its bytes for a file that this process will read.
    fn encode(self, to: &mut Vec<u8>);

    /// The key that [`Self::encode`] made [`Self::BYTES`] bytes of.
    fn decode(bytes: &[u8]) -> Self;
}

/// A pair of IPv4 addresses, the first in the upper half.
pub(in super::super) type V4Pair = u64;

/// A pair of IPv6 addresses, each an upper and a lower half.
pub(in super::super) type V6Pair = [u64; 4];

impl Key for V4Pair {
    const FREE: Self = u64::MAX;
    const BYTES: usize = 8;

    #[inline]
    fn hash(self) -> u64 {
        fold(self ^ seed(), MULTIPLIER)
    }

    fn encode(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        word(bytes, 0)
    }
}

impl<const WORDS: usize> Key for [u64; WORDS] {
    const FREE: Self = [u64::MAX; WORDS];
    const BYTES: usize = 8 * WORDS;

    #[inline]
    fn hash(self) -> u64 {
        // Keys that differ only in the highest bits of the last word, as packed ones may, come out
        // of one multiplication at equal distances, and many of them in one place of a table.
        let hash = self.into_iter().fold(seed(), |hash, word| fold(hash ^ word, MULTIPLIER));
        fold(hash, SECOND_MULTIPLIER)
    }

    fn encode(self, to: &mut Vec<u8>) {
        for word in self {
            to.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Self {
        std::array::from_fn(|at| word(bytes, at))
    }
}

/// The 64-bit word at `at` of bytes that hold it.
pub(super) fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.as_chunks().0.get(at).map_or(0, |&word| u64::from_le_bytes(word))
}

/// Odd, with its bits well mixed: 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Odd, with its bits mixed in another way.
const SECOND_MULTIPLIER: u64 = 0xd6e8_feb8_6659_fd93;

/// The two halves of the 128-bit product, folded into one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Drawn anew by each process, so that nobody can send flows whose keys all collide.
#[inline]
fn seed() -> u64 {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0u64));
    *SEED
}

// Different bits of the hash choose the partition, the place in the cache, the place in a table
// and the turn, since keys of one partition share the bits that chose it.

/// Which of the partitions.
#[inline]
pub(super) fn partition(hash: u64) -> usize {
    (hash >> (64 - PARTITIONS.ilog2())) as usize
}

/// Which of `slots`, a power of two, in the cache.
#[inline]
pub(super) fn cache_slot(hash: u64, slots: usize) -> usize {
    hash as usize & (slots - 1)
}

/// Which of `slots`, a power of two, in a table.
#[inline]
pub(super) fn table_slot(hash: u64, slots: usize) -> usize {
    (hash >> 16) as usize & (slots - 1)
}

/// Which of `turns`, a power of two.
#[inline]
pub(super) fn turn(hash: u64, turns: u64) -> u64 {
    (hash >> 44) & (turns - 1)
}
