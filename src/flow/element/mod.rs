//! Information elements: what a field of a template is, by its number.
//!
//! Numbers and names: the IANA registry "IP Flow Information Export (IPFIX) Entities"; NetFlow v9
//! uses the same numbers for what it has in common with it (RFC 7011 §3.2, RFC 3954 §8).

mod ends;
mod enterprises;
mod registry;
mod spelling;

use byteorder::{BigEndian, ByteOrder};

pub(crate) use enterprises::{OWN_ENTERPRISE, REVERSE_DELAY, SENT_BY};

use super::Family;
pub(crate) use ends::{BIFLOW_DIRECTION, INITIATOR, REVERSE_INITIATOR, have_both_sides, other_end};
pub(crate) use spelling::{element_by_name, element_by_number};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// Which element it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ElementId {
    /// Its number.
    pub number: u16,
    /// Whose number it is; 0 for IANA's, and for all of NetFlow v9's.
    pub enterprise: u32,
}

impl ElementId {
    /// IANA's element of this number.
    pub const fn iana(number: u16) -> Self {
        Self { number, enterprise: 0 }
    }

    /// What is known of it: of IANA's elements, also where they are of a flow's way back, and of
    /// those of enterprises that are met most.
    pub fn known(self) -> Option<&'static Element> {
        let of_iana = matches!(self.enterprise, 0 | REVERSE_ENTERPRISE);
        let known = of_iana.then(|| element(self.number)).flatten();
        known.or_else(|| of_enterprise(self.enterprise, self.number))
    }

    /// The element under which it is kept: as IPFIX has it, also where NetFlow v9 has a number
    /// of its own for it.
    #[must_use]
    pub(crate) fn canonical(self) -> Self {
        let in_ipfix = (self.enterprise == 0).then(|| as_in_ipfix(self.number)).flatten();
        in_ipfix.unwrap_or(self)
    }
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

/// The element of this enterprise and number, if it is one of those that are met most; of
/// enterprise 0 those of NetFlow v9 that are not IANA's.
fn of_enterprise(enterprise: u32, number: u16) -> Option<&'static Element> {
    let (_, elements) = enterprises::ENTERPRISES.iter().find(|(of, _)| *of == enterprise)?;
    let place = elements.binary_search_by_key(&number, |element| element.number).ok()?;
    elements.get(place)
}

/// Every known element, IANA's first, with whose it is.
pub(crate) fn all_elements() -> impl Iterator<Item = (u32, &'static Element)> {
    let of_others = enterprises::ENTERPRISES.iter();
    let of_others = of_others.flat_map(|&(of, all)| all.iter().map(move |element| (of, element)));
    elements().iter().map(|element| (0, element)).chain(of_others)
}

/// The known element that `name` names, in any case.
pub(crate) fn element_named(name: &str) -> Option<ElementId> {
    let (enterprise, element) =
        all_elements().find(|(_, element)| element.name.eq_ignore_ascii_case(name))?;
    Some(ElementId { number: element.number, enterprise })
}

/// Where in NetFlow v9 the elements of enterprises begin that have numbers of their own in IPFIX.
const IN_V9: [(u32, u16); 2] = [(9, 32_768), (35_632, 57_472)];

/// The element by which IPFIX tells what IANA's number in NetFlow v9 is told by, if that is known.
fn as_in_ipfix(number: u16) -> Option<ElementId> {
    IN_V9.iter().find_map(|&(enterprise, first)| {
        let id = ElementId { number: number.checked_sub(first)?, enterprise };
        of_enterprise(id.enterprise, id.number).map(|_| id)
    })
}

/// The text that bytes of no known type are, where they are printable: without zeros at its end, of
/// more than four bytes, as fewer are numbers and addresses that may look so.
pub fn printable(bytes: &[u8]) -> Option<&str> {
    const MOST_OF_NUMBERS: usize = 4;
    let end = bytes.iter().rposition(|&byte| byte != 0)? + 1;
    let text = str::from_utf8(bytes.get(..end)?).ok()?;
    let is_text = bytes.len() > MOST_OF_NUMBERS && !text.chars().any(char::is_control);
    is_text.then_some(text)
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

/// A number without the zeros that it begins with, as elements keep it.
#[inline]
pub(crate) fn without_zeros_at_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
    &bytes[start..]
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
    fn bytes_are_text_where_they_are_printable() {
        for (bytes, expected) in [
            (&b"LSN-Host@100.64.0.9\0\0\0"[..], Some("LSN-Host@100.64.0.9")),
            (b"http\0", Some("http")),
            (b"caf\xc3\xa9", Some("caf\u{e9}")),
            (b"http", None),
            (b"\0\0\0\0http", None),
            (b"a\nb c", None),
            (b"caf\xc3\x28", None),
            (b"\0\0\0\0\0\0", None),
            (b"", None),
        ] {
            assert_eq!(printable(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn elements_are_found_by_their_numbers() {
        assert!(registry::ELEMENTS.is_sorted_by_key(|element| element.number));
        for known in &registry::ELEMENTS {
            assert_eq!(element(known.number), Some(known));
        }
        for (enterprise, elements) in enterprises::ENTERPRISES {
            assert!(elements.is_sorted_by_key(|element| element.number), "{enterprise}");
        }
        let mut names = std::collections::HashSet::new();
        for (enterprise, element) in all_elements() {
            assert!(names.insert(element.name.to_ascii_lowercase()), "{}", element.name);
            let id = ElementId { number: element.number, enterprise };
            assert_eq!((id.known(), element_named(element.name)), (Some(element), Some(id)));
        }
        assert_eq!(element(243).unwrap().name, "dot1qVlanId");
        // As NetFlow v9 has Cisco's and ntop's.
        for (number, enterprise, name) in
            [(45_003, 9, "ciscoApplicationHttpHost"), (57_591, 35_632, "ntopL7ProtoName")]
        {
            let id = ElementId::iana(number).canonical();
            assert_eq!((id.enterprise, id.known().unwrap().name), (enterprise, name));
        }
        assert_eq!(ElementId::iana(40_000).canonical().known().unwrap().name, "aaaUserName");
        assert_eq!(ElementId::iana(58).canonical(), ElementId::iana(58));
        for unknown in [0, 65, 127, 40_001, u16::MAX] {
            assert_eq!(element(unknown), None);
        }
    }
}
