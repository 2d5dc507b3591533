//! The beginning of a sampled packet, from its link layer to its ports.

use super::cursor::Cursor;
use super::field::{address_v4, address_v6};
use super::record::DataRecord;
use crate::flow::{Column, ElementId, Extra, extra_value, push_extra, without_zeros_at_start};

/// What a sampled header begins with (sFlow v5, `header_protocol`).
pub(super) const ETHERNET: u32 = 1;
const PPP: u32 = 7;
const AAL5_IP: u32 = 10;
const IPV4: u32 = 11;
const IPV6: u32 = 12;
const MPLS: u32 = 13;
/// PPP over SONET/SDH.
const POS: u32 = 14;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and what came before that.
const ETHERTYPES_VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
const ETHERTYPES_MPLS: [u16; 2] = [0x8847, 0x8848];
const ETHERTYPE_PPPOE: u16 = 0x8864;
/// No more labels and tags than this are taken off.
const MAX_LABELS: u16 = 10;
const MAX_TAGS: usize = 4;
/// No more extension headers of IPv6 than this are passed over.
const MAX_EXTENSIONS: usize = 8;
/// The UDP port of VXLAN (RFC 7348 §5).
const VXLAN_PORT: u64 = 4789;

/// Elements of IANA's.
const SRC_MAC: u16 = 56;
const DST_MAC: u16 = 80;
const OUTER_VLAN: u16 = 243;
const INNER_VLAN: u16 = 245;
const FIRST_LABEL: u16 = 70;
const TTL: u16 = 192;
const FLOW_LABEL: u16 = 31;
const FRAGMENT_OFFSET: u16 = 88;
const SEGMENT_ID: u16 = 351;

/// Where the elements beyond the common fields go.
pub(super) struct Kept<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
    pub(super) start: usize,
}

impl Kept<'_> {
    /// Keeps a value, unless one of the same element is there.
    pub(super) fn push(&mut self, number: u16, value: &[u8]) {
        let of = self.bytes.get(self.start..).unwrap_or_default();
        if extra_value(of, ElementId::iana(number)).is_some() {
            return;
        }
        push_extra(self.bytes, self.start, Extra { number, enterprise: 0, value });
    }

    pub(super) fn push_number(&mut self, number: u16, value: u32) {
        self.push(number, without_zeros_at_start(&value.to_be_bytes()));
    }
}

/// Takes in what a sampled header says. `octets` become the length of the IP packet.
pub(super) fn read(
    protocol: u32,
    bytes: &[u8],
    record: &mut DataRecord,
    kept: &mut Kept<'_>,
) -> Option<()> {
    let mut at = Cursor::new(bytes);
    match protocol {
        ETHERNET => ethernet(&mut at, record, kept),
        IPV4 => ipv4(&mut at, record, kept),
        IPV6 => ipv6(&mut at, record, kept),
        MPLS => mpls(&mut at, record, kept),
        PPP | POS => ppp(&mut at, record, kept),
        AAL5_IP => ip(&mut at, record, kept),
        _ => None,
    }
}

fn ethernet(at: &mut Cursor<'_>, record: &mut DataRecord, kept: &mut Kept<'_>) -> Option<()> {
    let (dst, src) = (at.take(6)?, at.take(6)?);
    kept.push(SRC_MAC, src);
    kept.push(DST_MAC, dst);
    let mut kind = at.read_u16()?;
    for tag in 0..MAX_TAGS {
        if !ETHERTYPES_VLAN.contains(&kind) {
            break;
        }
        let vlan = u32::from(at.read_u16()? & 0x0fff);
        match tag {
            0 => kept.push_number(OUTER_VLAN, vlan),
            1 => kept.push_number(INNER_VLAN, vlan),
            _ => {}
        }
        kind = at.read_u16()?;
    }
    match kind {
        ETHERTYPE_IPV4 => ipv4(at, record, kept),
        ETHERTYPE_IPV6 => ipv6(at, record, kept),
        kind if ETHERTYPES_MPLS.contains(&kind) => mpls(at, record, kept),
        ETHERTYPE_PPPOE => {
            at.take(6)?;
            ppp(at, record, kept)
        }
        _ => None,
    }
}

fn ppp(at: &mut Cursor<'_>, record: &mut DataRecord, kept: &mut Kept<'_>) -> Option<()> {
    // Address and control of HDLC, where they are not left out (RFC 1662 §3.1).
    if at.rest().starts_with(&[0xff, 0x03]) {
        at.take(2)?;
    }
    // The first byte is even, so an odd one says that it is left out (RFC 1661 §2).
    let first = at.read_u8()?;
    let protocol =
        if first & 1 == 1 { first.into() } else { u16::from_be_bytes([first, at.read_u8()?]) };
    match protocol {
        0x0021 => ipv4(at, record, kept),
        0x0057 => ipv6(at, record, kept),
        0x0281 => mpls(at, record, kept),
        _ => None,
    }
}

/// Labels, each kept as its three bytes of label, class and bottom (RFC 3032 §2.1), and an IP
/// packet below them.
fn mpls(at: &mut Cursor<'_>, record: &mut DataRecord, kept: &mut Kept<'_>) -> Option<()> {
    for label in 0..MAX_LABELS {
        let entry: &[u8; 4] = at.take_array()?;
        kept.push(FIRST_LABEL + label, &entry[..3]);
        if entry[2] & 1 == 1 {
            break;
        }
    }
    // The control word of a pseudowire (RFC 4448): an Ethernet frame follows.
    if at.rest().first()? >> 4 == 0 {
        at.take(4)?;
        let mut inner = Kept { bytes: &mut Vec::new(), start: 0 };
        return ethernet(at, record, &mut inner);
    }
    ip(at, record, kept)
}

/// A packet of IP, of the version that it says.
fn ip(at: &mut Cursor<'_>, record: &mut DataRecord, kept: &mut Kept<'_>) -> Option<()> {
    match at.rest().first()? >> 4 {
        4 => ipv4(at, record, kept),
        6 => ipv6(at, record, kept),
        _ => None,
    }
}

fn ipv4(at: &mut Cursor<'_>, record: &mut DataRecord, kept: &mut Kept<'_>) -> Option<()> {
    let header: &[u8; 20] = at.take_array()?;
    record.numbers.set(Column::Tos, header[1]);
    record.numbers.set(Column::Octets, u16::from_be_bytes([header[2], header[3]]));
    record.numbers.set(Column::Protocol, header[9]);
    record.src = address_v4(&header[12..]);
    record.dst = address_v4(&header[16..]);
    kept.push_number(TTL, header[8].into());
    let options = usize::from(header[0] & 0x0f).checked_sub(5)? * 4;
    let offset = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
    if offset > 0 {
        kept.push_number(FRAGMENT_OFFSET, offset.into());
        return Some(());
    }
    at.take(options)?;
    transport(at, record, kept)
}

fn ipv6(at: &mut Cursor<'_>, record: &mut DataRecord, kept: &mut Kept<'_>) -> Option<()> {
    let header: &[u8; 40] = at.take_array()?;
    record.numbers.set(Column::Tos, header[0] << 4 | header[1] >> 4);
    let label = u32::from_be_bytes([0, header[1] & 0x0f, header[2], header[3]]);
    record.numbers.set(Column::Octets, 40 + u64::from(u16::from_be_bytes([header[4], header[5]])));
    record.src = address_v6(&header[8..]);
    record.dst = address_v6(&header[24..]);
    record.numbers.set(Column::Protocol, header[6]);
    kept.push_number(TTL, header[7].into());
    if label > 0 {
        kept.push_number(FLOW_LABEL, label);
    }
    for _ in 0..MAX_EXTENSIONS {
        match record.numbers[Column::Protocol] {
            // Hop by hop, routing and destination options: next header and length.
            0 | 43 | 60 => {
                let (next, words) = (at.read_u8()?, at.read_u8()?);
                at.take(6 + 8 * usize::from(words))?;
                record.numbers.set(Column::Protocol, next);
            }
            // A fragment.
            44 => {
                let extension: &[u8; 8] = at.take_array()?;
                record.numbers.set(Column::Protocol, extension[0]);
                let offset = u16::from_be_bytes([extension[2], extension[3]]) >> 3;
                if offset > 0 {
                    kept.push_number(FRAGMENT_OFFSET, offset.into());
                    return Some(());
                }
            }
            _ => break,
        }
    }
    transport(at, record, kept)
}

fn transport(at: &mut Cursor<'_>, record: &mut DataRecord, kept: &mut Kept<'_>) -> Option<()> {
    match record.numbers[Column::Protocol] {
        6 | 17 | 33 | 132 | 136 => {
            record.numbers.set(Column::SrcPort, at.read_u16()?);
            record.numbers.set(Column::DstPort, at.read_u16()?);
            if record.numbers[Column::Protocol] == 6 {
                record.numbers.set(Column::TcpFlags, at.take_array::<10>()?[9]);
            } else if record.numbers[Column::Protocol] == 17
                && record.numbers[Column::DstPort] == VXLAN_PORT
            {
                // Length and checksum; then flags, of which one says that the network's id is set.
                let vxlan: &[u8; 12] = at.take_array()?;
                if vxlan[4] & 0x08 != 0 {
                    let network = u32::from_be_bytes([0, vxlan[8], vxlan[9], vxlan[10]]);
                    kept.push_number(SEGMENT_ID, network);
                }
            }
        }
        1 | 58 => record.numbers.set(Column::DstPort, at.read_u16()?),
        _ => {}
    }
    Some(())
}
