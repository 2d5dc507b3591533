//! Who has the store: one writer, readers that each hold the manifest they opened, and for a moment
//! whoever commits.
//!
//! All are locks of the operating system on open files (`flock`), which it drops when the process
//! ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::file_names::{Contents, LOCK, manifest_path};
use super::manifest::Manifest;
use crate::store::durable;
use crate::store::{Result, StoreError};

/// So often is a manifest looked for again that a commit replaced while it was being opened.
const MAX_TRIES: usize = 1000;

/// Who waits for a turn for so long is told for whom.
const PATIENCE: Duration = Duration::from_secs(2);

/// A file that is locked, and has its name: whoever else opens that name meets the lock.
#[derive(Debug)]
struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Locks the file `name` in `dir` by `lock`, and writes down which process has it; None where
    /// `lock` finds somebody else at it.
    fn lock_by(
        dir: &Path,
        name: &str,
        lock: impl Fn(&mut File) -> io::Result<bool>,
    ) -> Result<Option<Self>> {
        let path = dir.join(name);
        for _ in 0..MAX_TRIES {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(durable::FILE_MODE)
                .open(&path)
                .map_err(StoreError::io(&path, "open for writing"))?;
            if !lock(&mut file).map_err(StoreError::io(&path, "lock"))? {
                return Ok(None);
            }
            // Somebody may have deleted the file before it was locked, or while it was waited for:
            // what is locked then keeps nobody out.
            if is_named(&file, &path)? {
                // For messages only, so a process id that cannot be written is no error.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                return Ok(Some(Self { file, path }));
            }
        }
        Err(StoreError::io(&path, "lock")(ErrorKind::ResourceBusy.into()))
    }

    /// # Errors
    ///
    /// [`StoreError::LostLock`] if the name is gone, or another file has it.
    fn check(&self) -> Result<()> {
        if is_named(&self.file, &self.path)? {
            Ok(())
        } else {
            Err(StoreError::LostLock { path: self.path.clone() })
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        // A child that another thread is starting may share the open file for a moment, and would
        // hold the lock with it; unlocking lets go of it for both.
        let _ = self.file.unlock();
    }
}

/// Whether `file` is what `path` names.
fn is_named(file: &File, path: &Path) -> Result<bool> {
    let ours = file.metadata().map_err(StoreError::io(path, "open"))?;
    match std::fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io(path, "open")(error)),
    }
}

/// Locks `file`, if nobody has it locked.
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The right to write a store. One process has it, and in it one owner of this value.
#[derive(Debug)]
pub(crate) struct WriterLock(LockFile);

impl WriterLock {
    /// Locks the folder `dir`, which exists.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] with the holder's process id while another has it;
    /// [`StoreError::Io`] where the folder cannot be written.
    pub(crate) fn acquire(dir: &Path) -> Result<Self> {
        let lock = LockFile::lock_by(dir, LOCK, |file| try_lock(file))?;
        lock.map(Self).ok_or_else(|| StoreError::InUse {
            place: dir.display().to_string(),
            holder: holder(&dir.join(LOCK)),
        })
    }

    /// Sees that this lock still keeps others out.
    ///
    /// # Errors
    ///
    /// [`StoreError::LostLock`] if somebody deleted its file.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.check()
    }
}

/// The process id in the lock file at `path`, as text that follows `another writer`.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(32).read_to_string(&mut text));
    match text.trim().parse::<u32>() {
        Ok(process) if read.is_ok() => format!(" (process {process})"),
        _ => String::new(),
    }
}

/// A turn at something that is done by one after the other, in this process and in others (a mutex
/// between processes).
#[derive(Debug)]
pub(crate) struct Turn(LockFile);

impl Turn {
    /// Waits for a turn at what the file `name` in `dir` stands for; where that takes long, a
    /// warning says who has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] where the folder cannot be written, or has no locks.
    pub(crate) fn wait(dir: &Path, name: &str) -> Result<Self> {
        Self::wait_or_tell(dir, name, PATIENCE, |holder| {
            tracing::warn!("{}: waiting for another{holder}, who has it", dir.join(name).display());
        })
    }

    /// As [`Self::wait`]; calls `tell` with the holder, once, when it was waited for longer than
    /// `patience`.
    fn wait_or_tell(
        dir: &Path,
        name: &str,
        patience: Duration,
        tell: impl Fn(&str) + Sync,
    ) -> Result<Self> {
        let path = dir.join(name);
        let told = AtomicBool::new(false);
        let lock = LockFile::lock_by(dir, name, |file| {
            if try_lock(file)? {
                return Ok(true);
            }
            // The system has no lock that is waited for only so long, so another thread looks at the
            // clock.
            let (got_it, waits) = channel::<()>();
            let (tell, told, path) = (&tell, &told, &path);
            std::thread::scope(|scope| {
                let watch = move || {
                    let over = waits.recv_timeout(patience) == Err(RecvTimeoutError::Timeout);
                    if over && !told.swap(true, Relaxed) {
                        tell(&holder(path));
                    }
                };
                // Without a thread it is waited for in silence.
                let _ = std::thread::Builder::new().name("waits".into()).spawn_scoped(scope, watch);
                let locked = file.lock();
                drop(got_it);
                locked.map(|()| true)
            })
        })?;
        lock.map(Self).ok_or_else(|| StoreError::io(&path, "lock")(ErrorKind::WouldBlock.into()))
    }

    /// As [`Self::wait`]; None where somebody has it.
    ///
    /// # Errors
    ///
    /// As [`Self::wait`].
    pub(crate) fn take(dir: &Path, name: &str) -> Result<Option<Self>> {
        Ok(LockFile::lock_by(dir, name, |file| try_lock(file))?.map(Self))
    }

    /// Sees that nobody else can have a turn.
    ///
    /// # Errors
    ///
    /// [`StoreError::LostLock`] if somebody deleted its file.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.check()
    }
}

/// A manifest that is held: while this lives, the files that it names are not deleted (a shared
/// lock).
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
    Ok(is_named(&file, path)?.then_some(file))
}

/// A manifest that nobody reads, locked so that nobody begins to (an exclusive lock).
#[derive(Debug)]
pub(crate) struct Unheld {
    path: PathBuf,
    _file: File,
}

impl Unheld {
    /// Locks the manifest with this number, if nobody holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(crate) fn lock(dir: &Path, number: u64) -> Result<Option<Self>> {
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
    pub(crate) fn delete(self) -> Result<()> {
        durable::remove(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::Mutex;

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
    fn a_lock_whose_file_was_deleted_keeps_others_out_no_more_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let first = WriterLock::acquire(dir.path()).unwrap();
        first.check().unwrap();
        let path = dir.path().join(LOCK);
        fs::remove_file(&path).unwrap();
        let error = first.check().unwrap_err();
        assert!(matches!(&error, StoreError::LostLock { path: of } if *of == path), "{error}");
        // The next one has a file of its own, which the first one's end does not touch.
        let second = WriterLock::acquire(dir.path()).unwrap();
        assert!(matches!(first.check(), Err(StoreError::LostLock { .. })));
        drop(first);
        second.check().unwrap();
        assert!(matches!(WriterLock::acquire(dir.path()), Err(StoreError::InUse { .. })));
    }

    #[test]
    fn a_file_that_was_deleted_while_it_was_waited_for_gives_no_turn() {
        let dir = tempfile::tempdir().unwrap();
        let first = Turn::wait(dir.path(), "a.lock").unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| Turn::wait(dir.path(), "a.lock").unwrap());
            std::thread::sleep(Duration::from_millis(50));
            fs::remove_file(dir.path().join("a.lock")).unwrap();
            let other = Turn::take(dir.path(), "a.lock").unwrap().unwrap();
            drop(first);
            std::thread::sleep(Duration::from_millis(50));
            assert!(!waits.is_finished(), "two have a turn");
            other.check().unwrap();
            drop(other);
            waits.join().unwrap().check().unwrap();
        });
    }

    #[test]
    fn who_waits_long_is_told_once_for_whom() {
        let dir = tempfile::tempdir().unwrap();
        let told = Mutex::new(Vec::new());
        let wait = || {
            let tell = |holder: &str| told.lock().unwrap().push(holder.to_owned());
            Turn::wait_or_tell(dir.path(), "a.lock", Duration::from_millis(20), tell).unwrap()
        };
        let first = wait();
        assert_eq!(*told.lock().unwrap(), [""; 0], "nobody had it");
        std::thread::scope(|scope| {
            let second = scope.spawn(wait);
            while told.lock().unwrap().is_empty() {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(60));
            assert!(!second.is_finished());
            drop(first);
            second.join().unwrap();
        });
        let holder = format!(" (process {})", std::process::id());
        assert_eq!(*told.lock().unwrap(), [holder]);
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
