//! Version 1 of the API: what it answers is what the commands print.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// A home whose store holds five hundred flows that are made up.
pub(super) fn with_flows() -> Home {
    let home = Home::new();
    let capture = home.path("flows.pcap");
    let capture = capture.to_str().unwrap();
    home.run(&["generate", "--flows", "500", capture]).succeeds();
    home.run(&["load", capture]).succeeds();
    home
}

/// The path of a route with parameters, as a client writes it.
pub(super) fn route(name: &str, parameters: &[(&str, &str)]) -> String {
    let encoded = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let query: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("/api/v1/{name}?{}", query.join("&"))
}

/// Of every command that asks, and of the options that change its answer.
#[test]
fn a_route_answers_what_its_command_prints() {
    let home = with_flows();
    let serving = home.serves(&[]);
    for (name, parameters, arguments) in [
        ("flows", &[("where", "any")][..], &["query", "--where", "any"][..]),
        (
            "flows",
            &[
                ("address", "0.0.0.0/1"),
                ("direction", "any"),
                ("where", "proto udp or bytes > 100"),
            ],
            &["query", "0.0.0.0/1", "--direction", "any", "--where", "proto udp or bytes > 100"],
        ),
        ("flows", &[("where", "tcp"), ("bidir", "yes")], &["query", "--where", "tcp", "--bidir"]),
        ("flows", &[("where", "tcp"), ("count", "yes")], &["query", "--where", "tcp", "--count"]),
        (
            "top",
            &[("key", "srcip,proto"), ("by", "flows")],
            &["top", "srcip,proto", "--by", "flows"],
        ),
        ("top", &[("key", "port"), ("count", "0")], &["top", "port", "-n", "0"]),
        (
            "diff",
            &[("key", "src"), ("window", "2007-07-26"), ("against", "day"), ("by", "flows")],
            &["diff", "src", "--window", "2007-07-26", "--against", "day", "--by", "flows"],
        ),
        ("active-flow", &[("print", "4")], &["active-flow", "-print", "4"]),
        (
            "active-flow",
            &[("by", "packets"), ("directed", "yes")],
            &["active-flow", "--by", "packets", "--directed"],
        ),
        (
            "timeline",
            &[("bin", "1h"), ("by", "packets")],
            &["timeline", "--bin", "1h", "--by", "packets"],
        ),
        (
            "timeline",
            &[("key", "proto"), ("count", "2"), ("bin", "6h"), ("tz", "+02:00")],
            &["timeline", "--key", "proto", "-n", "2", "--bin", "6h", "--tz", "+02:00"],
        ),
        ("stats", &[("where", "port 53")], &["stats", "--where", "port 53"]),
    ] {
        for output in ["json", "ndjson", "csv"] {
            let is_stats = name == "stats";
            if is_stats && output != "json" {
                continue;
            }
            let told = (!is_stats).then_some(("output", output));
            let parameters = [parameters, told.as_slice()].concat();
            let answer = serving.get(&route(name, &parameters), &[]);
            assert_eq!(answer.status, 200, "{answer:?}");
            let printed = home.run(&[arguments, &["-o", output]].concat()).succeeds().stdout;
            let is_page = name == "flows" && output == "json" && !arguments.contains(&"--bidir");
            if is_page && !arguments.contains(&"--count") {
                let flows: Value = serde_json::from_str(&printed).unwrap();
                assert_eq!(answer.json()["flows"], flows, "{parameters:?}");
            } else {
                assert_eq!(answer.body, printed, "{parameters:?}");
            }
        }
    }
}

#[test]
fn pages_of_flows_are_the_whole_answer_and_new_flows_disturb_none_that_were_read() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let whole = serving.get(&route("flows", &[("where", "any"), ("limit", "100000")]), &[]).json();
    assert_eq!(whole["next"], Value::Null);
    let whole = whole["flows"].as_array().unwrap().clone();
    assert!(whole.len() > 20, "{}", whole.len());
    for size in ["7", "20"] {
        let (mut flows, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut parameters = vec![("where", "any"), ("limit", size)];
            parameters.extend(after.as_deref().map(|after| ("after", after)));
            let page = serving.get(&route("flows", &parameters), &[]).json();
            flows.extend(page["flows"].as_array().unwrap().iter().cloned());
            match &page["next"] {
                Value::String(next) => after = Some(next.clone()),
                _ => break,
            }
        }
        assert_eq!(flows, whole, "by {size}");
    }
}

/// What Grafana's Infinity data source reads: flat arrays, times as it sends them.
#[test]
fn grafana_reads_series_as_flat_points_and_sends_times_as_milliseconds() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let all = serving.get(&route("timeline", &[("output", "series"), ("points", "5")]), &[]).json();
    let points = all.as_array().unwrap();
    assert!(!points.is_empty() && points.len() <= 5, "{points:?}");
    for point in points {
        assert_eq!(point["series"], "all");
        assert!(point["value"].is_u64() && point["time"].as_str().unwrap().ends_with('Z'));
    }
    let stats = serving.get(&route("stats", &[]), &[]).json();
    let total: u64 = points.iter().map(|point| point["value"].as_u64().unwrap()).sum();
    assert_eq!(json!(total), stats["octets"]);
    let none = [("output", "series"), ("from", "1000000000000"), ("to", "1000000001000")];
    assert_eq!(serving.get(&route("timeline", &none), &[]).json(), json!([]));
    let twice = [("from", "1000000000000"), ("since", "-1h")];
    serving.get(&route("stats", &twice), &[]).refuses(400, "since is given more than once");
}

#[test]
fn what_means_nothing_is_refused_with_the_place_of_the_fault() {
    let home = with_flows();
    let serving = home.serves(&["--max-rows", "1000"]);
    for name in ["flows", "active-flow", "top", "timeline", "stats", "validate"] {
        let parameters = [("where", "src net 10/8 and prot 443"), ("key", "srcip")];
        let parameters = &parameters[..if name == "top" { 2 } else { 1 }];
        let answer = serving.get(&route(name, parameters), &[]);
        answer.refuses(400, "column 18: unknown word \"prot\"");
        let fault = &answer.json()["errors"][0];
        assert_eq!(fault["parameter"], "where");
        assert_eq!((&fault["column"], &fault["length"]), (&json!(18), &json!(4)));
        assert_eq!(fault["nearest"], "port");
        assert!(fault["expected"].as_str().unwrap().contains("proto tcp"), "{fault}");
    }
    for (name, parameters, says) in [
        ("flows", &[][..], "whose flows?"),
        ("flows", &[("adress", "10.0.0.1")], "did you mean address?"),
        ("flows", &[("address", "10.0.0")], "is no address"),
        ("flows", &[("where", "any"), ("limit", "1001")], "at most 1000 rows"),
        ("flows", &[("where", "any"), ("after", "x")], "no place in an answer"),
        ("flows", &[("where", "ip in @/etc/passwd")], "no such watch list here"),
        ("flows", &[("where", "ip in @../accounts.json")], "no such watch list here"),
        ("flows", &[("where", "any"), ("tz", "Mars/Olympus")], "no time zone"),
        ("top", &[("key", "colour")], "colour"),
        ("timeline", &[("points", "0")], "more than 0"),
        ("timeline", &[("bin", "1ms")], "bins"),
        ("stats", &[("since", "soon")], "\"soon\" is no time"),
        ("stats", &[("store", "/elsewhere")], "there is no parameter \"store\""),
    ] {
        serving.get(&route(name, parameters), &[]).refuses(400, says);
    }
}

#[test]
fn an_answer_that_is_known_is_not_sent_again_until_something_is_loaded() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let path = route("top", &[("key", "srcip")]);
    let first = serving.get(&path, &[]);
    let known = format!("If-None-Match: {}", first.field("etag").unwrap());
    let again = serving.get(&path, &[&known]);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(serving.get(&route("top", &[("key", "dstip")]), &[&known]).status, 200);
    let more = home.path("more.pcap");
    let more = more.to_str().unwrap();
    home.run(&["generate", "--flows", "50", "--seed", "99", more]).succeeds();
    home.run(&["load", more]).succeeds();
    let new = serving.get(&path, &[&known]);
    assert_eq!(new.status, 200);
    assert_ne!(new.field("etag"), first.field("etag"));
    // Names are written beside flows, and answers tell of them.
    let known = format!("If-None-Match: {}", new.field("etag").unwrap());
    assert_eq!(serving.get(&path, &[&known]).status, 304);
    let names = home.path("data/earlgrey-hbase/store/names.json");
    let text = fs::read(&names).unwrap_or_default();
    fs::write(home.path("names"), text).unwrap();
    fs::rename(home.path("names"), names).unwrap();
    assert_eq!(serving.get(&path, &[&known]).status, 200);
}

#[test]
fn what_has_no_value_says_nothing() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let with = serving.get(&route("top", &[("key", "srcip"), ("where", ""), ("since", "")]), &[]);
    let without = serving.get(&route("top", &[("key", "srcip")]), &[]);
    assert_eq!((with.status, with.json()), (200, without.json()));
}

#[test]
fn a_filter_that_is_typed_is_completed() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let words = |text: &str| -> Vec<String> {
        let answer = serving.get(&route("complete", &[("where", text)]), &[]).json();
        let words = answer["words"].as_array().unwrap().iter();
        words.map(|word| word["text"].as_str().unwrap().to_owned()).collect()
    };
    assert!(words("tcp and dst po").contains(&"port".to_owned()));
    assert!(words("port 443 a").contains(&"and".to_owned()));
    let valid = serving.get(&route("validate", &[("where", "dst port 443 && tcp")]), &[]).json();
    assert_eq!(valid["filter"], "dst port = 443 and proto = tcp");
}

/// The document that clients are made from; `EARLGREY_WRITE=1` writes it anew.
#[test]
fn the_description_is_the_one_that_is_kept() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let served = serving.get("/api/v1/openapi.json", &[]).json();
    let text = serde_json::to_string_pretty(&served).unwrap() + "\n";
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/openapi.json");
    if std::env::var_os("EARLGREY_WRITE").is_some() {
        fs::write(&kept, &text).unwrap();
    }
    assert!(fs::read_to_string(&kept).unwrap() == text, "write it anew with EARLGREY_WRITE=1");
}

/// The dashboard in the documentation asks what is answered, and shows fields that there are.
#[test]
fn every_panel_of_the_dashboard_is_answered_with_the_columns_that_it_shows() {
    let home = with_flows();
    let serving = home.serves(&[]);
    let text = include_str!("../../../docs/grafana.json");
    let dashboard: Value = serde_json::from_str(text).unwrap();
    let mut panels = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        let target = &panel["targets"][0];
        let mut url = target["url"].as_str().unwrap().to_owned();
        for (variable, value) in [
            ("${server}", ""),
            ("${__from}", "1185408000000"),
            ("${__to}", "1185494400000"),
            ("${filter:percentencode}", "proto%20tcp%20or%20udp"),
            ("${key}", "proto"),
            ("${number}", "5"),
        ] {
            url = url.replace(variable, value);
        }
        let answer = serving.get(&url, &[]);
        assert_eq!(answer.status, 200, "{url}: {answer:?}");
        let mut rows = answer.json();
        if let Some(root @ ("top" | "pairs")) = target["root_selector"].as_str() {
            rows = rows[root].take();
        }
        let row = &rows.as_array().unwrap_or_else(|| panic!("{url}: {rows}"))[0];
        for column in target["columns"].as_array().unwrap() {
            let value = &row[column["selector"].as_str().unwrap()];
            let fits = match column["type"].as_str().unwrap() {
                "number" => value.is_number(),
                _ => value.is_string(),
            };
            assert!(fits, "{url}: {column} in {row}");
        }
        panels += 1;
    }
    assert_eq!(panels, 5);
}

/// Schemathesis asks whatever the description allows, and what it does not. That a text means
/// something, such as a filter, a description cannot say, so to refuse one is right.
#[test]
fn the_description_holds_whatever_is_asked() {
    let Some(schemathesis) = crate::needs::schemathesis() else { return };
    let home = with_flows();
    let serving = home.serves(&[]);
    let server = format!("http://{}", serving.at());
    let document = format!("{server}/api/v1/openapi.json");
    schemathesis(&[
        "run",
        &document,
        "--url",
        &server,
        "--checks",
        "all",
        "--exclude-checks",
        "positive_data_acceptance",
        "--max-examples",
        "10",
        "--seed",
        "1",
        "--no-color",
    ]);
}

/// Who held a public address is found among all of its events, more than a page has.
#[test]
fn who_held_an_address_is_found_among_more_events_than_a_page_has() {
    let home = Home::new();
    let capture = home.path("nat.pcap");
    let capture = capture.to_str().unwrap();
    home.run(&["generate", "--format", "nat", "--flows", "20000", capture]).succeeds();
    home.run(&["load", capture]).succeeds();
    let (addresses, at) = ("198.18.0.0/15", "2007-07-26T12:00:00Z");
    let serving = home.serves(&[]);
    let answer = serving.get(&route("flows", &[("nat", addresses), ("at", at)]), &[]).json();
    let printed = home.run(&["query", "--nat", addresses, "--at", at, "-o", "json"]).succeeds();
    assert_eq!(answer["flows"], printed.json());
    assert!(
        !answer["flows"].as_array().unwrap().is_empty() && answer["next"].is_null(),
        "{answer}"
    );
}
