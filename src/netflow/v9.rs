//! The header of NetFlow v9 (RFC 3954 §5.1).

use super::DecodeError;
use super::cursor::Cursor;
use super::fixed::{OLDEST_EXPORT_SECS, cut};
use super::sets::are_sets;

/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 20;

/// The header, without its version and its count, which is unreliable: some exporters count flows
/// only, and leave out templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) uptime_ms: u32,
    pub(super) unix_secs: u32,
    /// How many packets this source had exported before.
    pub(super) sequence: u32,
    pub(super) source_id: u32,
}

/// Reads the header of a payload that begins with the version.
///
/// # Errors
///
/// [`DecodeError::NotFlowExport`] if neither the clock nor the sets speak for NetFlow;
/// [`DecodeError::Cut`] if it is not all there.
pub(super) fn header(payload: &[u8]) -> Result<Header, DecodeError> {
    let mut at = Cursor::new(payload);
    let read = |at: &mut Cursor<'_>| {
        at.read_u32()?;
        Some((at.read_u32()?, at.read_u32()?))
    };
    let Some((uptime_ms, unix_secs)) = read(&mut at) else {
        return Err(DecodeError::NotFlowExport);
    };
    let sets = payload.get(HEADER_BYTES..).unwrap_or_default();
    if unix_secs < OLDEST_EXPORT_SECS && !are_sets(sets) {
        return Err(DecodeError::NotFlowExport);
    }
    match (at.read_u32(), at.read_u32()) {
        (Some(sequence), Some(source_id)) => {
            Ok(Header { uptime_ms, unix_secs, sequence, source_id })
        }
        _ => Err(cut("header", 0, HEADER_BYTES, payload)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn a_header_is_told_by_its_clock_or_by_its_sets() {
        let secs = 1_186_040_527;
        let with = |secs, sets: &[u32]| words(&[&[0x0009_0001, 1000, secs, 7, 5], sets].concat());
        let expected = Header { uptime_ms: 1000, unix_secs: secs, sequence: 7, source_id: 5 };
        assert_eq!(header(&with(secs, &[])), Ok(expected));
        assert_eq!(header(&with(60, &[0x0100_0008, 1])).map(|header| header.unix_secs), Ok(60));
        for other in [with(60, &[]), with(60, &[0x0100_0009, 1]), words(&[0x0009_0001, 1000])] {
            assert_eq!(header(&other), Err(DecodeError::NotFlowExport), "{other:02x?}");
        }
        let cut = header(&with(secs, &[])[..17]).unwrap_err();
        assert_eq!(cut.to_string(), "datagram ends at byte 17, header at byte 0 needs 3 more");
    }
}
