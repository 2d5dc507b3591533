//! The rows that count, of a stream in key order.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use super::sightings::{At, JITTER_MS, Place, Sighting, Sightings, Tuple, Verdict};
use super::translated::Translated;
use crate::flow::{Columns, ElementId, FlowBatch, Source, TimeRange, UnixMillis, extra_value};
use crate::store::{FlowStream, Result};

/// So many rows wait at most for records that might count in their place.
const MAX_WAITING_ROWS: usize = 1 << 18;

/// IANA's flowDirection.
const DIRECTION: ElementId = ElementId { number: 61, enterprise: 0 };

/// A stream, without the rows that do not count.
pub(super) struct Pass {
    /// None at its end.
    flows: Option<FlowStream>,
    /// What is given on: these columns, of flows that began in this time.
    columns: Columns,
    time: TimeRange,
    translated: Arc<Translated>,
    sightings: Sightings,
    engines: Engines,
    /// The batches that may lose rows yet, and the number of the first of them.
    waiting: VecDeque<Waiting>,
    number: u64,
    waiting_rows: usize,
    /// When the last row began, and how often one began before the one before it: then another address
    /// leads it, and it is of no flow of the rows before.
    now_ms: u64,
    stretch: u64,
}

struct Waiting {
    /// What is given on of it.
    batch: FlowBatch,
    /// Which of its rows are given on, as far as is known.
    counts: Vec<bool>,
    /// Of its last row.
    stretch: u64,
    first_ms: u64,
}

/// Numbers for exporters and their engines: what a stream's batches count them by may differ.
#[derive(Default)]
struct Engines {
    known: HashMap<(IpAddr, u32), u32>,
    /// The sources that the numbers below are of.
    sources: Arc<Vec<Source>>,
    /// Of each source, and its sampling.
    numbers: Vec<(u32, u32)>,
}

impl Pass {
    /// The rows of `flows` that count, none of them hidden by `translated`.
    pub(super) fn new(
        flows: FlowStream,
        columns: Columns,
        time: TimeRange,
        translated: Arc<Translated>,
    ) -> Self {
        Self {
            flows: Some(flows),
            columns,
            time,
            translated,
            sightings: Sightings::new(),
            engines: Engines::default(),
            waiting: VecDeque::new(),
            number: 0,
            waiting_rows: 0,
            now_ms: 0,
            stretch: 0,
        }
    }

    /// Judges the rows of the next batch.
    fn take(&mut self, batch: FlowBatch) {
        self.engines.learn(&batch.sources);
        let (number, rows) = (self.number + self.waiting.len() as u64, batch.len());
        let in_time = |first_ms: &u64| self.time.contains(UnixMillis(*first_ms));
        let mut counts: Vec<bool> = if self.time.is_all() {
            vec![true; rows]
        } else {
            batch.first_ms.iter().map(in_time).collect()
        };
        for row in 0..rows {
            let first_ms = batch.first_ms[row];
            self.stretch += u64::from(first_ms < self.now_ms);
            self.now_ms = first_ms;
            let tuple = Tuple::of(&batch, row);
            if self.translated.hides(&tuple, &batch, row) {
                counts[row] = false;
                continue;
            }
            let sighting = self.sighting(&batch, row, (number, row as u32));
            match self.sightings.judge(tuple, sighting, self.number) {
                Verdict::Stays => {}
                Verdict::Falls => counts[row] = false,
                Verdict::Replaces((of, at)) if of == number => counts[at as usize] = false,
                Verdict::Replaces((of, at)) => {
                    if let Some(waiting) = self.waiting.get_mut((of - self.number) as usize) {
                        waiting.counts[at as usize] = false;
                    }
                }
            }
        }
        self.waiting_rows += rows;
        let (stretch, first_ms) = (self.stretch, self.now_ms);
        let batch = batch.project(self.columns);
        self.waiting.push_back(Waiting { batch, counts, stretch, first_ms });
    }

    fn sighting(&self, batch: &FlowBatch, row: usize, at: At) -> Sighting {
        let source = batch.source[row] as usize;
        let (engine, sampling) = self.engines.numbers.get(source).copied().unwrap_or((u32::MAX, 1));
        let direction = extra_value(batch.extras.get(row), DIRECTION);
        let place = Place {
            engine,
            interfaces: [batch.input[row], batch.output[row]],
            direction: direction.and_then(<[u8]>::last).copied().unwrap_or_default(),
        };
        let first_ms = batch.first_ms[row];
        let last_ms = first_ms.saturating_add(batch.duration_ms[row].into());
        let (stretch, octets) = (self.stretch, batch.octets[row]);
        let octets = octets.saturating_mul(sampling.into());
        Sighting { place, stretch, first_ms, last_ms, sampling, octets, at }
    }

    /// The rows that count of the first batch that waits, if nothing that comes can change them.
    fn settled(&mut self) -> Option<FlowBatch> {
        let first = self.waiting.front()?;
        let is_settled = self.flows.is_none()
            || first.stretch != self.stretch
            || self.now_ms > first.first_ms.saturating_add(JITTER_MS)
            || self.waiting_rows > MAX_WAITING_ROWS;
        if !is_settled {
            return None;
        }
        let Waiting { batch, counts, .. } = self.waiting.pop_front()?;
        self.number += 1;
        self.waiting_rows -= batch.len();
        let rows: Vec<u32> = (0..batch.len() as u32).filter(|&row| counts[row as usize]).collect();
        Some(if rows.len() == batch.len() { batch } else { batch.take_rows(&rows) })
    }
}

impl Iterator for Pass {
    type Item = Result<FlowBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some(batch) = self.settled() {
                if !batch.is_empty() {
                    return Some(Ok(batch));
                }
            }
            match self.flows.as_mut()?.next() {
                Some(Ok(batch)) => self.take(batch),
                Some(Err(error)) => {
                    self.flows = None;
                    self.waiting.clear();
                    return Some(Err(error));
                }
                None => self.flows = None,
            }
        }
    }
}

impl Engines {
    /// Numbers `sources`.
    fn learn(&mut self, sources: &Arc<Vec<Source>>) {
        if Arc::ptr_eq(sources, &self.sources) {
            return;
        }
        self.sources = Arc::clone(sources);
        let known = &mut self.known;
        let number = |source: &Source| {
            let next = known.len() as u32;
            let number = *known.entry((source.exporter, source.engine)).or_insert(next);
            (number, source.sampling.interval.max(1))
        };
        self.numbers = sources.iter().map(number).collect();
    }
}
