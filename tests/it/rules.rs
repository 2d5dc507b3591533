//! `rules`: against windows that Python sums up from the flows.

use serde_json::Value;

use crate::cli::Home;
use crate::needs::duckdb;

/// Sums up the flows of an NDJSON file by source and minute, and prints what is too much for each of
/// three rules: octets above a limit, spread over the time of each flow; peers above a limit; flows
/// above 250 percent of the mean of the half hour before.
const SUM_UP: &str = r#"
import sys, json, collections
from datetime import datetime
WINDOW = 60_000
since, until, octets_limit, peers_limit, floor = map(int, sys.argv[2:])
ms = lambda text: round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
octets, peers = collections.Counter(), collections.defaultdict(set)
flows, anything = collections.Counter(), set()
half_up = lambda value, part, whole: (2 * value * part + whole) // (2 * whole)
for line in open(sys.argv[1]):
    flow = json.loads(line)
    src, first = flow["srcAddress"], ms(flow["time"])
    end = first + flow["duration"]
    window = first // WINDOW
    flows[src, window] += 1
    peers[src, window].add(flow["dstAddress"])
    anything.add(window)
    given, value = 0, flow["bytes"]
    for bin in range(window, max(end - 1, first) // WINDOW + 1):
        # What came before the end of the bin.
        till = min((bin + 1) * WINDOW, end)
        so_far = value if end <= (bin + 1) * WINDOW else half_up(value, till - first, end - first)
        octets[src, bin] += so_far - given
        given = so_far
judged = range(since // WINDOW, until // WINDOW)
for (src, window), value in octets.items():
    if window in judged and value > octets_limit:
        print("octets", src, window * WINDOW, value)
for (src, window), met in peers.items():
    if window in judged and len(met) > peers_limit:
        print("peers", src, window * WINDOW, len(met))
begin = min(anything)
for (src, window), value in flows.items():
    before = range(max(window - 30, begin), window)
    if window not in judged or value < floor or len(before) < 10:
        continue
    if value * 100 * len(before) > 250 * sum(flows[src, at] for at in before):
        print("flows", src, window * WINDOW, value)
"#;

const RULES: &str = r#"
[rules.octets]
by = "src"
window = "1m"
above = "200kB"
cool_down = 0

[rules.peers]
by = "src"
measure = "peers"
window = "1m"
above = 3
cool_down = 0

[rules.flows]
by = "src"
measure = "flows"
window = "1m"
above = "250%"
over = "30m"
floor = 5
cool_down = 0
severity = "high"
"#;

/// What is printed, as the script has it.
fn told(rule: &str, line: &str) -> String {
    let row: Value = serde_json::from_str(line).unwrap();
    crate::schema::check("firing", &row);
    let from = row["from"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let src = row["key"]["srcAddress"].as_str().unwrap();
    format!("{rule} {src} {} {}", from.as_millisecond(), row["value"])
}

#[test]
fn windows_are_those_that_python_sums_up() {
    let Some(python) = duckdb() else { return };
    let home = Home::new();
    home.run(&["generate", "day.pcap", "--flows", "30000", "--hours", "2"]).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    std::fs::write(home.path("rules.toml"), RULES).unwrap();
    let flows = home.run(&["query", "--where", "any", "-o", "ndjson"]).succeeds();
    let first: Value = serde_json::from_str(flows.lines()[0]).unwrap();
    let first = first["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let file = home.path("flows.ndjson");
    std::fs::write(&file, flows.lines().join("\n")).unwrap();
    // From 50 to 90 minutes after the hour in which it began.
    let hour = first.as_millisecond() / 3_600_000 * 3_600_000;
    let (since, until) = (hour + 50 * 60_000, hour + 90 * 60_000);
    let numbers = [since, until, 200_000, 3, 5].map(|number| number.to_string());
    let mut arguments = vec![file.to_str().unwrap()];
    arguments.extend(numbers.iter().map(String::as_str));
    let summed = python(SUM_UP, &arguments);
    let at = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
    for rule in ["octets", "peers", "flows"] {
        let mut expected: Vec<&str> =
            summed.lines().filter(|line| line.starts_with(rule)).collect();
        let window = ["--since", &at(since), "--until", &at(until)];
        let asked = ["rules", "test", rule, "-o", "ndjson", "--config", "rules.toml"];
        let run = home.run(&[&asked[..], &window].concat()).succeeds();
        assert!(!run.stderr.contains("more than"), "{}", run.stderr);
        let mut found: Vec<String> = run.lines().iter().map(|line| told(rule, line)).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert!(!expected.is_empty(), "{rule}: nothing is told, so nothing is shown");
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn rules_are_listed_in_words_and_tried() {
    let home = Home::with_store();
    std::fs::write(home.path("rules.toml"), RULES).unwrap();
    let run = home.run(&["rules", "list", "--config", "rules.toml"]).succeeds();
    assert!(run.stdout.contains("octets by src in 1 min, more than 200,000"), "{}", run.stdout);
    assert!(
        run.stdout.contains("flows by src in 1 min, more than 250 % of the mean of 30 min"),
        "{}",
        run.stdout
    );
    let run = home.run(&["rules", "list", "--config", "rules.toml", "-o", "json"]).succeeds();
    let listed: Value = serde_json::from_str(&run.stdout).unwrap();
    crate::schema::check("rules", &listed);
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let asked = ["rules", "test", "peers", "--config", "rules.toml"];
    let run = home.run(&[&asked[..], &["--since", "2007-01-01", "-o", "json"]].concat()).succeeds();
    assert_eq!(run.stdout, "[]\n");
    assert!(run.stderr.contains("peers would have told 0 times"), "{}", run.stderr);
    home.run(&["rules", "test", "none", "--config", "rules.toml"])
        .ends(2, "there is no rule \"none\" in the configuration; ");
}

#[test]
fn a_rule_that_cannot_be_meant_is_refused_with_its_place() {
    let home = Home::with_store();
    for (text, place) in [
        ("[rules]\nupload = 1", "2: rules.upload: wants a table"),
        ("[rules.up]\nabove = 1\nlimit = 2", "3: rules.up.limit: there is no parameter \"limit\""),
        ("[rules.up]\nby = \"src\"", "1: rules.up.above: above must be given"),
        ("[rules.up]\nabove = \"much\"", "2: rules.up.above: \"much\" is no limit"),
        ("[rules.up]\nabove = \"300%\"", "1: rules.up.floor: what is unusual may be little"),
        ("[rules.up]\nabove = 1\nby = \"scr\"", "3: rules.up.by: "),
        ("[rules.up]\nabove = 1\nwhere = \"port\"", "3: rules.up.where: "),
        ("[rules.up]\nabove = 1\nmeasure = \"bits\"", "3: rules.up.measure: \"bits\" is none of"),
        (
            "[rules.up]\nabove = \"z6\"\nfloor = 1\nwindow = \"1s\"\nover = \"24h\"",
            "4: rules.up.window: there are 86400 windows of it",
        ),
        (
            "[rules.up]\nabove = 1\ncool_down = \"1h\"\ncool-down = \"2h\"",
            "3: rules.up.cool_down is said twice",
        ),
        ("[rules.\"a b\"]\nabove = 1", "1: rules.\"a b\": a name has letters"),
    ] {
        std::fs::write(home.path("rules.toml"), text).unwrap();
        home.run(&["rules", "list", "--config", "rules.toml"])
            .ends(2, &format!("rules.toml:{place}"));
    }
}
