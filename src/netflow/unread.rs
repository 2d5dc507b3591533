//! Versions that are known by name and are not read, so that they can be told by it.

use super::cursor::Cursor;
use super::fixed::has_possible_clock;
use super::{DecodeError, Unread};

/// Bytes of a header of NetFlow v6, as of v5, and of its records.
const V6: (usize, usize) = (24, 52);
/// Bytes of a header of NetFlow v8.
const V8_HEADER_BYTES: usize = 28;
/// Where in it stands by what its flows are summed up.
const V8_SCHEME_OFFSET: usize = 22;
/// Bytes before the samples of sFlow 4 and what came before it, beside the agent's address.
const OLD_SFLOW_HEADER_BYTES: usize = 20;
/// The shortest sample there: counters, with their kind, sequence, source, interval and version.
const OLD_SFLOW_SAMPLE_BYTES: usize = 20;

/// The version of `payload`, if it is one of these by its length and by what its header counts.
fn version(payload: &[u8], declared_bytes: usize) -> Option<Unread> {
    let sent = declared_bytes.max(payload.len());
    match payload.first_chunk()? {
        [0, 6] => is_netflow(payload, V6, sent).then_some(Unread::Netflow6),
        [0, 8] => {
            let record_bytes = v8_record_bytes(*payload.get(V8_SCHEME_OFFSET)?)?;
            is_netflow(payload, (V8_HEADER_BYTES, record_bytes), sent).then_some(Unread::Netflow8)
        }
        [0, 0] => match (Cursor::new(payload).read_u32()?, is_old_sflow(payload, sent)?) {
            (2, true) => Some(Unread::Sflow2),
            (4, true) => Some(Unread::Sflow4),
            _ => None,
        },
        _ => None,
    }
}

/// Why `payload`, which is of no version that is read, cannot be decoded.
pub(super) fn or_none(payload: &[u8], declared_bytes: usize) -> DecodeError {
    let of = version(payload, declared_bytes);
    of.map_or(DecodeError::NotFlowExport, |version| DecodeError::Version { version })
}

/// Whether there is room for as many records as a header of NetFlow counts, and its clock is a
/// possible one.
fn is_netflow(payload: &[u8], (header, record): (usize, usize), sent: usize) -> bool {
    let mut at = Cursor::new(payload);
    let (_version, Some(count)) = (at.read_u16(), at.read_u16()) else { return false };
    let count = usize::from(count);
    count > 0 && header + count * record <= sent && has_possible_clock(payload)
}

/// Bytes of a record of NetFlow v8 that is summed up by `scheme`.
const fn v8_record_bytes(scheme: u8) -> Option<usize> {
    match scheme {
        // By system, or by protocol and port.
        1 | 2 => Some(28),
        // By one prefix, or one end; with type of service.
        3 | 4 | 6 | 9..=12 => Some(32),
        // By two prefixes or ends.
        5 | 7 | 13 | 14 => Some(40),
        // The whole flow.
        8 => Some(44),
        _ => None,
    }
}

/// Whether a header of sFlow up to version 4 counts as many samples as there is room for, and the
/// first of them is one: version, agent, sequence, uptime, number of samples.
fn is_old_sflow(payload: &[u8], sent: usize) -> Option<bool> {
    let mut at = Cursor::new(payload);
    let _version = at.read_u32()?;
    let address_bytes = match at.read_u32()? {
        1 => 4,
        2 => 16,
        _ => return None,
    };
    at.take(address_bytes)?;
    let (_sequence, _uptime) = (at.read_u32()?, at.read_u32()?);
    let samples = at.read_u32()? as usize;
    let room = sent.saturating_sub(OLD_SFLOW_HEADER_BYTES + address_bytes);
    // Of a packet, or of counters.
    let is_sample = matches!(at.read_u32()?, 1 | 2);
    Some(is_sample && samples > 0 && samples.saturating_mul(OLD_SFLOW_SAMPLE_BYTES) <= room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// A datagram of NetFlow with this version, count and word of engine, and `bytes` in all.
    fn netflow(version: u32, count: u32, engine: u32, bytes: usize) -> Vec<u8> {
        let mut payload = words(&[version << 16 | count, 1000, 1_186_040_527, 0, 7, engine]);
        payload.resize(bytes, 0);
        payload
    }

    fn sflow(version: u32, samples: u32, kind: u32) -> Vec<u8> {
        let mut payload = words(&[version, 1, 0xc000_0201, 1, 1000, samples, kind]);
        payload.resize(88, 0);
        payload
    }

    #[test]
    fn versions_that_are_not_read_are_told_by_name() {
        let of_ipv6 = [words(&[4, 2, 0, 0, 0, 1, 1, 1000, 1, 2]), vec![0; 60]].concat();
        for (payload, expected) in [
            (netflow(6, 2, 0, 24 + 104), "a version that is not read (NetFlow 6)"),
            (netflow(8, 1, 0x0501, 28 + 40), "a version that is not read (NetFlow 8)"),
            (netflow(8, 2, 0x0101, 28 + 56), "a version that is not read (NetFlow 8)"),
            (sflow(2, 1, 1), "a version that is not read (sFlow 2)"),
            (sflow(4, 3, 2), "a version that is not read (sFlow 4)"),
            (of_ipv6, "a version that is not read (sFlow 4)"),
        ] {
            let error = or_none(&payload, payload.len());
            assert_eq!(error.to_string(), format!("it is of {expected}"));
            assert_eq!((error.is_flow_export(), error.label()), (true, &*format!("of {expected}")));
            // The capture cut it.
            assert_eq!(or_none(&payload[..44], payload.len()), error);
        }
    }

    #[test]
    fn other_content_is_not_taken_for_a_version_that_is_not_read() {
        // A query and an answer of DNS, of the ids 6 and 8, and an acknowledgement of TFTP's options.
        let name = [7, b'e', b'x', b'a', b'm', b'p', b'l', b'e', 0, 0, 1, 0, 1];
        let query = |id| [&[0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name].concat();
        let answer = |id| [&[0, id, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0][..], &name, &[0; 99]].concat();
        for payload in [
            query(6),
            query(8),
            answer(6),
            answer(8),
            b"\0\x06blksize\x001432\0".to_vec(),
            netflow(6, 3, 0, 24 + 104),
            netflow(6, 0, 0, 24),
            netflow(8, 2, 0x0501, 28 + 40),
            netflow(8, 1, 0x0001, 28 + 40),
            netflow(8, 1, 0x0501, 20),
            sflow(4, 4, 1),
            sflow(4, 0, 1),
            sflow(4, 1, 9),
            sflow(6, 1, 1),
            vec![0; 88],
            vec![0, 8],
        ] {
            assert_eq!(or_none(&payload, payload.len()), DecodeError::NotFlowExport, "{payload:?}");
        }
    }
}
