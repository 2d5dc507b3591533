//! A cluster of processes (`scripts/hbase up --cluster`) of which some are killed, stopped and
//! started while flows are loaded and read. A long run of its own:
//! `EARLGREY_HBASE_CLUSTER` names its gateways, `EARLGREY_HBASE_DIR` its folder,
//! `EARLGREY_HBASE_FAULT` a word of the faults that are wanted; else it is all of them.

use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::admin::{Admin, SCRIPT};
use super::{finish, new_table, start};
use earlgrey_hbase::flow::Columns;
use earlgrey_hbase::store::hbase::{HbaseStore, Options};
use earlgrey_hbase::store::{Scan, Store, conformance};

const FLOWS: &str = "400000";

/// What is done to the cluster while something runs on it.
struct Fault {
    name: &'static str,
    /// Each step is a wait in seconds, and then a command of `scripts/hbase`, a signal to one of its
    /// processes, or what [`Admin`] does to both tables of flows.
    steps: &'static [(u64, &'static str)],
}

const FAULTS: [Fault; 8] = [
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
    Fault { name: "every region is split", steps: &[(1, "split")] },
    Fault {
        name: "every region is moved, three times",
        steps: &[(1, "move"), (0, "move"), (0, "move")],
    },
    Fault { name: "the tables are disabled for a while", steps: &[(1, "disable"), (10, "enable")] },
];

fn script(arguments: &[&str]) -> String {
    let output = Command::new(SCRIPT).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn step(what: &str, admin: &mut Admin, table: &str) {
    let Some((verb, name)) = what.split_once(' ') else {
        for table in [table, &format!("{table}_by_dst")] {
            admin.carry_out(&format!("{what} {table}"));
        }
        return;
    };
    if ["STOP", "CONT"].contains(&verb) {
        let id = script(&["pid", name]);
        let done = Command::new("kill").args([&format!("-{verb}"), id.trim()]).status().unwrap();
        assert!(done.success());
    } else {
        script(&[verb, name]);
    }
}

/// A command that gives up on an answer sooner than users do, and on a cluster later than the tests.
fn begin(arguments: &[&str]) -> Child {
    start(&[arguments, &["--answer-secs", "20", "--recovery-secs", "150"]].concat())
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
    finish(begin(&["generate", &file, "--flows", FLOWS]));
    finish(begin(&["load", &file, "--store", &embedded]));
    let pairs = |store: &str| {
        finish(begin(&["active-flow", "-print", "100000", "--by", "flows", "--store", store]))
    };
    let octets = |store: &str| finish(begin(&["active-flow", "-print", "1000", "--store", store]));
    let expected = (pairs(&embedded), octets(&embedded));
    let thrift2 = std::env::var("EARLGREY_HBASE_CLUSTER_THRIFT2").ok();

    let wanted = std::env::var("EARLGREY_HBASE_FAULT").unwrap_or_default();
    for Fault { name, steps } in FAULTS.iter().filter(|fault| fault.name.contains(&wanted)) {
        let table = new_table();
        let store = format!("hbase://{gateways}/{table}");
        if let Some(thrift2) = &thrift2 {
            finish(begin(&[
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
        let mut admin = Admin::start(&["--cluster"]);
        for running in ["load", "scan"] {
            // A scan of a table that is disabled ends with an error that says so.
            if running == "scan" && steps.iter().any(|&(_, what)| what == "disable") {
                continue;
            }
            let began = Instant::now();
            let child = if running == "load" {
                begin(&["load", &file, "--store", &store])
            } else {
                begin(&["query", "0.0.0.0/0", "--filter", "-o", "csv", "--store", &store])
            };
            let (printed, took) = std::thread::scope(|scope| {
                let (admin, table) = (&mut admin, &table);
                scope.spawn(move || {
                    for (number, (seconds, what)) in steps.iter().enumerate() {
                        // A scan takes two seconds, so the fault must come at once.
                        if running == "load" || number > 0 {
                            sleep(Duration::from_secs(*seconds));
                        }
                        step(what, admin, table);
                    }
                });
                (finish(child), began.elapsed().as_secs_f64())
            });
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
        finish(begin(&["schema", "drop", "--yes", "--store", &store]));
    }
}

#[test]
fn a_scanner_whose_lease_ran_out_goes_on_behind_the_last_row() {
    let Ok(gateways) = std::env::var("EARLGREY_HBASE_CLUSTER") else {
        println!("skipped: a long run; see tests/it/hbase/cluster.rs");
        return;
    };
    let store = format!("hbase://{gateways}/{}", new_table());
    let store = HbaseStore::new(store.parse().unwrap(), Options::default());
    conformance::write_sample(&store, 20_000);
    let mut regions = store.snapshot().unwrap().regions(&Scan::all(Columns::NONE)).unwrap();
    let mut rows = regions.remove(0).read();
    let mut found = 0;
    // The region server forgets a scanner after 15 s, the gateway after 30; the connection is
    // trusted for 40.
    for pause_secs in [0, 20, 34] {
        sleep(Duration::from_secs(pause_secs));
        found += rows.next().unwrap().unwrap().len();
    }
    found += rows.map(|batch| batch.unwrap().len()).sum::<usize>();
    assert_eq!(found, 20_000);
}
