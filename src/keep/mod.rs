//! What keeps small things over the end of a process: a file of SQLite's, or a MongoDB.
//!
//! Jobs and alerts are kept by this alike; what tables there are, and what is in them, is theirs.

mod error;
#[cfg(feature = "mongodb")]
mod mongo;
mod sqlite;

pub use error::KeepError;
#[cfg(feature = "mongodb")]
pub(crate) use mongo::{MongoPlace, NotKept, is_duplicate, read, written};
pub(crate) use sqlite::{Sharing, SqliteFile, Tables};

/// The result of work on what is kept.
pub(crate) type Result<T, E = KeepError> = std::result::Result<T, E>;

/// As many rows as a keeper whose numbers are signed can be asked for.
pub(crate) fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Why nothing is kept in a MongoDB by a program that was built without it. Its URL may have a password in
/// it, and is not told.
#[cfg(not(feature = "mongodb"))]
pub(crate) fn without_mongodb() -> KeepError {
    KeepError::Refused {
        place: "MongoDB".to_owned(),
        doing: "open",
        source:
            "this program was built without MongoDB, as a build with `--features mongodb` is not; \
                 without a URL it is kept in a file"
                .into(),
    }
}
