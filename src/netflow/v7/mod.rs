//! NetFlow v7 (Catalyst 5000): a header of 24 bytes, and records of 52; fixed fields in network
//! order.
//!
//! Layout: Cisco, NetFlow Export Datagram Format, version 7.

#[cfg(test)]
mod tests;

use byteorder::{BigEndian, ByteOrder};

use super::fixed::{self, Found, Layout};
use super::{DecodeError, ExportPacket, Records, v5};
use crate::flow::{Sampling, Sequence, Unit, saturated_u32};

/// The version number that the first two bytes hold.
pub const VERSION: u16 = 7;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 24;
/// Bytes of a record.
pub const RECORD_BYTES: usize = 52;
/// The most records that are believed of a datagram whose length does not bear them.
pub const MAX_RECORDS: u16 = 30;

/// A record as it lies in the payload; [`read`] takes it apart.
pub type RecordBytes = [u8; RECORD_BYTES];

const LAYOUT: Layout<HEADER_BYTES, RECORD_BYTES> =
    Layout { version: VERSION, max_records: MAX_RECORDS, max_count: 128 };

/// Reads a record into the fields of v5's, which stand at the same places; `pad1` holds the flags
/// that say which fields are invalid, and the router that was bypassed, [`bypassed_router`], is
/// left out.
#[inline]
pub fn read(bytes: &RecordBytes) -> v5::Record {
    match bytes.first_chunk() {
        Some(bytes) => v5::Record::read(bytes),
        None => v5::Record::default(),
    }
}

/// The address of the router that the switch went by, as a number.
pub fn bypassed_router(bytes: &RecordBytes) -> u32 {
    BigEndian::read_u32(&bytes[48..])
}

/// Decodes one NetFlow v7 datagram; a lying count is treated as that of [`v5::decode`] is.
///
/// # Errors
///
/// As [`v5::decode`], of version 7.
pub fn decode(payload: &[u8], declared_bytes: usize) -> Result<ExportPacket<'_>, DecodeError> {
    let Found { header, records, missing, fault } = fixed::find(&LAYOUT, payload, declared_bytes)?;
    Ok(ExportPacket {
        exporter: None,
        exported_secs: BigEndian::read_u32(&header[8..]),
        exported_nanos: BigEndian::read_u32(&header[12..]),
        uptime_ms: Some(BigEndian::read_u32(&header[4..])),
        engine: 0,
        sampling: Sampling::default(),
        rate_unknown: false,
        sequence: Some(Sequence {
            from: BigEndian::read_u32(&header[16..]),
            count: saturated_u32(records.len()) + missing,
            unit: Unit::Flows,
            otherwise: Some(1),
        }),
        records: Records::V7(records),
        first_index: 0,
        missing,
        fault,
    })
}
