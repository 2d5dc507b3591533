//! Single values as they are written.

use std::net::IpAddr;

use crate::answer::text::push_number;
use crate::flow::{Protocol, UnixMillis};

/// When a flow began, as it is shown: readers fail at a time that their calendar does not reach.
pub(super) fn shown(first_ms: u64) -> u64 {
    u64::try_from(UnixMillis(first_ms).timestamp().as_millisecond()).unwrap_or(0)
}

/// An address of IPv4 as its number.
pub(super) fn number(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(_) => 0,
    }
}

/// An address as sixteen bytes.
pub(super) fn fixed(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// A protocol whose name, cut to five letters, is that of another.
const IDPR_CMTP: u8 = 38;

/// Appends what a protocol is called by those who call it by a name; its number where it has none.
pub(super) fn push_protocol(to: &mut Vec<u8>, number: u8) {
    match Protocol(number).name().filter(|_| number != IDPR_CMTP) {
        // Both are one protocol to them.
        Some(_) if Protocol(number) == Protocol::ICMP6 => to.extend_from_slice(b"icmp"),
        Some(name) => to.extend(name.bytes().map(|letter| letter.to_ascii_lowercase())),
        None => push_number(to, number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_found_by_what_it_is_called() {
        for number in 0..=u8::MAX {
            let mut name = Vec::new();
            push_protocol(&mut name, number);
            let name = String::from_utf8(name).unwrap();
            let found = name.parse().ok().map(Protocol).or_else(|| Protocol::named(&name));
            let expected =
                if number == Protocol::ICMP6.0 { Protocol::ICMP } else { Protocol(number) };
            assert_eq!(found, Some(expected), "{name}");
        }
    }
}
