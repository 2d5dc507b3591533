//! How many flows the rows of a batch stand for.

use std::ops::Range;

/// How many flows each row of a batch stands for; where nothing is told, each is one flow.
///
/// Octets and packets of a row are the sums of its flows, it begins with the first of them and
/// lasts until the last of them ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowCounts(pub(crate) Vec<u64>);

impl FlowCounts {
    /// How many the row at `row` stands for.
    #[inline]
    pub fn of(&self, row: usize) -> u64 {
        self.0.get(row).copied().unwrap_or(1)
    }

    /// How many each of `rows` stands for.
    pub fn of_rows(&self, rows: Range<usize>) -> impl Iterator<Item = u64> + Clone {
        rows.map(|row| self.of(row))
    }

    /// Appends how many the next row stands for.
    pub(crate) fn push(&mut self, flows: u64) {
        self.0.push(flows);
    }

    /// How many all of so many rows stand for.
    pub(super) fn total(&self, rows: usize) -> u64 {
        if self.0.is_empty() { rows as u64 } else { self.0.iter().sum() }
    }
}
