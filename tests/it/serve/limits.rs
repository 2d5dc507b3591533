//! How much may be asked for, and the account of what was.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::*;

#[test]
fn who_asks_too_often_is_told_when_to_ask_again() {
    let home = Home::with_store();
    let token = home.token("grafana", "reader");
    let bearer = format!("Authorization: Bearer {token}");
    let serving = home.serves(&["--max-requests", "1"]);
    let mut answers: Vec<Answer> = (0..30).map(|_| serving.get("/api/v1/me", &[])).collect();
    answers.retain(|answer| answer.status != 200);
    let refused = answers[0].refuses(429, "too many requests");
    assert_eq!(refused.field("retry-after"), Some("1"));
    // Each caller has his own.
    assert_eq!(serving.get("/api/v1/me", &[&bearer]).status, 200);
    until("let in again", || serving.get("/api/v1/me", &[]).status == 200);
}

/// The lines of the audit log.
fn audited(home: &Home) -> Vec<Value> {
    let path = home.path("data/earlgrey-hbase/serve/audit.ndjson");
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn who_asked_what_is_in_the_audit_log() {
    let home = Home::with_store();
    let token = home.token("grafana", "reader");
    let serving = home.serves(&[]);
    assert_eq!(serving.get("/healthz", &[]).status, 200);
    let me = serving.get("/api/v1/me?x=%22y", &[&format!("Authorization: Bearer {token}")]);
    serving.get("/gone", &[]).refuses(404, "");
    serving.get("/metrics", &["Authorization: Bearer egh_12345678x"]).refuses(401, "");
    serving.send(
        "POST",
        "/login",
        &["Content-Type: application/x-www-form-urlencoded"],
        "name=anna&password=secret-secret",
    );
    until("four lines", || audited(&home).len() == 4);
    let lines = audited(&home);
    let first = &lines[0];
    for (name, value) in [
        ("caller", "grafana".into()),
        ("role", "reader".into()),
        ("via", "token".into()),
        ("address", "127.0.0.1".into()),
        ("method", "GET".into()),
        ("path", "/api/v1/me".into()),
        ("query", "x=%22y".into()),
        ("status", Value::from(200)),
        ("bytes", Value::from(me.body.len())),
        ("rows", Value::from(0)),
        ("whole", true.into()),
        ("request", me.field("x-request-id").unwrap().into()),
    ] {
        assert_eq!(first[name], value, "{name} in {first}");
    }
    let age = jiff::Timestamp::now().as_second()
        - first["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    assert!((0..100).contains(&age), "{first}");
    let rest: Vec<_> = lines[1..].iter().map(|line| (&line["caller"], &line["status"])).collect();
    let local = Value::from("local");
    assert_eq!(rest, [(&local, &404.into()), (&Value::Null, &401.into()), (&local, &401.into())]);
    assert_eq!(lines[3]["login"], "anna");
    let text = lines[3].to_string() + &first.to_string();
    assert!(!text.contains("secret-secret") && !text.contains(&token), "{text}");
    // What was asked last before the end is there, too.
    for _ in 0..50 {
        serving.get("/api/v1/me", &[]);
    }
    assert_eq!(serving.ends("-TERM").0, Some(0));
    assert_eq!(audited(&home).len(), 54);
    let log = home.path("data/earlgrey-hbase/serve/audit.ndjson");
    assert_eq!(fs::metadata(log).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_audit_log_is_cut_into_files_of_which_some_are_kept() {
    let home = Home::with_store();
    let serving = home.serves(&["--audit-size", "2kB", "--audit-files", "2"]);
    for number in 0..60 {
        serving.get(&format!("/api/v1/me?number={number}"), &[]);
    }
    let folder = home.path("data/earlgrey-hbase/serve");
    until("the last line", || {
        fs::read_to_string(folder.join("audit.ndjson")).unwrap().contains("number=59\"")
    });
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("audit"))
        .collect();
    names.sort();
    assert_eq!(names, ["audit.ndjson", "audit.ndjson.1", "audit.ndjson.2"]);
    // They go on where the one before ended, and all lines are whole.
    let mut numbers = Vec::new();
    for name in names.iter().rev() {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.len() <= 2000, "{name}: {}", text.len());
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let number = line["query"].as_str().unwrap().trim_start_matches("number=").to_owned();
            numbers.push(number.parse::<u32>().unwrap());
        }
    }
    let expected: Vec<u32> = (60 - numbers.len() as u32..60).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn a_full_disk_stops_the_audit_log_but_no_answer() {
    let home = Home::with_store();
    let serve = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -f 128 && exec \"$0\" \"$@\""])
        .arg(serve.get_program())
        .args(serve.get_args())
        .current_dir(home.path("."))
        .env_clear()
        .envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let serving = Serving::start(limited);
    // Of these lines, 64 kB are what the disk has room for.
    let asked = format!("/api/v1/me?x={}", "y".repeat(1000));
    for _ in 0..100 {
        assert_eq!(serving.get(&asked, &[]).status, 200);
    }
    until("told", || serving.said().contains("the audit log is not written: "));
    let lost = || {
        let page = serving.get("/metrics", &[]).body;
        let line = page.lines().find(|line| line.starts_with("earlgrey_serve_audit_lost_total "));
        line.unwrap().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    until("counted", || lost() > 0);
    assert_eq!(serving.said().matches("the audit log is not written").count(), 1);
    for line in audited(&home) {
        assert!(line.is_object());
    }
}

#[test]
fn requests_are_counted_as_prometheus_reads_them() {
    let home = Home::with_store();
    let serving = home.serves(&["--collect", "127.0.0.1:0"]);
    serving.get("/api/v1/me", &[]);
    serving.get("/api/v1/me", &["Origin: https://evil.example"]);
    serving.get("/gone", &[]);
    serving.send("BREW", "/gone", &[], "");
    let mut page = String::new();
    until("counted", || {
        page = serving.get("/metrics", &[]).body;
        page.contains("method=\"other\"")
    });
    for line in [
        "earlgrey_serve_requests_total{route=\"/api/v1/me\",method=\"GET\",status=\"200\"} 1",
        "earlgrey_serve_requests_total{route=\"none\",method=\"GET\",status=\"403\"} 1",
        "earlgrey_serve_requests_total{route=\"none\",method=\"GET\",status=\"404\"} 1",
        "earlgrey_serve_requests_total{route=\"none\",method=\"other\",status=\"404\"} 1",
        "earlgrey_serve_request_seconds_bucket{route=\"/api/v1/me\",le=\"+Inf\"} 1",
        "earlgrey_serve_request_seconds_count{route=\"/api/v1/me\"} 1",
        "earlgrey_serve_rows_total{route=\"/api/v1/me\"} 0",
        "earlgrey_serve_jobs_running 0",
        "earlgrey_serve_audit_lost_total 0",
        "earlgrey_collect_up 1",
    ] {
        assert!(page.lines().any(|known| known == line), "{line} is not in:\n{page}");
    }
    let mut types = std::collections::BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("# TYPE ")) {
        assert!(types.insert(line), "{line} comes twice");
    }
}

#[test]
fn what_exporters_send_is_received_in_the_same_process() {
    let home = Home::new();
    let command = ["--collect", "127.0.0.1:0", "--folder", "own"];
    let serving = home.serves(&command);
    let said = serving.said();
    let listening = said.split("listening at ").nth(1).unwrap().split(',').next().unwrap();
    home.run(&["generate", "day.pcap", "--flows", "500", "--hours", "0.1"]).succeeds();
    home.run(&["replay", "day.pcap", "--to", listening, "--rate", "5000"]).succeeds();
    until("collected", || {
        let page = serving.get("/metrics", &[]).body;
        let flows = page.lines().filter(|line| line.starts_with("earlgrey_collect_flows_total"));
        flows.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
            == 500
    });
    assert_eq!(serving.get("/readyz", &[]).status, 200);
    assert!(home.path("own/audit.ndjson").exists());
    let (status, said) = serving.ends("-TERM");
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("collected 500 flows into "), "{said}");
}

#[test]
fn a_long_answer_is_none_for_who_could_not_tell_its_end_from_a_loss() {
    let home = super::api::with_flows();
    let serving = home.serves(&[]);
    // Who asks so and says nothing else is taken for a proxy.
    let bearer = format!("Authorization: Bearer {}", home.token("old", "reader"));
    let host = format!("Host: {}", serving.at());
    let old = |path: &str| {
        serving.raw(format!("GET {path} HTTP/1.0\r\n{host}\r\n{bearer}\r\n\r\n").as_bytes())
    };
    old("/api/v1/flows?where=any&output=csv").refuses(505, "ask by HTTP/1.1");
    let short = "/api/v1/flows?where=any&output=csv&limit=3";
    assert_eq!(old(short).body, serving.get(short, &[]).body);
}

#[test]
fn a_number_of_flows_is_one_row_whatever_it_counts() {
    let home = super::api::with_flows();
    let serving = home.serves(&["--max-rows", "10"]);
    let counted = serving.get("/api/v1/flows?where=any&count=yes&limit=100", &[]);
    assert_eq!(counted.body, "{\"flows\":100}\n");
    serving.get("/api/v1/flows?where=any&limit=100", &[]).refuses(400, "at most 10 rows");
}
