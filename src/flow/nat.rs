//! The addresses that flows have behind a NAT: those that the outside knows them by.

use super::{Addresses, Family, canonical, extras};

/// The elements that tell an address behind a NAT: of the source in IPv4, of the destination, and
/// both in IPv6.
pub const NAT_ADDRESSES: [u16; 4] = [225, 226, 281, 282];

/// The addresses behind a NAT of one flow with these elements, each once and in rising order, as
/// numbers of IPv6: a flow of one family may have one of the other. Unspecified ones say nothing.
pub fn nat_leads(bytes: &[u8]) -> Vec<u128> {
    let mut leads = Vec::new();
    for extra in extras(bytes) {
        if extra.enterprise == 0 && NAT_ADDRESSES.contains(&extra.number) {
            leads.extend(lead_of(extra.value));
        }
    }
    leads.sort_unstable();
    leads.dedup();
    leads
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

/// The addresses that lead rows in the order of addresses behind a NAT, as numbers of IPv6; none in
/// batches of other orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatLeads(pub(crate) Addresses);

impl Default for NatLeads {
    fn default() -> Self {
        Self(Addresses::new(Family::V6))
    }
}

impl NatLeads {
    /// The addresses as numbers, of which 0 is none.
    pub fn bits(&self) -> &[u128] {
        match &self.0 {
            Addresses::V6(bits) => bits,
            Addresses::V4(_) => &[],
        }
    }

    /// Appends the addresses with these numbers.
    pub(crate) fn extend(&mut self, more: &[u128]) {
        if let Addresses::V6(bits) = &mut self.0 {
            bits.extend_from_slice(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Extra, push_extra};

    #[test]
    fn every_address_behind_a_nat_leads_once() {
        let mut bytes = Vec::new();
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7];
        for (number, enterprise, value) in [
            (225, 0, &[203, 0, 113, 7][..]),
            (226, 0, &[198, 51, 100, 9]),
            (281, 0, &mapped),
            (282, 0, &[0; 16]),
            (226, 0, &[0; 4]),
            (225, 0, &[1; 5]),
            (225, 9, &[1; 4]),
            (227, 0, &[1; 4]),
        ] {
            push_extra(&mut bytes, 0, Extra { number, enterprise, value });
        }
        let expected = ["::ffff:198.51.100.9", "::ffff:203.0.113.7"];
        let expected = expected.map(|text| text.parse::<std::net::Ipv6Addr>().unwrap().into());
        assert_eq!(nat_leads(&bytes), expected);
        assert_eq!(nat_leads(&[]), []);
    }
}
