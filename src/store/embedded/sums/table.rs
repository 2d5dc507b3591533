//! Sums of flows in any order, by what they are alike in (a hash aggregation).

use std::collections::HashMap;

use super::DAY_MS;
use super::sum::Sum;
use crate::flow::{Column, FlowBatch, UnixMillis, Values, saturated_u32};
use crate::store::embedded::folder::manifest::SumsPart;
use crate::store::mix::Seeded;

/// The bits of a source's place.
const SOURCE_BITS: u32 = 32;
/// The bits of the number of a stretch of time among those of a day.
const STRETCH_BITS: u32 = 16;

/// What flows of one day come to that are alike in the columns of a part.
///
/// A key is these columns' values, behind the number of the stretch of time, and before the source
/// and whether there was traffic, as bits in a row. So keys compare as their values do.
pub(super) struct Table {
    columns: Vec<Column>,
    within_ms: u64,
    /// When the day begins.
    begin: u64,
    sums: HashMap<u128, Sum, Seeded>,
    /// Sums to which nothing can be added.
    full: Vec<(u128, Sum)>,
    keys: Vec<u128>,
}

/// What the flows of a row are alike in.
pub(super) struct Alike {
    /// The values of the columns of the part.
    pub(super) values: Vec<(Column, u128)>,
    /// The place of their source, or of one of the same sampling.
    pub(super) source: u32,
}

impl Table {
    /// No sums yet, of flows that began on the day of `first`.
    pub(super) fn new(part: &SumsPart, first: UnixMillis) -> Self {
        Self {
            // In the order of the part.
            columns: part.by.iter().filter_map(|name| named(name)).collect(),
            within_ms: part.within_ms.max(1),
            begin: UnixMillis::of_day(first.day()).0,
            sums: HashMap::default(),
            full: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sums.len() + self.full.len()
    }

    /// Adds `flows`, each with the place of a source of the same sampling and its factor.
    pub(super) fn observe(&mut self, flows: &FlowBatch, sources: &[(u32, u64)]) {
        self.pack(flows, sources);
        for (row, (&key, &(_, factor))) in self.keys.iter().zip(sources).enumerate() {
            let sum = Sum::of(flows, row);
            let key = key << 1 | u128::from(sum.has_traffic());
            match self.sums.get_mut(&key) {
                Some(known) => self.full.extend(known.add(sum, factor).map(|full| (key, full))),
                None => {
                    self.sums.insert(key, sum);
                }
            }
        }
    }

    /// Makes the keys of `flows`, as yet without their last bit.
    fn pack(&mut self, flows: &FlowBatch, sources: &[(u32, u64)]) {
        let Self { columns, keys, begin, within_ms, .. } = self;
        keys.clear();
        keys.extend(
            flows
                .first_ms
                .iter()
                .map(|first| u128::from(first.saturating_sub(*begin) / *within_ms)),
        );
        for &column in columns.iter() {
            let bits = bits_of(column);
            match flows.values(column) {
                Values::U8(values) => append(keys, bits, values.iter().copied()),
                Values::U16(values) => append(keys, bits, values.iter().copied()),
                Values::U32(values) => append(keys, bits, values.iter().copied()),
                // No part is by others.
                Values::U64(_) | Values::Addresses(_) | Values::Extras(_) => {}
            }
        }
        // Where they are by source, it is that.
        if !columns.contains(&Column::Source) {
            append(keys, SOURCE_BITS, sources.iter().map(|&(place, _)| place));
        }
    }

    /// Every sum, with what its flows are alike in, in the order of that.
    pub(super) fn finish(mut self) -> impl Iterator<Item = (Alike, Sum)> {
        let mut sums = std::mem::take(&mut self.full);
        sums.extend(self.sums.drain());
        sums.sort_unstable_by_key(|&(key, sum)| (key, sum.first, sum.flows));
        sums.into_iter().map(move |(key, sum)| (self.unpack(key >> 1), sum))
    }

    fn unpack(&self, mut key: u128) -> Alike {
        let mut take = |bits: u32| {
            let value = key & ((1 << bits) - 1);
            key >>= bits;
            value
        };
        let by_source = self.columns.contains(&Column::Source);
        let source = if by_source { 0 } else { take(SOURCE_BITS) };
        let mut values: Vec<(Column, u128)> =
            self.columns.iter().rev().map(|&column| (column, take(bits_of(column)))).collect();
        let of_source = values.iter().position(|&(column, _)| column == Column::Source);
        let source = of_source.map_or(source, |at| values.remove(at).1);
        Alike { values, source: saturated_u32(source) }
    }
}

/// Whether keys of `part` have room for what it is by.
pub(super) fn is_known(part: &SumsPart) -> bool {
    let columns: Option<Vec<Column>> = part.by.iter().map(|name| named(name)).collect();
    columns.is_some_and(|columns| {
        let bits: u32 = columns.iter().map(|&column| bits_of(column)).sum();
        let of_source = if columns.contains(&Column::Source) { 0 } else { SOURCE_BITS };
        !part.shares
            && columns.iter().all(|&column| (1..=32).contains(&bits_of(column)))
            && STRETCH_BITS + bits + of_source < u128::BITS
            && DAY_MS / part.within_ms.max(1) < 1 << STRETCH_BITS
    })
}

fn named(name: &str) -> Option<Column> {
    Column::ALL.into_iter().find(|column| column.name() == name)
}

fn bits_of(column: Column) -> u32 {
    column.kind().number_bytes().map_or(0, |bytes| 8 * bytes as u32)
}

fn append<T: Into<u128>>(keys: &mut [u128], bits: u32, values: impl Iterator<Item = T>) {
    for (key, value) in keys.iter_mut().zip(values) {
        *key = *key << bits | value.into();
    }
}
