//! `query` and `active-flow`.

use super::*;

#[test]
fn the_three_commands_of_the_user_work_word_for_word() {
    let home = Home::new();
    let spool = home.file("spool/day.pcap", &capture(&[exports(0, &FLOWS)]));
    home.file("config/earlgrey-hbase/earlgrey.toml", b"[load]\npaths = [\"../../spool\"]\n");
    home.run(&["load"]).ends(0, "6 stored");
    let flows = home.run(&["query", "122.166.26.132", "--filter"]).succeeds();
    assert_eq!(flows.lines().len(), 4, "{spool}: {}", flows.stdout);
    let pairs = home.run(&["active-flow", "-print", "10"]).succeeds();
    assert_eq!(
        pairs.lines(),
        [
            "(10.0.0.2,10.0.0.3,5000)",
            "(10.0.0.1,122.166.26.132,1034)",
            "(10.0.0.2,122.166.26.132,200)",
            "(10.0.0.3,9.9.9.9,1)",
        ]
    );
    assert_eq!(pairs.stderr, "");
}

#[test]
fn print_may_be_written_with_one_dash_or_two() {
    let home = Home::with_store();
    for arguments in [&["-print", "2"][..], &["-print=2"], &["--print", "2"], &["--print=2"]] {
        let pairs = home.run(&[&["active-flow"], arguments].concat()).succeeds();
        let expected = ["(10.0.0.2,10.0.0.3,5000)", "(10.0.0.1,122.166.26.132,1034)"];
        assert_eq!(pairs.lines(), expected, "{arguments:?}");
    }
}

#[test]
fn pairs_are_weighed_and_written_as_asked_for() {
    let home = Home::with_store();
    for (arguments, expected) in [
        (&["--by", "flows"][..], "(10.0.0.1,122.166.26.132,3)"),
        (&["--by", "packets"], "(10.0.0.2,10.0.0.3,51)"),
        (&["--directed", "--until", "2007-08-02T07:42:30"], "(122.166.26.132,10.0.0.1,1030)"),
        (&["--since", "2007-08-02T07:42:35Z"], "(10.0.0.3,9.9.9.9,1)"),
        (&["-o", "ndjson"], r#"{"first":"10.0.0.2","second":"10.0.0.3","octets":5000}"#),
    ] {
        let all = [&["active-flow", "--print", "1"], arguments].concat();
        assert_eq!(home.run(&all).succeeds().lines(), [expected], "{arguments:?}");
    }
    let csv = home.run(&["active-flow", "-o", "csv"]).succeeds();
    assert_eq!(csv.lines()[..2], ["first,second,octets", "10.0.0.2,10.0.0.3,5000"]);
    let json = home.run(&["active-flow", "-o", "json"]).succeeds().json();
    assert_eq!(json.as_array().unwrap().len(), 4);
    assert_eq!(home.run(&["active-flow", "--print", "0"]).succeeds().stdout, "");
}

#[test]
fn a_host_is_found_by_range_and_by_filter_alike() {
    let home = Home::with_store();
    for (arguments, flows) in [
        (&["122.166.26.132"][..], 3),
        (&["10.0.0.0/8"], 2),
        (&["10.0.0.0/8", "--direction", "dst"], 5),
        (&["10.0.0.0/8", "--direction", "any"], 6),
        (&["122.166.26.132", "--since", "2007-08-02T07:42:10"], 2),
        (&["122.166.26.132", "--until", "2007-08-02-07:42:10"], 1),
        (&["122.166.26.132", "--since", "2007-08-02T09:42:10", "--tz", "+02:00"], 2),
        (&["122.166.26.132", "--limit", "1"], 1),
        (&["1.2.3.4"], 0),
        (&["2001:db8::/32"], 0),
    ] {
        let query = [&["query"], arguments].concat();
        let by_range = home.run(&query).succeeds();
        assert_eq!(by_range.lines().len(), 1 + flows, "{arguments:?}");
        let by_filter = home.run(&[&query[..], &["--filter"]].concat()).succeeds();
        assert_eq!(by_filter.stdout, by_range.stdout, "{arguments:?}");
        for more in [&["--count"][..], &["--count", "--filter"]] {
            let count = home.run(&[&query[..], more].concat()).succeeds();
            assert_eq!(count.stdout, format!("{flows}\n"), "{arguments:?}");
        }
    }
}

#[test]
fn flows_are_written_in_every_format_in_order_of_time() {
    let home = Home::with_store();
    let query = |format: &str| home.run(&["query", "122.166.26.132", "-o", format]).succeeds();
    let json = query("json").json();
    let seconds: Vec<&str> =
        json.as_array().unwrap().iter().map(|flow| flow["time"].as_str().unwrap()).collect();
    assert_eq!(
        seconds,
        ["2007-08-02T07:42:00.000Z", "2007-08-02T07:42:10.000Z", "2007-08-02T07:42:20.000Z"]
    );
    assert_eq!(json[0]["srcAddress"], "122.166.26.132");
    assert_eq!((&json[0]["bytes"], &json[0]["protocol"]), (&1000.into(), &"TCP".into()));
    let earlgrey = query("earlgrey").json();
    assert_eq!(earlgrey[0]["time"], "2007-08-02-07:42:00");
    for line in query("ndjson").lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    for (format, line) in [
        (
            "line",
            "2007-08-02 07:42:00.000     00:00:00.250 TCP     122.166.26.132:50000 ->         10.0.0.1:443         11     1000     1",
        ),
        ("csv", "2007-08-02 07:42:00.000,0.250,6,122.166.26.132,50000,10.0.0.1,443,11,1000,1"),
    ] {
        assert_eq!(query(format).lines()[1], line);
    }
    assert!(query("long").lines()[1].contains("...AP.SF"));
    assert!(query("extended").lines()[0].contains("bps"));
    let count = home.run(&["query", "9.9.9.9", "--count", "-o", "json"]).succeeds().json();
    assert_eq!(count, serde_json::json!({"flows": 1}));
}

#[test]
fn an_explanation_goes_to_standard_error_before_and_after_the_run() {
    let home = Home::with_store();
    for (arguments, access) in [
        (&["--explain"][..], "range of row keys"),
        (&["--explain", "--filter"], "filter over every row"),
    ] {
        let query = [&["query", "122.166.26.132"], arguments].concat();
        let run = home.run(&query).ends(0, access);
        assert!(
            run.stderr.contains("\nread\n") && run.stderr.contains("found      3"),
            "{}",
            run.stderr
        );
        assert_eq!(run.lines().len(), 4);
    }
    let query = ["query", "10.0.0.1", "--explain", "-o", "json", "--direction", "any"];
    let run = home.run(&query).succeeds();
    let explanation: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(explanation["scans"].as_array().unwrap().len(), 2);
    assert_eq!(explanation["read"]["found"], 3);
}

#[test]
fn every_command_that_asks_explains() {
    let home = Home::with_store();
    let run = |arguments: &[&str]| home.run(arguments).succeeds();
    let asked = ["--where", "ip 10.0.0.1", "--explain"];
    for command in [
        &["query"][..],
        &["query", "--bidir"],
        &["export", "--force", "--to", "a.csv"],
        &["active-flow"],
        &["top", "src"],
        &["diff", "src", "--window", "2007-08-02", "--against", "day"],
        &["timeline"],
        &["timeline", "10.0.0.1"],
        &["timeline", "--percentile", "95", "--since", "2007-08-02", "--until", "2007-08-03"],
        &["report", "--month", "2007-08", "--by", "if"],
        &["stats"],
    ] {
        let told = run(&[command, &asked].concat()).stderr;
        assert!(told.starts_with("filter       ip 10.0.0.1\nscan 1 of "), "{command:?}: {told}");
        assert!(told.contains("\nread\n"), "{command:?}: {told}");
        let told = run(&[command, &asked, &["-o", "json"]].concat()).stderr;
        let explanation = told.lines().find(|line| line.starts_with('{')).unwrap_or_default();
        let explanation: serde_json::Value = serde_json::from_str(explanation).unwrap();
        crate::schema::check("explanation", &explanation);
        // Some commands look twice, and what a series shows is looked for in each of two.
        assert!(explanation["read"]["found"].as_u64() >= Some(3), "{command:?}: {told}");
    }
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let home = Home::with_store();
    for arguments in [
        &["query", "0.0.0.0/0"][..],
        &["active-flow"],
        &["loads"],
        &["loads", "-o", "json"],
        &["verify"],
        &["config", "show"],
        &["completions", "bash"],
        &["man"],
    ] {
        let mut child =
            home.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        Run::of(child.wait_with_output().unwrap()).ends(0, "");
    }
}

#[test]
fn an_output_that_is_full_is_an_error() {
    let home = Home::with_store();
    for arguments in [&["query", "0.0.0.0/0"][..], &["active-flow"], &["loads"], &["man"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = home.command(arguments).stdout(full).output().unwrap();
        let run = Run::of(output).ends(1, "No space left on device");
        assert!(!run.stderr.contains("hint"), "{}", run.stderr);
    }
}

#[test]
fn a_number_below_zero_is_told_as_such_and_not_taken_for_an_option() {
    let home = Home::new();
    let below = "-1 is below 0, and must be a whole number of 0 or more";
    for (arguments, message) in [
        (&["query", "10.0.0.1", "--limit", "-1"][..], below),
        (&["query", "10.0.0.1", "--threads", "-1"], below),
        (&["active-flow", "-print", "-1"], below),
        (&["generate", "-", "--flows", "-1"], below),
        (&["timeline", "--bin", "-5m"], "\"-5m\" is no span of time; write 30s, 5m, 1h or 1d"),
        (
            &["top", "src", "--memory", "-5MB"],
            "\"-5MB\" is no number of bytes; write 400MB or 2GiB",
        ),
    ] {
        home.run(arguments).ends(2, message);
    }
    // What is an option stays one.
    home.run(&["query", "10.0.0.1", "--limit", "-6"]).ends(2, "-6 is below 0");
    home.run(&["query", "10.0.0.1", "--limit", "1", "-6"]).ends(1, "hint");
}

#[test]
fn what_was_sampled_is_scaled_up_where_that_is_wanted() {
    let home = Home::new();
    // One packet of a hundred, by a header whose mode says none: Juniper's do that.
    let mut sampled = exports(0, &FLOWS);
    sampled[22..24].copy_from_slice(&100u16.to_be_bytes());
    let more = exports(6, &[("10.0.0.7", "10.0.0.8", 4000, 1)]);
    home.run(&["load", &home.file("day.pcap", &capture(&[sampled, more]))]).succeeds();

    let scaled = home.run(&["active-flow", "-print", "2"]).ends(0, "--scaled=no leaves them");
    assert_eq!(scaled.lines(), ["(10.0.0.2,10.0.0.3,500000)", "(10.0.0.1,122.166.26.132,103400)"]);
    assert!(scaled.stderr.contains("(6 flows by 100)"), "{}", scaled.stderr);
    let explained = home.run(&["active-flow", "-o", "json", "--explain"]).succeeds();
    let explained: serde_json::Value = serde_json::from_str(&explained.stderr).unwrap();
    assert_eq!(explained["scaled"], serde_json::json!([{"sampling": 100, "flows": 6}]));
    // Of top, which looks at flows twice.
    let top = home.run(&["top", "srcip", "-n", "1"]).succeeds();
    assert!(top.stderr.contains("(6 flows by 100)"), "{}", top.stderr);
    let exported = home.run(&["active-flow", "-print", "2", "--scaled=no"]).succeeds();
    assert_eq!(exported.lines(), ["(10.0.0.2,10.0.0.3,5000)", "(10.0.0.7,10.0.0.8,4000)"]);
    assert_eq!(exported.stderr, "");
    let flows = home.run(&["active-flow", "-print", "1", "--by", "flows"]).succeeds();
    assert_eq!((flows.lines()[0], &*flows.stderr), ("(10.0.0.1,122.166.26.132,3)", ""));

    let octets = |arguments: &[&str]| {
        let all = [&["query", "10.0.0.0/8", "-o", "json", "--limit", "1"], arguments].concat();
        let flows = home.run(&all).succeeds().json();
        (flows[0]["bytes"].clone(), flows[0]["packets"].clone(), flows[0]["sampling"].clone())
    };
    assert_eq!(octets(&[]), (4.into(), 1.into(), 100.into()));
    assert_eq!(octets(&["--scaled"]), (400.into(), 100.into(), 100.into()));
    home.run(&["query", "10.0.0.1", "--scaled=some"]).ends(2, "some");
}

/// A set of IPFIX: its id, and its words.
fn set(id: u16, words: &[u16]) -> Vec<u8> {
    let bytes = 4 + 2 * words.len() as u16;
    [&[id, bytes], words].concat().iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn interfaces_are_called_as_their_exporter_calls_them() {
    let home = Home::new();
    let sets = [
        // Options: scope ingressInterface, then interfaceName of four bytes: 3 is "eth3".
        set(3, &[256, 2, 1, 10, 4, 82, 4]),
        set(256, &[0, 3, 0x6574, 0x6833]),
        // Flows: both addresses, both interfaces, octets.
        set(2, &[257, 5, 8, 4, 12, 4, 10, 4, 14, 4, 1, 4]),
        set(257, &[0x0a00, 1, 0x0a00, 2, 0, 3, 0, 4, 0, 1500]),
    ]
    .concat();
    let mut message: Vec<u8> = [10, 16 + sets.len() as u16].map(u16::to_be_bytes).concat();
    for word in [BEGIN_SECS, 0, 0] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    message.extend_from_slice(&sets);
    home.run(&["load", &home.file("day.pcap", &capture(&[message]))]).ends(0, "1 stored");
    let flows = home.run(&["query", "10.0.0.1", "-o", "json"]).succeeds().json();
    assert_eq!(flows[0]["inputName"], "eth3", "{flows}");
    assert!(flows[0].get("outputName").is_none(), "{flows}");
    home.run(&["verify"]).succeeds();
    let names = home.path("data/earlgrey-hbase/store/names.json");
    let text = fs::read_to_string(&names).unwrap();
    fs::write(&names, text.replace("eth3", "eth4")).unwrap();
    home.run(&["verify"]).ends(1, "damage");
    home.run(&["query", "10.0.0.1", "-o", "json"]).ends(1, "names.json: damaged");
}
