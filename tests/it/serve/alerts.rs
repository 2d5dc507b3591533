//! Pages of alerts: what detections raise is shown, judged and suppressed there.

use std::process::Command;

use serde_json::Value;

use super::*;
use crate::needs;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const NETWORKS: &str = "prefix,name,role\n122.166.0.0/16,a,internal\n122.167.0.0/16,b,internal\n\
    122.171.0.0/16,c,internal\n117.200.0.0/16,d,internal\n";
/// A look at all that there is, once.
const DETECT: [&str; 6] =
    ["--detect", "all", "--detect-since", "2007-01-01", "--detect-every", "100h"];

/// A home whose store has a day with what is planted.
fn planted(flows: &str, kind: &str) -> Home {
    let home = Home::new();
    home.file("config/earlgrey-hbase/networks.csv", NETWORKS.as_bytes());
    let text = "[meaning]\nnetworks = \"networks.csv\"\n";
    home.file("config/earlgrey-hbase/earlgrey.toml", text.as_bytes());
    let made = ["generate", "day.pcap", "--flows", flows, "--plant", kind];
    home.run(&[&made[..], &["--planted", "planted.json"]].concat()).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    home
}

/// What the server raised, when it is through with its look.
fn raised(serving: &Serving) -> Vec<Value> {
    let looked = "earlgrey_looks_total{kind=\"detections\"} 1\n";
    until("detected", || serving.get("/metrics", &[]).body.contains(looked));
    let all = serving.get("/api/v1/alerts?limit=1000", &[]).json();
    all["alerts"].as_array().unwrap().clone()
}

/// The ids on a page of the list.
fn ids(page: &str) -> Vec<String> {
    let links = page.split("href=\"/alerts/").skip(1);
    let ids = links.map(|rest| rest.split(['"', '?']).next().unwrap().to_owned());
    ids.filter(|id| id.len() == 16).collect()
}

fn csrf_of(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("a form has it");
    rest.split_once('"').unwrap().0
}

#[test]
fn what_is_suppressed_on_a_page_is_left_out_by_the_next_look() {
    let home = planted("30000", "scan");
    let serving = home.serves(&[&DETECT[..], &["--local-role", "analyst"]].concat());
    let raised = raised(&serving);
    assert!(raised.len() > 1, "{raised:?}");
    let page = serving.get("/alerts", &[]).body;
    let mut expected: Vec<&str> = raised.iter().map(|one| one["id"].as_str().unwrap()).collect();
    let mut shown = ids(&page);
    expected.sort_unstable();
    shown.sort_unstable();
    assert_eq!(shown, expected);
    for severity in ["low", "medium", "high"] {
        let count = raised.iter().filter(|one| one["severity"] == severity).count();
        assert!(page.contains(&format!(">{count} open</a>")), "{severity}: {count}");
    }
    let scan = raised.iter().find(|one| one["name"] == "scan").unwrap();
    let (id, host) = (scan["id"].as_str().unwrap(), scan["document"]["host"].as_str().unwrap());
    let one = serving.get(&format!("/alerts/{id}"), &[]).body;
    assert!(one.contains(scan["filter"].as_str().unwrap()) && one.contains("T1046"), "{one}");

    // A browser sends what its page has; what another page sends is refused.
    let own = format!("Origin: http://{}", serving.at());
    let browser = ["Accept: text/html", own.as_str(), "Sec-Fetch-Site: same-origin", FORM];
    let csrf = csrf_of(&one);
    let path = format!("/alerts/{id}/suppress");
    let asked = "what=host&reason=our+own+%3Cscanner%3E&days=7";
    assert_eq!(serving.send("POST", &path, &browser, asked).status, 403);
    let done = serving.send("POST", &path, &browser, &format!("csrf={csrf}&{asked}"));
    assert_eq!((done.status, done.field("location")), (303, Some(&*format!("/alerts/{id}"))));
    let list = home.run(&["detect", "suppress", "list", "-o", "json"]).succeeds().json();
    let kept = &list[0];
    assert_eq!((&kept["number"], &kept["by"]), (&1.into(), &"local".into()));
    assert_eq!(kept["kinds"], serde_json::json!(["scan"]));
    assert_eq!(kept["where"], format!("src ip {host}"));
    assert_eq!(kept["reason"], "our own <scanner>");
    assert!(kept["until"].is_string(), "{kept}");
    let page = serving.get("/alerts/suppressed", &[]).body;
    assert!(page.contains("our own &lt;scanner&gt;") && page.contains(host), "{page}");
    let closed = serving.get(&format!("/api/v1/alerts/{id}"), &[]).json();
    assert_eq!(closed["state"], "closed");
    assert_eq!(closed["verdict"]["note"], "suppressed (1): our own <scanner>");
    assert!(!ids(&serving.get("/alerts", &[]).body).contains(&id.to_owned()));

    // The next look of the command and of the server leaves it out.
    let run = home.run(&["detect", "scan", "-o", "ndjson"]).succeeds();
    assert!(!run.stdout.contains(&format!("\"host\":\"{host}\"")), "{}", run.stdout);
    serving.ends("-TERM");
    let serving = home.serves(&[&DETECT[..], &["--local-role", "analyst"]].concat());
    self::raised(&serving);
    let count =
        |id: &str| serving.get(&format!("/api/v1/alerts/{id}"), &[]).json()["count"].clone();
    assert_eq!(count(id), 1);
    let other = raised.iter().find(|one| one["document"]["host"] != *host).unwrap();
    assert_eq!(count(other["id"].as_str().unwrap()), 2);

    let removed = serving.send("POST", "/alerts/suppressed/1/remove", &[FORM], "x=y");
    assert_eq!((removed.status, removed.field("location")), (303, Some("/alerts/suppressed")));
    assert!(serving.get("/alerts/suppressed", &[]).body.contains("Nothing is suppressed"));
    let run = home.run(&["detect", "scan", "-o", "ndjson"]).succeeds();
    assert!(run.stdout.contains(&format!("\"host\":\"{host}\"")), "{}", run.stdout);
}

#[test]
fn alerts_are_judged_by_those_who_may_and_it_is_noted_who_did() {
    let home = planted("30000", "scan");
    let serving = home.serves(&[&DETECT[..], &["--local-role", "reader"]].concat());
    let id = raised(&serving)[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/alerts/{id}");
    let page = serving.get(&path, &[]).body;
    for form in ["judge", "suppress"] {
        assert!(!page.contains(&format!("{path}/{form}")), "{form}");
        let refused = serving.send("POST", &format!("{path}/{form}"), &[FORM], "state=seen");
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    serving.ends("-TERM");

    let serving = home.serves(&["--local-role", "analyst"]);
    let judge =
        |id: &str, body: &str| serving.send("POST", &format!("/alerts/{id}/judge"), &[FORM], body);
    judge(&id, "state=gone").refuses(400, "write open, seen or closed");
    judge("00", "state=seen").refuses(404, "there is no alert");
    judge(&id, &format!("state=seen&note={}", "a".repeat(4_001))).refuses(400, "4000 bytes");
    assert_eq!(judge(&id, "state=seen&note=who+is+%3Cb%3Eit").status, 303);
    let page = serving.get(&path, &[]).body;
    assert!(page.contains("who is &lt;b&gt;it") && page.contains("by local"), "{page}");
    for (body, says) in [
        ("what=host&reason=+&days=7", "1 to 500 letters"),
        ("what=everything&reason=x", "is no choice here"),
        ("what=where&where=port&reason=x&days=7", "in place of a value"),
        ("what=where&reason=x", "a filter is missing"),
        ("what=this&reason=x&until=2007-01-01", "a time to come"),
        ("what=this&reason=x&tz=Mars", "no time zone"),
        ("what=this&reason=x", "days is missing"),
        ("what=this&reason=x&days=many", "no number"),
        ("what=where&where=dst+port+1&reason=x&days=7", "does not hold of this alert"),
    ] {
        let path = format!("{path}/suppress");
        serving.send("POST", &path, &[FORM], body).refuses(400, says);
    }
    let unknown = serving.send("POST", "/alerts/suppressed/9/remove", &[FORM], "");
    unknown.refuses(404, "there is no suppression 9");
    assert_eq!(serving.get("/alerts/00", &["Accept: text/html"]).status, 404);
    serving.ends("-TERM");
    let audit =
        std::fs::read_to_string(home.path("data/earlgrey-hbase/serve/audit.ndjson")).unwrap();
    let noted = audit.lines().filter(|line| line.contains("who is <b>it")).count();
    assert_eq!(noted, 1, "{audit}");
}

#[test]
fn a_browser_shows_alerts_and_their_evidence() {
    let Some(modules) = needs::browser() else { return };
    let home = planted("60000", "all");
    let serving = home.serves(&[&DETECT[..], &["--local-role", "analyst"]].concat());
    assert!(raised(&serving).len() > 10);
    let pictures = concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots");
    let told = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/alerts.mjs"))
        .args([&format!("http://{}", serving.at()), pictures])
        .env("EARLGREY_BROWSER", modules)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 5, "{said}");
}
