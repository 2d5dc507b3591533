//! Addresses that stand for others: against nfanon, which has the same method, and against DuckDB.

use std::fs;
use std::process::Command;

use earlgrey_hbase::generate::{self, Format, Traffic};

use crate::cells::Both;
use crate::cli::Home;
use crate::interop::payloads;
use crate::needs::duckdb;

/// As long as nfanon wants keys.
const KEY: &str = "a key of 32 letters, for nothing";

/// The fields that tell a flow, with its addresses.
const FLOWS: &str = "fmt:%sa %da %pr %byt %pkt";

#[test]
fn addresses_are_those_of_nfanon() {
    let mut capture = Vec::new();
    let traffic = Traffic { flows: 3_000, exporters: 1, engines: 1, ..Traffic::default() };
    let traffic = Traffic { format: Format::V9, ..traffic };
    generate::write(&traffic, &mut capture).unwrap();
    let Some(both) = Both::of(&capture, &payloads(&capture), "0.0.0.0/0") else { return };
    fs::write(both.path("key"), KEY).unwrap();
    let style = ["-N", "-6", "--anonymise", both.path("key").to_str().unwrap()].map(str::to_owned);
    let style: Vec<&str> = style.iter().map(String::as_str).collect();
    let (_, ours) = both.ours(FLOWS, &style);
    let (_, before) = both.theirs(FLOWS, &style[..2]);
    for file in fs::read_dir(both.path("nfcapd")).unwrap() {
        let file = file.unwrap().path();
        let anonymised = Command::new("nfanon").args(["-q", "-K", KEY, "-r"]).arg(&file).output();
        let anonymised = anonymised.unwrap();
        assert!(anonymised.status.success(), "{anonymised:?}");
    }
    let (_, theirs) = both.theirs(FLOWS, &style[..2]);
    assert_ne!(before, theirs);
    let other = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
    assert_eq!((ours.len(), other), (theirs.len(), None));
}

/// What of two exports is to be equal, and what is to tell nothing.
const COMPARED: &str = r#"
import sys, duckdb, ipaddress
plain, anonymised = (f"read_parquet('{file}', file_row_number = true)" for file in sys.argv[1:3])
def ask(sql): return duckdb.sql(sql).fetchall()
same = "first_ms, duration_ms, octets, packets, protocol, src_port, dst_port, tos, tcp_flags, input, output"
for one, other in [(plain, anonymised), (anonymised, plain)]:
    print("lost", ask(f"SELECT {same} FROM {one} EXCEPT ALL SELECT {same} FROM {other}"))
hosts = lambda of: {row[0] for row in ask(f"SELECT src FROM {of} UNION SELECT dst FROM {of}")}
before, after = hosts(plain), hosts(anonymised)
print("hosts", len(before) == len(after))
within = lambda hosts: {host for host in hosts if host.startswith("122.166.")}
inside = within(before)
print("inside", len(inside) > 0, len(inside) == len(within(after)))
print("kept", before & after & inside == inside)
rows = [(ipaddress.ip_address(src), first) for src, first in
    ask(f"SELECT src, first_ms FROM {anonymised} ORDER BY file_row_number")]
print("sorted", all((a[0].version, a) <= (b[0].version, b) for a, b in zip(rows, rows[1:])))
print("as", ask(f"SELECT max(src_as), max(dst_as) FROM {anonymised}"), ask(f"SELECT max(src_as) > 0 FROM {plain}"))
print("exporters", ask(f"SELECT count(DISTINCT exporter) FROM {anonymised}"), ask(
    f"SELECT count(*) FROM {anonymised} WHERE exporter IN (SELECT exporter FROM {plain})"))
"#;

#[test]
fn exports_tell_the_same_flows_of_other_addresses_in_an_order_of_their_own() {
    let Some(duckdb) = duckdb() else { return };
    let home = Home::new();
    let key = home.file("key", KEY.as_bytes());
    let made = ["generate", "day.pcap", "--flows", "20000", "--exporters", "3", "--format", "v5"];
    home.run(&made).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    home.run(&["export", "--to", "plain.parquet"]).succeeds();
    let anonymised = ["export", "--to", "other.parquet", "--anonymise", &key];
    home.run(&anonymised).ends(0, "left out: numbers of autonomous systems");
    let files = ["plain.parquet", "other.parquet"].map(|name| home.path(name));
    let told = duckdb(COMPARED, &files.each_ref().map(|file| file.to_str().unwrap()));
    let expected = "lost []\nlost []\nhosts True\ninside True False\nkept False\nsorted True\n\
                    as [(0, 0)] [(True,)]\nexporters [(3,)] [(0,)]\n";
    assert_eq!(told, expected);
    // With networks that stay, hosts inside are as many, and still others.
    home.run(&[&anonymised[..], &["--force", "--keep-networks", "122.166.0.0/16"]].concat())
        .succeeds();
    let told = duckdb(COMPARED, &files.each_ref().map(|file| file.to_str().unwrap()));
    assert!(told.contains("inside True True\nkept False\n"), "{told}");

    // A folder by day, whose list tells of no address that was asked for.
    let folder = ["export", "parquet", "days", "122.166.0.0/16", "--anonymise", &key];
    home.run(&folder).succeeds();
    let list = fs::read_to_string(home.path("days/_earlgrey.json")).unwrap();
    assert!(!list.contains("122.166"), "{list}");
    home.run(&folder).ends(0, "there already");
    let other = home.file("other", KEY.to_uppercase().as_bytes());
    home.run(&["export", "parquet", "days", "122.166.0.0/16", "--anonymise", &other])
        .ends(2, "days");
}

#[test]
fn what_is_no_key_is_refused() {
    let home = Home::with_store();
    let short = home.file("short", b"secret");
    let query = ["query", "122.166.26.132", "--anonymise"];
    home.run(&[&query[..], &[&short]].concat()).ends(2, "64 hexadecimal digits");
    home.run(&[&query[..], &["nowhere"]].concat()).ends(2, "nowhere");
    let key = home.file("key", KEY.as_bytes());
    let found = home.run(&[&query[..], &[&key, "-o", "csv"]].concat()).succeeds();
    assert!(!found.stdout.contains("122.166") && !found.stderr.contains(KEY), "{}", found.stdout);
    assert_eq!(found.lines().len(), 4);
    let counted = home.run(&[&query[..], &[&key, "--count"]].concat()).succeeds();
    assert_eq!(counted.stdout, "3\n");
    let joined = home.run(&[&query[..], &[&key, "--bidir", "-o", "csv"]].concat()).succeeds();
    assert!(joined.lines().len() == 4 && !joined.stdout.contains("122.166"), "{}", joined.stdout);
    home.run(&["query", "122.166.26.132", "--keep-networks", "10.0.0.0/8"]).ends(2, "--anonymise");
}
