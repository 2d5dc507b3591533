//! Which of a few known keys flows are of.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use jiff::tz::TimeZone;

use super::field::{KeyField, KeyValue};
use super::groups::BLOCK_ROWS;
use super::layout::{self, Layout};
use super::piece::Side;
use crate::flow::{Columns, Family, FlowBatch};

/// A few keys, such as those of a [`Top`](super::Top), each with its place among them.
#[derive(Debug)]
pub struct KnownKeys {
    len: usize,
    v4: Box<dyn Places>,
    v6: Box<dyn Places>,
}

impl KnownKeys {
    /// `keys` of `fields`, each with a value for each field; stretches of time are cut by the clocks
    /// of `zone`.
    pub fn new<'a>(
        fields: &[KeyField],
        zone: &TimeZone,
        keys: &(impl Iterator<Item = &'a [KeyValue]> + Clone),
    ) -> Self {
        let of = |family| places(Layout::new(fields, zone, family), keys.clone());
        Self { len: keys.clone().count(), v4: of(Family::V4), v6: of(Family::V6) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// At how many ends of a flow a key is looked for.
    pub(in crate::aggregate) fn ends(&self) -> usize {
        self.v4.layout().sides().len()
    }

    /// What must be known of a flow.
    pub(in crate::aggregate) fn columns(&self) -> Columns {
        let layout = self.v4.layout();
        layout.columns(layout.sides())
    }

    /// Calls `each` for every flow, twice where a key is of either end, with its row, the place of its
    /// key, which of keys that are not known is [`Self::len`], and the end.
    pub(in crate::aggregate) fn for_each(
        &self,
        flows: &FlowBatch,
        mut each: impl FnMut(usize, usize, Side),
    ) {
        let known = match flows.family() {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        let mut found = Vec::with_capacity(BLOCK_ROWS);
        for start in (0..flows.len()).step_by(BLOCK_ROWS) {
            let rows = start..(start + BLOCK_ROWS).min(flows.len());
            for &side in known.layout().sides() {
                known.places(flows, &rows, side, &mut found);
                for (row, place) in rows.clone().zip(&found) {
                    each(row, place.unwrap_or(self.len), side);
                }
            }
        }
    }
}

/// Keys of one family, packed into so many words as they need.
trait Places: fmt::Debug + Send + Sync {
    fn layout(&self) -> &Layout;

    /// Makes `found` the places of the keys of `rows`, for one of their sides.
    fn places(
        &self,
        flows: &FlowBatch,
        rows: &Range<usize>,
        side: Side,
        found: &mut Vec<Option<usize>>,
    );
}

#[derive(Debug)]
struct Packed<const W: usize> {
    layout: Layout,
    places: HashMap<[u64; W], usize>,
}

/// A few sizes are enough, as for tops.
fn places<'a>(layout: Layout, keys: impl Iterator<Item = &'a [KeyValue]>) -> Box<dyn Places> {
    match layout.words() {
        0..=1 => Box::new(Packed::<1>::new(layout, keys)),
        2..=3 => Box::new(Packed::<3>::new(layout, keys)),
        _ => Box::new(Packed::<{ layout::MAX_WORDS }>::new(layout, keys)),
    }
}

impl<const W: usize> Packed<W> {
    fn new<'a>(layout: Layout, keys: impl Iterator<Item = &'a [KeyValue]>) -> Self {
        let packed = |(place, values)| Some((layout.pack_values(values)?, place));
        let places = keys.enumerate().filter_map(packed).collect();
        Self { layout, places }
    }
}

impl<const W: usize> Places for Packed<W> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn places(
        &self,
        flows: &FlowBatch,
        rows: &Range<usize>,
        side: Side,
        found: &mut Vec<Option<usize>>,
    ) {
        let mut keys = Vec::new();
        self.layout.pack(flows, rows, side, &mut keys);
        found.clear();
        found.extend(keys.iter().map(|key: &[u64; W]| self.places.get(key).copied()));
    }
}
