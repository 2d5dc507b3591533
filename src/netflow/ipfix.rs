//! The header of an IPFIX message (RFC 7011 §3.1).

use super::DecodeError;
use super::cursor::Cursor;
use super::fixed::{OLDEST_EXPORT_SECS, cut};
use super::sets::are_sets;

/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 16;

/// The header, without its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Of the whole message, in bytes. It may lie.
    pub(super) length: u16,
    pub(super) export_secs: u32,
    /// How many data records, of flows and of options, this domain had exported before.
    pub(super) sequence: u32,
    pub(super) domain: u32,
}

/// Reads the header of a message that begins with the version; `declared_bytes` is what the
/// datagram has from here on.
///
/// # Errors
///
/// [`DecodeError::NotFlowExport`] if neither the clock nor the length speaks for IPFIX;
/// [`DecodeError::Cut`] if it is not all there.
pub(super) fn header(payload: &[u8], declared_bytes: usize) -> Result<Header, DecodeError> {
    let mut at = Cursor::new(payload);
    let read = |at: &mut Cursor<'_>| Some((at.read_u16()?, at.read_u16()?, at.read_u32()?));
    let Some((_, length, export_secs)) = read(&mut at) else {
        return Err(DecodeError::NotFlowExport);
    };
    let sets = payload.get(HEADER_BYTES..).unwrap_or_default();
    let fits = usize::from(length) == declared_bytes && are_sets(sets);
    let is_message = usize::from(length) >= HEADER_BYTES;
    if !is_message || export_secs < OLDEST_EXPORT_SECS && !fits {
        return Err(DecodeError::NotFlowExport);
    }
    match (at.read_u32(), at.read_u32()) {
        (Some(sequence), Some(domain)) => Ok(Header { length, export_secs, sequence, domain }),
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
    fn a_header_is_told_by_its_clock_or_by_its_length() {
        let secs = 1_186_040_527;
        let message = words(&[0x000a_0010, secs, 7, 5]);
        let expected = Header { length: 16, export_secs: secs, sequence: 7, domain: 5 };
        assert_eq!(header(&message, 16), Ok(expected));
        assert!(header(&words(&[0x000a_0018, 60, 7, 5, 0x0100_0008, 1]), 24).is_ok());
        for other in [
            words(&[0x000a_0018, 60, 7, 5, 0x0100_0008]),
            words(&[0x000a_000f, secs, 7, 5]),
            words(&[0x000a_0100, 0x0001_0000, 0, 0x0377_7777]),
        ] {
            let refused = header(&other, other.len());
            assert_eq!(refused, Err(DecodeError::NotFlowExport), "{other:02x?}");
        }
        assert!(matches!(header(&message[..12], 16), Err(DecodeError::Cut { needed: 4, .. })));
    }
}
