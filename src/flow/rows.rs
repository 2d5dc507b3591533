//! Rows of a column that is a vector; one that was not read is empty and stays so.

use std::ops::Range;

/// Appends the values that `from` has of `rows`.
pub(super) fn extend<T: Copy>(to: &mut Vec<T>, from: &[T], rows: &Range<usize>) {
    if !from.is_empty() {
        to.extend_from_slice(&from[rows.clone()]);
    }
}

/// The values of these rows, in this order.
pub(super) fn take<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    if values.is_empty() {
        Vec::new()
    } else {
        rows.iter().map(|&row| values[row as usize]).collect()
    }
}
