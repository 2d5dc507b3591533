//! Elements beyond the common fields of a flow, as one string of bytes a flow.
//!
//! A string is elements one behind the other: the element's number, u16; its length, u16, whose
//! top bit says that an enterprise number, u32, follows; and its value. Numbers are in network
//! order. A flow without such elements has the empty string, and a batch in which no flow has any
//! keeps nothing of them.

use std::ops::Range;

use super::element::ElementId;

/// The elements of one flow take no more bytes than this; those beyond it are left out.
pub const MAX_EXTRAS_BYTES: usize = 1024;

/// Bytes before a value of IANA's, and of an enterprise.
const HEADER_BYTES: usize = 4;
const ENTERPRISE_BYTES: usize = 4;
/// Set in the length where an enterprise number follows.
const ENTERPRISE_BIT: u16 = 0x8000;

/// One element of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extra<'a> {
    /// Its number.
    pub number: u16,
    /// Whose number it is; 0 for IANA's, and for all of NetFlow v9's.
    pub enterprise: u32,
    /// Its value as exported; of a number without the zeros that it begins with, of a text without
    /// those that it ends with.
    pub value: &'a [u8],
}

impl Extra<'_> {
    /// Which element it is.
    pub const fn id(&self) -> ElementId {
        ElementId { number: self.number, enterprise: self.enterprise }
    }
}

/// Appends `extra` to the flow whose elements begin at `start` of `to`, unless that would become
/// longer than [`MAX_EXTRAS_BYTES`]; says whether there was room.
#[inline]
pub fn push_extra(to: &mut Vec<u8>, start: usize, extra: Extra<'_>) -> bool {
    let enterprise_bytes = if extra.enterprise == 0 { 0 } else { ENTERPRISE_BYTES };
    let bytes = HEADER_BYTES + enterprise_bytes + extra.value.len();
    if to.len() - start + bytes > MAX_EXTRAS_BYTES {
        return false;
    }
    let length = extra.value.len() as u16;
    to.extend_from_slice(&extra.number.to_be_bytes());
    if extra.enterprise == 0 {
        to.extend_from_slice(&length.to_be_bytes());
    } else {
        to.extend_from_slice(&(length | ENTERPRISE_BIT).to_be_bytes());
        to.extend_from_slice(&extra.enterprise.to_be_bytes());
    }
    to.extend_from_slice(extra.value);
    true
}

/// The elements of one flow; what is no element any more ends them.
pub fn extras(mut bytes: &[u8]) -> impl Iterator<Item = Extra<'_>> {
    std::iter::from_fn(move || {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let number = u16::from_be_bytes([header[0], header[1]]);
        let length = u16::from_be_bytes([header[2], header[3]]);
        let (enterprise, rest) = if length & ENTERPRISE_BIT == 0 {
            (0, rest)
        } else {
            let (enterprise, rest) = rest.split_first_chunk::<ENTERPRISE_BYTES>()?;
            (u32::from_be_bytes(*enterprise), rest)
        };
        let (value, rest) = rest.split_at_checked((length & !ENTERPRISE_BIT).into())?;
        bytes = rest;
        Some(Extra { number, enterprise, value })
    })
}

/// The value of `element` of one flow, as it came first.
pub fn extra_value(bytes: &[u8], element: ElementId) -> Option<&[u8]> {
    extras(bytes).find(|extra| extra.id() == element).map(|extra| extra.value)
}

/// The column of these strings, one a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    bytes: Vec<u8>,
    /// Where the string of each row ends; rows behind the last of these have none.
    ends: Vec<usize>,
}

impl Extras {
    /// Whether no row has any.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many rows there are up to the last that has any.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all rows together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The string of `row`.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        let Some(&end) = self.ends.get(row) else { return &[] };
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..end]
    }

    /// Gives `row`, which lies behind all rows that have any, the string `bytes`.
    #[inline]
    pub fn set(&mut self, row: usize, bytes: &[u8]) {
        debug_assert!(row >= self.ends.len());
        if !bytes.is_empty() {
            self.ends.resize(row, self.bytes.len());
            self.bytes.extend_from_slice(bytes);
            self.ends.push(self.bytes.len());
        }
    }

    /// Takes the strings of `row` and of all rows behind it out.
    pub(super) fn truncate(&mut self, row: usize) {
        if let Some(&end) = self.ends.get(row) {
            let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
            debug_assert!(start <= end);
            self.bytes.truncate(start);
            self.ends.truncate(row);
        }
    }

    /// Takes every row out and keeps the room they had.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The strings of these rows, in this order.
    pub(super) fn take_rows(&self, rows: &[u32]) -> Self {
        let mut taken = Self::default();
        if !self.is_empty() {
            for (to, &row) in rows.iter().enumerate() {
                taken.set(to, self.get(row as usize));
            }
        }
        taken
    }

    /// Appends `rows` of `other` behind the `len` rows that are there.
    pub(super) fn extend(&mut self, len: usize, other: &Self, rows: Range<usize>) {
        if !other.is_empty() {
            for (to, row) in rows.enumerate() {
                self.set(len + to, other.get(row));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_and_what_follows_may_fit() {
        let (mut bytes, long) = (vec![7; 3], [1; 1000]);
        let extra = |value| Extra { number: 96, enterprise: 0, value };
        assert!(push_extra(&mut bytes, 3, extra(&long)));
        assert!(!push_extra(&mut bytes, 3, extra(&long[..17])));
        assert!(push_extra(&mut bytes, 3, extra(&long[..16])));
        assert_eq!(bytes.len() - 3, MAX_EXTRAS_BYTES);
    }

    #[test]
    fn rows_without_elements_cost_nothing() {
        let mut column = Extras::default();
        column.set(3, &[]);
        assert_eq!(column, Extras::default());
        column.set(5, &[1, 2]);
        column.set(7, &[3]);
        let rows: Vec<&[u8]> = (0..9).map(|row| column.get(row)).collect();
        assert_eq!(rows[5..8], [&[1, 2][..], &[], &[3]]);
        assert!(
            rows.iter().enumerate().all(|(row, bytes)| [5, 7].contains(&row) || bytes.is_empty())
        );
        assert_eq!(column.take_rows(&[7, 0, 5]).get(2), [1, 2]);
        let mut more = Extras::default();
        more.extend(2, &column, 4..8);
        assert_eq!((more.get(3), more.get(5)), (&[1, 2][..], &[3][..]));
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_elements_gives_the_same(
            elements in prop::collection::vec(
                (any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..20)),
                0..20,
            ),
        ) {
            let mut bytes = Vec::new();
            for (number, enterprise, value) in &elements {
                let extra = Extra { number: *number, enterprise: *enterprise, value };
                prop_assert!(push_extra(&mut bytes, 0, extra));
            }
            let found: Vec<_> = extras(&bytes)
                .map(|extra| (extra.number, extra.enterprise, extra.value.to_vec()))
                .collect();
            prop_assert_eq!(found, elements);
        }

        #[test]
        fn any_bytes_are_elements_or_end_them(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let read: usize = extras(&bytes).map(|extra| extra.value.len() + 4).sum();
            prop_assert!(read <= bytes.len());
        }
    }
}
