//! What a data record of v9 or IPFIX, or a sample of sFlow, says of a flow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::flow::{Column, Family, Numbers, Sampling, UnixMillis, canonical};

/// A time as an exporter states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Milliseconds since the exporter started, modulo 2³².
    Uptime(u32),
    /// Since 1970.
    Unix(UnixMillis),
}

/// The common fields of one flow, as far as the exporter says them; others are zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DataRecord {
    /// Source address.
    pub src: Option<IpAddr>,
    /// Destination address.
    pub dst: Option<IpAddr>,
    /// Next hop of the route to the destination.
    pub next_hop: Option<IpAddr>,
    /// When the first packet was seen.
    pub first: Option<Stamp>,
    /// When the last packet was seen.
    pub last: Option<Stamp>,
    /// When something else than packets was observed, such as an event of a firewall.
    pub observed: Option<UnixMillis>,
    /// From the first packet to the last, in milliseconds.
    pub lasted_ms: Option<u64>,
    /// When the exporter started: what [`Stamp::Uptime`] counts from, where the header says none.
    pub started: Option<UnixMillis>,
    /// Who exported it, where the record names another than who sent it.
    pub exporter: Option<IpAddr>,
    /// How this flow was sampled, if otherwise than the packet says.
    pub sampling: Option<Sampling>,
    /// All other columns that hold numbers.
    pub numbers: Numbers,
    /// Type and code of ICMP, where they are told for themselves.
    pub icmp: u16,
    /// What octets and packets count, and those of what came back, which are among the elements
    /// beyond the common ones. None where there are none of these, and all count what came since the
    /// flow was told of before.
    pub counts: Option<[Counts; 4]>,
    /// Where the elements beyond the common ones lie: from, to.
    pub extras: (u32, u32),
}

/// From when on the counters of a record count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Counts {
    /// What came since the flow was told of before.
    #[default]
    SinceLast,
    /// All since the flow began, told again and again while it grows.
    SinceBeginning,
    /// What `initiatorOctets` and their like count: where a firewall tells its events so, it
    /// depends on the event.
    ByEvent,
}

impl DataRecord {
    /// The address of `column`, which is one of three: of all others it is the next hop's.
    pub(super) const fn address_mut(&mut self, column: Column) -> &mut Option<IpAddr> {
        match column {
            Column::Src => &mut self.src,
            Column::Dst => &mut self.dst,
            _ => &mut self.next_hop,
        }
    }

    /// Both ends as addresses of one family: a missing one is unspecified, and of two families
    /// the one counts whose addresses are not zero. IPv4 addresses in the form of IPv6 are IPv4's,
    /// unless the other end has none.
    ///
    /// # Errors
    ///
    /// [`NoEnds`] if there is no address, or two families are meant.
    pub fn ends(&self) -> Result<(IpAddr, IpAddr), NoEnds> {
        match ends_of(self.src.map(canonical), self.dst.map(canonical)) {
            Err(NoEnds::TwoFamilies) => ends_of(self.src, self.dst),
            known => known,
        }
    }

    /// The next hop, if it is of `family`, as the ends are.
    pub fn next_hop_of(&self, family: Family) -> Option<IpAddr> {
        let told = self.next_hop?;
        [canonical(told), told].into_iter().find(|&hop| Family::of(hop) == family)
    }
}

fn ends_of(src: Option<IpAddr>, dst: Option<IpAddr>) -> Result<(IpAddr, IpAddr), NoEnds> {
    match (src, dst) {
        (None, None) => Err(NoEnds::NoAddresses),
        (Some(end), None) => Ok((end, unspecified(end))),
        (None, Some(end)) => Ok((unspecified(end), end)),
        (Some(src), Some(dst)) if src.is_ipv4() == dst.is_ipv4() => Ok((src, dst)),
        (Some(src), Some(dst)) if dst.is_unspecified() => Ok((src, unspecified(src))),
        (Some(src), Some(dst)) if src.is_unspecified() => Ok((unspecified(dst), dst)),
        _ => Err(NoEnds::TwoFamilies),
    }
}

/// Why a record has no two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoEnds {
    /// It has no address.
    NoAddresses,
    /// One is of IPv4, and the other of IPv6.
    TwoFamilies,
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Takes `address` for `place`, unless one that is not zero is there: the first one of several is
/// that of the outer packet (RFC 7011 §8), and of two families the other one is often zero. Gives
/// whether something was said that `place` has no room for.
#[inline]
pub(super) fn put_address(place: &mut Option<IpAddr>, address: IpAddr) -> bool {
    match place {
        Some(known) if !known.is_unspecified() => !address.is_unspecified(),
        Some(_) if address.is_unspecified() => false,
        _ => {
            *place = Some(address);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_families_the_one_counts_that_is_not_zero() {
        let v4 = |last| Some(IpAddr::from([10, 0, 0, last]));
        let v6 = |last| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]));
        let zero4 = Some(IpAddr::from([0; 4]));
        let zero6 = Some(IpAddr::from([0_u16; 8]));
        for (src, dst, expected) in [
            (v4(1), v4(2), Ok((v4(1), v4(2)))),
            (v6(1), None, Ok((v6(1), zero6))),
            (None, v4(2), Ok((zero4, v4(2)))),
            (v6(1), zero4, Ok((v6(1), zero6))),
            (zero4, v6(2), Ok((zero6, v6(2)))),
            (v4(1), v6(2), Err(NoEnds::TwoFamilies)),
            (None, None, Err(NoEnds::NoAddresses)),
        ] {
            let record = DataRecord { src, dst, ..DataRecord::default() };
            let ends = record.ends().map(|(src, dst)| (Some(src), Some(dst)));
            assert_eq!(ends, expected, "{src:?} {dst:?}");
        }
    }

    #[test]
    fn the_first_address_that_is_not_zero_is_taken() {
        let mut place = None;
        for (address, expected, is_left) in [
            ("0.0.0.0", "0.0.0.0", false),
            ("::", "0.0.0.0", false),
            ("::1", "::1", false),
            ("0.0.0.0", "::1", false),
            ("10.0.0.1", "::1", true),
        ] {
            assert_eq!(put_address(&mut place, address.parse().unwrap()), is_left, "{address}");
            assert_eq!(place, Some(expected.parse().unwrap()), "{address}");
        }
    }
}
