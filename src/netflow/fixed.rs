//! What the formats with fixed layouts have in common: telling them by content, and a count in the
//! header that may lie.

use byteorder::{BigEndian, ByteOrder};

use super::{DecodeError, ExportPacket, Fault, Records, decode, v5};
use crate::flow::{saturated_u16, saturated_u32};

/// A header with a lying count is taken for NetFlow only if its export time is later than this,
/// 1990-01-01, some years before there was any.
pub(super) const OLDEST_EXPORT_SECS: u32 = 631_152_000;
const NANOS_A_SECOND: u32 = 1_000_000_000;

/// A header of fixed size, and records of fixed size. The count stands at byte 2, the export time
/// at byte 8, in seconds and nanoseconds.
#[derive(Debug)]
pub(super) struct Layout<const HEADER: usize, const RECORD: usize> {
    pub(super) version: u16,
    pub(super) max_records: u16,
    /// With a greater count the content is something else.
    pub(super) max_count: u16,
}

/// The records of a datagram as far as they are whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a, const HEADER: usize, const RECORD: usize> {
    pub(super) header: &'a [u8; HEADER],
    pub(super) records: &'a [[u8; RECORD]],
    pub(super) missing: u32,
    pub(super) fault: Option<Fault>,
}

/// How many records of `layout` the datagram holds.
///
/// The count may lie. Where it is above what is there, what is there is taken; where it is below,
/// the count is, and what follows is a [`Fault::Trailing`].
///
/// # Errors
///
/// [`DecodeError::NotFlowExport`] if the content is not of `layout`;
/// [`DecodeError::Cut`] if the header or the first record is not all there;
/// [`DecodeError::Count`] if the header declares no record.
#[inline]
pub(super) fn find<'a, const HEADER: usize, const RECORD: usize>(
    layout: &Layout<HEADER, RECORD>,
    payload: &'a [u8],
    declared_bytes: usize,
) -> Result<Found<'a, HEADER, RECORD>, DecodeError> {
    let max_records = layout.max_records;
    let Some(declared) = count_of(layout, payload, declared_bytes) else {
        return Err(DecodeError::NotFlowExport);
    };
    let Some((header, body)) = payload.split_first_chunk() else {
        return Err(cut("header", 0, HEADER, payload));
    };
    if declared == 0 {
        return Err(DecodeError::Count);
    }
    let (records, _) = body.as_chunks();
    let whole = records.len();
    let declared_records = declared_bytes.saturating_sub(HEADER) / RECORD;
    let count = usize::from(declared);
    // Above the format's limit a count is credible only as far as the datagram's length bears it.
    let sent = if declared > max_records { count.min(declared_records.max(whole)) } else { count };
    let records = records.get(..sent).unwrap_or(records);
    let whole = records.len();
    if whole == 0 {
        return Err(cut("record", HEADER, RECORD, payload));
    }
    let missing = saturated_u32(sent - whole);
    let trailing = payload.len().max(declared_bytes).saturating_sub(HEADER + count * RECORD);
    let fault = if declared > max_records {
        Some(Fault::Count { declared, present: whole })
    } else if missing > 0 {
        Some(Fault::Cut { missing })
    } else if trailing > 0 {
        Some(Fault::Trailing { bytes: trailing })
    } else {
        None
    };
    Ok(Found { header, records, missing, fault })
}

/// The count in the header, if the content is of `layout`.
///
/// Two bytes are little to tell it by: a TFTP error begins like version 5, and so does one DNS
/// message in 65,536. So the length must be just what the count asks for, or the export time must
/// be a possible one: DNS has zeros there, and a text's letters are too large for nanoseconds.
#[inline]
fn count_of<const HEADER: usize, const RECORD: usize>(
    layout: &Layout<HEADER, RECORD>,
    payload: &[u8],
    declared_bytes: usize,
) -> Option<u16> {
    let &[version @ .., high, low] = payload.first_chunk::<4>()?;
    let declared = u16::from_be_bytes([high, low]);
    let count = usize::from(declared);
    let is_of = u16::from_be_bytes(version) == layout.version
        && declared <= layout.max_count
        && (count > 0 && declared_bytes == HEADER + count * RECORD || has_possible_clock(payload));
    is_of.then_some(declared)
}

/// Whether the seconds and nanoseconds of a header can be those of an export.
#[inline]
pub(super) fn has_possible_clock(payload: &[u8]) -> bool {
    let read_u32 = |offset: usize| payload.get(offset..offset + 4).map(BigEndian::read_u32);
    read_u32(8).is_some_and(|secs| secs >= OLDEST_EXPORT_SECS)
        && read_u32(12).is_some_and(|nanos| nanos < NANOS_A_SECOND)
}

pub(super) fn cut(field: &'static str, offset: usize, bytes: usize, payload: &[u8]) -> DecodeError {
    let available = payload.len();
    DecodeError::Cut { field, offset, needed: offset + bytes - available, available }
}

/// The packets of a datagram: the first one, and those that follow it.
type Packets<'a> = (ExportPacket<'a>, Vec<ExportPacket<'a>>);

/// Decodes the packets of a datagram with a fixed layout. Several of v5 may follow on each other.
///
/// # Errors
///
/// As [`decode`](super::decode).
#[inline]
pub(super) fn packets(payload: &[u8], declared_bytes: usize) -> Result<Packets<'_>, DecodeError> {
    let mut first = decode(payload, declared_bytes)?;
    let mut more = Vec::new();
    if let (Records::V5(_), Some(Fault::Trailing { .. })) = (first.records, first.fault) {
        more = following(&mut first, payload, declared_bytes);
    }
    Ok((first, more))
}

/// The v5 packets behind `first`; none if what follows it is none.
fn following<'a>(
    first: &mut ExportPacket<'a>,
    payload: &'a [u8],
    declared_bytes: usize,
) -> Vec<ExportPacket<'a>> {
    let mut packets: Vec<ExportPacket<'a>> = Vec::new();
    let mut at = 0;
    loop {
        let last = packets.last_mut().unwrap_or(first);
        if !matches!(last.fault, Some(Fault::Trailing { .. })) {
            return packets;
        }
        at += v5::HEADER_BYTES + last.len() * v5::RECORD_BYTES;
        let index = last.first_index + saturated_u16(last.len());
        let rest = payload.get(at..).unwrap_or_default();
        let Ok(next) = v5::decode(rest, declared_bytes.saturating_sub(at)) else {
            return packets;
        };
        last.fault = None;
        packets.push(ExportPacket { first_index: index, ..next.into() });
    }
}
