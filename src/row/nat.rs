//! Who is asked for by an address, and perhaps a port, behind a NAT, and the rows that may tell it.

use std::fmt;
use std::net::IpAddr;

use super::{AddressRange, AddressSet};
use crate::flow::{
    Extra, Family, NAT_SIDES, NatLead, canonical, each_lead, extras, low_u16, unsigned,
};

/// Addresses behind a NAT, or one of their ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NatEnd {
    /// The addresses.
    pub addresses: AddressRange,
    /// The port; None: every one.
    pub port: Option<u16>,
}

/// Which end of a flow is behind the NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatSide {
    /// Its source was on the inside.
    Src,
    /// Its destination was.
    Dst,
}

/// What a flow says of an address behind a NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NatUse {
    /// Which end of the flow it is.
    pub side: NatSide,
    /// The address.
    pub address: IpAddr,
    /// The port; of a block of ports the first, and none where the flow tells neither.
    pub port: Option<u16>,
}

/// Rows in the order of addresses behind a NAT: those that some addresses lead there, or, of one
/// address, those of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatRows {
    /// The addresses.
    pub addresses: AddressSet,
    /// The port that leads with the address; None: every one.
    pub port: Option<u16>,
}

impl NatRows {
    /// How much there is to read for them, as [`AddressSet::weight`] has it: a port is one of many.
    pub fn weight(&self) -> u128 {
        self.addresses.weight() >> if self.port.is_some() { u16::BITS } else { 0 }
    }

    /// What leads the one row by which a flow with these elements is found among these rows: of
    /// several the first. One that the rows of port 0 have, which are read for every port, is not
    /// found again among those of a port of its own.
    pub(super) fn found_by(&self, bytes: &[u8]) -> Option<NatLead> {
        let are_read = |lead: &NatLead| {
            self.port.is_none_or(|port| lead.port == port || lead.port == 0)
                && self.addresses.has(Family::V6.address(lead.address))
        };
        let first = each_lead(bytes).filter(are_read).min()?;
        self.port.is_none_or(|port| first.port == port).then_some(first)
    }
}

impl NatEnd {
    /// What a flow with these elements says of this end, if it says that it used it: by its own port,
    /// or by a block of ports in which the port is.
    pub fn used_by(&self, bytes: &[u8]) -> Option<NatUse> {
        let ports = PortBlock::of(bytes);
        let mut sides = [NatSide::Src, NatSide::Dst].into_iter().zip(NAT_SIDES);
        sides.find_map(|(side, (elements, port))| {
            let address = elements.iter().find_map(|&number| {
                values(bytes, number)
                    .filter_map(address)
                    .find(|&address| self.addresses.contains(address))
            })?;
            let mut own = values(bytes, port).map(|value| low_u16(unsigned(value)));
            let port = match self.port {
                None => own.next().or(ports.map(|ports| ports.first)),
                Some(port) => {
                    let is_used = own.any(|own| own == port)
                        || ports.is_some_and(|ports| ports.contains(port));
                    Some(is_used.then_some(port)?)
                }
            };
            Some(NatUse { side, address, port })
        })
    }
}

/// As it is written: `203.0.113.7:40123`, `203.0.113.0/24`.
impl fmt::Display for NatEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.addresses.host(), self.port) {
            (Some(host), Some(port)) => write!(f, "{}", std::net::SocketAddr::new(host, port)),
            (_, Some(port)) => write!(f, "{} port {port}", self.addresses),
            (_, None) => write!(f, "{}", self.addresses),
        }
    }
}

/// `203.0.113.7`, `203.0.113.7 port 40123`.
impl fmt::Display for NatRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addresses.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, " port {port}"))
    }
}

/// Ports that a host has at once: 361 the first, 362 the last, 363 how far apart they are, 364 how many
/// there are. Of each 0 says nothing.
#[derive(Debug, Clone, Copy)]
struct PortBlock {
    first: u16,
    last: u16,
    step: u16,
}

impl PortBlock {
    fn of(bytes: &[u8]) -> Option<Self> {
        let number = |element| {
            let value = values(bytes, element).next()?;
            Some(low_u16(unsigned(value))).filter(|&number| number > 0)
        };
        let first = number(361)?;
        let step = number(363).unwrap_or(1);
        let by_count =
            number(364).map(|count| first.saturating_add((count - 1).saturating_mul(step)));
        let last = number(362).into_iter().chain(by_count).min().unwrap_or(first);
        Some(Self { first, last, step })
    }

    fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port) && (port - self.first).is_multiple_of(self.step)
    }
}

/// The values that IANA's element `number` has.
fn values(bytes: &[u8], number: u16) -> impl Iterator<Item = &[u8]> {
    let is_meant = move |extra: &Extra<'_>| extra.enterprise == 0 && extra.number == number;
    extras(bytes).filter(is_meant).map(|extra| extra.value)
}

fn address(value: &[u8]) -> Option<IpAddr> {
    match *value {
        [a, b, c, d] => Some([a, b, c, d].into()),
        _ => Some(canonical(<[u8; 16]>::try_from(value).ok()?.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::push_extra;

    fn bytes(elements: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &(number, value) in elements {
            push_extra(&mut bytes, 0, Extra { number, enterprise: 0, value });
        }
        bytes
    }

    fn used(end: &str, port: u16, elements: &[(u16, &[u8])]) -> bool {
        let addresses = end.parse::<IpAddr>().unwrap().into();
        NatEnd { addresses, port: Some(port) }.used_by(&bytes(elements)).is_some()
    }

    #[test]
    fn a_port_is_that_of_its_own_end() {
        let both: [(u16, &[u8]); 4] =
            [(225, &[203, 0, 113, 7]), (226, &[203, 0, 113, 8]), (227, &[1, 0]), (228, &[53])];
        for (address, port, expected) in [
            ("203.0.113.7", 256, true),
            ("203.0.113.7", 53, false),
            ("203.0.113.8", 53, true),
            ("203.0.113.8", 256, false),
            ("203.0.113.9", 53, false),
        ] {
            assert_eq!(used(address, port, &both), expected, "{address}:{port}");
        }
    }

    /// IANA on portRangeStart, portRangeEnd, portRangeStepSize and portRangeNumPorts.
    #[test]
    fn a_block_has_its_ports_and_no_others() {
        let of = |more: &[(u16, &'static [u8])]| {
            let mut elements: Vec<(u16, &[u8])> = vec![(225, &[203, 0, 113, 7]), (361, &[100])];
            elements.extend(more);
            (90..=130).filter(|&port| used("203.0.113.7", port, &elements)).collect::<Vec<u16>>()
        };
        assert_eq!(of(&[(362, &[103])]), [100, 101, 102, 103]);
        assert_eq!(of(&[(362, &[106]), (363, &[3])]), [100, 103, 106]);
        assert_eq!(of(&[(364, &[3]), (363, &[10])]), [100, 110, 120]);
        assert_eq!(of(&[(364, &[2])]), [100, 101]);
        assert_eq!(of(&[(362, &[]), (364, &[2])]), [100, 101]);
        assert_eq!(of(&[]), [100]);
        assert_eq!(of(&[(362, &[99])]), [] as [u16; 0]);
    }
}
