//! Durable writes: a file is all there, under its name, or it is not there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::store::{Result, StoreError};

/// What the name of a file that is being written ends with.
pub(crate) const TEMP_SUFFIX: &str = ".tmp";

/// Who may read and write the files of a store, as far as the umask lets: they tell who talked to
/// whom, which is not for everybody on the machine.
pub(crate) const FILE_MODE: u32 = 0o640;
/// Likewise of its folder, and of those that are made above it.
pub(crate) const FOLDER_MODE: u32 = 0o750;

/// So many names are tried for a file on its way.
const MAX_TRIES: u32 = 1000;

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
    /// Begins the file at `path`, under a name that nobody else writes to, whatever he begins at
    /// this path.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file: a read-only folder, a full disk.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::create_for(path, FILE_MODE)
    }

    /// As [`Self::create`], for those whom `mode` names, as far as the umask lets.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub(crate) fn create_for(path: &Path, mode: u32) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        let mut attempt = 0;
        loop {
            let temp = with_name(path, |name| temp_name(name, std::process::id(), attempt));
            match options.open(&temp) {
                // Processes of two containers or machines may have one number, as one after the
                // other may.
                Err(error)
                    if error.kind() == ErrorKind::AlreadyExists
                        && attempt < MAX_TRIES
                        && !temp.is_dir() =>
                {
                    attempt += 1;
                }
                opened => {
                    let file = opened.map_err(StoreError::io(path, "create"))?;
                    return Ok(Self { file, path: path.to_owned(), temp, finished: false });
                }
            }
        }
    }

    /// Begins the file at `path` where nobody else does, in place of what a crash left of it.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub(crate) fn create_alone(path: &Path) -> Result<Self> {
        let temp = with_name(path, |name| format!("{name}{TEMP_SUFFIX}"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let file = options.open(&temp).map_err(StoreError::io(path, "create"))?;
        Ok(Self { file, path: path.to_owned(), temp, finished: false })
    }

    /// The path that it will have.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path that it has until then.
    pub(crate) fn temp(&self) -> &Path {
        &self.temp
    }

    /// How many bytes are in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(crate) fn bytes(&self) -> Result<u64> {
        let metadata = self.file.metadata().map_err(StoreError::io(&self.path, "write"))?;
        Ok(metadata.len())
    }

    /// Makes the contents durable and gives the file its name. The name is durable after
    /// [`sync_dir`], which one call does for many files.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.file.sync_all().map_err(StoreError::io(&self.path, "write"))?;
        self.finish_unsynced()
    }

    /// As [`Self::finish`], for what is written anew so often that it need not outlive a loss of
    /// power.
    ///
    /// # Errors
    ///
    /// As [`Self::finish`].
    pub(crate) fn finish_unsynced(&mut self) -> Result<()> {
        fs::rename(&self.temp, &self.path).map_err(StoreError::io(&self.path, "rename"))?;
        self.finished = true;
        Ok(())
    }

    /// As [`Self::finish`], but never in place of another file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file, also where there is one of its name.
    pub(crate) fn finish_new(&mut self) -> Result<()> {
        self.file.sync_all().map_err(StoreError::io(&self.path, "write"))?;
        // A second name fails where the first is taken; renaming would not.
        match fs::hard_link(&self.temp, &self.path) {
            // What has the name may be this: a server of files may answer only the second time.
            Err(_) if self.is_named() => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(StoreError::io(&self.path, "put in its place, where another is")(
                    error,
                ));
            }
            // Not every file system knows second names.
            Err(_) if !self.path.exists() => return self.finish(),
            done => done.map_err(StoreError::io(&self.path, "name"))?,
        }
        self.finished = true;
        // Left behind, its first name is removed by the next writer.
        let _ = fs::remove_file(&self.temp);
        Ok(())
    }

    fn is_named(&self) -> bool {
        let same = |ours: fs::Metadata, named: fs::Metadata| {
            (ours.dev(), ours.ino()) == (named.dev(), named.ino())
        };
        let both = self.file.metadata().and_then(|ours| Ok((ours, fs::metadata(&self.path)?)));
        both.is_ok_and(|(ours, named)| same(ours, named))
    }
}

/// The path beside `path` whose name `name` makes of its own.
fn with_name(path: &Path, name: impl FnOnce(&str) -> String) -> PathBuf {
    let own = path.file_name().unwrap_or_default();
    path.with_file_name(name(&own.to_string_lossy()))
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

/// Writes the file at `path`, in place of what is there, durably.
///
/// # Errors
///
/// [`StoreError::Io`] naming the file.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(contents).map_err(StoreError::io(path, "write"))?;
    file.finish()?;
    sync_dir(folder_of(path))
}

/// The folder that `path` is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
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

/// Makes the folder `dir` where there is none, with those above it, durably. What is made in a folder
/// that may be written and not be read, as one for others' letters, is durable when the system says.
///
/// # Errors
///
/// [`StoreError::Io`] naming the folder.
pub(crate) fn create_dir(dir: &Path) -> Result<()> {
    create_dir_telling(dir, &mut |folder| match sync_dir(folder) {
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
            Ok(())
        }
        synced => synced,
    })
}

/// Makes it, and calls `made_in` with each folder in which one was made, the uppermost first.
fn create_dir_telling(dir: &Path, made_in: &mut impl FnMut(&Path) -> Result<()>) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = folder_of(dir);
    create_dir_telling(above, made_in).map_err(|error| match error {
        // What was to be made is told, not what that would have taken.
        StoreError::Io { doing, source, .. } => StoreError::io(dir, doing)(source),
        other => other,
    })?;
    match DirBuilder::new().mode(FOLDER_MODE).create(dir) {
        // Somebody else was faster, and may not have seen to it yet that it lasts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => {}
        made => made.map_err(StoreError::io(dir, "create folder"))?,
    }
    made_in(above)
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

/// The name that the file `name` has while a process writes it; `attempt` tells apart those whose
/// process has the same number.
pub(crate) fn temp_name(name: &str, process: u32, attempt: u32) -> String {
    format!("{name}.{process}-{attempt}{TEMP_SUFFIX}")
}

/// The name that the file of this temporary name was to have. Earlier versions had no process in it.
pub(crate) fn temp_name_of(temp: &str) -> Option<&str> {
    let name = temp.strip_suffix(TEMP_SUFFIX)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match name.rsplit_once('.') {
        Some((name, writer))
            if writer.split_once('-').is_some_and(|(a, b)| is_number(a) && is_number(b)) =>
        {
            Some(name)
        }
        _ => Some(name),
    }
}

#[cfg(test)]
mod tests;
