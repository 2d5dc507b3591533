//! Processes killed, and brokers that go and come: what was acknowledged stays, and is stored once.
//!
//! The long run, `EARLGREY_LONG=1`, kills fifty times in place of a few, and a broker as well.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Stdio;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;

use earlgrey_hbase::generate::{self, Traffic};

use super::proxy::Proxy;
use super::*;
use crate::cli::{Collecting, until};

fn is_long() -> bool {
    std::env::var_os("EARLGREY_LONG").is_some_and(|it| it == "1")
}

fn times(short: u32) -> u32 {
    if is_long() { 50 } else { short }
}

/// A capture with so many flows.
fn made_up(home: &Home, flows: u64) -> String {
    let path = home.path("made-up.pcap");
    let traffic = Traffic { flows, ..Traffic::default() };
    generate::write(&traffic, &mut File::create(&path).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_load_from_a_topic_that_is_killed_anywhere_stores_each_message_once() {
    let Some(broker) = Broker::with_topic(3) else { return };
    let home = Home::new();
    let capture = made_up(&home, 30_000);
    home.run(&["load", &capture, "--to", &broker.url()]).succeeds();
    let url = broker.url();
    let load = [
        &["load", "--from", &url, "--commit-every", "0", "--batch-flows", "2000"][..],
        &["--store", "over"],
    ]
    .concat();
    for kill in 0..times(6) {
        let mut child = home.command(&load).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(100 + u64::from(kill) * 130 % 900));
        child.kill().unwrap();
        child.wait().unwrap();
        home.run(&["verify", "--store", "over"]);
    }
    home.run(&load).ends(0, " 0 malformed");
    home.run(&["load", &capture, "--store", "direct"]).succeeds();
    let ask = |store: &str, question: &[&str]| {
        home.run(&[question, &["--store", store]].concat()).succeeds().stdout
    };
    for question in
        [&["query", "--where", "any", "--count"][..], &["active-flow"], &["top", "srcip"]]
    {
        assert_eq!(ask("over", question), ask("direct", question));
    }
}

/// Datagrams of v5, with a flow each.
fn datagrams(from: u32, count: u32) -> Vec<Vec<u8>> {
    (from..from + count).map(|at| exports(at, &[("10.0.0.1", "10.0.0.2", 100 + at, 0)])).collect()
}

fn send(to: std::net::SocketAddr, payloads: &[Vec<u8>]) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for payload in payloads {
        socket.send_to(payload, to).unwrap();
    }
}

/// How the collector stands whose spool this is.
fn status(home: &Home) -> serde_json::Value {
    let run = home.run(&["collect", "status", "--spool", "spool", "-o", "json"]);
    serde_json::from_str(&run.stdout).unwrap_or_default()
}

#[test]
fn what_a_collector_has_spooled_gets_to_the_topic_whatever_is_killed() {
    let Some(broker) = Broker::with_topic(2) else { return };
    let proxy = Proxy::before(&broker.at, &[]);
    let home = Home::new();
    let url = format!("kafka://{}/{}", proxy.address, broker.topic);
    let collects = || {
        let listen = ["collect", "--listen", "127.0.0.1:0", "--commit-every", "0.1"];
        let to = ["--to", &url, "--spool", "spool", "--recovery-secs", "2"];
        let mut command = home.command(&[&listen[..], &to].concat());
        Collecting::start({
            command.stdin(Stdio::null());
            command
        })
    };
    let mut sent = 0;
    for round in 0..times(4) {
        // Nobody takes what comes at first, in every other round.
        proxy.down.store(round % 2 == 0, Relaxed);
        let before = status(&home)["process"].clone();
        let collecting = collects();
        send(collecting.to(), &datagrams(sent, 200));
        sent += 200;
        until("received", || {
            let status = status(&home);
            let is_new = status["process"] != before;
            is_new
                && status["sockets"].as_array().is_some_and(|sockets| {
                    sockets.iter().map(|socket| socket["datagrams"].as_u64().unwrap()).sum::<u64>()
                        == 200
                })
        });
        if round % 2 == 0 {
            until("failing", || status(&home)["store"]["failure"].is_string());
        }
        proxy.down.store(false, Relaxed);
        sleep(Duration::from_millis(u64::from(round) * 70 % 300));
        // It is killed.
        drop(collecting);
    }
    let before = status(&home)["process"].clone();
    let collecting = collects();
    until("drained", || {
        let status = status(&home);
        status["process"] != before
            && status["spool"]["segments"] == 0
            && status["store"]["failure"].is_null()
    });
    drop(collecting);
    let written = broker.count();
    assert!(written >= sent as usize, "{written} of {sent}");
    let headers: BTreeSet<String> =
        broker.printed(written).into_iter().map(|message| message.header).collect();
    assert_eq!(headers.len(), sent as usize, "of {written} messages");
    let mut load = home.run(&["load", "--from", &broker.url()]);
    load.stderr = load.stderr.replace(',', "");
    load.ends(0, &format!("{sent} new {} duplicate", written - sent as usize));
}
