//! Addresses as lists write them.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

use crate::flow::canonical;
use crate::row::AddressRange;
use crate::store::watchlist::Indicator;

/// The addresses that `text` is: an address, a block in CIDR notation, a range `FIRST-LAST`, or an
/// address with a port, `203.0.113.7:443` or `[2001:db8::1]:443`.
pub(super) fn indicator(text: &str) -> Option<Indicator> {
    let text = text.trim();
    if let Some(addresses) = addresses(text) {
        return Some(Indicator::of(addresses));
    }
    let socket = text.parse::<SocketAddr>().ok()?;
    Some(Indicator { port: Some(socket.port()), ..Indicator::of(canonical(socket.ip())) })
}

fn addresses(text: &str) -> Option<AddressRange> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(canonical(address).into());
    }
    if let Ok(block) = text.parse::<IpNet>() {
        return Some(canonical_block(block).into());
    }
    let (first, last) = text.split_once('-')?;
    let [first, last] = [first, last].map(|end| end.trim().parse::<IpAddr>().map(canonical));
    AddressRange::new(first.ok()?, last.ok()?)
}

/// A block of IPv4 addresses in the form of IPv6 as one of IPv4.
fn canonical_block(block: IpNet) -> IpNet {
    let IpNet::V6(v6) = block else { return block };
    let v4 = v6.network().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    let v4 = v4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    v4.map_or(block, IpNet::from)
}
