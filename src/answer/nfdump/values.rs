//! What cells say of a row, before it is text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cells::{Counter, End, Whose};
use super::row::Row;
use crate::flow::{FlowRecord, Protocol, rate};

/// The flags of TCP; of other protocols none.
pub(super) fn shown_flags(flow: &FlowRecord) -> u8 {
    if flow.protocol == Protocol::TCP { flow.tcp_flags } else { 0 }
}

/// An address; of an element that the flow lacks 0.0.0.0, also where it is of IPv6.
#[inline]
pub(super) fn address(whose: Whose, row: &Row<'_>) -> IpAddr {
    match whose {
        Whose::End(End::Src) => row.flow.src,
        Whose::End(End::Dst) => row.flow.dst,
        Whose::NextHop => row.flow.next_hop,
        Whose::Router => row.flow.source.exporter,
        Whose::Element(v4, v6, _) => {
            let v4 = row.element(v4).and_then(|value| <[u8; 4]>::try_from(value).ok());
            let v6 = || row.element(v6).and_then(|value| <[u8; 16]>::try_from(value).ok());
            v4.map(|octets| Ipv4Addr::from(octets).into())
                .or_else(|| v6().map(|octets| Ipv6Addr::from(octets).into()))
                .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        }
    }
}

/// A counter, or a rate: rounded down, and 0 where there was no time.
#[inline]
pub(super) fn counter(counter: Counter, row: &Row<'_>) -> u128 {
    match counter {
        Counter::Packets => row.packets,
        Counter::Octets => row.octets,
        Counter::OutPackets => row.out_packets(),
        Counter::OutOctets => row.out_octets(),
        Counter::PacketsASecond => rate(row.packets, 1000, row.duration_ms),
        Counter::BitsASecond => rate(row.octets, 8000, row.duration_ms),
    }
}
