//! What several things have in common, and how they are told.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

/// How often each value comes, most first.
pub(super) fn counted<T: Ord + Copy + Hash>(values: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts: HashMap<T, usize> = HashMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|&(value, count)| (Reverse(count), value));
    counts
}

/// The first few of them, in words.
pub(super) fn list<T: ToString>(all: impl ExactSizeIterator<Item = T>) -> String {
    const MOST: usize = 8;
    let more = all.len().saturating_sub(MOST);
    let first: Vec<String> = all.take(MOST).map(|one| one.to_string()).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    first.join(", ") + &more
}
