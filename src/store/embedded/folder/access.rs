//! A store's folder, opened for writing: the one writer's lock, the manifest, and commits.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::commit::{Draft, NotCommitted};
use super::file_names::{
    COMMIT_LOCK, Contents, EXPIRE_LOCK, identities_name, manifest_path, run_name, sums_name,
};
use super::lock::{Held, Turn, WriterLock};
use super::manifest::Manifest;
use super::reclaim;
use crate::row::Order;
use crate::store::durable;
use crate::store::{Result, StoreError};

/// The writing end of a store's folder. While it lives, no other is opened.
#[derive(Debug)]
pub(crate) struct WriteAccess {
    dir: PathBuf,
    lock: Arc<WriterLock>,
    current: Arc<Manifest>,
    next: u64,
    /// Set when a manifest got its name and may not be durable.
    unsure: bool,
}

impl WriteAccess {
    /// Locks the store in `dir`, and makes one where there is none. What an earlier writer left
    /// unfinished is deleted.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another writer has it,
    /// [`StoreError::NotAStore`] if the folder holds something else;
    /// else as [`Manifest::decode`].
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        // Before anything is made in it: the folder may be somebody else's.
        if !Contents::of(dir)?.exists {
            durable::create_dir(dir)?;
        }
        Contents::of(dir)?.newest(dir)?;
        let lock = WriterLock::acquire(dir)?;
        let turn = Turn::wait(dir, COMMIT_LOCK)?;
        if Contents::of(dir)?.newest(dir)?.is_none() {
            Manifest { number: 1, next: 1, ..Manifest::default() }.write(dir)?;
        }
        let current = Arc::clone(Held::open(dir, None)?.manifest());
        // Who deletes old flows may be at work on files that no manifest names yet.
        match Turn::take(dir, EXPIRE_LOCK)? {
            Some(_nobody_does) => reclaim::at_start(dir, &current)?,
            None => reclaim::after_commit(dir, &current)?,
        }
        drop(turn);
        Ok(Self {
            dir: dir.to_owned(),
            lock: Arc::new(lock),
            next: current.next,
            current,
            unsure: false,
        })
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The lock, which is held as long as anybody has this.
    pub(crate) fn lock(&self) -> &Arc<WriterLock> {
        &self.lock
    }

    /// The manifest as of the last commit made through this, or a later one.
    pub(crate) fn current(&self) -> &Arc<Manifest> {
        &self.current
    }

    /// Sees that this still keeps other writers out. Asked before files are written: where another
    /// writes beside, he gives them the same numbers.
    ///
    /// # Errors
    ///
    /// [`StoreError::LostLock`] if somebody deleted the lock.
    pub(crate) fn check(&self) -> Result<()> {
        self.lock.check()
    }

    /// A number for a new run, its sums, or an identity file.
    pub(crate) fn take_number(&mut self) -> u64 {
        // What a crash left is there yet where it could not be deleted at the start.
        while names_with(self.next).any(|name| self.dir.join(name).exists()) {
            self.next += 1;
        }
        self.next += 1;
        self.next - 1
    }

    /// The number that is given next.
    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    /// Deletes files with these numbers that no manifest came to name: on a disk that is full they
    /// would be in the way of what comes next. Where a commit may have named them, they stay: this
    /// one's, or, without a lock, one of another writer.
    pub(crate) fn discard(&self, numbers: Range<u64>) {
        if self.unsure || self.check().is_err() {
            return;
        }
        let named: HashSet<&str> = self.current.file_names().collect();
        for number in numbers {
            for name in names_with(number) {
                if !named.contains(name.as_str()) {
                    // The next writer deletes what is left behind too; but that may be long hence.
                    let _ = std::fs::remove_file(self.dir.join(name));
                }
            }
        }
    }

    /// The next manifest, as yet with the contents of the last: change it, then [`Self::commit`].
    /// Others wait with their commits for it, so files should be written before.
    ///
    /// # Errors
    ///
    /// As [`Draft::begin`], and after a commit of unknown outcome.
    pub(crate) fn draft(&mut self) -> Result<Draft> {
        if self.unsure {
            let path = manifest_path(&self.dir, self.current.number + 1);
            return Err(StoreError::io(&path, "commit after one of unknown outcome")(
                ErrorKind::Other.into(),
            ));
        }
        let draft = Draft::begin(&self.dir, Some(&self.current))?;
        self.current = Arc::clone(draft.base());
        Ok(draft)
    }

    /// Makes `draft` the store, durably, and deletes what no reader can reach any more. The files
    /// that it names must be finished; that their names are durable is seen to here.
    ///
    /// # Errors
    ///
    /// [`StoreError::LostLock`] if somebody deleted the lock, [`StoreError::Io`] naming the file. The
    /// store is then as it was, and the commit may be tried again; but where the system failed so
    /// late that the commit may or may not have taken place, or another one is in its place, every
    /// later draft fails, and the store must be opened anew.
    pub(crate) fn commit(&mut self, mut draft: Draft) -> Result<()> {
        self.check()?;
        draft.manifest.next = self.next;
        draft.manifest.forget_sources();
        match draft.commit() {
            Ok(current) => {
                self.current = current;
                Ok(())
            }
            Err(NotCommitted { error, unsure }) => {
                self.unsure = unsure;
                Err(error)
            }
        }
    }
}

/// The names that new files with this number may have.
fn names_with(number: u64) -> impl Iterator<Item = String> {
    let runs = Order::EVERY.map(|order| run_name(number, order));
    let sums = Order::EVERY.map(|order| sums_name(number, order));
    runs.into_iter().chain(sums).chain([identities_name(number)])
}

/// What several threads share, locked for one of them.
pub(crate) fn lock(access: &Mutex<WriteAccess>) -> MutexGuard<'_, WriteAccess> {
    // Whoever panicked with it left the store as it was: a commit is one step.
    access.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::durable::temp_name;
    use crate::store::embedded::folder::manifest::tests::{any_identities, any_run};
    use std::collections::BTreeSet;

    fn names(dir: &Path) -> BTreeSet<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// Commits the runs with these numbers in place of those there are, with empty files for them.
    fn commit_runs(access: &mut WriteAccess, numbers: &[u64]) {
        let mut draft = access.draft().unwrap();
        draft.manifest.runs = numbers.iter().map(|&number| any_run(number)).collect();
        for name in draft.manifest.file_names() {
            if !access.dir().join(name).exists() {
                std::fs::write(access.dir().join(name), "").unwrap();
            }
        }
        access.commit(draft).unwrap();
    }

    #[test]
    fn a_new_store_has_a_manifest_before_anything_else() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a/store");
        let access = WriteAccess::open(&place).unwrap();
        assert_eq!(
            names(&place),
            set(&["commit.lock", "expire.lock", "lock", "manifest-00000001.json"])
        );
        assert_eq!(access.current().flows(), 0);
        assert!(matches!(WriteAccess::open(&place), Err(StoreError::InUse { .. })));
        drop(access);
        assert_eq!(WriteAccess::open(&place).unwrap().current().number, 1);
    }

    #[test]
    fn a_foreign_folder_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(WriteAccess::open(dir.path()), Err(StoreError::NotAStore { .. })));
        assert_eq!(names(dir.path()), set(&["thesis.tex"]));
    }

    #[test]
    fn numbers_are_not_given_twice() {
        let dir = tempfile::tempdir().unwrap();
        let mut access = WriteAccess::open(dir.path()).unwrap();
        let taken = [access.take_number(), access.take_number()];
        commit_runs(&mut access, &taken);
        drop(access);
        let mut access = WriteAccess::open(dir.path()).unwrap();
        assert_eq!(taken, [1, 2]);
        assert_eq!(access.take_number(), 3);
    }

    #[test]
    fn files_go_when_the_last_reader_of_them_goes() {
        let dir = tempfile::tempdir().unwrap();
        let mut access = WriteAccess::open(dir.path()).unwrap();
        commit_runs(&mut access, &[1, 2]);
        let reader = Held::open(dir.path(), None).unwrap();
        commit_runs(&mut access, &[2, 3]);
        commit_runs(&mut access, &[3, 4]);
        let runs = |numbers: &[u64]| -> BTreeSet<String> {
            let files = numbers.iter().map(|&number| run_name(number, crate::row::Order::Src));
            files.collect()
        };
        let there = |dir: &Path| -> BTreeSet<String> {
            names(dir).into_iter().filter(|name| name.starts_with("run-")).collect()
        };
        assert_eq!(there(dir.path()), runs(&[1, 2, 3, 4]));
        drop(reader);
        commit_runs(&mut access, &[5]);
        assert_eq!(there(dir.path()), runs(&[5]));
        assert!(names(dir.path()).is_superset(&set(&["lock", "manifest-00000005.json"])));
        assert_eq!(names(dir.path()).len(), 5);
    }

    #[test]
    fn what_a_crash_left_behind_goes_when_the_next_writer_starts() {
        let dir = tempfile::tempdir().unwrap();
        let mut access = WriteAccess::open(dir.path()).unwrap();
        commit_runs(&mut access, &[1]);
        drop(access);
        let before = names(dir.path());
        for left in [
            &run_name(2, crate::row::Order::Dst),
            &sums_name(5, crate::row::Order::Dst),
            &identities_name(3),
            &format!("{}.tmp", run_name(4, crate::row::Order::Src)),
            "manifest-00000003.json.tmp",
            "ledger.ndjson.tmp",
            "names.json.4711-0.tmp",
        ] {
            std::fs::write(dir.path().join(left), "x").unwrap();
        }
        for foreign in ["mine.parquet", "mine.tmp", "ledger.ndjson"] {
            std::fs::write(dir.path().join(foreign), "x").unwrap();
        }
        WriteAccess::open(dir.path()).unwrap();
        let left: Vec<_> = names(dir.path()).difference(&before).cloned().collect();
        assert_eq!(left, ["ledger.ndjson", "mine.parquet", "mine.tmp"]);
    }

    #[test]
    fn nothing_is_deleted_while_an_unreadable_manifest_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let mut access = WriteAccess::open(dir.path()).unwrap();
        commit_runs(&mut access, &[1]);
        let reader = Held::open(dir.path(), None).unwrap();
        std::fs::write(
            manifest_path(dir.path(), 2),
            "{}
",
        )
        .unwrap();
        commit_runs(&mut access, &[2]);
        drop(access);
        let mut access = WriteAccess::open(dir.path()).unwrap();
        let first = dir.path().join(run_name(1, crate::row::Order::Src));
        assert!(first.exists());
        drop(reader);
        // Its files are not known, so they are found when a writer starts.
        commit_runs(&mut access, &[2]);
        assert!(first.exists());
        drop(access);
        WriteAccess::open(dir.path()).unwrap();
        assert!(!first.exists());
    }

    #[test]
    fn a_damaged_manifest_is_an_error_and_never_an_older_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut access = WriteAccess::open(dir.path()).unwrap();
        let mut draft = access.draft().unwrap();
        draft.manifest.identities = vec![any_identities(1)];
        access.commit(draft).unwrap();
        drop(access);
        let newest = manifest_path(dir.path(), 3);
        std::fs::write(&newest, "x").unwrap();
        for error in
            [Held::open(dir.path(), None).unwrap_err(), WriteAccess::open(dir.path()).unwrap_err()]
        {
            assert!(error.to_string().contains("manifest-00000003.json: damaged"), "{error}");
        }
    }

    #[test]
    fn a_commit_that_cannot_be_written_may_be_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut access = WriteAccess::open(dir.path()).unwrap();
        // A folder in the way of the temporary file fails the commit before it takes place.
        let name = temp_name("manifest-00000002.json", std::process::id(), 0);
        let obstacle = dir.path().join(name);
        std::fs::create_dir(&obstacle).unwrap();
        let draft = access.draft().unwrap();
        let error = access.commit(draft).unwrap_err();
        assert!(error.to_string().contains("manifest-00000002.json"), "{error}");
        std::fs::remove_dir(&obstacle).unwrap();
        let draft = access.draft().unwrap();
        access.commit(draft).unwrap();
        assert_eq!(access.current().number, 2);
    }

    #[test]
    fn who_lost_his_lock_commits_nothing_over_what_another_did() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = WriteAccess::open(dir.path()).unwrap();
        commit_runs(&mut first, &[1]);
        for lock in ["lock", "commit.lock"] {
            std::fs::remove_file(dir.path().join(lock)).unwrap();
        }
        let mut second = WriteAccess::open(dir.path()).unwrap();
        commit_runs(&mut second, &[2]);
        let newest = std::fs::read(manifest_path(dir.path(), 3)).unwrap();
        let mut draft = first.draft().unwrap();
        draft.manifest.runs.clear();
        let error = first.commit(draft).unwrap_err();
        assert!(matches!(error, StoreError::LostLock { .. }), "{error}");
        assert_eq!(std::fs::read(manifest_path(dir.path(), 3)).unwrap(), newest);
        assert_eq!(*Held::open(dir.path(), None).unwrap().manifest(), *second.current());
    }

    #[test]
    fn a_manifest_is_never_put_in_place_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let mut access = WriteAccess::open(dir.path()).unwrap();
        commit_runs(&mut access, &[1]);
        // Both go on from the same manifest, as two could that have no lock in common.
        let mut first = access.draft().unwrap();
        std::fs::remove_file(dir.path().join("commit.lock")).unwrap();
        let second = Draft::begin(dir.path(), None).unwrap();
        let there = second.commit().unwrap();
        first.manifest.runs.clear();
        let error = first.manifest.write(dir.path()).unwrap_err();
        assert!(error.to_string().contains("where another is"), "{error}");
        assert_eq!(*Held::open(dir.path(), None).unwrap().manifest(), there);
    }

    #[test]
    fn readers_never_miss_a_file_of_the_manifest_they_hold() {
        let dir = tempfile::tempdir().unwrap();
        let mut access = WriteAccess::open(dir.path()).unwrap();
        commit_runs(&mut access, &[1]);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut last = 0;
                        while last < 200 {
                            let held = Held::open(dir.path(), None).unwrap();
                            assert!(held.manifest().number >= last);
                            last = held.manifest().number;
                            for name in held.manifest().file_names() {
                                assert!(dir.path().join(name).exists(), "{name}");
                            }
                        }
                    })
                })
                .collect();
            for number in 2..200 {
                commit_runs(&mut access, &[number]);
            }
            for reader in readers {
                reader.join().unwrap();
            }
        });
    }
}
