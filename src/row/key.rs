//! The bytes of a row key; `schema/row-key.md` writes the layout down.

use std::fmt;
use std::net::IpAddr;

use byteorder::{BigEndian, ByteOrder};
use serde::{Deserialize, Serialize};

use crate::flow::{
    Addresses, Column, Columns, Family, FlowBatch, FlowRecord, NatLead, Origin, UnixMillis,
};

/// Which address of a flow leads the row key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Source first: what a host sent is one range.
    Src,
    /// Destination first: what it received is one range.
    Dst,
    /// An address behind a NAT first, then its port: what used it is one range. A flow is there once
    /// for each such end that it has, and most have none.
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

    /// The columns of what leads the key.
    pub const fn lead_columns(self) -> Columns {
        match self {
            Self::Src => Columns::of(&[Column::Src]),
            Self::Dst => Columns::of(&[Column::Dst]),
            Self::Nat => Columns::of(&[Column::Nat, Column::NatPort]),
        }
    }

    /// Whether the keys that an address leads, or, where `port` is told, an address and its port, are
    /// in the order of time: behind a NAT the port comes before it.
    pub(crate) const fn is_timed(self, port: Option<u16>) -> bool {
        matches!(self, Self::Src | Self::Dst) || port.is_some()
    }

    /// The addresses that lead the keys of a batch's flows, and the ends that come next.
    pub const fn addresses(self, batch: &FlowBatch) -> (&Addresses, &Addresses) {
        match self {
            Self::Src => (&batch.src, &batch.dst),
            Self::Dst => (&batch.dst, &batch.src),
            Self::Nat => (&batch.nat.0, &batch.src),
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

/// A row key: family, leading address, port behind a NAT, first, other addresses, origin. Its encoding compares, byte
/// by byte, in the order of these fields, where the family is the flow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The address that leads: src, or dst in the mirror order; or one behind a NAT, as IPv6.
    pub lead: IpAddr,
    /// The port of a leading address behind a NAT, or 0 (see [`NatLead`]); None where an end leads.
    pub port: Option<u16>,
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
const V4_NAT_KEY_BYTES: usize = 43;
/// Likewise of an IPv6 flow.
const V6_NAT_KEY_BYTES: usize = 67;
/// The bytes of the port in them.
pub(crate) const PORT_BYTES: usize = 2;
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
        Self { lead, port: None, first: flow.first, other, far: None, origin }
    }

    /// The key by which `lead` leads `flow` in the order of addresses behind a NAT.
    pub fn behind_nat(lead: NatLead, flow: &FlowRecord, origin: Origin) -> Self {
        let NatLead { address, port } = lead;
        let lead = Family::V6.address(address);
        let far = Some(flow.dst);
        Self { lead, port: Some(port), first: flow.first, other: flow.src, far, origin }
    }

    /// Appends the key's bytes, big-endian: 25 for IPv4, 49 for IPv6; 43 and 67 where an address
    /// behind a NAT leads.
    pub fn encode(&self, to: &mut Vec<u8>) {
        to.push(family_byte(Family::of(self.other)));
        push_address(self.lead, to);
        self.port.iter().for_each(|port| to.extend_from_slice(&port.to_be_bytes()));
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
        let port_at = 1 + lead.address_bytes();
        let first_at = port_at + if by_nat { PORT_BYTES } else { 0 };
        let far_at = first_at + 8 + family.address_bytes();
        Some(Self {
            lead: address(lead, 1),
            port: by_nat.then(|| BigEndian::read_u16(&bytes[port_at..])),
            first: UnixMillis(BigEndian::read_u64(&bytes[first_at..])),
            other: address(family, first_at + 8),
            far: by_nat.then(|| address(family, far_at)),
            origin: Origin(BigEndian::read_u64(&bytes[bytes.len() - 8..])),
        })
    }
}

/// Appends the byte of `family` and the address: what all keys of flows of this family begin with that
/// the address leads.
pub(crate) fn encode_address(family: Family, address: IpAddr, to: &mut Vec<u8>) {
    to.push(family_byte(family));
    push_address(address, to);
}

/// The least address that leads a key which does not come before `start`, the beginning of one in an
/// order of both ends; what is missing of it is zero.
pub(crate) fn leading_address(start: &[u8]) -> Option<IpAddr> {
    let (&first, rest) = start.split_first()?;
    let family = Family::ALL.into_iter().find(|&family| family_byte(family) == first)?;
    let bytes = rest.iter().copied().chain(std::iter::repeat(0)).take(family.address_bytes());
    Some(family.address(bytes.fold(0, |bits, byte| bits << 8 | u128::from(byte))))
}

/// What keys of this family begin with.
const fn family_byte(family: Family) -> u8 {
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
        let lead_port = prop_oneof![0..3u16, any::<u16>()];
        (any::<bool>(), addresses, lead_port, first, any::<u64>()).prop_map(
            move |(v6, (lead, other, far), port, first, origin)| {
                let family = if v6 { Family::V6 } else { Family::V4 };
                RowKey {
                    lead: if by_nat { Family::V6 } else { family }.address(lead),
                    port: by_nat.then_some(port),
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
    fn the_beginning_of_a_key_says_which_addresses_lead_what_follows() {
        for (start, expected) in [
            (&[4, 10, 0, 0, 1, 0, 0, 1][..], Some("10.0.0.1")),
            (&[4, 10], Some("10.0.0.0")),
            (&[4], Some("0.0.0.0")),
            (&[6, 0x20, 1, 0xd, 0xb8], Some("2001:db8::")),
            (&[], None),
            (&[5, 1], None),
        ] {
            let expected = expected.map(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!(leading_address(start), expected, "{start:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        for bytes in [&[][..], &[4; 24], &[6; 25], &[4; 49], &[5; 25], &[6; 43], &[4; 67]] {
            assert_eq!(RowKey::decode(bytes), None, "{bytes:?}");
        }
    }
}
