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
    pub fn origin(self, index: u16) -> Origin {
        let mut bytes = [0; 14];
        bytes[..4].copy_from_slice(&self.exported_secs.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.hash.to_be_bytes());
        bytes[12..].copy_from_slice(&index.to_be_bytes());
        Origin(xxh3_64(&bytes))
    }
}

/// A 64-bit hash of a flow's identity: its datagram's, and its index in it. It ends the row key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u64);
