//! What fell into each bin of a stretch of time, of many series: one table, which all threads fill.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::aggregate::{Aggregate, KnownKeys, Measure};
use crate::flow::{FlowBatch, TimeRange, UnixMillis, come_before};
use crate::store::Result;

/// The bins of a stretch of time; the last one ends with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) window: TimeRange,
    pub(super) bin_ms: u64,
}

impl Axis {
    /// How many bins there are.
    pub(super) fn len(&self) -> u64 {
        (self.window.until - self.window.since).div_ceil(self.bin_ms)
    }

    /// When a bin begins.
    pub(super) fn start(&self, bin: usize) -> UnixMillis {
        self.window.since + self.bin_ms.saturating_mul(bin as u64)
    }

    /// When a bin ends.
    pub(super) fn end(&self, bin: usize) -> UnixMillis {
        self.start(bin + 1).min(self.window.until)
    }

    /// The bin that a moment of the stretch is in.
    fn bin(&self, moment: u64) -> usize {
        ((moment - self.window.since.0) / self.bin_ms) as usize
    }
}

/// The values of all series. A table for each thread would be too large for many keys.
#[derive(Debug)]
pub(super) struct Grid {
    axis: Axis,
    bins: usize,
    /// Series by series.
    cells: Vec<AtomicU64>,
    /// How often cells went beyond 64 bits.
    carries: Mutex<HashMap<usize, u64>>,
}

impl Grid {
    /// Nothing of so many series.
    pub(super) fn new(axis: Axis, series: usize) -> Self {
        let bins = axis.len() as usize;
        let cells = (0..bins * series).map(|_| AtomicU64::new(0)).collect();
        Self { axis, bins, cells, carries: Mutex::default() }
    }

    /// What a series has, bin by bin.
    pub(super) fn values(&self, series: usize) -> Vec<u128> {
        let carries = self.carries.lock().unwrap_or_else(PoisonError::into_inner);
        let value = |cell: usize| {
            let over = u128::from(carries.get(&cell).copied().unwrap_or(0));
            over << 64 | u128::from(self.cells[cell].load(Relaxed))
        };
        (series * self.bins..(series + 1) * self.bins).map(value).collect()
    }

    /// Spreads `value` over the time from `first` to `end`; what is not of the stretch is left out.
    fn spread(&self, series: usize, (first, end, value): (u64, u64, u64)) {
        let last = end.saturating_sub(1).max(first);
        let TimeRange { since, until } = self.axis.window;
        if last < since.0 || first >= until.0 {
            return;
        }
        let bins = self.axis.bin(first.max(since.0))..=self.axis.bin(last.min(until.0 - 1));
        let mut given = come_before(self.axis.start(*bins.start()).0, first, end, value);
        for bin in bins {
            let so_far = come_before(self.axis.end(bin).0, first, end, value);
            self.add(series * self.bins + bin, (so_far - given) as u64);
            given = so_far;
        }
    }

    fn add(&self, cell: usize, more: u64) {
        let before = self.cells[cell].fetch_add(more, Relaxed);
        if before.checked_add(more).is_none() {
            let mut carries = self.carries.lock().unwrap_or_else(PoisonError::into_inner);
            *carries.entry(cell).or_default() += 1;
        }
    }
}

/// Fills a grid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    pub(super) grid: &'a Grid,
    pub(super) by: Measure,
    pub(super) into: Into<'a>,
}

/// Which series flows go into.
#[derive(Debug, Clone, Copy)]
pub(super) enum Into<'a> {
    /// All into the one of that number.
    One(usize),
    /// Each into that of its key, of which there are so many, one for each end that counts.
    OfKey(&'a KnownKeys, usize),
}

impl Aggregate for Filling<'_> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        match self.into {
            Into::One(series) => {
                (0..flows.len())
                    .for_each(|row| self.grid.spread(series, self.by.spread(flows, row)));
            }
            Into::OfKey(keys, ends) => keys.for_each(flows, |row, place, side| {
                self.grid.spread(place * ends + side as usize, self.by.spread(flows, row));
            }),
        }
        Ok(())
    }

    fn merge(&mut self, _: Self) -> Result<()> {
        // It fills the same grid.
        Ok(())
    }
}
