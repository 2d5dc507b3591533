//! A batch turned on its side: whole rows side by side in memory, for taking them in another order
//! (a row-major copy).
//!
//! Taking rows of a batch at random touches as many places in memory as it has columns; of packed
//! rows, one or two. It pays from the first sort on, and a batch is sorted twice.

use super::sort::Entry;
use crate::flow::{Addresses, Extras, Family, FlowBatch, FlowCounts, Leading, columns};

/// So many rows are spread over their columns at a time: as many as stay in a core's own cache.
const CHUNK_ROWS: usize = 1_024;

/// The rows of a batch, packed: those of the one family that it holds.
#[derive(Debug, Default)]
pub(crate) struct PackedRows {
    v4: Vec<Row<u32>>,
    v6: Vec<Row<u128>>,
    /// Of either family, by the place of the row.
    extras: Extras,
}

macro_rules! row {
    ($($column:ident $field:ident: $values:ty, $($rest:tt),*;)*) => {
        /// One flow, all of it in one place; its addresses are of type `A`.
        #[derive(Debug)]
        struct Row<A: Address> {
            $($field: <$values as Pack<A>>::Value,)*
        }

        fn pack<A: Address>(batch: &FlowBatch) -> impl Iterator<Item = Row<A>> {
            (0..batch.len()).map(|row| Row { $($field: Pack::<A>::at(&batch.$field, row),)* })
        }

        /// Appends the rows of these entries to `batch`, a column at a time.
        fn spread<A: Address>(packed: &[Row<A>], entries: &[Entry], batch: &mut FlowBatch) {
            let rows = || entries.iter().map(|entry| &packed[entry.row as usize]);
            $(Pack::<A>::append(&mut batch.$field, rows().map(|row| row.$field));)*
        }
    };
}

columns!(row);

impl PackedRows {
    /// Takes the rows of `batch`, which has all columns, in place of those that it has.
    pub(crate) fn fill(&mut self, batch: &FlowBatch) {
        self.v4.clear();
        self.v6.clear();
        self.extras.clone_from(&batch.extras);
        match batch.family() {
            Family::V4 => self.v4.extend(pack(batch)),
            Family::V6 => self.v6.extend(pack(batch)),
        }
    }

    /// Appends the rows of these entries, in this order, to `batch`, which is of their family.
    pub(crate) fn spread(&self, entries: &[Entry], batch: &mut FlowBatch) {
        for entries in entries.chunks(CHUNK_ROWS) {
            match batch.family() {
                Family::V4 => spread(&self.v4, entries, batch),
                Family::V6 => spread(&self.v6, entries, batch),
            }
            if !self.extras.is_empty() {
                for (entry, row) in entries.iter().zip(batch.len()..) {
                    batch.extras.set(row, self.extras.get(entry.row as usize));
                }
            }
            batch.set_len(batch.len() + entries.len());
        }
    }
}

/// A column whose values are packed with those of the others.
trait Pack<A> {
    type Value: Copy;

    fn at(&self, row: usize) -> Self::Value;
    fn append(&mut self, values: impl Iterator<Item = Self::Value>);
}

impl<A, T: Copy> Pack<A> for Vec<T> {
    type Value = T;

    #[inline]
    fn at(&self, row: usize) -> T {
        self[row]
    }

    fn append(&mut self, values: impl Iterator<Item = T>) {
        self.extend(values);
    }
}

impl<A: Address> Pack<A> for Addresses {
    type Value = A;

    #[inline]
    fn at(&self, row: usize) -> A {
        A::at(self, row)
    }

    fn append(&mut self, values: impl Iterator<Item = A>) {
        A::append(self, values);
    }
}

/// Strings have any length, so they are kept beside the rows.
impl<A> Pack<A> for Extras {
    type Value = ();

    fn at(&self, _: usize) {}

    fn append(&mut self, _: impl Iterator<Item = ()>) {}
}

/// A flow may be in several places of that order, so that its rows do not hold them.
impl<A, T> Pack<A> for Leading<T> {
    type Value = ();

    fn at(&self, _: usize) {}

    fn append(&mut self, _: impl Iterator<Item = ()>) {}
}

/// Rows that are sorted are flows.
impl<A> Pack<A> for FlowCounts {
    type Value = ();

    fn at(&self, _: usize) {}

    fn append(&mut self, _: impl Iterator<Item = ()>) {}
}

/// An address as a number, of IPv4 or of IPv6: addresses of the other family are not asked for it.
trait Address: Copy {
    fn at(addresses: &Addresses, row: usize) -> Self;
    fn append(to: &mut Addresses, values: impl Iterator<Item = Self>);
}

impl Address for u32 {
    #[inline]
    fn at(addresses: &Addresses, row: usize) -> Self {
        if let Addresses::V4(addresses) = addresses { addresses[row] } else { 0 }
    }

    fn append(to: &mut Addresses, values: impl Iterator<Item = Self>) {
        if let Addresses::V4(to) = to {
            to.extend(values);
        }
    }
}

impl Address for u128 {
    #[inline]
    fn at(addresses: &Addresses, row: usize) -> Self {
        if let Addresses::V6(addresses) = addresses { addresses[row] } else { 0 }
    }

    fn append(to: &mut Addresses, values: impl Iterator<Item = Self>) {
        if let Addresses::V6(to) = to {
            to.extend(values);
        }
    }
}
