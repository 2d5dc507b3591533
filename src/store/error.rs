//! What can go wrong in a store, and what its caller can do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whether, and when, the same call may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// At once.
    Now,
    /// After a pause.
    After(Duration),
    /// Not before somebody has done something about it.
    Never,
}

/// What a store met. The message names the place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store at the place.
    #[error("{place}: there is no store here")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// The place holds something else.
    #[error("{place}: not a store: {found}")]
    NotAStore {
        /// The folder, or the tables of a server.
        place: String,
        /// What was found there.
        found: String,
    },
    /// Another writer has the store.
    #[error("{place}: in use by another writer{holder}")]
    InUse {
        /// The store.
        place: String,
        /// ` (process 123)`, or nothing where it is not known.
        holder: String,
    },
    /// Somebody deleted the file of a lock, so that it keeps nobody out any more.
    #[error(
        "{path}: this lock was deleted while it was held, so others may write beside: nothing is committed"
    )]
    LostLock {
        /// The lock's file.
        path: PathBuf,
    },
    /// The store was written by a later version.
    #[error("{place}: format {found}, this version reads up to {known}")]
    Newer {
        /// The file, or the store, that says so.
        place: String,
        /// The format found.
        found: u32,
        /// The last format known here.
        known: u32,
    },
    /// A later version wrote a column that is not known here. What has it can be read, and deleted as
    /// a whole, but not be written anew without losing that column.
    #[error("{place}: it has a column {column}, which this version does not know and would lose")]
    UnknownColumn {
        /// What has it.
        place: String,
        /// Its name.
        column: String,
    },
    /// A file, or a table, is not what was written.
    #[error("{place}: damaged: {detail}")]
    Damaged {
        /// The file, or the table.
        place: String,
        /// What does not fit, and where.
        detail: String,
    },
    /// The system refused.
    #[error("{path}: {doing}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done to it: `write`, `open`.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("a thread: start")]
    Thread(#[source] io::Error),
    /// The store cannot be reached.
    #[error("{place}: cannot be reached")]
    Unreachable {
        /// The server.
        place: String,
        /// Why not.
        source: io::Error,
    },
    /// A server refused, and will again.
    #[error("{place}: {doing}: {detail}")]
    Refused {
        /// The store.
        place: String,
        /// What was being done: `write`, `scan`.
        doing: &'static str,
        /// What the server said.
        detail: String,
    },
    /// Whoever asked has given the answer up, by [`Watch::stop`](super::Watch::stop).
    #[error("stopped before the end")]
    Stopped,
    /// A fault that a test asked for.
    #[cfg(feature = "testing")]
    #[error("injected fault at {at}")]
    Injected {
        /// The call that was made to fail.
        at: &'static str,
    },
}

impl StoreError {
    /// A system error met while `doing` something to `path`; goes with `map_err`.
    pub fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }

    /// What the system said, for callers that tell by themselves what it was about.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Io { source, .. } => source,
            other => io::Error::other(other),
        }
    }

    /// A file that is not what was written.
    pub fn damaged(path: &Path, detail: impl Into<String>) -> Self {
        Self::Damaged { place: path.display().to_string(), detail: detail.into() }
    }

    /// What a topic met.
    #[cfg(feature = "kafka")]
    pub(crate) fn of_topic(error: crate::kafka::KafkaError) -> Self {
        use crate::kafka::KafkaError;
        match error {
            KafkaError::Unreachable { place, source } => Self::Unreachable { place, source },
            KafkaError::Refused { place, doing, detail } => Self::Refused { place, doing, detail },
            KafkaError::Certificates { path, detail } => Self::damaged(&path, detail),
            KafkaError::Thread(error) => Self::Thread(error),
            KafkaError::Stopped => Self::Stopped,
        }
    }

    /// What a server refused to do.
    pub(crate) fn refused(place: String, doing: &'static str, detail: String) -> Self {
        Self::Refused { place, doing, detail }
    }

    /// What the caller can do.
    pub fn retry(&self) -> Retry {
        match self {
            Self::InUse { .. } | Self::LostLock { .. } | Self::Unreachable { .. } => {
                Retry::After(Duration::from_secs(1))
            }
            _ => Retry::Never,
        }
    }
}
