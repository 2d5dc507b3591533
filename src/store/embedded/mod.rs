//! The default store: a directory of Parquet runs, sorted by row key, and a manifest.

mod column_cursor;
mod commit;
mod compact;
mod days;
mod expire;
mod fit;
pub(crate) mod fs;
mod identities;
mod layout;
mod ledger;
mod lock;
mod manifest;
mod merge;
mod names;
mod open_files;
mod packed;
mod page;
mod page_header;
mod reclaim;
mod run_file;
mod run_reader;
mod run_set;
mod run_writer;
mod schema;
mod snapshot;
mod sort;
mod sources;
mod split;
mod store;
mod verify;
mod write_access;
mod writer;

#[cfg(test)]
mod tests;

pub use compact::{Compacted, Effort};
pub use fit::{Fit, Misfit};
pub use store::EmbeddedStore;
pub use verify::Verified;

/// The version of the layout of runs.
const LAYOUT_VERSION: u32 = 1;
