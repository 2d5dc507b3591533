//! Merges streams of flows, each in key order, into one in key order.

use std::sync::Arc;

use crate::flow::{Column, Columns, Family, FlowBatch, Source};
use crate::row::Order;
use crate::store::{FlowStream, Result, SCAN_BATCH_ROWS};

/// The columns that the order of rows depends on. The embedded store keeps no origins: flows that
/// are equal in all of these are in no particular order.
pub(crate) const KEY_COLUMNS: Columns = Columns::of(&[
    Column::Src,
    Column::First,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
]);

/// What decides the place of the flow at `row`.
type Place = (u128, u64, u128, u8, u16, u16);

pub(crate) fn place(batch: &FlowBatch, row: usize, order: Order) -> Place {
    let (lead, other) = order.addresses(batch);
    (
        lead.bits(row),
        batch.first_ms[row],
        other.bits(row),
        batch.protocol[row],
        batch.src_port[row],
        batch.dst_port[row],
    )
}

/// One stream's batch, and how far it is merged.
struct Head {
    stream: FlowStream,
    batch: FlowBatch,
    row: usize,
    place: Place,
}

impl Head {
    fn next(mut stream: FlowStream, order: Order) -> Result<Option<Self>> {
        Ok(match stream.next().transpose()? {
            Some(batch) => {
                let place = place(&batch, 0, order);
                Some(Self { stream, batch, row: 0, place })
            }
            None => None,
        })
    }
}

/// Streams of one family, merged. Their batches have at least [`KEY_COLUMNS`].
pub(crate) struct Merge {
    order: Order,
    family: Family,
    sources: Arc<Vec<Source>>,
    /// Streams that are not begun yet.
    fresh: Vec<FlowStream>,
    heads: Vec<Head>,
}

impl Merge {
    pub(crate) fn new(
        streams: Vec<FlowStream>,
        order: Order,
        family: Family,
        sources: Arc<Vec<Source>>,
    ) -> Self {
        Self { order, family, sources, fresh: streams, heads: Vec::new() }
    }

    fn next_batch(&mut self) -> Result<Option<FlowBatch>> {
        for stream in std::mem::take(&mut self.fresh) {
            self.heads.extend(Head::next(stream, self.order)?);
        }
        let mut merged = FlowBatch::new(self.family);
        merged.sources = Arc::clone(&self.sources);
        while merged.len() < SCAN_BATCH_ROWS {
            let Some(least) = (0..self.heads.len()).min_by_key(|&at| self.heads[at].place) else {
                break;
            };
            let bound = self
                .heads
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != least)
                .map(|(_, head)| head.place)
                .min();
            let head = &mut self.heads[least];
            let room = head.batch.len().min(head.row + SCAN_BATCH_ROWS - merged.len());
            // Everything of this stream up to the next one's head goes over at once.
            let until = match bound {
                None => room,
                Some(bound) => (head.row + 1..room)
                    .find(|&row| place(&head.batch, row, self.order) > bound)
                    .unwrap_or(room),
            };
            merged.append_rows(&head.batch, head.row..until);
            head.row = until;
            if until < head.batch.len() {
                head.place = place(&head.batch, until, self.order);
            } else {
                let done = self.heads.swap_remove(least);
                self.heads.extend(Head::next(done.stream, self.order)?);
            }
        }
        Ok(if merged.is_empty() { None } else { Some(merged) })
    }
}

impl Iterator for Merge {
    type Item = Result<FlowBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.next_batch().transpose();
        if matches!(batch, Some(Err(_))) {
            self.fresh.clear();
            self.heads.clear();
        }
        batch
    }
}
