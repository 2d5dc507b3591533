//! What addresses sent and what they received, merged by address and time; or what tells a port
//! behind a NAT and what tells none, by time: of two, row by row, so that the rows of a batch are
//! taken once. Runs, of which whole pieces move, are merged by `store/merge.rs`.

use std::sync::Arc;

use crate::flow::{Addresses, FlowBatch, Source};
use crate::row::Order;
use crate::store::{FlowStream, Result, SCAN_BATCH_ROWS};

/// Merges two streams by (leading address, first), each in its order, and in both IPv4 before IPv6.
/// Where both are equal, the first stream's comes first. Behind a NAT one address leads both. Holds two
/// batches.
///
/// The batches have the columns src, dst and first, and the same others.
pub(super) fn merge(
    streams: [FlowStream; 2],
    orders: [Order; 2],
) -> impl Iterator<Item = Result<FlowBatch>> + Send {
    let ([first, second], [of_first, of_second]) = (streams, orders);
    Merge { first: Side::new(first, of_first), second: Side::new(second, of_second) }
}

struct Merge {
    first: Side,
    second: Side,
}

/// One of the two streams, and how far its batch is used up.
struct Side {
    stream: Option<FlowStream>,
    batch: Option<FlowBatch>,
    at: usize,
    order: Order,
}

impl Iterator for Merge {
    type Item = Result<FlowBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.first.fill().and_then(|()| self.second.fill()) {
            self.first.end();
            self.second.end();
            return Some(Err(error));
        }
        match (&self.first.batch, &self.second.batch) {
            (None, None) => None,
            (Some(_), None) => self.first.take_rest().map(Ok),
            (None, Some(_)) => self.second.take_rest().map(Ok),
            (Some(first), Some(second)) if first.family() < second.family() => {
                self.first.take_rest().map(Ok)
            }
            (Some(first), Some(second)) if first.family() > second.family() => {
                self.second.take_rest().map(Ok)
            }
            (Some(first), Some(second)) => {
                let picks = pick(
                    &Keys::new(first, self.first.order),
                    self.first.at,
                    &Keys::new(second, self.second.order),
                    self.second.at,
                );
                let picked_first = picks.iter().filter(|&&from_first| from_first).count();
                let first = self.first.take(picked_first)?;
                let second = self.second.take(picks.len() - picked_first)?;
                Some(Ok(interleave(first, second, &picks)))
            }
        }
    }
}

impl Side {
    fn new(stream: FlowStream, order: Order) -> Self {
        Self { stream: Some(stream), batch: None, at: 0, order }
    }

    /// Reads the next batch if the present one is used up.
    fn fill(&mut self) -> Result<()> {
        while self.batch.as_ref().is_none_or(|batch| self.at == batch.len()) {
            self.at = 0;
            self.batch = self.stream.as_mut().and_then(Iterator::next).transpose()?;
            if self.batch.is_none() {
                self.end();
                break;
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        self.stream = None;
        self.batch = None;
    }

    /// The next `rows` rows of the batch.
    fn take(&mut self, rows: usize) -> Option<FlowBatch> {
        let batch = self.batch.as_ref()?;
        let range = self.at as u32..(self.at + rows) as u32;
        self.at += rows;
        Some(batch.take_rows(&range.collect::<Vec<_>>()))
    }

    /// All that is left of the batch, without a copy where it is whole.
    fn take_rest(&mut self) -> Option<FlowBatch> {
        if self.at == 0 {
            return self.batch.take();
        }
        let rows = self.batch.as_ref()?.len() - self.at;
        self.take(rows)
    }
}

/// What a batch is ordered by.
struct Keys<'a> {
    /// None where all have the same.
    lead: Option<&'a Addresses>,
    first_ms: &'a [u64],
}

impl<'a> Keys<'a> {
    fn new(batch: &'a FlowBatch, order: Order) -> Self {
        let lead = (order != Order::Nat).then(|| order.addresses(batch).0);
        Self { lead, first_ms: &batch.first_ms }
    }

    fn len(&self) -> usize {
        self.first_ms.len()
    }

    fn get(&self, row: usize) -> (u128, u64) {
        (self.lead.map_or(0, |lead| lead.bits(row)), self.first_ms[row])
    }
}

/// Which side each next row comes from (true: `a`), until one of them is used up or the batch is
/// full.
fn pick(a: &Keys<'_>, mut at_a: usize, b: &Keys<'_>, mut at_b: usize) -> Vec<bool> {
    let mut picks = Vec::with_capacity(SCAN_BATCH_ROWS);
    while at_a < a.len() && at_b < b.len() && picks.len() < SCAN_BATCH_ROWS {
        let from_a = a.get(at_a) <= b.get(at_b);
        at_a += usize::from(from_a);
        at_b += usize::from(!from_a);
        picks.push(from_a);
    }
    picks
}

/// The rows of both batches, in the order of `picks`.
fn interleave(mut a: FlowBatch, mut b: FlowBatch, picks: &[bool]) -> FlowBatch {
    if a.is_empty() || b.is_empty() {
        return if a.is_empty() { b } else { a };
    }
    share_sources(&mut a, &mut b);
    let (mut row_a, mut row_b) = (0, a.len() as u32);
    a.append_rows(&b, 0..b.len());
    let rows: Vec<u32> = picks
        .iter()
        .map(|&from_a| {
            let row = if from_a { &mut row_a } else { &mut row_b };
            *row += 1;
            *row - 1
        })
        .collect();
    a.take_rows(&rows)
}

/// Makes both batches count in the same sources.
fn share_sources(a: &mut FlowBatch, b: &mut FlowBatch) {
    if a.sources == b.sources {
        return;
    }
    let mut sources: Vec<Source> = a.sources.to_vec();
    let moved: Vec<u32> = b
        .sources
        .iter()
        .map(|source| {
            let at = sources.iter().position(|known| known == source).unwrap_or_else(|| {
                sources.push(*source);
                sources.len() - 1
            });
            at as u32
        })
        .collect();
    for source in &mut b.source {
        *source = moved.get(*source as usize).copied().unwrap_or(u32::MAX);
    }
    a.sources = Arc::new(sources);
    b.sources = Arc::clone(&a.sources);
}
