//! Whether others are told rightly that a server or a collector works.

use std::fs;

use super::*;
use crate::cli::{Run, signal};
use crate::needs;

/// What `health` says where the server is to listen at `address`.
fn health(home: &Home, address: &str, arguments: &[&str]) -> Run {
    let mut command = home.command(&[&["health"], arguments].concat());
    Run::of(command.env("EARLGREY_SERVE_LISTEN", address).output().unwrap())
}

#[test]
fn a_server_and_a_collector_work_or_are_not_there_or_hang() {
    let home = Home::new();
    // Nobody listens at a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nothing = health(&home, &free.to_string(), &[]).succeeds();
    assert_eq!(nothing.stdout, "neither a collector nor a server is at work here\n");
    health(&home, &free.to_string(), &["serve"]).ends(1, "no server is at work here");
    health(&home, &free.to_string(), &["collect"]).ends(1, "no collector is at work here");

    let serving = home.serves(&["--collect", "127.0.0.1:0"]);
    let at = serving.at().to_string();
    until("two that work", || health(&home, &at, &[]).succeeds().lines().len() == 2);
    let server = health(&home, &at, &["serve"]).succeeds();
    assert_eq!(server.stdout, format!("the server at http://{at} works\n"));
    let collector = health(&home, &at, &["collect"]).succeeds();
    assert!(collector.stdout.starts_with("the collector at 127.0.0.1:"), "{}", collector.stdout);

    // A process that stands still takes connections, and says nothing.
    signal(&serving.child, "-STOP");
    let stopped = health(&home, &at, &["serve"]);
    let status = home.path("data/earlgrey-hbase/store.spool/status.json");
    let text = fs::read_to_string(&status).unwrap();
    let (before, after) = text.split_once("\"written\": \"").unwrap();
    let old = format!(
        "{before}\"written\": \"2026-01-01T00:00:00Z{}",
        &after[after.find('"').unwrap()..]
    );
    fs::write(&status, old).unwrap();
    let silent = health(&home, &at, &["collect"]);
    signal(&serving.child, "-CONT");
    stopped.ends(1, &format!("http://{at}/healthz: timeout"));
    silent.ends(1, "the collector has not said for ");

    assert_eq!(serving.ends("-TERM").0, Some(0));
    health(&home, &at, &[]).succeeds();
}

#[test]
fn a_server_that_others_reach_is_asked_over_tls_from_here() {
    if needs::tool("openssl", &["version"]).is_none() {
        return;
    }
    let home = Home::with_store();
    tls::certificate(&home.path("."), "/CN=elsewhere");
    home.token("grafana", "reader");
    let tls = ["--listen", "0.0.0.0:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let serving = home.serves(&tls);
    let at = serving.at().to_string();
    let ask = |name: &str, value: &str| {
        let mut command = home.command(&["health", "serve"]);
        command.env("EARLGREY_SERVE_LISTEN", &at).env("EARLGREY_SERVE_TLS_CERT", "cert.pem");
        Run::of(command.env(name, value).output().unwrap())
    };
    let told = ask("EARLGREY_SERVE_TLS_KEY", "key.pem").succeeds();
    assert_eq!(told.stdout, format!("the server at https://{at} works\n"));
    ask("EARLGREY_SERVE_TLS_KEY", "").ends(2, "--tls-cert and --tls-key go together");
}
