//! Sorted rows in temporary files.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::super::temporary::TemporaryFile;
use super::arena::Arena;
use crate::store::merge::Sorted;
use crate::store::{Result, StoreError};

/// Bytes read or written at once.
const BUFFER_BYTES: usize = 64 << 10;

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
        let written = write_rows(&mut to, rows);
        written.map_err(StoreError::io(&to.path, "write temporary file"))?;
        Ok(Self { to, rows: rows.len() })
    }

    /// The rows of the file.
    pub(super) fn read(self) -> Rows {
        Rows::new(Reader {
            rows: self.rows,
            from: BufReader::with_capacity(BUFFER_BYTES, File(self.to)),
        })
    }
}

fn write_rows(to: &mut TemporaryFile, rows: &Arena) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, &mut to.file);
    for row in rows.rows() {
        writer.write_all(&(row.len() as u32).to_le_bytes())?;
        writer.write_all(row)?;
    }
    writer.flush()?;
    drop(writer);
    to.file.seek(SeekFrom::Start(0)).map(drop)
}

/// A file that is read.
struct File(TemporaryFile);

impl Read for File {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.file.read(to)
    }
}

struct Reader {
    rows: usize,
    from: BufReader<File>,
}

impl Iterator for Reader {
    type Item = Result<Arc<[u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows = self.rows.checked_sub(1)?;
        let row = read_row(&mut self.from);
        let path = &self.from.get_ref().0.path;
        Some(row.map_err(|error| StoreError::io(path, "read temporary file")(error)))
    }
}

fn read_row(from: &mut impl Read) -> io::Result<Arc<[u8]>> {
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
