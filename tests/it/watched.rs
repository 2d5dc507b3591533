//! Answers that are given up: on each store, and on the command line.

use std::fs;
use std::process::Stdio;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use earlgrey_hbase::aggregate::{KeyField, Limits, Top, TopOptions, TopOrder, parse_keys};
use earlgrey_hbase::flow::Columns;
use earlgrey_hbase::query::Question;
use earlgrey_hbase::query::filter::{self, Context, NoFiles};
use earlgrey_hbase::store::embedded::EmbeddedStore;
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::wrap::WatchedSnapshot;
use earlgrey_hbase::store::{Scan, Snapshot, Store, StoreError, Watch, conformance};

use crate::cli::{Home, signal};

/// Reads everything, or until it is stopped.
fn read(snapshot: &dyn Snapshot, scan: &Scan) -> Result<usize, StoreError> {
    let mut flows = 0;
    for region in snapshot.regions(scan)? {
        for batch in region.read() {
            flows += batch?.len();
        }
    }
    Ok(flows)
}

/// Stops `watch` in so long; gives when that was.
fn stop_in(watch: &Watch, length: Duration) -> std::thread::JoinHandle<Instant> {
    let watch = watch.clone();
    spawn(move || {
        sleep(length);
        watch.stop();
        Instant::now()
    })
}

/// Whatever a store is at, it ends within a second.
pub(super) fn ends_within_a_second(store: &dyn Store) {
    // A filter that lets nothing pass, over and over: there is always something left to read.
    let context = Context {
        zone: jiff::tz::TimeZone::UTC,
        now: earlgrey_hbase::UnixMillis(0),
        files: &NoFiles,
    };
    let nothing = filter::parse("pps > 18446744073709551614", &context).unwrap();
    let question = Question { filter: Some(nothing), ..Question::everything() };
    for ordered in [false, true] {
        let watch = Watch::default();
        let snapshot = WatchedSnapshot::new(store.snapshot().unwrap(), watch.clone());
        let lookup = question.plan(Columns::ALL);
        let scan = Scan { ordered, ..lookup.scans()[0].clone() };
        let stopped = stop_in(&watch, Duration::from_millis(300));
        let mut last = 0.0;
        let error = loop {
            match read(&snapshot, &scan) {
                Ok(flows) => assert_eq!(flows, 0),
                Err(error) => break error,
            }
            assert!(watch.share() >= last, "it went back");
            last = watch.share();
        };
        let late = stopped.join().unwrap().elapsed();
        assert!(matches!(error, StoreError::Stopped), "{store}: {error}");
        assert!(late < Duration::from_secs(1), "{store}: {late:?}");
    }
}

#[test]
fn reading_ends_within_a_second_in_memory_and_in_a_folder() {
    let memory = MemoryStore::default();
    conformance::write_sample(&memory, 20_000);
    ends_within_a_second(&memory);
    let folder = tempfile::tempdir().unwrap();
    let embedded = EmbeddedStore::new(folder.path().join("store"));
    conformance::write_sample(&embedded, 100_000);
    ends_within_a_second(&embedded);
}

#[test]
fn tops_look_twice_and_tell_how_far_they_are_all_along() {
    let store = MemoryStore::default();
    conformance::write_sample(&store, 20_000);
    let top = |fields: Vec<KeyField>, watch: &Watch| {
        let limits = Limits { watch: watch.clone(), ..Limits::default() };
        let options = TopOptions {
            fields,
            order: TopOrder::default(),
            count: Some(10),
            zone: jiff::tz::TimeZone::UTC,
            limits,
        };
        let snapshot = WatchedSnapshot::new(store.snapshot().unwrap(), watch.clone());
        Top::of(&snapshot, &[Scan::all(Columns::NONE)], &options)
    };
    for keys in ["src", "src,dstport", "pair", "dstport"] {
        let fields = parse_keys(keys).unwrap();
        let watch = Watch::default();
        let seen = watch.clone();
        let follower = spawn(move || {
            let mut shares = Vec::new();
            while shares.last().is_none_or(|&share| share < 1.0) && !seen.is_stopped() {
                shares.push(seen.share());
                sleep(Duration::from_micros(200));
            }
            shares
        });
        assert_eq!(top(fields.clone(), &watch).unwrap().entries.len(), 10);
        assert!((watch.share() - 1.0).abs() < 1e-6, "{keys}: {}", watch.share());
        assert!(watch.rows() >= 20_000, "{keys}");
        watch.stop();
        assert!(follower.join().unwrap().is_sorted(), "{keys}: it went back");
        assert!(matches!(top(fields, &watch), Err(StoreError::Stopped)));
    }
}

#[test]
fn a_command_that_asks_is_interrupted_at_once_and_leaves_nothing_half_written() {
    let home = Home::new();
    let generated = ["generate", "day.pcap", "--flows", "100000"];
    home.run(&generated).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    let filter = "pps > 18446744073709551614 or bps < 18446744073709551615";
    for command in [
        &["export", "--where", filter, "--to", "all.csv"][..],
        &["query", "--where", filter, "--bidir", "--memory", "1MB"],
        &["top", "5-tuple", "-n", "0", "--memory", "1MB"],
        &["timeline", "--plot", "day.svg", "--where", filter],
    ] {
        // It may be done before it is interrupted, on a machine that is quick.
        let interrupted = [50, 100, 20, 200, 10].into_iter().any(|ms| {
            let _ = fs::remove_file(home.path("all.csv"));
            let _ = fs::remove_file(home.path("day.svg"));
            let before = fs::read_dir(home.path(".")).unwrap().count();
            let mut child = home
                .command(command)
                .env("TMPDIR", home.path("."))
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            sleep(Duration::from_millis(ms));
            signal(&child, "-INT");
            let began = Instant::now();
            let status = child.wait().unwrap();
            assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
            if status.success() {
                return false;
            }
            // Before the program minds signals, this one ends it.
            assert!(matches!(status.code(), Some(130) | None), "{status}");
            assert_eq!(fs::read_dir(home.path(".")).unwrap().count(), before, "something is left");
            status.code() == Some(130)
        });
        assert!(interrupted, "{command:?}");
    }
}
