//! Records that tell both directions, firewalls' events, and totals that grow: what counts.

use serde_json::Value;

use super::*;
use crate::needs::cases;
use crate::reference::each_datagram;

/// A home with the capture of this name loaded; the load's summary.
fn loaded(name: &str) -> Option<(Home, Value)> {
    let path = cases()?.join(name);
    let home = Home::new();
    let load = home.run(&["load", path.to_str().unwrap(), "-o", "json"]).succeeds().json();
    Some((home, load))
}

fn flows(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["query"], arguments, &["-o", "json"]].concat();
    home.run(&arguments).succeeds().json().as_array().unwrap().clone()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} of {value}"))
}

fn sum(flows: &[Value], name: &str) -> u64 {
    flows.iter().map(|flow| number(flow, name)).sum()
}

/// What each direction of the pair sent, in octets and packets, by three commands that all say so.
fn traffic(home: &Home, server: &str) -> [(u64, u64); 2] {
    let of = |address: &str| {
        let found = flows(home, &[address]);
        (sum(&found, "bytes"), sum(&found, "packets"))
    };
    let both = [of("10.0.0.1"), of(server)];
    let total = both[0].0 + both[1].0;
    let pairs = home.run(&["active-flow", "-print", "10"]).succeeds().stdout.clone();
    assert!(pairs.contains(&format!("(10.0.0.1,{server},{total})")), "{pairs}");
    let pair = format!("ip 10.0.0.1 and ip {server}");
    let conversations = flows(home, &["--where", &pair, "--bidir"]);
    let told = |way: &str| {
        let name = |what| format!("{way}{what}");
        let [octets, packets] = ["Bytes", "Packets"].map(name);
        (sum(&conversations, &octets), sum(&conversations, &packets))
    };
    assert_eq!([told("initiator"), told("responder")], both);
    assert!(conversations.iter().all(|one| one["initiatorAddress"] == "10.0.0.1"));
    both
}

#[test]
fn a_connection_of_a_firewall_counts_once_whatever_its_events_repeat() {
    for (name, expected, [records, reverse]) in [
        ("asa-create-updates-teardown.pcap", [(2588, 13), (1117, 10)], [5, 1]),
        ("asa-short-flow-teardown-only.pcap", [(900, 6), (4100, 7)], [1, 1]),
        ("asa-teardown-with-last-interval-only.pcap", [(1200, 12), (5700, 15)], [3, 2]),
    ] {
        let Some((home, load)) = loaded(name) else { return };
        assert_eq!(traffic(&home, "198.51.100.9"), expected, "{name}");
        let counts = ["records", "stored", "reverse"].map(|count| number(&load, count));
        assert_eq!(counts, [records, records, reverse], "{name}");
        let octets: u64 = expected.iter().map(|(octets, _)| octets).sum();
        assert_eq!(number(&load, "octets"), octets, "{name}");
        // Loaded again, nothing is new.
        let path = cases().unwrap().join(name);
        let again = home.run(&["load", path.to_str().unwrap(), "-o", "json"]).succeeds().json();
        assert_eq!((number(&again, "stored"), number(&again, "reverse")), (0, 0));
        assert_eq!(traffic(&home, "198.51.100.9"), expected, "{name}");
    }
}

#[test]
fn a_biflow_is_a_flow_of_each_direction() {
    let Some((home, load)) = loaded("biflow-total-counters.pcap") else { return };
    assert_eq!((number(&load, "records"), number(&load, "reverse")), (2, 1));
    assert_eq!(traffic(&home, "198.51.100.9")[1], (55_500, 50));
    let back = &flows(&home, &["198.51.100.9"])[..];
    let [back] = back else { panic!("{back:?}") };
    for (name, expected) in [
        ("srcPort", 443),
        ("dstPort", 40_000),
        ("input", 8),
        ("output", 7),
        ("reverseOctetDeltaCount", 1000),
        ("reversePacketDeltaCount", 10),
        ("biflowDirection", 2),
    ] {
        assert_eq!(number(back, name), expected, "{name}");
    }
    assert_eq!(back["tcpFlags"], "...AP.S.");
    assert_eq!(flows(&home, &["10.0.0.2"]).len(), 1);
    // Who asks for one direction alone is told of the other all the same, once.
    for filter in ["src ip 10.0.0.1", "src ip 198.51.100.9", "ip 10.0.0.1"] {
        let one = &flows(&home, &["--where", filter, "--bidir"])[0];
        let told = ["initiatorBytes", "responderBytes", "flows"].map(|name| number(one, name));
        assert_eq!(told, [1000, 55_500, 1], "{filter}");
    }
    for (filter, count) in [("out bytes 55500", 1), ("out bytes 1000", 1), ("out packets 0", 1)] {
        assert_eq!(flows(&home, &["--where", filter]).len(), count, "{filter}");
    }
}

#[test]
fn totals_that_grow_count_once() {
    let Some((home, load)) = loaded("running-totals-of-one-flow.pcap") else { return };
    assert_eq!((number(&load, "octets"), number(&load, "packets")), (12_000, 8));
    let found = flows(&home, &["10.0.0.1"]);
    assert_eq!((sum(&found, "bytes"), sum(&found, "packets")), (12_000, 8));
    // What the exporter told is kept, and asked for.
    assert_eq!(flows(&home, &["--where", "element octetTotalCount = 10500"]).len(), 1);
    assert_eq!(flows(&home, &["--where", "element octetTotalCount = 6000"]).len(), 1);
}

#[test]
fn events_of_firewalls_are_asked_for_shown_and_counted() {
    let Some((home, _)) = loaded("asa-create-updates-teardown.pcap") else { return };
    for (filter, count) in [
        ("event create", 1),
        ("event update", 3),
        ("asa event delete", 1),
        ("asa event term", 1),
        ("event denied", 1),
        ("asa event denied and dst port 23", 1),
        ("event in [create denied]", 2),
        ("event > 3", 3),
        ("xevent 0", 6),
        ("xevent ignore", 6),
        ("asa denied ingress", 0),
        ("nat event add", 0),
        ("event none", 0),
        ("nat event none", 6),
        ("element firewallEvent = 3", 1),
    ] {
        assert_eq!(flows(&home, &["--where", filter]).len(), count, "{filter}");
    }
    let events = ["top", "event", "--by", "flows", "-o", "json"];
    let events = home.run(&events).succeeds().json();
    assert_eq!(number(&events["totals"], "withoutTraffic"), 3);
    let told = |entry: &Value| {
        (
            entry["event"].as_str().unwrap().to_owned(),
            number(entry, "flows"),
            number(entry, "octets"),
        )
    };
    let mut events: Vec<_> = events["top"].as_array().unwrap().iter().map(told).collect();
    events.sort();
    let expected = [("create", 1, 0), ("delete", 1, 0), ("denied", 1, 0), ("update", 3, 3705)];
    assert_eq!(events, expected.map(|(name, flows, octets)| (name.to_owned(), flows, octets)));
    let lines = |format: &str, plain: &[&str]| {
        let arguments = [&["query", "--where", "event denied", "-o", format][..], plain];
        let printed = home.run(&arguments.concat()).succeeds().stdout.clone();
        printed.lines().last().unwrap().to_owned()
    };
    // As nfdump pads and names them.
    assert_eq!(lines("fmt:%evt %xevt %nevt", &[]), "  DENIED  IGNORE <no-evt>");
    assert_eq!(lines("fmt:%evt %xevt %nevt", &["-N"]), "3  IGNORE 0");
    let nsel = home.run(&["query", "--where", "event denied", "-o", "nsel"]).succeeds();
    let head = "Date first seen            Event  XEvent Proto ";
    assert!(nsel.stdout.starts_with(head), "{}", nsel.stdout);
    let top = home.run(&["top", "src", "--by", "flows"]).succeeds().stderr;
    assert!(top.contains("in all 6 flows (3 of them without traffic)"), "{top}");
    let stats = home.run(&["stats", "-o", "json"]).succeeds().json();
    assert_eq!((number(&stats, "flows"), number(&stats, "withoutTraffic")), (6, 3));
    let text = home.run(&["stats"]).succeeds().stdout.clone();
    assert!(text.contains("6, 3 of them without traffic"), "{text}");
}

/// The export packets of a capture.
fn payloads(name: &str) -> Option<Vec<Vec<u8>>> {
    let mut payloads = Vec::new();
    each_datagram(&cases()?.join(name), |datagram| payloads.push(datagram.payload.to_vec()));
    Some(payloads)
}

#[test]
fn what_was_counted_is_known_to_the_next_load() {
    for (name, before, server, expected) in [
        // The template comes first, the teardown last but one.
        ("asa-create-updates-teardown.pcap", 4, "198.51.100.9", 2588 + 1117),
        ("running-totals-of-one-flow.pcap", 3, "198.51.100.9", 12_000),
    ] {
        let Some(payloads) = payloads(name) else { return };
        let home = Home::new();
        let first = home.file("first.pcap", &capture(&payloads[..before]));
        let later = [&payloads[..1], &payloads[before..]].concat();
        let second = home.file("second.pcap", &capture(&later));
        for file in [&first, &second, &first] {
            home.run(&["load", file]).succeeds();
        }
        let found = flows(&home, &["--where", &format!("ip {server}")]);
        assert_eq!(sum(&found, "bytes"), expected, "{name}");
        home.run(&["verify"]).succeeds();
    }
}
