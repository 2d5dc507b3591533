//! Flows for others' eyes: addresses that stand for those of the network, and nothing beside them that
//! would tell which.
//!
//! Addresses become others by Crypto-PAn, one for one, so that two that began alike in some bits still
//! do, and the same key always gives the same. MAC addresses become a keyed hash. What would tell
//! whose an address was is left out and counted: numbers of autonomous systems, texts, bytes of packets,
//! and elements of which it is not known what they are.

mod crypto_pan;
mod elements;
mod key;
mod payload;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

pub use key::{AnonymiseKey, ParseKeyError};
pub use payload::PayloadAnonymiser;

use crate::flow::{Addresses, Column, Extras, Family, FlowBatch, Source, ValuesMut};
use crypto_pan::{CryptoPan, Network};

/// What takes the place of addresses, by a key.
pub struct Anonymiser {
    pan: CryptoPan,
    left_out: Mutex<LeftOut>,
}

/// What was left out, and of how many flows.
pub type LeftOut = BTreeMap<String, u64>;

/// Where IPv4 addresses lie among those of IPv6.
const MAPPED: u128 = 0xffff << 32;

impl Anonymiser {
    /// By `key`. Of addresses in `kept` the bits of the network stay as they are, so that it can be
    /// told who is in it; of other addresses those first bits that they share with one of them do.
    pub fn new(key: &AnonymiseKey, kept: &[ipnet::IpNet]) -> Self {
        let kept = kept.iter().map(|&network| Network::from(network)).collect();
        Self { pan: CryptoPan::new(key, kept), left_out: Mutex::default() }
    }

    /// The address that stands for `address`. An unspecified one stays, and none other becomes it.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => self.v4(address.into()).to_be_bytes().into(),
            IpAddr::V6(address) => Ipv6Addr::from(self.v6(address.into())).into(),
        }
    }

    /// The flows that stand for `batch`.
    #[must_use]
    pub fn batch(&self, mut batch: FlowBatch) -> FlowBatch {
        for column in [Column::Src, Column::Dst, Column::NextHop] {
            if let ValuesMut::Addresses(addresses) = batch.values_mut(column) {
                self.addresses(addresses);
            }
        }
        let source =
            |source: &Source| Source { exporter: self.address(source.exporter), ..*source };
        batch.sources = Arc::new(batch.sources.iter().map(source).collect());
        batch.origin.clear();
        let mut left_out = LeftOut::new();
        let named = batch.src_as.iter().chain(&batch.dst_as).filter(|&&number| number != 0).count();
        count(&mut left_out, "numbers of autonomous systems", named as u64);
        batch.src_as.fill(0);
        batch.dst_as.fill(0);
        if !batch.extras.is_empty() {
            let (mut extras, mut bytes) = (Extras::default(), Vec::new());
            for row in 0..batch.len() {
                bytes.clear();
                self.elements(batch.extras.get(row), &mut bytes, &mut left_out);
                extras.set(row, &bytes);
            }
            batch.extras = extras;
        }
        if !left_out.is_empty() {
            let mut all = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
            for (what, flows) in left_out {
                count(&mut all, &what, flows);
            }
        }
        batch
    }

    /// What was left out so far.
    pub fn left_out(&self) -> LeftOut {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A text that stands for `text`: the same for the same key, and nobody without it can tell for
    /// which.
    pub fn digest(&self, text: &str) -> String {
        format!("{:032x}", self.pan.digest(text.as_bytes()))
    }

    fn addresses(&self, addresses: &mut Addresses) {
        match addresses {
            Addresses::V4(bits) => each_once(bits, |bits| self.v4(bits)),
            Addresses::V6(bits) => each_once(bits, |bits| self.v6(bits)),
        }
    }

    fn v4(&self, bits: u32) -> u32 {
        let stands_for =
            |bits: u32| (self.pan.bits(Family::V4, u128::from(bits) << 96) >> 96) as u32;
        beside_zero(bits, stands_for)
    }

    /// An address of IPv4 in the form of IPv6 becomes what it would become in its own.
    fn v6(&self, bits: u128) -> u128 {
        match u32::try_from(bits ^ MAPPED) {
            Ok(v4) => MAPPED | u128::from(self.v4(v4)),
            Err(_) => beside_zero(bits, |bits| self.pan.bits(Family::V6, bits)),
        }
    }
}

/// Counts `flows` of which something was left out, if there are any.
fn count(left_out: &mut LeftOut, what: &str, flows: u64) {
    if flows > 0 {
        *left_out.entry(what.to_owned()).or_default() += flows;
    }
}

/// `stands_for` with zero for zero: the address that would become it gets what zero would become.
fn beside_zero<T: Default + PartialEq + Copy>(bits: T, stands_for: impl Fn(T) -> T) -> T {
    let zero = T::default();
    if bits == zero {
        return zero;
    }
    let found = stands_for(bits);
    if found == zero { stands_for(zero) } else { found }
}

/// Changes each value; where many lie together that are equal, once.
fn each_once<T: Copy + PartialEq>(values: &mut [T], change: impl Fn(T) -> T) {
    for equal in values.chunk_by_mut(PartialEq::eq) {
        if let Some(&first) = equal.first() {
            equal.fill(change(first));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::{ElementId, Extra, FlowRecord, Origin, extra_value, extras, push_extra};

    /// The key of the vectors that are published with the method's sample code.
    const KEY: [u8; 32] = [
        21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131,
        121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
    ];

    fn anonymiser(kept: &[&str]) -> Anonymiser {
        let kept: Vec<ipnet::IpNet> = kept.iter().map(|text| text.parse().unwrap()).collect();
        Anonymiser::new(&AnonymiseKey::new(KEY), &kept)
    }

    /// Xu, Fan, Ammar and Moon: the traces that come with their sample code.
    #[test]
    fn addresses_become_those_that_are_published() {
        let own = anonymiser(&[]);
        for (address, expected) in
            [("128.11.68.132", "135.242.180.132"), ("129.118.74.4", "134.136.186.123")]
        {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(own.address(address).to_string(), expected);
            let IpAddr::V4(v4) = address else { continue };
            let mapped = own.address(v4.to_ipv6_mapped().into());
            assert_eq!(mapped.to_string(), format!("::ffff:{expected}"));
        }
        for unspecified in ["0.0.0.0", "::"] {
            assert_eq!(own.address(unspecified.parse().unwrap()).to_string(), unspecified);
        }
    }

    fn common_bits(a: u128, b: u128) -> u32 {
        (a ^ b).leading_zeros()
    }

    proptest! {
        #[test]
        fn addresses_that_begin_alike_still_do(a in 1..u32::MAX, bits in 0..32u32, c in any::<u128>()) {
            let b = a ^ 1 << bits;
            for own in [anonymiser(&[]), anonymiser(&["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"])] {
                let [to_a, to_b] = [a, b].map(|bits| own.v4(bits));
                // What became zero, or would have, lies anywhere.
                if a > 0 && b > 0 && own.v4(to_a) != 0 {
                    prop_assert_eq!((a ^ b).leading_zeros(), (to_a ^ to_b).leading_zeros());
                }
                let d = c ^ 1 << (bits * 4);
                prop_assert_eq!(common_bits(own.v6(c), own.v6(d)), common_bits(c, d));
            }
        }

        #[test]
        fn a_network_that_is_kept_stays_and_no_other_address_enters_it(bits in any::<u32>()) {
            let own = anonymiser(&["10.0.0.0/8", "192.168.7.0/24"]);
            let became = own.v4(bits);
            prop_assert_eq!(bits >> 24 == 10, became >> 24 == 10);
            prop_assert_eq!(bits >> 8 == 0xc0_a807, became >> 8 == 0xc0_a807);
        }
    }

    #[test]
    fn what_would_tell_whose_an_address_was_is_left_out() {
        let own = anonymiser(&[]);
        let flow = FlowRecord {
            octets: 10,
            src_as: 64_500,
            next_hop: [10, 9, 9, 9].into(),
            source: Source { exporter: [192, 0, 2, 1].into(), engine: 7, ..Source::UNKNOWN },
            ..FlowRecord::between([128, 11, 68, 132].into(), [129, 118, 74, 4].into())
        };
        let elements: [(u32, u16, &[u8]); 8] = [
            (0, 225, &[128, 11, 68, 132]),     // postNATSourceIPv4Address
            (0, 371, b"mallory"),              // userName
            (0, 58, &[12]),                    // vlanId
            (0, 56, &[2, 0, 0, 0, 0, 1]),      // sourceMacAddress
            (0, 128, &[1, 0]),                 // bgpNextAdjacentAsNumber
            (0, 313, &[0x45, 0, 0, 20]),       // ipHeaderPacketSection
            (9, 12_235, b"GET /"),             // of Cisco
            (u32::MAX, 1, &[129, 118, 74, 4]), // who sent it
        ];
        let mut bytes = Vec::new();
        for (enterprise, number, value) in elements {
            push_extra(&mut bytes, 0, Extra { number, enterprise, value });
        }
        let mut batch = FlowBatch::new(Family::V4);
        batch.sources = Arc::new(vec![flow.source]);
        batch.push_with(&flow, 0, Origin(5), &bytes);
        let found = own.batch(batch);
        let became = found.record(0);
        let expected = FlowRecord {
            src: [135, 242, 180, 132].into(),
            dst: [134, 136, 186, 123].into(),
            next_hop: own.address(flow.next_hop),
            src_as: 0,
            source: Source { exporter: own.address(flow.source.exporter), ..flow.source },
            ..flow
        };
        assert_eq!(became, expected);
        assert!(found.origin.is_empty());
        let kept = found.extras.get(0);
        let value = |number| extra_value(kept, ElementId::iana(number));
        assert_eq!(value(225), Some(&[135, 242, 180, 132][..]));
        assert_eq!(value(58), Some(&[12][..]));
        let mac = value(56).unwrap();
        assert!(mac.len() == 6 && mac != [2, 0, 0, 0, 0, 1] && mac[0] & 3 == 2, "{mac:?}");
        let numbers: Vec<u16> = extras(kept).map(|extra| extra.number).collect();
        assert_eq!(numbers, [225, 58, 56, 1]);
        let left_out = own.left_out();
        let told: Vec<&str> = left_out.keys().map(String::as_str).collect();
        let expected = [
            "bgpNextAdjacentAsNumber",
            "ciscoApplicationHttpHost",
            "ipHeaderPacketSection",
            "numbers of autonomous systems",
            "userName",
        ];
        assert_eq!(told, expected);
        assert_ne!(own.digest("10.0.0.0/8"), own.digest("10.0.0.1/8"));
    }
}
