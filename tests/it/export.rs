//! Exported files in the hands of DuckDB, against what `query` prints of the same question.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cells::rich;
use crate::cli::{Home, capture};
use crate::needs::duckdb;

/// Prints what DuckDB makes of a file: each row in its order as JSON with the members of `query -o
/// ndjson`, and then counts, sums and times by protocol, which DuckDB works out.
const DUCKDB: &str = r#"
import sys, duckdb, json
file = f"read_parquet('{sys.argv[1]}', file_row_number = true)"
rows = duckdb.sql(f"""
    SELECT src, src_port, dst, dst_port, protocol, epoch_ms(first_ms), duration_ms, octets, packets,
        tcp_flags, tos, input, output, src_as, dst_as, src_mask, dst_mask, next_hop, exporter, engine,
        sampling_interval, elements, sampling_mode
    FROM {file} ORDER BY file_row_number""").fetchall()
names = """srcAddress srcPort dstAddress dstPort protocol time duration bytes packets
    tcpFlags tos input output srcAs dstAs srcMask dstMask nextHop exporter engine sampling""".split()
for row in rows:
    flow = dict(zip(names, row))
    assert row[21] is None or json.loads(row[21])
    flow.update(json.loads(row[21] or "{}"))
    print(json.dumps(flow))
print(json.dumps(duckdb.sql(f"""
    SELECT protocol, count(*), sum(octets)::UBIGINT, epoch_ms(min(first_ms)), epoch_ms(max(first_ms))
    FROM {file} GROUP BY protocol ORDER BY protocol""").fetchall()))
print(json.dumps(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '{sys.argv[1]}')").fetchall()))
"#;

/// What DuckDB sees in a file: its rows; for each protocol flows, octets, first and last time; and
/// the columns with their types.
type Seen = (Vec<Value>, Value, Value);

/// A home whose store holds a day of both families, with what DuckDB makes of files in it; none
/// where there is no DuckDB.
fn home() -> Option<(Home, impl Fn(&Home, &str) -> Seen)> {
    let duckdb = duckdb()?;
    let home = Home::new();
    let rich = home.file("rich.pcap", &capture(&[rich()]));
    let made = ["generate", "day.pcap", "--flows", "20000", "--hours", "30", "--format", "v9"];
    home.run(&made).succeeds();
    home.run(&["load", "day.pcap", &rich]).succeeds();
    let seen = move |home: &Home, file: &str| {
        let file = home.path(file);
        let printed = duckdb(DUCKDB, &[file.to_str().unwrap()]);
        let mut lines: Vec<Value> =
            printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let types = lines.pop().unwrap();
        let sums = lines.pop().unwrap();
        (lines, sums, types)
    };
    Some((home, seen))
}

/// What `query` prints of a question, with numbers where it has names, and times in milliseconds.
fn asked(home: &Home, question: &[&str]) -> Vec<Value> {
    let query = |format: &[&str]| home.run(&[&["query"], question, format].concat()).succeeds();
    // Protocols and flags are numbers with -N.
    let numbers = query(&["-N", "-o", "csv:%pr,%tsr"]).stdout;
    let numbers = numbers.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let flows = query(&["-o", "ndjson"]).stdout;
    let mut asked = Vec::new();
    for (flow, numbers) in flows.lines().zip(numbers) {
        let mut flow: Value = serde_json::from_str(flow).unwrap();
        let time: jiff::Timestamp = flow["time"].as_str().unwrap().parse().unwrap();
        flow["time"] = time.as_millisecond().into();
        flow["protocol"] = numbers.split(',').next().unwrap().parse::<u64>().unwrap().into();
        let flags = flow["tcpFlags"].as_str().unwrap();
        flow["tcpFlags"] = flags
            .bytes()
            .rev()
            .enumerate()
            .map(|(bit, letter)| u64::from(letter != b'.') << bit)
            .sum::<u64>()
            .into();
        // Files say of it what it is made of.
        flow.as_object_mut().unwrap().remove("communityId");
        asked.push(flow);
    }
    assert_eq!(asked.len(), flows.lines().count());
    asked
}

#[test]
fn duckdb_reads_of_a_file_what_query_prints() {
    let Some((home, duckdb)) = home() else { return };
    for (place, question) in [
        &["--where", "any"][..],
        &["122.166.26.132", "--direction", "any"],
        &["0.0.0.0/0", "--direction", "dst", "--limit", "777"],
        &["--where", "udp and port 53", "--since", "2007-07-26T06:00"],
        &["::/0"],
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("{place}.parquet");
        let told = home.run(&[&["export", "--to", &file, "-o", "json"], question].concat());
        let told = told.succeeds().json();
        let flows = asked(&home, question);
        assert!(flows.len() > 1, "{question:?}");
        assert_eq!(told["flows"], flows.len(), "{question:?}");
        assert_eq!(told["bytes"], home.path(&file).metadata().unwrap().len(), "{question:?}");
        let (theirs, sums, _) = duckdb(&home, &file);
        for (place, (theirs, ours)) in theirs.iter().zip(&flows).enumerate() {
            assert_eq!(theirs, ours, "row {place} of {question:?}");
        }
        assert_eq!(theirs.len(), flows.len(), "{question:?}");
        let mut ours: BTreeMap<u64, (u64, u64, u64, u64)> = BTreeMap::new();
        for flow in &flows {
            let number = |member: &str| flow[member].as_u64().unwrap();
            let sum = ours.entry(number("protocol")).or_insert((0, 0, u64::MAX, 0));
            *sum = (
                sum.0 + 1,
                sum.1 + number("bytes"),
                sum.2.min(number("time")),
                sum.3.max(number("time")),
            );
        }
        let ours: Vec<Value> = ours
            .into_iter()
            .map(|(protocol, (flows, octets, first, last))| {
                json!([protocol, flows, octets, first, last])
            })
            .collect();
        assert_eq!(sums, Value::Array(ours), "{question:?}");
    }
}

#[test]
fn a_file_of_everything_has_both_families_and_readable_columns() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["export", "--to", "all.parquet"]).ends(0, "wrote 20,002 flows to all.parquet (");
    let (flows, _, types) = duckdb(&home, "all.parquet");
    let vlans: Vec<&Value> = flows.iter().filter_map(|flow| flow.get("vlanId")).collect();
    assert_eq!((flows.len(), vlans), (20_002, vec![&json!(0), &json!(7)]));
    let of_v6 = |flow: &&Value| flow["srcAddress"].as_str().unwrap().contains(':');
    let v6: Vec<&Value> = flows.iter().filter(of_v6).map(|flow| &flow["dstAddress"]).collect();
    assert!(v6.contains(&&json!("2001:620:1000:cafe:20e:35ff:fec0:fed5")), "{v6:?}");
    let types: BTreeMap<&str, &str> = types
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (column[0].as_str().unwrap(), column[1].as_str().unwrap()))
        .collect();
    for (column, its_type) in [
        ("src", "VARCHAR"),
        ("next_hop", "VARCHAR"),
        ("exporter", "VARCHAR"),
        ("elements", "VARCHAR"),
        ("first_ms", "TIMESTAMP WITH TIME ZONE"),
        ("octets", "UBIGINT"),
        ("duration_ms", "UINTEGER"),
        ("src_port", "USMALLINT"),
        ("protocol", "UTINYINT"),
        ("sampling_mode", "UTINYINT"),
    ] {
        assert_eq!(types.get(column), Some(&its_type), "{column}");
    }
    assert_eq!(types.len(), 23);
}

#[test]
fn an_empty_answer_is_a_file_without_rows() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["export", "203.0.113.9", "--to", "none.parquet"]).ends(0, "wrote 0 flows");
    let (flows, sums, types) = duckdb(&home, "none.parquet");
    assert_eq!((flows.len(), sums, types.as_array().unwrap().len()), (0, json!([]), 23));
}
