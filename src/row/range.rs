//! Ranges of row keys: the leading address, or a block of them, and a span of time.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Order;
use super::key::{MAX_KEY_BYTES, PORT_BYTES, RowKey, encode_address};
use crate::flow::{Family, TimeRange, UnixMillis, address_bits};

/// Addresses of one family from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// From `first` to `last`; `None` if they are of two families, or in the wrong order.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        (Family::of(first) == Family::of(last) && first <= last).then_some(Self { first, last })
    }

    /// Every address of `family`.
    pub fn all(family: Family) -> Self {
        Self { first: family.address(0), last: family.address(family.max_bits()) }
    }

    /// From the address of `family` whose number is `first` to that whose number is `last`, which
    /// must not be less.
    pub(crate) fn of_bits(family: Family, first: u128, last: u128) -> Self {
        debug_assert!(first <= last);
        Self { first: family.address(first), last: family.address(last) }
    }

    /// The least address.
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// The greatest address.
    pub const fn last(&self) -> IpAddr {
        self.last
    }

    /// The least and the greatest address as numbers.
    pub fn bits(&self) -> (u128, u128) {
        (address_bits(self.first), address_bits(self.last))
    }

    /// The family of all of them.
    pub const fn family(&self) -> Family {
        Family::of(self.first)
    }

    /// The one address of the range, if it has only one.
    pub fn host(&self) -> Option<IpAddr> {
        (self.first == self.last).then_some(self.first)
    }

    /// The block in CIDR notation that the range is, if it is one.
    pub fn block(&self) -> Option<IpNet> {
        let (first, last) = self.bits();
        let most = if self.first.is_ipv4() { 32 } else { 128 };
        // The bits in which both ends differ are all zeros at one and all ones at the other.
        let host_bits = 128 - (first ^ last).leading_zeros();
        let hosts = 1_u128.checked_shl(host_bits).unwrap_or(0).wrapping_sub(1);
        let is_block = first & hosts == 0 && last & hosts == hosts;
        let prefix = u8::try_from(most - host_bits).ok()?;
        is_block.then(|| IpNet::new(self.first, prefix).ok()).flatten()
    }

    /// Whether `address` is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        Family::of(address) == self.family() && self.first <= address && address <= self.last
    }
}

impl From<IpAddr> for AddressRange {
    fn from(host: IpAddr) -> Self {
        Self { first: host, last: host }
    }
}

impl From<IpNet> for AddressRange {
    fn from(block: IpNet) -> Self {
        Self { first: block.network(), last: block.broadcast() }
    }
}

/// As the filter language has it: an address, a block in CIDR notation, or `FIRST-LAST`.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host() {
            Some(host) => write!(f, "{host}"),
            None => match self.block() {
                Some(block) => write!(f, "{block}"),
                None => write!(f, "{}-{}", self.first, self.last),
            },
        }
    }
}

/// A stretch of row keys in bytes: from `start` on, and before `stop` (`None`: to the end).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key in the range, or what it begins with.
    pub start: Vec<u8>,
    /// The first key after the range.
    pub stop: Option<Vec<u8>>,
}

impl KeyRange {
    /// The keys whose leading address is in `lead`, and, for a single host, whose time is in `time`.
    /// For a block of addresses the time cannot narrow the range: it lies behind the address.
    pub fn new(lead: &AddressRange, time: TimeRange) -> Self {
        Self::in_order(Order::Src, lead.family(), lead, None, time)
    }

    /// Likewise in `order`, among flows of `family`; of a single address behind a NAT the keys of
    /// `port` if one is told, and only then those in `time`, which lies behind it.
    pub(crate) fn in_order(
        order: Order,
        family: Family,
        lead: &AddressRange,
        port: Option<u16>,
        time: TimeRange,
    ) -> Self {
        let begin = |address: IpAddr| {
            let mut key = Vec::with_capacity(MAX_KEY_BYTES);
            encode_address(family, address, &mut key);
            key.extend(port.iter().flat_map(|port| port.to_be_bytes()));
            key
        };
        let (mut start, mut stop) = (begin(lead.first()), begin(lead.last()));
        if lead.host().is_some() && order.is_timed(port) && !time.is_all() {
            start.extend_from_slice(&time.since.0.to_be_bytes());
            if time.until < UnixMillis::MAX {
                stop.extend_from_slice(&time.until.0.to_be_bytes());
                return Self { start, stop: Some(stop) };
            }
        }
        Self { start, stop: successor(stop) }
    }

    /// Whether `key` lies in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && self.stop.as_deref().is_none_or(|stop| key < stop)
    }
}

impl RowKey {
    /// The least bytes behind all keys of its family that its address leads, and its port.
    pub(crate) fn behind_lead(&self) -> Option<Vec<u8>> {
        let mut key = Vec::new();
        self.encode(&mut key);
        let port_bytes = if self.port.is_some() { PORT_BYTES } else { 0 };
        key.truncate(1 + Family::of(self.lead).address_bytes() + port_bytes);
        successor(key)
    }
}

/// The least bytes that are greater than everything that begins with `prefix`.
fn successor(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Origin;
    use crate::row::RowKey;
    use proptest::prelude::*;

    fn host(number: u8) -> IpAddr {
        Family::V4.address(0xffff_ff00 | u128::from(number))
    }

    #[test]
    fn a_range_is_written_as_a_block_where_it_is_one() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "10.0.0.2/31", "2001:db8::/32", "::/0", "::2/127"] {
            let block: IpNet = text.parse().unwrap();
            assert_eq!(AddressRange::from(block).block(), Some(block));
            assert_eq!(AddressRange::from(block).to_string(), text);
        }
        let range = |first: &str, last: &str| {
            AddressRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
        };
        assert_eq!(range("10.0.0.1", "10.0.0.1").to_string(), "10.0.0.1");
        for (first, last) in [("10.0.0.1", "10.0.0.2"), ("10.0.0.0", "10.0.0.2"), ("::1", "::2")] {
            assert_eq!(range(first, last).block(), None);
            assert_eq!(range(first, last).to_string(), format!("{first}-{last}"));
        }
    }

    proptest! {
        #[test]
        fn a_range_holds_the_keys_of_its_hosts_and_times(
            lead in any::<u8>(), low in any::<u8>(), high in any::<u8>(),
            first in 0u64..10, since in 0u64..10, until in 0u64..10, other in any::<u32>(),
            late in any::<bool>(),
        ) {
            let (low, high) = (low.min(high), low.max(high));
            // The first ten moments, or the last ten.
            let moment = |number: u64| if late { u64::MAX - number } else { number };
            let (first, since, until) = (moment(first), moment(since), moment(until));
            let time = TimeRange { since: UnixMillis(since), until: UnixMillis(until) };
            let key = RowKey {
                lead: host(lead), port: None, first: UnixMillis(first), other: Family::V4.address(other.into()),
                far: None, origin: Origin(7),
            };
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            let block = AddressRange::new(host(low), host(high)).unwrap();
            let in_time = low != high || time.contains(key.first);
            prop_assert_eq!(KeyRange::new(&block, time).contains(&bytes), block.contains(key.lead) && in_time);
        }

        #[test]
        fn a_range_behind_a_nat_holds_the_keys_of_a_port_and_its_times(
            lead in 0u128..4, asked in 0u128..4, port in 0u16..3, asked_port in prop::option::of(0u16..3),
            first in 0u64..10, since in 0u64..10, until in 0u64..10, v6 in any::<bool>(),
        ) {
            let family = if v6 { Family::V6 } else { Family::V4 };
            let address = |number| Family::V6.address(number);
            let time = TimeRange { since: UnixMillis(since), until: UnixMillis(until) };
            let key = RowKey {
                lead: address(lead), port: Some(port), first: UnixMillis(first), other: family.address(1),
                far: Some(family.address(2)), origin: Origin(7),
            };
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            for of in Family::ALL {
                let range = KeyRange::in_order(Order::Nat, of, &address(asked).into(), asked_port, time);
                let of_port = asked_port.is_none_or(|asked| asked == port && time.contains(key.first));
                prop_assert_eq!(range.contains(&bytes), of == family && lead == asked && of_port);
            }
            prop_assert!(key.behind_lead().is_some_and(|behind| bytes < behind));
        }
    }
}
