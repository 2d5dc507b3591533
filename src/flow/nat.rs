//! The addresses that flows have behind a NAT: those that the outside knows them by.

use super::{Addresses, canonical, extras, low_u16, unsigned};

/// The elements that tell the address behind a NAT of a flow's source, in IPv4 and in IPv6, and its
/// port; then those of its destination.
pub(crate) const NAT_SIDES: [([u16; 2], u16); 2] = [([225, 281], 227), ([226, 282], 228)];

/// The element with which blocks of ports begin.
const PORT_RANGE_START: u16 = 361;

/// What leads a row in the order of addresses behind a NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NatLead {
    /// The address as a number of IPv6: a flow of one family may have one of the other.
    pub address: u128,
    /// Its port; 0 where the flow tells none, several, or a block of ports.
    pub port: u16,
}

/// Whether IANA's element `number` tells an address behind a NAT.
pub(crate) fn is_nat_address(number: u16) -> bool {
    NAT_SIDES.iter().any(|(addresses, _)| addresses.contains(&number))
}

/// What leads one flow with these elements, each once and in rising order.
pub fn nat_leads(bytes: &[u8]) -> Vec<NatLead> {
    let mut leads: Vec<NatLead> = each_lead(bytes).collect();
    leads.sort_unstable();
    leads.dedup();
    leads
}

/// Likewise in the order of the elements, and perhaps several times. Unspecified addresses say
/// nothing.
pub(crate) fn each_lead(bytes: &[u8]) -> impl Iterator<Item = NatLead> {
    let ports = own_ports(bytes);
    extras(bytes).filter(|extra| extra.enterprise == 0).filter_map(move |extra| {
        let is_told = |(addresses, _): &([u16; 2], u16)| addresses.contains(&extra.number);
        let side = NAT_SIDES.iter().position(is_told)?;
        Some(NatLead { address: lead_of(extra.value)?, port: ports[side] })
    })
}

/// The port of each side that leads with its address.
fn own_ports(bytes: &[u8]) -> [u16; 2] {
    let mut ports = [None; 2];
    for extra in extras(bytes).filter(|extra| extra.enterprise == 0) {
        let number = || low_u16(unsigned(extra.value));
        if extra.number == PORT_RANGE_START && number() > 0 {
            return [0; 2];
        }
        if let Some(side) = NAT_SIDES.iter().position(|&(_, port)| port == extra.number) {
            ports[side] = Some(if ports[side].is_none() { number() } else { 0 });
        }
    }
    ports.map(Option::unwrap_or_default)
}

/// The number of the address whose bytes are `value`, unless it is unspecified.
fn lead_of(value: &[u8]) -> Option<u128> {
    let address = match *value {
        [a, b, c, d] => [a, b, c, d].into(),
        _ => canonical(<[u8; 16]>::try_from(value).ok()?.into()),
    };
    (!address.is_unspecified()).then(|| nat_lead(address).into())
}

/// `address` as it leads rows in the order of addresses behind a NAT, where those of IPv4 are in the
/// form of IPv6.
pub(crate) fn nat_lead(address: std::net::IpAddr) -> std::net::Ipv6Addr {
    match address {
        std::net::IpAddr::V4(address) => address.to_ipv6_mapped(),
        std::net::IpAddr::V6(address) => address,
    }
}

/// A column of what leads rows in the order of addresses behind a NAT; without values in batches of
/// other orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leading<T>(pub T);

impl Leading<Addresses> {
    /// The addresses as numbers, of which 0 is none.
    pub fn bits(&self) -> &[u128] {
        match &self.0 {
            Addresses::V6(bits) => bits,
            Addresses::V4(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Extra, Family, push_extra};

    fn leads(elements: &[(u16, &[u8])]) -> Vec<(String, u16)> {
        let mut bytes = Vec::new();
        for &(number, value) in elements {
            push_extra(&mut bytes, 0, Extra { number, enterprise: 0, value });
        }
        let text = |address| canonical(Family::V6.address(address)).to_string();
        nat_leads(&bytes).into_iter().map(|lead| (text(lead.address), lead.port)).collect()
    }

    #[test]
    fn every_address_behind_a_nat_leads_once() {
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7];
        let told = [
            (225, &[203, 0, 113, 7][..]),
            (226, &[198, 51, 100, 9]),
            (281, &mapped),
            (282, &[0; 16]),
            (226, &[0; 4]),
            (225, &[1; 5]),
        ];
        let expected = [("198.51.100.9".to_owned(), 0), ("203.0.113.7".to_owned(), 0)];
        assert_eq!(leads(&told), expected);
        let mut bytes = Vec::new();
        push_extra(&mut bytes, 0, Extra { number: 225, enterprise: 9, value: &[1; 4] });
        assert_eq!(nat_leads(&bytes), []);
        assert_eq!(nat_leads(&[]), []);
    }

    /// By what RFC 8158 has events of NATs tell: ports of both sides, none, or a block.
    #[test]
    fn an_address_leads_with_the_port_of_its_side_where_there_is_one() {
        let ends: [(u16, &[u8]); 2] = [(225, &[203, 0, 113, 7]), (226, &[203, 0, 113, 7])];
        for (ports, expected) in [
            (&[(227, &[1, 0][..]), (228, &[53])][..], &[53, 256][..]),
            (&[(227, &[1, 0])], &[0, 256]),
            (&[(228, &[1, 0]), (227, &[1, 0])], &[256]),
            (&[(227, &[1, 0]), (227, &[2, 0])], &[0]),
            (&[(227, &[1, 0]), (228, &[53]), (361, &[1, 0])], &[0]),
            (&[(227, &[]), (228, &[1, 2, 3]), (361, &[])], &[0, 0x203]),
        ] {
            let found = leads(&[&ends[..], ports].concat());
            let found: Vec<u16> = found.into_iter().map(|(_, port)| port).collect();
            assert_eq!(found, expected, "{ports:?}");
        }
    }
}
