//! Brokers that fail: nothing is lost without being said, and nothing is stored twice.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::proxy::{Fate, Proxy};
use super::*;

/// The URL of the topic behind a proxy.
fn through(proxy: &Proxy, broker: &Broker) -> String {
    format!("kafka://{}/{}", proxy.address, broker.topic)
}

/// How patient a command is.
const PATIENCE: [&str; 4] = ["--answer-secs", "2", "--recovery-secs", "20"];

#[test]
fn what_fails_on_the_way_there_is_sent_again_and_is_stored_once() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    let day = day(&home);
    // The first connection finds the partitions, the second sends.
    for fates in [
        &[Fate::Pass, Fate::CutAfter(0)][..],
        &[Fate::Pass, Fate::CutAfter(700), Fate::CutRequestsAfter(100)],
        &[Fate::Pass, Fate::Corrupt(5), Fate::Corrupt(600)],
        &[Fate::Late(50), Fate::Late(300)],
        &[Fate::Pass, Fate::Late(3_000)],
        &[Fate::Pass, Fate::Nonsense, Fate::Nonsense],
    ] {
        let proxy = Proxy::before(&broker.at, fates);
        let url = through(&proxy, &broker);
        let run = home.run(&[&["load", &day, "--to", &url][..], &PATIENCE].concat());
        run.ends(0, "messages   8 messages acknowledged");
        assert!(proxy.met.load(Relaxed) >= fates.len(), "{fates:?}");
        let store = format!("{:?}", fates.as_ptr());
        let load = ["load", "--from", &broker.url(), "--store", &store];
        home.run(&load).ends(0, " 8 stored");
    }
}

#[test]
fn what_fails_on_the_way_back_is_fetched_again() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    home.run(&["load", &day(&home), "--to", &broker.url()]).succeeds();
    for (at, fates) in [
        &[Fate::Pass, Fate::CutAfter(1_200)][..],
        &[Fate::Pass, Fate::Corrupt(1_000), Fate::CutAfter(900)],
        &[Fate::Late(50), Fate::Late(300)],
        &[Fate::Pass, Fate::Pass, Fate::Nonsense],
    ]
    .into_iter()
    .enumerate()
    {
        let proxy = Proxy::before(&broker.at, fates);
        let store = format!("store-{at}");
        let url = through(&proxy, &broker);
        let load = [&["load", "--from", &url, "--store", &store][..], &PATIENCE].concat();
        home.run(&load).ends(0, "8: 8 new, 0 duplicate, 0 malformed");
    }
}

#[test]
fn a_broker_that_is_not_there_or_none_is_told_in_time() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    let day = day(&home);
    // Nobody listens at the port of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("kafka://user:secret@{gone}/flows");
    let began = Instant::now();
    for arguments in [&["load", &day, "--to", &url][..], &["load", "--from", &url, "-vv"]] {
        let run = home.run(arguments).ends(4, "/flows: cannot be reached");
        assert!(run.stderr.contains("hint: check that Kafka runs there"), "{}", run.stderr);
        assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    }
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    // What answers, but is none; and one that never answers.
    let patience = ["--answer-secs", "0.5", "--recovery-secs", "1"];
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nonsense = Proxy::before(&broker.at, &[Fate::Nonsense; 100]);
    for at in [silent.local_addr().unwrap().to_string(), nonsense.address.clone()] {
        let url = format!("kafka://{at}/flows");
        for arguments in [&["load", &day, "--to", &url][..], &["load", "--from", &url]] {
            home.run(&[arguments, &patience].concat()).ends(4, "cannot be reached");
        }
    }
    // One that is gone in the middle.
    let nobody = [Fate::CutAfter(0); 1000];
    let proxy = Proxy::before(&broker.at, &[&[Fate::Pass][..], &nobody].concat());
    let url = through(&proxy, &broker);
    home.run(&[&["load", &day, "--to", &url][..], &patience].concat())
        .ends(4, "failed: 0 flows kept");
    // One of several that is gone is passed over.
    let url = format!("kafka://{gone},{}/{}", broker.at, broker.topic);
    home.run(&["load", &day, "--to", &url]).ends(0, "8 messages acknowledged");
}

#[test]
fn a_topic_that_is_not_there_or_takes_too_little_is_told() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    let day = day(&home);
    let none = format!("kafka://{}/no-such-topic", broker.at);
    for arguments in [&["load", &day, "--to", &none][..], &["load", "--from", &none]] {
        home.run(arguments)
            .ends(1, "there is no topic no-such-topic, or none that this user may see");
    }
    for (url, problem) in [
        ("kafka://127.0.0.1", "it names no topic"),
        ("kafka://u:secret@127.0.0.1:x/t", "is no port"),
        ("kafka://127.0.0.1/a b", "no name of a topic"),
    ] {
        for arguments in [&["load", &day, "--to", url][..], &["load", "--from", url]] {
            let run = home.run(arguments).ends(2, problem);
            assert!(!run.stderr.contains("secret"), "{}", run.stderr);
        }
    }
    home.run(&["load", "--follow"]).ends(2, "--from <URL>");
    home.run(&["load", &day, "--from", &broker.url()]).ends(2, "cannot be used with");

    // Parts of a batch go where all of it does not; a message that does not go is an error.
    for (most, status, told) in [
        ("600", 0, "8 messages acknowledged"),
        ("200", 1, "write: the topic takes no message that is so large"),
    ] {
        let topic = new_topic();
        let limit = format!("max.message.bytes={most}");
        broker.tool(
            "org.apache.kafka.tools.TopicCommand",
            &["--create", "--topic", &topic, "--partitions", "1", "--config", &limit],
        );
        let url = format!("kafka://{}/{topic}", broker.at);
        home.run(&["load", &day, "--to", &url]).ends(status, told);
    }
}
