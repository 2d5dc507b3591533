//! Sorted sources as one: a k-way merge by a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::store::Result;

/// Something that gives what it has in the order of a key.
pub(crate) trait Sorted {
    /// What it is in the order of.
    type Key: Ord;

    /// The key of what comes next, which is read for it if need be; `None` at the end.
    ///
    /// # Errors
    ///
    /// What reading meets.
    fn key(&mut self) -> Result<Option<Self::Key>>;
}

/// Sources to be taken from where the least key is. Nothing is read before the first is taken.
pub(crate) struct Merge<S: Sorted> {
    sources: Vec<S>,
    /// How many of them have been asked for their first key.
    begun: usize,
    /// The next key of each, with its place; the least is on top.
    heads: BinaryHeap<Reverse<(S::Key, usize)>>,
}

impl<S: Sorted> Merge<S> {
    pub(crate) fn new(sources: Vec<S>) -> Self {
        Self { heads: BinaryHeap::with_capacity(sources.len()), sources, begun: 0 }
    }

    /// Has `take` take something from the source that comes next. It is told the next key of all
    /// others, up to which all of this source may go at once. `None` at the end of all.
    ///
    /// # Errors
    ///
    /// What reading meets; then it is at its end.
    pub(crate) fn next<T>(
        &mut self,
        take: impl FnOnce(&mut S, Option<&S::Key>) -> T,
    ) -> Result<Option<T>> {
        let taken = self.take_next(take);
        if taken.is_err() {
            self.sources.clear();
            self.heads.clear();
        }
        taken
    }

    /// The key of what comes next, after something was taken.
    pub(crate) fn peek(&self) -> Option<&S::Key> {
        self.heads.peek().map(|Reverse((key, _))| key)
    }

    fn take_next<T>(
        &mut self,
        take: impl FnOnce(&mut S, Option<&S::Key>) -> T,
    ) -> Result<Option<T>> {
        while self.begun < self.sources.len() {
            self.enter(self.begun)?;
            self.begun += 1;
        }
        let Some(Reverse((_, place))) = self.heads.pop() else { return Ok(None) };
        let others = self.heads.peek().map(|Reverse((key, _))| key);
        let taken = take(&mut self.sources[place], others);
        self.enter(place)?;
        Ok(Some(taken))
    }

    fn enter(&mut self, place: usize) -> Result<()> {
        self.heads.extend(self.sources[place].key()?.map(|key| Reverse((key, place))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::StoreError;

    /// Numbers in order, and an error where one of them is too large.
    struct Numbers(Vec<u8>);

    impl Sorted for Numbers {
        type Key = u8;

        fn key(&mut self) -> Result<Option<u8>> {
            match self.0.first() {
                Some(&u8::MAX) => Err(StoreError::Injected { at: "key" }),
                first => Ok(first.copied()),
            }
        }
    }

    fn piece(from: &mut Numbers, others: Option<&u8>) -> Vec<u8> {
        let first_beyond = from.0.iter().position(|number| others.is_some_and(|o| number > o));
        from.0.drain(..first_beyond.unwrap_or(from.0.len())).collect()
    }

    proptest! {
        #[test]
        fn pieces_of_sorted_sources_come_in_order(
            mut sources in prop::collection::vec(prop::collection::vec(0..100u8, 0..20), 0..9)
        ) {
            for numbers in &mut sources {
                numbers.sort_unstable();
            }
            let mut expected = sources.concat();
            expected.sort_unstable();
            let mut merge = Merge::new(sources.into_iter().map(Numbers).collect());
            let mut merged = Vec::new();
            while let Some(piece) = merge.next(piece).unwrap() {
                prop_assert!(!piece.is_empty());
                merged.extend(piece);
                prop_assert!(merge.peek().is_none_or(|next| merged.last() <= Some(next)));
            }
            prop_assert_eq!(merged, expected);
        }
    }

    #[test]
    fn sources_that_do_not_overlap_are_taken_whole_and_nothing_follows_an_error() {
        let sources = vec![Numbers(vec![5, 6, 6]), Numbers(vec![1, 2, 5]), Numbers(vec![9, 255])];
        let mut merge = Merge::new(sources);
        assert_eq!(merge.next(piece).unwrap(), Some(vec![1, 2, 5]));
        assert_eq!(merge.next(piece).unwrap(), Some(vec![5, 6, 6]));
        assert_eq!(merge.next(|from, _| from.0.remove(0)).ok(), None);
        assert_eq!(merge.next(piece).unwrap(), None);
    }
}
