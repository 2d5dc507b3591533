//! The commands on a store in HBase: the same answers as on the embedded one, and the tables.

use std::process::{Command, Output};
use std::thread;

use earlgrey_hbase::store::hbase::{HbaseStore, Presence, Schema};

use crate::schema::check;

use super::{gateway, location, new_table, options};
use crate::needs;

fn earlgrey(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
    command.args(arguments).args(["--recovery-secs", "60"]).env_remove("EARLGREY_STORE");
    command.output().unwrap()
}

fn answer(arguments: &[&str]) -> String {
    let output = earlgrey(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The lines in the order of their text: flows of one pair and one moment have none of their own.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn capture(folder: &tempfile::TempDir, flows: &str) -> String {
    let file = folder.path().join("day.pcap").to_str().unwrap().to_owned();
    answer(&["generate", &file, "--flows", flows, "--hours", "30", "--seed", "4"]);
    file
}

#[test]
fn a_load_knows_how_exporters_sampled_in_the_one_before() {
    let (Some(gateway), Some(cases)) = (gateway(), needs::cases()) else { return };
    let store = format!("hbase://{gateway}/{}", new_table());
    for name in
        ["first-file-with-sampling-rate.pcap", "second-file-before-the-rate-comes-again.pcap"]
    {
        answer(&["load", cases.join(name).to_str().unwrap(), "--store", &store]);
    }
    let sampled = ["query", "--where", "sampling 1000", "--count", "--store", &store];
    assert_eq!(answer(&sampled), "2\n");
}

#[test]
fn what_records_tell_of_both_ways_is_the_same_as_on_the_embedded_store() {
    let (Some(gateway), Some(cases)) = (gateway(), needs::cases()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let embedded = folder.path().join("store").to_str().unwrap().to_owned();
    let hbase = format!("hbase://{gateway}/{}", new_table());
    for name in [
        "asa-create-updates-teardown.pcap",
        "asa-short-flow-teardown-only.pcap",
        "biflow-total-counters.pcap",
        "running-totals-of-one-flow.pcap",
    ] {
        for store in [&embedded, &hbase] {
            answer(&["load", cases.join(name).to_str().unwrap(), "--store", store]);
        }
    }
    for question in [
        &["query", "198.51.100.9"][..],
        &["query", "10.0.0.1"],
        &["query", "--where", "event update"],
        &["query", "--where", "out bytes > 0"],
        &["query", "--where", "any", "--bidir"],
        &["active-flow", "-print", "10"],
        &["top", "event", "--by", "flows"],
    ] {
        let ask = |store: &str| answer(&[question, &["-o", "ndjson", "--store", store]].concat());
        let (ours, theirs) = (ask(&hbase), ask(&embedded));
        assert_eq!(sorted(&ours), sorted(&theirs), "{question:?}");
        assert!(!ours.is_empty(), "{question:?}");
    }
    let octets = ["active-flow", "-print", "1", "--store", &hbase];
    assert_eq!(answer(&octets), "(10.0.0.1,198.51.100.9,77205)\n");
}

#[test]
fn answers_are_those_of_the_embedded_store() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = capture(&folder, "30000");
    let embedded = folder.path().join("store").to_str().unwrap().to_owned();
    let hbase = format!("hbase://{gateway}/{}", new_table());
    for store in [&embedded, &hbase] {
        answer(&["load", &file, "--store", store]);
    }
    // What is loaded again is there once all the same.
    answer(&["load", &file, "--store", &hbase, "--batch-flows", "7000"]);

    let pairs = answer(&["active-flow", "-print", "1", "--store", &embedded]);
    let busy = pairs.trim_matches(['(', ')', '\n']).split(',').next().unwrap().to_owned();
    let block = format!("{}.0.0/16", busy.rsplitn(3, '.').last().unwrap());
    let questions: [&[&str]; 11] = [
        &["query", &busy],
        &["query", &busy, "--filter"],
        &["query", &busy, "--direction", "dst"],
        &["query", &busy, "--direction", "any"],
        &["query", &busy, "--direction", "any", "--filter"],
        &["query", &busy, "--since", "2007-07-26T03:00", "--until", "2007-07-26T15:00"],
        &["query", &block, "--since", "2007-07-26T03:00", "--until", "2007-07-26T15:00"],
        &["query", &block, "--filter", "--until", "2007-07-26T15:00"],
        &["query", &block, "--direction", "any"],
        &["query", "10.255.255.1"],
        &["query", "2001:db8::1", "--filter"],
    ];
    for question in questions {
        let ask = |store: &str| answer(&[question, &["-o", "ndjson", "--store", store]].concat());
        let (ours, theirs) = (ask(&hbase), ask(&embedded));
        assert_eq!(sorted(&ours), sorted(&theirs), "{question:?}");
        assert_eq!(ours.lines().count(), theirs.lines().count());
        let count = |store: &str| answer(&[question, &["--count", "--store", store]].concat());
        assert_eq!(count(&hbase), count(&embedded), "{question:?}");
    }
    for question in [
        &["active-flow", "-print", "50"][..],
        &["active-flow", "-print", "50", "--by", "flows", "--directed"],
        &["active-flow", "--by", "packets", "--since", "2007-07-26T12:00"],
        &["top", "src", "-n", "50"],
        &["top", "ip,port", "-n", "5", "--since", "2007-07-26T12:00", "-o", "csv"],
        &["top", "5-tuple", "-n", "0", "--by", "flows"],
        &[
            "diff",
            "ip",
            "--window",
            "2007-07-26T12:00..2007-07-27",
            "--against",
            "2007-07-26",
            "-o",
            "csv",
        ],
        &["report", "--month", "2007-07", "--by", "if", "-n", "0", "-o", "csv"],
        &[
            "timeline",
            &busy,
            "--percentile",
            "95",
            "--since",
            "2007-07-26",
            "-o",
            "json",
            "--bin",
            "1d",
        ],
        &["timeline", "-o", "csv"],
        &["timeline", &busy, "--by", "packets", "--since", "2007-07-26T12:00"],
        &["timeline", &block, "--direction", "dst", "--bin", "5m", "-o", "json"],
    ] {
        let ask = |store: &str| answer(&[question, &["--store", store]].concat());
        assert_eq!(ask(&hbase), ask(&embedded), "{question:?}");
    }
    let stats = |store: &str| {
        let stats: serde_json::Value =
            serde_json::from_str(&answer(&["stats", "-o", "json", "--store", store])).unwrap();
        let serde_json::Value::Object(mut stats) = stats else { panic!("{stats}") };
        (stats.remove("store").unwrap(), stats)
    };
    let ((size, ours), (_, theirs)) = (stats(&hbase), stats(&embedded));
    assert_eq!(ours, theirs);
    // One for each order; what they take, only HBase's own files know.
    assert_eq!(size["regions"].as_object().unwrap().len(), 2, "{size}");
    assert!(size.get("bytes").is_none(), "{size}");
    let loads: serde_json::Value =
        serde_json::from_str(&answer(&["loads", "-o", "json", "--store", &hbase])).unwrap();
    let stored: Vec<_> = loads.as_array().unwrap().iter().map(|load| &load["stored"]).collect();
    assert_eq!(stored, [30_000, 30_000]);
}

#[test]
fn a_filter_goes_to_the_servers_and_the_plan_says_so() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = capture(&folder, "5000");
    let store = format!("hbase://{gateway}/{}", new_table());
    answer(&["load", &file, "--store", &store]);
    // 39 is the one byte that has to be escaped.
    let output = earlgrey(&["query", "39.39.0.0/16", "--filter", "--explain", "--store", &store]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(r"servers filter by (RowFilter(>=, 'binary:\x04''''\x00\x00')"),
        "{told}"
    );
    assert!(told.contains("runs       1 of 1"), "{told}");
    let output =
        earlgrey(&["query", "10.0.0.0/8", "--since", "2007-07-26", "--explain", "--store", &store]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the time is tested here"), "{told}");
}

#[test]
fn tables_are_made_shown_checked_and_dropped() {
    let (Some(gateway), Some(thrift2)) = (gateway(), needs::hbase("EARLGREY_HBASE_THRIFT2")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = capture(&folder, "20000");
    let store = format!("hbase://{gateway}/{}", new_table());
    let schema =
        |arguments: &[&str]| earlgrey(&[&["schema"], arguments, &["--store", &store]].concat());

    let missing = schema(&["check"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stdout).contains("it is not there"));
    let printed = schema(&["create", "--print", "--regions", "3", "--ttl", "30d"]);
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(
        printed.contains(r#"TTL => 2592000}, SPLITS => ["\x04UUUU", "\x04\xaa\xaa\xaa\xaa"]"#),
        "{printed}"
    );

    let made = schema(&[
        "create",
        "--thrift2",
        &thrift2,
        "--regions",
        "4",
        "--split-from",
        &file,
        "--ttl",
        "10000d",
        "-o",
        "json",
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    check("tablesMade", &serde_json::from_slice(&made.stdout).unwrap());
    let checked = schema(&["check", "-o", "json", "--thrift2", &thrift2]);
    assert!(checked.status.success(), "{checked:?}");
    let tables: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    check("tables", &tables);
    for table in &tables.as_array().unwrap()[..2] {
        assert_eq!(table["regions"], 4, "{table}");
        assert_eq!(table["bloom"], "ROWPREFIX_FIXED_LENGTH", "{table}");
        assert_eq!(table["encoding"], "FAST_DIFF", "{table}");
        assert_eq!(table["ttlSecs"], 864_000_000, "{table}");
        assert_eq!(table["differences"], serde_json::json!([]), "{table}");
    }
    let same = schema(&["check", "--thrift2", &thrift2, "--ttl", "10000d"]);
    assert!(same.status.success(), "{same:?}");
    let other = schema(&["check", "--thrift2", &thrift2, "--ttl", "2w"]);
    assert_eq!(other.status.code(), Some(1));
    let told = String::from_utf8_lossy(&other.stdout).into_owned();
    assert!(told.contains("its rows go after 864000000 s, and should after 1209600 s"), "{told}");
    assert_eq!(told.matches("and should").count(), 2, "the ledger stays: {told}");
    // What is there stays as it is, also when it is made again.
    answer(&["load", &file, "--store", &store]);
    assert!(schema(&["create"]).status.success());
    assert_eq!(answer(&["query", "0.0.0.0/0", "--count", "--store", &store]), "20000\n");

    // What Thrift alone makes lacks what only Thrift2 can say, and check finds it.
    let plain = format!("hbase://{gateway}/{}", new_table());
    answer(&["schema", "create", "--store", &plain]);
    let told = earlgrey(&["schema", "check", "--thrift2", &thrift2, "--store", &plain]);
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.contains("its encoding is NONE") && told.contains("its Bloom filter is NONE"),
        "{told}"
    );

    let asked = schema(&["drop"]);
    assert_eq!(asked.status.code(), Some(2), "nobody can be asked");
    let dropped = schema(&["drop", "--yes", "-o", "json"]);
    assert!(dropped.status.success());
    check("tablesDropped", &serde_json::from_slice(&dropped.stdout).unwrap());
    let gone = earlgrey(&["query", "10.0.0.1", "--store", &store]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("there is no store here"));
}

#[test]
fn tables_are_looked_at_while_others_come_and_go() {
    let Some(gateway) = gateway() else { return };
    let ours = HbaseStore::new(location(&gateway), options());
    ours.create(&Schema::even(1), None).unwrap();
    let somebody = {
        let location = location(&gateway);
        thread::spawn(move || {
            let theirs = HbaseStore::new(location, options());
            for _ in 0..3 {
                theirs.create(&Schema::even(1), None).unwrap();
                theirs.drop_tables().unwrap();
            }
        })
    };
    while !somebody.is_finished() {
        let states = ours.tables(None).unwrap();
        assert!(states.iter().all(|table| table.state == Presence::Enabled), "{states:?}");
    }
    somebody.join().unwrap();
    assert_eq!(ours.drop_tables().unwrap().len(), 3);
    assert!(ours.tables(None).unwrap().iter().all(|table| table.state == Presence::Missing));
}

#[test]
fn the_statements_in_the_schema_folder_are_those_that_are_printed() {
    let file = include_str!("../../../schema/hbase.shell");
    let statements: Vec<&str> = file.lines().filter(|line| !line.starts_with('#')).collect();
    let printed =
        answer(&["schema", "create", "--print", "--regions", "4", "--store", "hbase://gate"]);
    assert_eq!(printed.lines().collect::<Vec<_>>(), statements);
}

#[test]
fn a_store_of_one_order_says_what_it_cannot_answer() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = capture(&folder, "3000");
    let store = format!("hbase://{gateway}/{}", new_table());
    answer(&["load", &file, "--orders", "src", "--store", &store]);
    assert_eq!(answer(&["query", "0.0.0.0/0", "--count", "--store", &store]), "3000\n");
    // Destinations cannot be looked up there, but they can be looked for.
    let top = answer(&["top", "dst", "-n", "1", "-o", "ndjson", "--store", &store]);
    assert_eq!(top.lines().count(), 1);
    let refused = earlgrey(&["query", "10.0.0.1", "--direction", "dst", "--store", &store]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("without the dst-first table"));
}

#[test]
fn old_flows_are_deleted_from_both_tables() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = capture(&folder, "30000");
    let store = format!("hbase://{gateway}/{}", new_table());
    let embedded = folder.path().join("store").into_os_string().into_string().unwrap();
    // Regions that are swept side by side, the busy hosts of which fill more than one call.
    let schema = ["schema", "create", "--store", &store];
    assert!(earlgrey(&schema).status.success());
    for store in [&store, &embedded] {
        answer(&["load", &file, "--store", store]);
    }
    let conversations =
        |store: &str| answer(&["query", "0.0.0.0/0", "--bidir", "-o", "ndjson", "--store", store]);
    assert_eq!(conversations(&store), conversations(&embedded));
    let flows = |store: &str, direction: &str| {
        let arguments = ["query", "0.0.0.0/0", "--direction", direction, "-o", "csv"];
        let text = answer(&[&arguments[..], &["--store", store]].concat());
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let all = flows(&store, "src");
    for before in ["2007-07-26T03:00:00Z", "2007-07-26T11:11:11.111Z", "2007-07-26T11:11:11.111Z"] {
        let expire = |store: &str, how: &str| -> serde_json::Value {
            let arguments = ["expire", "--before", before, how, "-o", "json", "--store", store];
            serde_json::from_str(&answer(&arguments)).unwrap()
        };
        let would = expire(&store, "--dry-run");
        let (here, there) = (expire(&store, "--yes"), expire(&embedded, "--yes"));
        for told in ["flows", "first", "last", "before"] {
            assert_eq!((&here[told], &would[told]), (&there[told], &there[told]), "{told}");
        }
        assert_eq!(here["files"], serde_json::Value::Null);
        for direction in ["src", "dst"] {
            assert!(flows(&store, direction) == flows(&embedded, direction), "{direction}");
        }
    }
    let left = flows(&store, "src");
    assert!(!left.is_empty() && left.len() < all.len(), "{} of {}", left.len(), all.len());
    // Loaded again, all are there again, and once each.
    answer(&["load", &file, "--store", &store]);
    assert!(flows(&store, "src") == all && flows(&store, "dst") == all);

    let asked = earlgrey(&["expire", "--keep", "1d", "--store", &store]);
    assert_eq!(asked.status.code(), Some(2));
    let told = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(told.contains("say --yes where nobody can be asked"), "{told}");
    assert!(earlgrey(&["schema", "drop", "--yes", "--store", &store]).status.success());
    let gone = earlgrey(&["expire", "--keep", "1d", "--yes", "--store", &store]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("there is no store here"));
}

#[test]
fn a_folder_of_days_is_written_and_never_appended_to() {
    let (Some(gateway), Some(duckdb)) = (gateway(), needs::duckdb()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = capture(&folder, "3000");
    let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
    let stores = [("hbase", format!("hbase://{gateway}/{}", new_table())), ("embedded", path("s"))];
    for (name, store) in &stores {
        answer(&["load", &file, "--store", store]);
        let told = answer(&["export", "parquet", &path(name), "-o", "json", "--store", store]);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        // Thirty hours, from a midnight on.
        assert_eq!((&told["flows"], &told["days"]), (&3000.into(), &2.into()), "{told}");
    }
    let script = "import sys, duckdb\n\
                  here, there = [f\"(FROM read_parquet('{at}/*/*/*/*.parquet'))\" for at in sys.argv[1:]]\n\
                  print(duckdb.sql(f'SELECT count(*) FROM ({here} EXCEPT ALL {there})').fetchall()[0][0])";
    for (one, other) in [("hbase", "embedded"), ("embedded", "hbase")] {
        assert_eq!(duckdb(script, &[&path(one), &path(other)]).trim(), "0");
    }
    let again = ["export", "parquet", &path("hbase"), "--store", &stores[0].1];
    let run = earlgrey(&again);
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success() && told.contains("there already  2 days, 3,000 flows"), "{told}");
    let run = earlgrey(&[&again[..], &["--append"]].concat());
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(2), "{told}");
    assert!(told.contains("does not tell of which days flows were loaded"), "{told}");
}

#[test]
fn a_watch_list_is_hit_as_on_the_embedded_store() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let stores = [path("store"), format!("hbase://{gateway}/{}", new_table())];
    let list = path("bad.txt");
    let indicators = "122.166.0.0/17\n122.166.26.132\n20.36.190.1:53\n0.0.0.0/6\n";
    std::fs::write(&list, indicators).unwrap();
    let captures = [("one.pcap", "1"), ("two.pcap", "2")].map(|(name, seed)| {
        let capture = path(name);
        answer(&["generate", &capture, "--flows", "6000", "--hours", "3", "--seed", seed]);
        capture
    });
    let shown = stores.map(|store| {
        let to = ["--store", &store];
        answer(&[&["load", &captures[0]], &to[..]].concat());
        answer(&[&["watch", "add", "bad", &list], &to[..]].concat());
        let load = earlgrey(&[&["load", &captures[1]], &to[..]].concat());
        assert!(String::from_utf8_lossy(&load.stderr).contains(" new hits"));
        // Once more: what is written again is hit once.
        answer(&[&["load", &captures[0], &captures[1]], &to[..]].concat());
        let show = answer(&[&["watch", "show", "bad", "-o", "json"], &to[..]].concat());
        check("watchHits", &serde_json::from_str(&show).unwrap());
        answer(&[&["watch", "remove", "bad"], &to[..]].concat());
        show
    });
    for indicator in indicators.lines() {
        assert!(shown[0].contains(indicator), "{indicator}");
    }
    assert_eq!(shown[0], shown[1]);
}
