//! Places in the manifest's list of sources: which of them the rows of a run refer to.

use serde::{Deserialize, Serialize};

/// A run says so exactly which places it refers to; where it would take more ranges, those that lie
/// nearest to each other are told as one.
const MAX_RANGES: usize = 16;

/// Places in the list from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlaceRange(pub(crate) u32, pub(crate) u32);

/// Places in a list, each a bit.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    bits: Vec<u64>,
    /// How long the list is. What would lie behind it is no place.
    length: usize,
}

impl Places {
    /// None yet, of a list of this length.
    pub(crate) fn none(length: usize) -> Self {
        Self { bits: vec![0; length.div_ceil(64)], length }
    }

    /// Those of these rows.
    pub(crate) fn of(rows: impl Iterator<Item = u32>, length: usize) -> Self {
        let mut places = Self::none(length);
        places.enter(rows);
        places
    }

    /// Enters those of more rows.
    pub(crate) fn enter(&mut self, rows: impl Iterator<Item = u32>) {
        let mut last = None;
        // Rows of one source often follow on each other.
        for place in rows.filter(|&place| last.replace(place) != Some(place)) {
            if (place as usize) < self.length {
                self.bits[place as usize / 64] |= 1 << (place % 64);
            }
        }
    }

    /// Enters a range, whole words at once: every commit may enter those of all runs.
    pub(super) fn enter_range(&mut self, range: PlaceRange) {
        let last = (range.1 as usize).min(self.length.saturating_sub(1));
        let first = range.0 as usize;
        for at in first / 64..self.bits.len().min(last / 64 + 1) {
            let from = first.max(at * 64);
            let to = last.min(at * 64 + 63);
            if from <= to {
                self.bits[at] |= u64::MAX << (from % 64) & u64::MAX >> (63 - to % 64);
            }
        }
    }

    /// All of a list of this length.
    pub(super) fn all(length: usize) -> Self {
        let mut places = Self::none(length);
        places.enter_range(PlaceRange(0, u32::MAX));
        places
    }

    pub(super) fn contains(&self, place: u32) -> bool {
        self.bits.get(place as usize / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let words = (0u32..).zip(&self.bits).filter(|(_, word)| **word != 0);
        words.flat_map(|(at, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
        })
    }

    /// As few rising ranges that hold all of them.
    pub(crate) fn ranges(&self) -> Vec<PlaceRange> {
        let mut ranges: Vec<PlaceRange> = Vec::new();
        for place in self.iter() {
            match ranges.last_mut() {
                Some(last) if last.1 + 1 == place => last.1 = place,
                _ => ranges.push(PlaceRange(place, place)),
            }
        }
        let Some(too_many) = ranges.len().checked_sub(MAX_RANGES).filter(|&many| many > 0) else {
            return ranges;
        };
        let mut gaps: Vec<(u32, usize)> =
            ranges.windows(2).zip(1..).map(|(pair, at)| (pair[1].0 - pair[0].1, at)).collect();
        gaps.sort_unstable();
        let mut closed: Vec<usize> = gaps[..too_many].iter().map(|&(_, at)| at).collect();
        closed.sort_unstable();
        for at in closed.into_iter().rev() {
            ranges[at - 1].1 = ranges[at].1;
            ranges.remove(at);
        }
        ranges
    }
}

/// Whether `ranges`, where they are told, hold every one of `places`.
pub(crate) fn tell_all(ranges: Option<&Vec<PlaceRange>>, places: &Places) -> bool {
    let held = |place| {
        ranges.is_none_or(|ranges| ranges.iter().any(|range| (range.0..=range.1).contains(&place)))
    };
    places.iter().all(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_ranges_hold_all_places_and_the_narrowest_gaps_are_closed() {
        let ranges = |rows: &[u32]| Places::of(rows.iter().copied(), 70_000).ranges();
        assert_eq!(ranges(&[]), []);
        assert_eq!(ranges(&[5, 3, 4, 4, 9, 64, 63]), [(3, 5), (9, 9), (63, 64)].map(range));
        // What lies behind the end of the list is no place.
        assert_eq!(ranges(&[69_999, 70_000, u32::MAX]), [(69_999, 69_999)].map(range));
        let squares: Vec<u32> = (0..100).map(|n| n * n).collect();
        let told = ranges(&squares);
        assert_eq!(told.len(), MAX_RANGES);
        assert!(tell_all(Some(&told), &Places::of(squares.into_iter(), 70_000)));
        assert_eq!((told[0], told[15]), (range((0, 84 * 84)), range((99 * 99, 99 * 99))));
        assert!(!tell_all(Some(&told), &Places::of([99 * 99 + 1].into_iter(), 70_000)));
    }

    fn range((first, last): (u32, u32)) -> PlaceRange {
        PlaceRange(first, last)
    }

    #[test]
    fn a_range_holds_its_places_and_no_others() {
        for length in [0, 1, 63, 64, 65, 130] {
            for first in 0..140 {
                for last in first..140 {
                    let mut places = Places::none(length);
                    places.enter_range(range((first, last)));
                    let expected: Vec<u32> =
                        (first..=last).filter(|&n| (n as usize) < length).collect();
                    assert_eq!(
                        places.iter().collect::<Vec<_>>(),
                        expected,
                        "{length} {first} {last}"
                    );
                }
            }
            assert_eq!(Places::all(length).iter().count(), length);
        }
    }
}
