//! Temporary files for what does not fit into memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
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

/// Bytes read or written at once.
const BUFFER_BYTES: usize = 64 << 10;

impl TemporaryFile {
    /// Writes to it through a buffer, and goes back to its beginning.
    pub(super) fn fill(
        &mut self,
        write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
    ) -> Result<()> {
        let mut to = BufWriter::with_capacity(BUFFER_BYTES, &mut self.file);
        let written = write(&mut to).and_then(|()| to.flush());
        drop(to);
        let written = written.and_then(|()| self.file.seek(SeekFrom::Start(0)).map(drop));
        written.map_err(StoreError::io(&self.path, "write temporary file"))
    }

    /// To be read from where it is, through a buffer.
    pub(super) fn read(self) -> TemporaryReader {
        TemporaryReader(BufReader::with_capacity(BUFFER_BYTES, self))
    }
}

impl Read for TemporaryFile {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.file.read(to)
    }
}

/// A temporary file that is read; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct TemporaryReader(BufReader<TemporaryFile>);

impl TemporaryReader {
    /// Fills all of `to`.
    pub(super) fn read_exact(&mut self, to: &mut [u8]) -> Result<()> {
        let read = self.0.read_exact(to);
        read.map_err(|error| StoreError::io(&self.0.get_ref().path, "read temporary file")(error))
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
