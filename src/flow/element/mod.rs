//! Information elements: what a field of a template is, by its number.
//!
//! Numbers and names: the IANA registry "IP Flow Information Export (IPFIX) Entities"; NetFlow v9
//! uses the same numbers for what it has in common with it (RFC 7011 §3.2, RFC 3954 §8).

mod ends;
mod registry;

use byteorder::{BigEndian, ByteOrder};

use super::Family;
pub(crate) use ends::{have_both_sides, other_end};

/// An element of the IANA registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// Its number.
    pub number: u16,
    /// Its name there, in camel case.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
}

/// What the value of an element is: how it may be shortened, and how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number; leading zeros say nothing (RFC 7011 §6.2).
    Unsigned,
    /// A number with a sign.
    Signed,
    /// A number with a fraction, of four or eight bytes.
    Float,
    /// 1 true, 2 false (RFC 7011 §6.1.5).
    Boolean,
    /// A MAC address.
    Mac,
    /// An address of this family.
    Address(Family),
    /// UTF-8, with zeros at its end where the field is longer.
    Text,
    /// Bytes of no type.
    Octets,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Seconds since 1900 and their fraction in 2⁻³² s, as NTP has them.
    Ntp,
    /// A list of records or values (RFC 6313). They are skipped.
    List,
}

/// The enterprise number under which an element of IANA's is one of the flow's way back (RFC 5103).
pub const REVERSE_ENTERPRISE: u32 = 29_305;

/// Seconds from 1900, where NTP counts from, to 1970.
pub(crate) const NTP_TO_UNIX_SECS: u64 = 2_208_988_800;

/// The element of this number in the IANA registry, if it is known here.
#[inline]
pub fn element(number: u16) -> Option<&'static Element> {
    let elements = &registry::ELEMENTS;
    let place = elements.binary_search_by_key(&number, |element| element.number).ok()?;
    elements.get(place)
}

/// Every known element, by rising numbers.
pub fn elements() -> &'static [Element] {
    &registry::ELEMENTS
}

/// An unsigned number of any length; none is 0, and of more than eight bytes the last eight count
/// (RFC 7011 §6.2).
#[inline]
pub(crate) fn unsigned(bytes: &[u8]) -> u64 {
    match bytes.len() {
        1 => bytes[0].into(),
        2 => BigEndian::read_u16(bytes).into(),
        4 => BigEndian::read_u32(bytes).into(),
        8 => BigEndian::read_u64(bytes),
        _ => bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)),
    }
}

/// A number with a sign, of one to eight bytes.
pub(crate) fn signed(bytes: &[u8]) -> Option<i64> {
    let unused = 64 - 8 * (1..=8).contains(&bytes.len()).then_some(bytes.len() as u32)?;
    Some((unsigned(bytes) << unused) as i64 >> unused)
}

/// A floating-point number of four or eight bytes.
pub(crate) fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => Some(BigEndian::read_f32(bytes).into()),
        8 => Some(BigEndian::read_f64(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_any_length() {
        for (bytes, expected) in [
            (&[][..], 0),
            (&[7], 7),
            (&[1, 2], 258),
            (&[1, 0, 0], 65_536),
            (&[0, 0, 1, 0], 256),
            (&[1, 0, 0, 0, 0], 1 << 32),
            (&[0xff; 8], u64::MAX),
            (&[9, 0, 0, 0, 0, 0, 0, 0, 5], 5),
        ] {
            assert_eq!(unsigned(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn elements_are_found_by_their_numbers() {
        assert!(registry::ELEMENTS.is_sorted_by_key(|element| element.number));
        for known in &registry::ELEMENTS {
            assert_eq!(element(known.number), Some(known));
        }
        assert_eq!(element(243).unwrap().name, "dot1qVlanId");
        for unknown in [0, 65, 127, 40_001, u16::MAX] {
            assert_eq!(element(unknown), None);
        }
    }
}
