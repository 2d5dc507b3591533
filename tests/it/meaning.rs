//! What addresses mean: sums and filters against what Python makes of the same flows, tables and
//! databases.

mod named;

use std::fs;
use std::path::Path;
use std::process::Command;

use earlgrey_hbase::generate::{self, Format, Traffic};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::interop::earlgrey;
use super::needs::meant;

/// Nested prefixes, one that is parted by time, and one of IPv6.
const NETWORKS: &str = "\
prefix,name,role,site,tenant,from,until
122.166.0.0/16,campus,internal,Basel,,,
# Moved in the middle of the day.
122.166.64.0/18,lab,,,research,,2007-07-26T12:00:00
122.166.64.0/18,\"office, new\",,Bern,,2007-07-26T12:00:00,
122.166.80.0/20,,guest,,,2007-07-26T06:00:00,2007-07-26T18:00:00
122.166.80.7/32,printer,,,,,
2001:db8::/32,six,internal,Chur,,,
";

/// A script, with its arguments.
type Script = Box<dyn Fn(&[&str]) -> String>;

struct Flows {
    folder: TempDir,
    python: Script,
}

impl Flows {
    /// Generated flows of a day, with databases of several vendors' shapes.
    fn new() -> Option<Self> {
        let python = meant()?;
        let script = include_str!("meaning/of_python.py");
        let python = Box::new(move |arguments: &[&str]| python(script, arguments));
        let folder = tempfile::tempdir().unwrap();
        let flows = Self { folder, python };
        let traffic = Traffic { flows: 20_000, format: Format::Ipfix, ..Traffic::default() };
        let capture = flows.path("day.pcap");
        generate::write(&traffic, &mut fs::File::create(&capture).unwrap()).unwrap();
        earlgrey(&["load", &capture, "--store", &flows.path("store")]);
        fs::write(flows.path("networks.csv"), NETWORKS).unwrap();
        (flows.python)(&["make", &flows.path("")]);
        let all = flows.ask(&["query", "--where", "any", "-o", "ndjson"]);
        fs::write(flows.path("flows.ndjson"), all).unwrap();
        Some(flows)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
        command.args(arguments).args(["--store", &self.path("store")]);
        command.args(["--networks", &self.path("networks.csv")]);
        for database in ["maxmind.mmdb", "ipinfo.mmdb", "asn.mmdb"] {
            command.args(["--database", &self.path(database)]);
        }
        command
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What Python makes of the flows: octets, packets and flows of each label.
    fn expected(&self, attribute: &str, ends: &str) -> Value {
        self.sums_of("flows.ndjson", attribute, ends)
    }

    /// Likewise of the flows in a file.
    fn sums_of(&self, file: &str, attribute: &str, ends: &str) -> Value {
        let arguments = [&self.path(""), attribute, &self.path(file), ends];
        let found = (self.python)(&[&["sums"], &arguments[..]].concat());
        serde_json::from_str(&found).unwrap()
    }

    /// What `top` makes of them.
    fn sums(&self, key: &str) -> Value {
        let top = self.ask(&["top", key, "-n", "0", "-o", "json", "--scaled=no"]);
        let top: Value = serde_json::from_str(&top).unwrap();
        let name = top["key"][0].as_str().unwrap();
        let entry = |entry: &Value| {
            let label = entry[name].as_str().unwrap().to_owned();
            (label, json!([entry["octets"], entry["packets"], entry["flows"]]))
        };
        top["top"].as_array().unwrap().iter().map(entry).collect()
    }
}

#[test]
fn sums_of_what_addresses_mean_are_those_of_python() {
    let Some(flows) = Flows::new() else { return };
    for (key, attribute, ends) in [
        ("srccountry", "country", "src"),
        ("dst-country", "country", "dst"),
        ("country", "country", "src,dst"),
        ("srcgeo", "country", "src"),
        ("srccity", "city", "src"),
        ("src as name", "asname", "src"),
        ("srcnetwork", "name", "src"),
        ("network", "name", "src,dst"),
        ("dstrole", "role", "dst"),
        ("srcsite", "site", "src"),
        ("tenant", "tenant", "src,dst"),
    ] {
        let sums = flows.sums(key);
        assert_eq!(sums, flows.expected(attribute, ends), "{key}");
        assert!(sums.as_object().unwrap().len() > 1, "{key}: {sums}");
    }
}

#[test]
fn what_changed_of_what_addresses_mean_is_what_python_finds_in_both_windows() {
    let Some(flows) = Flows::new() else { return };
    // A network has another name in the middle of each.
    let windows = [("09:00:00", "15:00:00"), ("03:00:00", "09:00:00")];
    let spans = windows.map(|(since, until)| [since, until].map(|at| format!("2007-07-26T{at}")));
    let [window, against] = spans.each_ref().map(|span| span.join(".."));
    for (key, attribute, ends) in [("country", "country", "src,dst"), ("srcnetwork", "name", "src")]
    {
        let asked =
            ["diff", key, "-n", "0", "-o", "json", "--window", &window, "--against", &against];
        let diff: Value = serde_json::from_str(&flows.ask(&asked)).unwrap();
        let name = diff["key"][0].as_str().unwrap();
        let entries = diff["diff"].as_array().unwrap();
        for ([since, until], of) in spans.iter().zip(["", "Before"]) {
            let question = ["query", "--where", "any", "-o", "ndjson"];
            let found = [&question[..], &["--since", since, "--until", until]].concat();
            fs::write(flows.path("window.ndjson"), flows.ask(&found)).unwrap();
            let sums = entries.iter().filter(|entry| entry[format!("flows{of}")] != 0);
            let sums: Value = sums
                .map(|entry| {
                    let counters = ["octets", "packets", "flows"]
                        .map(|counter| entry[format!("{counter}{of}")].clone());
                    (entry[name].as_str().unwrap().to_owned(), json!(counters))
                })
                .collect();
            let expected = flows.sums_of("window.ndjson", attribute, ends);
            assert_eq!(sums, expected, "{key} {since}");
            assert!(sums.as_object().unwrap().len() > 1, "{key}: {sums}");
        }
    }
}

#[test]
fn filters_by_what_addresses_mean_find_the_flows_that_python_finds() {
    let Some(flows) = Flows::new() else { return };
    let count = |filter: &str| {
        let found = flows.ask(&["query", "--where", filter, "--count"]);
        found.trim().parse::<u64>().unwrap()
    };
    for (filter, attribute, ends, labels) in [
        ("src country CH", "country", "src", vec!["CH"]),
        ("src country = in", "country", "src", vec!["IN"]),
        ("src geo IN", "country", "src", vec!["IN"]),
        ("dst country in [CH, FR]", "country", "dst", vec!["CH", "FR"]),
        ("src as name \"un, deux\"", "asname", "src", vec!["Un, Deux"]),
        ("src network lab", "name", "src", vec!["lab"]),
        ("src network \"Office, New\"", "name", "src", vec!["office, new"]),
        ("dst role in [guest internal]", "role", "dst", vec!["guest", "internal"]),
        ("src site Bern", "site", "src", vec!["Bern"]),
        ("src tenant research", "tenant", "src", vec!["research"]),
    ] {
        let expected = flows.expected(attribute, ends);
        let expected: u64 = labels.iter().filter_map(|label| expected[label][2].as_u64()).sum();
        assert!(expected > 0, "{filter}");
        assert_eq!(count(filter), expected, "{filter}");
        let negated = format!("not {filter}");
        assert_eq!(count(&negated), 20_000 - expected, "{negated}");
        // What a store makes of it as a filter is the same.
        let filtered = flows.ask(&["query", "--where", filter, "--count", "--filter"]);
        assert_eq!(filtered.trim().parse::<u64>().unwrap(), expected, "{filter}");
    }
    // A country's addresses are ranges of keys.
    let explained =
        flows.command(&["query", "--where", "src country CH", "--count", "--explain"]).output();
    let told = String::from_utf8(explained.unwrap().stderr).unwrap();
    assert!(told.contains("src ip in [") && told.contains("range"), "{told}");
}

#[test]
fn flows_in_json_say_what_their_ends_mean() {
    let Some(flows) = Flows::new() else { return };
    for (attribute, name) in [("country", "Country"), ("asname", "AsName"), ("name", "Network")] {
        for end in ["src", "dst"] {
            let member = format!("{end}{name}");
            let mut found = serde_json::Map::new();
            for line in flows.ask(&["query", "--where", "any", "-o", "ndjson"]).lines() {
                let flow: Value = serde_json::from_str(line).unwrap();
                let label = flow.get(&member).map_or("", |label| label.as_str().unwrap());
                let of = found.entry(label).or_insert(json!(0));
                *of = json!(of.as_u64().unwrap() + 1);
            }
            let expected = flows.expected(attribute, end);
            let expected = expected.as_object().unwrap().iter();
            let expected: Value =
                expected.map(|(label, sums)| (label.clone(), sums[2].clone())).collect();
            assert_eq!(Value::Object(found), expected, "{member}");
        }
    }
    let key = flows.path("key");
    fs::write(&key, [7; 32]).unwrap();
    let hidden =
        flows.ask(&["query", "--where", "src country CH", "-o", "ndjson", "--anonymise", &key]);
    assert!(!hidden.is_empty() && !hidden.contains("Country"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("networks.csv");
    let run = |networks: &str, arguments: &[&str]| {
        fs::write(&table, networks).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"))
            .args(arguments)
            .args(["--store".as_ref(), folder.path().join("store").as_os_str()])
            .args(["--networks".as_ref(), table.as_os_str()])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (networks, told) in [
        ("prefix,name\n10.0.0.0/8,a\n10.0.0.1/8,b\n", ":3: column prefix: 10.0.0.1/8 has bits"),
        ("prefix,name\n10.0.0/8,a\n", ":2: column prefix: \"10.0.0/8\" is no prefix"),
        ("prefix,nam\n10.0.0.0/8,a\n", ":1: no column is called \"nam\""),
        ("name\na\n", ":1: there is no column prefix"),
        ("prefix,name\n10.0.0.0/8,a,b\n", ":2: 3 columns in place of 2"),
        ("prefix,from\n10.0.0.0/8,soon\n", ":2: column from: \"soon\" is no date"),
        ("prefix,from,until\n10.0.0.0/8,2026-02-01,2026-01-01\n", ":2: column until: "),
        (
            "prefix,until\n10.0.0.0/8,2026-02-01\n10.0.0.0/9,\n10.0.0.0/8,2027-01-01\n",
            ":4: column prefix: 10.0.0.0/8 is in line 2 for the same time",
        ),
    ] {
        let (status, stderr) = run(networks, &["top", "srcnetwork"]);
        assert_eq!(status, Some(2), "{stderr}");
        assert!(stderr.contains(told), "{networks}: {stderr}");
    }
    let good = "prefix,name\n10.0.0.0/8,office\n";
    for (arguments, told) in [
        (["query", "--where", "network ofice"], "did you mean \"office\"?"),
        (["query", "--where", "country CH"], "name a database with --database FILE"),
        (["top", "country", "--by=octets"], "name a database with --database FILE"),
        (["query", "--where", "nat network office"], "does not go with"),
        (["query", "--where", "network"], "no network stands here"),
    ] {
        let (status, stderr) = run(good, &arguments);
        assert_eq!(status, Some(2), "{stderr}");
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
    }
}

/// The database of the registries' own assignments, from npm, where that can be had.
#[test]
fn a_real_database_says_what_pythons_reader_says() {
    let Some(python) = meant() else { return };
    let Ok(file) = std::env::var("EARLGREY_COUNTRIES") else {
        return super::needs::missing("EARLGREY_COUNTRIES names no iptoasn-country.mmdb");
    };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    // A flow from each of many addresses of the whole space.
    let addresses = python(
        "import random; random.seed(3)\n\
         for _ in range(5000): print('.'.join(str(random.randrange(1, 224)) for _ in range(4)))",
        &[],
    );
    let flow = |address| format!("{address}|10.0.0.1|1|2|6|1|40|2026/02/12T00:00:00.000|0|");
    let lines = ["sIP|dIP|sPort|dPort|pro|packets|bytes|sTime|duration|".to_owned()];
    let flows: Vec<String> = lines.into_iter().chain(addresses.lines().map(flow)).collect();
    let text = folder.path().join("flows.txt");
    fs::write(&text, flows.join("\n") + "\n").unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    earlgrey(&["load", &path(&text), "--store", &path(&store)]);
    let store = path(&store);
    let all =
        ["top", "srccountry", "-n", "0", "-o", "json", "--store", &store, "--database", &file];
    let top: Value = serde_json::from_str(&earlgrey(&all)).unwrap();
    let ours: Value = top["top"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["srcCountry"].as_str().unwrap().to_owned(), entry["flows"].clone()))
        .collect();
    let theirs = python(
        "import collections, json, maxminddb, sys\n\
         database = maxminddb.open_database(sys.argv[1])\n\
         said = lambda line: (database.get(line.strip()) or {}).get('country_code', '')\n\
         lines = {line for line in sys.argv[2].splitlines()}\n\
         print(json.dumps(collections.Counter(said(line) for line in sys.argv[2].splitlines())))",
        &[&file, &addresses],
    );
    assert_eq!(ours, serde_json::from_str::<Value>(&theirs).unwrap());
    assert!(ours.as_object().unwrap().len() > 50, "{ours}");
}
