//! Ranges of addresses that are no blocks, and which of them hold an address.
//!
//! They are sorted by their first address and read as a balanced tree, the middle one of a slice above
//! both halves; each knows how far those below it reach. A range is one entry, however odd its ends.

use super::Indicator;
use crate::flow::Family;

/// The ranges of one family.
#[derive(Debug, Default)]
pub(super) struct Ranges(Vec<Entry>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    range: RangeOf,
    /// The last address of all in the slice that this entry is the middle of.
    reach: u128,
}

/// The range of an indicator. Of several that hold an address the least is the narrowest; of alike
/// ones that with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RangeOf {
    /// How many addresses follow the first one.
    pub(super) width: u128,
    pub(super) at_any_port: bool,
    /// The place of its indicator in the list.
    pub(super) place: u32,
    first: u128,
}

impl RangeOf {
    pub(super) fn of(place: u32, indicator: &Indicator) -> Self {
        let (first, last) = indicator.addresses.bits();
        Self { width: last - first, at_any_port: indicator.port.is_none(), place, first }
    }

    const fn last(&self) -> u128 {
        self.first + self.width
    }
}

impl Ranges {
    /// Those of `family` among `indicators` that are no blocks.
    pub(super) fn of(family: Family, indicators: &[Indicator]) -> Self {
        let mut entries: Vec<Entry> = (0..)
            .zip(indicators)
            .filter(|(_, one)| one.addresses.family() == family && one.addresses.block().is_none())
            .map(|(place, one)| Entry { range: RangeOf::of(place, one), reach: 0 })
            .collect();
        entries.sort_unstable_by_key(|entry| (entry.range.first, entry.range.place));
        reach(&mut entries);
        Self(entries)
    }

    /// The narrowest of those that hold the address of these bits and that `passes` takes.
    pub(super) fn narrowest(
        &self,
        address: u128,
        mut passes: impl FnMut(u32) -> bool,
    ) -> Option<RangeOf> {
        let mut best = None::<RangeOf>;
        each(&self.0, address, &mut |range| {
            if best.is_none_or(|best| range < best) && passes(range.place) {
                best = Some(range);
            }
        });
        best
    }
}

/// Notes in each middle of `entries` how far all of them reach, which is told.
fn reach(entries: &mut [Entry]) -> u128 {
    let middle = entries.len() / 2;
    let (before, rest) = entries.split_at_mut(middle);
    let Some((entry, after)) = rest.split_first_mut() else { return 0 };
    entry.reach = entry.range.last().max(reach(before)).max(reach(after));
    entry.reach
}

/// Calls `hold` for each of `entries` that holds `address`.
fn each(entries: &[Entry], address: u128, hold: &mut impl FnMut(RangeOf)) {
    let (before, rest) = entries.split_at(entries.len() / 2);
    let Some((entry, after)) = rest.split_first() else { return };
    if entry.reach < address {
        return;
    }
    each(before, address, hold);
    if entry.range.first <= address {
        if address <= entry.range.last() {
            hold(entry.range);
        }
        each(after, address, hold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::AddressRange;
    use proptest::prelude::*;

    fn range(family: Family, first: u128, last: u128) -> Indicator {
        Indicator::of(AddressRange::of_bits(family, first, last))
    }

    proptest! {
        #[test]
        fn the_narrowest_is_what_a_look_at_all_finds(
            ranges in prop::collection::vec((0_u128..200, 0_u128..60), 0..40),
            left_out in 0_u32..5,
        ) {
            let indicators: Vec<Indicator> =
                ranges.iter().map(|&(first, more)| range(Family::V4, first, first + more)).collect();
            let built = Ranges::of(Family::V4, &indicators);
            for address in 0..270 {
                let passes = |place: u32| place % 5 != left_out;
                let holds = |one: &Indicator| {
                    let (first, last) = one.addresses.bits();
                    one.addresses.block().is_none() && (first..=last).contains(&address)
                };
                let expected = (0..)
                    .zip(&indicators)
                    .filter(|&(place, one)| holds(one) && passes(place))
                    .map(|(place, one)| {
                        let (first, last) = one.addresses.bits();
                        (last - first, place)
                    })
                    .min();
                let found = built.narrowest(address, passes);
                prop_assert_eq!(found.map(|found| (found.width, found.place)), expected);
            }
        }
    }

    #[test]
    fn a_range_of_odd_ends_is_one_entry() {
        let odd = range(Family::V6, 1, u128::MAX - 1);
        let alike = Indicator { port: Some(443), ..odd.clone() };
        let indicators = [odd, alike];
        let ranges = Ranges::of(Family::V6, &indicators);
        assert_eq!(ranges.0.len(), 2);
        assert!(Ranges::of(Family::V4, &indicators).0.is_empty());
        let place = |address, passes: fn(u32) -> bool| {
            ranges.narrowest(address, passes).map(|found| found.place)
        };
        assert_eq!(place(7, |_| true), Some(1));
        assert_eq!(place(7, |place| place == 0), Some(0));
        assert_eq!((place(0, |_| true), place(u128::MAX, |_| true)), (None, None));
    }
}
