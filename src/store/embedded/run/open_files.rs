//! Files that are read by their names, of which only a few are open at a time: a store of years has
//! more runs than a process may have open files.
//!
//! Who holds a manifest can open its files by name whenever he likes: they are not deleted, and no
//! name is given to another file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::page::ReadAt;

/// So many files stay open, in the whole process, whatever is read. Each thread may have one more
/// for the moment of a read.
const MAX_OPEN_FILES: usize = 64;

static OPEN: Mutex<Recent> = Mutex::new(Recent { files: Vec::new() });
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// The files that were read last, the latest at the end.
#[derive(Debug)]
struct Recent {
    files: Vec<(u64, Arc<File>)>,
}

impl Recent {
    fn get(&mut self, id: u64) -> Option<Arc<File>> {
        // Few enough that a walk takes less than a system call; the last ones are asked for most.
        let at = self.files.iter().rposition(|(known, _)| *known == id)?;
        self.files[at..].rotate_left(1);
        self.files.last().map(|(_, file)| Arc::clone(file))
    }

    /// Enters `file`; gives back one to be closed, which is done without the lock.
    fn enter(&mut self, id: u64, file: &Arc<File>) -> Option<Arc<File>> {
        self.files.push((id, Arc::clone(file)));
        (self.files.len() > MAX_OPEN_FILES).then(|| self.files.remove(0).1)
    }

    fn forget(&mut self, id: u64) -> Option<Arc<File>> {
        let at = self.files.iter().rposition(|(known, _)| *known == id)?;
        Some(self.files.remove(at).1)
    }
}

fn open_files() -> MutexGuard<'static, Recent> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that is opened when it is read, and again when it was closed meanwhile.
#[derive(Debug)]
pub(crate) struct NamedFile {
    /// No other file of this process has it.
    id: u64,
    path: PathBuf,
}

impl NamedFile {
    /// The file at `path`, which keeps its name as long as this lives. It is not opened yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { id: NEXT_ID.fetch_add(1, Relaxed), path }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, open.
    pub(crate) fn open(&self) -> io::Result<Arc<File>> {
        if let Some(file) = open_files().get(self.id) {
            return Ok(file);
        }
        let file = Arc::new(File::open(&self.path)?);
        let closed = open_files().enter(self.id, &file);
        drop(closed);
        Ok(file)
    }
}

impl ReadAt for NamedFile {
    fn read_at(&self, offset: u64, bytes: usize) -> io::Result<Bytes> {
        let mut buffer = vec![0; bytes];
        self.open()?.read_exact_at(&mut buffer, offset)?;
        Ok(buffer.into())
    }
}

impl Drop for NamedFile {
    fn drop(&mut self) {
        let closed = open_files().forget(self.id);
        drop(closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_files_are_read_with_few_open() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<NamedFile> = (0..3 * MAX_OPEN_FILES)
            .map(|number| {
                let path = folder.path().join(number.to_string());
                std::fs::write(&path, format!("{number:04}")).unwrap();
                NamedFile::new(path)
            })
            .collect();
        for round in 0..3 {
            for (number, file) in files.iter().enumerate() {
                let read = file.read_at(1, 3).unwrap();
                assert_eq!(read, format!("{number:04}")[1..], "round {round}");
                assert!(open_files().files.len() <= MAX_OPEN_FILES);
            }
        }
        // What is read again and again stays open while others come and go.
        let ours = |file: &NamedFile| open_files().files.iter().any(|(id, _)| *id == file.id);
        for other in &files[1..] {
            files[0].read_at(0, 1).unwrap();
            assert!(ours(&files[0]));
            other.read_at(0, 1).unwrap();
        }
        let ids: Vec<u64> = files.iter().map(|file| file.id).collect();
        drop(files);
        assert!(open_files().files.iter().all(|(id, _)| !ids.contains(id)));
    }
}
