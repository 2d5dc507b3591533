//! What can go wrong on the way to a sink.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Why flows did not get to their place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The store failed while it was read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused.
    #[error("{path}: {doing}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done to it: `write`, `rename`.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The place holds something else than what is to be written there.
    #[error("{place}: {problem}")]
    Other {
        /// The folder, or the server.
        place: String,
        /// What it holds, and what to do about it.
        problem: String,
    },
    /// The other side refused, and will again.
    #[error("{place}: {doing}: {detail}")]
    Refused {
        /// The server.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        detail: String,
    },
}

impl SinkError {
    /// A system error met while `doing` something to `path`; goes with `map_err`.
    pub fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }

    /// What the other side refused to do.
    pub fn refused(
        place: impl Into<String>,
        doing: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::Refused { place: place.into(), doing, detail: detail.into() }
    }
}
