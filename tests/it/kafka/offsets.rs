//! Where a load goes on: what it did not read, what is there no more, what is another topic.

use super::*;
use crate::cli::{signal, until};

/// A flow as a message.
fn message(octets: u32) -> Vec<u8> {
    format!(
        "{{\"srcAddress\":\"10.0.0.1\",\"dstAddress\":\"10.0.0.2\",\"protocol\":\"UDP\",\
         \"time\":\"2007-08-02T07:42:00.000Z\",\"bytes\":{octets},\"packets\":1}}"
    )
    .into_bytes()
}

fn write(broker: &Broker, octets: std::ops::Range<u32>) {
    let messages: Vec<Vec<u8>> = octets.map(message).collect();
    broker.write(0, &messages.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

fn count(home: &Home) -> String {
    home.run(&["query", "10.0.0.1", "--count"]).succeeds().stdout
}

#[test]
fn a_load_goes_on_where_the_last_one_of_its_group_was() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    let load = ["load", "--from", &broker.url()];
    home.run(&load).ends(0, "messages   0: 0 new");
    write(&broker, 0..10);
    home.run(&load).ends(0, "messages   10: 10 new, 0 duplicate");
    write(&broker, 10..13);
    home.run(&load).ends(0, "messages   3: 3 new, 0 duplicate");
    let ledger = home.run(&["loads", "-o", "json"]).succeeds().json();
    let reads: Vec<_> = ledger.as_array().unwrap().iter().map(|load| &load["topic"]).collect();
    let offsets: Vec<_> = reads
        .iter()
        .map(|read| (read["partitions"][0]["from"].clone(), read["partitions"][0]["next"].clone()))
        .collect();
    assert_eq!(offsets[1..], [(0.into(), 10.into()), (10.into(), 13.into())]);
    assert_eq!(reads[2]["group"], "earlgrey-hbase");
    crate::schema::check("load", &ledger[2]);
    // As the topic is rewound, for somebody else.
    home.run(&[&load[..], &["--group", "b"]].concat()).ends(0, "13: 0 new, 13 duplicate");
    assert_eq!(count(&home), "13\n");
}

#[test]
fn messages_that_are_gone_are_counted_and_another_topic_is_read_from_its_beginning() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    let load = ["load", "--from", &broker.url()];
    write(&broker, 0..4);
    home.run(&load).ends(0, "4 new");
    write(&broker, 4..10);
    broker.forget(0, 7);
    let run = home.run(&load).ends(3, "messages 4 to 7 are there no more");
    assert!(
        run.stderr.contains("3: 3 new, 0 duplicate, 0 malformed; 3 not kept"),
        "{}",
        run.stderr
    );
    home.run(&load).ends(0, "messages   0: 0 new");

    for other in [100..102, 200..230] {
        broker.delete();
        until("deleted", || home.run(&load).status == Some(1));
        broker.create(1);
        let new = other.len();
        write(&broker, other);
        let run = home.run(&load).ends(0, "was another topic of this name");
        assert!(run.stderr.contains(&format!("{new}: {new} new")), "{}", run.stderr);
    }
    assert_eq!(count(&home), "39\n");
}

#[test]
fn who_follows_stores_what_comes_until_he_is_told_to_stop() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    let load = ["load", "--from", &broker.url(), "--follow", "--commit-every", "0.1"];
    for (name, from) in [("-INT", 0), ("-TERM", 6)] {
        let mut child = home.command(&load).stderr(std::process::Stdio::piped()).spawn().unwrap();
        for part in 0..3 {
            let first = from + 2 * part;
            write(&broker, first..first + 2);
            let expected = format!("{}\n", first + 2);
            until("stored", || home.run(&["query", "10.0.0.1", "--count"]).stdout == expected);
        }
        signal(&child, name);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0));
    }
    home.run(&["load", "--from", &broker.url()]).ends(0, "messages   0: 0 new");
}

/// Has Kafka's own tool write the lines of a file, thirty in all.
fn performed(broker: &Broker, payload: &str, arguments: &[&str]) {
    let jars = needs::kafka_jars().unwrap();
    let server = format!("bootstrap.servers={}", broker.at);
    let run = Command::new("java")
        .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", &format!("{jars}/*")])
        .args(["org.apache.kafka.tools.ProducerPerformance", "--topic", &broker.topic])
        .args(["--num-records", "30", "--throughput", "-1", "--payload-file", payload])
        .args(["--producer-props", &server])
        .args(arguments)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn what_other_codecs_write_is_read_and_transactions_are_refused() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    let payload = home.file("payload", &[message(1), b"\n".to_vec()].concat());
    for codec in ["gzip", "snappy", "lz4"] {
        performed(&broker, &payload, &[&format!("compression.type={codec}")]);
        home.run(&["load", "--from", &broker.url()]).ends(0, "messages   30: 30 new, 0 duplicate");
    }
    assert_eq!(count(&home), "90\n");
    let transactions = ["--transactional-id", &broker.topic, "--transaction-duration-ms", "1"];
    performed(&broker, &payload, &transactions);
    let refused = "somebody writes there in transactions, whose marks cannot be read";
    home.run(&["load", "--from", &broker.url()]).ends(1, refused);
}
