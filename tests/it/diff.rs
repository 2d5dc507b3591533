//! `diff` against what DuckDB makes of the flows that `query` prints.

use serde_json::Value;

use super::cli::Home;
use super::needs::duckdb;

/// Sums up two windows of an NDJSON of flows, by a key, and tells what changed by a counter.
const DUCKDB: &str = r"
import duckdb, json, sys
file, key, now, before, by = sys.argv[1:]
def within(window):
    since, until = window.split('..')
    return f'''(time >= TIMESTAMPTZ '{since}' AND time < TIMESTAMPTZ '{until}')'''
def sums(name, window):
    of = lambda what: f'coalesce(sum({what}) FILTER ({within(window)}), 0)::HUGEINT'
    return f'''{of('octets')} octets{name}, {of('packets')} packets{name}, {of('1')} flows{name}'''
duckdb.sql(f'''CREATE TABLE flows AS SELECT bytes AS octets, packets, unnest({key}) k, time::TIMESTAMPTZ AS time
    FROM read_ndjson('{file}', union_by_name = true)''')
rows = duckdb.sql(f'''SELECT *, {by} - {by}Before FROM (SELECT k, {sums('', now)},
    {sums('Before', before)} FROM flows WHERE {within(now)} OR {within(before)} GROUP BY k)''')
def change(row):
    if row[6] == 0: return 'came'
    if row[3] == 0: return 'went'
    return 'grew' if row[7] > 0 else 'shrank' if row[7] < 0 else 'stayed'
for row in rows.fetchall():
    print(json.dumps([str(row[0]), change(row), int(row[7]), *map(int, row[1:7])]))
";

/// A home whose store holds two hours of both families, and the flows of these in a file.
fn home() -> (Home, String) {
    let home = Home::new();
    let made = ["generate", "a.pcap", "--flows", "30000", "--hours", "2", "--format", "v9"];
    home.run(&made).succeeds();
    home.run(&["load", "a.pcap"]).succeeds();
    let flows = home.run(&["query", "--where", "any", "-o", "ndjson"]).succeeds();
    let file = home.file("flows.ndjson", flows.stdout.as_bytes());
    (home, file)
}

/// The rows of `diff`, as the script prints its own.
fn ours(home: &Home, (key, name): (&str, &str), windows: &[&str], by: &str) -> Vec<Value> {
    let question = ["diff", key, "-n", "0", "--by", by, "-o", "ndjson", "--memory", "1MB"];
    let said = home.run(&[&question, windows].concat()).succeeds();
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let key = row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
        let numbers =
            ["octets", "packets", "flows", "octetsBefore", "packetsBefore", "flowsBefore"];
        let mut told = vec![key.into(), row["change"].clone(), row["difference"].clone()];
        told.extend(numbers.map(|name| row[name].clone()));
        Value::from(told)
    };
    said.stdout.lines().map(row).collect()
}

#[test]
fn two_windows_side_by_side_are_those_of_duckdb() {
    let Some(duckdb) = duckdb() else { return };
    let (home, file) = home();
    let window =
        |(since, until): (&str, &str)| format!("2007-07-26T{since}:00Z..2007-07-26T{until}:00Z");
    for (key, name, expression, by, now, before) in [
        ("src", "srcAddress", "[srcAddress]", "octets", ("01:00", "02:00"), ("00:00", "01:00")),
        (
            "ip",
            "address",
            "[srcAddress, dstAddress]",
            "packets",
            ("01:00", "02:00"),
            ("00:00", "01:00"),
        ),
        ("dstport", "dstPort", "[dstPort]", "flows", ("01:00", "01:30"), ("00:10", "00:20")),
        // Windows may overlap, and be of another length.
        ("srcport", "srcPort", "[srcPort]", "octets", ("00:30", "01:30"), ("00:00", "01:00")),
        ("exporter", "exporter", "[exporter]", "octets", ("00:00", "02:00"), ("00:30", "00:31")),
    ] {
        let (now, before) = (window(now), window(before));
        let theirs = duckdb(DUCKDB, &[&file, expression, &now, &before, by]);
        let mut theirs: Vec<Value> =
            theirs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut ours = ours(&home, (key, name), &["--window", &now, "--against", &before], by);
        let difference = |row: &Value| row[2].as_i64().unwrap().unsigned_abs();
        assert!(ours.is_sorted_by(|a, b| difference(a) >= difference(b)), "{key}");
        let text = |row: &Value| row.to_string();
        theirs.sort_by_key(text);
        ours.sort_by_key(text);
        assert_eq!(ours.len(), theirs.len(), "{key}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{key}");
        }
    }
}

#[test]
fn each_window_is_the_top_of_its_own_time() {
    let (home, _) = home();
    let [since, middle, until] = ["2007-07-26T00:00Z", "2007-07-26T01:00Z", "2007-07-26T02:00Z"];
    let (now, before) = (format!("{middle}..{until}"), format!("{since}..{middle}"));
    let diff = ["diff", "src/16", "-n", "0", "-o", "json", "--window", &now, "--against", &before];
    let diff = home.run(&diff).succeeds().json();
    let rows = diff["diff"].as_array().unwrap();
    for (name, since, until) in [("", middle, until), ("Before", since, middle)] {
        let top = ["top", "src/16", "-n", "0", "-o", "json", "--since", since, "--until", until];
        let top = home.run(&top).succeeds().json();
        for counter in ["octets", "packets", "flows"] {
            let counted = format!("{counter}{name}");
            assert_eq!(diff["totals"][&counted], top["totals"][counter], "{counted}");
            for entry in top["top"].as_array().unwrap() {
                let same = |row: &&Value| row["srcNet"] == entry["srcNet"];
                let row = rows.iter().find(same).unwrap();
                assert_eq!(row[&counted], entry[counter], "{counted} of {row}");
            }
        }
    }
    let kinds = diff["keys"].as_object().unwrap();
    assert_eq!(kinds.values().map(|keys| keys.as_u64().unwrap()).sum::<u64>(), rows.len() as u64);
    for (change, keys) in kinds {
        let of_kind = rows.iter().filter(|row| row["change"] == **change);
        assert_eq!(of_kind.count() as u64, keys.as_u64().unwrap(), "{change}");
    }
}
