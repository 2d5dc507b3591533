//! Which flows of a batch are hits.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{Ipv4Subnets, Ipv6Subnets};

use super::{Indicator, WatchList};
use crate::flow::{Addresses, Family, FlowBatch, UnixMillis, address_bits, saturated_u32};
use crate::row::AddressSet;

/// A list, made ready to be looked for.
#[derive(Debug)]
pub(crate) struct Matcher {
    list: Arc<WatchList>,
    /// All of its addresses, to pass over by most flows.
    addresses: AddressSet,
    /// Its addresses block by block, in the order in which they are looked up.
    blocks: Vec<Block>,
    /// Which lengths prefixes have, the longest first, of either family.
    prefixes: [Vec<u8>; 2],
    /// Whether only what is not looked for yet counts.
    only_fresh: bool,
}

/// A block of an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    family: Family,
    prefix: u8,
    network: u128,
    /// Of one block that with the port comes first.
    at_any_port: bool,
    /// The place of its indicator in the list.
    place: u32,
}

/// A flow that hits an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which indicator of the list.
    pub(crate) place: u32,
    /// Which flow of the batch.
    pub(crate) row: usize,
    /// Whether it is by the flow's source.
    pub(crate) by_src: bool,
    /// The flow's other end.
    pub(crate) other: IpAddr,
}

impl Matcher {
    /// Looks for all of `list`.
    pub(crate) fn new(list: Arc<WatchList>) -> Self {
        Self::with(list, false)
    }

    /// Looks for what of `list` was not looked for yet.
    pub(crate) fn of_fresh(list: Arc<WatchList>) -> Self {
        Self::with(list, true)
    }

    fn with(list: Arc<WatchList>, only_fresh: bool) -> Self {
        let meant = list.indicators.iter().filter(|indicator| indicator.fresh || !only_fresh);
        let addresses = AddressSet::new(meant.map(|indicator| indicator.addresses));
        let mut blocks: Vec<Block> =
            (0..).zip(&list.indicators).flat_map(|(place, one)| blocks(place, one)).collect();
        blocks.sort_unstable();
        let prefixes = Family::ALL.map(|family| {
            let of_family = blocks.iter().filter(|block| block.family == family);
            let mut prefixes: Vec<u8> = of_family.map(|block| block.prefix).collect();
            prefixes.dedup();
            prefixes.reverse();
            prefixes
        });
        Self { list, addresses, blocks, prefixes, only_fresh }
    }

    /// The list.
    pub(crate) fn list(&self) -> &WatchList {
        &self.list
    }

    /// The addresses that hits have.
    pub(crate) fn addresses(&self) -> &AddressSet {
        &self.addresses
    }

    /// The flows of `batch`, which has the columns [`COLUMNS`](super::COLUMNS), that are hits. A flow
    /// both of whose ends hit one indicator comes once; of several indicators that hold an end, the
    /// narrowest is hit.
    pub(crate) fn look(&self, batch: &FlowBatch) -> Vec<Found> {
        let Some(passes) = self.pass(batch) else { return Vec::new() };
        let mut found = Vec::new();
        for row in passes {
            let first = UnixMillis(batch.first_ms[row]);
            let end = |addresses: &Addresses, port| self.find(addresses.get(row), port, first);
            let src = end(&batch.src, batch.src_port[row]);
            let dst = end(&batch.dst, batch.dst_port[row]).filter(|&place| src != Some(place));
            let of_src =
                src.map(|place| Found { place, row, by_src: true, other: batch.dst.get(row) });
            let of_dst =
                dst.map(|place| Found { place, row, by_src: false, other: batch.src.get(row) });
            found.extend(of_src.into_iter().chain(of_dst));
        }
        found
    }

    /// The rows of which an end is among the addresses.
    fn pass(&self, batch: &FlowBatch) -> Option<impl Iterator<Item = usize> + use<>> {
        if self.addresses.lacks(batch.family()) {
            return None;
        }
        let (src, dst) = (self.addresses.test(&batch.src), self.addresses.test(&batch.dst));
        let either = src.into_iter().zip(dst).enumerate();
        Some(either.filter(|&(_, (src, dst))| src || dst).map(|(row, _)| row))
    }

    /// The place of the narrowest indicator that `address` at `port` hits at that time.
    fn find(&self, address: IpAddr, port: u16, first: UnixMillis) -> Option<u32> {
        let (family, bits) = (Family::of(address), address_bits(address));
        let prefixes = &self.prefixes[family as usize];
        let place = prefixes.iter().find_map(|&prefix| {
            let key = (family, prefix, network(family, bits, prefix));
            let key_of = |block: &Block| (block.family, block.prefix, block.network);
            let from = self.blocks.partition_point(|block| key_of(block) < key);
            let alike = self.blocks[from..].iter().take_while(|block| key_of(block) == key);
            alike.map(|block| block.place).find(|&place| {
                let indicator = &self.list.indicators[place as usize];
                indicator.port.is_none_or(|meant| meant == port) && indicator.valid.contains(first)
            })
        })?;
        (!self.only_fresh || self.list.indicators[place as usize].fresh).then_some(place)
    }
}

/// The first address of the block of that prefix which `bits` lie in.
fn network(family: Family, bits: u128, prefix: u8) -> u128 {
    let width: u32 = if family == Family::V4 { 32 } else { 128 };
    let host_bits = width - u32::from(prefix).min(width);
    bits & u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

/// The blocks that an indicator is made of: one, but where it is a range of addresses.
fn blocks(place: usize, indicator: &Indicator) -> impl Iterator<Item = Block> + use<> {
    let (at_any_port, place) = (indicator.port.is_none(), saturated_u32(place));
    let family = indicator.addresses.family();
    let (first, last) = (indicator.addresses.first(), indicator.addresses.last());
    let (mut v4, mut v6) = (None, None);
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => v4 = Some(Ipv4Subnets::new(first, last, 0)),
        (IpAddr::V6(first), IpAddr::V6(last)) => v6 = Some(Ipv6Subnets::new(first, last, 0)),
        // A range is of one family.
        _ => {}
    }
    let v4 = v4.into_iter().flatten().map(|net| (net.prefix_len(), net.network().into()));
    let v6 = v6.into_iter().flatten().map(|net| (net.prefix_len(), net.network().into()));
    v4.chain(v6).map(move |(prefix, first): (u8, IpAddr)| {
        let network = address_bits(first);
        Block { family, prefix, network, at_any_port, place }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::TimeRange;
    use crate::store::conformance;

    fn matcher(indicators: Vec<Indicator>) -> Matcher {
        let (name, file) = ("bad".to_owned(), String::new());
        Matcher::new(Arc::new(WatchList { name, file, added: UnixMillis(0), indicators }))
    }

    fn addresses(text: &str) -> Indicator {
        let range = text.split_once('-').map(|(first, last)| {
            let [first, last] = [first, last].map(|end| end.parse::<IpAddr>().unwrap());
            crate::row::AddressRange::new(first, last).unwrap()
        });
        range.map_or_else(|| Indicator::of(text.parse::<ipnet::IpNet>().unwrap()), Indicator::of)
    }

    #[test]
    fn the_narrowest_indicator_that_holds_is_hit() {
        let until = TimeRange { since: UnixMillis(0), until: UnixMillis(100) };
        let matcher = matcher(vec![
            addresses("10.0.0.0/8"),
            addresses("10.1.0.5-10.1.0.10"),
            Indicator { port: Some(80), ..addresses("10.1.0.6/32") },
            addresses("10.1.0.6/32"),
            Indicator { valid: until, ..addresses("2001:db8::1/128") },
            addresses("2001:db8::/32"),
            addresses("::/0"),
        ]);
        for (address, port, time, place) in [
            ("10.255.0.0", 80, 0, Some(0)),
            ("10.1.0.5", 80, 0, Some(1)),
            ("10.1.0.10", 80, 0, Some(1)),
            ("10.1.0.11", 80, 0, Some(0)),
            ("10.1.0.6", 80, 0, Some(2)),
            ("10.1.0.6", 81, 0, Some(3)),
            ("11.0.0.0", 80, 0, None),
            ("2001:db8::1", 80, 99, Some(4)),
            ("2001:db8::1", 80, 100, Some(5)),
            ("2001:db9::1", 80, 100, Some(6)),
        ] {
            let found = matcher.find(address.parse().unwrap(), port, UnixMillis(time));
            assert_eq!(found, place, "{address}:{port} at {time}");
        }
    }

    #[test]
    fn a_flow_within_an_indicator_is_found_once_and_one_between_two_twice() {
        let matcher = matcher(vec![addresses("10.0.0.0/8"), addresses("192.0.2.1/32")]);
        let mut batch = FlowBatch::new(Family::V4);
        for (src, dst) in [
            ("10.0.0.1", "10.0.0.2"),
            ("10.0.0.1", "192.0.2.1"),
            ("192.0.2.2", "192.0.2.3"),
            ("192.0.2.2", "192.0.2.1"),
        ] {
            batch.push(&conformance::flow(src, dst, 0, 1), 0, crate::flow::Origin(0));
        }
        let found: Vec<_> = matcher
            .look(&batch)
            .iter()
            .map(|found| (found.row, found.place, found.other.to_string()))
            .collect();
        let expected = [(0, 0, "10.0.0.2"), (1, 0, "192.0.2.1"), (1, 1, "10.0.0.1")];
        let expected = expected.map(|(row, place, other)| (row, place, other.to_owned()));
        assert_eq!(found[..3], expected);
        assert_eq!(found[3..], [(3, 1, "192.0.2.2".to_owned())]);
    }
}
