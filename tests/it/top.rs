//! `top` against nfdump's statistics of the same flows, and on different stores.

mod elements;

use std::path::PathBuf;
use std::process::Command;

use earlgrey_hbase::Family;
use earlgrey_hbase::aggregate::{Limits, Top, TopOptions, TopOrder, parse_keys};
use earlgrey_hbase::flow::{Columns, Protocol};
use earlgrey_hbase::generate::{self, Traffic};
use earlgrey_hbase::store::embedded::EmbeddedStore;
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::{Scan, Store, conformance};
use tempfile::TempDir;

use super::interop::{collect, earlgrey, payloads};
use super::needs::{golden, nfdump};

/// The same datagrams in a store, and in files of nfcapd.
struct Both {
    _folder: TempDir,
    store: String,
    nfcapd: PathBuf,
}

impl Both {
    /// None where nfdump is missing.
    fn of(payloads: &[&[u8]], capture: &[u8], flows: u64) -> Option<Self> {
        if !nfdump() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let nfcapd = folder.path().join("nfcapd");
        std::fs::create_dir(&nfcapd).unwrap();
        collect(payloads, &nfcapd);
        assert_eq!(super::interop::counts(&nfcapd)("Flows"), flows, "nfcapd missed some");
        let file = folder.path().join("day.pcap");
        std::fs::write(&file, capture).unwrap();
        let store = folder.path().join("store").to_str().unwrap().to_owned();
        earlgrey(&["load", file.to_str().unwrap(), "--store", &store]);
        Some(Self { store, nfcapd, _folder: folder })
    }

    /// What `top` prints, without the header.
    fn ours(&self, arguments: &[&str]) -> Vec<Vec<String>> {
        let all = [&["top"], arguments, &["-n", "0", "--store", &self.store]].concat();
        earlgrey(&all).lines().skip(1).map(words).collect()
    }

    /// What nfdump prints, without headers and the summary.
    fn theirs(&self, arguments: &[&str]) -> Vec<Vec<String>> {
        let output = Command::new("nfdump")
            .env("TZ", "UTC")
            .args(["-q", "-N", "-6", "-n", "0", "-R"])
            .arg(&self.nfcapd)
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let is_row = |line: &&str| line.starts_with("20");
        let rows: Vec<_> = text.lines().filter(is_row).map(words).collect();
        assert!(!rows.is_empty(), "{arguments:?}: {text}");
        rows
    }

    /// Compares a statistic of one field: all of its rows, and what they are ordered by.
    fn compare(&self, key: &str, stat: &str, by: &str) {
        let ours = self.ours(&[key, "--by", by, "-N"]);
        let nfdumps = if by == "octets" { "bytes" } else { by };
        let theirs = self.theirs(&["-s", &format!("{stat}/{nfdumps}")]);
        let column = match by {
            "flows" => 5,
            "packets" => 7,
            "octets" => 9,
            "pps" => 11,
            "bps" => 12,
            _ => 13,
        };
        let (pps, bps) = (11, 12);
        assert_eq!(ours.len(), theirs.len(), "{stat} by {by}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let ranks = [&ours[column..=column], &theirs[column..=column]];
            let rate = [pps, bps].contains(&column).then_some(0);
            assert_same(ranks[0], ranks[1], rate.as_slice(), &format!("{stat} by {by}"));
        }
        // Where ranks are equal nfdump has no order.
        assert_all_same(ours, theirs, &[pps, bps], &format!("{stat} by {by}"));
    }
}

/// Compares rows in whatever order; `rates` are the columns of rates.
fn assert_all_same(
    mut ours: Vec<Vec<String>>,
    mut theirs: Vec<Vec<String>>,
    rates: &[usize],
    what: &str,
) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    ours.sort();
    theirs.sort();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_same(ours, theirs, rates, what);
    }
}

/// Compares rows. nfdump 1.7.1 divides in floating point by a number of seconds, so that a rate
/// that is whole may come out one less: 336 octets in 2.240 s are 1199 bits a second to it.
fn assert_same(ours: &[String], theirs: &[String], rates: &[usize], what: &str) {
    let mut expected = theirs.to_vec();
    for &rate in rates {
        let theirs: u64 = theirs[rate].parse().unwrap();
        if ours[rate] == (theirs + 1).to_string() {
            expected[rate].clone_from(&ours[rate]);
        }
    }
    assert_eq!(ours, expected, "{what}");
}

/// Words of a line; the bracket of a share may touch the number before it.
fn words(line: &str) -> Vec<String> {
    line.replace(['(', ')'], " ").split_whitespace().map(str::to_owned).collect()
}

/// NetFlow v5 as routers of a busy network send it.
fn generated() -> Option<Both> {
    let traffic = Traffic {
        flows: 20_000,
        exporters: 1,
        engines: 1,
        hours: 1.0,
        seed: 5,
        ..Traffic::default()
    };
    let mut capture = Vec::new();
    let made = generate::write(&traffic, &mut capture).unwrap();
    Both::of(&payloads(&capture), &capture, made.flows)
}

#[test]
fn every_statistic_of_one_field_is_nfdumps() {
    let Some(both) = generated() else { return };
    for (key, stat) in [
        ("srcip", "srcip"),
        ("dst", "dstip"),
        ("ip", "ip"),
        ("src-port", "srcport"),
        ("dstport", "dstport"),
        ("port", "port"),
        ("dstport:p", "dstport:p"),
        ("port:p", "port:p"),
        ("proto", "proto"),
        ("srcas", "srcas"),
        ("dstas", "dstas"),
        ("as", "as"),
        ("input", "inif"),
        ("output", "outif"),
        ("if", "if"),
        ("nexthop", "nhip"),
        ("tos", "tos"),
    ] {
        for by in ["octets", "packets", "flows"] {
            both.compare(key, stat, by);
        }
    }
    for by in ["pps", "bps", "bpp"] {
        both.compare("srcip", "srcip", by);
        both.compare("dstport", "dstport", by);
    }
}

#[test]
fn aggregations_by_several_fields_are_nfdumps() {
    let Some(both) = generated() else { return };
    for (key, aggregation, fields) in [
        ("src,dst", Some("srcip,dstip"), "%sa %da"),
        ("src/24", Some("srcip4/24"), "%sa"),
        ("src/16,dst/8", Some("srcip4/16,dstip4/8"), "%sa %da"),
        ("proto,srcip", Some("proto,srcip"), "%pr %sa"),
        ("srcas,dstas", Some("srcas,dstas"), "%sas %das"),
        ("input,output,tos", Some("inif,outif,tos"), "%in %out %tos"),
        ("record", None, "%pr %sa %sp %da %dp"),
    ] {
        let mut arguments: Vec<&str> = vec!["-s", "record/bytes", "-o"];
        let format = format!("fmt:%ts %td {fields} %pkt %byt %bps %bpp %fl");
        arguments.push(&format);
        if let Some(aggregation) = aggregation {
            arguments.extend(["-A", aggregation]);
        }
        let theirs = both.theirs(&arguments);
        let csv = earlgrey(&["top", key, "-n", "0", "-o", "csv", "--store", &both.store]);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let names = reader.headers().unwrap().clone();
        let fields = names.iter().position(|name| name == "octets").unwrap();
        let ours: Vec<Vec<String>> =
            reader.records().map(|row| as_nfdump(&names, &row.unwrap(), fields)).collect();
        let octets = |row: &Vec<String>| row[row.len() - 4].parse::<u64>().unwrap();
        assert!(ours.is_sorted_by_key(|row| std::cmp::Reverse(octets(row))), "{key}");
        let bps = ours[0].len() - 3;
        assert_all_same(ours, theirs, &[bps], key);
    }
}

/// A row of ours in the words of nfdump's `%ts %td … %pkt %byt %bps %bpp %fl`.
fn as_nfdump(names: &csv::StringRecord, row: &csv::StringRecord, fields: usize) -> Vec<String> {
    let cell = |name: &str| row[names.iter().position(|known| known == name).unwrap()].to_owned();
    let first = cell("firstSeen").replace('T', " ").replace('Z', "");
    let mut words: Vec<String> = first.split(' ').map(str::to_owned).collect();
    let duration: u64 = cell("duration").parse().unwrap();
    words.push(format!("{}.{:03}", duration / 1000, duration % 1000));
    for (name, value) in names.iter().zip(row).take(fields) {
        let icmp = names.iter().any(|name| name == "protocol") && cell("protocol") == "ICMP";
        let of_name = |number: &u8| Protocol(*number).to_string() == value;
        words.push(match value.split_once('/') {
            _ if name == "protocol" => (0..=255).find(of_name).unwrap().to_string(),
            Some((network, _)) => network.to_owned(),
            None if icmp && name == "dstPort" => {
                let port: u16 = value.parse().unwrap();
                format!("{}.{}", port >> 8, port & 0xff)
            }
            None => value.to_owned(),
        });
    }
    words.extend(["packets", "octets", "bps", "bpp", "flows"].map(cell));
    words
}

/// Fields of NetFlow v9 (RFC 3954 §8) with their lengths: both addresses, ports, protocol, octets,
/// packets, first and last switched.
fn template(id: u16, address: [u16; 2], bytes: u16) -> Vec<u16> {
    let fields = [
        [address[0], bytes],
        [address[1], bytes],
        [7, 2],
        [11, 2],
        [4, 1],
        [1, 8],
        [2, 8],
        [22, 4],
        [21, 4],
    ];
    [vec![id, fields.len() as u16], fields.concat()].concat()
}

/// Datagrams of NetFlow v9 with flows of both families, some of them to their own source.
fn v9(datagrams: u32, flows_each: u32) -> Vec<Vec<u8>> {
    let mut number = 0u32;
    let mut datagram = |sequence: u32| {
        let words = [template(256, [27, 28], 16), template(257, [8, 12], 4)].concat();
        let words = words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let mut sets = vec![(0u16, words)];
        for (id, family) in [(256, Family::V6), (257, Family::V4)] {
            let mut records = Vec::new();
            for _ in 0..flows_each {
                number += 1;
                let (high, low) = (u128::from(number % 7), u128::from(number % 5));
                let src = if family == Family::V6 {
                    0x2001_0db8 << 96 | high << 70 | 1
                } else {
                    0x0a00_0001 + (high << 6)
                };
                let dst = if number.is_multiple_of(11) { src } else { src + low };
                let address = |bits: u128| match family.address(bits) {
                    std::net::IpAddr::V4(address) => address.octets().to_vec(),
                    std::net::IpAddr::V6(address) => address.octets().to_vec(),
                };
                records.extend(address(src));
                records.extend(address(dst));
                records.extend((number as u16 % 3 + 80).to_be_bytes());
                records.extend((number as u16 % 4 + 80).to_be_bytes());
                records.push([6, 17, 132][number as usize % 3]);
                records.extend(u64::from(number * number).to_be_bytes());
                records.extend(u64::from(number % 50 + 1).to_be_bytes());
                let first_ms = 1000 + number * 37 % 40_000;
                records.extend(first_ms.to_be_bytes());
                records.extend((first_ms + number % 900).to_be_bytes());
            }
            records.resize(records.len().next_multiple_of(4), 0);
            sets.push((id, records));
        }
        let mut bytes = Vec::new();
        for half in [9u16, 2 + 2 * flows_each as u16] {
            bytes.extend(half.to_be_bytes());
        }
        for word in [60_000, 1_186_040_580, sequence, 0] {
            bytes.extend(u32::to_be_bytes(word));
        }
        for (id, body) in sets {
            bytes.extend(id.to_be_bytes());
            bytes.extend((4 + body.len() as u16).to_be_bytes());
            bytes.extend(body);
        }
        bytes
    };
    (0..datagrams).map(&mut datagram).collect()
}

#[test]
fn statistics_of_both_families_are_nfdumps() {
    let datagrams = v9(20, 6);
    let slices: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
    let Some(both) = Both::of(&slices, &super::cli::capture(&datagrams), 240) else { return };
    for key in ["srcip", "dstip", "ip", "port", "proto", "ip:p", "srcport"] {
        for by in ["octets", "packets", "flows"] {
            both.compare(key, key, by);
        }
    }
}

#[test]
fn the_tables_are_the_published_ones_line_by_line() {
    let Some(golden) = golden() else { return };
    let text = |name: &str| std::fs::read_to_string(golden.join(name)).unwrap();
    let pcap = golden.join("s.pcap");
    let ip = text("stat_ip.txt");
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store").to_str().unwrap().to_owned();
    earlgrey(&["load", pcap.to_str().unwrap(), "--store", &store]);
    let top = |arguments: &[&str]| earlgrey(&[&["top"], arguments, &["--store", &store]].concat());
    let table = |golden: &str, from: usize, lines: usize| {
        golden.split_inclusive('\n').skip(from).take(lines).collect::<String>()
    };
    // Each table: what nfdump calls it, a header, and the rows.
    assert_eq!(top(&["ip", "--by", "flows", "-n", "3"]), table(&ip, 1, 4));
    assert_eq!(top(&["ip", "--by", "bytes", "-n", "3"]), table(&ip, 6, 4));
    let sources = text("stat_srcip_bytes.txt");
    assert_eq!(top(&["srcip", "-n", "5"]), table(&sources, 1, 6));
    let ports = text("stat_dstport_p.txt");
    assert_eq!(top(&["dstport:p", "--by", "packets", "-n", "5"]), table(&ports, 1, 6));
    // Pairs have no shares there.
    let pairs = text("top_pairs.txt");
    let ours = top(&["srcip,dstip", "-N"]);
    for (ours, theirs) in ours.lines().skip(1).zip(pairs.lines().skip(2).take(10)) {
        let (ours, theirs) = (words(ours), words(theirs));
        // Date, time, duration; the protocol is ours alone; then both addresses.
        assert_eq!((&ours[..2], &ours[4..6]), (&theirs[..2], &theirs[3..5]));
        let counters = [&ours[8], &ours[10], &ours[6]];
        assert_eq!(counters, [&theirs[5], &theirs[6], &theirs[theirs.len() - 1]]);
    }
}

/// Every kind of key.
const KEYS: [&str; 14] = [
    "src",
    "dst",
    "ip",
    "pair",
    "5-tuple",
    "src/24/48,dstport",
    "srcnet,dstnet",
    "port,proto",
    "as",
    "if,exporter",
    "nexthop,tos",
    "flags",
    "bin:1h,src",
    "exporter",
];

fn top_of(store: &dyn Store, key: &str, count: Option<usize>) -> Top {
    let fields = parse_keys(key).unwrap();
    let options = TopOptions {
        fields,
        order: TopOrder::default(),
        count,
        zone: jiff::tz::TimeZone::UTC,
        limits: Limits::default(),
    };
    Top::of(&*store.snapshot().unwrap(), &[Scan::all(Columns::NONE)], &options).unwrap()
}

/// Sees that `store`, which is empty, answers as one in memory does.
pub(super) fn answers_as_memory_does(store: &dyn Store) {
    let memory = MemoryStore::default();
    for store in [store, &memory] {
        conformance::write_sample(store, 5000);
    }
    for key in KEYS {
        for count in [Some(3), Some(150), None] {
            let (ours, expected) = (top_of(store, key, count), top_of(&memory, key, count));
            assert!(ours == expected, "{count:?} of {key}");
            assert!(!ours.entries.is_empty() && ours.totals.flows == 5000);
        }
    }
}

#[test]
fn the_embedded_store_answers_as_one_in_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    answers_as_memory_does(&EmbeddedStore::new(folder.path().join("store")));
}
