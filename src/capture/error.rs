//! What keeps a file from being read at all. Damage inside of one is data: see `Fault`.

use std::io;
use std::path::PathBuf;

use super::name::printable;

/// Why nothing of a file or directory could be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// There is no such file, or it may not be read.
    #[error("open {}", printable(&path.to_string_lossy()))]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A directory whose entries could not be listed.
    #[error("list {}", printable(&path.to_string_lossy()))]
    List {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}
