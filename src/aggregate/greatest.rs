//! The greatest few of many, found in one pass.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The `limit` items of greatest value that it was offered; among equal values the least ranks.
#[derive(Debug)]
pub(super) struct Greatest<R> {
    limit: usize,
    /// The item to give up next is on top: that of least value, and of greatest rank among those.
    items: BinaryHeap<(Reverse<u128>, R)>,
    /// No item of a lesser value can enter.
    floor: u128,
}

impl<R: Ord> Greatest<R> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, items: BinaryHeap::new(), floor: 0 }
    }

    /// Offers an item; its rank, which may be dear, is asked for only where it can enter.
    #[inline]
    pub(super) fn offer(&mut self, value: u128, rank: impl FnOnce() -> R) {
        if value >= self.floor {
            self.enter((Reverse(value), rank()));
        }
    }

    fn enter(&mut self, item: (Reverse<u128>, R)) {
        if self.items.len() < self.limit {
            self.items.push(item);
        } else if let Some(mut last) = self.items.peek_mut()
            && item < *last
        {
            *last = item;
        } else {
            return;
        }
        if self.items.len() == self.limit {
            self.floor = self.items.peek().map_or(0, |(Reverse(value), _)| *value);
        }
    }

    /// The items, the greatest first.
    pub(super) fn into_sorted(self) -> impl Iterator<Item = (u128, R)> {
        self.items.into_sorted_vec().into_iter().map(|(Reverse(value), rank)| (value, rank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_greatest_are_the_head_of_the_sorted_whole(
            items in prop::collection::vec((0u128..20, 0u8..50), 0..100), limit in 0usize..20,
        ) {
            let mut greatest = Greatest::new(limit);
            for &(value, rank) in &items {
                greatest.offer(value, || rank);
            }
            let mut sorted = items;
            sorted.sort_by_key(|&(value, rank)| (Reverse(value), rank));
            sorted.truncate(limit);
            prop_assert_eq!(greatest.into_sorted().collect::<Vec<_>>(), sorted);
        }
    }
}
