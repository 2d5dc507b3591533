//! What addresses are called: ranges of them with labels, some of them only for a time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::Attribute;
use super::ranges::{Bits, Ranges};
use crate::flow::{Addresses, Column, Family, UnixMillis};
use crate::row::{AddressField, AddressRange, AddressSet, NumberField, NumberSet, Predicate};

/// A slot with this bit is the place of labels that are only for a time.
pub(super) const TIMED: u32 = 1 << 31;

/// Labels by when they begin, in ascending order from 1970 on.
pub(super) type Spans = Vec<(UnixMillis, u32)>;

/// What addresses are called by one attribute. A label is a number, and labels are in the order of
/// their texts: 0 is that of addresses of which nothing is said.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// What it is that it tells.
    pub attribute: Attribute,
    pub(super) texts: Vec<Arc<str>>,
    pub(super) v4: Ranges<u32>,
    pub(super) v6: Ranges<u128>,
    pub(super) timed: Vec<Spans>,
}

impl Table {
    /// Whether what an address is called depends on the time.
    pub fn is_timed(&self) -> bool {
        !self.timed.is_empty()
    }

    /// The text of a label; empty where nothing is said.
    pub fn text(&self, label: u32) -> Arc<str> {
        self.texts.get(label as usize).cloned().unwrap_or_default()
    }

    /// The label of this text.
    pub fn label(&self, text: &str) -> Option<u32> {
        self.texts.binary_search_by(|known| (**known).cmp(text)).ok().map(|place| place as u32)
    }

    /// All that addresses are called.
    pub fn texts(&self) -> &[Arc<str>] {
        self.texts.get(1..).unwrap_or_default()
    }

    /// What `address` is called of a flow that began at `first`; empty where nothing says it.
    pub fn of(&self, address: IpAddr, first: UnixMillis) -> &str {
        let slot = match address {
            IpAddr::V4(v4) => self.v4.slot(self.v4.place(v4.into())),
            IpAddr::V6(v6) => self.v6.slot(self.v6.place(v6.into())),
        };
        let label = if slot & TIMED == 0 { slot } else { self.at(slot, first.0) };
        self.texts.get(label as usize).map_or("", |text| text)
    }

    /// The labels of some of `addresses`, of flows that began at `first_ms`, one after the other.
    /// Times are not looked at where the table [has none](Self::is_timed).
    pub(crate) fn each_label(
        &self,
        addresses: &Addresses,
        first_ms: &[u64],
        rows: Range<usize>,
        mut each: impl FnMut(u32),
    ) {
        let first_ms = first_ms.get(rows.clone()).unwrap_or_default();
        match addresses {
            Addresses::V4(v4) => self.labels_in(&self.v4, &v4[rows], first_ms, &mut each),
            Addresses::V6(v6) => self.labels_in(&self.v6, &v6[rows], first_ms, &mut each),
        }
    }

    fn labels_in<T: Bits>(
        &self,
        ranges: &Ranges<T>,
        addresses: &[T],
        first_ms: &[u64],
        each: &mut impl FnMut(u32),
    ) {
        // Addresses mostly come in order, so that the next one is in the same range.
        let mut place = 0;
        let mut bounds = ranges.bounds(place);
        for (row, &address) in addresses.iter().enumerate() {
            if address < bounds.0 || bounds.1.is_some_and(|end| end <= address) {
                place = ranges.place(address);
                bounds = ranges.bounds(place);
            }
            let slot = ranges.slot(place);
            each(if slot & TIMED == 0 {
                slot
            } else {
                self.at(slot, first_ms.get(row).copied().unwrap_or(0))
            });
        }
    }

    fn at(&self, slot: u32, first_ms: u64) -> u32 {
        let spans = &self.timed[(slot & !TIMED) as usize];
        let after = spans.partition_point(|(from, _)| from.0 <= first_ms);
        after.checked_sub(1).map_or(0, |place| spans[place].1)
    }

    /// The addresses whose label is wanted, where that [depends on no time](Self::is_timed).
    pub(super) fn addresses(&self, is_wanted: impl Fn(u32) -> bool) -> AddressSet {
        let mut ranges = Vec::new();
        let mut add = |range, slot| {
            if is_wanted(slot) {
                ranges.push(range);
            }
        };
        each_range(&self.v4, Family::V4, &mut add);
        each_range(&self.v6, Family::V6, &mut add);
        AddressSet::new(ranges)
    }

    /// Whether an address is called so, however that is written.
    pub fn has(&self, text: &str) -> bool {
        self.texts().iter().any(|known| is_same(known, text))
    }

    /// The flows of which the address `field` is called by any of `texts`, however they are
    /// written: for all of time one set of addresses, and one for each span of time.
    pub fn flows_of(&self, texts: &[String], field: AddressField) -> Predicate {
        let is_one = |known: &str| texts.iter().any(|text| is_same(known, text));
        let wanted: Vec<bool> =
            self.texts.iter().map(|known| !known.is_empty() && is_one(known)).collect();
        let is_wanted = |label: u32| wanted[label as usize];
        let mut always = Vec::new();
        let mut timed: BTreeMap<(u64, u64), Vec<AddressRange>> = BTreeMap::new();
        let mut add = |range: AddressRange, slot: u32| {
            if slot & TIMED == 0 {
                always.extend(is_wanted(slot).then_some(range));
                return;
            }
            let spans = &self.timed[(slot & !TIMED) as usize];
            for (place, &(from, label)) in spans.iter().enumerate() {
                let until = spans.get(place + 1).map_or(u64::MAX, |(next, _)| next.0 - 1);
                if is_wanted(label) {
                    timed.entry((from.0, until)).or_default().push(range);
                }
            }
        };
        each_range(&self.v4, Family::V4, &mut add);
        each_range(&self.v6, Family::V6, &mut add);
        let of = |ranges| Predicate::Address(field, AddressSet::new(ranges));
        let first = NumberField::Column(Column::First);
        let for_a_time = timed.into_iter().map(|((from, until), ranges)| {
            let time = Predicate::Number(first, NumberSet::between(from, until));
            Predicate::and([of(ranges), time])
        });
        let always = (!always.is_empty()).then_some(always).map(of);
        Predicate::or(always.into_iter().chain(for_a_time))
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn each_range<T: Bits>(
    ranges: &Ranges<T>,
    family: Family,
    each: &mut impl FnMut(AddressRange, u32),
) {
    for place in ranges.places() {
        let (first, end) = ranges.bounds(place);
        let last = end.map_or(family.max_bits(), |end| end.wide() - 1);
        each(AddressRange::of_bits(family, first.wide(), last), ranges.slot(place));
    }
}
