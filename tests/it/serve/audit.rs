//! What the audit log tells of jobs, and what strangers can do to it.

use std::fs;

use serde_json::{Value, json};

use super::api::with_flows;
use super::*;

const JSON: &str = "Content-Type: application/json";

fn lines(home: &Home) -> Vec<Value> {
    let path = home.path("data/earlgrey-hbase/serve/audit.ndjson");
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_a_job_asks_is_told_when_it_is_made_when_it_ran_and_when_it_goes() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let order = json!({"type": "FlowQuery", "parameters": {"where": "tcp", "tz": "UTC"}});
    let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order.to_string());
    let place = made.field("location").unwrap().to_owned();
    let id = made.json()["id"].clone();
    let mut rows = Value::Null;
    until("the end of a job", || {
        let job = serving.get(&place, &[]).json();
        rows = job["rows"].clone();
        job["status"] == "End"
    });
    assert_eq!(serving.send("DELETE", &place, &[], "").status, 204);
    assert_eq!(serving.ends("-TERM").0, Some(0));
    let asked = json!({"job": id, "type": "FlowQuery", "where": "tcp", "tz": "UTC"});
    let lines = lines(&home);
    let of = |method: &str| lines.iter().find(|line| line["method"] == method).unwrap();
    assert_eq!(of("POST")["asked"], asked);
    let without_id = json!({"type": "FlowQuery", "where": "tcp", "tz": "UTC"});
    assert_eq!(of("DELETE")["asked"], without_id);
    let ran = lines.iter().find(|line| line["job"] == id).unwrap();
    assert_eq!(
        (&ran["caller"], &ran["type"], &ran["rows"], &ran["asked"]),
        (&json!("local"), &json!("FlowQuery"), &rows, &json!({"where": "tcp", "tz": "UTC"}))
    );
    assert!(ran["millis"].is_number() && ran.get("failure").is_none(), "{ran}");
}

#[test]
fn a_line_is_cut_where_it_is_long() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    let long = "x".repeat(40_000);
    assert_eq!(serving.get(&format!("/api/v1/me?{long}"), &[]).status, 200);
    let name = format!("name={}&address=/", "y".repeat(5000));
    let form = "Content-Type: application/x-www-form-urlencoded";
    assert_eq!(serving.send("POST", "/views/save", &[form], &name).status, 400);
    // A token in the wrong field is nobody's to read.
    let login = "name=egh_12345678secret&password=x";
    assert_eq!(serving.send("POST", "/login", &[form], login).status, 401);
    assert_eq!(serving.ends("-TERM").0, Some(0));
    let lines = lines(&home);
    assert_eq!(lines[0]["query"].as_str().unwrap().len(), 2048 - "/api/v1/me".len());
    assert_eq!(lines[0]["cut"], true);
    assert!(lines[1].get("cut").is_none() && lines[1].to_string().len() < 3000);
    assert_eq!(lines[2]["login"], "a token");
}

#[test]
fn refusals_of_strangers_leave_room_for_others() {
    let home = Home::with_store();
    let serving = home.serves(&["--local-role", "none"]);
    let long = "x".repeat(10_000);
    for _ in 0..60 {
        assert_eq!(serving.get(&format!("/nothing?{long}"), &[]).status, 404);
    }
    let token = home.token("grafana", "reader");
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(serving.get("/api/v1/me", &[&bearer]).status, 200);
    assert_eq!(serving.ends("-TERM").0, Some(0));
    let lines = lines(&home);
    let (strangers, others): (Vec<&Value>, Vec<&Value>) =
        lines.iter().partition(|line| line["caller"].is_null());
    assert!((20..40).contains(&strangers.len()), "{}", strangers.len());
    assert!(strangers.iter().all(|line| line.to_string().len() < 700));
    let unwritten: u64 = lines.iter().filter_map(|line| line["unwritten"].as_u64()).sum();
    assert_eq!(strangers.len() as u64 + unwritten, 60);
    assert_eq!(others.len(), 1, "{others:?}");
}
