//! `query --sort` against DuckDB, which sorts what was exported.

use crate::cli::Home;
use crate::needs::duckdb;

/// The first rows of a file by an order; of equal ones, those that come first in the file.
const FIRST: &str = r#"
import sys, duckdb
file, order, limit = sys.argv[1:4]
for row in duckdb.sql(f"""
    SELECT src, dst, src_port, dst_port, octets, packets, epoch_ms(first_ms), duration_ms
    FROM read_parquet('{file}', file_row_number = true)
    ORDER BY {order}, file_row_number LIMIT {limit}""").fetchall():
    print(*row)
"#;

/// Orders, and what DuckDB is told for them.
const ORDERS: [(&str, &str); 8] = [
    ("octets", "octets DESC"),
    ("packets:asc", "packets"),
    ("duration", "duration_ms DESC"),
    ("first", "first_ms"),
    ("last:desc", "epoch_ms(first_ms) + duration_ms DESC"),
    ("bps", "CASE WHEN duration_ms = 0 THEN 0 ELSE octets::HUGEINT * 8000 // duration_ms END DESC"),
    ("bpp", "CASE WHEN packets = 0 THEN 0 ELSE octets // packets END DESC"),
    ("dstport", "dst_port"),
];

#[test]
fn flows_come_in_the_order_that_duckdb_has_them_in() {
    let Some(duckdb) = duckdb() else { return };
    let home = Home::new();
    home.run(&["generate", "day.pcap", "--flows", "30000", "--format", "v9"]).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    let file = home.path("all.parquet");
    for (order, theirs) in ORDERS {
        for limit in ["50", "1000000"] {
            let expected = duckdb(FIRST, &[file.to_str().unwrap(), theirs, limit]);
            let asked = ["query", "--where", "any", "--sort", order, "-o", "ndjson"];
            let found = home.run(&[&asked[..], &["--limit", limit]].concat()).succeeds();
            let found: String = found.lines().into_iter().map(row).collect();
            assert!(found == expected, "{order} {limit}: {}", differ(&found, &expected));
        }
    }
}

/// A flow as it is printed above.
fn row(line: &str) -> String {
    let flow: serde_json::Value = serde_json::from_str(line).unwrap();
    let time: jiff::Timestamp = flow["time"].as_str().unwrap().parse().unwrap();
    let text = |name: &str| flow[name].to_string().trim_matches('"').to_owned();
    let names = ["srcAddress", "dstAddress", "srcPort", "dstPort", "bytes", "packets"];
    let first = names.map(text).join(" ");
    format!("{first} {} {}\n", time.as_millisecond(), text("duration"))
}

fn differ(found: &str, expected: &str) -> String {
    let mut lines = found.lines().zip(expected.lines()).enumerate();
    let Some((number, (ours, theirs))) = lines.find(|(_, (ours, theirs))| ours != theirs) else {
        return format!("{} lines and {}", found.lines().count(), expected.lines().count());
    };
    format!("line {number}: {ours} but {theirs}")
}

#[test]
fn what_is_no_order_is_refused_and_others_do_not_go_with_it() {
    let home = Home::with_store();
    let query = |more: &[&str]| home.run(&[&["query", "122.166.26.132"], more].concat());
    query(&["--sort", "size"]).ends(2, "nothing to sort by");
    query(&["--sort", "octets", "--bidir"]).ends(2, "cannot be used with");
    query(&["--sort", "octets", "--count"]).ends(2, "cannot be used with");
    let largest = query(&["--sort", "octets", "--limit", "1", "-o", "csv:%byt"]).succeeds();
    assert_eq!(largest.lines().last(), Some(&"1000"));
    let all = query(&["--sort", "octets:asc", "-o", "csv:%byt", "--direction", "any"]).succeeds();
    assert_eq!(all.lines()[1..], ["4", "30", "200", "1000"]);
}
