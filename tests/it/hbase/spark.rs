//! Spark over the table, by the tool in `scripts/spark`: its answers are ours, and those of DuckDB
//! over an export.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{finish, gateway, new_table, start};
use crate::cells::rich;
use crate::cli::{capture, nat_events};
use crate::needs;

/// Every flow, with all of its columns: understood by Spark and by DuckDB.
const FLOWS: &str = "SELECT concat_ws(' ', replace(CAST(first_ms AS STRING), '+00', ''), src, dst, \
    protocol, src_port, dst_port, octets, packets, duration_ms, tcp_flags, tos, input, output, \
    src_as, dst_as, src_mask, dst_mask, next_hop, exporter, engine, sampling_mode, \
    sampling_interval) AS line FROM flows ORDER BY line";
/// The ten pairs that exchanged most.
const PAIRS: &str = "SELECT '(' || least(src, dst) || ',' || greatest(src, dst) || ',' || \
    sum(octets) || ')' FROM flows GROUP BY least(src, dst), greatest(src, dst) \
    ORDER BY sum(octets) DESC, least(src, dst), greatest(src, dst) LIMIT 10";

/// Answers a query for each argument behind the first, of the export there, a line a row and an
/// empty line behind each answer.
const DUCKDB: &str = r#"
import sys, duckdb
duckdb.sql("SET TimeZone = 'UTC'")
duckdb.sql("SET enable_progress_bar = false")
duckdb.sql(f"CREATE VIEW flows AS FROM read_parquet('{sys.argv[1]}/*/*/*/*.parquet')")
for query in sys.argv[2:]:
    for row in duckdb.sql(query).fetchall():
        print(*row)
    print()
"#;

/// Flows of IPv6, as SiLK prints them: some of them among the ten pairs.
fn of_ipv6() -> String {
    let mut text = "sIP|dIP|sPort|dPort|pro|packets|bytes|sTime|duration|nhIP\n".to_owned();
    for flow in 0..300_u32 {
        let (src, dst) = (flow * 7 % 8, flow * 11 % 5);
        let (port, octets) = (1024 + flow, 1000 + flow * flow * 13 % 900_001);
        let _ = writeln!(
            text,
            "2001:db8::{src:x}|2001:db8:0:1::{dst:x}:0|{port}|443|6|{}|{octets}|\
             2007/07/26T{:02}:10:{:02}.{:03}|1.5|fe80::1",
            flow % 50 + 1,
            flow % 24,
            flow % 60,
            flow * 17 % 1000
        );
    }
    text
}

/// What the tool answers to questions, each a line, in one process.
fn spark(gateway: &str, table: &str, questions: &[&str]) -> Vec<String> {
    let (host, base) = gateway.rsplit_once(':').unwrap();
    // ZooKeeper's is the third behind the gateway's (scripts/hbase.d/ports).
    let zookeeper = format!("{host}:{}", base.parse::<u16>().unwrap() + 3);
    let mut tool = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/spark/flows"))
        .args(["--zookeeper", &zookeeper, "--table", table])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    write!(tool.stdin.take().unwrap(), "{}", questions.join("\n")).unwrap();
    answers(&finish(tool))
}

/// Answers with an empty line behind each.
fn answers(text: &str) -> Vec<String> {
    let mut answers = vec![String::new()];
    for line in text.lines() {
        match answers.last_mut() {
            Some(last) if !line.is_empty() => last.extend([line, "\n"]),
            _ => answers.push(String::new()),
        }
    }
    answers.pop();
    answers
}

#[test]
fn spark_answers_as_we_do_and_as_duckdb_does() {
    let (Some(gateway), Some(duckdb)) = (gateway(), needs::duckdb()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let table = new_table();
    let store = format!("hbase://{gateway}/{table}");
    let ours = |question: &[&str]| finish(start(&[question, &["--store", &store]].concat()));
    let [day, v6, rich_file, nat] = ["day.pcap", "v6.txt", "rich.pcap", "nat.pcap"].map(path);
    finish(start(&["generate", &day, "--flows", "20000", "--hours", "30", "--format", "v9"]));
    std::fs::write(&v6, of_ipv6()).unwrap();
    std::fs::write(&rich_file, capture(&[rich()])).unwrap();
    std::fs::write(&nat, nat_events()).unwrap();
    ours(&["schema", "create", "--regions", "4"]);
    // What is loaded again is there once, and flows behind a NAT have a row in a third table.
    ours(&["load", &day, &v6, &nat]);
    ours(&["load", &day]);
    let old = ["expire", "--before", "2007-07-26T06:00:00Z", "--yes"];
    ours(&old);
    ours(&["load", &rich_file]);
    ours(&["export", "parquet", &path("out")]);

    let host = "122.166.26.132";
    // A number that is zero has no bytes.
    let extras = "sql SELECT CASE WHEN extras['58'] IS NOT NULL THEN \
         coalesce(conv(hex(extras['58']), 16, 10), '0') END AS vlan, count(*) AS n FROM flows \
         WHERE size(extras) > 0 GROUP BY vlan";
    let flows = format!("sql {FLOWS}");
    let told = spark(
        &gateway,
        &table,
        &[&format!("host {host}"), "host 2001:db8::3", "pairs 10", &flows, extras],
    );
    let [sent, sent_v6, pairs, flows, extras] = &told[..] else { panic!("{told:?}") };
    let count = |host: &str| format!("SELECT count(*) FROM flows WHERE src = '{host}'");
    let vlans = "SELECT CAST(elements::JSON ->> 'vlanId' AS INTEGER) AS vlan, count(*) FROM flows \
         WHERE elements IS NOT NULL GROUP BY vlan";
    let exported = [&count(host), &count("2001:db8::3"), PAIRS, FLOWS, vlans];
    let of_duckdb = answers(&duckdb(DUCKDB, &[&[&*path("out")], &exported[..]].concat()));
    let lines = |text: &str, name: &str| -> Vec<String> {
        let rows =
            text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.map(|row| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned))
            .collect()
    };
    assert_eq!((sent, sent_v6, pairs), (&of_duckdb[0], &of_duckdb[1], &of_duckdb[2]));
    let asked = |host: &str| ours(&["query", host, "--count"]);
    assert_eq!((sent, sent_v6), (&asked(host), &asked("2001:db8::3")));
    assert!(sent != "0\n" && sent_v6 != "0\n", "{sent} {sent_v6}");
    assert_eq!(*pairs, ours(&["active-flow", "-print", "10"]));
    assert!(pairs.contains("2001:db8:"), "{pairs}");
    let flows = lines(flows, "line");
    assert!(flows.iter().eq(of_duckdb[3].lines()), "other flows than in the export");
    // Some are there, and some are gone.
    assert!((15_000..20_000).contains(&flows.len()), "{}", flows.len());
    let mut vlans: Vec<String> = lines(extras, "vlan")
        .iter()
        .zip(lines(extras, "n"))
        .map(|(vlan, n)| format!("{} {n}", vlan.replace("null", "None")))
        .collect();
    vlans.sort();
    let mut theirs: Vec<&str> = of_duckdb[4].lines().collect();
    theirs.sort_unstable();
    assert_eq!(vlans, theirs);
    assert!(vlans.len() > 1, "{vlans:?}");
}
