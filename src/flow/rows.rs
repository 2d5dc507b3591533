//! Rows of a column that is a vector; one that was not read is empty and stays so.

use std::ops::Range;

/// Appends the values that `from` has of `rows`.
pub(super) fn extend<T: Copy>(to: &mut Vec<T>, from: &[T], rows: &Range<usize>) {
    if !from.is_empty() {
        to.extend_from_slice(&from[rows.clone()]);
    }
}

/// Appends the values of picked rows: of those of `others` in the one place, the one in the other. What
/// none of them has is not there; what only some have is nothing where it is not.
pub(super) fn extend_picked<T: Copy + Default>(
    to: &mut Vec<T>,
    others: &[&[T]],
    picked: &[(u32, u32)],
) {
    if others.iter().any(|values| !values.is_empty()) {
        to.extend(picked.iter().map(|&(place, row)| {
            others[place as usize].get(row as usize).copied().unwrap_or_default()
        }));
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
