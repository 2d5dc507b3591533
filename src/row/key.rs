//! The bytes of a row key; `schema/row-key.md` writes the layout down.

use std::fmt;
use std::net::IpAddr;

use byteorder::{BigEndian, ByteOrder};
use serde::{Deserialize, Serialize};

use crate::flow::{Addresses, Column, Family, FlowBatch, FlowRecord, Origin, UnixMillis};

/// Which end of a flow leads the row key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Source first: what a host sent is one range.
    Src,
    /// Destination first: what it received is one range.
    Dst,
}

impl Order {
    /// Both orders.
    pub const ALL: [Order; 2] = [Order::Src, Order::Dst];

    /// The flow's two ends: the one that leads the key, then the other.
    pub const fn ends(self, flow: &FlowRecord) -> (IpAddr, IpAddr) {
        match self {
            Self::Src => (flow.src, flow.dst),
            Self::Dst => (flow.dst, flow.src),
        }
    }

    /// The columns of the two ends: the one that leads the key, then the other.
    pub const fn columns(self) -> (Column, Column) {
        match self {
            Self::Src => (Column::Src, Column::Dst),
            Self::Dst => (Column::Dst, Column::Src),
        }
    }

    /// The addresses that lead the keys of a batch's flows, then the others.
    pub const fn addresses(self, batch: &FlowBatch) -> (&Addresses, &Addresses) {
        match self {
            Self::Src => (&batch.src, &batch.dst),
            Self::Dst => (&batch.dst, &batch.src),
        }
    }

    /// Likewise, to be changed.
    pub(crate) const fn addresses_mut(
        self,
        batch: &mut FlowBatch,
    ) -> (&mut Addresses, &mut Addresses) {
        match self {
            Self::Src => (&mut batch.src, &mut batch.dst),
            Self::Dst => (&mut batch.dst, &mut batch.src),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Src => "src",
            Self::Dst => "dst",
        })
    }
}

/// A row key: family, leading address, first, other address, origin. Its encoding compares, byte
/// by byte, in the order of these fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The address that leads: src, or dst in the mirror order.
    pub lead: IpAddr,
    /// When the flow began.
    pub first: UnixMillis,
    /// The other address, of the same family.
    pub other: IpAddr,
    /// Keeps flows of one pair and one millisecond apart.
    pub origin: Origin,
}

/// The bytes of an IPv4 row key.
pub(crate) const V4_KEY_BYTES: usize = 25;
/// The bytes of an IPv6 row key.
pub(crate) const V6_KEY_BYTES: usize = 49;

impl RowKey {
    /// The key of `flow` in `order`.
    pub const fn new(order: Order, flow: &FlowRecord, origin: Origin) -> Self {
        let (lead, other) = order.ends(flow);
        Self { lead, first: flow.first, other, origin }
    }

    /// Appends the key's bytes: 25 for IPv4, 49 for IPv6, big-endian.
    pub fn encode(&self, to: &mut Vec<u8>) {
        encode_address(self.lead, to);
        to.extend_from_slice(&self.first.0.to_be_bytes());
        match self.other {
            IpAddr::V4(address) => to.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => to.extend_from_slice(&address.octets()),
        }
        to.extend_from_slice(&self.origin.0.to_be_bytes());
    }

    /// Reads a key; `None` where the bytes are no row key.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (family, address_bytes) = match (bytes.first()?, bytes.len()) {
            (4, V4_KEY_BYTES) => (Family::V4, 4),
            (6, V6_KEY_BYTES) => (Family::V6, 16),
            _ => return None,
        };
        let address =
            |at: usize| family.address(BigEndian::read_uint128(&bytes[at..], address_bytes));
        let first_at = 1 + address_bytes;
        Some(Self {
            lead: address(1),
            first: UnixMillis(BigEndian::read_u64(&bytes[first_at..])),
            other: address(first_at + 8),
            origin: Origin(BigEndian::read_u64(&bytes[first_at + 8 + address_bytes..])),
        })
    }
}

/// Appends the family's byte and the address: what every key of a host begins with.
pub(crate) fn encode_address(address: IpAddr, to: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            to.push(4);
            to.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            to.push(6);
            to.extend_from_slice(&address.octets());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_key() -> impl Strategy<Value = RowKey> {
        // Few distinct values, so that equal fields are met and the next one decides.
        let part = || prop_oneof![Just(0u128), Just(1), Just(255), Just(256), any::<u128>()];
        (any::<bool>(), part(), part(), prop_oneof![0..3u64, any::<u64>()], any::<u64>()).prop_map(
            |(v6, lead, other, first, origin)| {
                let family = if v6 { Family::V6 } else { Family::V4 };
                RowKey {
                    lead: family.address(lead),
                    first: UnixMillis(first),
                    other: family.address(other),
                    origin: Origin(origin),
                }
            },
        )
    }

    fn bytes(key: &RowKey) -> Vec<u8> {
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn a_key_is_read_back_as_it_was_written(key in any_key()) {
            prop_assert_eq!(RowKey::decode(&bytes(&key)), Some(key));
        }

        #[test]
        fn keys_compare_as_their_bytes_do(a in any_key(), b in any_key()) {
            prop_assert_eq!(a.cmp(&b), bytes(&a).cmp(&bytes(&b)));
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        for bytes in [&[][..], &[4; 24], &[6; 25], &[4; 49], &[5; 25]] {
            assert_eq!(RowKey::decode(bytes), None, "{bytes:?}");
        }
    }
}
