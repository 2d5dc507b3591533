//! Fields of templates, and their values as they lie in a record: any length that the exporter
//! chose.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use byteorder::{BigEndian, ByteOrder};

use crate::flow::{ElementId, Kind, NTP_TO_UNIX_SECS, UnixMillis, saturated_u32, unsigned};

/// What a field says as its length where each record says it (RFC 7011 §7).
pub(super) const VARIABLE: u16 = 0xffff;
/// One field of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Field {
    /// The element's number, without the enterprise bit.
    pub(super) number: u16,
    /// Whose number it is; 0 for IANA's, and for all of v9's.
    pub(super) enterprise: u32,
    /// In bytes, or [`VARIABLE`].
    pub(super) length: u16,
}

impl Field {
    /// Which element it is kept as.
    pub(super) fn id(self) -> ElementId {
        ElementId { number: self.number, enterprise: self.enterprise }.canonical()
    }

    /// What its value is, as far as that is known.
    pub(super) fn kind(self) -> Option<Kind> {
        self.id().known().map(|element| element.kind)
    }
}

/// Which of IANA's elements a record has so far. Of one that stands several times the first counts
/// (RFC 7011 §8).
#[derive(Debug)]
pub(super) struct Met([bool; 512]);

impl Met {
    pub(super) const fn none() -> Self {
        Self([false; 512])
    }

    /// Whether element `number` comes for the first time. Of greater numbers, of which nothing
    /// becomes more than a value that is kept, each time is one.
    #[inline]
    pub(super) fn is_first(&mut self, number: u16) -> bool {
        self.0.get_mut(usize::from(number)).is_none_or(|met| !std::mem::replace(met, true))
    }
}

/// Where a field lies in its record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u16,
    pub(super) length: u16,
}

impl Span {
    /// The field's bytes; empty where the record has none.
    #[inline]
    pub(super) fn of(self, record: &[u8]) -> &[u8] {
        let start = usize::from(self.start);
        record.get(start..start + usize::from(self.length)).unwrap_or_default()
    }
}

/// A number as one of 32 bits; a greater one is the greatest.
#[inline]
pub(super) fn number_u32(bytes: &[u8]) -> u32 {
    saturated_u32(unsigned(bytes))
}

/// An address of the family that `bytes` are long enough for; of longer ones the rest is padding.
#[inline]
pub(super) fn address_v4(bytes: &[u8]) -> Option<IpAddr> {
    bytes.first_chunk().map(|&bytes: &[u8; 4]| Ipv4Addr::from(bytes).into())
}

/// Likewise of IPv6.
#[inline]
pub(super) fn address_v6(bytes: &[u8]) -> Option<IpAddr> {
    bytes.first_chunk().map(|&bytes: &[u8; 16]| Ipv6Addr::from(bytes).into())
}

/// A time of NTP: 32 bits of seconds since 1900, and 32 of their fraction (RFC 7011 §6.1.9).
pub(super) fn ntp(bytes: &[u8]) -> Option<UnixMillis> {
    let &stamp: &[u8; 8] = bytes.first_chunk()?;
    let (secs, fraction) = (BigEndian::read_u32(&stamp), BigEndian::read_u32(&stamp[4..]));
    let secs = u64::from(secs).checked_sub(NTP_TO_UNIX_SECS)?;
    Some(UnixMillis(secs * 1000 + ((u64::from(fraction) * 1000) >> 32)))
}

/// Text without the zeros at its end; bytes that are not UTF-8 are shown as such.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(without_zeros_at_end(bytes)).into_owned()
}

/// `bytes` without the zeros at their end.
pub(super) fn without_zeros_at_end(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_too_great_is_the_greatest() {
        assert_eq!(number_u32(&[1, 0, 0, 0, 0]), u32::MAX);
    }

    #[test]
    fn a_time_of_ntp_is_cut_to_milliseconds() {
        let secs: u32 = (NTP_TO_UNIX_SECS + 1_186_040_527) as u32;
        let stamp = [secs.to_be_bytes(), 0x8000_0000_u32.to_be_bytes()].concat();
        assert_eq!(ntp(&stamp), Some(UnixMillis(1_186_040_527_500)));
        assert_eq!((ntp(&[0; 8]), ntp(&[0; 4])), (None, None));
    }
}
