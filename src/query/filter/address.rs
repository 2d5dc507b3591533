//! Addresses, blocks and ranges of them, as people write them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::error::Wrong;
use crate::flow::canonical;
use crate::query::parse_addresses;
use crate::row::AddressRange;

const EXPECTED: &str = "an address or a block such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32";

/// Reads an address, a block in CIDR notation, whose IPv4 address may be cut short (`10/8`), or a
/// range (`10.0.0.1-10.0.0.9`). Where a `net` is meant, `10.1` alone is `10.1.0.0/16`.
pub(super) fn read_addresses(text: &str, net: bool) -> Result<AddressRange, Wrong> {
    if let Ok(range) = parse_addresses(text) {
        return Ok(range);
    }
    if let Some((first, last)) = text.split_once('-')
        && let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>())
    {
        return between(text, first, last);
    }
    match text.split_once('/') {
        Some((start, bits)) => block(text, start, bits),
        None if net && let Some((address, octets)) = cut_short(text) => {
            let block = Ipv4Net::new(address, 8 * octets).map_err(|_| unknown(text))?;
            Ok(ipnet::IpNet::from(block).into())
        }
        None => Err(unknown(text)),
    }
}

fn between(text: &str, first: IpAddr, last: IpAddr) -> Result<AddressRange, Wrong> {
    // Only where both are IPv4 in the form of IPv6: all of IPv6 may end with such a one.
    let (first, last) = match (canonical(first), canonical(last)) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.into(), b.into()),
        _ => (first, last),
    };
    AddressRange::new(first, last).ok_or_else(|| {
        let problem = if first.is_ipv4() == last.is_ipv4() {
            format!("the range {text} ends before it begins")
        } else {
            format!("the range {text} begins in one address family and ends in the other")
        };
        Wrong::new(problem)
    })
}

fn block(text: &str, start: &str, bits: &str) -> Result<AddressRange, Wrong> {
    let v6 = start.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6());
    let Some(address) = start.parse().ok().or_else(|| cut_short(start).map(|(v4, _)| v4.into()))
    else {
        return Err(unknown(text));
    };
    if let (IpAddr::V4(v4), Ok(mask)) = (address, bits.parse::<Ipv4Addr>()) {
        let wrong = Wrong::new(format!("the prefix {bits} of {text} is a mask"))
            .expecting("how many bits it has");
        let block = with_mask(&v4.to_string(), mask)?;
        return Err(wrong.hinting(format!("write net {v4} {mask}, or {block}")));
    }
    let most = if v6 { 128 } else { 32 };
    let Some(bits) = bits.parse::<u8>().ok().filter(|&bits| bits <= most) else {
        return Err(Wrong::new(format!("the prefix {bits} of {text} is out of range"))
            .expecting(format!("0 to {most}")));
    };
    let block = ipnet::IpNet::new(address, bits).map_err(|_| unknown(text))?;
    Ok(block.into())
}

/// An IPv4 address of which the last octets may be left out, and how many are there.
fn cut_short(text: &str) -> Option<(Ipv4Addr, u8)> {
    let octets: Vec<&str> = text.split('.').collect();
    let is_octet = |octet: &str| {
        let digits = octet.bytes().all(|byte| byte.is_ascii_digit());
        digits && octet.parse::<u8>().is_ok() && (octet == "0" || !octet.starts_with('0'))
    };
    if octets.len() > 4 || !octets.iter().all(|octet| is_octet(octet)) {
        return None;
    }
    let mut address = [0; 4];
    for (to, octet) in address.iter_mut().zip(&octets) {
        *to = octet.parse().ok()?;
    }
    Some((address.into(), octets.len() as u8))
}

/// The block from `address` with `mask`, such as 255.255.0.0.
pub(super) fn with_mask(address: &str, mask: Ipv4Addr) -> Result<AddressRange, Wrong> {
    let address: Ipv4Addr = address.parse().map_err(|_| {
        Wrong::new(format!("{address} is no IPv4 address"))
            .expecting("one before a mask such as 255.255.0.0")
    })?;
    let block = Ipv4Net::with_netmask(address, mask).map_err(|_| {
        Wrong::new(format!("{mask} is no mask of a network"))
            .expecting("ones and then zeros, as in 255.255.240.0")
    })?;
    Ok(ipnet::IpNet::from(block).into())
}

/// Whether `text` looks like an address, rather than like a keyword.
pub(super) fn may_be_address(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) || text.contains(':')
}

fn unknown(text: &str) -> Wrong {
    let wrong = Wrong::new(format!("{text:?} is no address")).expecting(EXPECTED);
    let octets: Vec<&str> = text.split('.').collect();
    if let Some(stars) = octets.iter().position(|&octet| octet == "*")
        && let Some((start, _)) = cut_short(&octets[..stars].join("."))
        && octets[stars..].iter().all(|&octet| octet == "*")
    {
        return wrong.hinting(format!("write {start}/{}", 8 * stars));
    }
    if let Some((start, octets)) = cut_short(text).filter(|&(_, octets)| octets < 4) {
        return wrong.hinting(format!("write {start}/{} for the whole block", 8 * octets));
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.contains(':') {
        return wrong.hinting("names are not looked up: write the address that it has");
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::AddressSet;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, net, expected) in [
            ("10.0.0.1", false, "10.0.0.1"),
            ("10/8", false, "10.0.0.0/8"),
            ("122/8", true, "122.0.0.0/8"),
            ("10.1/16", false, "10.1.0.0/16"),
            ("10.1.2.3/8", false, "10.0.0.0/8"),
            ("10.1", true, "10.1.0.0/16"),
            ("10.1.2.3", true, "10.1.2.3"),
            ("10.0.0.0-10.0.0.127", false, "10.0.0.0/25"),
            ("10.0.0.1-10.0.0.3", false, "10.0.0.1-10.0.0.3"),
            ("::ffff:10.0.0.1-10.0.0.3", false, "10.0.0.1-10.0.0.3"),
            ("2001:db8::1-2001:db8::ff", false, "2001:db8::1-2001:db8::ff"),
            ("2001:db8::/32", false, "2001:db8::/32"),
        ] {
            let set = AddressSet::from(read_addresses(text, net).unwrap()).to_string();
            assert_eq!(set.trim_matches(['[', ']']), expected, "{text}");
        }
        let mask = |address, mask: [u8; 4]| with_mask(address, mask.into());
        assert_eq!(mask("10.1.2.3", [255, 255, 0, 0]), read_addresses("10.1.0.0/16", false));
        assert!(mask("10.1.2.3", [255, 0, 255, 0]).is_err());
        assert!(mask("::1", [255, 0, 0, 0]).is_err());
    }

    #[test]
    fn what_is_no_address_is_told_with_what_to_write() {
        for (text, problem, hint) in [
            ("122.0.0.*", "no address", "122.0.0.0/24"),
            ("10.*.*.*", "no address", "10.0.0.0/8"),
            ("10.1", "no address", "10.1.0.0/16"),
            ("example.org", "no address", "names are not looked up"),
            ("999.1.1.1", "no address", ""),
            ("10.0.0.0/33", "prefix 33", ""),
            ("10.0.0.0/x", "prefix x", ""),
            ("010/8", "no address", ""),
            ("::1/129", "prefix 129", ""),
            ("122.166.0.0/255.255.0.0", "is a mask", "write net 122.166.0.0 255.255.0.0"),
            ("122.166/255.255.0.0", "is a mask", "255.255.0.0, or 122.166.0.0/16"),
            ("122.166.0.0/255.0.255.0", "is no mask of a network", ""),
            ("10.0.0.2-10.0.0.1", "ends before", ""),
            ("10.0.0.2-::1", "family", ""),
            ("", "no address", ""),
            ("-", "no address", ""),
            ("/", "no address", ""),
        ] {
            let wrong = read_addresses(text, false).unwrap_err();
            assert!(wrong.problem.contains(problem), "{text}: {wrong:?}");
            assert!(wrong.hint.unwrap_or_default().contains(hint), "{text}");
        }
    }
}
