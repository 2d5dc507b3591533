//! The server itself, killed while it carries out jobs that were ordered over HTTP.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

const ROWS: u64 = 20_000;

#[test]
fn no_job_that_was_acknowledged_is_lost_and_none_ends_without_its_results() {
    let long = std::env::var_os("EARLGREY_LONG").is_some_and(|it| it == "1");
    let kills = if long { 30 } else { 3 };
    let home = Home::new();
    home.run(&["generate", "day.pcap", "--flows", "60000"]).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    let body = json!({"type": "FlowQuery", "parameters": {"where": "any", "limit": "20000"}});
    let mut acknowledged = BTreeSet::new();
    for kill in 0..kills {
        let serving = home.serves(&[]);
        for _ in 0..4 {
            let made = serving.send(
                "POST",
                "/api/v1/jobs",
                &["Content-Type: application/json"],
                &body.to_string(),
            );
            assert_eq!(made.status, 201, "{made:?}");
            acknowledged.insert(made.json()["id"].as_str().unwrap().to_owned());
        }
        // Any time from before the first begins to after the last has ended.
        thread::sleep(Duration::from_millis(5 + kill * 977 % 1_600));
        // It is killed where it goes.
    }
    let serving = home.serves(&[]);
    let mut ended = 0;
    for id in &acknowledged {
        let path = format!("/api/v1/jobs/{id}");
        let mut job = Value::Null;
        until("the end of a job", || {
            job = serving.get(&path, &[]).json();
            !["Created", "Started"].contains(&job["status"].as_str().unwrap())
        });
        let page = |offset: u64| {
            let page = format!("{path}/results?offset={offset}&limit=5000");
            serving.get(&page, &[]).json().as_array().unwrap().len() as u64
        };
        let rows: u64 = (0..=ROWS).step_by(5_000).map(page).sum();
        if job["status"] == "End" {
            assert_eq!((rows, job["rows"].as_u64()), (ROWS, Some(ROWS)), "{job}");
            ended += 1;
        } else {
            assert_eq!(job["status"], "Failed", "{job}");
            assert!(job["message"].as_str().unwrap().contains("the process ended"), "{job}");
        }
    }
    let all = serving.get("/api/v1/jobs?limit=1000", &[]).json();
    assert_eq!(all.as_array().unwrap().len(), acknowledged.len());
    println!("{kills} kills, {} jobs, {ended} at their end", acknowledged.len());
}
