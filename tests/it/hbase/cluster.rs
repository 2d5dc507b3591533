//! A cluster of processes (`scripts/hbase up --cluster`) of which some are killed, stopped and
//! started while flows are loaded and read. A long run of its own:
//! `EARLGREY_HBASE_CLUSTER` names its gateways, `EARLGREY_HBASE_DIR` its folder.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::new_table;

const FLOWS: &str = "400000";

/// What is done to the cluster while something runs on it.
struct Fault {
    name: &'static str,
    /// Each step is a wait in seconds, and then a command of `scripts/hbase`, or of the shell.
    steps: &'static [(u64, &'static str)],
}

const FAULTS: [Fault; 5] = [
    Fault {
        name: "a region server is killed",
        steps: &[(2, "kill region-a"), (30, "start region-a")],
    },
    Fault {
        name: "a gateway is killed and started again",
        steps: &[(2, "kill thrift-a"), (5, "start thrift-a")],
    },
    Fault {
        name: "a gateway is stopped for a while",
        steps: &[(2, "STOP thrift-b"), (25, "CONT thrift-b")],
    },
    Fault {
        name: "a region server is stopped for a while",
        steps: &[(2, "STOP region-b"), (6, "CONT region-b")],
    },
    Fault {
        name: "the master is killed and started again",
        steps: &[(2, "kill master"), (4, "start master")],
    },
];

fn script(arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/hbase");
    let output = Command::new(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn step(what: &str) {
    let (verb, name) = what.split_once(' ').unwrap();
    if ["STOP", "CONT"].contains(&verb) {
        let id = script(&["pid", name]);
        let done = Command::new("kill").args([&format!("-{verb}"), id.trim()]).status().unwrap();
        assert!(done.success());
    } else {
        script(&[verb, name]);
    }
}

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"))
        .args(arguments)
        .args(["--answer-secs", "20", "--recovery-secs", "150"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nothing_is_lost_and_nothing_repeated_whatever_dies() {
    let Ok(gateways) = std::env::var("EARLGREY_HBASE_CLUSTER") else {
        println!("skipped: a long run; see tests/it/hbase/cluster.rs");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.pcap").to_str().unwrap().to_owned();
    let embedded = folder.path().join("store").to_str().unwrap().to_owned();
    finish(start(&["generate", &file, "--flows", FLOWS]));
    finish(start(&["load", &file, "--store", &embedded]));
    let pairs = |store: &str| {
        finish(start(&["active-flow", "-print", "100000", "--by", "flows", "--store", store]))
    };
    let octets = |store: &str| finish(start(&["active-flow", "-print", "1000", "--store", store]));
    let expected = (pairs(&embedded), octets(&embedded));
    let thrift2 = std::env::var("EARLGREY_HBASE_CLUSTER_THRIFT2").ok();

    for Fault { name, steps } in FAULTS {
        let store = format!("hbase://{gateways}/{}", new_table());
        if let Some(thrift2) = &thrift2 {
            finish(start(&[
                "schema",
                "create",
                "--regions",
                "4",
                "--split-from",
                &file,
                "--thrift2",
                thrift2,
                "--store",
                &store,
            ]));
        }
        for running in ["load", "scan"] {
            let began = Instant::now();
            let child = if running == "load" {
                start(&["load", &file, "--store", &store])
            } else {
                start(&["query", "0.0.0.0/0", "--filter", "-o", "csv", "--store", &store])
            };
            let chaos = std::thread::spawn(move || {
                for (number, (seconds, what)) in steps.iter().enumerate() {
                    // A scan takes two seconds, so the fault must come at once.
                    if running == "load" || number > 0 {
                        sleep(Duration::from_secs(*seconds));
                    }
                    step(what);
                }
            });
            let printed = finish(child);
            let took = began.elapsed().as_secs_f64();
            chaos.join().unwrap();
            if running == "scan" {
                assert_eq!(
                    (printed.lines().count() - 1).to_string(),
                    FLOWS,
                    "{name}, during a scan"
                );
            }
            let found = (pairs(&store), octets(&store));
            assert!(found == expected, "{name}, during a {running}: other flows than were loaded");
            println!("{name}, during a {running}: {took:.0} s, every flow there once");
        }
        finish(start(&["schema", "drop", "--yes", "--store", &store]));
    }
}
