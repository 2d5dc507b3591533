//! The default store: a directory of Parquet runs, sorted by row key, and a manifest.
//!
//! Four rooms, each of which uses those before it:
//!
//! - [`folder`]: the files by their names, who may touch them, and how they change in one step
//!   (elsewhere: a transaction log, file locks).
//! - [`run`]: one sorted file of flows, written, opened and read (an `SSTable`, with columns inside).
//! - this folder: the store itself, what is written to it and what a snapshot of it answers, with
//!   the ledger of loads, the names that exporters told, and the identities of datagrams.
//! - [`upkeep`]: what is done with what is stored: merging, deleting, looking for damage.

mod folder;
mod identities;
mod ledger;
mod names;
mod run;
mod snapshot;
mod store;
mod upkeep;
mod writer;

#[cfg(test)]
mod tests;

pub use store::EmbeddedStore;
pub use upkeep::{Compacted, Effort, Fit, Misfit, Verified};
