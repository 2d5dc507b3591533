//! Pages, as a browser gets them; and in a real one, where there is one.

use std::process::Command;

use super::*;
use crate::needs;

const PAGES: [&str; 17] = [
    "/",
    "/alerts",
    "/alerts?state=any&severity=high&since=-2h",
    "/alerts/suppressed",
    "/explore?key=src,dstport&previous=yes",
    "/explore?where=prot%2053",
    "/diff?key=src&window=2007-08-02&against=week",
    "/diff?key=src&window=today&against=day&where=prot%2053",
    "/report",
    "/report?by=dst&month=2007-08",
    "/report?by=dst&month=2007-08&where=prot%2053",
    "/watch",
    "/host/122.166.26.132",
    "/exporters",
    "/loads",
    "/jobs",
    "/views",
];

#[test]
fn pages_have_nothing_that_their_policy_forbids() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    for path in PAGES {
        let answer = serving.get(path, &["Accept: text/html"]);
        let expected = if path.contains("prot%20") { 400 } else { 200 };
        assert_eq!(answer.status, expected, "{path}: {answer:?}");
        assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = answer.field("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && policy.contains("style-src 'self'"));
        for forbidden in
            [" style=", "<style", " onclick", "javascript:", "<script>", "http://", "https://"]
        {
            let body = answer.body.replace("http://www.w3.org/2000/svg", "");
            assert!(!body.contains(forbidden), "{path} has {forbidden}");
        }
        assert!(answer.body.len() < 150_000, "{path}: {} bytes", answer.body.len());
    }
}

#[test]
fn what_pages_load_is_kept_by_browsers_until_it_changes() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    let page = serving.get("/", &[]).body;
    for name in ["style.css", "page.js"] {
        let at = page.find(&format!("/{name}\"")).unwrap();
        let begin = page[..at].rfind("/assets/").unwrap();
        let path = format!("{}/{name}", &page[begin..at]);
        let asset = serving.get(&path, &[]);
        assert_eq!(asset.status, 200, "{path}");
        assert_eq!(asset.field("cache-control"), Some("public, max-age=31536000, immutable"));
        let tag = asset.field("etag").unwrap().to_owned();
        let again = serving.get(&path, &[&format!("If-None-Match: {tag}")]);
        assert_eq!((again.status, &*again.body), (304, ""));
    }
    for path in ["/assets/0/style.css", "/assets/x/..%2fmod.rs"] {
        assert_eq!(serving.get(path, &[]).status, 404, "{path}");
    }
}

#[test]
fn what_is_configured_stands_beside_keys() {
    let home = Home::with_store();
    home.file("config/earlgrey-hbase/hosts.csv", b"address,name\n122.166.26.132,printer\n");
    let text = "[meaning]\nhosts = \"hosts.csv\"\n";
    home.file("config/earlgrey-hbase/earlgrey.toml", text.as_bytes());
    let serving = home.serves(&[]);
    for path in [
        "/?",
        "/explore?key=src",
        "/explore?key=src,dstport&shape=sankey",
        "/greatest?key=pair",
        "/api/v1/timeline?key=src&output=series",
    ] {
        let body = serving.get(path, &[]).body;
        assert!(body.contains("122.166.26.132"), "{path}: {body}");
        assert!(body.contains("printer"), "{path}: {body}");
    }
    let series = serving.get("/api/v1/timeline?key=src&output=series", &[]).body;
    assert!(series.contains("\"series\":\"122.166.26.132 (printer)\""), "{series}");
}

#[test]
fn an_address_is_looked_up_and_nobody_is_sent_elsewhere() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    for (path, to) in [
        ("/host?address=10.0.0.1&since=-1d&by=flows", "/host/10.0.0.1?since=-1d"),
        ("/host?address=%20::1%20", "/host/::1"),
        ("/host?address=10.0.0.0/8", "/explore?address=10.0.0.0/8"),
        ("/host?address=%3Cb%3E", "/host/%3Cb%3E"),
        ("/scheme?to=dark&back=/loads?page=2", "/loads?page=2"),
        ("/scheme?to=dark&back=//evil.example/", "/"),
        ("/scheme?to=dark&back=https://evil.example/", "/"),
        ("/scheme?to=dark&back=/%5Cevil.example", "/"),
    ] {
        let answer = serving.get(path, &[]);
        assert_eq!((answer.status, answer.field("location")), (303, Some(to)), "{path}");
    }
    let wrong = serving.get("/host/%3Cb%3E", &[]);
    assert!(wrong.status == 400 && !wrong.body.contains("<b>"), "{}", wrong.body);
    let dark = serving.get("/loads", &["Cookie: earlgrey_scheme=dark"]);
    assert!(dark.body.contains("data-scheme=\"dark\""));
    let other = serving.get("/loads", &["Cookie: earlgrey_scheme=\"><b>"]);
    assert!(!other.body.contains("data-scheme"));
}

#[test]
fn cards_over_many_flows_are_pages_of_their_own() {
    let home = Home::new();
    home.run(&["generate", "day.pcap", "--flows", "310000"]).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    let serving = home.serves(&[]);
    let page = serving.get("/?since=1970-01-01", &[]).body;
    let places: Vec<_> = page.split("data-from=\"").skip(1).collect();
    assert_eq!(places.len(), 9);
    for place in places {
        let path = place.split('"').next().unwrap().replace("&amp;", "&");
        let card = serving.get(&path, &[]);
        assert_eq!(card.status, 200, "{path}");
        assert_eq!(card.body.matches("<section class=\"card\">").count(), 1, "{path}");
        assert!(card.body.contains(" in all"), "{path}: {}", card.body);
    }
    let sources = serving.get("/greatest?key=src&since=1970-01-01", &[]).body;
    let top = home.run(&["top", "src", "-n", "6", "-o", "csv"]).succeeds().stdout;
    assert_eq!(top.lines().count(), 7);
    for line in top.lines().skip(1) {
        let address = line.split(',').next().unwrap();
        assert!(sources.contains(&format!(">{address}</a>")), "{address}");
    }
    let wrong = serving.get("/greatest?key=colour", &["Accept: text/html"]);
    assert!(wrong.status == 400 && wrong.body.contains("must be one of src, dst"), "{wrong:?}");
}

#[test]
fn a_browser_finds_its_way_and_nothing_wrong() {
    let Some(modules) = needs::browser() else { return };
    let home = Home::new();
    let capture = home.path("day.pcap");
    let capture = capture.to_str().unwrap();
    home.run(&["generate", capture, "--flows", "60000", "--hours", "30"]).succeeds();
    home.run(&["load", capture]).succeeds();
    let serving = home.serves(&["--local-role", "admin"]);
    let pictures = concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots");
    let told = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/pages.mjs"))
        .args([&format!("http://{}", serving.at()), pictures])
        .env("EARLGREY_BROWSER", modules)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}{}", String::from_utf8_lossy(&told.stderr));
    assert!(said.lines().filter(|line| line.starts_with("ok ")).count() >= 10, "{said}");
}
