//! What stands out, asked of a server: as the command tells it, at once or by a job.

use serde_json::{Value, json};

use super::api::{route, with_flows};
use super::jobs::{JSON, done};
use super::*;
use crate::schema::check;

/// The customers' networks of the generator.
const INSIDE: &str = "122.166.0.0/16,122.167.0.0/16,122.171.0.0/16,117.200.0.0/16";

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A home whose store has scans, of which the gravest is suppressed, and who that is.
fn with_scans() -> (Home, String) {
    let home = Home::new();
    let made = ["generate", "day.pcap", "--flows", "30000", "--plant", "scan"];
    home.run(&[&made[..], &["--planted", "planted.json"]].concat()).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    let all = home.run(&["detect", "scan", "--inside", INSIDE, "-o", "ndjson"]).succeeds();
    let host = rows(&all.stdout)[0]["host"].as_str().unwrap().to_owned();
    let of = format!("src ip {host}");
    let add = ["detect", "suppress", "add", "--where", &*of, "--reason", "our own"];
    home.run(&add).succeeds();
    (home, host)
}

#[test]
fn a_route_tells_what_the_command_tells_without_what_is_suppressed() {
    let (home, hidden) = with_scans();
    let serving = home.serves(&[]);
    let asked = [("kinds", "scan,long"), ("inside", INSIDE), ("where", "tcp or udp")];
    let command =
        ["detect", "scan", "long", "--inside", INSIDE, "--where", "tcp or udp", "--output"];
    for (output, media_type) in [
        ("json", "application/json"),
        ("ndjson", "application/x-ndjson"),
        ("ocsf", "application/x-ndjson"),
        ("line", "text/plain; charset=utf-8"),
    ] {
        let printed = home.run(&[&command[..], &[output]].concat()).succeeds();
        let answer =
            serving.get(&route("detect", &[&asked[..], &[("output", output)]].concat()), &[]);
        assert_eq!((answer.status, &*answer.body), (200, &*printed.stdout), "{output}");
        assert_eq!(answer.field("content-type"), Some(media_type));
        assert_eq!(answer.field("earlgrey-note"), printed.stderr.lines().last(), "{output}");
    }
    let told = serving.get(&route("detect", &asked), &[]).json();
    check("detections", &told);
    let told = told.as_array().unwrap();
    assert!(told.len() > 1, "{told:?}");
    assert!(told.iter().all(|row| row["host"] != *hidden), "{hidden} is suppressed");
    assert!(told.last().unwrap()["suppressed"].as_u64() >= Some(1), "{told:?}");

    // Once it is told again, it is so at once, whatever the client has already.
    let removed = home.run(&["detect", "suppress", "remove", "1"]);
    removed.succeeds();
    let again = serving.get(&route("detect", &asked), &["If-None-Match: *"]).json();
    let is_told = again.as_array().unwrap().iter().any(|row| row["host"] == *hidden);
    assert!(is_told, "{again}");
}

#[test]
fn what_decides_is_what_the_server_is_set_to_unless_it_is_said() {
    let (home, _) = with_scans();
    // More hosts than anybody tries.
    let serving = home.serves_with("EARLGREY_DETECT_SCAN_HOSTS", "100000000");
    let asked = [("kinds", "scan"), ("inside", INSIDE), ("scan-ports", "100000")];
    let quiet = serving.get(&route("detect", &asked), &[]).json();
    assert_eq!(quiet, json!([]));
    let told = serving.get(&route("detect", &[&asked[..], &[("scan-hosts", "32")]].concat()), &[]);
    assert_ne!(told.json(), json!([]));
    let parameters = json!({"kinds": "scan", "inside": INSIDE, "scan-ports": "100000"});
    let (job, _) = done(&serving, &json!({"type": "Detect", "parameters": parameters}));
    assert_eq!((&job["status"], &job["rows"]), (&json!("End"), &json!(0)), "{job}");
}

#[test]
fn a_job_s_results_are_the_lines_of_the_command_and_it_says_what_was_looked_at() {
    let (home, hidden) = with_scans();
    let serving = home.serves(&[]);
    let printed = ["detect", "scan", "beacon", "--inside", INSIDE, "-o", "ndjson"];
    let printed = home.run(&printed).succeeds();
    let parameters = json!({"kinds": "scan,beacon", "inside": INSIDE});
    let (job, place) = done(&serving, &json!({"type": "Detect", "parameters": parameters}));
    assert_eq!((&job["status"], &job["progress"]), (&json!("End"), &json!(100)), "{job}");
    assert_eq!(job["message"].as_str(), printed.stderr.lines().last());
    assert!(job["message"].as_str().unwrap().contains(" suppressed"), "{job}");
    let lines = serving.get(&format!("{place}/results?output=ndjson"), &[]).body;
    assert_eq!(lines, printed.stdout);
    let (told, left_out) = lines.trim_end().rsplit_once('\n').unwrap();
    for row in rows(told) {
        check("detection", &row);
        assert_ne!(row["host"], *hidden);
    }
    check("leftOut", &rows(left_out)[0]);
}

#[test]
fn what_the_command_refuses_the_route_and_the_job_refuse() {
    let home = with_flows();
    let serving = home.serves(&[]);
    for (parameters, says) in [
        (&[][..], "kinds must be given"),
        (&[("kinds", "scam")], "\"scam\" is none of scan, beacon"),
        (&[("kinds", "scan,scam")], "\"scam\" is none of scan, beacon"),
        (&[("kinds", "scan"), ("where", "prot 6")], "where: column 1: unknown word"),
        (&[("kinds", "scan"), ("since", "soon")], "since: "),
        (&[("kinds", "scan"), ("inside", "10.0.0")], "inside: "),
        (&[("kinds", "scan"), ("beacon-score", "2")], "no number from 0 to 1"),
        (&[("kinds", "new"), ("new-since", "soon")], "new-since: "),
        (&[("kinds", "scan"), ("fail-on", "high")], "there is no parameter \"fail-on\""),
        (&[("kinds", "scan"), ("tz", "Mars")], "tz: "),
    ] {
        serving.get(&route("detect", parameters), &[]).refuses(400, says);
        let given: serde_json::Map<String, Value> =
            parameters.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
        let order = json!({"type": "Detect", "parameters": given}).to_string();
        serving.send("POST", "/api/v1/jobs", &[JSON], &order).refuses(400, says);
    }
    // How rows are written is for whoever reads a job's results to say.
    let order = json!({"type": "Detect", "parameters": {"kinds": "all", "output": "ocsf"}});
    let refused = serving.send("POST", "/api/v1/jobs", &[JSON], &order.to_string());
    refused.refuses(400, "there is no parameter \"output\"");
    let wrong = serving.get(&route("detect", &[("kinds", "all"), ("output", "csv")]), &[]);
    wrong.refuses(400, "\"csv\" is none of line, json, ndjson, ocsf");
    assert_eq!(serving.get("/api/v1/jobs", &[]).json(), json!([]));
}

#[test]
fn whoever_may_read_may_ask_and_only_analysts_have_it_done() {
    let home = with_flows();
    let token = home.token("wall", "reader");
    let serving = home.serves(&["--local-role", "none"]);
    let bearer = format!("Authorization: Bearer {token}");
    let path = route("detect", &[("kinds", "scan")]);
    serving.get(&path, &[]).refuses(401, "");
    assert_eq!(serving.get(&path, &[&bearer]).status, 200);
    let order = json!({"type": "Detect", "parameters": {"kinds": "scan"}}).to_string();
    serving.send("POST", "/api/v1/jobs", &[JSON, &bearer], &order).refuses(403, "");
}

#[test]
fn an_answer_that_is_too_long_or_takes_too_long_is_refused() {
    let (home, _) = with_scans();
    let path = route("detect", &[("kinds", "scan"), ("inside", INSIDE)]);
    let serving = home.serves(&["--max-rows", "1"]);
    serving.get(&path, &[]).refuses(413, "more than 1 rows were found");
    serving.ends("-TERM");
    let serving = home.serves(&["--max-secs", "0.001"]);
    assert_eq!(serving.get(&path, &[]).status, 503);
}
