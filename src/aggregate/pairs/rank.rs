//! Pairs in the order of their text.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

use super::super::sums::{V4Pair, V6Pair};

/// An IPv4 pair as it is printed, compared as its text is, without making the text.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct V4Rank {
    rank: u64,
    pub(super) first: u32,
    pub(super) second: u32,
}

impl V4Rank {
    /// The pair in the order of its text, or as it is if it is `directed`.
    pub(super) fn new(pair: V4Pair, directed: bool) -> Self {
        let (a, b) = ((pair >> 32) as u32, pair as u32);
        let (rank_a, rank_b) = (text_rank(a), text_rank(b));
        let rank = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        if directed || rank_a <= rank_b {
            Self { rank: rank(rank_a, rank_b), first: a, second: b }
        } else {
            Self { rank: rank(rank_b, rank_a), first: b, second: a }
        }
    }
}

/// A number for each IPv4 address that compares as the address's text does: the dot, and what
/// follows an address, are less than any digit, so the texts of the bytes are compared in turn.
fn text_rank(address: u32) -> u32 {
    u32::from_be_bytes(address.to_be_bytes().map(|byte| BYTE_RANKS[usize::from(byte)]))
}

/// The rank of each byte among all, by their decimal text.
const BYTE_RANKS: [u8; 256] = {
    let mut ranks = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut other = 0;
        while other < 256 {
            if text_is_less(other, byte) {
                ranks[byte] += 1;
            }
            other += 1;
        }
        byte += 1;
    }
    ranks
};

/// Whether the decimal text of `a` is less than that of `b`; both are below 1000.
const fn text_is_less(a: usize, b: usize) -> bool {
    let (wide_a, wide_b) = (widen(a), widen(b));
    wide_a < wide_b || wide_a == wide_b && a < b
}

/// `number` with zeros behind it, up to three digits.
const fn widen(number: usize) -> usize {
    match number {
        0..10 => number * 100,
        10..100 => number * 10,
        _ => number,
    }
}

/// A pair as it is printed, compared by its text.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextRank {
    text: String,
    pub(super) first: IpAddr,
    pub(super) second: IpAddr,
}

impl TextRank {
    pub(super) fn new(first: IpAddr, second: IpAddr) -> Self {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "({first},{second})");
        Self { text, first, second }
    }

    /// The pair in the order of its text, or as it is if it is `directed`.
    pub(super) fn of_v6([a_high, a_low, b_high, b_low]: V6Pair, directed: bool) -> Self {
        let address = |high, low| Ipv6Addr::from(u128::from(high) << 64 | u128::from(low));
        let (a, b) = (address(a_high, a_low), address(b_high, b_low));
        if directed || a.to_string() <= b.to_string() {
            Self::new(a.into(), b.into())
        } else {
            Self::new(b.into(), a.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_rank_as_their_text() {
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.sort_by_key(|&byte| BYTE_RANKS[usize::from(byte)]);
        let mut texts: Vec<String> = (0..=255u8).map(|byte| byte.to_string()).collect();
        texts.sort();
        assert_eq!(bytes.iter().map(ToString::to_string).collect::<Vec<_>>(), texts);
    }

    proptest! {
        #[test]
        fn v4_pairs_rank_as_their_text(
            a in any::<u64>(), b in any::<u64>(), same in 0u32..64, directed in any::<bool>(),
        ) {
            // Pairs that differ only in their last bits are compared to the end.
            let b = a ^ (a ^ b) >> same;
            let text = |V4Rank { first, second, .. }: &V4Rank| {
                format!("({},{})", Ipv4Addr::from(*first), Ipv4Addr::from(*second))
            };
            let (a, b) = (V4Rank::new(a, directed), V4Rank::new(b, directed));
            prop_assert_eq!(a.cmp(&b), text(&a).cmp(&text(&b)));
            let first = |rank: &V4Rank| Ipv4Addr::from(rank.first).to_string();
            let second = |rank: &V4Rank| Ipv4Addr::from(rank.second).to_string();
            prop_assert!(directed || first(&a) <= second(&a));
        }
    }
}
