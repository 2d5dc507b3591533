//! Ranges of addresses with labels, as they are read, and the table that they become.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use super::Attribute;
use super::ranges::Ranges;
use super::table::{Spans, TIMED, Table};
use crate::flow::Family;
use crate::row::AddressRange;

/// The first and the last address of a range, and its slot.
type Entry = (u128, u128, u32);

/// What is known of addresses so far.
#[derive(Debug, Default)]
pub(super) struct Entries {
    words: HashMap<Arc<str>, u32>,
    /// In ascending order, and without overlaps.
    v4: Vec<Entry>,
    v6: Vec<Entry>,
    timed: Vec<Spans>,
}

impl Entries {
    pub(super) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The label of `text`, until the table is made.
    pub(super) fn label(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&label) = self.words.get(text) {
            return label;
        }
        let label = self.words.len() as u32 + 1;
        self.words.insert(text.into(), label);
        label
    }

    /// The slot of labels that are for a time.
    pub(super) fn timed(&mut self, spans: Spans) -> u32 {
        self.timed.push(spans);
        TIMED | (self.timed.len() - 1) as u32
    }

    /// Adds `more`, in any order, where nothing is said yet; among themselves the first in the
    /// order of addresses holds.
    pub(super) fn fill(&mut self, mut more: Vec<(AddressRange, u32)>) {
        more.retain(|&(_, slot)| slot != 0);
        for (family, known) in [(Family::V4, &mut self.v4), (Family::V6, &mut self.v6)] {
            let of_family = more.iter().filter(|(range, _)| range.family() == family);
            let mut of_family: Vec<Entry> =
                of_family.map(|&(range, slot)| (range.bits().0, range.bits().1, slot)).collect();
            of_family.sort_by_key(|&(first, ..)| first);
            *known = merged(&mem::take(known), &of_family);
        }
    }

    /// The table of all this, with labels in the order of their texts.
    pub(super) fn table(self, attribute: Attribute) -> Table {
        let Self { words, mut v4, mut v6, mut timed } = self;
        let mut words: Vec<(Arc<str>, u32)> = words.into_iter().collect();
        words.sort_unstable();
        let mut place_of = vec![0; words.len() + 1];
        for (place, &(_, label)) in words.iter().enumerate() {
            place_of[label as usize] = place as u32 + 1;
        }
        let placed = |slot: &mut u32| {
            if *slot & TIMED == 0 {
                *slot = place_of[*slot as usize];
            }
        };
        v4.iter_mut().chain(&mut v6).for_each(|(.., slot)| placed(slot));
        timed.iter_mut().flatten().for_each(|(_, label)| placed(label));
        let texts = words.into_iter().map(|(text, _)| text);
        Table {
            attribute,
            texts: std::iter::once(Arc::from("")).chain(texts).collect(),
            v4: Ranges::new(&v4),
            v6: Ranges::new(&v6),
            timed,
        }
    }
}

/// `known`, and of `more` what is not in it.
fn merged(known: &[Entry], more: &[Entry]) -> Vec<Entry> {
    let mut all = Vec::with_capacity(known.len() + more.len());
    let mut known = known.iter().copied().peekable();
    // From where on nothing is said yet.
    let mut free = Some(0);
    for &(first, last, slot) in more {
        let mut from = free.map(|free| first.max(free));
        while let Some(start) = from.filter(|&start| start <= last) {
            match known.peek().copied() {
                Some(next) if next.0 <= start => {
                    known.next();
                    all.push(next);
                    free = free.and_then(|free| Some(free.max(next.1.checked_add(1)?)));
                    from = free.map(|free| start.max(free));
                }
                next => {
                    let end = next.map_or(last, |(begins, ..)| last.min(begins - 1));
                    all.push((start, end, slot));
                    free = end.checked_add(1);
                    from = free;
                }
            }
        }
    }
    all.extend(known);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_first_holds_and_gaps_are_filled() {
        let max = u128::MAX;
        for (known, more, all) in [
            (vec![], vec![(5, 9, 1)], vec![(5, 9, 1)]),
            (vec![(5, 9, 1)], vec![], vec![(5, 9, 1)]),
            (vec![(5, 9, 1)], vec![(0, 20, 2)], vec![(0, 4, 2), (5, 9, 1), (10, 20, 2)]),
            (vec![(5, 9, 1)], vec![(6, 8, 2), (9, 12, 3)], vec![(5, 9, 1), (10, 12, 3)]),
            (vec![], vec![(0, 9, 1), (5, 12, 2)], vec![(0, 9, 1), (10, 12, 2)]),
            (vec![(9, max, 1)], vec![(0, max, 2)], vec![(0, 8, 2), (9, max, 1)]),
            (
                vec![(0, 3, 1), (8, 9, 1)],
                vec![(20, 30, 2)],
                vec![(0, 3, 1), (8, 9, 1), (20, 30, 2)],
            ),
        ] {
            assert_eq!(merged(&known, &more), all, "{known:?} {more:?}");
        }
    }
}
