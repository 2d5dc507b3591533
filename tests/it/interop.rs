//! What others say of the same flows: nfdump, whose collector received them too, and DuckDB, which
//! reads the store's own files.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use earlgrey_hbase::generate::{self, Traffic};

use crate::needs::{duckdb, nfdump, tool};

pub(super) fn earlgrey(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The UDP payloads of a capture that the generator made: Ethernet, IPv4 without options, UDP.
pub(super) fn payloads(capture: &[u8]) -> Vec<&[u8]> {
    const HEADERS: usize = 14 + 20 + 8;
    let mut payloads = Vec::new();
    let mut at = 24;
    while at < capture.len() {
        let length = u32::from_le_bytes(capture[at + 8..at + 12].try_into().unwrap()) as usize;
        payloads.push(&capture[at + 16 + HEADERS..at + 16 + length]);
        at += 16 + length;
    }
    payloads
}

/// What nfdump counts in what nfcapd wrote into `folder`: by name, as in `Flows`.
pub(super) fn counts(folder: &Path) -> impl Fn(&str) -> u64 {
    let info = tool("nfdump", &["-R", folder.to_str().unwrap(), "-I"]).unwrap();
    move |name| {
        let line = info.lines().find(|line| line.starts_with(&format!("{name}:")));
        line.and_then(|line| line.split(':').nth(1)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {info}"))
    }
}

/// Has nfcapd write what it receives of `payloads` into `folder`.
pub(super) fn collect(payloads: &[&[u8]], folder: &Path) {
    // A port that was free a moment ago.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut collector = Command::new("nfcapd")
        .args(["-b", "127.0.0.1", "-B", "8000000", "-t", "3600", "-p", &port.to_string(), "-w"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    for some in payloads.chunks(20) {
        for payload in some {
            socket.send(payload).unwrap();
        }
        std::thread::sleep(Duration::from_millis(4));
    }
    std::thread::sleep(Duration::from_secs(1));
    let id = collector.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    collector.wait().unwrap();
}

#[test]
fn nfdump_counts_the_same_flows_and_finds_the_same_ten_pairs() {
    if !nfdump() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut capture = Vec::new();
    // One router and one engine: every datagram here comes from one address and port.
    let traffic =
        Traffic { flows: 20_000, exporters: 1, engines: 1, hours: 1.0, ..Traffic::default() };
    let made = generate::write(&traffic, &mut capture).unwrap();
    let nfcapd = folder.path().join("nfcapd");
    std::fs::create_dir(&nfcapd).unwrap();
    collect(&payloads(&capture), &nfcapd);

    let file = folder.path().join("day.pcap");
    std::fs::write(&file, &capture).unwrap();
    let store = folder.path().join("store");
    let (file, store) = (file.to_str().unwrap(), store.to_str().unwrap());
    let summary: serde_json::Value =
        serde_json::from_str(&earlgrey(&["load", file, "--store", store, "-o", "json"])).unwrap();

    let theirs = counts(&nfcapd);
    let nfcapd = nfcapd.to_str().unwrap();
    let account = summary.get("account").unwrap_or(&summary);
    for (nfdumps, ours, of_made) in [
        ("Flows", "stored", made.flows),
        ("Bytes", "octets", theirs("Bytes")),
        ("Packets", "packets", theirs("Packets")),
    ] {
        assert_eq!(theirs(nfdumps), of_made, "nfcapd did not receive everything");
        assert_eq!(account[ours].as_u64(), Some(theirs(nfdumps)), "{nfdumps} in {summary}");
    }

    let theirs = tool(
        "nfdump",
        &["-R", nfcapd, "-q", "-N", "-A", "srcip,dstip", "-s", "record/bytes", "-n", "10", "-o"]
            .into_iter()
            .chain(["fmt:%sa %da %byt"])
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let mut theirs: Vec<String> = theirs
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.len() == 3 && words[2].bytes().all(|byte| byte.is_ascii_digit()))
        .map(|words| format!("({})", words.join(",")))
        .collect();
    let ours = earlgrey(&["active-flow", "-print", "10", "--directed", "--store", store]);
    assert_eq!(theirs.len(), 10);
    // Pairs with the same sum are in no order in nfdump's list: by octets downwards, then by text.
    let octets = |pair: &str| -> u64 {
        pair.trim_end_matches(')').rsplit(',').next().unwrap().parse().unwrap()
    };
    theirs.sort_by_key(|pair| (std::cmp::Reverse(octets(pair)), pair.clone()));
    assert_eq!(ours.lines().collect::<Vec<_>>(), theirs);
}

/// What DuckDB makes of the runs in one order: totals, and the ten pairs with most octets.
const DUCKDB: &str = r#"
import sys, duckdb, ipaddress
runs = f"read_parquet('{sys.argv[1]}/run-*-{sys.argv[2]}.parquet')"
print(*duckdb.sql(f"""
    SELECT count(*), sum(octets), sum(packets), min(epoch_ms(first_ms)), sum(src_port), sum(dst_port),
        sum(tos), sum(input), sum(output), sum(src_as), sum(next_hop % 65536) FROM {runs}""").fetchall()[0])
lead, other = ("src", "dst") if sys.argv[2] == "src" else ("dst", "src")
print(duckdb.sql(f"""
    SELECT count(*) FROM (SELECT {lead} AS lead, lag({lead}) OVER (PARTITION BY filename ORDER BY file_row_number) AS before
    FROM read_parquet('{sys.argv[1]}/run-*-{sys.argv[2]}.parquet', filename = true, file_row_number = true))
    WHERE lead < before""").fetchall()[0][0])
pairs = duckdb.sql(f"SELECT src, dst, sum(octets) FROM {runs} GROUP BY ALL").fetchall()
sums = {}
for src, dst, octets in pairs:
    pair = tuple(sorted(str(ipaddress.ip_address(end)) for end in (src, dst)))
    sums[pair] = sums.get(pair, 0) + octets
for (a, b), octets in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[:10]:
    print(f"({a},{b},{octets})")
"#;

#[test]
fn duckdb_reads_the_runs_as_they_lie() {
    let Some(duckdb) = duckdb() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (folder.path().join("day.pcap"), folder.path().join("store"));
    let (file, store) = (file.to_str().unwrap(), store.to_str().unwrap());
    earlgrey(&["generate", file, "--flows", "60000", "--hours", "30"]);
    earlgrey(&["load", file, "--store", store, "--batch-flows", "20000"]);

    let flows: Vec<serde_json::Value> = serde_json::from_str(&earlgrey(&[
        "query",
        "0.0.0.0/0",
        "--filter",
        "-o",
        "json",
        "--store",
        store,
    ]))
    .unwrap();
    let sum = |field: &str| flows.iter().map(|flow| flow[field].as_u64().unwrap()).sum::<u64>();
    let next_hop = |flow: &serde_json::Value| {
        let address: std::net::Ipv4Addr = flow["nextHop"].as_str().unwrap().parse().unwrap();
        u64::from(u32::from(address) % 65536)
    };
    let first = flows.iter().map(|flow| flow["time"].as_str().unwrap()).min().unwrap();
    let ours = [
        flows.len() as u64,
        sum("bytes"),
        sum("packets"),
        first.parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64,
        sum("srcPort"),
        sum("dstPort"),
        sum("tos"),
        sum("input"),
        sum("output"),
        sum("srcAs"),
        flows.iter().map(next_hop).sum(),
    ];
    let pairs = earlgrey(&["active-flow", "-print", "10", "--store", store]);
    for order in ["src", "dst"] {
        let theirs = duckdb(DUCKDB, &[store, order]);
        let mut theirs = theirs.lines();
        assert_eq!(theirs.next().unwrap(), ours.map(|value| value.to_string()).join(" "));
        assert_eq!(theirs.next().unwrap(), "0", "rows of {order} out of order");
        assert_eq!(theirs.collect::<Vec<_>>(), pairs.lines().collect::<Vec<_>>());
    }
}
