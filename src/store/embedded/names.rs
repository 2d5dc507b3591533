//! What exporters call their interfaces, VRFs and applications: a small file, replaced as a whole.
//!
//! The first line is the XXH3-64 of the second, which is JSON.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::fs::{NewFile, sync_dir};
use super::layout::NAMES;
use super::manifest::Checksum;
use crate::netflow::Names;
use crate::store::{Result, StoreError};

/// The names in the store at `dir`; none where nobody told any.
///
/// # Errors
///
/// [`StoreError::Damaged`] if they are not as they were written.
pub(super) fn read(dir: &Path) -> Result<Names> {
    let path = dir.join(NAMES);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Names::default()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(StoreError::damaged(&path, "it is no text"));
        }
        Err(error) => return Err(StoreError::io(&path, "read")(error)),
    };
    let (checksum, body) = text.split_once('\n').unwrap_or_default();
    if Checksum::of(body.as_bytes()).to_string() != checksum {
        return Err(StoreError::damaged(&path, "its checksum does not match"));
    }
    serde_json::from_str(body).map_err(|error| StoreError::damaged(&path, error.to_string()))
}

/// Replaces the names in the store at `dir`, durably.
pub(super) fn write(dir: &Path, names: &Names) -> Result<()> {
    let path = dir.join(NAMES);
    let body = serde_json::to_string(names)
        .map_err(|error| StoreError::io(&path, "write")(error.into()))?;
    let checksum = Checksum::of(body.as_bytes());
    let mut file = NewFile::create(&path)?;
    write!(file, "{checksum}\n{body}").map_err(StoreError::io(&path, "write"))?;
    file.finish()?;
    sync_dir(dir)
}
