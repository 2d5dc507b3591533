//! The two families of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// The address family of a flow's two ends. A run, a batch and a row key hold one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families, in the order of their row keys.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// The family of `address`.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The address of this family whose number is `bits`.
    pub fn address(self, bits: u128) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::from(bits as u32).into(),
            Self::V6 => Ipv6Addr::from(bits).into(),
        }
    }

    /// The bytes of its addresses.
    pub(crate) const fn address_bytes(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }

    /// The greatest address of this family as a number; the least is 0.
    pub const fn max_bits(self) -> u128 {
        match self {
            Self::V4 => u32::MAX as u128,
            Self::V6 => u128::MAX,
        }
    }
}

/// An IPv4 address that is written as one of IPv6, as dual-stack systems do, becomes one of IPv4:
/// rows, questions and senders bear it so.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// `address` as a number, in the order of its bytes.
pub(crate) fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}
