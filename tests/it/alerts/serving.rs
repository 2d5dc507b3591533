//! Alerts of a server: as it tells them, and after `kill -9`.

use std::io::Read;
use std::net::TcpListener;

use earlgrey_hbase::UnixMillis;
use earlgrey_hbase::alert::way::{Carrier, Failure};
use earlgrey_hbase::alert::{self, Alerts, Options, Terms, Way};
use earlgrey_hbase::alert::{Alert, Kept};
use earlgrey_hbase::detect::Severity;
use serde_json::{Value, json};

use super::{HTTP, Receiver};
use crate::cli::{Home, until};
use crate::schema::check;

/// A way that is not gone, in a process that only raises.
struct Nowhere;

impl Carrier for Nowhere {
    fn send(&self, _: &[&Kept]) -> Result<String, Failure> {
        Err(Failure::Lasting("nobody sends here".to_owned()))
    }
}

/// Raises an alert as the server would, by a process that ends before anything is sent.
fn raise(home: &Home, id: &str) {
    let folder = home.path("data/earlgrey-hbase/serve");
    std::fs::create_dir_all(&folder).unwrap();
    let terms = Terms { name: "hook".to_owned(), severity: Severity::Low, sources: Vec::new() };
    let ways = [Way { terms, carrier: Box::new(Nowhere) }];
    let alerts = Alerts::new(alert::keeper(None, &folder).unwrap(), &ways, Options::default());
    let title = "odd: 10.0.0.1".to_owned();
    let alert = Alert { id: id.to_owned(), title, ..super::alert() };
    alerts.raise(&alert, UnixMillis::now()).unwrap();
}

fn configure(home: &Home, port: u16) {
    let text = format!(
        "[ways.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/200\"\n\
         secret_file = \"secret\"\n"
    );
    home.file("config/earlgrey-hbase/secret", b"hush-hush\n");
    home.file("config/earlgrey-hbase/earlgrey.toml", text.as_bytes());
}

#[test]
fn what_waited_when_a_server_was_killed_is_sent_by_the_next() {
    let home = Home::with_store();
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hangs.local_addr().unwrap().port();
    configure(&home, port);
    raise(&home, "00000000000000aa");
    let server = home.serves(&[]);
    // It is in the middle of sending: the receiver has all, and does not say so.
    let (mut stream, _) = hangs.accept().unwrap();
    let mut got = [0; 64];
    assert!(stream.read(&mut got).unwrap() > 0);
    let (_, said) = server.ends("-KILL");
    assert!(!said.contains("hush"), "{said}");
    drop((stream, hangs));
    let Some(mut receiver) =
        Receiver::start(HTTP, &["hush-hush", &port.to_string()], "http.server")
    else {
        return;
    };
    let server = home.serves(&[]);
    let got = receiver.next();
    assert_eq!(got["signed"], true);
    let body: Value = serde_json::from_str(got["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["id"], &body["count"]), (&json!("00000000000000aa"), &json!(1)));

    let told = || server.get("/api/v1/alerts/00000000000000aa", &[]).body;
    until("delivered", || told().contains("\"status\":\"sent\""));
    check("alert", &serde_json::from_str(&told()).unwrap());
    let metrics = server.get("/metrics", &[]).body;
    for line in [
        "earlgrey_alerts_sent_total{way=\"hook\"} 1",
        "earlgrey_alerts_waiting{way=\"hook\"} 0",
        "earlgrey_alerts_raised_total{source=\"rule\"} 0",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} in {metrics}");
    }
    server.ends("-TERM");
}

#[test]
fn alerts_are_listed_page_by_page_and_judged() {
    let home = Home::with_store();
    for id in ["a1", "b2", "c3"] {
        raise(&home, id);
    }
    let server = home.serves(&[]);
    let list = |query: &str| {
        let answer = server.get(&format!("/api/v1/alerts{query}"), &[]);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        (page["alerts"].as_array().unwrap().clone(), page["next"].clone())
    };
    let ids = |alerts: &[Value]| {
        alerts.iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (all, next) = list("");
    check("alerts", &json!(all));
    assert_eq!((all.len(), next), (3, Value::Null));
    // All of it page by page is all of it at once.
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let (page, next) = list(&format!("?limit=1{after}"));
        paged.extend(page);
        let Some(next) = next.as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(ids(&paged), ids(&all));
    let json = ["Content-Type: application/json"];
    let judged = server.send(
        "POST",
        "/api/v1/alerts/b2",
        &json,
        "{\"state\":\"closed\",\"note\":\"a backup\"}",
    );
    assert_eq!(judged.status, 200, "{}", judged.body);
    assert_eq!(ids(&list("?state=closed").0), ["b2"]);
    assert_eq!(list("?state=open&severity=high").0.len(), 2);
    assert!(list("?name=none").0.is_empty());
    for (path, body, status) in [
        ("/api/v1/alerts/none", "{\"state\":\"seen\"}", 404),
        ("/api/v1/alerts/a1", "{\"state\":\"gone\"}", 400),
        ("/api/v1/alerts/a1", "{\"stat\":\"seen\"}", 422),
    ] {
        assert_eq!(server.send("POST", path, &json, body).status, status, "{path} {body}");
    }
    assert_eq!(server.get("/api/v1/alerts?after=x", &[]).status, 400);
    assert_eq!(server.get("/api/v1/alerts/none", &[]).status, 404);

    // The command works beside the server.
    let shown = home.run(&["alerts", "show", "b2"]).succeeds();
    assert!(shown.stdout.contains("a backup"), "{}", shown.stdout);
    home.run(&["alerts", "seen", "a1", "--note", "who is it?"]).succeeds();
    assert_eq!(ids(&list("?state=seen").0), ["a1"]);
    server.ends("-TERM");
}

#[test]
fn the_command_prints_alerts_and_tries_ways() {
    let home = Home::with_store();
    assert_eq!(home.run(&["alerts", "list"]).succeeds().stdout, "no alerts\n");
    home.run(&["alerts", "show", "a1"]).ends(2, "there is no alert \"a1\"");
    home.run(&["alerts", "test-way", "hook"])
        .ends(2, "there is no way \"hook\"; the configuration has none");
    raise(&home, "a1");
    check("alerts", &home.run(&["alerts", "list", "-o", "json"]).succeeds().json());
    check("alert", &home.run(&["alerts", "show", "a1", "-o", "json"]).succeeds().json());
    for line in home.run(&["alerts", "list", "-o", "ndjson"]).succeeds().lines() {
        check("alert", &serde_json::from_str(line).unwrap());
    }
    let csv = home.run(&["alerts", "list", "-o", "csv"]).succeeds().stdout;
    assert!(csv.contains("\na1,rule,odd,high,open,1,2007-07-26T22:15:38.007Z,"), "{csv}");

    let Some(mut receiver) = Receiver::start(HTTP, &["hush-hush", "0"], "http.server") else {
        return;
    };
    configure(&home, receiver.port);
    let said = home.run(&["alerts", "test-way", "hook"]).succeeds().stdout;
    assert_eq!(said, "hook took it: 200 OK: it said so\n");
    let got = receiver.next();
    let body: Value = serde_json::from_str(got["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["document"], &got["signed"]), (&json!({ "test": true }), &json!(true)));
    let shown = home.run(&["config", "show"]).succeeds().stdout;
    assert!(shown.contains("ways.hook.secret_file"), "{shown}");
    assert!(!shown.contains("hush") && !shown.contains("/200"), "{shown}");
    drop(receiver);
    home.run(&["alerts", "test-way", "hook"]).ends(1, "would be tried again");
}
