//! The default store: a directory of Parquet runs, sorted by row key, and a manifest.
//!
//! Four rooms and what lies around them, each of which uses those before it:
//!
//! - `folder`: the files by their names, who may touch them, and how they change in one step
//!   (elsewhere: a transaction log, file locks).
//! - `run`: one sorted file of flows, written, opened and read (an `SSTable`, with columns inside).
//! - this folder: the store itself and what a snapshot of it answers, with the ledger of loads, the
//!   names that exporters told, and the identities of datagrams.
//! - `sums`: what the flows of runs come to, beside them.
//! - `watchlists`: what is watched for in what comes, and what was hit.
//! - `upkeep`: what is done with what is stored: merging, deleting, looking for damage.
//! - `writer`: what is written, and merged beside that.

mod checked;
mod days;
mod folder;
mod identities;
mod ledger;
mod names;
mod run;
mod snapshot;
mod store;
mod sums;
mod upkeep;
mod watchlists;
mod writer;

#[cfg(test)]
mod tests;

pub use store::EmbeddedStore;
#[cfg(test)]
pub(crate) use upkeep::Worth;
pub use upkeep::{Compacted, Effort, Fit, Misfit, Verified};

use self::folder::file_names::{NAMES, remembered_name};
use self::folder::lock::Held;
use self::writer::EmbeddedWriter;
use crate::flow::{Names, Remembered, Topic, UnixMillis};
use crate::store::{Expired, Load, Result, Snapshot, Store, WatchLists, Writer};

impl Store for EmbeddedStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        Ok(Box::new(self.open()?))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        Ok(Box::new(EmbeddedWriter::open(self.dir())?))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        // A store that is not there is an error, not one into which nothing was loaded.
        drop(Held::open(self.dir(), None)?);
        ledger::read(self.dir())
    }

    fn names(&self) -> Result<Names> {
        drop(Held::open(self.dir(), None)?);
        checked::read(&self.dir().join(NAMES))
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        drop(Held::open(self.dir(), None)?);
        checked::read(&self.dir().join(remembered_name(topic)))
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        if dry_run { self.would_expire(before) } else { self.expire_before(before) }
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        Ok(Box::new(self.clone()))
    }
}
