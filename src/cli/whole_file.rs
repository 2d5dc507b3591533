//! Files that are written for the user: each is there as a whole, or as it was before.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::StoreError;
use crate::store::durable::{self, NewFile};

/// Who may read and write them, as far as the umask lets: what is usual.
const FILE_MODE: u32 = 0o666;

/// What is half written, for whoever ends the process in the middle of it.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every file that is half written, and every folder of such files, and ends the process before another one is begun.
pub(super) fn with_none_unfinished(end: impl FnOnce()) {
    let unfinished = unfinished();
    for path in unfinished.iter() {
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    end();
}

/// A folder whose files are all half written, for as long as this is there.
#[derive(Debug)]
pub(super) struct UnfinishedFolder(PathBuf);

impl UnfinishedFolder {
    pub(super) fn new(path: PathBuf) -> Self {
        unfinished().push(path.clone());
        Self(path)
    }
}

impl Drop for UnfinishedFolder {
    fn drop(&mut self) {
        unfinished().retain(|path| *path != self.0);
    }
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: write", path.display())]
pub(super) struct WriteFileError {
    path: PathBuf,
    source: io::Error,
}

impl WriteFileError {
    /// What to do about it, where that is known.
    pub(super) fn hint(&self) -> Option<&'static str> {
        Some(match self.source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                "make room, or name a file in a place that has some; nothing was left behind"
            }
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                "check who owns the folder, or name a file in another"
            }
            ErrorKind::NotFound => "make the folder, or name a file in another",
            ErrorKind::AlreadyExists => "name another file, or say --force to replace this one",
            _ => return None,
        })
    }
}

/// A file on its way: it is written beside its place, and put there when it is whole. Dropped
/// before that, it is removed.
#[derive(Debug)]
pub(super) struct WholeFile {
    file: NewFile,
    replace: bool,
}

impl WholeFile {
    /// Begins the file at `path`. Where there is one already, it is left as it is until the new one
    /// is whole; unless `replace`, that is an error.
    ///
    /// # Errors
    ///
    /// [`WriteFileError`] also where `path` is a folder.
    pub(super) fn create(path: &Path, replace: bool) -> Result<Self, WriteFileError> {
        let failed = |source| WriteFileError { path: path.to_owned(), source };
        check(path, replace).map_err(failed)?;
        let mut unfinished = unfinished();
        let file = NewFile::create_for(path, FILE_MODE);
        let file = file.map_err(|error| failed(error.into_io()))?;
        unfinished.push(file.temp().to_owned());
        Ok(Self { file, replace })
    }

    /// What the writer of this file makes of an error that it met.
    pub(super) fn failed(&self) -> impl FnOnce(io::Error) -> WriteFileError + use<> {
        let path = self.file.path().to_owned();
        |source| WriteFileError { path, source }
    }

    /// Makes the file durable, puts it in its place, and says how many bytes are in it.
    ///
    /// # Errors
    ///
    /// [`WriteFileError`]; the place is as it was then.
    pub(super) fn finish(mut self) -> Result<u64, WriteFileError> {
        self.put().map_err(|error| self.failed()(error.into_io()))
    }

    fn put(&mut self) -> Result<u64, StoreError> {
        let bytes = self.file.bytes()?;
        if self.replace {
            self.file.finish()?;
        } else {
            // Somebody may have made one meanwhile.
            self.file.finish_new()?;
        }
        // The name is durable where folders can be asked for that.
        let _ = durable::sync_dir(durable::folder_of(self.file.path()));
        Ok(bytes)
    }
}

/// Whether a file may be put at `path`.
fn check(path: &Path, replace: bool) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) if path.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(_) if !replace => Err(ErrorKind::AlreadyExists.into()),
        _ => Ok(()),
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        let mut unfinished = unfinished();
        // It is gone if it was put in its place.
        let _ = fs::remove_file(self.file.temp());
        unfinished.retain(|path| path != self.file.temp());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let write = |replace, bytes: &[u8]| {
            let mut file = WholeFile::create(&path, replace)?;
            file.write_all(bytes).map_err(file.failed())?;
            file.finish()
        };
        assert_eq!(write(false, b"before").unwrap(), 6);
        let refused = write(false, b"after").unwrap_err();
        assert!(refused.hint().unwrap().contains("--force"), "{refused:?}");
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(write(true, b"after").unwrap(), 5);
        assert_eq!(fs::read(&path).unwrap(), b"after");

        let mut given_up = WholeFile::create(&path, true).unwrap();
        given_up.write_all(b"half").unwrap();
        drop(given_up);
        assert!(WholeFile::create(folder.path(), true).is_err());
        assert!(WholeFile::create(&folder.path().join("none/a.svg"), true).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_came_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let file = WholeFile::create(&path, false).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(file.finish().is_err());
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
