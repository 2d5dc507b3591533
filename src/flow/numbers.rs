//! The numbers of one flow while a decoder finds them.

use std::ops::{Index, IndexMut};

use super::{Column, ColumnKind};

/// A number for each column; those of columns that hold no numbers mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers([u64; Column::EVERY.len()]);

impl Numbers {
    /// Makes `number`, of any width, the one of `column`.
    ///
    /// Of one that is too great for the column, the low bits count where it has few: IANA's TCP
    /// flags have 16, of which the column has 8. One of 32 bits is the greatest then.
    #[inline]
    pub fn set(&mut self, column: Column, number: impl Into<u64>) {
        let number = number.into();
        self[column] = match column.kind() {
            ColumnKind::U8 => number & u64::from(u8::MAX),
            ColumnKind::U16 => number & u64::from(u16::MAX),
            ColumnKind::U32 => number.min(u32::MAX.into()),
            ColumnKind::U64 | ColumnKind::Address | ColumnKind::Extras => number,
        };
    }

    /// Likewise, unless a greater one is there: several fields may tell a column.
    #[inline]
    pub fn raise(&mut self, column: Column, number: u64) {
        let known = self[column];
        self.set(column, number);
        self[column] = self[column].max(known);
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self([0; Column::EVERY.len()])
    }
}

impl Index<Column> for Numbers {
    type Output = u64;

    #[inline]
    fn index(&self, column: Column) -> &u64 {
        &self.0[column as usize]
    }
}

impl IndexMut<Column> for Numbers {
    #[inline]
    fn index_mut(&mut self, column: Column) -> &mut u64 {
        &mut self.0[column as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_cut_to_its_column() {
        let mut numbers = Numbers::default();
        for (column, number, expected) in [
            (Column::TcpFlags, 0x112_u64, 0x12),
            (Column::SrcPort, 0x1_0035, 0x35),
            (Column::Input, 1 << 40, u32::MAX.into()),
            (Column::Octets, 1 << 40, 1 << 40),
            (Column::SrcMask, 24, 24),
        ] {
            numbers.set(column, number);
            assert_eq!(numbers[column], expected, "{column:?}");
        }
        numbers.raise(Column::SrcMask, 0);
        assert_eq!(numbers[Column::SrcMask], 24);
    }
}
