//! The default store: a directory of Parquet runs, sorted by row key, and a manifest.

mod fs;
mod identities;
mod layout;
mod ledger;
mod lock;
mod manifest;
mod reclaim;
mod write_access;
