//! NetFlow v1: a header of 16 bytes, and records of 48; fixed fields in network order.
//!
//! Layout: Cisco, NetFlow Export Datagram Format, version 1. It has no sequence numbers, no AS
//! numbers and no masks, and some exporters put thirty records into a datagram where its text says
//! twenty-four.

#[cfg(test)]
mod tests;

use byteorder::{BigEndian, ByteOrder};

use super::fixed::{self, Found, Layout};
use super::{DecodeError, ExportPacket, Records, v5};
use crate::flow::Sampling;

/// The version number that the first two bytes hold.
pub const VERSION: u16 = 1;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 16;
/// Bytes of a record.
pub const RECORD_BYTES: usize = 48;
/// The most records that are believed of a datagram whose length does not bear them.
pub const MAX_RECORDS: u16 = 30;

/// A record as it lies in the payload; [`read`] takes it apart.
pub type RecordBytes = [u8; RECORD_BYTES];

/// STUN begins as version 1 does, too; where the uptime would be it has this (RFC 8489 §5).
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

const LAYOUT: Layout<HEADER_BYTES, RECORD_BYTES> =
    Layout { version: VERSION, max_records: MAX_RECORDS, max_count: 128 };

/// Reads a record into the fields of v5's, of which it has those up to the type of service.
#[inline]
pub fn read(bytes: &RecordBytes) -> v5::Record {
    // Up to the ports both are the same. Two bytes of padding follow here, and the flags stand
    // behind the type of service; version 1 knows no AS numbers and no masks.
    v5::Record {
        pad1: 0,
        protocol: bytes[38],
        tos: bytes[39],
        tcp_flags: bytes[40],
        src_as: 0,
        dst_as: 0,
        src_mask: 0,
        dst_mask: 0,
        pad2: 0,
        ..v5::Record::read(bytes)
    }
}

/// Decodes one NetFlow v1 datagram; a lying count is treated as that of [`v5::decode`] is.
///
/// # Errors
///
/// As [`v5::decode`], of version 1.
pub fn decode(payload: &[u8], declared_bytes: usize) -> Result<ExportPacket<'_>, DecodeError> {
    if payload.get(4..8) == Some(&STUN_COOKIE) {
        return Err(DecodeError::NotFlowExport);
    }
    let Found { header, records, missing, fault } = fixed::find(&LAYOUT, payload, declared_bytes)?;
    Ok(ExportPacket {
        exporter: None,
        exported_secs: BigEndian::read_u32(&header[8..]),
        exported_nanos: BigEndian::read_u32(&header[12..]),
        uptime_ms: Some(BigEndian::read_u32(&header[4..])),
        engine: 0,
        sampling: Sampling::default(),
        rate_unknown: false,
        sequence: None,
        records: Records::V1(records),
        first_index: 0,
        missing,
        fault,
    })
}
