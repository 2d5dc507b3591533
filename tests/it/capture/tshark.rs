//! Captures from elsewhere: the datagrams read are those that tshark shows.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;

use earlgrey_hbase::capture::{Input, find};

use super::read_file;
use crate::needs::{captures, tools};

/// Source, port, length of payload, milliseconds.
type Seen = (String, u16, usize, u64);

/// The UDP datagrams of a file by tshark, those only that lie directly in IP on a link layer that
/// is read here.
fn by_tshark(path: &Path) -> Vec<Seen> {
    let fields = ["frame.protocols", "ip.src", "ipv6.src", "udp.srcport", "udp.length"];
    let output = Command::new("tshark")
        .args(["-n", "-Y", "udp", "-T", "fields", "-E", "occurrence=f", "-e", "frame.time_epoch"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(seen).collect()
}

fn seen(line: &str) -> Option<Seen> {
    let columns: Vec<&str> = line.split('\t').collect();
    let mut layers = columns[1].split(':');
    let links = ["eth", "ethertype", "vlan", "ieee8021ad", "llc", "sll", "null", "raw"];
    let network = layers.find(|layer| !links.contains(layer))?;
    let mut upper = layers.skip_while(|layer| layer.starts_with("ipv6."));
    if !["ip", "ipv6"].contains(&network) || upper.next() != Some("udp") {
        return None;
    }
    let src = if network == "ip" { columns[2] } else { columns[3] };
    let (seconds, fraction) = columns[0].split_once('.').unwrap_or(("0", "0"));
    // pcapng's simple packets have no time. A record may say a million microseconds, which tshark prints with a digit more.
    let ms = fraction.parse::<u64>().unwrap() / 1_000_000;
    let seconds = seconds.parse::<u64>().unwrap();
    let payload_bytes = columns[5].parse::<usize>().unwrap().checked_sub(8)?;
    Some((src.to_owned(), columns[4].parse().unwrap(), payload_bytes, seconds * 1000 + ms))
}

fn by_us(path: &Path) -> Vec<Seen> {
    let (got, _) = read_file(path);
    got.datagrams
        .into_iter()
        .map(|got| (got.exporter.to_string(), got.src_port, got.declared_bytes, got.received_ms))
        .collect()
}

/// The rows of the manifest as maps from column to value.
fn manifest(folder: &Path) -> Vec<HashMap<String, String>> {
    let text = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let names: Vec<String> = lines.next().unwrap().collect();
    lines.map(|row| names.iter().cloned().zip(row).collect()).collect()
}

/// Those rows that hold v5, and the first of each other format, link type and kind. With
/// `EARLGREY_LONG=1` all of them: a run of tshark takes half a second.
fn to_compare(rows: Vec<HashMap<String, String>>) -> Vec<HashMap<String, String>> {
    let kinds = ["capture", "derived", "wrapped-payload", "traffic"];
    let long = std::env::var("EARLGREY_LONG").is_ok_and(|value| value == "1");
    let mut known = HashSet::new();
    let mut is_new = |row: &HashMap<String, String>| {
        known.insert(["format", "linktypes", "kind"].map(|column| row[column].clone()))
    };
    rows.into_iter()
        .filter(|row| kinds.contains(&row["kind"].as_str()))
        .filter(|row| is_new(row) || row["versions"].contains("v5=") || long)
        .collect()
}

#[test]
fn captures_from_elsewhere_give_the_datagrams_that_tshark_shows() {
    let (Some(folder), true) = (captures(), tools(&["tshark"])) else { return };
    for row in to_compare(manifest(&folder)) {
        let path = folder.join(&row["path"]);
        let (ours, theirs) = (by_us(&path), by_tshark(&path));
        assert_eq!(ours.len(), theirs.len(), "{}", row["path"]);
        for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "{} datagram {at}", row["path"]);
        }
    }
}

#[test]
fn every_v5_capture_holds_as_many_datagrams_as_the_manifest_says() {
    let Some(folder) = captures() else { return };
    for row in manifest(&folder) {
        let versions = &row["versions"];
        let kinds = ["capture", "derived", "wrapped-payload"];
        if !versions.contains("v5=") || !kinds.contains(&row["kind"].as_str()) {
            continue;
        }
        let (got, _) = read_file(&folder.join(&row["path"]));
        let exports = got.datagrams.iter().filter(|got| got.payload.starts_with(&[0, 5])).count();
        let v5 = versions.split(';').find_map(|part| part.strip_prefix("v5=")).unwrap();
        assert_eq!(exports.to_string(), v5, "{}", row["path"]);
    }
}

#[test]
fn every_file_of_the_folder_is_read_to_an_end() {
    let Some(folder) = captures() else { return };
    let inputs = find(&[folder]).unwrap();
    assert!(inputs.len() > 500);
    for input in inputs {
        let Input::File(path) = input else { panic!("{input}") };
        read_file(&path);
    }
}
