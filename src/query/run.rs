//! Carrying a lookup out: the flows as a stream in key order, or their number.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use super::{Lookup, ahead, fold_regions, merge};
use crate::flow::FlowBatch;
use crate::store::{Access, FlowStream, Region, Result, Scan, Snapshot};

impl Lookup {
    /// The flows, in key order: by the address that was asked for, then by time. Batches have the
    /// columns that were asked for, are never empty, and are read as they are taken: dropping the
    /// stream ends the reading.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::regions`]; what is met while reading comes in the stream, and ends it.
    pub fn run(&self, snapshot: &dyn Snapshot) -> Result<FlowStream> {
        // What two scans find lies in two places: both are read at once.
        let both = self.scans.len() > 1;
        let mut streams = self
            .scans
            .par_iter()
            .map(|scan| {
                let regions = snapshot.regions(scan)?;
                Ok(ahead::read_in_order(regions, self.look_ahead(), both))
            })
            .collect::<Result<Vec<_>>>()?;
        let flows = match (streams.pop(), streams.pop()) {
            (Some(second), Some(first)) => {
                let columns = self.columns;
                let orders = [0, 1].map(|scan| self.scans[scan].order);
                Box::new(
                    merge::merge([first, second], orders)
                        .map(move |batch| batch.map(|batch| batch.project(columns))),
                )
            }
            (Some(only), None) => only,
            (None, _) => Box::new(std::iter::empty()),
        };
        let flows = self.skipping(flows);
        Ok(match self.limit {
            Some(limit) => Box::new(Limited { flows, left: limit }),
            None => flows,
        })
    }

    /// How many flows there are, up to the limit.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::regions`], and what is met while reading.
    pub fn count(&self, snapshot: &dyn Snapshot) -> Result<u64> {
        let limit = self.limit.unwrap_or(u64::MAX);
        let mut regions: Vec<Box<dyn Region>> = Vec::new();
        for scan in &self.scans {
            regions.append(&mut snapshot.regions(&Scan { ordered: false, ..scan.clone() })?);
        }
        let counted = AtomicU64::new(0);
        let count = |(): &mut (), flows: &FlowBatch| {
            let before = counted.fetch_add(flows.len() as u64, Relaxed);
            let enough = before.saturating_add(flows.len() as u64) >= limit;
            Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        fold_regions(regions, || (), count)?;
        Ok(counted.load(Relaxed).min(limit))
    }

    /// How many regions are read side by side. A range that is cut short by a limit ends in its
    /// first regions; a filter finds its few flows anywhere.
    fn look_ahead(&self) -> usize {
        match (self.access, self.limit) {
            (Access::Range, Some(_)) => 0,
            _ => rayon::current_num_threads(),
        }
    }
}

/// The first `left` flows of a stream.
struct Limited {
    flows: FlowStream,
    left: u64,
}

impl Iterator for Limited {
    type Item = Result<FlowBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            // What was read ahead is given up at once, not when the caller gets round to it.
            self.flows = Box::new(std::iter::empty());
            return None;
        }
        let batch = match self.flows.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        self.left = self.left.saturating_sub(batch.len() as u64);
        if batch.len() <= left {
            return Some(Ok(batch));
        }
        let rows: Vec<u32> = (0..left as u32).collect();
        Some(Ok(batch.take_rows(&rows)))
    }
}
