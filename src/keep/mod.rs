//! What keeps small things over the end of a process: a file of SQLite's.
//!
//! Jobs and alerts are kept by this alike; what tables there are, and what is in them, is theirs.

mod error;
mod sqlite;

pub use error::KeepError;
pub(crate) use sqlite::{Sharing, SqliteFile, Tables};

/// The result of work on what is kept.
pub(crate) type Result<T, E = KeepError> = std::result::Result<T, E>;

/// As many rows as a keeper whose numbers are signed can be asked for.
pub(crate) fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
