//! Flows behind a NAT in HBase: the table in the order of their addresses there.

use std::process::{Command, Output};

use super::{gateway, new_table};
use crate::cli::nat_events;

fn run(arguments: &[&str], store: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
    command.args(arguments).args(["--store", store, "--recovery-secs", "60"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn answer(arguments: &[&str], store: &str) -> String {
    String::from_utf8(run(arguments, store).stdout).unwrap()
}

/// How the flows of 203.0.113.7 are found.
fn plan(store: &str) -> String {
    let output = run(&["query", "--nat", "203.0.113.7", "--explain"], store);
    String::from_utf8(output.stderr).unwrap()
}

/// The names of the tables that are there.
fn tables(store: &str) -> Vec<String> {
    let tables = answer(&["schema", "show", "-o", "json"], store);
    let tables: serde_json::Value = serde_json::from_str(&tables).unwrap();
    let tables = tables.as_array().unwrap().iter();
    tables.map(|table| table["name"].as_str().unwrap().to_owned()).collect()
}

/// A file with events of a NAT, and one with flows that are behind none.
fn files(folder: &tempfile::TempDir) -> [String; 2] {
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [nat, day] = [path("nat.pcap"), path("day.pcap")];
    std::fs::write(&nat, nat_events()).unwrap();
    run(&["generate", &day, "--flows", "2000", "--seed", "4"], &path("none"));
    [nat, day]
}

const QUESTIONS: [&[&str]; 8] = [
    &["--nat", "203.0.113.7"],
    &["--nat", "203.0.113.7:40123"],
    &["--nat", "203.0.113.7:50000"],
    &["--nat", "203.0.113.0/24", "--since", "2007-08-02T07:42:05Z"],
    &["--nat", "203.0.113.7", "--until", "2007-08-02T07:42:05Z"],
    &["--nat", "203.0.113.7:40123", "--at", "2007-08-02T07:42:05Z"],
    &["--where", "nat ip in [203.0.113.7 203.0.113.8]"],
    &["--where", "nat net 203.0.112.0/23", "--count"],
];

/// Sees that the answers are those of an embedded store with the same flows.
fn answers_as(store: &str, embedded: &str) {
    for question in QUESTIONS {
        let ask = |store: &str| answer(&[&["query", "-o", "ndjson"], question].concat(), store);
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        let expected = sorted(&ask(embedded));
        assert_eq!(sorted(&ask(store)), expected, "{question:?}");
    }
}

#[test]
fn the_table_is_made_with_the_first_flow_behind_a_nat_and_goes_with_the_others() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [nat, day] = files(&folder);
    let embedded = folder.path().join("store").to_str().unwrap().to_owned();
    let name = new_table();
    let store = format!("hbase://{gateway}/{name}");
    for store in [&store, &embedded] {
        run(&["load", &nat], store);
        run(&["load", &day], store);
        run(&["load", &nat], store);
    }
    answers_as(&store, &embedded);
    assert_eq!(answer(&["query", "--nat", "203.0.113.7", "--count"], &store), "6\n");
    let plan = plan(&store);
    for told in ["range of row keys", &format!("table {name}_by_nat"), "nat        203.0.113.7\n"] {
        assert!(plan.contains(told), "{plan}");
    }
    let by_nat = format!("{name}_by_nat");
    assert!(tables(&store).contains(&by_nat));
    run(&["schema", "create"], &store);
    run(&["expire", "--before", "2007-08-02T07:42:10Z", "--yes"], &store);
    run(&["expire", "--before", "2007-08-02T07:42:10Z", "--yes"], &embedded);
    answers_as(&store, &embedded);
    assert_eq!(answer(&["query", "--nat", "203.0.113.7", "--count"], &store), "3\n");
    run(&["schema", "drop", "--yes"], &store);
    run(&["load", &day], &store);
    assert!(!tables(&store).contains(&by_nat));
}

#[test]
fn where_flows_were_before_the_table_all_are_looked_at() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [nat, day] = files(&folder);
    let embedded = folder.path().join("store").to_str().unwrap().to_owned();
    let store = format!("hbase://{gateway}/{}", new_table());
    for store in [&store, &embedded] {
        run(&["load", &day], store);
        run(&["load", &nat], store);
    }
    answers_as(&store, &embedded);
    assert_eq!(answer(&["query", "--nat", "203.0.113.7", "--count"], &store), "6\n");
    assert!(plan(&store).contains("filter over every row"));
    assert_eq!(tables(&store).len(), 4);
}

#[test]
fn the_table_is_made_at_once_where_that_is_asked_for() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [nat, day] = files(&folder);
    let name = new_table();
    let store = format!("hbase://{gateway}/{name}");
    let statements = answer(&["schema", "create", "--nat", "--print"], &store);
    assert!(statements.contains(&format!("create '{name}_by_nat'")), "{statements}");
    assert!(statements.contains("'RowPrefixBloomFilter.prefix_length' => '17'"), "{statements}");
    assert!(statements.contains(r#"{"layout":2,"orders":["src","dst"],"nat":"all"}"#));
    run(&["schema", "create", "--nat"], &store);
    run(&["load", &day], &store);
    run(&["load", &nat], &store);
    assert!(plan(&store).contains("range of row keys"));
    assert_eq!(answer(&["query", "--nat", "203.0.113.7", "--count"], &store), "6\n");
}
