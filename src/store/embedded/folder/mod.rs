//! The folder and its commit protocol: which files there are, who may touch them, and the manifest
//! that says which of them are the store. It changes in one step (elsewhere: a transaction log).

pub(super) mod access;
pub(super) mod commit;
pub(super) mod file_names;
pub(super) mod lock;
pub(super) mod manifest;
pub(super) mod places;
pub(super) mod reclaim;
pub(super) mod run_columns;
pub(super) mod sources;
