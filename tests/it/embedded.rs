//! The embedded store, beyond what every backend must do.

use std::cell::Cell;
use std::fmt;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use earlgrey_hbase::flow::{Columns, Names, Remembered, Topic};
use earlgrey_hbase::store::conformance::{self, sample_batch, write_sample};
use earlgrey_hbase::store::embedded::{Effort, EmbeddedStore};
use earlgrey_hbase::store::{Expired, Load, Result, WatchLists};
use earlgrey_hbase::{FlowRecord, Order, Scan, Snapshot, Store, StoreError, UnixMillis, Writer};

/// Runs the suite on stores made by `make`, each in a folder of its own.
fn conforms<S: Store + 'static>(make: impl Fn(PathBuf) -> S) {
    let folder = tempfile::tempdir().unwrap();
    let opened = Cell::new(0);
    conformance::all(&|| {
        opened.set(opened.get() + 1);
        Box::new(make(folder.path().join(opened.get().to_string())))
    });
}

#[test]
fn it_does_what_every_store_must() {
    conforms(EmbeddedStore::new);
}

/// An embedded store that is opened anew for each snapshot, after its runs were merged.
struct Compacted(PathBuf);

impl fmt::Display for Compacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl Store for Compacted {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        match EmbeddedStore::new(&self.0).compact(Effort::Full, &AtomicBool::new(false)) {
            Ok(_) | Err(StoreError::InUse { .. }) => EmbeddedStore::new(&self.0).snapshot(),
            Err(error) => Err(error),
        }
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        EmbeddedStore::new(&self.0).writer()
    }

    fn loads(&self) -> Result<Vec<Load>> {
        EmbeddedStore::new(&self.0).loads()
    }

    fn names(&self) -> Result<Names> {
        EmbeddedStore::new(&self.0).names()
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        EmbeddedStore::new(&self.0).remembered(topic)
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        // What goes is asked of the runs from which it goes.
        drop(self.snapshot()?);
        EmbeddedStore::new(&self.0).expire(before, dry_run)
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        Ok(Box::new(EmbeddedStore::new(&self.0)))
    }
}

#[test]
fn it_does_so_after_its_runs_were_merged() {
    conforms(Compacted);
}

/// Every flow of the store, as text and sorted.
fn flows(snapshot: &dyn Snapshot, order: Order) -> Result<Vec<String>> {
    let mut flows = Vec::new();
    let scan = Scan { order, ordered: true, ..Scan::all(Columns::ALL) };
    for region in snapshot.regions(&scan)? {
        for batch in region.read() {
            flows.extend(batch?.records().map(|flow: FlowRecord| format!("{flow:?}")));
        }
    }
    flows.sort_unstable();
    Ok(flows)
}

/// A store with a few flows in several runs, and two loads in its ledger.
fn small_store(dir: &Path) -> Vec<String> {
    let store = EmbeddedStore::new(dir);
    write_sample(&store, 40);
    let mut writer = store.writer().unwrap();
    writer.write(sample_batch(1, 30)).unwrap();
    writer.commit().unwrap();
    for id in ["one", "two"] {
        writer.record(&Load { id: id.to_owned(), ..Load::default() }).unwrap();
    }
    drop(writer);
    flows(store.snapshot().unwrap().as_ref(), Order::Src).unwrap()
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The files that the store is made of: those in its folder but locks and older manifests.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| !name(path).ends_with("lock")).collect();
    files.sort_unstable();
    let manifests = files.iter().filter(|path| name(path).starts_with("manifest-")).count();
    let mut older = manifests.saturating_sub(1);
    files.retain(|path| {
        let is_older = older > 0 && name(path).starts_with("manifest-");
        older -= usize::from(is_older);
        !is_older
    });
    files
}

/// Checks that a store with this file damaged gives right answers or errors that name the file,
/// and that `verify` finds the damage.
fn check_damaged(dir: &Path, file: &Path, expected: &[String], what: &str) {
    let name = name(file);
    let what = format!("{name}, {what}");
    let named = |error: &StoreError| assert!(error.to_string().contains(name), "{what}: {error}");
    let store = EmbeddedStore::new(dir);
    for order in Order::ALL {
        match store.snapshot().and_then(|snapshot| flows(snapshot.as_ref(), order)) {
            Ok(found) => assert_eq!(found, expected, "{what}"),
            Err(error) => named(&error),
        }
    }
    match store.loads() {
        Ok(loads) if name == "ledger.ndjson" => assert_eq!(loads.len(), 1, "{what}"),
        Ok(loads) => assert_eq!(loads.len(), 2, "{what}"),
        Err(error) => named(&error),
    }
    match store.verify() {
        Ok(found) => assert!(
            found.faults.iter().any(|fault| fault.contains(name)),
            "{what}: {:?}",
            found.faults
        ),
        Err(error) => named(&error),
    }
}

/// Every so many bytes of each file are damaged; `EARLGREY_LONG=1` damages each.
fn step() -> usize {
    if std::env::var_os("EARLGREY_LONG").is_some() { 1 } else { 101 }
}

#[test]
fn a_flipped_bit_anywhere_is_found_and_gives_no_wrong_answer() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let expected = small_store(dir);
    assert_eq!(EmbeddedStore::new(dir).verify().unwrap().faults, [] as [&str; 0]);
    for file in files(dir) {
        let whole = fs::read(&file).unwrap();
        // A prime, so that the bytes tried are at other places of the structures in each file.
        for at in (0..whole.len()).step_by(step()) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&file, damaged).unwrap();
            check_damaged(dir, &file, &expected, &format!("byte {at}"));
        }
        fs::write(&file, whole).unwrap();
    }
}

#[test]
fn a_file_cut_short_or_gone_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let expected = small_store(dir);
    for file in files(dir) {
        let whole = fs::read(&file).unwrap();
        let ledger = file.ends_with("ledger.ndjson");
        for length in [0, 1, 7, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
            fs::write(&file, &whole[..length]).unwrap();
            if ledger {
                // A ledger that ends early is one that was not written further.
                assert!(EmbeddedStore::new(dir).loads().unwrap().len() < 2);
            } else {
                check_damaged(dir, &file, &expected, &format!("{length} bytes"));
            }
        }
        fs::remove_file(&file).unwrap();
        if file.to_str().unwrap().ends_with("parquet") {
            check_damaged(dir, &file, &expected, "gone");
        }
        fs::write(&file, whole).unwrap();
    }
}

#[test]
fn a_store_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(folder.path());
    write_sample(&store, 40);
    let later = folder.path().join("manifest-00000099.json");
    fs::write(&later, "{\"format\":7}\n").unwrap();
    let message = format!("{}: format 7, this version reads up to 6", later.display());
    assert_eq!(store.snapshot().err().unwrap().to_string(), message);
    assert_eq!(store.writer().err().unwrap().to_string(), message);
    assert_eq!(store.loads().unwrap_err().to_string(), message);
    assert_eq!(store.verify().unwrap_err().to_string(), message);
}

#[test]
fn what_is_no_store_is_told_apart_from_what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let absent = EmbeddedStore::new(folder.path().join("absent"));
    assert!(matches!(absent.snapshot().err(), Some(StoreError::Missing { .. })));
    assert!(matches!(absent.loads(), Err(StoreError::Missing { .. })));
    assert!(!folder.path().join("absent").exists());
    fs::write(folder.path().join("letter.odt"), "").unwrap();
    let foreign = EmbeddedStore::new(folder.path());
    assert!(matches!(foreign.snapshot().err(), Some(StoreError::NotAStore { .. })));
    assert!(matches!(foreign.writer().err(), Some(StoreError::NotAStore { .. })));
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn readers_do_not_notice_a_writer_or_a_compaction() {
    const BATCHES: u64 = 24;
    const BATCH_FLOWS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(folder.path());
    drop(store.writer().unwrap());
    let done = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        for reader in 0..2 {
            let (done, store) = (Arc::clone(&done), store.clone());
            scope.spawn(move || {
                let mut last = 0;
                while !done.load(Relaxed) {
                    // One reads with a store of its own, one with that of the writer.
                    let own = EmbeddedStore::new(store.dir());
                    let store = if reader == 0 { &own } else { &store };
                    let snapshot = store.snapshot().unwrap();
                    let count = snapshot.flows().unwrap();
                    assert!(count >= last && count.is_multiple_of(BATCH_FLOWS as u64));
                    last = count;
                    for order in Order::ALL {
                        let found = flows(snapshot.as_ref(), order).unwrap();
                        assert_eq!(found.len() as u64, count);
                    }
                }
            });
        }
        for number in 0..BATCHES {
            let mut writer = store.writer().unwrap();
            writer.write(sample_batch(number, BATCH_FLOWS)).unwrap();
            writer.commit().unwrap();
            drop(writer);
            if number % 5 == 4 {
                store.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
            }
        }
        done.store(true, Relaxed);
    });
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), BATCHES * BATCH_FLOWS as u64);
    assert_eq!(store.verify().unwrap().faults, [] as [&str; 0]);
    // Nobody reads any more: the next writer leaves only what the store is made of.
    drop(store.writer().unwrap());
    let manifests = files(folder.path())
        .into_iter()
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("manifest-"));
    assert_eq!(manifests.count(), 1);
}

/// A small disk of its own, for as long as this lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this user may not mount.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }

    fn grow(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]).arg(self.0.path());
        assert!(mount.output().unwrap().status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_is_told_and_what_was_committed_stays() {
    let Some(disk) = SmallDisk::mount("300k") else {
        println!("skipped: this user may not mount a small disk");
        return;
    };
    let dir = disk.0.path().join("store");
    let store = EmbeddedStore::new(&dir);
    let mut committed = 0;
    let error = loop {
        let mut writer = store.writer().unwrap();
        let batch = sample_batch(committed, 100);
        match writer.write(batch).and_then(|_| writer.commit()) {
            Ok(()) => committed += 1,
            Err(error) => break error,
        }
        assert!(committed < 1000, "the disk does not fill");
    };
    let StoreError::Io { path, source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{error:?}");
    assert!(path.starts_with(&dir), "{error}");
    assert!(committed > 0);
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), committed * 100);
    assert_eq!(store.verify().unwrap().faults, [] as [&str; 0]);
    disk.grow("3m");
    let mut writer = store.writer().unwrap();
    writer.write(sample_batch(committed, 100)).unwrap();
    writer.commit().unwrap();
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), (committed + 1) * 100);
    assert_eq!(store.verify().unwrap().faults, [] as [&str; 0]);
}

const READ_ONLY: &str = "EARLGREY_TEST_READ_ONLY_STORE";

#[test]
fn a_store_that_may_only_be_read_is_read_and_says_so_to_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    small_store(&dir);
    for file in files(&dir).into_iter().chain([dir.join("lock")]) {
        fs::set_permissions(file, Permissions::from_mode(0o444)).unwrap();
    }
    for folder in [folder.path(), &dir] {
        fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
    }
    // The superuser may write everywhere, so this is tried as somebody else.
    let mut as_nobody = Command::new("setpriv");
    as_nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    as_nobody.arg(std::env::current_exe().unwrap());
    as_nobody.args(["--exact", "embedded::what_somebody_without_rights_meets", "--ignored"]);
    match as_nobody.env(READ_ONLY, &dir).output() {
        Ok(output) if String::from_utf8_lossy(&output.stderr).starts_with("setpriv: ") => {
            println!("skipped: this user may not become another one");
        }
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => crate::needs::missing(format_args!("setpriv cannot be run: {error}")),
    }
    for folder in [folder.path(), &dir] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
#[ignore = "called by the test above, as a user without rights"]
fn what_somebody_without_rights_meets() {
    let dir = PathBuf::from(std::env::var_os(READ_ONLY).unwrap());
    let store = EmbeddedStore::new(&dir);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(flows(snapshot.as_ref(), Order::Dst).unwrap().len(), 70);
    assert_eq!(store.loads().unwrap().len(), 2);
    assert_eq!(store.verify().unwrap().faults, [] as [&str; 0]);
    let error = store.writer().err().unwrap();
    assert_eq!(error.to_string(), format!("{}: open for writing", dir.join("lock").display()));
    let beside = EmbeddedStore::new(dir.join("../another"));
    let error = beside.writer().err().unwrap();
    assert!(error.to_string().ends_with("another: create folder"), "{error}");
}
