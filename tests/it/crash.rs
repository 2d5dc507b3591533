//! Processes killed, and disks filled: what was acknowledged stays, and the same load can go on.
//!
//! The long run, `EARLGREY_LONG=1`, kills two hundred times in place of twenty.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use earlgrey_hbase::generate::{self, Traffic};
use earlgrey_hbase::store::embedded::{EmbeddedStore, Verified};

/// Small batches, so that a load makes many commits.
const BATCH_FLOWS: &str = "5000";
const FLOWS: u64 = 120_000;

struct Place {
    folder: tempfile::TempDir,
    capture: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("day.pcap");
        let traffic = Traffic { flows: FLOWS, duplicates: 0.02, loss: 0.01, ..Traffic::default() };
        generate::write(&traffic, &mut File::create(&capture).unwrap()).unwrap();
        Self { folder, capture }
    }

    fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self, store: &Path) -> Command {
        let mut load = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
        load.args(["load", "--batch-flows", BATCH_FLOWS, "--store"])
            .arg(store)
            .arg(&self.capture)
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        load
    }
}

fn succeeds(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    stderr
}

/// What the store holds, which must be sound.
fn content(store: &Path) -> Verified {
    let verified = EmbeddedStore::new(store).verify().unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
    verified
}

pub(crate) fn is_long() -> bool {
    std::env::var_os("EARLGREY_LONG").is_some_and(|long| long == "1")
}

#[test]
fn a_load_that_is_killed_anywhere_can_be_run_again_and_loses_nothing() {
    let place = Place::new();
    let whole = place.store("whole");
    succeeds(&place.load(&whole).output().unwrap());
    let expected = content(&whole);
    assert!(expected.flows > FLOWS * 9 / 10);
    // A machine that is busy just now makes a load longer than those that are killed will be.
    let timed = |turn: u32| {
        let begun = Instant::now();
        succeeds(&place.load(&place.store(&format!("timed-{turn}"))).output().unwrap());
        begun.elapsed()
    };
    let took = (0..3).map(timed).min().unwrap();

    let kills: u32 = if is_long() { 200 } else { 20 };
    let (mut cut_short, mut kept) = (0, 0);
    for kill in 0..kills {
        let store = place.store(&format!("killed-{kill}"));
        // Spread over the whole of a load, and never twice the same.
        let after = took.mul_f64(f64::from(kill) / f64::from(kills)) + Duration::from_micros(137);
        let mut load = place.load(&store).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(after);
        load.kill().unwrap();
        cut_short += u32::from(!load.wait().unwrap().success());
        // What is there after the kill is sound, before anything has put it in order.
        if store.join("lock").exists() && EmbeddedStore::new(&store).verify().is_ok() {
            let left = content(&store);
            assert!(left.flows <= expected.flows);
            kept += u32::from(left.flows > 0);
        }
        succeeds(&place.load(&store).output().unwrap());
        let after = content(&store);
        assert_eq!(
            (after.flows, &after.digest, after.datagrams),
            (expected.flows, &expected.digest, expected.datagrams),
            "killed after {after:?}"
        );
        std::fs::remove_dir_all(store).unwrap();
    }
    println!("{kills} loads: {cut_short} killed at work, {kept} of them had stored flows");
    assert!(cut_short > kills / 2, "only {cut_short} of {kills} loads were killed at work");
    assert!(kept > 0, "no load was killed after its first commit");
}

/// Copies the files of a store.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The flows of a store are of two days, and this is in the middle of the second.
const CUT: &str = "2007-07-26T14:00:00Z";

fn expire(store: &Path) -> Command {
    let mut expire = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
    expire.args(["expire", "--before", CUT, "--yes", "--store"]).arg(store);
    expire.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    expire
}

#[test]
fn an_expiry_that_is_killed_anywhere_was_carried_out_or_not_at_all() {
    let place = Place::new();
    let whole = place.store("whole");
    succeeds(&place.load(&whole).output().unwrap());
    let before = content(&whole);
    // The kills are to be spread over the work and not over what comes after it.
    let mut took = Duration::MAX;
    let mut after = Verified::default();
    for turn in 0..3 {
        let expired = place.store(&format!("expired-{turn}"));
        copy(&whole, &expired);
        let begun = Instant::now();
        succeeds(&expire(&expired).output().unwrap());
        took = took.min(begun.elapsed());
        after = content(&expired);
    }
    assert!(after.flows > 0 && after.flows < before.flows, "{} flows left", after.flows);

    let kills: u32 = if is_long() { 200 } else { 20 };
    let (mut cut_short, mut undone) = (0, 0);
    for kill in 0..kills {
        let store = place.store(&format!("killed-{kill}"));
        copy(&whole, &store);
        let until = took.mul_f64(f64::from(kill) / f64::from(kills)) + Duration::from_micros(137);
        let mut expiry = expire(&store).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(until);
        expiry.kill().unwrap();
        cut_short += u32::from(!expiry.wait().unwrap().success());
        let left = content(&store);
        if left.digest == before.digest {
            undone += 1;
            assert_eq!(left.flows, before.flows);
        } else {
            assert_eq!((left.flows, &left.digest), (after.flows, &after.digest), "killed {kill}");
        }
        succeeds(&expire(&store).output().unwrap());
        let again = content(&store);
        assert_eq!((again.flows, again.digest), (after.flows, after.digest.clone()));
        // What the killed one left behind goes with the next load, and no more than that.
        succeeds(&place.load(&store).output().unwrap());
        let loaded = content(&store);
        assert!(loaded.flows <= before.flows, "{} flows", loaded.flows);
        let named = std::fs::read_dir(&store).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
            name.starts_with("run-")
        });
        assert_eq!(named.count() as u64, 2 * loaded.runs, "every file of a run is of the store");
        std::fs::remove_dir_all(store).unwrap();
    }
    println!("{kills} expiries: {cut_short} killed at work, {undone} of them before their commit");
    assert!(cut_short > kills / 4, "only {cut_short} of {kills} were killed at work");
    assert!(undone > 0, "none was killed before its commit");
}

#[test]
fn a_full_disk_is_told_and_what_was_stored_before_stays() {
    let place = Place::new();
    let whole = place.store("whole");
    succeeds(&place.load(&whole).output().unwrap());
    let expected = content(&whole);

    // No file may grow beyond this many KiB, and a write beyond it fails as on a full disk. The
    // first batches fit; the tail of a later file does not.
    for limit_kib in [4, 16, 40, 64, 80] {
        let store = place.store(&format!("full-{limit_kib}"));
        let mut shell = Command::new("bash");
        let script = format!("ulimit -f {limit_kib}; exec \"$@\"");
        let load = place.load(&store);
        shell.args(["-c", &script, "bash"]).arg(load.get_program()).args(load.get_args());
        let output = shell.env("HOME", place.folder.path()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(0) {
            continue;
        }
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("File too large") && stderr.contains("full-"), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        let left: Vec<_> = std::fs::read_dir(&store)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "tmp"))
            .collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "unfinished files take no room");
        if let Ok(left) = EmbeddedStore::new(&store).verify() {
            assert_eq!(left.faults, Vec::<String>::new());
        }
        succeeds(&place.load(&store).output().unwrap());
        assert_eq!(content(&store).digest, expected.digest, "limit {limit_kib} KiB");
    }
}

/// A real full disk, where this may mount one.
#[test]
fn a_full_file_system_is_told_with_a_hint() {
    let place = Place::new();
    let disk = place.store("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&disk)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let store = disk.join("store");
    let output = place.load(&store).output().unwrap();
    let left = EmbeddedStore::new(&store).verify();
    Command::new("umount").arg(&disk).status().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert!(stderr.contains("hint: "), "{stderr}");
    assert_eq!(left.unwrap().faults, Vec::<String>::new());
}
