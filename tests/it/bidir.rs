//! Conversations against those that nfdump joins.

use earlgrey_hbase::generate::{self, Traffic};

use crate::cells::Both;
use crate::interop::{earlgrey, payloads};

/// Flows of one router, whose clock is the same for both directions.
fn both() -> Option<Both> {
    let mut capture = Vec::new();
    let traffic =
        Traffic { flows: 3_000, exporters: 1, engines: 1, hours: 1.0, ..Traffic::default() };
    generate::write(&traffic, &mut capture).unwrap();
    Both::of(&capture, &payloads(&capture), "0.0.0.0/0")
}

/// nfdump joins only what has ports; and it leaves ICMP and the like as flows, summed up.
fn has_ports(line: &str) -> bool {
    line.contains(" TCP ")
        || line.contains(" UDP ")
        || line.starts_with("6 ")
        || line.starts_with("17 ")
}

#[test]
fn conversations_are_those_of_nfdump() {
    let Some(both) = both() else { return };
    for (format, style) in [
        ("biline", &[][..]),
        ("fmt:%pr %biline", &["-N"]),
        ("fmt:%pr %ts %te %sap %dap %pkt %byt %opkt %ipkt %obyt %ibyt %tds %fl %bpp", &["-N"]),
    ] {
        let ours = both.ours(format, &[style, &["--bidir"]].concat()).1;
        let theirs = both.theirs(format, &[style, &["-b"]].concat()).1;
        let (ours, theirs): (Vec<_>, Vec<_>) = (
            ours.iter().map(|line| line.trim_end()).filter(|line| has_ports(line)).collect(),
            theirs.iter().map(|line| line.trim_end()).filter(|line| has_ports(line)).collect(),
        );
        assert!(ours.len() > 1000, "{format}: {}", ours.len());
        assert_eq!(ours, theirs, "{format}");
    }
}

#[test]
fn conversations_are_the_same_whatever_finds_them_and_whatever_the_memory() {
    let Some(both) = both() else { return };
    let store = both.store();
    let query = |arguments: &[&str]| {
        let all =
            [&["query", "0.0.0.0/0", "--store", &store, "--bidir", "-o", "ndjson"], arguments];
        earlgrey(&all.concat())
    };
    let whole = query(&[]);
    let flows: u64 = whole.lines().map(|line| number(line, "flows")).sum();
    assert_eq!(flows, 3_000);
    let times: Vec<&str> =
        whole.lines().map(|line| line.split("\"time\":\"").nth(1).unwrap()).collect();
    assert!(times.is_sorted_by_key(|time| &time[..24]), "by their beginning");
    for arguments in [&["--filter"][..], &["--memory", "1kB"], &["--direction", "src"]] {
        assert_eq!(query(arguments), whole, "{arguments:?}");
    }
    let first: Vec<&str> = whole.lines().take(5).collect();
    assert_eq!(query(&["--limit", "5"]).lines().collect::<Vec<_>>(), first);
    // What a host sent and received, unless one of these is asked for.
    let host = |arguments: &[&str]| {
        let all = ["query", "122.166.26.132", "--store", &store, "--bidir", "-o", "ndjson"];
        let text = earlgrey(&[&all, arguments].concat());
        let sum = |name| text.lines().map(|line| number(line, name)).sum::<u64>();
        (sum("initiatorBytes"), sum("responderBytes"))
    };
    let (sent, received) = (host(&["--direction", "src"]), host(&["--direction", "dst"]));
    let any = host(&[]);
    assert_eq!(any.0 + any.1, sent.0 + sent.1 + received.0 + received.1);
    assert!(any.0 > 0 && any.1 > 0 && received.0 > 0, "{any:?}");
}

fn number(line: &str, name: &str) -> u64 {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    value[name].as_u64().unwrap()
}

#[test]
fn what_conversations_have_not_is_wrong_usage() {
    for (arguments, message) in [
        (&["-o", "raw"][..], "raw is of single flows; with --bidir or --connections, write line"),
        (
            &["-o", "fmt:%ts %sas"],
            "%sas may differ between flows; with --bidir or --connections, write line",
        ),
        (&["--count"], "cannot be used with"),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"))
            .args(["query", "10.0.0.1", "--bidir", "--store", "/nonexistent"])
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(message), "{text}");
    }
}
