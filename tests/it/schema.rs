//! What every command prints as JSON against the schema that is published for it.

use std::fs;

use serde_json::{Value, json};

use crate::cli::{Home, capture, until};

/// The schema of the answer `name`.
fn schema_of(name: &str) -> jsonschema::Validator {
    let mut schema = published();
    assert!(schema["$defs"].get(name).is_some(), "{name} is not in the schema");
    schema["$ref"] = json!(format!("#/$defs/{name}"));
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn published() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/answers.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Sees that `answer` is as the schema says, and would not be with another member.
#[track_caller]
pub(super) fn check(name: &str, answer: &Value) {
    let schema = schema_of(name);
    let problems: Vec<String> = schema
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{name}: {problems:?} in {answer}");
    let mut other = answer.clone();
    let changed = match &mut other {
        Value::Array(items) => items.first_mut().and_then(Value::as_object_mut),
        Value::Object(members) => Some(members),
        _ => None,
    };
    if let Some(members) = changed {
        members.insert("no such member".to_owned(), json!(1));
        assert!(!schema.is_valid(&other), "{name} takes what it does not know");
    }
}

#[test]
fn the_schema_is_one() {
    assert!(jsonschema::draft202012::meta::is_valid(&published()));
    for name in published()["$defs"].as_object().unwrap().keys() {
        schema_of(name);
    }
}

#[test]
fn answers_about_flows_are_as_the_schema_says() {
    let home = Home::with_store();
    let run = |arguments: &[&str]| home.run(arguments).succeeds();
    let query = |arguments: &[&str]| run(&[&["query", "0.0.0.0/0"], arguments].concat());
    let flows = query(&["-o", "json"]).json();
    check("flows", &flows);
    for flow in flows.as_array().unwrap() {
        check("commonFlow", flow);
    }
    for line in query(&["-o", "ndjson"]).lines() {
        check("flow", &serde_json::from_str(line).unwrap());
    }
    check("flows", &run(&["query", "9.9.9.9", "-o", "json", "--since", "-1h"]).json());
    check("earlgreyFlows", &query(&["-o", "earlgrey", "--tz", "+02:00"]).json());
    check("flows", &query(&["-o", "json", "--tz", "+02:00"]).json());
    check("count", &query(&["--count", "-o", "json"]).json());
    check("exported", &run(&["export", "--to", "a.parquet", "-o", "json"]).json());
    check("exportedFolder", &run(&["export", "parquet", "days", "-o", "json"]).json());
    check("conversations", &query(&["--bidir", "-o", "json"]).json());
    for line in query(&["--bidir", "-o", "ndjson"]).lines() {
        check("conversation", &serde_json::from_str(line).unwrap());
    }
    for more in [&[][..], &["--filter"], &["--direction", "any", "--since", "2007-08-01"]] {
        let explained = query(&[&["--explain", "-o", "json"], more].concat());
        check("explanation", &serde_json::from_str(&explained.stderr).unwrap());
    }
    for more in [&[][..], &["--directed"], &["--by", "packets"], &["--by", "flows"]] {
        check("pairs", &run(&[&["active-flow", "-o", "json"], more].concat()).json());
    }
    for line in run(&["active-flow", "-o", "ndjson"]).lines() {
        check("pair", &serde_json::from_str(line).unwrap());
    }
}

#[test]
fn answers_about_many_flows_are_as_the_schema_says() {
    let home = Home::with_store();
    let run = |arguments: &[&str]| home.run(arguments).succeeds();
    for key in [
        "src",
        "dst",
        "ip",
        "srcport",
        "dstport",
        "port",
        "proto",
        "src/24",
        "dst/16",
        "ip/8",
        "srcas",
        "dstas",
        "as",
        "input",
        "output",
        "if",
        "exporter",
        "nexthop",
        "flags",
        "tos",
        "pairs",
        "5-tuple,bin:5m",
    ] {
        check("top", &run(&["top", key, "-o", "json", "--by", "packets"]).json());
        for line in run(&["top", key, "-o", "ndjson"]).lines() {
            check("topEntry", &serde_json::from_str(line).unwrap());
        }
    }
    check("top", &run(&["top", "src", "-o", "json", "--where", "port 1"]).json());
    for key in ["src", "dstport:p", "bin:1m"] {
        let diff = ["diff", key, "--window", "2007-08-02", "--against", "week", "--by", "bps"];
        check("diff", &run(&[&diff[..], &["-o", "json"]].concat()).json());
        for line in run(&[&diff[..], &["-o", "ndjson"]].concat()).lines() {
            check("diffEntry", &serde_json::from_str(line).unwrap());
        }
    }
    let explained = run(&["top", "src", "-o", "json", "--where", "proto tcp", "--explain"]);
    let explanation = explained.stderr.lines().find(|line| line.starts_with('{')).unwrap();
    check("explanation", &serde_json::from_str(explanation).unwrap());
    for addresses in [&[][..], &["10.0.0.1"]] {
        for by in ["octets", "packets", "flows"] {
            let timeline = |format| [&["timeline", "--by", by, "-o", format], addresses].concat();
            check("timeline", &run(&timeline("json")).json());
            for line in run(&timeline("ndjson")).lines() {
                check("timelineBin", &serde_json::from_str(line).unwrap());
            }
        }
    }
    let month = ["--since", "2007-08-01", "--until", "2007-09-01", "--percentile", "95"];
    for of in [&["timeline"][..], &["timeline", "10.0.0.1"], &["timeline", "--key", "exporter,if"]]
    {
        let usage = [of, &month, &["--by", "packets"]].concat();
        check("usage", &run(&[&usage[..], &["-o", "json"]].concat()).json());
        for line in run(&[&usage[..], &["-o", "ndjson"]].concat()).lines() {
            check("usageEntry", &serde_json::from_str(line).unwrap());
        }
    }
    let report = ["report", "--month", "2007-08", "--by", "if", "-o", "json"];
    check("usage", &run(&report).json());
    check("stats", &run(&["stats", "-o", "json"]).json());
    check("stats", &run(&["stats", "-o", "json", "--since", "-1h"]).json());
    for before in ["2000-01-01", "2007-08-02T07:42:10Z"] {
        check("expired", &run(&["expire", "--before", before, "--yes", "-o", "json"]).json());
    }
}

#[test]
fn a_flow_with_many_elements_is_as_the_schema_says() {
    let home = Home::new();
    let file = home.file("day.pcap", &capture(&[crate::cells::rich()]));
    home.run(&["load", &file]).succeeds();
    let flows = home.run(&["query", "::/0", "-o", "json"]).succeeds().json();
    check("flows", &flows);
    let rich = &flows[1];
    assert_eq!(rich["vlanId"], 7, "{rich}");
    assert!(!schema_of("commonFlow").is_valid(rich), "it has more than the common fields");
}

#[test]
fn answers_about_stores_and_captures_are_as_the_schema_says() {
    let home = Home::new();
    let run = |arguments: &[&str]| home.run(arguments).succeeds().json();
    let bad = ["--flows", "2000", "--loss", "0.1", "--damage", "0.1", "--duplicates", "0.1"];
    let generate = [&["generate", "day.pcap", "-o", "json"][..], &bad].concat();
    check("generated", &run(&generate));
    let file = home.path("day.pcap");
    let file = file.to_str().unwrap();
    let load = home.run(&["load", file, "-o", "json", "--progress", "json"]).ends(3, "bytesDone");
    check("load", &load.json());
    for line in load.stderr.lines().filter(|line| line.starts_with('{')) {
        check("progress", &serde_json::from_str(line).unwrap());
    }
    check("loads", &run(&["loads", "-o", "json"]));
    home.file("networks.csv", b"prefix,name,role\n0.0.0.0/1,office,internal\n");
    home.file("bad.txt", b"128.0.0.0/1 # half of all\n10.0.0.1\n");
    home.run(&["watch", "add", "bad", "@bad.txt"]).succeeds();
    check("watchLists", &run(&["watch", "list", "-o", "json"]));
    let networks = ["--networks", "networks.csv", "-o", "json"];
    for action in [&["show", "bad"][..], &["test", "bad"], &["test", "new", "bad.txt"]] {
        let hits = run(&[&["watch"], action, &networks].concat());
        check("watchHits", &hits);
        assert_eq!(hits[0]["others"][0]["role"], "internal", "{hits}");
    }
    check("verified", &run(&["verify", "-o", "json"]));
    check("compacted", &run(&["compact", "-o", "json"]));
    check("settings", &run(&["config", "show", "-o", "json"]));
    home.run(&["generate", "-", "-o", "json"]).ends(2, "name a file");
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = port.local_addr().unwrap().to_string();
    let replay = home.run(&["replay", file, "--to", &to, "--rate", "100000", "-o", "json"]);
    check("replayed", &replay.json());
}

#[test]
fn what_a_collector_tells_is_as_the_schema_says() {
    let home = Home::new();
    let collector = home
        .command(&["collect", "--listen", "127.0.0.1:0", "-o", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let status = || home.run(&["collect", "status", "-o", "json"]);
    until("it runs", || status().status == Some(0) && status().json()["state"] == "running");
    check("collectorStatus", &status().json());
    let id = collector.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let output = collector.wait_with_output().unwrap();
    check("collected", &serde_json::from_slice(&output.stdout).unwrap());
    check("collectorStatus", &status().json());
}
