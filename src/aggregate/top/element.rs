//! What elements beyond the common fields tell, as fields and values of keys.

use crate::flow::{ElementId, Family, Kind, extra_value, signed, unsigned};

/// What an element tells, or either of two that say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementKey {
    /// The first of these that a flow has.
    pub ids: [ElementId; 2],
    /// What its value is.
    pub kind: Kind,
    /// Whether it is an entry of a stack of MPLS labels, of which only the label counts (RFC 3032 §2.1).
    pub is_label: bool,
}

/// The value of an element in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementValue {
    /// A number, or a moment as its element counts it.
    Number(u64),
    /// A number with a sign.
    Signed(i64),
    /// Bytes, of text or of what else has no numbers.
    Bytes(ElementBytes),
}

/// The first bytes of a value: so many count in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementBytes {
    bytes: [u8; Self::MOST],
    len: u8,
    is_cut: bool,
}

impl ElementBytes {
    /// What is behind these makes no difference.
    pub const MOST: usize = 63;
    /// The bits of its length, and of whether it was cut.
    pub(super) const LENGTH_BITS: u32 = 7;

    /// At most `most` bytes of `value`.
    fn new(value: &[u8], most: usize) -> Self {
        let mut bytes = [0; Self::MOST];
        let len = value.len().min(most);
        bytes.iter_mut().zip(value).take(len).for_each(|(to, byte)| *to = *byte);
        Self { bytes, len: len as u8, is_cut: value.len() > len }
    }

    /// The bytes.
    pub fn get(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }

    /// Whether the value was longer.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl ElementKey {
    /// That of `id`.
    pub fn of(id: ElementId) -> Self {
        let kind = id.known().map_or(Kind::Octets, |known| known.kind);
        Self { ids: [id, id], kind, is_label: false }
    }

    /// The entry of this place in the stack of MPLS labels, from 1 on.
    pub(super) const fn label(place: u16) -> Self {
        let id = ElementId::iana(69 + place);
        Self { ids: [id, id], kind: Kind::Unsigned, is_label: true }
    }

    /// The value of a flow with these elements.
    #[inline]
    pub(super) fn value(&self, extras: &[u8]) -> Option<ElementValue> {
        if extras.is_empty() {
            return None;
        }
        let [first, second] = self.ids;
        let told = extra_value(extras, first);
        let told =
            if first == second { told } else { told.or_else(|| extra_value(extras, second)) };
        let told = told?;
        Some(match self.byte_count() {
            None if self.kind == Kind::Signed => {
                ElementValue::Signed(signed(told).unwrap_or_default())
            }
            None if self.is_label => ElementValue::Number(unsigned(told) >> 4),
            None => ElementValue::Number(unsigned(told)),
            Some(most) => ElementValue::Bytes(ElementBytes::new(told, most)),
        })
    }

    /// Of how many bytes its value is at most; None of a number.
    const fn byte_count(&self) -> Option<usize> {
        match self.kind {
            Kind::Unsigned
            | Kind::Signed
            | Kind::Boolean
            | Kind::Seconds
            | Kind::Millis
            | Kind::Ntp => None,
            Kind::Mac => Some(6),
            Kind::Float => Some(8),
            Kind::Address(Family::V4) => Some(4),
            Kind::Address(Family::V6) => Some(16),
            Kind::Text | Kind::Octets | Kind::List => Some(ElementBytes::MOST),
        }
    }

    /// The bits of its value in a key, and of there being none.
    pub(super) const fn bits(&self) -> u32 {
        match self.byte_count() {
            None => 1 + u64::BITS,
            Some(bytes) => 1 + 8 * bytes as u32 + ElementBytes::LENGTH_BITS,
        }
    }

    /// Calls `put` with the bits of `value`, piece by piece, and how many they are: they compare as values
    /// do, and none comes first.
    pub(super) fn pack(&self, value: Option<ElementValue>, mut put: impl FnMut(u64, u32)) {
        put(value.is_some().into(), 1);
        match (self.byte_count(), value) {
            (None, Some(ElementValue::Number(number))) => put(number, u64::BITS),
            (None, Some(ElementValue::Signed(number))) => put(sign_first(number), u64::BITS),
            (None, _) => put(0, u64::BITS),
            (Some(most), value) => {
                let bytes = match value {
                    Some(ElementValue::Bytes(bytes)) => bytes,
                    _ => ElementBytes::new(&[], 0),
                };
                for chunk in bytes.bytes.get(..most).unwrap_or_default().chunks(8) {
                    put(unsigned(chunk), 8 * chunk.len() as u32);
                }
                put(u64::from(bytes.len) << 1 | u64::from(bytes.is_cut), ElementBytes::LENGTH_BITS);
            }
        }
    }

    /// The value whose bits `next` gives, as many as it is asked for.
    pub(super) fn unpack(&self, mut next: impl FnMut(u32) -> u64) -> Option<ElementValue> {
        let is_there = next(1) == 1;
        let value = match self.byte_count() {
            None if self.kind == Kind::Signed => ElementValue::Signed(sign_last(next(u64::BITS))),
            None => ElementValue::Number(next(u64::BITS)),
            Some(most) => {
                let mut bytes = [0; ElementBytes::MOST];
                for chunk in bytes.get_mut(..most).unwrap_or_default().chunks_mut(8) {
                    let number = next(8 * chunk.len() as u32).to_be_bytes();
                    let unused = number.len() - chunk.len();
                    chunk.copy_from_slice(number.get(unused..).unwrap_or_default());
                }
                let length = next(ElementBytes::LENGTH_BITS);
                let (len, is_cut) = ((length >> 1) as u8, length & 1 == 1);
                ElementValue::Bytes(ElementBytes { bytes, len, is_cut })
            }
        };
        is_there.then_some(value)
    }
}

/// A number whose order without a sign is that of `number` with its sign.
const fn sign_first(number: i64) -> u64 {
    number.cast_unsigned() ^ 1 << 63
}

const fn sign_last(number: u64) -> i64 {
    (number ^ 1 << 63).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Extra, push_extra};

    fn with(id: ElementId, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let extra = Extra { number: id.number, enterprise: id.enterprise, value };
        assert!(push_extra(&mut bytes, 0, extra));
        bytes
    }

    fn packed(key: &ElementKey, value: Option<ElementValue>) -> Vec<bool> {
        let mut bits = Vec::new();
        key.pack(value, |number, count| {
            bits.extend((0..count).rev().map(|bit| number >> bit & 1 == 1));
        });
        assert_eq!(bits.len() as u32, key.bits());
        bits
    }

    #[test]
    fn values_are_unpacked_and_compare_as_their_bits() {
        let long = [b'x'; 80];
        let values: [(u16, &[&[u8]]); 6] = [
            (58, &[&[], &[7], &[1, 0]]),
            (56, &[&[0, 0, 0, 0, 0, 1], &[0xff; 6]]),
            (82, &[b"", b"a", b"ab", &long[..63], &long]),
            (225, &[&[10, 0, 0, 1], &[192, 0, 2, 1]]),
            (281, &[&[0x20; 16]]),
            (434, &[&[0xff], &[1]]),
        ];
        for (number, values) in values {
            let key = ElementKey::of(ElementId::iana(number));
            let mut before = packed(&key, None);
            for value in values {
                let value = key.value(&with(ElementId::iana(number), value));
                assert!(value.is_some());
                let bits = packed(&key, value);
                assert!(before < bits, "{number}: {value:?}");
                let mut at = bits.iter();
                let next = |count| {
                    (0..count).fold(0, |number, _| number << 1 | u64::from(*at.next().unwrap()))
                };
                assert_eq!(key.unpack(next), value, "{number}");
                before = bits;
            }
        }
    }

    #[test]
    fn of_two_elements_that_say_the_same_the_first_counts() {
        let key = ElementKey {
            ids: [ElementId::iana(58), ElementId::iana(243)],
            ..ElementKey::of(ElementId::iana(58))
        };
        let both = [with(ElementId::iana(243), &[9]), with(ElementId::iana(58), &[7])].concat();
        assert_eq!(key.value(&both), Some(ElementValue::Number(7)));
        let other = with(ElementId::iana(243), &[9]);
        assert_eq!(key.value(&other), Some(ElementValue::Number(9)));
        assert_eq!((key.value(&[]), key.value(&with(ElementId::iana(59), &[1]))), (None, None));
        // Label 20, traffic class 1, bottom of the stack.
        let label = with(ElementId::iana(70), &[0, 1, 0x43]);
        assert_eq!(ElementKey::label(1).value(&label), Some(ElementValue::Number(20)));
    }
}
