//! Where jobs and their results are kept: one trait, and the keepers that implement it.

use std::fmt;

use super::{Job, JobId, Status};
use crate::keep::KeepError;

/// The result of a keeper's work.
pub(super) type Result<T, E = KeeperError> = std::result::Result<T, E>;

/// Keeps jobs and their results over the end of the process. What a call did is durable when it
/// returns. A call that failed may have been carried out all the same; made again, it does no harm.
/// `Display` names the place in messages.
pub trait Keeper: fmt::Display + Send + Sync {
    /// Keeps a new job.
    ///
    /// # Errors
    ///
    /// [`KeeperError::Exists`] if another has its id; else what the place meets.
    fn add(&self, job: &Job) -> Result<()>;

    /// The job with this id, if there is one.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn job(&self, id: JobId) -> Result<Option<Job>>;

    /// Jobs, the newest first: `limit` of them behind the first `offset`.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn jobs(&self, offset: u64, limit: u64) -> Result<Vec<Job>>;

    /// All jobs that are not over, the oldest first.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn unfinished(&self) -> Result<Vec<Job>>;

    /// Keeps `job` in place of what is kept of it, provided that it has the status `from`, or is
    /// as it is to be already; says whether that was so.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn replace(&self, job: &Job, from: Status) -> Result<bool>;

    /// Keeps results of `job`, a JSON object each, of which the first is the result number `first`,
    /// counted from 0. They come in order, without gaps; what comes again is the same as before.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn append(&self, job: &Job, first: u64, rows: &[String]) -> Result<()>;

    /// Results of `job` in order: `limit` of them behind the first `offset`.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn results(&self, job: &Job, offset: u64, limit: u64) -> Result<Vec<String>>;

    /// Forgets the results of `job`.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn clear(&self, job: &Job) -> Result<()>;

    /// Forgets `job` and its results.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn remove(&self, job: &Job) -> Result<()>;
}

/// What a keeper met.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// There is a job with this id.
    #[error("there is a job {0} already")]
    Exists(JobId),
    /// What the place meets.
    #[error(transparent)]
    Place(#[from] KeepError),
}

impl KeeperError {
    /// Whether the same call may go well in a moment.
    pub fn may_get_well(&self) -> bool {
        matches!(self, Self::Place(KeepError::Unreachable { .. }))
    }
}
