//! Keys of what only some flows tell, against nfdump's statistics and against what was sent.

use super::Both;
use crate::cli::{Home, capture};

/// Fields of NetFlow v9 (RFC 3954 §8) with their lengths: addresses, octets, packets, times; VLANs, MAC
/// addresses, two MPLS labels; VRFs and an application (RFC 7011's numbers); nothing of these in the
/// second template.
const COMMON: [[u16; 2]; 6] = [[8, 4], [12, 4], [1, 4], [2, 4], [22, 4], [21, 4]];
const MORE: [[u16; 2]; 11] = [
    [58, 2],
    [59, 2],
    [56, 6],
    [57, 6],
    [80, 6],
    [81, 6],
    [70, 3],
    [71, 3],
    [234, 4],
    [235, 4],
    [96, 8],
];

fn number(bytes: &mut Vec<u8>, value: u64, length: usize) {
    bytes.extend(&value.to_be_bytes()[8 - length..]);
}

/// Twelve flows that tell all of it, and three that tell nothing beyond the common fields.
fn datagram() -> Vec<u8> {
    let template = |id: u16, fields: &[[u16; 2]]| {
        let words = [vec![id, fields.len() as u16], fields.concat()].concat();
        words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>()
    };
    let all = [&COMMON[..], &MORE].concat();
    let templates = [template(256, &all), template(257, &COMMON)].concat();
    let (mut long, mut short) = (Vec::new(), Vec::new());
    for flow in 1..=15u64 {
        let tells_more = flow <= 12;
        let to = if tells_more { &mut long } else { &mut short };
        number(to, 0x0a00_0000 + flow % 4, 4);
        number(to, 0x0a00_0100 + flow % 3, 4);
        number(to, flow * 1000, 4);
        number(to, flow, 4);
        number(to, 1000 * flow, 4);
        number(to, 1000 * flow + 500, 4);
        if tells_more {
            number(to, 10 + flow % 3, 2);
            number(to, 11 + flow % 2, 2);
            for mac in [flow % 2, flow % 3, flow % 4, flow % 5] {
                number(to, 0x5e_0053_0001 + mac, 6);
            }
            for label in [16 + flow % 3, 300 + flow % 2] {
                number(to, label << 4 | 1, 3);
            }
            number(to, 1 + flow % 2, 4);
            number(to, 2 + flow % 3, 4);
            to.extend(if flow % 2 == 0 { b"dns\0\0\0\0\0" } else { b"a, \"b\"\0\0" });
        }
    }
    let mut bytes = Vec::new();
    for half in [9u16, 2 + 15] {
        bytes.extend(half.to_be_bytes());
    }
    for word in [60_000u32, 1_186_040_580, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    for (id, mut body) in [(0u16, templates), (256, long), (257, short)] {
        body.resize(body.len().next_multiple_of(4), 0);
        bytes.extend(id.to_be_bytes());
        bytes.extend((4 + body.len() as u16).to_be_bytes());
        bytes.extend(body);
    }
    bytes
}

#[test]
fn keys_of_frames_and_labels_are_nfdumps() {
    let datagram = datagram();
    let file = capture(std::slice::from_ref(&datagram));
    let Some(both) = Both::of(&[&datagram], &file, 15) else { return };
    for (key, stat) in [
        ("srcvlan", "srcvlan"),
        ("dstvlan", "dstvlan"),
        ("insrcmac", "insrcmac"),
        ("outdstmac", "outdstmac"),
        ("indstmac", "indstmac"),
        ("outsrcmac", "outsrcmac"),
        // Of the labels behind the first, nfdump 1.7.1 prints other numbers.
        ("mpls1", "mpls1"),
    ] {
        let ours = both.ours(&[key, "--by", "octets", "-N"]);
        let mut theirs = both.theirs(&["-s", &format!("{stat}/bytes")]);
        assert!(ours.len() > 2, "{key}");
        for row in &mut theirs {
            // Behind a label stand its class and whether it is the last.
            let value = row[4].split('-').next().unwrap();
            // A flow without the element is one of 0 to nfdump.
            let is_none = matches!(value, "0" | "00:00:00:00:00:00");
            row[4] = if is_none { "none" } else { value }.to_owned();
        }
        super::assert_all_same(ours, theirs, &[11, 12], key);
    }
}

/// Sums of octets by key, as the datagram was made.
fn octets_by<K: Ord>(key: impl Fn(u64) -> Vec<K>) -> Vec<u64> {
    let mut sums = std::collections::BTreeMap::new();
    for flow in 1..=15u64 {
        for key in key(flow) {
            *sums.entry(key).or_insert(0) += flow * 1000;
        }
    }
    let mut sums: Vec<u64> = sums.into_values().collect();
    sums.sort_unstable_by_key(|&octets| std::cmp::Reverse(octets));
    sums
}

#[test]
fn flows_without_an_element_are_one_key() {
    let home = Home::new();
    home.run(&["load", &home.file("a.pcap", &capture(&[datagram()]))]).succeeds();
    let top = |key: &str, format: &str| home.run(&["top", key, "-n", "0", "-o", format]).succeeds();
    let told = |flow: u64, value: u64| if flow <= 12 { value } else { 0 };
    for (key, expected) in [
        ("vrf", octets_by(|flow| vec![told(flow, 1 + flow % 2), told(flow, 2 + flow % 3)])),
        ("mpls2", octets_by(|flow| vec![told(flow, 300 + flow % 2)])),
        ("evrf", octets_by(|flow| vec![told(flow, 2 + flow % 3)])),
        ("vlan", octets_by(|flow| vec![told(flow, 10 + flow % 3), told(flow, 11 + flow % 2)])),
        ("element:applicationName", octets_by(|flow| vec![told(flow, 1 + flow % 2)])),
        ("vlanId,ivrf", octets_by(|flow| vec![told(flow, flow % 3 * 2 + flow % 2 + 1)])),
    ] {
        let json = top(key, "json").json();
        let octets = json["top"].as_array().unwrap().iter().map(|row| row["octets"].as_u64());
        assert_eq!(octets.map(Option::unwrap).collect::<Vec<_>>(), expected, "{key}");
        crate::schema::check("top", &json);
    }
    let first = top("srcvlan", "ndjson");
    assert!(first.stdout.starts_with("{\"srcVlan\":null,\"octets\":42000,"), "{}", first.stdout);
    assert!(top("srcvlan", "line").lines()[1].contains(" none "));
    // Of equal ones, those that lack it come first.
    let names = top("element:applicationName", "csv").stdout;
    let mut reader = csv::Reader::from_reader(names.as_bytes());
    assert_eq!(reader.headers().unwrap().get(0), Some("applicationName"));
    let cells: Vec<String> =
        reader.records().map(|row| row.unwrap().get(0).unwrap().to_owned()).collect();
    assert_eq!(cells, ["", "dns", "a, \"b\""]);
    let macs = top("insrcmac", "csv").stdout;
    assert!(macs.starts_with("sourceMacAddress,octets"), "{macs}");
}

#[test]
fn stretches_of_time_are_cut_by_the_clock_of_the_zone() {
    let home = Home::new();
    let made = ["generate", "a.pcap", "--flows", "5000", "--hours", "72"];
    home.run(&[&made[..], &["--start", "2026-10-24T00:00Z"]].concat()).succeeds();
    home.run(&["load", "a.pcap"]).succeeds();
    for (zone, ends) in [
        ("Europe/Zurich", ["2026-10-24T22:00Z", "2026-10-25T23:00Z"]),
        ("America/St_Johns", ["2026-10-25T02:30Z", "2026-10-26T02:30Z"]),
    ] {
        let question = ["top", "bin:1d", "-n", "0", "-o", "json", "--tz", zone];
        let json = home.run(&question).succeeds().json();
        let day = json["top"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["bin"].as_str().unwrap().starts_with("2026-10-25T00:00"));
        let window = ["query", "--where", "any", "--count", "--since", ends[0], "--until", ends[1]];
        let flows = home.run(&window).succeeds().stdout;
        assert_eq!(day.unwrap()["flows"].to_string(), flows.trim(), "{zone}");
    }
}
