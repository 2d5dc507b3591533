//! Merges streams of flows, each in key order, into one in key order.

use std::sync::Arc;

use crate::flow::{Column, Columns, Family, FlowBatch, Source, saturated_u32};
use crate::row::Order;
use crate::store::merge::{Merge, Sorted};
use crate::store::{FlowStream, Result, SCAN_BATCH_ROWS};

/// The columns that the order of rows depends on. The embedded store keeps no origins: flows that
/// are equal in all of these are in no particular order.
const KEY_COLUMNS: Columns = Columns::of(&[
    Column::Src,
    Column::First,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
]);

/// The columns that the place of a row in `order` depends on.
pub(crate) fn key_columns(order: Order) -> Columns {
    KEY_COLUMNS | order.lead_columns()
}

/// What decides the place of the flow at `row`: the address that leads it, its port behind a NAT, and
/// the rest.
type Place = (u128, u16, PlaceOfLead);
type PlaceOfLead = (u64, u128, u8, u16, u16);

pub(crate) fn place(batch: &FlowBatch, row: usize, order: Order) -> Place {
    let address = order.addresses(batch).0.bits(row);
    let port = if order == Order::Nat { batch.nat_port.0[row] } else { 0 };
    (address, port, place_of_lead(batch, row, order))
}

/// What decides its place among the flows that the same address leads.
pub(crate) fn place_of_lead(batch: &FlowBatch, row: usize, order: Order) -> PlaceOfLead {
    let (_, other) = order.addresses(batch);
    (
        batch.first_ms[row],
        other.bits(row),
        batch.protocol[row],
        batch.src_port[row],
        batch.dst_port[row],
    )
}

/// A stream in key order, and how far its batch is merged.
struct Flows {
    stream: FlowStream,
    order: Order,
    batch: Option<Arc<FlowBatch>>,
    row: usize,
    /// Which batch it was last picked from for, and its place among those that this is made of.
    picked: (u64, usize),
}

/// Of what the next batch is made: rows of these batches.
#[derive(Default)]
struct Picked {
    /// The number of the batch, from 1.
    number: u64,
    batches: Vec<Arc<FlowBatch>>,
    /// The place of a batch, and a row of it.
    rows: Vec<(u32, u32)>,
}

impl Sorted for Flows {
    type Key = Place;

    fn key(&mut self) -> Result<Option<Place>> {
        if self.batch.as_ref().is_none_or(|batch| self.row == batch.len()) {
            self.batch = self.stream.next().transpose()?.map(Arc::new);
            (self.row, self.picked) = (0, (0, 0));
        }
        Ok(self.batch.as_ref().map(|batch| place(batch, self.row, self.order)))
    }
}

impl Flows {
    /// Everything of this batch up to the next one's head goes over at once, as far as there is
    /// room.
    fn take(&mut self, to: &mut Picked, others: Option<&Place>) {
        let Some(batch) = &self.batch else { return };
        let room = batch.len().min(self.row + SCAN_BATCH_ROWS - to.rows.len());
        let until = others.and_then(|others| {
            (self.row + 1..room).find(|&row| place(batch, row, self.order) > *others)
        });
        let until = until.unwrap_or(room);
        if self.picked.0 != to.number {
            self.picked = (to.number, to.batches.len());
            to.batches.push(Arc::clone(batch));
        }
        let place = saturated_u32(self.picked.1);
        let rows = saturated_u32(self.row)..saturated_u32(until);
        to.rows.extend(rows.map(|row| (place, row)));
        self.row = until;
    }
}

/// `streams` of one family, each in key order, as one. Their batches have at least
/// the [`key_columns`].
pub(crate) fn in_key_order(
    streams: Vec<FlowStream>,
    order: Order,
    family: Family,
    sources: Arc<Vec<Source>>,
) -> FlowStream {
    let flows = |stream| Flows { stream, order, batch: None, row: 0, picked: (0, 0) };
    let mut merge = Merge::new(streams.into_iter().map(flows).collect());
    let mut picked = Picked::default();
    let mut next_batch = move || {
        picked.number += 1;
        picked.rows.clear();
        while picked.rows.len() < SCAN_BATCH_ROWS {
            if merge.next(|flows, others| flows.take(&mut picked, others))?.is_none() {
                break;
            }
        }
        let mut merged = FlowBatch::new(family);
        merged.sources = Arc::clone(&sources);
        merged.append_picked(&picked.batches, &picked.rows);
        picked.batches.clear();
        Ok((!merged.is_empty()).then_some(merged))
    };
    Box::new(std::iter::from_fn(move || next_batch().transpose()))
}
