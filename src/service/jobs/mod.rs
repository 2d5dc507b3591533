//! Jobs: questions, loads and exports that are carried out while nobody waits for them, and whose
//! results are kept.
//!
//! [`Jobs`] takes orders, and threads of its own carry them out, a few at once. What a job is to do
//! and where it stands is durable before anybody is told of it: a [`Keeper`] sees to that. How a job
//! is done is the affair of a [`Work`]; its results go to [`Results`], and a job is at its end only
//! when all of these are kept.

#[cfg(feature = "testing")]
pub mod conformance;
mod expiry;
mod failure;
mod id;
mod job;
mod keeper;
#[cfg(feature = "mongodb")]
mod mongo;
mod orders;
mod results;
mod running;
mod shared;
mod sqlite;
mod tasks;
mod upkeep;
mod work;
mod worker;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use failure::{JobsError, WorkError};
pub use id::{JobId, ParseJobIdError};
pub use job::{Job, Kind, NewJob, ParseKindError, Status};
pub use keeper::{Keeper, KeeperError};
#[cfg(feature = "mongodb")]
pub use mongo::MongoKeeper;
pub use orders::Jobs;
pub use results::Results;
pub use sqlite::SqliteKeeper;
pub use tasks::Tasks;
pub(super) use tasks::file_of;
pub use work::Work;

/// How jobs are carried out, and how long what comes of them is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// So many are carried out side by side.
    pub at_once: usize,
    /// So many may wait for their turn.
    pub max_queued: usize,
    /// So many may be there that nobody asked to start, and half of them of one owner.
    pub max_made: usize,
    /// None may take longer.
    pub max_time: Duration,
    /// Whether what was going on when the process ended is carried out once more by the next one.
    pub again: bool,
    /// Jobs that were over for so long are forgotten, with their results.
    pub keep: Duration,
    /// The results of all jobs may take so many bytes, as JSON; then those of the oldest go. A job
    /// whose own results take more fails.
    pub keep_bytes: u64,
    /// How long a keeper that does not answer is waited for, before a job fails for it.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            at_once: 2,
            max_queued: 1_000,
            max_made: 1_000,
            max_time: Duration::from_hours(1),
            again: false,
            keep: Duration::from_hours(30 * 24),
            keep_bytes: 10 << 30,
            patience: Duration::from_mins(1),
        }
    }
}

/// Where jobs are kept: in the MongoDB of a URL, or, without one, in a file in `folder`.
///
/// # Errors
///
/// [`KeeperError`] if the URL names none, or this program was built without MongoDB; else as
/// [`SqliteKeeper::open`]. A server that does not answer is no error: it is asked again.
pub fn keeper(url: Option<&str>, folder: &std::path::Path) -> keeper::Result<Box<dyn Keeper>> {
    match url {
        None => Ok(Box::new(SqliteKeeper::open(&folder.join("jobs.sqlite"))?)),
        #[cfg(feature = "mongodb")]
        Some(url) => Ok(Box::new(MongoKeeper::new(url)?)),
        #[cfg(not(feature = "mongodb"))]
        Some(_) => Err(crate::keep::without_mongodb().into()),
    }
}
