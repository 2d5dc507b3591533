//! Ranges of the addresses of one family without gaps, each with a number.

use std::ops::Range;

/// Numbers of all addresses of a family, as `u32` or `u128`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ranges<T> {
    /// Where each range begins; the first of them at 0.
    starts: Vec<T>,
    slots: Vec<u32>,
    /// For each value of the leading 16 bits how many ranges begin before it.
    before: Vec<u32>,
}

/// An address as a number.
pub(super) trait Bits: Copy + Ord {
    /// Its leading 16 bits.
    fn lead(self) -> usize;
    fn of(bits: u128) -> Self;
    fn wide(self) -> u128;
}

impl Bits for u32 {
    fn lead(self) -> usize {
        (self >> 16) as usize
    }

    fn of(bits: u128) -> Self {
        bits as Self
    }

    fn wide(self) -> u128 {
        self.into()
    }
}

impl Bits for u128 {
    fn lead(self) -> usize {
        (self >> 112) as usize
    }

    fn of(bits: u128) -> Self {
        bits
    }

    fn wide(self) -> u128 {
        self
    }
}

impl<T: Bits> Ranges<T> {
    /// Of `entries` in ascending order, none of which overlaps another; what is in none has 0.
    pub(super) fn new(entries: &[(u128, u128, u32)]) -> Self {
        let mut ranges = Self { starts: vec![T::of(0)], slots: vec![0], before: Vec::new() };
        let mut end = Some(0);
        for &(first, last, slot) in entries {
            if end != Some(first) {
                ranges.push(end, 0);
            }
            ranges.push(Some(first), slot);
            end = last.checked_add(1);
        }
        // Behind the last address of the family nothing begins.
        if let Some(after) = end.filter(|&after| T::of(after).wide() == after) {
            ranges.push(Some(after), 0);
        }
        ranges.before.reserve(1 << 16);
        let mut at = 0;
        for lead in 0..=1 << 16 {
            while ranges.starts.get(at).is_some_and(|start| start.lead() < lead) {
                at += 1;
            }
            ranges.before.push(at as u32);
        }
        ranges
    }

    fn push(&mut self, start: Option<u128>, slot: u32) {
        let Some(start) = start.map(T::of) else { return };
        if self.starts.last() == Some(&start) {
            self.slots.pop();
            self.starts.pop();
        }
        if self.slots.last() != Some(&slot) {
            self.starts.push(start);
            self.slots.push(slot);
        }
    }

    /// The place of the range that `address` is in.
    pub(super) fn place(&self, address: T) -> usize {
        let lead = address.lead();
        let (from, to) = (self.before[lead] as usize, self.before[lead + 1] as usize);
        from + self.starts[from..to].partition_point(|&start| start <= address) - 1
    }

    pub(super) fn slot(&self, place: usize) -> u32 {
        self.slots[place]
    }

    /// The addresses of the range at `place`: from where on, and before where, if not to the end.
    pub(super) fn bounds(&self, place: usize) -> (T, Option<T>) {
        (self.starts[place], self.starts.get(place + 1).copied())
    }

    pub(super) fn places(&self) -> Range<usize> {
        0..self.starts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_the_number_of_its_range() {
        let max = u128::from(u32::MAX);
        let entries = [(0, 9, 4), (10, 65_535, 4), (65_536, 65_536, 5), (131_072, max, 6)];
        let ranges = Ranges::<u32>::new(&entries);
        for (address, slot) in [
            (0, 4),
            (9, 4),
            (10, 4),
            (65_535, 4),
            (65_536, 5),
            (65_537, 0),
            (131_071, 0),
            (131_072, 6),
            (u32::MAX, 6),
        ] {
            assert_eq!(ranges.slot(ranges.place(address)), slot, "{address}");
        }
        // Equal neighbours are one.
        assert_eq!(ranges.places(), 0..4);
        let none = Ranges::<u128>::new(&[]);
        assert_eq!(none.slot(none.place(u128::MAX)), 0);
        let one = Ranges::<u128>::new(&[(u128::MAX, u128::MAX, 1)]);
        assert_eq!(one.slot(one.place(u128::MAX)), 1);
        assert_eq!(one.slot(one.place(u128::MAX - 1)), 0);
    }
}
