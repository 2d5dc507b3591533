//! A column of addresses.

use std::net::IpAddr;
use std::ops::Range;

use super::Family;
use super::family::address_bits;
use super::rows::{extend, extend_picked, take};

/// Addresses of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4 addresses as numbers.
    V4(Vec<u32>),
    /// IPv6 addresses as numbers.
    V6(Vec<u128>),
}

impl Addresses {
    /// No addresses, of `family`.
    pub fn new(family: Family) -> Self {
        match family {
            Family::V4 => Self::V4(Vec::new()),
            Family::V6 => Self::V6(Vec::new()),
        }
    }

    /// Their family.
    pub fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::V4(addresses) => addresses.len(),
            Self::V6(addresses) => addresses.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The address at `row`.
    pub fn get(&self, row: usize) -> IpAddr {
        self.family().address(self.bits(row))
    }

    /// The address at `row` as a number.
    pub fn bits(&self, row: usize) -> u128 {
        match self {
            Self::V4(addresses) => addresses[row].into(),
            Self::V6(addresses) => addresses[row],
        }
    }

    /// Appends `address`, whose family must be this one.
    pub fn push(&mut self, address: IpAddr) {
        self.push_bits(address_bits(address));
    }

    /// Appends the address whose number is `bits`.
    pub(crate) fn push_bits(&mut self, bits: u128) {
        match self {
            Self::V4(addresses) => addresses.push(bits as u32),
            Self::V6(addresses) => addresses.push(bits),
        }
    }

    pub(super) fn reserve(&mut self, more: usize) {
        match self {
            Self::V4(addresses) => addresses.reserve(more),
            Self::V6(addresses) => addresses.reserve(more),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::V4(addresses) => addresses.clear(),
            Self::V6(addresses) => addresses.clear(),
        }
    }

    /// Appends IPv4 addresses as numbers; these addresses must be of that family.
    pub(crate) fn extend_v4(&mut self, more: impl Iterator<Item = u32>) {
        match self {
            Self::V4(addresses) => addresses.extend(more),
            Self::V6(_) => debug_assert!(false, "IPv4 addresses for a batch of IPv6"),
        }
    }

    pub(super) fn take_rows(&self, rows: &[u32]) -> Self {
        match self {
            Self::V4(addresses) => Self::V4(take(addresses, rows)),
            Self::V6(addresses) => Self::V6(take(addresses, rows)),
        }
    }

    pub(super) fn extend_picked(&mut self, others: &[&Self], picked: &[(u32, u32)]) {
        match self {
            Self::V4(to) => {
                let others = others.iter().map(|other| match other {
                    Self::V4(of) => &of[..],
                    Self::V6(_) => &[],
                });
                extend_picked(to, &others.collect::<Vec<_>>(), picked);
            }
            Self::V6(to) => {
                let others = others.iter().map(|other| match other {
                    Self::V6(of) => &of[..],
                    Self::V4(_) => &[],
                });
                extend_picked(to, &others.collect::<Vec<_>>(), picked);
            }
        }
    }

    pub(super) fn extend(&mut self, other: &Self, rows: &Range<usize>) {
        match (self, other) {
            (Self::V4(to), Self::V4(from)) => extend(to, from, rows),
            (Self::V6(to), Self::V6(from)) => extend(to, from, rows),
            _ => debug_assert!(false, "batches of two families"),
        }
    }
}
