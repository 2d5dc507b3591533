//! The values of a column, of whatever kind.

use std::ops::Range;

use super::rows::{extend, extend_picked, take};
use super::{Addresses, Extras, Family, FlowCounts, Leading};

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Addresses of the batch's family.
    Address,
    /// Numbers of 8 bits.
    U8,
    /// Numbers of 16 bits.
    U16,
    /// Numbers of 32 bits.
    U32,
    /// Numbers of 64 bits.
    U64,
    /// Strings of bytes, as [`Extras`] keeps them.
    Extras,
}

impl ColumnKind {
    /// The bytes of a number; none of what is no number.
    pub const fn number_bytes(self) -> Option<usize> {
        match self {
            Self::U8 => Some(1),
            Self::U16 => Some(2),
            Self::U32 => Some(4),
            Self::U64 => Some(8),
            Self::Address | Self::Extras => None,
        }
    }

    /// The greatest number; 0 of what is no number.
    pub const fn greatest(self) -> u64 {
        match self.number_bytes() {
            Some(bytes) => u64::MAX >> (64 - 8 * bytes),
            None => 0,
        }
    }
}

/// The values of one column of a batch; empty where it was not read.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Of [`ColumnKind::Address`].
    Addresses(&'a Addresses),
    /// Of [`ColumnKind::U8`].
    U8(&'a [u8]),
    /// Of [`ColumnKind::U16`].
    U16(&'a [u16]),
    /// Of [`ColumnKind::U32`].
    U32(&'a [u32]),
    /// Of [`ColumnKind::U64`].
    U64(&'a [u64]),
    /// Of [`ColumnKind::Extras`].
    Extras(&'a Extras),
}

impl Values<'_> {
    /// How many values there are; of strings, how many rows there are up to the last that has any.
    pub fn len(&self) -> usize {
        match self {
            Self::Addresses(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::Extras(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any of `rows` has another value than zero, or than none.
    pub(crate) fn any(&self, rows: &[u32]) -> bool {
        fn any<T: Copy + Default + PartialEq>(values: &[T], rows: &[u32]) -> bool {
            rows.iter().any(|&row| values[row as usize] != T::default())
        }
        match self {
            Self::Addresses(Addresses::V4(values)) => any(values, rows),
            Self::Addresses(Addresses::V6(values)) => any(values, rows),
            Self::U8(values) => any(values, rows),
            Self::U16(values) => any(values, rows),
            Self::U32(values) => any(values, rows),
            Self::U64(values) => any(values, rows),
            Self::Extras(values) => {
                !values.is_empty() && rows.iter().any(|&row| !values.get(row as usize).is_empty())
            }
        }
    }
}

/// Likewise, to be written.
#[derive(Debug)]
pub(crate) enum ValuesMut<'a> {
    Addresses(&'a mut Addresses),
    U8(&'a mut Vec<u8>),
    U16(&'a mut Vec<u16>),
    U32(&'a mut Vec<u32>),
    U64(&'a mut Vec<u64>),
    Extras(&'a mut Extras),
}

impl ValuesMut<'_> {
    /// Makes the values as many zeros, unspecified addresses, or strings of no bytes.
    pub(crate) fn zeros(self, rows: usize) {
        match self {
            Self::Addresses(Addresses::V4(values)) | Self::U32(values) => *values = vec![0; rows],
            Self::Addresses(Addresses::V6(values)) => *values = vec![0; rows],
            Self::U8(values) => *values = vec![0; rows],
            Self::U16(values) => *values = vec![0; rows],
            Self::U64(values) => *values = vec![0; rows],
            Self::Extras(values) => values.clear(),
        }
    }

    /// Makes the values as many as `rows`, with zeros behind those that are there.
    pub(crate) fn grow(self, rows: usize) {
        match self {
            Self::Addresses(Addresses::V4(values)) | Self::U32(values) => values.resize(rows, 0),
            Self::Addresses(Addresses::V6(values)) => values.resize(rows, 0),
            Self::U8(values) => values.resize(rows, 0),
            Self::U16(values) => values.resize(rows, 0),
            Self::U64(values) => values.resize(rows, 0),
            Self::Extras(_) => {}
        }
    }
}

/// What a batch does with each of its columns.
pub(super) trait ColumnValues {
    const KIND: ColumnKind;

    /// No values; addresses are of `family`.
    fn none(family: Family) -> Self;
    fn reserve(&mut self, more: usize);
    fn clear(&mut self);
    /// The values of these rows, in this order.
    fn take_rows(&self, rows: &[u32]) -> Self;
    /// Appends the values of picked rows behind those of `len` rows: of those of `others` in the one
    /// place, the one in the other.
    fn extend_picked(&mut self, len: usize, others: &[&Self], picked: &[(u32, u32)]);
    /// Appends the values that `other` has of `rows` behind those of `len` rows.
    fn extend_rows(&mut self, len: usize, other: &Self, rows: &Range<usize>);
    /// Appends `number` where these are numbers.
    fn push_number(&mut self, number: u64);
    fn values(&self) -> Values<'_>;
    fn values_mut(&mut self) -> ValuesMut<'_>;
}

macro_rules! numbers {
    ($($number:ty, $kind:ident;)*) => {
        $(impl ColumnValues for Vec<$number> {
            const KIND: ColumnKind = ColumnKind::$kind;

            fn none(_: Family) -> Self {
                Self::new()
            }

            fn reserve(&mut self, more: usize) {
                self.reserve(more);
            }

            fn clear(&mut self) {
                self.clear();
            }

            fn take_rows(&self, rows: &[u32]) -> Self {
                take(self, rows)
            }

            fn extend_picked(&mut self, _: usize, others: &[&Self], picked: &[(u32, u32)]) {
                let others: Vec<&[$number]> = others.iter().map(|other| &other[..]).collect();
                extend_picked(self, &others, picked);
            }

            fn extend_rows(&mut self, _: usize, other: &Self, rows: &Range<usize>) {
                extend(self, other, rows);
            }

            fn push_number(&mut self, number: u64) {
                self.push(number as $number);
            }

            fn values(&self) -> Values<'_> {
                Values::$kind(self)
            }

            fn values_mut(&mut self) -> ValuesMut<'_> {
                ValuesMut::$kind(self)
            }
        })*
    };
}

numbers! {
    u8, U8;
    u16, U16;
    u32, U32;
    u64, U64;
}

impl ColumnValues for Addresses {
    const KIND: ColumnKind = ColumnKind::Address;

    fn none(family: Family) -> Self {
        Self::new(family)
    }

    fn reserve(&mut self, more: usize) {
        self.reserve(more);
    }

    fn clear(&mut self) {
        self.clear();
    }

    fn take_rows(&self, rows: &[u32]) -> Self {
        self.take_rows(rows)
    }

    fn extend_picked(&mut self, _: usize, others: &[&Self], picked: &[(u32, u32)]) {
        Self::extend_picked(self, others, picked);
    }

    fn extend_rows(&mut self, _: usize, other: &Self, rows: &Range<usize>) {
        self.extend(other, rows);
    }

    fn push_number(&mut self, _: u64) {}

    fn values(&self) -> Values<'_> {
        Values::Addresses(self)
    }

    fn values_mut(&mut self) -> ValuesMut<'_> {
        ValuesMut::Addresses(self)
    }
}

impl ColumnValues for Extras {
    const KIND: ColumnKind = ColumnKind::Extras;

    fn none(_: Family) -> Self {
        Self::default()
    }

    /// How long strings are is not known.
    fn reserve(&mut self, _: usize) {}

    fn clear(&mut self) {
        self.clear();
    }

    fn take_rows(&self, rows: &[u32]) -> Self {
        self.take_rows(rows)
    }

    fn extend_picked(&mut self, len: usize, others: &[&Self], picked: &[(u32, u32)]) {
        if others.iter().any(|other| !other.is_empty()) {
            for (to, &(place, row)) in picked.iter().enumerate() {
                self.set(len + to, others[place as usize].get(row as usize));
            }
        }
    }

    fn extend_rows(&mut self, len: usize, other: &Self, rows: &Range<usize>) {
        self.extend(len, other, rows.clone());
    }

    fn push_number(&mut self, _: u64) {}

    fn values(&self) -> Values<'_> {
        Values::Extras(self)
    }

    fn values_mut(&mut self) -> ValuesMut<'_> {
        ValuesMut::Extras(self)
    }
}

/// Most batches have none, so no room is made for them before there are. Addresses are of IPv6,
/// whatever the flows are of.
impl<T: ColumnValues> ColumnValues for Leading<T> {
    const KIND: ColumnKind = T::KIND;

    fn none(_: Family) -> Self {
        Self(T::none(Family::V6))
    }

    fn reserve(&mut self, _: usize) {}

    fn clear(&mut self) {
        self.0.clear();
    }

    fn take_rows(&self, rows: &[u32]) -> Self {
        Self(self.0.take_rows(rows))
    }

    fn extend_picked(&mut self, len: usize, others: &[&Self], picked: &[(u32, u32)]) {
        let others: Vec<&T> = others.iter().map(|other| &other.0).collect();
        self.0.extend_picked(len, &others, picked);
    }

    fn extend_rows(&mut self, len: usize, other: &Self, rows: &Range<usize>) {
        self.0.extend_rows(len, &other.0, rows);
    }

    fn push_number(&mut self, _: u64) {}

    fn values(&self) -> Values<'_> {
        self.0.values()
    }

    fn values_mut(&mut self) -> ValuesMut<'_> {
        self.0.values_mut()
    }
}

/// Rows of flows have none, and flows are pushed as such.
impl ColumnValues for FlowCounts {
    const KIND: ColumnKind = ColumnKind::U64;

    fn none(_: Family) -> Self {
        Self::default()
    }

    fn reserve(&mut self, _: usize) {}

    fn clear(&mut self) {
        self.0.clear();
    }

    fn take_rows(&self, rows: &[u32]) -> Self {
        Self(take(&self.0, rows))
    }

    fn extend_picked(&mut self, _: usize, others: &[&Self], picked: &[(u32, u32)]) {
        let others: Vec<&[u64]> = others.iter().map(|other| &other.0[..]).collect();
        extend_picked(&mut self.0, &others, picked);
    }

    fn extend_rows(&mut self, _: usize, other: &Self, rows: &Range<usize>) {
        extend(&mut self.0, &other.0, rows);
    }

    fn push_number(&mut self, _: u64) {}

    fn values(&self) -> Values<'_> {
        Values::U64(&self.0)
    }

    fn values_mut(&mut self) -> ValuesMut<'_> {
        ValuesMut::U64(&mut self.0)
    }
}
