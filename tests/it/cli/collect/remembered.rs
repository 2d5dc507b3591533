//! What exporters told a collector, after it was started again.

use super::*;
use crate::needs::cases;

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
