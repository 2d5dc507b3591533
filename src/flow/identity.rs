//! What makes a datagram, and a flow in it, the same one when it is seen again.

use std::net::IpAddr;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The identity of an export datagram: its export time, and a hash of exporter address and payload.
///
/// The capture's own timestamp is no part of it, so a datagram that two captures saw is one
/// datagram. The time keeps equal hashes apart at any scale, and look-ups local.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatagramId {
    /// The export time by the packet's header, in seconds since 1970.
    pub exported_secs: u32,
    /// XXH3-64 of the payload, seeded with XXH3-64 of the exporter's address (16 bytes, IPv4 mapped).
    pub hash: u64,
}

impl DatagramId {
    /// The identity of the datagram that `exporter` sent at `exported_secs` with this payload.
    pub fn new(exported_secs: u32, exporter: IpAddr, payload: &[u8]) -> Self {
        let exporter = match exporter {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let hash = xxh3_64_with_seed(payload, xxh3_64(&exporter.octets()));
        Self { exported_secs, hash }
    }

    /// The identity of the flow at `index` in this datagram.
    ///
    /// The mixing is that of `SplitMix64`, whose counter is the index: one-to-one, so that no two
    /// flows of a datagram share an origin, and many times faster than hashing bytes.
    #[inline]
    pub fn origin(self, index: u16) -> Origin {
        self.origin_at(u64::from(index) + 1)
    }

    /// The identity of the flow that the record at `index` tells of the way back: no flow's that
    /// [`Self::origin`] gives.
    #[inline]
    pub fn origin_of_way_back(self, index: u16) -> Origin {
        self.origin_at(u64::from(index) + 1 + WAYS_BACK_FROM)
    }

    fn origin_at(self, counter: u64) -> Origin {
        let counter = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let start = self.hash.rotate_left(32) ^ u64::from(self.exported_secs);
        let mut mixed = start.wrapping_add(counter);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Origin(mixed ^ (mixed >> 31))
    }
}

/// The counters of ways back follow those of all the records that a datagram can have.
const WAYS_BACK_FROM: u64 = 1 << 16;

/// A 64-bit hash of a flow's identity: its datagram's, and its index in it. It ends the row key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_numbers_of_the_published_generator() {
        // A datagram whose counter starts at 1234567: the first outputs of SplitMix64 for that
        // seed, as the reference implementation in C prints them.
        let id = DatagramId { exported_secs: 1_234_567, hash: 0 };
        let first: Vec<u64> = (0..3).map(|index| id.origin(index).0).collect();
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }
}
