//! What can go wrong with a topic.

use std::io;
use std::path::PathBuf;

/// Why messages did not come, or did not go. The message names the topic.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// No broker answers, or none that can.
    #[error("{place}: cannot be reached")]
    Unreachable {
        /// The topic.
        place: String,
        /// Why not.
        source: io::Error,
    },
    /// A broker refused, and will again.
    #[error("{place}: {doing}: {detail}")]
    Refused {
        /// The topic.
        place: String,
        /// What was being done: `write`, `read`.
        doing: &'static str,
        /// What it said.
        detail: String,
    },
    /// The certificates of who vouches for brokers cannot be had.
    #[error("{path}: {detail}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        detail: String,
    },
    /// The system gives no thread.
    #[error("a thread: start")]
    Thread(#[source] io::Error),
    /// Whoever asked has given it up.
    #[error("stopped before the end")]
    Stopped,
}
