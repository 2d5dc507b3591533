//! Which datagrams are in the store, so that none is stored twice (a deduplication index).

// What is read back is never narrowed without a word. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod file;
mod filter;
mod merge;
mod seen;
mod spans;

use std::path::Path;

pub(crate) use file::verify;
pub(crate) use merge::merge_small;
pub(crate) use seen::Seen;

use super::folder::manifest::IdentityFile;
use crate::flow::{DatagramId, UnixMillis};
use crate::store::Result;

/// Writes the identities of `datagrams` as new files in `dir`, and enters them in `files`, which is
/// the list of the manifest that they will be committed with. The latest flow of these datagrams
/// began at `latest`. The files are durable when this returns; their names are not yet.
///
/// # Errors
///
/// [`StoreError`](crate::StoreError) naming the file that cannot be written.
pub(crate) fn add(
    dir: &Path,
    mut datagrams: Vec<DatagramId>,
    latest: UnixMillis,
    files: &mut Vec<IdentityFile>,
    mut number: impl FnMut() -> u64,
) -> Result<()> {
    datagrams.sort_unstable();
    datagrams.dedup();
    for part in datagrams.chunks(file::MAX_FILE_IDENTITIES) {
        files.push(file::write(dir, number(), part, latest)?);
    }
    Ok(())
}
