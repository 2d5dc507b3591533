//! Results on their way to where they are kept.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::{Job, Keeper, KeeperError, WorkError};
use crate::store::Watch;

/// So many results are kept at once, or so many bytes of them.
const BATCH_ROWS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;

/// How long a keeper that does not answer is waited for between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// How much was kept so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) rows: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// How much of results there may be, and how long their keeper may be away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) bytes: u64,
    pub(super) patience: Duration,
}

/// Takes the results of a job: JSON objects, each on a line of its own, as they are written to it.
/// They are kept in batches, in their order.
pub struct Results<'a> {
    job: &'a Job,
    keeper: &'a dyn Keeper,
    watch: &'a Watch,
    counts: &'a Counts,
    bounds: Bounds,
    batch: Vec<String>,
    batch_bytes: usize,
    /// The beginning of a line.
    line: Vec<u8>,
    /// Why no more are taken; whoever writes may tell it in other words.
    failed: Option<WorkError>,
}

impl<'a> Results<'a> {
    pub(super) fn new(
        job: &'a Job,
        keeper: &'a dyn Keeper,
        watch: &'a Watch,
        counts: &'a Counts,
        bounds: Bounds,
    ) -> Self {
        let (batch, line) = (Vec::new(), Vec::new());
        Self { job, keeper, watch, counts, bounds, batch, batch_bytes: 0, line, failed: None }
    }

    /// How many were taken.
    pub fn rows(&self) -> u64 {
        self.counts.rows.load(Relaxed) + self.batch.len() as u64
    }

    /// Counts bytes that the work keeps elsewhere among those of its results.
    ///
    /// # Errors
    ///
    /// [`WorkError`] if there is no room for them.
    pub(super) fn count_bytes(&self, bytes: u64) -> Result<(), WorkError> {
        self.room(self.counts.bytes.load(Relaxed) + bytes)?;
        self.counts.bytes.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// Takes one result.
    ///
    /// # Errors
    ///
    /// [`WorkError`] if it is no JSON, or there is no room or no keeper for it.
    pub fn push(&mut self, row: &impl serde::Serialize) -> Result<(), WorkError> {
        let row = serde_json::to_string(row).map_err(WorkError::failed)?;
        self.take(row)
    }

    /// Sees that everything is kept.
    pub(super) fn finish(&mut self) -> Result<(), WorkError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        self.keep_batch()
    }

    /// Why results were not taken, if they were not.
    pub(super) fn take_failure(&mut self) -> Option<WorkError> {
        self.failed.take()
    }

    fn take(&mut self, row: String) -> Result<(), WorkError> {
        self.batch_bytes += row.len();
        self.batch.push(row);
        if self.batch.len() < BATCH_ROWS && self.batch_bytes < BATCH_BYTES {
            return Ok(());
        }
        self.keep_batch()
    }

    fn keep_batch(&mut self) -> Result<(), WorkError> {
        self.watch.check()?;
        if self.batch.is_empty() {
            return Ok(());
        }
        let bytes = self.counts.bytes.load(Relaxed) + self.batch_bytes as u64;
        self.room(bytes)?;
        let began = Instant::now();
        while let Err(error) =
            self.keeper.append(self.job, self.counts.rows.load(Relaxed), &self.batch)
        {
            self.wait_for_keeper(error, began)?;
        }
        self.counts.rows.fetch_add(self.batch.len() as u64, Relaxed);
        self.counts.bytes.store(bytes, Relaxed);
        self.batch.clear();
        self.batch_bytes = 0;
        Ok(())
    }

    /// Sees that its results may take so many bytes.
    fn room(&self, bytes: u64) -> Result<(), WorkError> {
        if bytes > self.bounds.bytes {
            let problem = format!("its results take more than {} bytes", self.bounds.bytes);
            return Err(WorkError::Failed(problem));
        }
        Ok(())
    }

    fn wait_for_keeper(&self, error: KeeperError, began: Instant) -> Result<(), WorkError> {
        if !error.may_get_well() || began.elapsed() >= self.bounds.patience {
            return Err(WorkError::failed(error));
        }
        tracing::warn!(job = %self.job.id, "{error}; its results wait");
        Ok(self.watch.pause(PAUSE)?)
    }

    fn take_lines(&mut self, bytes: &[u8]) -> Result<(), WorkError> {
        let mut lines = bytes.split(|&byte| byte == b'\n');
        // What stands behind the last end of a line is the beginning of the next one.
        let rest = lines.next_back().unwrap_or_default();
        for line in lines {
            self.line.extend_from_slice(line);
            let row = String::from_utf8(std::mem::take(&mut self.line));
            let row = row.map_err(WorkError::failed)?;
            if !row.is_empty() {
                self.take(row)?;
            }
        }
        self.line.extend_from_slice(rest);
        Ok(())
    }
}

impl io::Write for Results<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.take_lines(bytes) {
            let told = error.to_string();
            self.failed = Some(error);
            return Err(io::Error::other(told));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
