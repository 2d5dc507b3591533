//! The bytes of a row key; `schema/row-key.md` writes the layout down.

use std::fmt;
use std::net::IpAddr;

use byteorder::{BigEndian, ByteOrder};
use serde::{Deserialize, Serialize};

use crate::flow::{Addresses, Column, Family, FlowBatch, FlowRecord, Origin, UnixMillis};

/// Which address of a flow leads the row key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Source first: what a host sent is one range.
    Src,
    /// Destination first: what it received is one range.
    Dst,
    /// An address behind a NAT first: what used it is one range. A flow is there once for each
    /// such address that it has, and most have none.
    Nat,
}

impl Order {
    /// The orders that have every flow.
    pub const ALL: [Order; 2] = [Order::Src, Order::Dst];

    /// All orders.
    pub const EVERY: [Order; 3] = [Order::Src, Order::Dst, Order::Nat];

    /// The flow's two ends: the one that leads the key, then the other; the source first where
    /// neither leads.
    pub const fn ends(self, flow: &FlowRecord) -> (IpAddr, IpAddr) {
        match self {
            Self::Src | Self::Nat => (flow.src, flow.dst),
            Self::Dst => (flow.dst, flow.src),
        }
    }

    /// The columns of the address that leads the key, and of the end that comes next.
    pub const fn columns(self) -> (Column, Column) {
        match self {
            Self::Src => (Column::Src, Column::Dst),
            Self::Dst => (Column::Dst, Column::Src),
            Self::Nat => (Column::Nat, Column::Src),
        }
    }

    /// The addresses that lead the keys of a batch's flows, and the ends that come next.
    pub const fn addresses(self, batch: &FlowBatch) -> (&Addresses, &Addresses) {
        match self {
            Self::Src => (&batch.src, &batch.dst),
            Self::Dst => (&batch.dst, &batch.src),
            Self::Nat => (&batch.nat.0, &batch.src),
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
            Self::Nat => (&mut batch.nat.0, &mut batch.src),
        }
    }

    /// The family in which addresses lead flows of `family`.
    pub(crate) const fn lead_family(self, family: Family) -> Family {
        match self {
            Self::Src | Self::Dst => family,
            Self::Nat => Family::V6,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Src => "src",
            Self::Dst => "dst",
            Self::Nat => "nat",
        })
    }
}

/// A row key: family, leading address, first, other addresses, origin. Its encoding compares, byte
/// by byte, in the order of these fields, where the family is the flow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The address that leads: src, or dst in the mirror order; or one behind a NAT, as IPv6.
    pub lead: IpAddr,
    /// When the flow began.
    pub first: UnixMillis,
    /// The other address, of the flow's family as src and dst are; src where neither leads.
    pub other: IpAddr,
    /// The destination, where neither it nor the source leads.
    pub far: Option<IpAddr>,
    /// Keeps flows of one pair and one millisecond apart.
    pub origin: Origin,
}

/// The bytes of an IPv4 row key.
const V4_KEY_BYTES: usize = 25;
/// The bytes of an IPv6 row key.
const V6_KEY_BYTES: usize = 49;
/// The bytes of a key of an IPv4 flow that an address behind a NAT leads.
const V4_NAT_KEY_BYTES: usize = 41;
/// Likewise of an IPv6 flow.
const V6_NAT_KEY_BYTES: usize = 65;
/// The bytes of the longest key.
pub(crate) const MAX_KEY_BYTES: usize = V6_NAT_KEY_BYTES;

/// The bytes of a key in `order` of a flow of `family`.
pub(crate) const fn key_bytes(order: Order, family: Family) -> usize {
    match (order, family) {
        (Order::Src | Order::Dst, Family::V4) => V4_KEY_BYTES,
        (Order::Src | Order::Dst, Family::V6) => V6_KEY_BYTES,
        (Order::Nat, Family::V4) => V4_NAT_KEY_BYTES,
        (Order::Nat, Family::V6) => V6_NAT_KEY_BYTES,
    }
}

impl RowKey {
    /// The key of `flow` in `order`, one of those that have every flow.
    pub const fn new(order: Order, flow: &FlowRecord, origin: Origin) -> Self {
        let (lead, other) = order.ends(flow);
        Self { lead, first: flow.first, other, far: None, origin }
    }

    /// Appends the key's bytes, big-endian: 25 for IPv4, 49 for IPv6; 41 and 65 where an address
    /// behind a NAT leads.
    pub fn encode(&self, to: &mut Vec<u8>) {
        to.push(family_byte(Family::of(self.other)));
        push_address(self.lead, to);
        to.extend_from_slice(&self.first.0.to_be_bytes());
        push_address(self.other, to);
        self.far.iter().for_each(|&far| push_address(far, to));
        to.extend_from_slice(&self.origin.0.to_be_bytes());
    }

    /// Reads a key; `None` where the bytes are no row key.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (family, by_nat) = match (bytes.first()?, bytes.len()) {
            (4, V4_KEY_BYTES) => (Family::V4, false),
            (4, V4_NAT_KEY_BYTES) => (Family::V4, true),
            (6, V6_KEY_BYTES) => (Family::V6, false),
            (6, V6_NAT_KEY_BYTES) => (Family::V6, true),
            _ => return None,
        };
        let lead = if by_nat { Family::V6 } else { family };
        let address = |family: Family, at: usize| {
            family.address(BigEndian::read_uint128(&bytes[at..], family.address_bytes()))
        };
        let first_at = 1 + lead.address_bytes();
        let far_at = first_at + 8 + family.address_bytes();
        Some(Self {
            lead: address(lead, 1),
            first: UnixMillis(BigEndian::read_u64(&bytes[first_at..])),
            other: address(family, first_at + 8),
            far: by_nat.then(|| address(family, far_at)),
            origin: Origin(BigEndian::read_u64(&bytes[bytes.len() - 8..])),
        })
    }
}

/// Appends the family's byte and the address: what every key of a host begins with.
pub(crate) fn encode_address(address: IpAddr, to: &mut Vec<u8>) {
    to.push(family_byte(Family::of(address)));
    push_address(address, to);
}

/// What keys of this family begin with.
pub(crate) const fn family_byte(family: Family) -> u8 {
    match family {
        Family::V4 => 4,
        Family::V6 => 6,
    }
}

fn push_address(address: IpAddr, to: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => to.extend_from_slice(&address.octets()),
        IpAddr::V6(address) => to.extend_from_slice(&address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_key(by_nat: bool) -> impl Strategy<Value = RowKey> {
        // Few distinct values, so that equal fields are met and the next one decides.
        let part = || prop_oneof![Just(0u128), Just(1), Just(255), Just(256), any::<u128>()];
        let first = prop_oneof![0..3u64, any::<u64>()];
        let addresses = (part(), part(), part());
        (any::<bool>(), addresses, first, any::<u64>()).prop_map(
            move |(v6, (lead, other, far), first, origin)| {
                let family = if v6 { Family::V6 } else { Family::V4 };
                RowKey {
                    lead: if by_nat { Family::V6 } else { family }.address(lead),
                    first: UnixMillis(first),
                    other: family.address(other),
                    far: by_nat.then(|| family.address(far)),
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
        fn a_key_is_read_back_as_it_was_written(a in any_key(false), b in any_key(true)) {
            prop_assert_eq!(RowKey::decode(&bytes(&a)), Some(a));
            prop_assert_eq!(RowKey::decode(&bytes(&b)), Some(b));
        }

        #[test]
        fn keys_compare_as_their_bytes_do(a in any_key(false), b in any_key(false)) {
            prop_assert_eq!(a.cmp(&b), bytes(&a).cmp(&bytes(&b)));
        }

        #[test]
        fn keys_that_a_nat_leads_compare_likewise_by_family(a in any_key(true), b in any_key(true)) {
            let of_family = |key: &RowKey| (Family::of(key.other), *key);
            prop_assert_eq!(of_family(&a).cmp(&of_family(&b)), bytes(&a).cmp(&bytes(&b)));
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        for bytes in [&[][..], &[4; 24], &[6; 25], &[4; 49], &[5; 25], &[6; 41], &[4; 65]] {
            assert_eq!(RowKey::decode(bytes), None, "{bytes:?}");
        }
    }
}
