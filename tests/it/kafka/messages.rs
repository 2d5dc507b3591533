//! What is written into a topic, as others see it, and what is read from there.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Real captures with fields of every kind, if they are there.
fn real() -> Option<String> {
    Some(needs::captures()?.join("graylog-plugin-netflow").to_str().unwrap().to_owned())
}

#[test]
fn a_message_is_what_a_query_prints_and_is_read_as_what_was_written() {
    let Some(broker) = Broker::with_topic(3) else { return };
    let home = Home::new();
    let day = day(&home);
    let run = home.run(&["load", &day, "--to", &broker.url()]);
    run.ends(0, "messages   8 messages acknowledged");
    home.run(&["load", &day]).succeeds();
    let own = home.run(&["query", "0.0.0.0/0", "-o", "ndjson"]).succeeds().stdout;

    let printed = broker.printed(IN_DAY);
    let values: Vec<String> = printed.iter().map(|message| message.value.clone() + "\n").collect();
    assert_eq!(sorted(&values.concat()), sorted(&own));
    // What a host sent is in one partition, and every record has a header of its own.
    let mut of_host = BTreeMap::<&str, BTreeSet<u32>>::new();
    for message in &printed {
        let value: serde_json::Value = serde_json::from_str(&message.value).unwrap();
        assert_eq!(value["srcAddress"], *message.key);
        of_host.entry(&message.key).or_default().insert(message.partition);
    }
    assert!(of_host.values().all(|partitions| partitions.len() == 1), "{of_host:?}");
    let headers: BTreeSet<&str> = printed.iter().map(|message| &*message.header).collect();
    assert_eq!(headers.len(), IN_DAY, "{headers:?}");
    assert!(headers.iter().all(|header| header.starts_with("earlgrey-flow:")), "{headers:?}");

    // Read back, there are the same answers, once.
    let other = Home::new();
    let load = ["load", "--from", &broker.url()];
    other.run(&load).ends(0, "messages   8: 8 new, 0 duplicate, 0 malformed");
    for question in [
        &["query", "0.0.0.0/0", "-o", "json"][..],
        &["query", "0.0.0.0/0", "-o", "extended"],
        &["active-flow"],
        &["top", "srcip,dstport"],
    ] {
        assert_eq!(other.run(question).succeeds().stdout, home.run(question).succeeds().stdout);
    }
    other.run(&load).ends(0, "messages   0: 0 new");
    // Written again, and read from the beginning, they are known.
    home.run(&["load", &day, "--to", &broker.url()]).succeeds();
    other.run(&load).ends(0, "messages   8: 0 new, 8 duplicate, 0 malformed");
    let all = other.run(&[&load[..], &["--group", "others"]].concat());
    all.ends(0, "messages   16: 0 new, 16 duplicate, 0 malformed");
    assert_eq!(other.run(&["query", "0.0.0.0/0", "--count"]).stdout, "8\n");
}

#[test]
fn flows_of_a_real_capture_are_the_same_on_either_way() {
    let Some(broker) = Broker::with_topic(2) else { return };
    let home = Home::new();
    let Some(capture) = real() else { return };
    home.run(&["load", &capture, "--store", "direct"]);
    home.run(&["load", &capture, "--to", &broker.url()]);
    home.run(&["load", "--from", &broker.url(), "--store", "over"]).succeeds();
    let ask = |store: &str, question: &[&str]| {
        home.run(&[question, &["--store", store]].concat()).succeeds().stdout
    };
    for question in [
        &["query", "--where", "any", "-o", "ndjson"][..],
        &["query", "--where", "any", "-o", "extended"],
    ] {
        let [direct, over] = ["direct", "over"].map(|store| sorted(&ask(store, question)));
        assert!(!direct.is_empty());
        assert_eq!(over.len(), direct.len());
        for (over, direct) in over.iter().zip(&direct) {
            assert_eq!(over, direct);
        }
    }
}

/// Prints of each message of a topic, as hexadecimal digits, its fields by their numbers.
const DECODE: &str = r"
import sys, json
def number(b, at):
    value = shift = 0
    while True:
        value |= (b[at] & 127) << shift; shift += 7; at += 1
        if b[at - 1] < 128: return value, at
for line in sys.argv[1].split():
    b = bytes.fromhex(line); length, at = number(b, 0)
    assert at + length == len(b)
    fields = {}
    while at < len(b):
        tag, at = number(b, at)
        if tag & 7 == 0: fields[tag >> 3], at = number(b, at)
        else:
            assert tag & 7 == 2
            size, at = number(b, at); fields[tag >> 3] = b[at:at + size].hex(); at += size
    print(json.dumps(fields))
";

#[test]
fn goflow2s_protobuf_is_written_as_its_schema_says_and_read_back() {
    let Some(broker) = Broker::with_topic(1) else { return };
    let home = Home::new();
    let day = day(&home);
    home.run(&["load", &day, "--to", &broker.url(), "--format", "protobuf"]).succeeds();
    let values = broker.values(0);
    let text: Vec<String> = values
        .iter()
        .map(|value| value.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
        .collect();
    let decoded = needs::tool("python3", &["-c", DECODE, &text.join(" ")]).unwrap();
    let decoded: Vec<serde_json::Value> =
        decoded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(decoded.len(), IN_DAY);
    // The first flow, by the numbers that goflow2's schema gives its fields.
    let first = decoded.iter().find(|fields| fields["9"] == 5000).unwrap();
    let start = 1_186_040_550_000_000_000u64;
    for (field, value) in [
        ("6", serde_json::json!("0a000002")),
        ("7", "0a000003".into()),
        ("10", 51.into()),
        ("11", "c0000201".into()),
        ("20", 6.into()),
        ("21", 50_000.into()),
        ("22", 443.into()),
        ("26", 0x1b.into()),
        ("30", 0x0800.into()),
        ("111", start.into()),
        ("112", (start + 250_000_000).into()),
    ] {
        assert_eq!(first[field], value, "{field} of {first}");
    }
    let other = Home::new();
    other.run(&["load", "--from", &broker.url()]).ends(0, "messages   8: 8 new");
    home.run(&["load", &day]).succeeds();
    for question in [&["query", "0.0.0.0/0", "-o", "json"][..], &["active-flow"]] {
        assert_eq!(other.run(question).succeeds().stdout, home.run(question).succeeds().stdout);
    }
}

#[test]
fn a_store_is_exported_to_a_topic_once_however_often() {
    let Some(broker) = Broker::with_topic(2) else { return };
    let home = Home::new();
    home.run(&["load", &day(&home)]).succeeds();
    let export = ["export", "kafka", &broker.url()];
    home.run(&export).ends(0, "messages   8 messages acknowledged");
    let own = home.run(&["query", "0.0.0.0/0", "-o", "ndjson"]).succeeds().stdout;
    let values: Vec<String> =
        broker.printed(IN_DAY).into_iter().map(|message| message.value + "\n").collect();
    assert_eq!(sorted(&values.concat()), sorted(&own));
    let again = home.run(&[&export[..], &["122.166.26.132", "-o", "json"]].concat()).succeeds();
    assert_eq!(again.json()["flows"], 5);
    let other = Home::new();
    let load = other.run(&["load", "--from", &broker.url()]);
    load.ends(0, "messages   13: 8 new, 5 duplicate, 0 malformed");
    assert_eq!(other.run(&["query", "0.0.0.0/0", "-o", "ndjson"]).stdout, own);
}

#[test]
fn what_is_no_message_is_counted_by_its_reason_and_place() {
    let Some(broker) = Broker::with_topic(2) else { return };
    let home = Home::with_store();
    let own = home.run(&["query", "9.9.9.9", "-o", "ndjson"]).succeeds().stdout;
    let good = own.trim_end().as_bytes();
    broker.write(0, &[good, b"hello", b"{\"srcAddress\":\"10.0.0\"}", good, b"hello again"]);
    broker.write(1, &[b"", b"{}", &[good, b"\n", good].concat()]);
    let other = Home::new();
    let run = other.run(&["load", "--from", &broker.url(), "-o", "json"]);
    let run = run.ends(3, "messages   8: 3 new, 0 duplicate, 5 malformed");
    for line in [
        "malformed protobuf: first in partition 0 at offset 1: it is neither JSON nor protobuf",
        "malformed JSON: first in partition 0 at offset 2: ",
        "empty message: first in partition 1 at offset 0: it holds nothing",
    ] {
        // Of partitions none is read first.
        assert!(run.stderr.contains(line) || line.starts_with("malformed JSON"), "{}", run.stderr);
    }
    let told = run.json();
    let rejected =
        serde_json::json!({"empty message": 1, "malformed JSON": 2, "malformed protobuf": 2});
    assert_eq!(told["rejected"], rejected);
    assert_eq!((&told["records"], &told["stored"]), (&9.into(), &4.into()));
    // Equal messages at different places are different flows, and each is read once.
    other.run(&["load", "--from", &broker.url()]).ends(0, "messages   0: 0 new");
    other.run(&["load", "--from", &broker.url(), "--group", "b"]).ends(3, "8: 0 new, 3 duplicate");
    assert_eq!(other.run(&["query", "9.9.9.9", "--count"]).stdout, "4\n");
    let ledger = other.run(&["loads"]).succeeds().stdout;
    assert!(
        ledger.contains(&broker.url()) && ledger.contains("partition 0: offsets 0 to 5"),
        "{ledger}"
    );
}
