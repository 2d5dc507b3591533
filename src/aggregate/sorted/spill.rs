//! Sorted rows in temporary files.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::super::temporary::{TemporaryFile, TemporaryReader};
use super::arena::Arena;
use crate::store::Result;
use crate::store::merge::Sorted;

/// Rows in a file: the length of each, u32, before it.
#[derive(Debug)]
pub(super) struct Spilled {
    to: TemporaryFile,
    rows: usize,
}

impl Spilled {
    /// Writes `rows`, which are sorted, to a file in `folder`.
    pub(super) fn write(rows: &Arena, folder: &Path) -> Result<Self> {
        let mut to = TemporaryFile::create(folder)?;
        to.fill(|to| {
            rows.rows().try_for_each(|row| {
                to.write_all(&(row.len() as u32).to_le_bytes())?;
                to.write_all(row)
            })
        })?;
        Ok(Self { to, rows: rows.len() })
    }

    /// The rows of the file.
    pub(super) fn read(self) -> Rows {
        let mut from = self.to.read();
        Rows::new((0..self.rows).map(move |_| read_row(&mut from)))
    }
}

fn read_row(from: &mut TemporaryReader) -> Result<Arc<[u8]>> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let mut row = vec![0; u32::from_le_bytes(len) as usize];
    from.read_exact(&mut row)?;
    Ok(row.into())
}

/// Sorted rows, of a file or from memory, and the next one of them.
pub(super) struct Rows {
    rows: Box<dyn Iterator<Item = Result<Arc<[u8]>>> + Send>,
    next: Option<Arc<[u8]>>,
}

impl Rows {
    pub(super) fn new(rows: impl Iterator<Item = Result<Arc<[u8]>>> + Send + 'static) -> Self {
        Self { rows: Box::new(rows), next: None }
    }

    /// The row that came as [`Sorted::key`].
    pub(super) fn take(&mut self) -> Option<Arc<[u8]>> {
        self.next.take()
    }
}

impl Sorted for Rows {
    type Key = Arc<[u8]>;

    fn key(&mut self) -> Result<Option<Self::Key>> {
        self.next = self.rows.next().transpose()?;
        Ok(self.next.clone())
    }
}
