//! Jobs over HTTP, as today's clients and those of the system before know them.

use serde_json::{Value, json};

use super::api::with_flows;
use super::*;

const JSON: &str = "Content-Type: application/json";

/// Waits until a job is over, and gives how it stands then.
fn over(serving: &Serving, path: &str) -> Value {
    let mut job = Value::Null;
    until("the end of a job", || {
        job = serving.get(path, &[]).json();
        !["Created", "Started"].contains(&job["status"].as_str().unwrap())
    });
    job
}

#[test]
fn a_job_is_made_followed_and_read() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let order = json!({"name": "web", "type": "FlowQuery", "parameters": {"where": "tcp"}});
    let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order.to_string());
    assert_eq!(made.status, 201, "{made:?}");
    let place = made.field("location").unwrap().to_owned();
    let job = over(&serving, &place);
    assert_eq!((&job["status"], &job["progress"]), (&json!("End"), &json!(100)), "{job}");
    let printed = home.run(&["query", "--where", "tcp", "-o", "json"]).succeeds().stdout;
    let printed: Vec<Value> = serde_json::from_str(&printed).unwrap();
    assert_eq!(job["rows"], printed.len());
    let results = serving.get(&format!("{place}/results?limit=100000"), &[]).json();
    assert_eq!(results, Value::from(printed.clone()));
    let some = serving.get(&format!("{place}/results?offset=3&limit=2"), &[]).json();
    assert_eq!(some, Value::from(printed[3..5].to_vec()));
    // Events of a job that is over tell how it ended, and end.
    let events = serving.get(&format!("{place}/events"), &[]);
    assert_eq!(events.field("content-type"), Some("text/event-stream"));
    assert!(events.body.starts_with("event: job\ndata: {"), "{events:?}");
    assert!(events.body.contains("\"status\":\"End\""), "{events:?}");
    let all = serving.get("/api/v1/jobs", &[]).json();
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(serving.send("DELETE", &place, &[], "").status, 204);
    serving.get(&place, &[]).refuses(404, "there is no job");
}

#[test]
fn every_type_of_a_question_has_the_rows_of_its_command() {
    let home = with_flows();
    let serving = home.serves(&[]);
    for (kind, parameters, arguments) in [
        ("ActiveFlow", json!({"print": "3"}), &["active-flow", "-print", "3"][..]),
        ("Top", json!({"key": "proto"}), &["top", "proto"]),
        ("Timeline", json!({"bin": "1h"}), &["timeline", "--bin", "1h"]),
    ] {
        let order = json!({"type": kind, "parameters": parameters});
        let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order.to_string());
        assert_eq!(made.status, 201, "{made:?}");
        let place = made.field("location").unwrap().to_owned();
        let job = over(&serving, &place);
        assert_eq!(job["status"], "End", "{job}");
        let printed = home.run(&[arguments, &["-o", "ndjson"]].concat()).succeeds().stdout;
        let rows: Vec<Value> =
            printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(serving.get(&format!("{place}/results"), &[]).json(), Value::from(rows));
    }
}

#[test]
fn an_order_that_means_nothing_is_refused() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let order = |body: &Value| serving.send("POST", "/api/v1/jobs", &[JSON], &body.to_string());
    order(&json!({"type": "Dance"})).refuses(400, "\"Dance\" is no type of a job");
    order(&json!({"type": "Top"})).refuses(400, "key must be given");
    order(&json!({"type": "FlowQuery", "parameters": {"where": "prot 1"}}))
        .refuses(400, "column 1");
    order(&json!({"type": "Stats", "parameters": {}, "colour": 1})).refuses(422, "colour");
    order(&json!({"type": "Load", "parameters": {"path": "/etc"}})).refuses(403, "only an admin");
    serving.send("POST", "/api/v1/jobs", &[], "{}").refuses(415, "");
    serving.get("/api/v1/jobs/20260101000000", &[]).refuses(404, "there is no job");
    serving.get("/api/v1/jobs/x", &[]).refuses(404, "there is no job");
}

/// What the predecessor's clients send and read.
#[test]
fn clients_of_the_predecessor_are_answered_as_they_know_it() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let order = json!({
        "name": "sources", "type": "FlowQuery",
        "start": "2007-07-26-00:00:00", "end": "2007-07-27-00:00:00",
        "src_addr": "", "dst_addr": "", "src_port": "", "dst_port": 53, "prot": "17", "tos": "",
        "running_time": 0,
    });
    let made = serving.send("POST", "/Jobs", &[JSON], &order.to_string());
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let (stamp, _) = id.split_at(14);
    assert!(stamp.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
    let job = format!("/Jobs/{id}");
    assert_eq!(serving.get(&job, &[]).json()["status"], "Created");
    let put = |action: &str| serving.send("PUT", &format!("{job}?action={action}"), &[], "");
    assert_eq!(put("start").status, 200);
    assert_eq!(over(&serving, &job)["status"], "End");
    let results = serving.get(&format!("/FlowQueries/{id}/results?offset=0&limit=5"), &[]).json();
    let filter = "dst port 53 and proto 17";
    let printed =
        home.run(&["query", "--where", filter, "--limit", "5", "-o", "earlgrey"]).succeeds();
    // The nine fields, and times as its clients write them.
    assert_eq!(results, printed.json());
    for (body, says) in [
        (json!({"start": "yesterday"}), "start: write yyyy-MM-dd-HH:mm:ss"),
        (json!({"type": "Dance"}), "\"Dance\" is no type of a job"),
        (json!({"src_addr": "10.0.0.1 or any"}), "src_addr: "),
        (json!({"dst_port": 70000}), "70000"),
        (json!([1]), "the body: "),
    ] {
        let answer = serving.send("POST", "/Jobs", &[JSON], &body.to_string());
        assert_eq!(answer.status, 400, "{answer:?}");
        let told = answer.json();
        assert!(told["message"].is_string(), "{told}");
        assert!(told["description"].as_str().unwrap().contains(says), "{says}: {told}");
    }
    assert_eq!(put("dance").status, 400);
    assert_eq!(put("delete").status, 200);
    assert_eq!(serving.get(&job, &[]).status, 404);
}
