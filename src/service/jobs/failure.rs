//! Why an order cannot be followed, and why the work of a job came to no end.

use std::error::Error;

use super::{JobId, KeeperError};
use crate::request::{AskError, Refused};
use crate::store::StoreError;

/// Why an order cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobsError {
    /// There is no such job.
    #[error("there is no job {0}")]
    Unknown(JobId),
    /// The job is where this cannot be done with it.
    #[error("job {id} is {status}: it cannot be {order}")]
    Conflict {
        /// The job.
        id: JobId,
        /// Where it stands: a status, or words for what comes between.
        status: &'static str,
        /// What was to be done with it: `started`, `canceled`, `deleted`.
        order: &'static str,
    },
    /// What it asks for cannot be.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Too many jobs wait already.
    #[error("{0} jobs wait for their turn, which is as many as may")]
    Full(usize),
    /// Too many jobs are there that nobody started, so many of them by the same owner.
    #[error("too many jobs were made and not started, {0} of them yours; start or delete some")]
    TooManyMade(usize),
    /// The service is beginning, or ending.
    #[error("jobs are not ready: {0}")]
    NotReady(&'static str),
    /// The place where jobs are kept failed.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
}

/// Why the work of a job came to no end.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It asks for what cannot be.
    #[error("{0}")]
    Refused(String),
    /// Something failed.
    #[error("{0}")]
    Failed(String),
    /// Whoever watches gave it up.
    #[error("it was stopped")]
    Stopped,
}

impl WorkError {
    /// Something failed because of `error`. Where files of ours are is for the log alone.
    pub fn failed(error: impl Error) -> Self {
        let told = crate::load::chain(&error);
        tracing::warn!("a job: {told}");
        Self::Failed(without_folders(&told))
    }
}

/// A text whose paths are names of files.
fn without_folders(text: &str) -> String {
    let name = |word: &str| match word.rsplit_once('/') {
        Some((folders, name)) if folders.is_empty() || folders.starts_with('/') => name.to_owned(),
        _ => word.to_owned(),
    };
    text.split(' ').map(name).collect::<Vec<_>>().join(" ")
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stopped => Self::Stopped,
            error => Self::failed(error),
        }
    }
}

impl From<Refused> for WorkError {
    fn from(refused: Refused) -> Self {
        if refused.ours { Self::failed(refused) } else { Self::Refused(refused.message) }
    }
}

impl From<AskError> for WorkError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refused) => refused.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_files_are_is_not_told() {
        for (text, told) in [
            ("/var/lib/store/run-1.parquet: read: no space", "run-1.parquet: read: no space"),
            ("load captures/day.pcap: 3 of 4", "load captures/day.pcap: 3 of 4"),
            ("mongodb://host:27017: away", "mongodb://host:27017: away"),
        ] {
            assert_eq!(without_folders(text), told);
        }
    }
}
