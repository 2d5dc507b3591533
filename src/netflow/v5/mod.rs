//! NetFlow v5: a header of 24 bytes, and up to 30 records of 48; fixed fields in network order.
//!
//! Layout: Cisco, NetFlow Export Datagram Format, version 5.

mod encode;
#[cfg(test)]
mod tests;

pub use encode::{MAX_DATAGRAM_BYTES, encode};

use std::net::Ipv4Addr;

use byteorder::{BigEndian, ByteOrder};

use super::fixed::{self, Found, Layout};
use super::{DecodeError, ExportPacket, Fault, Records};
use crate::flow::{Sampling, Sequence, Unit, saturated_u32};

/// The version number that the first two bytes hold.
pub const VERSION: u16 = 5;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 24;
/// Bytes of a record.
pub const RECORD_BYTES: usize = 48;
/// The most records that the format allows in a datagram; some exporters send more.
pub const MAX_RECORDS: u16 = 30;

/// A record as it lies in the payload; [`Record::read`] takes it apart.
pub type RecordBytes = [u8; RECORD_BYTES];

const LAYOUT: Layout<HEADER_BYTES, RECORD_BYTES> =
    Layout { version: VERSION, max_records: MAX_RECORDS, max_count: u16::MAX };

/// The header, without its version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// How many records follow. It may lie.
    pub count: u16,
    /// Milliseconds since the exporter started, modulo 2³².
    pub uptime_ms: u32,
    /// Seconds since 1970 at export.
    pub unix_secs: u32,
    /// Nanoseconds on top of [`Self::unix_secs`].
    pub unix_nsecs: u32,
    /// How many flows the engine had exported before these, modulo 2³².
    pub flow_sequence: u32,
    /// Type of the flow switching engine.
    pub engine_type: u8,
    /// Its slot number.
    pub engine_id: u8,
    /// Mode in the top two bits, interval in the others: read it with [`Self::sampling`].
    pub sampling_field: u16,
}

impl Header {
    /// Reads the header.
    #[inline]
    pub fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        Self {
            count: BigEndian::read_u16(&bytes[2..]),
            uptime_ms: BigEndian::read_u32(&bytes[4..]),
            unix_secs: BigEndian::read_u32(&bytes[8..]),
            unix_nsecs: BigEndian::read_u32(&bytes[12..]),
            flow_sequence: BigEndian::read_u32(&bytes[16..]),
            engine_type: bytes[20],
            engine_id: bytes[21],
            sampling_field: BigEndian::read_u16(&bytes[22..]),
        }
    }

    /// Sampling mode and interval, each for itself: the interval may be set while the mode is 0.
    pub const fn sampling(&self) -> Sampling {
        Sampling {
            mode: (self.sampling_field >> 14) as u8,
            interval: (self.sampling_field & 0x3fff) as u32,
        }
    }

    /// Type and id of the engine in one number: type × 256 + id.
    pub const fn engine(&self) -> u32 {
        self.engine_type as u32 * 256 + self.engine_id as u32
    }
}

/// One flow record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Source address.
    pub src_addr: Ipv4Addr,
    /// Destination address.
    pub dst_addr: Ipv4Addr,
    /// Next hop router.
    pub next_hop: Ipv4Addr,
    /// SNMP index of the input interface.
    pub input: u16,
    /// SNMP index of the output interface.
    pub output: u16,
    /// Packets.
    pub packets: u32,
    /// Layer-3 bytes in these packets.
    pub octets: u32,
    /// The exporter's uptime at the first packet.
    pub first_ms: u32,
    /// The exporter's uptime at the last packet.
    pub last_ms: u32,
    /// Source port.
    pub src_port: u16,
    /// Destination port; of ICMP type × 256 + code.
    pub dst_port: u16,
    /// Unused, by the format.
    pub pad1: u8,
    /// The OR of the TCP flags.
    pub tcp_flags: u8,
    /// IP protocol.
    pub protocol: u8,
    /// Type of service.
    pub tos: u8,
    /// AS of the source, origin or peer.
    pub src_as: u16,
    /// AS of the destination, origin or peer.
    pub dst_as: u16,
    /// Prefix length of the source's route.
    pub src_mask: u8,
    /// Prefix length of the destination's route.
    pub dst_mask: u8,
    /// Unused, by the format.
    pub pad2: u16,
}

impl Default for Record {
    /// A record whose every field is zero.
    fn default() -> Self {
        Self::read(&[0; RECORD_BYTES])
    }
}

impl Record {
    /// Reads a record. Where only some fields are used, only these are read.
    #[inline]
    pub fn read(bytes: &RecordBytes) -> Self {
        Self {
            src_addr: BigEndian::read_u32(&bytes[0..]).into(),
            dst_addr: BigEndian::read_u32(&bytes[4..]).into(),
            next_hop: BigEndian::read_u32(&bytes[8..]).into(),
            input: BigEndian::read_u16(&bytes[12..]),
            output: BigEndian::read_u16(&bytes[14..]),
            packets: BigEndian::read_u32(&bytes[16..]),
            octets: BigEndian::read_u32(&bytes[20..]),
            first_ms: BigEndian::read_u32(&bytes[24..]),
            last_ms: BigEndian::read_u32(&bytes[28..]),
            src_port: BigEndian::read_u16(&bytes[32..]),
            dst_port: BigEndian::read_u16(&bytes[34..]),
            pad1: bytes[36],
            tcp_flags: bytes[37],
            protocol: bytes[38],
            tos: bytes[39],
            src_as: BigEndian::read_u16(&bytes[40..]),
            dst_as: BigEndian::read_u16(&bytes[42..]),
            src_mask: bytes[44],
            dst_mask: bytes[45],
            pad2: BigEndian::read_u16(&bytes[46..]),
        }
    }
}

/// A decoded datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    /// Its records as far as they are whole, in export order.
    pub records: &'a [RecordBytes],
    /// Records that the exporter sent, and that are not whole in the payload.
    pub missing: u32,
    /// What is wrong with it all the same.
    pub fault: Option<Fault>,
}

impl Packet<'_> {
    /// The records taken apart.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record> + '_ {
        self.records.iter().map(Record::read)
    }
}

/// Decodes one NetFlow v5 datagram: the header, and the records that it declares as far as they
/// are whole.
///
/// The count may lie. Where it is above what is there, what is there is taken; where it is below,
/// the count is, and what follows is a [`Fault::Trailing`].
///
/// # Errors
///
/// [`DecodeError::NotFlowExport`] if the content is not NetFlow v5;
/// [`DecodeError::Cut`] if the header or the first record is not all there;
/// [`DecodeError::Count`] if the header declares no record.
pub fn decode(payload: &[u8], declared_bytes: usize) -> Result<Packet<'_>, DecodeError> {
    let Found { header, records, missing, fault } = fixed::find(&LAYOUT, payload, declared_bytes)?;
    Ok(Packet { header: Header::read(header), records, missing, fault })
}

impl<'a> From<Packet<'a>> for ExportPacket<'a> {
    fn from(Packet { header, records, missing, fault }: Packet<'a>) -> Self {
        Self {
            exporter: None,
            exported_secs: header.unix_secs,
            exported_nanos: header.unix_nsecs,
            uptime_ms: Some(header.uptime_ms),
            engine: header.engine(),
            sampling: header.sampling(),
            rate_unknown: false,
            sequence: Some(Sequence {
                from: header.flow_sequence,
                count: saturated_u32(records.len()) + missing,
                unit: Unit::Flows,
                otherwise: Some(1),
            }),
            records: Records::V5(records),
            first_index: 0,
            missing,
            fault,
        }
    }
}
