//! Sets of numbers as ranges.

use std::cmp::Reverse;
use std::sync::Arc;

/// An unsigned number that ranges are made of.
pub trait Unsigned: Copy + Ord {
    /// The least.
    const MIN: Self;
    /// The greatest.
    const MAX: Self;

    /// The next greater one, if there is one.
    fn next(self) -> Option<Self>;

    /// The next lesser one, if there is one.
    fn previous(self) -> Option<Self>;

    /// How many numbers lie from this one to `last`, both included; at most `u128::MAX`.
    fn count_to(self, last: Self) -> u128;
}

macro_rules! unsigned {
    ($($number:ty),*) => {$(
        impl Unsigned for $number {
            const MIN: Self = 0;
            const MAX: Self = <$number>::MAX;

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }

            fn count_to(self, last: Self) -> u128 {
                u128::from(last - self).saturating_add(1)
            }
        }
    )*};
}

unsigned!(u32, u64, u128);

/// A set of numbers: ranges with both ends in them, in ascending order, of which no two overlap or
/// adjoin. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RangeSet<T>(Arc<[(T, T)]>);

impl<T> Default for RangeSet<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Unsigned> RangeSet<T> {
    /// The numbers in `ranges`, which come in any order; one whose ends are the wrong way round
    /// holds none.
    pub fn new(mut ranges: Vec<(T, T)>) -> Self {
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        let mut joined: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some(before) if before.1.next().is_none_or(|next| first <= next) => {
                    before.1 = before.1.max(last);
                }
                _ => joined.push((first, last)),
            }
        }
        Self(joined.into())
    }

    /// Every number.
    pub fn all() -> Self {
        Self::between(T::MIN, T::MAX)
    }

    /// Only `number`.
    pub fn only(number: T) -> Self {
        Self::between(number, number)
    }

    /// The numbers from `first` to `last`, both included.
    pub fn between(first: T, last: T) -> Self {
        Self::new(vec![(first, last)])
    }

    /// The ranges.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.0
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers it holds; at most `u128::MAX`.
    pub fn count(&self) -> u128 {
        let counts = self.0.iter().map(|&(first, last)| first.count_to(last));
        counts.fold(0, u128::saturating_add)
    }

    /// The least and the greatest number.
    pub fn hull(&self) -> Option<(T, T)> {
        Some((self.0.first()?.0, self.0.last()?.1))
    }

    /// Whether `number` is in the set.
    pub fn contains(&self, number: T) -> bool {
        self.meets(number, number)
    }

    /// Whether any number from `first` to `last` is in the set.
    pub fn meets(&self, first: T, last: T) -> bool {
        let at = self.0.partition_point(|range| range.1 < first);
        self.0.get(at).is_some_and(|range| range.0 <= last)
    }

    /// Whether every number from `first` to `last` is in the set.
    pub fn covers(&self, first: T, last: T) -> bool {
        let at = self.0.partition_point(|range| range.1 < first);
        self.0.get(at).is_some_and(|range| range.0 <= first && last <= range.1)
    }

    /// What is in any of `sets`.
    pub fn union_of<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self
    where
        T: 'a,
    {
        Self::new(sets.into_iter().flat_map(|set| set.0.iter().copied()).collect())
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(&&(a_first, a_last)), Some(&&(b_first, b_last))) = (a.peek(), b.peek()) {
            both.push((a_first.max(b_first), a_last.min(b_last)));
            if a_last < b_last {
                a.next()
            } else {
                b.next()
            };
        }
        Self::new(both)
    }

    /// What is not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut from = Some(T::MIN);
        for &(first, last) in &*self.0 {
            if let (Some(from), Some(to)) = (from, first.previous()) {
                gaps.push((from, to));
            }
            from = last.next();
        }
        gaps.extend(from.map(|from| (from, T::MAX)));
        Self::new(gaps)
    }

    /// A set of at most `most` ranges (at least 1) that holds this one: the smallest gaps are filled.
    #[must_use]
    pub fn coarsened(&self, most: usize) -> Self {
        let gap = |at: usize| self.0[at - 1].1.count_to(self.0[at].0);
        let mut cuts: Vec<usize> = (1..self.0.len()).collect();
        if cuts.len() >= most {
            let kept = most.saturating_sub(1);
            cuts.select_nth_unstable_by_key(kept, |&at| Reverse(gap(at)));
            cuts.truncate(kept);
            cuts.sort_unstable();
        }
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain(std::iter::once(self.0.len()));
        let hulls = starts.zip(ends).filter(|(start, end)| start < end);
        Self(hulls.map(|(start, end)| (self.0[start].0, self.0[end - 1].1)).collect())
    }

    /// Whether each of `numbers` is in the set. Fastest where they are few ranges, or the numbers
    /// are in order.
    pub fn test(&self, numbers: impl Iterator<Item = T>) -> Vec<bool> {
        match *self.0 {
            [] => numbers.map(|_| false).collect(),
            [(first, last)] => numbers.map(|number| first <= number && number <= last).collect(),
            _ => {
                // The range or the gap that the last number was in: where numbers are in order,
                // the next one mostly is, too.
                let mut known = self.around(T::MIN);
                let mut test = |number| {
                    if number < known.first || known.last < number {
                        known = self.around(number);
                    }
                    known.inside
                };
                numbers.map(&mut test).collect()
            }
        }
    }

    /// The range that holds `number`, or the gap.
    fn around(&self, number: T) -> Stretch<T> {
        let at = self.0.partition_point(|range| range.1 < number);
        match self.0.get(at) {
            Some(&(first, last)) if first <= number => Stretch { first, last, inside: true },
            after => {
                let before = at.checked_sub(1).and_then(|before| self.0[before].1.next());
                let last = after.and_then(|range| range.0.previous());
                Stretch {
                    first: before.unwrap_or(T::MIN),
                    last: last.unwrap_or(T::MAX),
                    inside: false,
                }
            }
        }
    }
}

struct Stretch<T> {
    first: T,
    last: T,
    inside: bool,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_ranges() -> impl Strategy<Value = Vec<(u32, u32)>> {
        let end = || prop_oneof![0u32..30, Just(u32::MAX), Just(u32::MAX - 1)];
        prop::collection::vec((end(), end()), 0..8)
    }

    fn holds(ranges: &[(u32, u32)], number: u32) -> bool {
        ranges.iter().any(|&(first, last)| first <= number && number <= last)
    }

    proptest! {
        #[test]
        fn sets_are_what_their_ranges_hold(a in any_ranges(), b in any_ranges(), from in 0u32..32, to in 0u32..32) {
            let (set, other) = (RangeSet::new(a.clone()), RangeSet::new(b.clone()));
            let numbers: Vec<u32> = (0..32).chain([u32::MAX - 1, u32::MAX, 5, 0]).collect();
            let tested = set.test(numbers.iter().copied());
            let complement = set.complement();
            let (union, both) = (RangeSet::union_of([&set, &other]), set.intersection(&other));
            for (&number, tested) in numbers.iter().zip(tested) {
                let (in_a, in_b) = (holds(&a, number), holds(&b, number));
                prop_assert_eq!(tested, in_a);
                prop_assert_eq!(set.contains(number), in_a);
                prop_assert_eq!(complement.contains(number), !in_a);
                prop_assert_eq!(union.contains(number), in_a || in_b);
                prop_assert_eq!(both.contains(number), in_a && in_b);
            }
            let (from, to) = (from.min(to), from.max(to));
            prop_assert_eq!(set.meets(from, to), (from..=to).any(|number| holds(&a, number)));
            prop_assert_eq!(set.covers(from, to), (from..=to).all(|number| holds(&a, number)));
            prop_assert_eq!(complement.complement(), set.clone());
            prop_assert_eq!(set.count() + complement.count(), 1 << 32);
            for most in 1..4 {
                let coarse = set.coarsened(most);
                prop_assert!(coarse.ranges().len() <= most);
                prop_assert_eq!((RangeSet::union_of([&coarse, &set]), coarse.hull()), (coarse.clone(), set.hull()));
                prop_assert!(set.ranges().len() > most || coarse == set);
            }
            prop_assert!(set.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
