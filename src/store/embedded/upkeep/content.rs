//! What the manifest says of a run that is written from batches.

use crate::flow::{FlowBatch, UnixMillis, nat_leads};
use crate::store::embedded::folder::manifest::Run;
use crate::store::embedded::folder::places::Places;
use crate::store::embedded::folder::run_columns::RunColumns;
use crate::store::embedded::run::schema::Shape;

/// What is in a run, told by the batches that were written to it.
pub(super) struct Content {
    rows: u64,
    min_first: UnixMillis,
    max_first: UnixMillis,
    max_duration: u32,
    led_by_nat: u64,
    places: Places,
}

impl Content {
    /// Nothing, in a store of so many sources.
    pub(super) fn none(sources: usize) -> Self {
        let places = Places::none(sources);
        Self {
            rows: 0,
            min_first: UnixMillis::MAX,
            max_first: UnixMillis::EPOCH,
            max_duration: 0,
            led_by_nat: 0,
            places,
        }
    }

    /// How many rows these are in the order of addresses behind a NAT.
    pub(super) fn led_by_nat(&self) -> u64 {
        self.led_by_nat
    }

    /// How many flows were entered.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn enter(&mut self, flows: &FlowBatch) {
        self.rows += flows.len() as u64;
        for &first in &flows.first_ms {
            self.min_first = self.min_first.min(UnixMillis(first));
            self.max_first = self.max_first.max(UnixMillis(first));
        }
        let longest = flows.duration_ms.iter().copied().max().unwrap_or(0);
        self.max_duration = self.max_duration.max(longest);
        let leads = |row| nat_leads(flows.extras.get(row)).len() as u64;
        self.led_by_nat += (0..flows.extras.len()).map(leads).sum::<u64>();
        self.places.enter(flows.source.iter().copied());
    }

    /// The run that holds it, without a file yet.
    pub(super) fn run(&self, number: u64, shape: Shape, stranger: bool) -> Run {
        Run {
            number,
            family: shape.family,
            columns: RunColumns::with(shape.columns()),
            stranger,
            rows: self.rows,
            min_first: self.min_first,
            max_first: self.max_first,
            max_duration: Some(self.max_duration),
            sources: Some(self.places.ranges()),
            files: Vec::new(),
            sums: None,
        }
    }
}
