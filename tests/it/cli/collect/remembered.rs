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
