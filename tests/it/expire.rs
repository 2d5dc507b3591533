//! Old flows go from the embedded store while others read it, write it and merge its runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use earlgrey_hbase::flow::{Column, Columns};
use earlgrey_hbase::generate::{self, Traffic};
use earlgrey_hbase::store::embedded::{Effort, EmbeddedStore};
use earlgrey_hbase::{Scan, Snapshot, Store, UnixMillis};

const FLOWS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

/// A capture of four days and a little.
fn capture(folder: &Path) -> PathBuf {
    let path = folder.join("days.pcap");
    let traffic = Traffic { flows: FLOWS, hours: 96.0, ..Traffic::default() };
    generate::write(&traffic, &mut File::create(&path).unwrap()).unwrap();
    path
}

fn earlgrey(store: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
    command.args(arguments).arg("--store").arg(store).stdin(Stdio::null());
    command
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The store of the whole capture, in small runs.
fn loaded(folder: &Path) -> (PathBuf, EmbeddedStore) {
    let capture = capture(folder);
    let store = folder.join("store");
    let load = ["load", capture.to_str().unwrap(), "--batch-flows", "7000"];
    succeeds(&mut earlgrey(&store, &load));
    (capture, EmbeddedStore::new(store))
}

/// When each flow of the snapshot began, sorted.
fn firsts(snapshot: &dyn Snapshot) -> Vec<u64> {
    let mut firsts = Vec::new();
    for region in snapshot.regions(&Scan::all(Columns::of(&[Column::First]))).unwrap() {
        for batch in region.read() {
            firsts.extend_from_slice(&batch.unwrap().first_ms);
        }
    }
    firsts.sort_unstable();
    firsts
}

/// The start of the `day`-th day of the store after its first.
fn day(store: &EmbeddedStore, day: u64) -> UnixMillis {
    let first = firsts(store.snapshot().unwrap().as_ref())[0];
    UnixMillis((first / DAY_MS + day) * DAY_MS)
}

fn assert_sound(store: &EmbeddedStore, flows: usize) {
    let verified = store.verify().unwrap();
    assert_eq!((verified.faults, verified.flows), (Vec::new(), flows as u64));
}

#[test]
fn an_answer_under_way_is_of_the_moment_in_which_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = loaded(folder.path());
    let all = firsts(store.snapshot().unwrap().as_ref());
    let snapshot = store.snapshot().unwrap();
    let scan = Scan { ordered: true, ..Scan::all(Columns::of(&[Column::First])) };
    let mut stream = snapshot.regions(&scan).unwrap().remove(0).read();
    let mut found = stream.next().unwrap().unwrap().first_ms;
    drop(snapshot);
    let cut = day(&store, 3) + 12_345_678;
    let expired = store.expire(cut, false).unwrap();
    assert!(expired.flows > FLOWS / 2, "{expired:?}");
    let files = expired.files.unwrap();
    assert!(files.runs_dropped > 3 && files.runs_cut > 0 && files.held_bytes > 0, "{files:?}");
    for batch in stream {
        found.extend(batch.unwrap().first_ms);
    }
    found.sort_unstable();
    assert!(found == all, "the whole answer, as of before");
    let left: Vec<u64> = all.iter().copied().filter(|&first| first >= cut.0).collect();
    assert!(firsts(store.snapshot().unwrap().as_ref()) == left);
    assert_sound(&store, left.len());

    // Nobody reads any more, so the room is free, although nothing more is to go.
    let again = store.expire(cut, false).unwrap();
    assert_eq!((again.flows, again.files.unwrap().held_bytes), (0, 0));
    let on_disk: u64 = std::fs::read_dir(store.dir())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|it| it == "parquet"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert_eq!(on_disk, files.bytes_left);
}

/// A load, merges, questions and expiries at once, each in a process or with a store of its own.
#[test]
fn a_load_and_an_expiry_at_once_lose_nothing_and_bring_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, whole) = loaded(folder.path());
    let all = firsts(whole.snapshot().unwrap().as_ref());
    let cuts: Vec<UnixMillis> = (1..=4).map(|number| day(&whole, number) + 11_111_111).collect();
    let last = cuts[2];
    let place = folder.path().join("at-once");
    let store = EmbeddedStore::new(&place);
    drop(store.writer().unwrap());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Each answer is of one moment: nothing before the cut that was the last one then.
            while !done.load(Relaxed) {
                let snapshot = store.snapshot().unwrap();
                let count = snapshot.flows().unwrap();
                assert_eq!(firsts(snapshot.as_ref()).len() as u64, count);
            }
        });
        let mut load =
            earlgrey(&place, &["load", capture.to_str().unwrap(), "--batch-flows", "700"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
        let begun = Instant::now();
        let mut expiries = 0;
        while load.try_wait().unwrap().is_none() {
            let cut = cuts[expiries % 3].to_string();
            let expire = ["expire", "--before", &cut, "--yes", "-o", "json"];
            succeeds(&mut earlgrey(&place, &expire));
            expiries += 1;
            assert!(begun.elapsed() < Duration::from_mins(2), "the load does not end");
        }
        assert!(load.wait().unwrap().success());
        assert!(expiries > 2, "only {expiries} while the load ran");
        done.store(true, Relaxed);
    });
    // Everything from the last cut on is there once; what came before it late is there as well.
    let found = firsts(store.snapshot().unwrap().as_ref());
    let left =
        |firsts: &[u64]| firsts.iter().copied().filter(|&it| it >= last.0).collect::<Vec<_>>();
    assert!(left(&found) == left(&all), "flows after the cut");
    assert_sound(&store, found.len());
    store.expire(last, false).unwrap();
    let found = firsts(store.snapshot().unwrap().as_ref());
    assert!(found == left(&all), "{} flows, {} expected", found.len(), left(&all).len());
    assert_sound(&store, found.len());
    // Loaded again, flows after the cut are met again: each datagram that has one is known.
    succeeds(&mut earlgrey(&place, &["load", capture.to_str().unwrap()]));
    assert!(left(&firsts(store.snapshot().unwrap().as_ref())) == left(&all), "after a second load");
}

#[test]
fn runs_that_are_merged_meanwhile_do_not_bring_old_flows_back() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = loaded(folder.path());
    let all = firsts(store.snapshot().unwrap().as_ref());
    let cut = day(&store, 2) + 40_000_000;
    let left: Vec<u64> = all.into_iter().filter(|&first| first >= cut.0).collect();
    thread::scope(|scope| {
        let merges = scope.spawn(|| {
            let other = EmbeddedStore::new(store.dir());
            for _ in 0..3 {
                other.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
            }
        });
        for steps in (0..8).rev() {
            store.expire(UnixMillis(cut.0 - steps * 9_000_000), false).unwrap();
        }
        merges.join().unwrap();
    });
    assert!(firsts(store.snapshot().unwrap().as_ref()) == left);
    assert_sound(&store, left.len());
}

/// The folder of a store that was read while it was cut holds nothing else when all is done.
#[test]
fn copies_that_were_made_in_vain_do_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = loaded(folder.path());
    let cut = day(&store, 1) + 1_000_000;
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(store.dir()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.ends_with("lock"));
        names.sort_unstable();
        names
    };
    let before = names();
    store.expire(cut, true).unwrap();
    assert_eq!(names(), before, "a question leaves nothing behind");
    // A folder in the way of the next manifest fails the commit.
    let next = before.iter().filter_map(|name| name.strip_prefix("manifest-")).next_back().unwrap();
    let next: u64 = next.trim_end_matches(".json").parse().unwrap();
    let process = std::process::id();
    let obstacle = store.dir().join(format!("manifest-{:08}.json.{process}-0.tmp", next + 1));
    std::fs::create_dir(&obstacle).unwrap();
    let error = store.expire(cut, false).unwrap_err().to_string();
    assert!(error.contains("manifest-"), "{error}");
    std::fs::remove_dir(&obstacle).unwrap();
    assert_eq!(names(), before);
    // What a crash left of a copy is written anew.
    for name in before.iter().filter(|name| name.starts_with("run-")) {
        let (run, order) = name.rsplit_once('-').unwrap();
        std::fs::write(store.dir().join(format!("{run}-since-{}-{order}", cut.0)), "x").unwrap();
    }
    let expired = store.expire(cut, false).unwrap();
    assert!(expired.files.unwrap().runs_cut > 0);
    assert_eq!(store.verify().unwrap().faults, Vec::<String>::new());
}
