//! The gravest of many, when there are too many to keep.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// So many detections are kept of a kind, the gravest: there is something wrong with what is looked at,
/// or with what is one's own, and nobody reads more.
pub(super) const MAX_FOUND: usize = 10_000;

/// Those of least rank of all that were offered, and how many others there were.
#[derive(Debug)]
pub(super) struct Gravest<R, T> {
    most: usize,
    /// The one to give up next is on top.
    items: BinaryHeap<Item<R, T>>,
    left_out: u64,
}

#[derive(Debug)]
struct Item<R, T> {
    rank: R,
    item: T,
}

impl<R: Ord, T> PartialEq for Item<R, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R: Ord, T> Eq for Item<R, T> {}

impl<R: Ord, T> PartialOrd for Item<R, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Ord, T> Ord for Item<R, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl<R: Ord, T> Gravest<R, T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, items: BinaryHeap::new(), left_out: 0 }
    }

    pub(super) fn offer(&mut self, rank: R, item: T) {
        self.enter(Item { rank, item });
    }

    fn enter(&mut self, item: Item<R, T>) {
        self.items.push(item);
        if self.items.len() > self.most {
            self.items.pop();
            self.left_out += 1;
        }
    }

    /// Takes in what another was offered.
    pub(super) fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        for item in other.items {
            self.enter(item);
        }
    }

    /// Those that are kept, the gravest first, and how many are not.
    pub(super) fn finish(self) -> (Vec<T>, u64) {
        let items = self.items.into_sorted_vec().into_iter();
        (items.map(|item| item.item).collect(), self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_are_kept_in_whatever_order_and_parts_they_come() {
        for step in [1, 37, 63] {
            let mut halves = [Gravest::new(10), Gravest::new(10)];
            for number in 0..100_u64 {
                // All of 0 to 99, as no step has a factor in common with 100.
                let rank = number * step % 100;
                halves[(number % 2) as usize].offer(rank, rank);
            }
            let [mut one, other] = halves;
            one.merge(other);
            assert_eq!(one.finish(), ((0..10).collect(), 90));
        }
    }
}
