//! Jobs over HTTP, as today's clients and those of the system before know them.

use std::fs;

use serde_json::{Value, json};

use super::api::with_flows;
use super::*;

pub(super) const JSON: &str = "Content-Type: application/json";

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

/// A job of `order` when it is over, and its address.
pub(super) fn done(serving: &Serving, order: &Value) -> (Value, String) {
    let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order.to_string());
    assert_eq!(made.status, 201, "{made:?}");
    let place = made.field("location").unwrap().to_owned();
    (over(serving, &place), place)
}

#[test]
fn results_are_read_page_by_page_or_all_as_lines() {
    let home = with_flows();
    let serving = home.serves(&["--max-rows", "400"]);
    let (job, place) =
        done(&serving, &json!({"type": "FlowQuery", "parameters": {"where": "any"}}));
    assert!(job["rows"].as_u64().unwrap() > 400, "{job}");
    let printed = home.run(&["query", "--where", "any", "-o", "ndjson"]).succeeds().stdout;
    let lines = serving.get(&format!("{place}/results?output=ndjson"), &[]);
    assert_eq!(lines.field("content-type"), Some("application/x-ndjson"));
    assert_eq!(lines.body, printed);
    serving.get(&format!("{place}/results?limit=401"), &[]).refuses(400, "at most 400 rows");
    // Where the next page is, the page before says.
    for path in
        [format!("{place}/results"), place.replace("/api/v1/jobs", "/FlowQueries") + "/results"]
    {
        let (mut next, mut pages, mut rows) = (Some(format!("{path}?limit=300")), 0, 0);
        while let Some(path) = next {
            let page = serving.get(&path, &[]);
            rows += page.json().as_array().unwrap().len() as u64;
            pages += 1;
            let link = page.field("link").map(|link| link.strip_suffix(">; rel=\"next\"").unwrap());
            next = link.map(|link| link.strip_prefix('<').unwrap().to_owned());
        }
        assert_eq!((Value::from(rows), pages), (job["rows"].clone(), 2), "{path}");
    }
    let missing = serving.get("/FlowQueries/20260101000000/results", &[]);
    assert_eq!((missing.status, &missing.json()["message"]), (404, &json!("Not Found")));
}

#[test]
fn events_end_when_whoever_follows_is_not_let_in_any_more() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let order = json!({"type": "Stats", "start": false});
    let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order.to_string());
    let place = made.field("location").unwrap();
    let token = home.token("gone", "reader");
    let mut stream = TcpStream::connect(serving.at()).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let host = serving.at();
    let asked = format!("GET {place}/events HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    write!(stream, "{asked}Authorization: Bearer {token}\r\n\r\n").unwrap();
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("event: job") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        told.extend(byte);
    }
    home.run(&["token", "revoke", "gone"]).succeeds();
    stream.read_to_end(&mut told).unwrap();
    let told = Answer::parse(&told);
    assert_eq!(told.body.matches("event: job").count(), 1, "{told:?}");
}

#[test]
fn a_load_says_that_the_collector_has_the_store() {
    let home = Home::new();
    let capture = home.path("captures/day.pcap");
    fs::create_dir_all(capture.parent().unwrap()).unwrap();
    let (capture, folder) = (capture.to_str().unwrap(), home.path("captures"));
    home.run(&["generate", "--flows", "50", capture]).succeeds();
    let folder = ["--local-role", "admin", "--load-folder", folder.to_str().unwrap()];
    let order = json!({"type": "Load", "parameters": {"path": capture}});
    let serving = home.serves(&[&folder[..], &["--collect", "127.0.0.1:0"]].concat());
    let (job, _) = done(&serving, &order);
    assert_eq!(job["status"], "Error", "{job}");
    assert!(job["message"].as_str().unwrap().contains("this server collects"), "{job}");
    serving.ends("-TERM");
    let serving = home.serves(&folder);
    assert_eq!(done(&serving, &order).0["status"], "End");
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

#[test]
fn an_export_is_fetched_and_goes_with_its_job() {
    let home = with_flows();
    let folder = home.path("data/earlgrey-hbase/serve/exports");
    std::fs::create_dir_all(&folder).unwrap();
    // What a process left that ended in the middle.
    std::fs::write(folder.join("old.csv.4711-0.tmp"), "x").unwrap();
    let serving = home.serves(&[]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let export = |parameters: Value| {
        let order = json!({"type": "Export", "parameters": parameters}).to_string();
        let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order);
        assert_eq!(made.status, 201, "{made:?}");
        let place = made.field("location").unwrap().to_owned();
        (over(&serving, &place), place)
    };
    let (job, place) = export(json!({"to": "a \"b\".csv", "where": "udp"}));
    assert_eq!(job["status"], "End", "{job}");
    home.run(&["export", "--where", "udp", "--to", "b.csv"]).succeeds();
    let expected = std::fs::read_to_string(home.path("b.csv")).unwrap();
    let file = serving.get(&format!("{place}/file"), &[]);
    assert_eq!((file.status, &*file.body), (200, &*expected));
    let name = "attachment; filename*=UTF-8''a%20%22b%22.csv";
    assert_eq!(file.field("content-disposition"), Some(name));
    // It counts among the results.
    assert!(job["bytes"].as_u64().unwrap() > expected.len() as u64, "{job}");
    let page = serving.get(&place.replace("/api/v1", ""), &[]).body;
    assert!(page.contains(&format!("href=\"{place}/file\"")), "{page}");
    // Another export takes its place.
    let (_, other) = export(json!({"to": "a \"b\".csv", "where": "tcp", "force": "yes"}));
    serving.get(&format!("{place}/file"), &[]).refuses(410, "is gone");
    assert_eq!(serving.send("DELETE", &place, &[], "").status, 204);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(serving.send("DELETE", &other, &[], "").status, 204);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    serving.get(&format!("{other}/file"), &[]).refuses(404, "there is no job");
    let order = json!({"type": "Export", "parameters": {"to": "a.csv/", "where": "any"}});
    let refused = serving.send("POST", "/api/v1/jobs", &[JSON], &order.to_string());
    refused.refuses(400, "is no name of a file");
}

#[test]
fn times_of_jobs_are_in_the_zone_that_is_asked_for() {
    let home = with_flows();
    let serving = home.serves(&["--tz", "+05:00"]);
    let order = json!({"type": "Stats"}).to_string();
    let made = serving.send("POST", "/api/v1/jobs", &[JSON], &order);
    let place = made.field("location").unwrap().to_owned();
    let job = over(&serving, &place);
    let time = |job: &Value| job["created"].as_str().unwrap().to_owned();
    assert!(time(&job).ends_with("+05:00"), "{job}");
    let utc = serving.get(&format!("{place}?tz=UTC"), &[]).json();
    assert!(time(&utc).ends_with('Z'), "{utc}");
    let parsed = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert_eq!(parsed(&time(&utc)), parsed(&time(&job)));
    let listed = serving.get("/api/v1/jobs?tz=%2B03:00", &[]).json();
    assert!(time(&listed[0]).ends_with("+03:00"), "{listed}");
    serving.get("/api/v1/jobs?tz=Mars", &[]).refuses(400, "is no time zone");
    // The predecessor's clients know times of the server's zone.
    let known = serving.get(&place.replace("/api/v1/jobs", "/Jobs"), &[]).json();
    let known = jiff::civil::DateTime::strptime("%Y-%m-%d-%H:%M:%S", time(&known)).unwrap();
    assert_eq!(known.to_string(), time(&job)[..19]);
    let exporters = serving.get("/api/v1/exporters?tz=%2B03:00", &[]).json();
    assert!(exporters[0]["last"].as_str().unwrap().ends_with("+03:00"), "{exporters}");
}
