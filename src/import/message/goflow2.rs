//! What goflow2 tells of a flow: the fields of its `FlowMessage`, by their numbers, which
//! `schema/goflow2.md` lists with what becomes of each here.
//!
//! goflow2 2 writes its length before each message, earlier ones did not; both are read.

use std::net::IpAddr;

use super::wire::{self, Value};
use crate::flow::{Column, Family, Protocol, UnixMillis, saturated_u32};
use crate::import::draft::Draft;
use crate::import::text::{Wrong, icmp, wrong};

pub(crate) const SAMPLING_RATE: u32 = 3;
pub(crate) const SRC_ADDR: u32 = 6;
pub(crate) const DST_ADDR: u32 = 7;
pub(crate) const SAMPLER: u32 = 11;
pub(crate) const NEXT_HOP: u32 = 12;
pub(crate) const SRC_MAC: u32 = 27;
pub(crate) const DST_MAC: u32 = 28;
pub(crate) const ETYPE: u32 = 30;
pub(crate) const ICMP_TYPE: u32 = 31;
pub(crate) const ICMP_CODE: u32 = 32;
pub(crate) const DOMAIN: u32 = 70;
const MPLS_LABEL: u32 = 81;
const BGP_NEXT_HOP: u32 = 100;
const BGP_COMMUNITIES: u32 = 101;
pub(crate) const RECEIVED_NS: u32 = 110;
pub(crate) const START_NS: u32 = 111;
pub(crate) const END_NS: u32 = 112;

/// Fields that are columns of a flow.
pub(crate) const COLUMNS: [(u32, Column); 13] = [
    (9, Column::Octets),
    (10, Column::Packets),
    (14, Column::SrcAs),
    (15, Column::DstAs),
    (16, Column::SrcMask),
    (17, Column::DstMask),
    (18, Column::Input),
    (19, Column::Output),
    (20, Column::Protocol),
    (21, Column::SrcPort),
    (22, Column::DstPort),
    (23, Column::Tos),
    (26, Column::TcpFlags),
];

/// Fields that are elements of IANA's with numbers.
pub(crate) const ELEMENTS: [(u32, u16); 11] = [
    (13, 128), // next_hop_as: bgpNextAdjacentAsNumber
    (24, 89),  // forwarding_status: forwardingStatus
    (25, 192), // ip_ttl: ipTTL
    (29, 243), // vlan_id: dot1qVlanId
    (33, 58),  // src_vlan: vlanId
    (34, 59),  // dst_vlan: postVlanId
    (35, 54),  // fragment_id: fragmentIdentification
    (36, 88),  // fragment_offset: fragmentOffset
    (37, 31),  // ipv6_flow_label: flowLabelIPv6
    (38, 197), // ip_flags: fragmentFlags
    (71, 138), // observation_point_id: observationPointId
];

/// The elements of addresses of frames.
pub(crate) const MACS: [(u32, u16); 2] = [(SRC_MAC, 56), (DST_MAC, 80)];
/// ethernetType.
pub(crate) const ETHERNET_TYPE: u16 = 256;
/// The types of frames with IPv4 and IPv6, which the addresses of a flow tell as well.
const OF_IP: [u64; 2] = [0x0800, 0x86dd];
/// mplsTopLabelStackSection; those of further labels follow.
const MPLS_TOP: u16 = 70;
const MAX_LABELS: u16 = 10;
/// bgpNextHopIPv4Address, bgpNextHopIPv6Address, bgpCommunity.
const BGP_NEXT: [u16; 2] = [18, 63];
const BGP_COMMUNITY: u16 = 483;

/// Hands over each message: one, or several that have their lengths before them.
pub(super) fn each(
    value: &[u8],
    mut message: impl FnMut(&[u8]) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let mut rest = value;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        match wire::sized(&mut rest).filter(|part| is_message(part)) {
            Some(part) => parts.push(part),
            None => return message(value),
        }
    }
    parts.into_iter().try_for_each(message)
}

/// Whether bytes are fields, one behind the other.
fn is_message(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        if wire::field(&mut bytes).is_none() {
            return false;
        }
    }
    true
}

/// What takes two fields to tell.
#[derive(Default)]
struct Halves {
    start_ns: u64,
    end_ns: u64,
    received_ns: u64,
    icmp: [u64; 2],
    labels: u16,
}

/// Puts what a message says into `to`.
pub(super) fn take(mut bytes: &[u8], to: &mut Draft) -> Result<(), Wrong> {
    let mut halves = Halves::default();
    while !bytes.is_empty() {
        match wire::field(&mut bytes) {
            Some((field, Value::Number(number))) => take_number(field, number, to, &mut halves),
            Some((field, Value::Bytes(value))) => take_bytes(field, value, to, &mut halves)?,
            None => return Err(wrong("malformed protobuf", "it is neither JSON nor protobuf")),
        }
    }
    let Halves { start_ns, end_ns, received_ns, icmp: [kind, code], .. } = halves;
    let millis = |nanos: u64| UnixMillis((nanos / 1_000_000).min(UnixMillis::LAST.0));
    // A sample of a packet has no other time than that of its receipt.
    let start = [start_ns, end_ns, received_ns].into_iter().find(|&nanos| nanos != 0);
    let start = start.ok_or_else(|| wrong("no time", "it says of no time when it was"))?;
    to.lasts(millis(start), millis(end_ns.max(start)));
    let protocol = u8::try_from(to.record.numbers[Column::Protocol]).map(Protocol);
    if protocol.is_ok_and(Protocol::is_icmp) && [kind, code] != [0, 0] {
        to.number(Column::DstPort, icmp(kind, code));
    }
    Ok(())
}

fn take_number(field: u32, number: u64, to: &mut Draft, halves: &mut Halves) {
    if let Some(&(_, column)) = COLUMNS.iter().find(|(known, _)| *known == field) {
        // Of flags others than the first eight are not kept.
        let flags = number & 0xff;
        to.number(
            column,
            if column == Column::TcpFlags { flags } else { number.min(most(column)) },
        );
        return;
    }
    if let Some(&(_, element)) = ELEMENTS.iter().find(|(known, _)| *known == field) {
        to.element(element, number);
        return;
    }
    match field {
        SAMPLING_RATE => to.source.sampling.interval = saturated_u32(number),
        DOMAIN => to.source.engine = saturated_u32(number),
        SRC_MAC | DST_MAC if number != 0 => {
            let element = if field == SRC_MAC { 56 } else { 80 };
            to.bytes(element, &number.to_be_bytes()[2..]);
        }
        ETYPE if !OF_IP.contains(&number) => to.element(ETHERNET_TYPE, number),
        ICMP_TYPE => halves.icmp[0] = number,
        ICMP_CODE => halves.icmp[1] = number,
        START_NS => halves.start_ns = number,
        END_NS => halves.end_ns = number,
        RECEIVED_NS => halves.received_ns = number,
        MPLS_LABEL => take_label(number, to, halves),
        BGP_COMMUNITIES => to.bytes(BGP_COMMUNITY, &saturated_u32(number).to_be_bytes()),
        _ => {}
    }
}

fn take_bytes(field: u32, value: &[u8], to: &mut Draft, halves: &mut Halves) -> Result<(), Wrong> {
    match field {
        SRC_ADDR => to.record.src = address(value)?,
        DST_ADDR => to.record.dst = address(value)?,
        NEXT_HOP => to.record.next_hop = address(value)?,
        SAMPLER => {
            if let Some(address) = address(value)? {
                to.source.exporter = address;
            }
        }
        BGP_NEXT_HOP => {
            if let Some(address) = address(value)?.filter(|address| !address.is_unspecified()) {
                to.address(BGP_NEXT[usize::from(address.is_ipv6())], address);
            }
        }
        // Numbers of a list, one behind the other.
        MPLS_LABEL | BGP_COMMUNITIES => {
            let mut rest = value;
            while let Some(number) = wire::number(&mut rest) {
                take_number(field, number, to, halves);
            }
        }
        _ => {}
    }
    Ok(())
}

/// A label of a stack, of which the first is the top: 20 bits, before three of its use and one that
/// ends the stack, which are not told.
fn take_label(label: u64, to: &mut Draft, halves: &mut Halves) {
    if halves.labels < MAX_LABELS {
        let bytes = saturated_u32(label << 4).to_be_bytes();
        to.bytes(MPLS_TOP + halves.labels, &bytes[1..]);
        halves.labels += 1;
    }
}

fn address(value: &[u8]) -> Result<Option<IpAddr>, Wrong> {
    if value.is_empty() {
        return Ok(None);
    }
    let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
    let address = v4.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from));
    address.map(Some).map_err(|_| wrong("malformed address", format!("{} bytes", value.len())))
}

/// The highest number of a column.
fn most(column: Column) -> u64 {
    match column {
        Column::Octets | Column::Packets => u64::MAX,
        Column::SrcPort | Column::DstPort => u16::MAX.into(),
        Column::SrcAs | Column::DstAs | Column::Input | Column::Output => u32::MAX.into(),
        _ => u8::MAX.into(),
    }
}

/// The type of frames that hold packets of a family.
pub(crate) const fn ethernet_type(family: Family) -> u64 {
    match family {
        Family::V4 => OF_IP[0],
        Family::V6 => OF_IP[1],
    }
}
