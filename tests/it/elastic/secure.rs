//! A server that wants to know who asks, over encrypted connections.

use std::path::PathBuf;

use serde_json::Value;

use super::{curl, new_index};
use crate::cli::Home;
use crate::needs;

/// The node, and the certificate of who vouches for it.
fn secure() -> Option<(String, PathBuf)> {
    let url = needs::elastic("EARLGREY_ELASTIC8_SECURE", "elastic8 --secure")?;
    let ca = needs::elastic("EARLGREY_ELASTIC8_CA", "elastic8 --secure")?;
    Some((url.trim_start_matches("elastics://").to_owned(), ca.into()))
}

fn count(node: &str, ca: &str, index: &str) -> Value {
    let url = format!("https://{node}/{index}/_count");
    curl(&["--cacert", ca, "-u", "elastic:changeme", &url])["count"].take()
}

#[test]
fn who_asks_is_told_by_the_url_or_the_environment_and_never_shown() {
    let Some((node, ca)) = secure() else { return };
    let ca = ca.to_str().unwrap();
    let home = Home::with_store();
    let index = new_index();
    let plain = format!("elastics://{node}/{index}");
    let with_password = format!("elastics://elastic:changeme@{node}/{index}");
    let shown = |run: crate::cli::Run| {
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(!text.contains("changeme") && !text.contains("Basic"), "{text}");
    };
    let export = |url: &str| home.command(&["export", "elastic", url, "--ca", ca, "-vv"]);
    let told = |command: &mut std::process::Command| crate::cli::Run::of(command.output().unwrap());

    shown(told(&mut export(&with_password)).ends(0, "6 new"));
    assert_eq!(count(&node, ca, &index), 6);
    let mut by_environment = export(&plain);
    by_environment.env("EARLGREY_ELASTIC_USER", "elastic");
    by_environment.env("EARLGREY_ELASTIC_PASSWORD", "changeme");
    shown(told(&mut by_environment).ends(0, "0 new, 6 already there"));
    let config =
        format!("store = \"{with_password}\"\n[elastic]\npassword = \"changeme\"\nca = \"{ca}\"\n");
    let config = home.file("earlgrey.toml", config.as_bytes());
    let asked = home.run(&["query", "122.166.26.132", "--count", "-vv", "--config", &config]);
    assert_eq!(asked.stdout, "3\n");
    shown(asked.succeeds());
    let listed = home.run(&["config", "show", "--config", &config]);
    assert!(listed.stdout.contains(&format!("elastics://{node}/{index}")), "{}", listed.stdout);
    shown(listed.succeeds());

    // Who is not known, and who asks as nobody.
    let wrong = with_password.replace("changeme", "changemenot");
    shown(told(&mut export(&wrong)).ends(1, "greet: HTTP 401"));
    told(&mut export(&plain)).ends(1, "greet: HTTP 401");
    let mut with_key = export(&plain);
    with_key.env("EARLGREY_ELASTIC_API_KEY", "bm8ga2V5OmNoYW5nZW1l");
    let run = told(&mut with_key).ends(1, "greet: HTTP 401");
    assert!(!run.stderr.contains("bm8ga2V5"), "{}", run.stderr);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let Some((node, ca)) = secure() else { return };
    let home = Home::with_store();
    let url = format!("elastics://elastic:changeme@{node}/flows");
    home.run(&["export", "elastic", &url]).ends(1, "encrypted connection");
    let unencrypted = url.replace("elastics://", "elastic://");
    let run = home.run(&["export", "elastic", &unencrypted]);
    assert_ne!(run.status, Some(0));
    let empty = home.file("empty.pem", b"no certificate");
    home.run(&["export", "elastic", &url, "--ca", &empty]).ends(1, "there is no certificate in it");
    let missing = home.path("missing.pem");
    let missing = missing.to_str().unwrap();
    home.run(&["export", "elastic", &url, "--ca", missing]).ends(1, "missing.pem: read");
    home.run(&["query", "10.0.0.1", "--store", &url, "--ca", missing]).ends(2, "missing.pem: read");
    drop(ca);
}
