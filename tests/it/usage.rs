//! What is billed, against what Python works out of the flows that `query` prints.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::cli::Home;
use super::needs::duckdb;

/// Two customers.
const NETWORKS: &[u8] = b"\
prefix,name,tenant
122.166.0.0/17,one,alpha
122.166.128.0/17,two,beta
";

/// A home whose store holds five weeks around October 2007, and the flows of these in a file.
fn home() -> (Home, String) {
    let home = Home::new();
    let made =
        ["generate", "a.pcap", "--flows", "12000", "--hours", "860", "--start", "2007-09-29"];
    home.run(&made).succeeds();
    home.run(&["load", "a.pcap"]).succeeds();
    let flows = home.run(&["query", "--where", "any", "-o", "ndjson"]).succeeds();
    let file = home.file("flows.ndjson", flows.stdout.as_bytes());
    home.file("networks.csv", NETWORKS);
    (home, file)
}

/// The rows of an answer by their keys, with moments as milliseconds.
fn rows(answer: &Value) -> BTreeMap<String, Value> {
    let names: Vec<&str> =
        answer["key"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let row = |row: &Value| {
        let mut row = row.as_object().unwrap().clone();
        row.remove("interfaceName");
        let key: Vec<Value> = names.iter().map(|name| row.remove(*name).unwrap()).collect();
        let is_key = !key.iter().all(Value::is_null);
        let key = key.iter().map(text).collect::<Vec<_>>().join(",");
        for (name, value) in &mut row {
            if let Some(time) = value.as_str().filter(|_| name.ends_with("Time")) {
                *value = time.parse::<Timestamp>().unwrap().as_millisecond().into();
            }
        }
        let others = if names.is_empty() { "all" } else { "others" };
        (if is_key { key } else { others.to_owned() }, row.into())
    };
    answer["usage"].as_array().unwrap().iter().map(row).collect()
}

/// The keys that have rows of their own, for Python.
fn kept(answer: &Value) -> String {
    serde_json::to_string(&rows(answer).into_keys().collect::<Vec<_>>()).unwrap()
}

/// Sees that both have the same rows with the same figures.
#[track_caller]
fn compare(ours: &Value, theirs: &str, case: &str) {
    let theirs: Value = serde_json::from_str(theirs).unwrap();
    assert_eq!(ours["bins"], theirs["bins"], "{case}");
    let ours = rows(ours);
    let theirs = theirs["rows"].as_object().unwrap();
    let keys: Vec<&String> = ours.keys().collect();
    assert_eq!(keys.len(), theirs.len(), "{case}: {keys:?} {:?}", theirs.keys());
    for (key, row) in &ours {
        assert_eq!(*row, theirs[key], "{case}: {key}");
    }
}

const SCRIPT: &str = include_str!("usage/of_python.py");

#[test]
fn a_month_by_the_clock_of_the_zone_is_that_of_python() {
    let Some(python) = duckdb() else { return };
    let (home, file) = home();
    for (by, count, billing, percentile) in [
        ("if", "0", "max", "95"),
        ("as", "30", "sum", "95"),
        ("exporter", "0", "max", "90"),
        ("src/24", "10", "max", "99"),
        ("dst/16", "20", "sum", "50"),
        ("ip/16", "20", "max", "100"),
        ("tenant", "0", "max", "95"),
    ] {
        // Clocks went back on the 28th.
        let month = ["report", "--month", "2007-10", "--tz", "Europe/Zurich", "--by", by];
        let rule = ["--billing", billing, "--percentile", percentile, "-n", count, "-o", "json"];
        let networks = ["--networks", "networks.csv"];
        let report = home.run(&[&month[..], &rule, &networks].concat()).succeeds().json();
        assert_eq!(report["bins"], 31 * 288 + 12);
        let kept = kept(&report);
        let theirs = [&file, by, "2007-10-01", "2007-11-01", "Europe/Zurich", "300", percentile];
        let theirs = python(SCRIPT, &[&theirs[..], &[billing, &kept]].concat());
        compare(&report, &theirs, by);
    }
}

#[test]
fn months_are_as_long_as_the_calendar_and_the_clocks_have_them() {
    let home = Home::with_store();
    for (month, zone, hours) in [
        ("2007-02", "Europe/Zurich", 28 * 24),
        ("2008-02", "Europe/Zurich", 29 * 24),
        ("2007-03", "Europe/Zurich", 31 * 24 - 1),
        ("2007-10", "Europe/Zurich", 31 * 24 + 1),
        ("2007-10", "UTC", 31 * 24),
        ("2007-09", "Europe/Zurich", 30 * 24),
    ] {
        let report = ["report", "--by", "if", "-o", "json", "--month", month, "--tz", zone];
        assert_eq!(home.run(&report).succeeds().json()["bins"], hours * 12, "{month} {zone}");
    }
}

#[test]
fn the_keys_of_most_octets_have_a_line_and_all_others_one() {
    let Some(python) = duckdb() else { return };
    let (home, file) = home();
    let window = ["--since", "2007-10-03T08:00", "--until", "2007-10-05T09:31"];
    for (arguments, by, bin) in [
        (&["--key", "as", "-n", "3"][..], "as", "300"),
        (&["--key", "ip/16", "-n", "2", "--bin", "1h"], "ip/16", "3600"),
        (&["--key", "exporter,if", "-n", "4", "--bin", "7m"], "if", "420"),
        // Of a block, what it sent and received.
        (&["122.166.0.0/16"], "block", "300"),
    ] {
        let asked = ["timeline", "--percentile", "95", "-o", "json"];
        let usage = home.run(&[&asked[..], &window, arguments].concat()).succeeds().json();
        let kept = kept(&usage);
        let theirs = ["2007-10-03T08:00", "2007-10-05T09:31", "UTC", bin, "95", "max", &kept];
        let theirs = python(SCRIPT, &[&[&*file, by][..], &theirs].concat());
        compare(&usage, &theirs, by);
        let others = usage["usage"].as_array().unwrap().last().unwrap();
        let name = usage["key"][0].as_str();
        assert!(name.is_none_or(|name| others[name].is_null()), "{by}: {others}");
    }
}

#[test]
fn keys_that_do_not_fit_into_memory_take_turns() {
    let (home, _) = home();
    let report = ["report", "--month", "2007-10", "--by", "if", "-n", "60", "-o", "json"];
    let whole = home.run(&report).succeeds();
    // A bin of a key takes 16 bytes for both ways, of which there are 8,928; as many again take 96 beside.
    // There is room for seven keys at once, and for all others.
    let turns = home.run(&[&report[..], &["--memory", "2MB"]].concat()).succeeds();
    assert_eq!(turns.stdout, whole.stdout);
    home.run(&[&report[..], &["--memory", "1MB"]].concat())
        .ends(2, "8,928 bins take 1.1 MB of memory, and 1.0 MB are the most");
    assert_eq!(whole.json()["usage"].as_array().unwrap().len(), 61);
}

#[test]
fn every_format_tells_the_same_bill() {
    let home = Home::with_store();
    let window = ["--since", "2007-08-02T07:40", "--until", "2007-08-02T08:00"];
    let usage = |arguments: &[&str]| {
        let asked = ["timeline", "--percentile", "75", "--key", "dst"];
        home.run(&[&asked[..], &window, arguments].concat()).succeeds()
    };
    // 5,000 octets to 10.0.0.3 in the first of four bins: 133 bit/s over five minutes.
    let csv = usage(&["-o", "csv"]);
    assert_eq!(
        csv.lines()[0],
        "dstAddress,octetsIn,octetsOut,octets,meanIn,meanOut,mean,percentileIn,percentileOut,\
         percentile,peakIn,peakInTime,peakOut,peakOutTime,peak,peakTime,billed"
    );
    assert!(csv.lines()[1].starts_with("10.0.0.3,5"), "{}", csv.stdout);
    let of_csv: Vec<&str> = csv.lines()[1].split(',').collect();
    assert_eq!((of_csv[2], of_csv[8], of_csv[16]), ("", "", "0"));
    let all = usage(&["-o", "json"]).json();
    let first = &all["usage"][0];
    assert_eq!((&first["octetsOut"], &first["billed"]), (&Value::Null, &0.into()));
    assert_eq!(first["peakIn"].to_string(), of_csv[10]);
    let line = usage(&["-o", "ndjson"]);
    assert_eq!(serde_json::from_str::<Value>(line.lines()[0]).unwrap(), *first);
    let table = usage(&[]).stdout;
    assert!(table.contains("of 4 bins of 5 min the highest 1 are thrown away"), "{table}");
    for (arguments, message) in [
        (&["timeline", "--percentile", "95"][..], "say when they begin"),
        (&["timeline", "--percentile", "0"], "from 1 to 100"),
        (&["timeline", "--billing", "sum"], "--percentile"),
        (&["timeline", "--percentile", "95", "--since", "-1d", "--plot", "a.svg"], "--plot draws"),
        (&["report", "--month", "2999-01", "--by", "if"], "no bin of that time is over yet"),
        (&["report", "--month", "soon", "--by", "if"], "is no stretch of time"),
        (&["report", "--month", "2007-08", "--by", "iff"], "did you mean"),
        (&["report", "--month", "2007-01-01..2008-01-01", "--by", "if", "--bin", "1s"], "--bin"),
    ] {
        home.run(arguments).ends(2, message);
    }
}

#[test]
fn a_report_is_a_page_that_stands_alone() {
    let home = Home::with_store();
    let page = home.path("page.html");
    let path = page.to_str().unwrap();
    let read = |arguments: &[&str]| {
        home.run(&[&["report", "--page", path], arguments].concat()).succeeds();
        std::fs::read_to_string(&page).unwrap()
    };
    let full = read(&["--month", "2007-08", "--by", "ip", "--where", "bytes > 0 and tcp"]);
    assert!(full.contains("<h1>Usage, August 2007</h1>"), "{full}");
    assert!(full.contains("tcp") && full.contains("&gt;= 1"), "{full}");
    // A line for each of five addresses.
    assert_eq!(full.matches("<svg").count(), 5);
    for outside in ["http-equiv", "src=", "href=", "<script", "url("] {
        assert!(!full.contains(outside), "{outside}");
    }
    let empty = read(&["--month", "2007-09", "--by", "ip"]);
    assert!(empty.contains("There are no flows.") && !empty.contains("<svg"), "{empty}");
}
