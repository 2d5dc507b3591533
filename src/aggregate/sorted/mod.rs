//! Flows in another order than that in which they are found, exactly and in bounded memory.
//!
//! It is an external sort: `packed` makes rows of bytes whose order is that of the flows, `arena` holds
//! and sorts them, and what does not fit goes, sorted, into temporary files that `spill` merges. Where
//! only the first few are wanted, what cannot be among them is dropped on the way.

mod arena;
mod order;
mod packed;
mod spill;
#[cfg(test)]
mod tests;

pub use order::{FlowOrder, ParseFlowOrderError};

use arena::Arena;
use packed::{Packing, Unpacked};
use spill::{Rows, Spilled};

use super::{Aggregate, Limits, over};
use crate::flow::{Columns, FlowBatch};
use crate::query::Lookup;
use crate::store::merge::Merge;
use crate::store::{FlowStream, Result, SCAN_BATCH_ROWS, Snapshot, Watch};

/// How flows are sorted.
#[derive(Debug, Clone)]
pub struct SortOptions {
    /// By what.
    pub order: FlowOrder,
    /// What is wanted of them.
    pub columns: Columns,
    /// At most so many, the first of the order.
    pub limit: Option<u64>,
    /// How much memory they may take, and where the rest goes.
    pub limits: Limits,
}

/// The flows that `lookup` finds, which has the columns of the options and of their order, sorted.
/// Flows that are equal in what they are sorted by come in the order of the row key.
///
/// # Errors
///
/// As [`Snapshot::regions`], what is met while reading, and
/// [`StoreError::Io`](crate::StoreError::Io) if what does not fit into memory cannot be written to a
/// temporary file; also in the stream.
pub fn sorted(
    snapshot: &dyn Snapshot,
    lookup: &Lookup,
    options: &SortOptions,
) -> Result<FlowStream> {
    let threads = rayon::current_num_threads();
    let whole = over(snapshot, lookup.scans(), || FlowSort::new(options, threads))?;
    whole.finish(options)
}

/// A sort by one thread.
struct FlowSort {
    packing: Packing,
    rows: Arena,
    spilled: Vec<Spilled>,
    limit: Option<usize>,
    /// So many bytes are held.
    most_bytes: usize,
    limits: Limits,
    /// The last row that counts where as many as are wanted lie before it.
    bound: Option<Vec<u8>>,
    /// Room for a row.
    row: Vec<u8>,
}

/// Rows are dropped that are not wanted, at the earliest when there are so many.
const MIN_DROPPED: usize = 8_192;
/// A thread may always hold so many bytes, however little memory there is.
const MIN_BYTES: usize = 1 << 20;

impl FlowSort {
    fn new(options: &SortOptions, threads: usize) -> Self {
        let SortOptions { order, columns, limit, limits } = options.clone();
        Self {
            packing: Packing { order, columns: columns | order.columns() },
            rows: Arena::default(),
            spilled: Vec::new(),
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            most_bytes: (limits.memory_bytes / threads.max(1)).max(MIN_BYTES),
            limits,
            bound: None,
            row: Vec::new(),
        }
    }

    /// Makes room where there is none left.
    fn make_room(&mut self) -> Result<()> {
        if let Some(limit) = self.limit
            && self.rows.len() >= limit.saturating_mul(2).max(MIN_DROPPED)
        {
            self.limits.watch.check()?;
            self.rows.keep_first(limit);
            self.bound = self.rows.last().map(<[u8]>::to_vec);
        }
        if self.rows.bytes() >= self.most_bytes {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        self.limits.watch.check()?;
        self.rows.keep_first(self.limit.unwrap_or(usize::MAX));
        self.spilled.push(Spilled::write(&self.rows, &self.limits.temp_dir)?);
        self.rows.clear();
        Ok(())
    }

    /// The flows of all threads, in order.
    fn finish(mut self, options: &SortOptions) -> Result<FlowStream> {
        self.limits.watch.check()?;
        self.rows.keep_first(self.limit.unwrap_or(usize::MAX));
        let held = Rows::new(self.rows.into_rows().map(Ok));
        let spilled = self.spilled.into_iter().map(Spilled::read);
        let rows = Merge::new(spilled.chain([held]).collect());
        let left = options.limit.unwrap_or(u64::MAX);
        let (columns, watch) = (options.columns, self.limits.watch);
        let mut sorted =
            Sorted { rows, unpacked: Unpacked::new(self.packing), left, columns, watch };
        Ok(Box::new(std::iter::from_fn(move || sorted.next_batch().transpose())))
    }
}

impl Aggregate for FlowSort {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        if self.limit == Some(0) {
            return Ok(());
        }
        for (place, flow) in flows.records().enumerate() {
            self.row.clear();
            self.packing.order.push_key(&flow, &mut self.row);
            // Most are told by the key alone where few are wanted.
            let key = self.row.len();
            if self.bound.as_ref().is_some_and(|bound| self.row[..] > bound[..key]) {
                continue;
            }
            self.packing.push_rest(&flow, flows.extras.get(place), &mut self.row);
            if self.bound.as_ref().is_some_and(|bound| self.row > *bound) {
                continue;
            }
            self.rows.push(&self.row);
            self.make_room()?;
        }
        Ok(())
    }

    fn merge(&mut self, mut other: Self) -> Result<()> {
        self.spilled.append(&mut other.spilled);
        self.rows.append(other.rows);
        if self.rows.bytes() > self.limits.memory_bytes {
            self.spill()?;
        }
        Ok(())
    }
}

/// Sorted rows on their way to batches.
struct Sorted {
    rows: Merge<Rows>,
    unpacked: Unpacked,
    left: u64,
    columns: Columns,
    watch: Watch,
}

impl Sorted {
    fn next_batch(&mut self) -> Result<Option<FlowBatch>> {
        self.watch.check()?;
        while self.left > 0 && self.unpacked.len() < SCAN_BATCH_ROWS {
            // A batch is of one family.
            if self.rows.peek().is_some_and(|row| !self.unpacked.has_room_for(row)) {
                break;
            }
            let Some(row) = self.rows.next(|rows, _| rows.take())?.flatten() else { break };
            self.unpacked.push(&row);
            self.left -= 1;
        }
        Ok((self.unpacked.len() > 0).then(|| self.unpacked.take(self.columns)))
    }
}
