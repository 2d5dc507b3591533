//! From captures to a store: read, decode, drop what was seen before, batch, write.
//!
//! Every datagram and every record that is read is accounted for, and nothing counts as stored
//! before the store says that it is durable. `reader` reads captures, and by way of `imports` files
//! of other tools; `feed` takes datagrams and pieces to the store by way of `batcher`, and `accounts`
//! counts them.

mod accounts;
mod batcher;
mod exporters;
mod feed;
mod files;
mod imports;
mod progress;
mod reader;
mod sample;
mod session;
#[cfg(feature = "kafka")]
mod topic;

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

pub(crate) use exporters::ByExporter;
pub use exporters::{ClockAhead, ClockOff, Exported, MAX_AHEAD, MAX_EXPORTERS};
pub use feed::Feed;
pub use files::MAX_FILES_LISTED;
pub use progress::{Done, Progress};
pub(crate) use reader::Reader;
pub use sample::quantiles;
pub use session::Session;
#[cfg(feature = "kafka")]
pub use topic::{Topic, load_topic};

use crate::capture::Input;
use crate::normalise::Rates;
use crate::store::{Load, Store, StoreError};

/// How a load goes about its work.
#[derive(Debug, Clone)]
pub struct Options {
    /// At most so many flows are written at once: what memory allows. A single datagram is never
    /// divided.
    pub batch_flows: usize,
    /// How often what was read is made durable, at least, also while a pipe is quiet.
    pub commit_every: Duration,
    /// Whether the datagrams were received by this machine a moment ago, so that the times of their
    /// receipt count more than what exporters' clocks say: flows of a clock that is more than a day
    /// ahead are moved by the difference. The times of a capture may be anybody's; nothing is moved
    /// by them.
    pub live: bool,
    /// How exporters sample, where they do not tell it, or tell it wrongly.
    pub rates: Rates,
    /// Whose flows are, in files of other tools, of which these do not say it.
    pub exporter: Option<IpAddr>,
    /// Set by another thread, it ends the load: what was read is kept, the rest is left.
    pub stop: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch_flows: 2_000_000,
            commit_every: Duration::from_secs(30),
            live: false,
            rates: Rates::default(),
            exporter: None,
            stop: Arc::default(),
        }
    }
}

/// Why a load did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store could not be opened for writing; nothing was read.
    #[error(transparent)]
    Open(StoreError),
    /// The store failed on the way.
    #[error("stopped, with {} flows of this load kept", kept.account.stored)]
    Stopped {
        /// What is durable: the ledger entry as of the last commit.
        kept: Box<Load>,
        /// What the store met.
        source: StoreError,
    },
}

/// Reads `inputs` one after the other, and writes their flows to `store`.
///
/// Loading again what was loaded before, whole or in part, stores nothing twice. The ledger entry
/// that is returned is in the store's ledger, too: from the start of the load, brought up to date
/// at every commit, and finished at its end. What is wrong with an input is told in it, and ends
/// only the reading of this input.
///
/// # Errors
///
/// [`LoadError`] if the store fails, with what it had acknowledged until then.
pub fn load(
    store: &dyn Store,
    inputs: &[Input],
    options: &Options,
    progress: &Progress,
) -> Result<Load, LoadError> {
    progress.bytes_total.store(total_bytes(inputs), Relaxed);
    let mut reader =
        Reader::open(store, Session::new(), options, progress).map_err(LoadError::Open)?;
    for input in inputs {
        if reader.is_over() {
            break;
        }
        // What cannot be read is told in the entry, and the next input may be sound.
        let _ = reader.read(input);
    }
    reader.finish()
}

/// Bytes of all inputs together, as they are stored; 0 if one of them does not tell.
fn total_bytes(inputs: &[Input]) -> u64 {
    let bytes = |input: &Input| match input {
        Input::File(path) | Input::Plain(path) => {
            fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len())
        }
        Input::Stdin => None,
    };
    inputs.iter().map(bytes).sum::<Option<u64>>().unwrap_or(0)
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
