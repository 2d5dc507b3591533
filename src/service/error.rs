//! Why a service cannot be.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why a service cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Others would be let in, or heard, who should not.
    #[error("{0}")]
    Open(String),
    /// An address cannot be listened at.
    #[error("listen at {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A file or a folder cannot be used.
    #[error("{}: {doing}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was being done to it.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A certificate or its key cannot be used.
    #[error("{}: {problem}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something of the accounts cannot be as asked for.
    #[error("{0}")]
    Account(String),
    /// The place where jobs are kept cannot be used.
    #[error("open the jobs")]
    Jobs(#[source] Box<dyn Error + Send + Sync>),
    /// The place where alerts are kept cannot be used.
    #[error("open the alerts")]
    Alerts(#[source] crate::keep::KeepError),
    /// A thread cannot be started.
    #[error("start a thread")]
    Thread(#[source] io::Error),
}

impl ServiceError {
    pub(super) fn file(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, doing, source }
    }
}
