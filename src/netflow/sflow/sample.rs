//! A flow sample: who sampled what, at which rate, and what the records in it say of the packet.

use std::net::IpAddr;

use super::super::cursor::Cursor;
use super::super::field::{address_v4, address_v6};
use super::super::frame::{self, Kept};
use super::super::record::DataRecord;
use super::extended::{self, address};
use crate::flow::{Column, Sampling, saturated_u32};

/// Formats of flow records, of enterprise 0.
const SAMPLED_HEADER: u32 = 1;
const SAMPLED_ETHERNET: u32 = 2;
const SAMPLED_IPV4: u32 = 3;
const SAMPLED_IPV6: u32 = 4;
const EXTENDED_SWITCH: u32 = 1001;
const EXTENDED_ROUTER: u32 = 1002;
const EXTENDED_GATEWAY: u32 = 1003;

/// The value of an interface that is the agent itself.
const LOCAL_INTERFACE: u32 = 0x3fff_ffff;
/// What an agent says that does not know the VLAN.
const UNKNOWN_VLAN: u32 = u32::MAX;
/// No path of more autonomous systems is believed.
const MAX_PATH: u32 = 1024;

/// Elements of IANA's that a sample tells beyond the common fields.
const SRC_MAC: u16 = 56;
const DST_MAC: u16 = 80;
const VLAN: u16 = 58;
const POST_VLAN: u16 = 59;
const BGP_NEXT_HOP_V4: u16 = 18;
const BGP_NEXT_HOP_V6: u16 = 63;
const NEXT_ADJACENT_AS: u16 = 128;
const PREV_ADJACENT_AS: u16 = 129;

/// Reads a flow sample; None if what says how it was sampled is not all there.
pub(super) fn read(mut at: Cursor<'_>, expanded: bool, extras: &mut Vec<u8>) -> Option<DataRecord> {
    let mut record = DataRecord::default();
    record.numbers.set(Column::Packets, 1_u8);
    let _sequence = at.read_u32()?;
    let _source = at.take(if expanded { 8 } else { 4 })?;
    record.sampling = Some(Sampling { mode: 2, interval: at.read_u32()? });
    let _pool_and_drops = at.take(8)?;
    record.numbers.set(Column::Input, interface(&mut at, expanded)?);
    record.numbers.set(Column::Output, interface(&mut at, expanded)?);
    let records = at.read_u32()?;
    let mut kept = Kept { start: extras.len(), bytes: extras };
    for _ in 0..records {
        let (Some(format), Some(length)) = (at.read_u32(), at.read_u32()) else { break };
        let content = at.take_up_to(length as usize);
        read_record(format, Cursor::new(content), &mut record, &mut kept);
        if content.len() < length as usize {
            break;
        }
    }
    let start = kept.start;
    record.extras = (saturated_u32(start), saturated_u32(extras.len()));
    Some(record)
}

/// The index of an interface; 0 where the packet was discarded, left by several, or met the agent
/// itself.
fn interface(at: &mut Cursor<'_>, expanded: bool) -> Option<u32> {
    let (format, value) = if expanded {
        (at.read_u32()?, at.read_u32()?)
    } else {
        let word = at.read_u32()?;
        (word >> 30, word & 0x3fff_ffff)
    };
    let is_local = value == LOCAL_INTERFACE || value == u32::MAX;
    Some(if format == 0 && !is_local { value } else { 0 })
}

/// Takes in what one record says; what is not all there says nothing.
fn read_record(
    format: u32,
    mut at: Cursor<'_>,
    record: &mut DataRecord,
    kept: &mut Kept<'_>,
) -> Option<()> {
    match format {
        SAMPLED_HEADER => {
            let protocol = at.read_u32()?;
            let frame_bytes = at.read_u32()?;
            let _stripped = at.read_u32()?;
            let header_bytes = at.read_u32()?;
            frame::read(protocol, at.take_up_to(header_bytes as usize), record, kept);
            if record.numbers[Column::Octets] == 0 {
                // No packet of IP: what is known is the size of its frame.
                record.numbers.set(Column::Octets, frame_bytes);
            }
        }
        SAMPLED_ETHERNET => {
            let frame_bytes = at.read_u32()?;
            let (src, dst): (&[u8; 8], &[u8; 8]) = (at.take_array()?, at.take_array()?);
            kept.push(SRC_MAC, &src[..6]);
            kept.push(DST_MAC, &dst[..6]);
            if record.numbers[Column::Octets] == 0 {
                record.numbers.set(Column::Octets, frame_bytes);
            }
        }
        SAMPLED_IPV4 | SAMPLED_IPV6 => sampled_ip(format == SAMPLED_IPV6, &mut at, record)?,
        EXTENDED_SWITCH => {
            let (src, _, dst) = (at.read_u32()?, at.read_u32()?, at.read_u32()?);
            for (element, vlan) in [(VLAN, src), (POST_VLAN, dst)] {
                if vlan != UNKNOWN_VLAN {
                    kept.push_number(element, vlan);
                }
            }
        }
        EXTENDED_ROUTER => {
            record.next_hop = address(&mut at)?.into();
            record.numbers.set(Column::SrcMask, at.read_u32()?);
            record.numbers.set(Column::DstMask, at.read_u32()?);
        }
        EXTENDED_GATEWAY => gateway(&mut at, record, kept)?,
        _ => extended::read(format, at, kept)?,
    }
    Some(())
}

/// An IP packet whose header's fields are told one by one.
fn sampled_ip(is_v6: bool, at: &mut Cursor<'_>, record: &mut DataRecord) -> Option<()> {
    record.numbers.set(Column::Octets, at.read_u32()?);
    record.numbers.set(Column::Protocol, at.read_u32()?);
    let read = if is_v6 { address_v6 } else { address_v4 };
    let bytes = if is_v6 { 16 } else { 4 };
    record.src = read(at.take(bytes)?);
    record.dst = read(at.take(bytes)?);
    record.numbers.set(Column::SrcPort, at.read_u32()?);
    record.numbers.set(Column::DstPort, at.read_u32()?);
    record.numbers.set(Column::TcpFlags, at.read_u32()?);
    record.numbers.set(Column::Tos, at.read_u32()?);
    Some(())
}

/// What BGP says of the packet: next hop and autonomous systems.
fn gateway(at: &mut Cursor<'_>, record: &mut DataRecord, kept: &mut Kept<'_>) -> Option<()> {
    match address(at)? {
        IpAddr::V4(hop) if hop.is_unspecified() => {}
        IpAddr::V4(hop) => kept.push(BGP_NEXT_HOP_V4, &hop.octets()),
        IpAddr::V6(hop) => kept.push(BGP_NEXT_HOP_V6, &hop.octets()),
    }
    let own = at.read_u32()?;
    let src = at.read_u32()?;
    // The agent's own system is told where the source is in it.
    record.numbers.set(Column::SrcAs, if src == 0 { own } else { src });
    kept.push_number(PREV_ADJACENT_AS, at.read_u32()?);
    let segments = at.read_u32()?;
    let (mut first, mut last) = (None, None);
    for _ in 0..segments.min(MAX_PATH) {
        let (_kind, count) = (at.read_u32()?, at.read_u32()?);
        for _ in 0..count.min(MAX_PATH) {
            let system = at.read_u32()?;
            first = first.or(Some(system));
            last = Some(system);
        }
    }
    // No path leads to a destination in the agent's own system.
    record.numbers.set(Column::DstAs, last.unwrap_or(own));
    if let Some(first) = first {
        kept.push_number(NEXT_ADJACENT_AS, first);
    }
    Some(())
}
