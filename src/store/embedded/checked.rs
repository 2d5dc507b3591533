//! Small files of JSON beside the runs, each replaced as a whole.
//!
//! The first line is the XXH3-64 of the second, which is JSON.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::folder::manifest::Checksum;
use crate::store::{Result, StoreError, durable};

/// What the file holds; nothing where there is none.
///
/// # Errors
///
/// [`StoreError::Damaged`] if it is not as it was written.
pub(super) fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<T> {
    match read_existing(path) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(T::default())
        }
        read => read,
    }
}

/// What the file holds, which is there.
///
/// # Errors
///
/// As [`read`], and [`StoreError::Io`].
pub(super) fn read_existing<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(StoreError::damaged(path, "it is no text"));
        }
        Err(error) => return Err(StoreError::io(path, "read")(error)),
    };
    let (checksum, body) = text.split_once('\n').unwrap_or_default();
    if Checksum::of(body.as_bytes()).to_string() != checksum {
        return Err(StoreError::damaged(path, "its checksum does not match"));
    }
    serde_json::from_str(body).map_err(|error| StoreError::damaged(path, error.to_string()))
}

/// Replaces what the file holds, durably.
pub(super) fn write(path: &Path, content: &impl Serialize) -> Result<()> {
    let body = serde_json::to_string(content)
        .map_err(|error| StoreError::io(path, "write")(error.into()))?;
    let checksum = Checksum::of(body.as_bytes());
    durable::replace(path, format!("{checksum}\n{body}").as_bytes())
}
