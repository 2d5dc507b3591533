//! Durable writes: a file is all there, under its name, or it is not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::layout::TEMP_SUFFIX;
use crate::store::{Result, StoreError};

/// Who talked to whom is nobody's business but the owner's and the group's.
pub(crate) const FILE_MODE: u32 = 0o640;

/// A file on its way: written under a temporary name, and given its own when it is whole.
/// Dropped before that, it is removed.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    temp: PathBuf,
    finished: bool,
}

impl NewFile {
    /// Begins the file at `path`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file: a read-only folder, a full disk.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let mut temp = path.to_owned().into_os_string();
        temp.push(TEMP_SUFFIX);
        let temp = PathBuf::from(temp);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let file = options.open(&temp).map_err(StoreError::io(path, "create"))?;
        Ok(Self { file, path: path.to_owned(), temp, finished: false })
    }

    /// The path that it will have.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the contents durable and gives the file its name. The name is durable after
    /// [`sync_dir`], which one call does for many files.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.file.sync_all().map_err(StoreError::io(&self.path, "write"))?;
        fs::rename(&self.temp, &self.path).map_err(StoreError::io(&self.path, "rename"))?;
        self.finished = true;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.finished {
            // Left behind, it is removed by the next writer.
            let _ = fs::remove_file(&self.temp);
        }
    }
}

/// Makes the names in `dir` durable.
///
/// # Errors
///
/// [`StoreError::Io`] naming the folder.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io(dir, "make names durable in"))
}

/// Makes the folder `dir` where there is none, with those above it, durably.
///
/// # Errors
///
/// [`StoreError::Io`] naming the folder.
pub(crate) fn create_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(StoreError::io(dir, "create folder"))?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// Removes the file at `path`, if it is there.
///
/// # Errors
///
/// [`StoreError::Io`] naming the file.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::io(path, "remove")(error))
        }
        _ => Ok(()),
    }
}

/// The bytes of the file at `path`.
///
/// # Errors
///
/// [`StoreError::Io`] naming the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(StoreError::io(path, "read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let names = || fs::read_dir(dir.path()).unwrap().count();
        let mut file = NewFile::create(&dir.path().join("a")).unwrap();
        file.write_all(b"abc").unwrap();
        assert!(!dir.path().join("a").exists());
        drop(file);
        assert_eq!(names(), 0);

        let mut file = NewFile::create(&dir.path().join("a")).unwrap();
        file.write_all(b"abc").unwrap();
        file.finish().unwrap();
        sync_dir(dir.path()).unwrap();
        assert_eq!(read(&dir.path().join("a")).unwrap(), b"abc");
        assert_eq!(names(), 1);
    }

    #[test]
    fn an_error_names_the_file_and_what_was_done_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = NewFile::create(&dir.path().join("absent/a")).unwrap_err();
        assert!(error.to_string().ends_with("absent/a: create"), "{error}");
        let error = read(&dir.path().join("b")).unwrap_err();
        assert!(error.to_string().ends_with("b: read"), "{error}");
        remove(&dir.path().join("b")).unwrap();
    }

    #[test]
    fn a_folder_is_made_with_those_above_it() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_dir(&deep).unwrap();
        create_dir(&deep).unwrap();
        assert!(deep.is_dir());
    }
}
