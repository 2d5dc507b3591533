//! Fields of extensions, and what they become.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::flow::{Column, ElementId, REVERSE_ENTERPRISE, UnixMillis};
use crate::import::draft::Draft;
use crate::netflow::Stamp;

/// Bytes of which numbers are read in the order of a little-endian machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    /// The number of `width` bytes at `at`, of eight at most.
    pub(super) fn number(self, at: usize, width: usize) -> Option<u64> {
        let bytes = self.0.get(at..at.checked_add(width)?)?;
        Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.0.get(at..at + 2)?.try_into().ok()?))
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.0.get(at..at + 4)?.try_into().ok()?))
    }
}

/// An address of IPv4: a number.
pub(super) fn v4(bytes: Bytes<'_>, at: usize) -> Option<IpAddr> {
    Some(Ipv4Addr::from(bytes.u32(at)?).into())
}

/// An address of IPv6: two numbers, the higher one first.
pub(super) fn v6(bytes: Bytes<'_>, at: usize) -> Option<IpAddr> {
    let halves = [bytes.number(at, 8)?, bytes.number(at + 8, 8)?].map(u128::from);
    Some(Ipv6Addr::from(halves[0] << 64 | halves[1]).into())
}

/// A field of an extension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// Where it begins.
    pub(super) at: usize,
    pub(super) is: Is,
}

/// What a field becomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Is {
    /// A column, of a number of so many bytes.
    Number(usize, Column),
    /// Likewise an element of IANA's.
    Element(usize, u16),
    /// Likewise an element of an enterprise.
    Enterprise(usize, ElementId),
    /// An element, of an address of IPv4.
    V4(u16),
    /// Likewise of IPv6.
    V6(u16),
    /// The address of a column, of IPv4.
    End4(Column),
    /// Likewise of IPv6.
    End6(Column),
    /// Who exported it, by an address of IPv4.
    Exporter4,
    /// Likewise of IPv6.
    Exporter6,
    /// A MAC address, in a number of eight bytes.
    Mac(u16),
    /// When the first packet was seen, in milliseconds since 1970; 0 says nothing.
    First,
    /// Likewise the last one.
    Last,
    /// When something else was, likewise: an event. It is an element, too.
    Event(u16),
    /// Octets that came back, of so many bytes.
    BackOctets(usize),
    /// Packets that came back.
    BackPackets(usize),
    /// TCP flags of what came back.
    BackFlags,
    /// A label of MPLS: three bytes, in a number of four.
    Label(u16),
    /// Three numbers of four bytes, as Cisco's firewalls name their lists.
    Lists(u16),
    /// A text of so many bytes at most, with zeros at its end.
    Text(usize, u16),
    /// All bytes to the end of the extension.
    Rest(u16),
    /// Likewise of what came back.
    RestBack(u16),
    /// Likewise of an enterprise.
    RestOf(ElementId),
    /// Microseconds, which two elements tell: seconds, and the rest.
    Micros([u16; 2]),
    EngineType,
    EngineId,
    /// Part of the header of a record: which exporter it is.
    ExporterNumber,
    /// The observation domain, which is an element, too.
    Domain,
}

/// What a record says of who exported it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) exporter: Option<IpAddr>,
    pub(super) number: u16,
    pub(super) engine: [u8; 2],
    pub(super) domain: Option<u32>,
    back: [u64; 2],
}

impl Told {
    /// What comes to count once all fields are known.
    pub(super) fn settle(&self, to: &mut Draft) {
        let [octets, packets] = self.back;
        to.came_back(octets, packets);
    }
}

/// Takes `fields` of an extension out of `data`; None where it ends before one of them does.
pub(super) fn take(fields: &[Field], data: &[u8], to: &mut Draft, told: &mut Told) -> Option<()> {
    let bytes = Bytes(data);
    for &Field { at, is } in fields {
        match is {
            Is::Number(width, column) => to.number(column, bytes.number(at, width)?),
            Is::Element(width, number) => to.element(number, bytes.number(at, width)?),
            Is::Enterprise(width, id) => to.number_of(id, bytes.number(at, width)?),
            Is::V4(number) => to.address(number, v4(bytes, at)?),
            Is::V6(number) => to.address(number, v6(bytes, at)?),
            Is::End4(column) => end(to, column, v4(bytes, at)?),
            Is::End6(column) => end(to, column, v6(bytes, at)?),
            Is::Exporter4 => exporter(told, v4(bytes, at)?),
            Is::Exporter6 => exporter(told, v6(bytes, at)?),
            Is::First => to.record.first = moment(bytes.number(at, 8)?).map(Stamp::Unix),
            Is::Last => to.record.last = moment(bytes.number(at, 8)?).map(Stamp::Unix),
            Is::Event(number) => {
                let millis = bytes.number(at, 8)?;
                to.record.observed = to.record.observed.or(moment(millis));
                to.element(number, millis);
            }
            Is::BackOctets(width) => told.back[0] = bytes.number(at, width)?,
            Is::BackPackets(width) => told.back[1] = bytes.number(at, width)?,
            Is::EngineType => told.engine[0] = bytes.u8(at)?,
            Is::EngineId => told.engine[1] = bytes.u8(at)?,
            Is::ExporterNumber => told.number = bytes.u16(at)?,
            Is::Domain => {
                let domain = bytes.u32(at)?;
                told.domain = Some(domain);
                to.element(149, domain.into());
            }
            other => element(other, data.get(at..)?, to)?,
        }
    }
    Some(())
}

/// Takes a field that is an element and no plain number, out of `data`, which begins with it.
fn element(is: Is, data: &[u8], to: &mut Draft) -> Option<()> {
    let bytes = Bytes(data);
    match is {
        Is::Mac(number) => {
            let mac = bytes.number(0, 8)?.to_be_bytes();
            if mac != [0; 8] {
                to.bytes(number, &mac[2..]);
            }
        }
        Is::BackFlags => to.back_number(6, bytes.u8(0)?.into()),
        Is::Label(number) => {
            let label = bytes.u32(0)?.to_be_bytes();
            if label != [0; 4] {
                to.bytes(number, &label[1..]);
            }
        }
        Is::Lists(number) => {
            let lists = [bytes.u32(0)?, bytes.u32(4)?, bytes.u32(8)?];
            if lists != [0; 3] {
                to.bytes(number, lists.map(u32::to_be_bytes).as_flattened());
            }
        }
        Is::Text(longest, number) => {
            let text = data.get(..longest.min(data.len()))?;
            let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
            if end > 0 {
                to.bytes(number, &text[..end]);
            }
        }
        Is::Rest(number) if !data.is_empty() => to.bytes(number, data),
        Is::RestBack(number) if !data.is_empty() => {
            to.keep(ElementId { number, enterprise: REVERSE_ENTERPRISE }, data);
        }
        Is::RestOf(id) if !data.is_empty() => to.keep(id, data),
        Is::Micros([secs, micros]) => {
            let told = bytes.number(0, 8)?;
            to.element(secs, told / 1_000_000);
            to.element(micros, told % 1_000_000);
        }
        _ => {}
    }
    Some(())
}

fn moment(millis: u64) -> Option<UnixMillis> {
    (millis != 0).then_some(UnixMillis(millis))
}

fn end(to: &mut Draft, column: Column, address: IpAddr) {
    match column {
        Column::Src => to.record.src = Some(address),
        Column::Dst => to.record.dst = Some(address),
        _ if address.is_unspecified() => {}
        _ => to.record.next_hop = Some(address),
    }
}

fn exporter(told: &mut Told, address: IpAddr) {
    told.exporter = Some(address).filter(|address| !address.is_unspecified()).or(told.exporter);
}
