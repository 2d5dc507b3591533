//! What stands out is kept, and told: each alert once by each way, tried again until it is
//! delivered or given up, also by the next process.
//!
//! [`Alerts`] takes what detections, rules and watch lists raise. A [`Keeper`] keeps an alert and
//! the messages about it in one step, so nothing is kept that would not be told. A thread for each
//! [`Way`] sends what waits for it, at its own pace: one that hangs harms no other. A message tells the
//! alert as it stands when it is sent, with its id and how often it was raised: after a crash one
//! may come twice, and a receiver can know it.

mod alerts;
mod asked;
#[cfg(feature = "testing")]
pub mod conformance;
mod counters;
mod courier;
mod finding;
mod keeper;
mod kept;
mod moment;
#[cfg(feature = "mongodb")]
mod mongo;
mod shared;
mod sqlite;
mod suppressions;
#[cfg(test)]
mod tests;
pub mod way;

pub(crate) use alerts::join_within;
pub use alerts::{Alerts, AlertsError, Raised};
pub use asked::Which;
pub use counters::{Counts, WayCounts};
pub use finding::{Alert, ParseSourceError, Source};
pub use keeper::{Keeper, Wanted};
pub use kept::{Fate, Kept, Message, ParseStateError, State, Status, Terms, Verdict};
#[cfg(feature = "mongodb")]
pub use mongo::MongoKeeper;
pub use shared::Options;
pub use sqlite::SqliteKeeper;
pub use suppressions::{SuppressionsError, suppress, suppressed, suppressions, unsuppress};
pub use way::Way;

use std::path::{Path, PathBuf};

use crate::keep::Result;

/// A note of who judges has so many bytes at most.
pub const MAX_NOTE: usize = 4_000;

/// The file of alerts in the folder of a server.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("alerts.sqlite")
}

/// Where alerts are kept: in the MongoDB of a URL, where jobs are, too; or, without one, in a file in
/// `folder`.
///
/// # Errors
///
/// [`KeepError`](crate::keep::KeepError) if the URL names none, or this program was built without MongoDB;
/// else as [`SqliteKeeper::open`]. A server that does not answer is no error: it is asked again.
pub fn keeper(url: Option<&str>, folder: &Path) -> Result<Box<dyn Keeper>> {
    match url {
        None => Ok(Box::new(SqliteKeeper::open(&file(folder))?)),
        #[cfg(feature = "mongodb")]
        Some(url) => Ok(Box::new(MongoKeeper::new(url)?)),
        #[cfg(not(feature = "mongodb"))]
        Some(_) => Err(crate::keep::without_mongodb()),
    }
}
