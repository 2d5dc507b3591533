//! Who has the store: one writer, readers that each hold the manifest they opened, and for a moment
//! whoever commits.
//!
//! All are locks of the operating system on open files (`flock`), which it drops when the process
//! ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::{Contents, LOCK, manifest_path};
use super::manifest::Manifest;
use crate::store::{Result, StoreError};

/// So often is a manifest looked for again that a commit replaced while it was being opened.
const MAX_TRIES: usize = 1000;

/// The right to write a store. One process has it, and in it one owner of this value.
#[derive(Debug)]
pub(crate) struct WriterLock {
    file: File,
}

impl WriterLock {
    /// Locks the folder `dir`, which exists.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] with the holder's process id while another has it;
    /// [`StoreError::Io`] where the folder cannot be written.
    pub(crate) fn acquire(dir: &Path) -> Result<Self> {
        let path = dir.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io(&path, "open for writing"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: dir.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io(&path, "lock")(error)),
        }
        // For the message of the next one only, so a process id that cannot be written is no error.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { file })
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        // A child that another thread is starting may share the open file for a moment, and would
        // hold the lock with it; unlocking lets go of it for both.
        let _ = self.file.unlock();
    }
}

/// The process id in the lock file, as text that follows `another writer`.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text).is_ok();
    match text.trim().parse::<u32>() {
        Ok(process) if read => format!(" (process {process})"),
        _ => String::new(),
    }
}

/// A turn at something that is done by one after the other, in this process and in others.
#[derive(Debug)]
pub(super) struct Turn {
    file: File,
}

impl Turn {
    /// Waits for a turn at what the file `name` in `dir` stands for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] where the folder cannot be written, or has no locks.
    pub(super) fn wait(dir: &Path, name: &str) -> Result<Self> {
        let (path, file) = Self::open(dir, name)?;
        file.lock().map_err(StoreError::io(&path, "lock"))?;
        Ok(Self { file })
    }

    /// As [`Self::wait`]; None where somebody has it.
    ///
    /// # Errors
    ///
    /// As [`Self::wait`].
    pub(super) fn take(dir: &Path, name: &str) -> Result<Option<Self>> {
        let (path, file) = Self::open(dir, name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io(&path, "lock")(error)),
        }
    }

    fn open(dir: &Path, name: &str) -> Result<(PathBuf, File)> {
        let path = dir.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(StoreError::io(&path, "open for writing"))?;
        Ok((path, file))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // As for the writer's lock.
        let _ = self.file.unlock();
    }
}

/// A manifest that is held: while this lives, the files that it names are not deleted.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    manifest: Arc<Manifest>,
    _file: Arc<File>,
}

impl Held {
    /// Opens and holds the manifest of the store in `dir` that counts. It needs no right to write.
    /// `known` saves reading it again where it is that one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] where no store is, [`StoreError::NotAStore`] where something else
    /// is; else as [`Manifest::decode`].
    pub(crate) fn open(dir: &Path, known: Option<&Arc<Manifest>>) -> Result<Self> {
        for _ in 0..MAX_TRIES {
            let Some(number) = Contents::of(dir)?.newest(dir)? else {
                return Err(StoreError::Missing { place: dir.display().to_string() });
            };
            let path = manifest_path(dir, number);
            if let Some(file) = open_shared(&path)? {
                let manifest = Manifest::read(&path, &file, number, known)?;
                return Ok(Self { manifest, _file: Arc::new(file) });
            }
        }
        Err(StoreError::io(dir, "open the manifest of")(ErrorKind::ResourceBusy.into()))
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }
}

/// Opens and locks the file at `path`; `None` if it is deleted before it is locked.
fn open_shared(path: &Path) -> Result<Option<File>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io(path, "open")(error)),
    };
    match file.lock_shared() {
        Ok(()) => {}
        // A file system without locks is read all the same: nobody can compact it from here.
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        Err(error) => return Err(StoreError::io(path, "lock")(error)),
    }
    // Whoever deletes a manifest has it locked while he does: it is there still, or is gone now.
    let there = path.try_exists().map_err(StoreError::io(path, "open"))?;
    Ok(there.then_some(file))
}

/// A manifest that nobody reads, locked so that nobody begins to.
#[derive(Debug)]
pub(super) struct Unheld {
    path: PathBuf,
    _file: File,
}

impl Unheld {
    /// Locks the manifest with this number, if nobody holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(super) fn lock(dir: &Path, number: u64) -> Result<Option<Self>> {
        let path = manifest_path(dir, number);
        // Over NFS only a file that is open for writing can be locked so.
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let file = opened.map_err(StoreError::io(&path, "open for writing"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io(&path, "lock")(error)),
        }
    }

    /// Deletes it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(super) fn delete(self) -> Result<()> {
        super::fs::remove(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn store(dir: &Path, number: u64) -> Manifest {
        let mut manifest = Manifest { number, next: number, ..Manifest::default() };
        manifest.write(dir).unwrap();
        manifest
    }

    #[test]
    fn one_writer_at_a_time_and_its_process_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::acquire(dir.path()).unwrap();
        let refused = WriterLock::acquire(dir.path()).unwrap_err();
        let holder = format!("in use by another writer (process {})", std::process::id());
        assert!(refused.to_string().ends_with(&holder), "{refused}");
        drop(first);
        WriterLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_dead_writer_leaves_no_lock_whatever_its_file_says() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["1\n", "", "no number", "99999999999999999999999999999999999999999", "\u{1}"] {
            fs::write(dir.path().join(LOCK), text).unwrap();
            let lock = WriterLock::acquire(dir.path()).unwrap();
            let written = fs::read_to_string(dir.path().join(LOCK)).unwrap();
            assert_eq!(written, format!("{}\n", std::process::id()));
            drop(lock);
        }
    }

    #[test]
    fn a_turn_is_one_holders_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let count = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _turn = Turn::wait(dir.path(), "a.lock").unwrap();
                        let before = count.load(std::sync::atomic::Ordering::Relaxed);
                        std::thread::yield_now();
                        count.store(before + 1, std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 400);
        let first = Turn::take(dir.path(), "a.lock").unwrap().unwrap();
        assert!(Turn::take(dir.path(), "a.lock").unwrap().is_none());
        assert!(Turn::take(dir.path(), "b.lock").unwrap().is_some());
        drop(first);
        assert!(Turn::take(dir.path(), "a.lock").unwrap().is_some());
    }

    #[test]
    fn a_reader_gets_the_newest_manifest_and_keeps_what_it_knows() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Held::open(dir.path(), None), Err(StoreError::Missing { .. })));
        store(dir.path(), 1);
        store(dir.path(), 12);
        let held = Held::open(dir.path(), None).unwrap();
        assert_eq!(held.manifest().number, 12);
        let again = Held::open(dir.path(), Some(held.manifest())).unwrap();
        assert!(Arc::ptr_eq(again.manifest(), held.manifest()));
        store(dir.path(), 13);
        let newer = Held::open(dir.path(), Some(held.manifest())).unwrap();
        assert_eq!(newer.manifest().number, 13);
    }

    #[test]
    fn a_held_manifest_cannot_be_taken_from_its_reader() {
        let dir = tempfile::tempdir().unwrap();
        store(dir.path(), 1);
        let held = Held::open(dir.path(), None).unwrap();
        let second = held.clone();
        assert!(Unheld::lock(dir.path(), 1).unwrap().is_none());
        drop(held);
        assert!(Unheld::lock(dir.path(), 1).unwrap().is_none());
        drop(second);
        let unheld = Unheld::lock(dir.path(), 1).unwrap().unwrap();
        unheld.delete().unwrap();
        assert!(matches!(Held::open(dir.path(), None), Err(StoreError::Missing { .. })));
    }
}
