//! What exporters told a collector, after it was started again.

use super::*;
use crate::needs::cases;
use crate::reference::each_datagram;

/// Sends what is in the capture to a collector.
fn replay(home: &Home, capture: &str, to: SocketAddr) {
    home.run(&["replay", capture, "--to", &to.to_string()]).succeeds();
}

#[test]
fn a_collector_that_is_started_again_knows_how_exporters_sample() {
    let Some(folder) = cases() else { return };
    let home = Home::new();
    let captures =
        ["first-file-with-sampling-rate.pcap", "second-file-before-the-rate-comes-again.pcap"];
    for (flows, capture) in (1..).zip(captures) {
        let collecting = home.collects(&[]);
        replay(&home, folder.join(capture).to_str().unwrap(), collecting.to());
        home.comes_to(flows);
        collecting.ends("-TERM").succeeds();
    }
    let flows = home.run(&["query", "0.0.0.0/0", "-o", "json"]).succeeds().json();
    let rates = flows.as_array().unwrap().iter().map(|flow| &flow["sampling"]);
    assert!(rates.clone().count() == 2 && rates.clone().all(|rate| rate == 1000), "{flows}");
}

#[test]
fn a_collector_that_is_started_again_counts_a_connection_once() {
    let Some(folder) = cases() else { return };
    let mut payloads = Vec::new();
    each_datagram(&folder.join("asa-create-updates-teardown.pcap"), |datagram| {
        payloads.push(datagram.payload.to_vec());
    });
    let home = Home::new();
    // The template, creation and both updates; then the template again, and the teardown.
    let first = home.file("first.pcap", &capture(&payloads[..4]));
    let later = home.file("later.pcap", &capture(&[&payloads[..1], &payloads[4..]].concat()));
    for (flows, file) in [(4, &first), (6, &later)] {
        let collecting = home.collects(&[]);
        replay(&home, file, collecting.to());
        home.comes_to(flows);
        collecting.ends("-TERM").succeeds();
    }
    let pairs = home.run(&["active-flow"]).succeeds().stdout;
    assert_eq!(pairs.lines().next(), Some("(10.0.0.1,198.51.100.9,3705)"), "{pairs}");
}

/// The captures of a session's templates, and of the data that it sends.
fn parted(home: &Home) -> Option<[String; 2]> {
    let path = cases()?.join("two-ipfix-sessions-behind-one-address.pcap");
    let mut payloads = Vec::new();
    each_datagram(&path, |datagram| payloads.push(datagram.payload.to_vec()));
    assert_eq!(payloads.len(), 8);
    // Of the first session alone.
    let data = [2, 4, 6].map(|place: usize| payloads[place].clone());
    let templates = home.file("templates.pcap", &capture(&payloads[..1]));
    let data = home.file("data.pcap", &capture(&data));
    Some([templates, data])
}

#[test]
fn a_collector_that_is_started_again_decodes_data_at_once() {
    for signal in ["-TERM", "-KILL"] {
        let home = Home::new();
        let Some([templates, data]) = parted(&home) else { return };
        let collecting = home.collects(&[]);
        replay(&home, &templates, collecting.to());
        home.status_says("decoded", |status| exporter(status, "127.0.0.1")["decoded"] == 1);
        let kept = home.path("data/earlgrey-hbase/store.spool/templates.pcap");
        until("kept", || kept.exists());
        collecting.ends(signal);

        // The template never comes again.
        let collecting = home.collects(&[]);
        replay(&home, &data, collecting.to());
        home.comes_to(3);
        collecting.ends("-TERM").succeeds();
        let flows = home.run(&["query", "--where", "dst ip 198.51.100.9", "--count"]).succeeds();
        assert_eq!(flows.stdout, "3\n");
        // The file is a capture as any other.
        home.run(&["load", kept.to_str().unwrap(), "--store", "other"]).succeeds();
    }
}

#[test]
fn templates_that_nobody_can_read_hinder_no_collector() {
    let home = Home::new();
    let Some([templates, data]) = parted(&home) else { return };
    home.file("data/earlgrey-hbase/store.spool/templates.pcap", b"no capture");
    let collecting = home.collects(&[]);
    replay(&home, &templates, collecting.to());
    replay(&home, &data, collecting.to());
    home.comes_to(3);
    let run = collecting.ends("-TERM").succeeds();
    assert!(run.stderr.contains("templates.pcap is no capture"), "{}", run.stderr);
}
