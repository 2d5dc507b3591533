//! Flow export that is recognised and not read: told once, for it looks like a capture without
//! flows otherwise.

use crate::capture::Datagram;

/// 2000-01-01T00:00:00Z. An exporter's clock that has never been set stands in the seventies.
const PLAUSIBLE_SECS: u32 = 946_684_800;

/// Which formats were told of already.
#[derive(Debug, Default)]
pub(super) struct Unread(Vec<&'static str>);

impl Unread {
    /// The format of `datagram`, if it is one that is not read, for the first time.
    pub(super) fn first_of(&mut self, datagram: &Datagram<'_>) -> Option<&'static str> {
        let format = format(datagram.payload, datagram.declared_bytes)?;
        let new = !self.0.contains(&format);
        if new {
            self.0.push(format);
        }
        new.then_some(format)
    }
}

/// The format by its header: NetFlow v9 (RFC 3954 §5.1), IPFIX (RFC 7011 §3.1), sFlow 5.
fn format(payload: &[u8], declared_bytes: usize) -> Option<&'static str> {
    let u16_at = |at: usize| Some(u16::from_be_bytes(*payload.get(at..)?.first_chunk()?));
    let u32_at = |at: usize| Some(u32::from_be_bytes(*payload.get(at..)?.first_chunk()?));
    match (u16_at(0)?, u16_at(2)?) {
        (9, flow_sets) => {
            let plausible = flow_sets > 0 && u32_at(8)? >= PLAUSIBLE_SECS && payload.len() >= 20;
            plausible.then_some("NetFlow v9")
        }
        (10, bytes) => {
            (usize::from(bytes) == declared_bytes && declared_bytes >= 16).then_some("IPFIX")
        }
        // The version has four bytes, and the address of the agent that follows is IPv4 or IPv6.
        (0, 5) => (matches!(u32_at(4)?, 1 | 2) && payload.len() >= 28).then_some("sFlow v5"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn other_formats_are_told_by_their_headers() {
        let secs = 1_186_040_527;
        for (payload, expected) in [
            (words(&[0x0009_0001, 1000, secs, 7, 0]), Some("NetFlow v9")),
            (words(&[0x0009_0001, 1000, 60, 7, 0]), None),
            (words(&[0x0009_0001, 1000, secs, 7]), None),
            (words(&[0x000a_0010, secs, 7, 0]), Some("IPFIX")),
            (words(&[0x000a_0014, secs, 7, 0]), None),
            (words(&[5, 1, 0x0a00_0001, 0, 1, 1000, 0]), Some("sFlow v5")),
            (words(&[5, 3, 0x0a00_0001, 0, 1, 1000, 0]), None),
            (words(&[0x0005_0001, 1000, secs, 0, 7, 0]), None),
            (b"\x00\x09".to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(format(&payload, payload.len()), expected, "{payload:02x?}");
        }
    }
}
