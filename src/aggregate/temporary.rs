//! Temporary files for what does not fit into memory.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::store::{Result, StoreError};

/// A temporary file. It has no name where the system allows that, so that it is gone with the
/// process however that ends; else it is removed when it is dropped.
#[derive(Debug)]
pub(super) struct TemporaryFile {
    pub(super) file: File,
    /// Where it is or was, for messages.
    pub(super) path: PathBuf,
    named: bool,
}

impl TemporaryFile {
    /// Makes one in `folder`, to be written and read.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let path = folder.join(format!("earlgrey-hbase-{}-{number}.tmp", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            // It lies among everybody's, for a moment or longer.
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io(&path, "create temporary file"))?;
        let named = fs::remove_file(&path).is_err();
        Ok(Self { file, path, named })
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if self.named {
            // If it stays, the system takes care of it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
