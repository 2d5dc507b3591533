//! The pages of one column of a row group, in memory while all columns of it fill.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::errors::Result;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};

/// The bytes of a column chunk while they are written; clones share them.
#[derive(Clone)]
pub(super) struct Chunk(Arc<Mutex<TrackedWrite<Vec<u8>>>>);

impl Default for Chunk {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(TrackedWrite::new(Vec::new()))))
    }
}

impl Chunk {
    fn pages(&self) -> MutexGuard<'_, TrackedWrite<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was written.
    ///
    /// # Errors
    ///
    /// None in practice: memory takes everything.
    pub(super) fn take(&self) -> Result<Bytes> {
        let pages = std::mem::replace(&mut *self.pages(), TrackedWrite::new(Vec::new()));
        Ok(pages.into_inner()?.into())
    }
}

impl PageWriter for Chunk {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        SerializedPageWriter::new(&mut *self.pages()).write_page(page)
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
