//! What a server raises by itself: rules, hits of watch lists, detections.

use serde_json::Value;

use super::{HTTP, Receiver, check_message};
use crate::cli::{Home, until};
use crate::schema::check;

const CONFIGURATION: &str = r#"
[ways.hook]
kind = "webhook"
url = "http://127.0.0.1:PORT/200"

[rules.busy]
where = "proto tcp or proto udp"
measure = "flows"
window = "1m"
above = 5
late = "40m"
severity = "high"
"#;

/// The next message of `receiver`.
fn next(receiver: &mut Receiver) -> Value {
    let got = receiver.next();
    let body: Value = serde_json::from_str(got["body"].as_str().unwrap()).unwrap();
    check_message(&body);
    body
}

#[test]
fn what_rules_and_lists_say_of_new_flows_is_sent_at_once_and_once() {
    let Some(mut receiver) = Receiver::start(HTTP, &["key", "0"], "http.server") else { return };
    let home = Home::new();
    let text = CONFIGURATION.replace("PORT", &receiver.port.to_string());
    home.file("config/earlgrey-hbase/earlgrey.toml", text.as_bytes());
    let made = ["generate", "hour.pcap", "--flows", "3000", "--hours", "1", "--start", "-61m"];
    home.run(&made).succeeds();
    home.run(&["load", "hour.pcap"]).succeeds();
    let server = home.serves(&[]);
    let told = next(&mut receiver);
    assert_eq!((&told["source"], &told["name"]), (&"rule".into(), &"busy".into()), "{told}");
    crate::schema::check("firing", &told["document"]);
    // The flows that it counted are those that its filter finds in its window.
    let document = &told["document"];
    let text = |name: &str| document[name].as_str().unwrap();
    let flows = home.run(&[
        "query",
        "--where",
        text("where"),
        "--since",
        text("from"),
        "--until",
        text("until"),
        "-o",
        "ndjson",
    ]);
    let flows = flows.succeeds().lines().len() as u64;
    assert_eq!(document["value"].as_u64(), Some(flows));
    assert!(flows > 5);

    let all = home.run(&["query", "--where", "any", "--limit", "1", "-o", "ndjson"]).succeeds();
    let one: Value = serde_json::from_str(all.lines()[0]).unwrap();
    let listed = one["dstAddress"].as_str().unwrap();
    home.file("bad.txt", listed.as_bytes());
    home.run(&["watch", "add", "bad", "@bad.txt"]).succeeds();
    let told = next(&mut receiver);
    assert_eq!((&told["source"], &told["name"]), (&"watch".into(), &"bad".into()), "{told}");
    assert_eq!(told["document"]["indicator"], listed);

    // What is new brings nothing more of what was told: its cool-down is an hour.
    let made = ["generate", "more.pcap", "--flows", "300", "--seed", "2", "--start", "-61m"];
    home.run(&[&made[..], &["--hours", "1"]].concat()).succeeds();
    let metrics = || server.get("/metrics", &[]).body;
    let looks = || {
        let page = metrics();
        let line =
            page.lines().find(|line| line.starts_with("earlgrey_looks_total{kind=\"rules\"}"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap()
    };
    let before = looks();
    home.run(&["load", "more.pcap"]).succeeds();
    until("evaluated again", || looks() > before);
    assert!(metrics().contains("earlgrey_rule_told_total{rule=\"busy\"} 1\n"), "{}", metrics());
    server.ends("-TERM");

    // So it is in the next process.
    let server = home.serves(&[]);
    let page = || server.get("/metrics", &[]).body;
    until("evaluated", || page().contains("earlgrey_looks_total{kind=\"rules\"} 1"));
    assert!(page().contains("earlgrey_rule_told_total{rule=\"busy\"} 0\n"), "{}", page());
    server.ends("-TERM");
}

#[test]
fn detections_come_on_a_schedule_and_what_is_suppressed_does_not() {
    let home = Home::new();
    let networks = "prefix,name,role\n122.166.0.0/16,a,internal\n122.167.0.0/16,b,internal\n\
        122.171.0.0/16,c,internal\n117.200.0.0/16,d,internal\n";
    home.file("config/earlgrey-hbase/networks.csv", networks.as_bytes());
    let text = "[meaning]\nnetworks = \"networks.csv\"\n";
    home.file("config/earlgrey-hbase/earlgrey.toml", text.as_bytes());
    let made = ["generate", "day.pcap", "--flows", "30000", "--plant", "scan"];
    home.run(&[&made[..], &["--planted", "planted.json"]].concat()).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    let found = home.run(&["detect", "scan", "-o", "ndjson"]).succeeds();
    let found: Vec<Value> =
        found.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(found.len() > 1, "{found:?}");
    let (one, host) = (&found[0], found[0]["host"].as_str().unwrap());
    let of = format!("src ip {host}");
    let add = ["detect", "suppress", "add", "--kind", "scan", "--where", &of];
    home.run(&[&add[..], &["--reason", "our own"]].concat()).succeeds();

    // A report leaves it out, and says so.
    let run = home.run(&["detect", "scan", "-o", "ndjson"]).succeeds();
    let told: Vec<Value> =
        run.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let hidden = found.iter().filter(|detection| detection["host"] == host).count();
    assert_eq!(told.len(), found.len() - hidden + 1);
    assert!(told.iter().all(|detection| detection["host"] != host));
    assert_eq!(told.last().unwrap()["suppressed"], hidden);
    check("leftOut", told.last().unwrap());
    assert!(run.stderr.contains(&format!("{hidden} suppressed")), "{}", run.stderr);

    let server = home.serves(&["--detect", "scan", "--detect-since", "2007-01-01"]);
    let alerts = || server.get("/api/v1/alerts?source=detection", &[]).json()["alerts"].clone();
    let expected = found.len() - hidden;
    until("detected", || alerts().as_array().is_some_and(|all| all.len() == expected));
    for alert in alerts().as_array().unwrap() {
        check("detection", &alert["document"]);
        assert_ne!(alert["document"]["host"], host);
    }
    server.ends("-TERM");

    let list = home.run(&["detect", "suppress", "list", "-o", "json"]).succeeds().json();
    check("suppressions", &list);
    assert_eq!((&list[0]["number"], &list[0]["where"]), (&1.into(), &of.into()));
    home.run(&["detect", "suppress", "remove", "1"]).succeeds();
    home.run(&["detect", "suppress", "remove", "1"]).ends(2, "there is no suppression 1");
    let run = home.run(&["detect", "scan", "-o", "ocsf"]).succeeds();
    let findings: Vec<Value> =
        run.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(findings.len(), found.len());
    check("ocsfFinding", &findings[0]);
    assert_eq!(findings[0]["unmapped"], *one);
    assert_eq!(findings[0]["evidences"][0]["src_endpoint"]["ip"], host);
}

#[test]
fn what_cannot_be_suppressed_is_refused() {
    let home = Home::with_store();
    for (arguments, says) in [
        (&["--reason", "x"][..], "everything? say what need not be told"),
        (&["--kind", "scan"], "--reason"),
        (&["--kind", "scan", "--reason", " "], "must be a line of 1 to 500 letters"),
        (&["--where", "port", "--reason", "x"], "port"),
        (&["--kind", "scan", "--reason", "x", "--until", "2007-01-01"], "must be a time to come"),
        (&["--kind", "scam", "--reason", "x"], "scam"),
    ] {
        home.run(&[&["detect", "suppress", "add"], arguments].concat()).ends(2, says);
    }
    home.run(&["detect"]).ends(2, "KIND");
}
