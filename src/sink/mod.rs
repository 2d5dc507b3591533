//! Flows on their way to places of others: folders of files, servers, topics. What all of these have in
//! common: batches go in, through bounded memory, and an account of them comes out.

#[cfg(feature = "elastic")]
pub mod elastic;
mod error;
#[cfg(any(feature = "elastic", feature = "kafka"))]
mod identity;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(any(feature = "elastic", feature = "kafka"))]
mod load;
pub mod parquet_folder;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use serde::Serialize;

pub use error::SinkError;

use crate::flow::FlowBatch;
use crate::store::{FlowStream, Result as StoreResult, StoreError};

/// A place that takes flows. Whatever is dropped before [`Self::finish`] leaves nothing half
/// written that others would read.
pub trait Sink {
    /// Takes `flows`, which have every column. What it meets may be told by a later call.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if they, or earlier ones, cannot be written.
    fn write(&mut self, flows: &FlowBatch) -> Result<(), SinkError>;

    /// Waits until everything is durable there, and says what became of it.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    fn finish(self: Box<Self>) -> Result<Written, SinkError>;
}

/// What became of the flows that a sink took: `taken = flows + already + refused`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// Flows that were written.
    pub flows: u64,
    /// Flows that were there before.
    pub already: u64,
    /// Flows that the other side did not take, by its reason.
    pub refused: BTreeMap<String, u64>,
    /// Files that they are in; 0 where there are none.
    pub files: u64,
    /// Bytes that were written, or sent.
    pub bytes: u64,
    /// Times that something was sent again, as nobody said what became of it; told by topics.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called by what serde generates")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Written {
    /// Takes in what was written elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.flows += other.flows;
        self.already += other.already;
        self.files += other.files;
        self.bytes += other.bytes;
        self.retries += other.retries;
        for (reason, count) in &other.refused {
            *self.refused.entry(reason.clone()).or_default() += count;
        }
    }
}

/// So many batches are read before the sink takes them.
const READ_AHEAD: usize = 4;

/// Pours `flows` into `sink`: a thread of its own reads them while the sink writes. `poured` counts
/// those that the sink took, for who watches.
///
/// # Errors
///
/// What the stream meets, as [`SinkError::Store`], and what the sink does.
pub fn pour(
    flows: FlowStream,
    sink: &mut (dyn Sink + '_),
    poured: &AtomicU64,
) -> Result<(), SinkError> {
    thread::scope(|scope| {
        let (to, batches) = sync_channel(READ_AHEAD);
        let reader = thread::Builder::new().name("read".to_owned());
        reader.spawn_scoped(scope, move || read(flows, &to)).map_err(StoreError::Thread)?;
        // Leaving the loop drops the channel, which ends the reader.
        for batch in batches {
            let batch = batch?;
            sink.write(&batch)?;
            poured.fetch_add(batch.len() as u64, Relaxed);
        }
        Ok(())
    })
}

fn read(flows: FlowStream, to: &SyncSender<StoreResult<FlowBatch>>) {
    for batch in flows {
        if to.send(batch).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Family, FlowRecord, Origin};

    /// Takes so many flows.
    struct Room(u64);

    impl Sink for Room {
        fn write(&mut self, flows: &FlowBatch) -> Result<(), SinkError> {
            let left = self.0.checked_sub(flows.len() as u64);
            self.0 = left.ok_or_else(|| SinkError::refused("here", "write", "no room"))?;
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<Written, SinkError> {
            Ok(Written::default())
        }
    }

    fn batches(count: usize) -> impl Iterator<Item = StoreResult<FlowBatch>> + Send {
        let mut batch = FlowBatch::new(Family::V4);
        let (src, dst) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        batch.push_with(&FlowRecord::between(src, dst), 0, Origin(0), &[]);
        std::iter::repeat_n(batch, count).map(Ok)
    }

    #[test]
    fn everything_is_poured_or_the_first_error_told() {
        let poured = AtomicU64::new(0);
        let pour = |flows: FlowStream, room| {
            let result = super::pour(flows, &mut Room(room), &poured);
            (result.map_err(|error| error.to_string()), poured.swap(0, Relaxed))
        };
        assert_eq!(pour(Box::new(batches(20)), 20), (Ok(()), 20));
        assert_eq!(pour(Box::new(batches(0)), 20), (Ok(()), 0));
        // The reader has more than the channel holds.
        let full = Err("here: write: no room".to_owned());
        assert_eq!(pour(Box::new(batches(2000)), 3), (full, 3));
        let stopped = batches(2).chain([Err(StoreError::Stopped)]);
        assert_eq!(pour(Box::new(stopped), 9), (Err(StoreError::Stopped.to_string()), 2));
    }
}
