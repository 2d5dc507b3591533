//! More runs than a process may have files open.

use std::sync::Arc;

use earlgrey_hbase::flow::{Family, FlowBatch, Origin, Protocol, Sampling, Source};
use earlgrey_hbase::store::WriteBatch;
use earlgrey_hbase::store::embedded::EmbeddedStore;
use earlgrey_hbase::{FlowRecord, Store, UnixMillis};

use super::*;

const DAYS: u64 = 1_000;
/// So many runs more are of the last day, so that merging opens all of them at once.
const RUNS_OF_LAST_DAY: u64 = 300;
const FLOWS_OF_RUN: u64 = 3;

/// So many runs are committed one by one: each commit writes a manifest of all before it.
const RUNS_OF_STORE: u64 = 50;

/// A store with a run for each day, in memory where that is to be had: what is tried is how many
/// files are open, not how durable they are.
fn years_of_runs() -> (TempDir, String) {
    let memory = tempfile::tempdir_in("/dev/shm");
    let folder = memory.unwrap_or_else(|_| tempfile::tempdir().unwrap());
    let (dir, part) = (folder.path().join("store"), folder.path().join("part"));
    drop(EmbeddedStore::new(&dir).writer().unwrap());
    let runs: Vec<u64> = (0..DAYS + RUNS_OF_LAST_DAY).collect();
    let mut entries = Vec::new();
    let mut sources = serde_json::Value::Null;
    for days in runs.chunks(RUNS_OF_STORE as usize) {
        let mut writer = EmbeddedStore::new(&part).writer().unwrap();
        for &day in days {
            writer.write(run_of(day)).unwrap();
            writer.commit().unwrap();
        }
        drop(writer);
        let mut manifest = newest_manifest(&part);
        for mut run in manifest["runs"].as_array().unwrap().iter().cloned() {
            let number = entries.len() as u64 + 1;
            run["number"] = number.into();
            for file in run["files"].as_array_mut().unwrap() {
                let name = format!("run-{number:08}-{}.parquet", file["order"].as_str().unwrap());
                fs::rename(part.join(file["name"].as_str().unwrap()), dir.join(&name)).unwrap();
                file["name"] = name.into();
            }
            entries.push(run);
        }
        sources = manifest["sources"].take();
        fs::remove_dir_all(&part).unwrap();
    }
    let next = entries.len() as u64 + 1;
    let body =
        serde_json::json!({"next": next, "sources": sources, "runs": entries, "identities": []});
    let body = body.to_string();
    let checksum = xxhash_rust::xxh3::xxh3_64(body.as_bytes());
    let text = format!("{{\"format\":1,\"checksum\":\"{checksum:016x}\"}}\n{body}");
    fs::write(dir.join("manifest-00000002.json"), text).unwrap();
    (folder, dir.into_os_string().into_string().unwrap())
}

fn newest_manifest(dir: &Path) -> serde_json::Value {
    let manifests = files_in(dir).into_iter();
    let newest = manifests.filter(|path| path.extension().is_some_and(|kind| kind == "json")).max();
    let text = fs::read_to_string(newest.unwrap()).unwrap();
    serde_json::from_str(text.split_once('\n').unwrap().1).unwrap()
}

fn run_of(run: u64) -> WriteBatch {
    let mut flows = FlowBatch::new(Family::V4);
    let source = Source {
        exporter: Family::V4.address(0xc000_0201),
        engine: 0,
        sampling: Sampling::default(),
    };
    flows.sources = Arc::new(vec![source]);
    for flow in 0..FLOWS_OF_RUN {
        let record = FlowRecord {
            first: UnixMillis::of_day(15_000 + run.min(DAYS - 1)) + 1_000 * flow,
            octets: 100,
            packets: 1,
            duration_ms: 10,
            src_port: 50_000 + flow as u16,
            dst_port: 443,
            protocol: Protocol(6),
            source,
            ..FlowRecord::between(
                Family::V4.address(0x0a00_0001),
                Family::V4.address(u128::from(0x0a01_0000 + run)),
            )
        };
        flows.push(&record, 0, Origin(run << 8 | flow));
    }
    WriteBatch { v4: flows, ..WriteBatch::new() }
}

/// The command, which may have so many files open and not one more.
fn limited(home: &Home, open_files: u64, arguments: &[&str]) -> Run {
    with_limit(home, &format!("-n {open_files}"), arguments)
}

/// The command under a limit as `ulimit` takes it.
fn with_limit(home: &Home, limit: &str, arguments: &[&str]) -> Run {
    let command = home.command(arguments);
    let mut limited = Command::new("sh");
    limited
        .arg("-c")
        .arg(format!("ulimit {limit}; exec \"$0\" \"$@\""))
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(home.0.path())
        .stdin(Stdio::null());
    Run::of(limited.output().unwrap())
}

#[test]
fn more_runs_than_open_files_are_queried_summed_up_verified_and_merged() {
    let home = Home::new();
    let (_folder, store) = years_of_runs();
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(["--store", &store]).collect();
        limited(&home, 256, &all).succeeds()
    };
    let runs = DAYS + RUNS_OF_LAST_DAY;
    let flows = runs * FLOWS_OF_RUN;
    let answers = || {
        let count = run(&["query", "10.0.0.1", "--count"]).stdout;
        assert_eq!(count, format!("{flows}\n"));
        let by_filter = run(&["query", "--where", "port 50001", "--count"]).stdout;
        assert_eq!(by_filter, format!("{runs}\n"));
        // In the order of their keys, all runs are read side by side.
        let all = run(&["query", "10.0.0.1", "-o", "csv", "--threads", "8"]).stdout;
        assert!(all.lines().count() as u64 > flows);
        let pairs = run(&["active-flow", "-print", "100000"]).stdout;
        assert_eq!(pairs.lines().count() as u64, runs);
        let found = run(&["verify", "-o", "json"]).json();
        assert_eq!((&found["flows"], &found["unread"]), (&flows.into(), &serde_json::json!([])));
        (all, pairs, found["digest"].clone())
    };
    let before = answers();
    let done = run(&["compact", "-o", "json"]).json();
    assert_eq!((&done["runsBefore"], &done["runsAfter"]), (&runs.into(), &DAYS.into()));
    assert_eq!(answers(), before);
}

#[test]
fn what_cannot_be_opened_is_never_called_damaged() {
    let home = Home::with_store();
    let store = home.store();
    let verify = ["verify", "--store", store.to_str().unwrap()];
    let mut unread = 0;
    // From too few for anything to enough for everything.
    for open_files in 3..24 {
        let found = limited(&home, open_files, &verify);
        assert!(!found.stdout.contains("damaged "), "{open_files}: {}", found.stdout);
        assert!(!found.stderr.contains("damaged"), "{open_files}: {}", found.stderr);
        unread += u64::from(found.status == Some(5));
        if found.status == Some(0) {
            break;
        }
    }
    assert!(unread > 0, "there were always enough");
    // What the usual limit forbids, and the last one allows, is asked for at the start.
    with_limit(&home, "-S -n 6", &verify).succeeds();
}
