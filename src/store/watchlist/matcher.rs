//! Which flows of a batch are hits.

use std::net::IpAddr;
use std::sync::Arc;

use super::ranges::{RangeOf, Ranges};
use super::{Indicator, WatchList};
use crate::flow::{Addresses, Family, FlowBatch, UnixMillis, address_bits};
use crate::row::AddressSet;

/// A list, made ready to be looked for.
#[derive(Debug)]
pub(crate) struct Matcher {
    list: Arc<WatchList>,
    /// All of its addresses, to pass over by most flows.
    addresses: AddressSet,
    /// Its blocks, in the order in which they are looked up.
    blocks: Vec<Block>,
    /// Its ranges that are no blocks, of either family.
    ranges: [Ranges; 2],
    /// Which lengths prefixes have, the longest first, of either family.
    prefixes: [Vec<u8>; 2],
    /// Whether only what is not looked for yet counts.
    only_fresh: bool,
}

/// The block that an indicator is.
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
            (0..).zip(&list.indicators).filter_map(|(place, one)| block(place, one)).collect();
        blocks.sort_unstable();
        let prefixes = Family::ALL.map(|family| {
            let of_family = blocks.iter().filter(|block| block.family == family);
            let mut prefixes: Vec<u8> = of_family.map(|block| block.prefix).collect();
            prefixes.dedup();
            prefixes.reverse();
            prefixes
        });
        let ranges = Family::ALL.map(|family| Ranges::of(family, &list.indicators));
        Self { list, addresses, blocks, ranges, prefixes, only_fresh }
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
        let passes = |place: u32| {
            let indicator = &self.list.indicators[place as usize];
            indicator.port.is_none_or(|meant| meant == port) && indicator.valid.contains(first)
        };
        let block = self.find_block(family, bits, passes);
        let block = block.map(|place| RangeOf::of(place, &self.list.indicators[place as usize]));
        let range = self.ranges[family as usize].narrowest(bits, passes);
        let place = block.into_iter().chain(range).min()?.place;
        (!self.only_fresh || self.list.indicators[place as usize].fresh).then_some(place)
    }

    /// Likewise, of those that are blocks and that `passes` takes.
    fn find_block(&self, family: Family, bits: u128, passes: impl Fn(u32) -> bool) -> Option<u32> {
        self.prefixes[family as usize].iter().find_map(|&prefix| {
            let key = (family, prefix, network(family, bits, prefix));
            let key_of = |block: &Block| (block.family, block.prefix, block.network);
            let from = self.blocks.partition_point(|block| key_of(block) < key);
            let alike = self.blocks[from..].iter().take_while(|block| key_of(block) == key);
            alike.map(|block| block.place).find(|&place| passes(place))
        })
    }
}

/// The first address of the block of that prefix which `bits` lie in.
fn network(family: Family, bits: u128, prefix: u8) -> u128 {
    let width: u32 = if family == Family::V4 { 32 } else { 128 };
    let host_bits = width - u32::from(prefix).min(width);
    bits & u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

/// The block that an indicator is; None where it is a range of other ends.
fn block(place: u32, indicator: &Indicator) -> Option<Block> {
    let block = indicator.addresses.block()?;
    let (family, prefix) = (indicator.addresses.family(), block.prefix_len());
    let (network, at_any_port) = (address_bits(block.network()), indicator.port.is_none());
    Some(Block { family, prefix, network, at_any_port, place })
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
            addresses("2001:db8::5-2001:db8::fff1"),
            addresses("2001:db8::6-2001:db8::9"),
        ]);
        assert_eq!(matcher.blocks.len(), 6);
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
            ("2001:db8::5", 80, 0, Some(7)),
            ("2001:db8::fff1", 80, 0, Some(7)),
            ("2001:db8::fff2", 80, 0, Some(5)),
            ("2001:db8::9", 80, 0, Some(8)),
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
