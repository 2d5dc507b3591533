//! What a scan has read so far.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters that the regions of one scan add to, from whatever thread reads them.
#[derive(Debug, Default)]
pub struct Meter {
    runs: AtomicU64,
    sums: AtomicU64,
    blocks: AtomicU64,
    pages: AtomicU64,
    bytes: AtomicU64,
    rows: AtomicU64,
    found: AtomicU64,
}

/// What a [`Meter`] shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reading {
    /// Runs (embedded) or regions (HBase) opened.
    pub runs: u64,
    /// Those among them whose sums were read in place of their flows.
    pub sums: u64,
    /// Row groups of them.
    pub blocks: u64,
    /// Pages read; none where the backend does not tell.
    pub pages: u64,
    /// Bytes read, as they are stored.
    pub bytes: u64,
    /// Rows looked at.
    pub rows: u64,
    /// Rows found.
    pub found: u64,
}

impl Meter {
    /// Adds what was just read.
    pub fn add(&self, read: Reading) {
        self.runs.fetch_add(read.runs, Relaxed);
        self.sums.fetch_add(read.sums, Relaxed);
        self.blocks.fetch_add(read.blocks, Relaxed);
        self.pages.fetch_add(read.pages, Relaxed);
        self.bytes.fetch_add(read.bytes, Relaxed);
        self.rows.fetch_add(read.rows, Relaxed);
        self.found.fetch_add(read.found, Relaxed);
    }

    /// What was read up to now.
    pub fn reading(&self) -> Reading {
        Reading {
            runs: self.runs.load(Relaxed),
            sums: self.sums.load(Relaxed),
            blocks: self.blocks.load(Relaxed),
            pages: self.pages.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            rows: self.rows.load(Relaxed),
            found: self.found.load(Relaxed),
        }
    }
}
