//! `expire`: what goes, what is told of it, and who is asked.

use super::*;
use earlgrey_hbase::UnixMillis;

/// Flows of three days: two on 2007-08-02, one on each of the two days after.
fn home_of_three_days() -> Home {
    let home = Home::new();
    let day = 86_400;
    let flows = [
        ("10.0.0.1", "10.0.0.2", 100, 0),
        ("10.0.0.1", "10.0.0.3", 200, 40),
        ("10.0.0.1", "10.0.0.4", 300, day),
        ("10.0.0.1", "10.0.0.5", 400, 2 * day),
    ];
    // The exporter is up long enough to have seen them all.
    let path = home.file("days.pcap", &capture(&[exports_late(&flows, 3 * day)]));
    home.run(&["load", &path]).ends(0, "4 stored");
    home
}

/// A datagram of these flows, exported so many seconds after [`BEGIN_SECS`].
fn exports_late(flows: &[Flow], after_secs: u32) -> Vec<u8> {
    let mut payload = exports(0, flows);
    payload[4..8].copy_from_slice(&(after_secs * 1000).to_be_bytes());
    payload[8..12].copy_from_slice(&(BEGIN_SECS + after_secs).to_be_bytes());
    payload
}

fn destinations(home: &Home) -> Vec<String> {
    let found = home.run(&["query", "10.0.0.1", "-o", "json"]).succeeds().json();
    let flows = found.as_array().unwrap();
    flows.iter().map(|flow| flow["dstAddress"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn flows_before_a_time_go_exactly() {
    let home = home_of_three_days();
    // The second flow began at 07:42:40.
    let dry = home.run(&["expire", "--before", "2007-08-02T07:42:40Z", "--dry-run"]).succeeds();
    assert!(
        dry.stdout.starts_with("would delete 1 flow that began before 2007-08-02T07:42:40.000Z"),
        "{}",
        dry.stdout
    );
    assert_eq!(destinations(&home).len(), 4);
    let arguments = ["expire", "--before", "2007-08-02T07:42:41Z", "-o", "json"];
    let would = home.run(&[&arguments[..], &["--dry-run"]].concat()).succeeds().json();
    let did = home.run(&[&arguments[..], &["--yes"]].concat()).succeeds().json();
    assert_eq!(destinations(&home), ["10.0.0.4", "10.0.0.5"]);
    assert_eq!((&did["dryRun"], &did["flows"]), (&false.into(), &2.into()));
    assert_eq!(did["before"], "2007-08-02T07:42:41.000Z");
    assert_eq!(did["first"], "2007-08-02T07:42:00.000Z");
    assert_eq!(did["last"], "2007-08-02T07:42:40.000Z");
    assert_eq!(did["files"]["flowsLeft"], 2);
    assert_eq!((&did["flows"], &did["files"]), (&would["flows"], &would["files"]), "as was told");
    assert_eq!(would["dryRun"], true);
    home.run(&["verify"]).succeeds();
    let again = home.run(&[&arguments[..], &["--yes"]].concat()).succeeds().json();
    assert_eq!((&again["flows"], &again["first"]), (&0.into(), &serde_json::Value::Null));
}

#[test]
fn a_time_is_read_and_shown_in_the_zone() {
    let home = home_of_three_days();
    // 09:42:40 there is the moment of the second flow.
    let run = home.run(&["expire", "--before", "2007-08-02T09:42:40", "--tz", "+02:00", "--yes"]);
    let text = run.succeeds().stdout;
    assert!(
        text.starts_with("deleted 1 flow that began before 2007-08-02T09:42:40.000+02:00 in "),
        "{text}"
    );
    assert!(text.contains("\n  flows      from 2007-08-02T09:42:00.000+02:00 to "), "{text}");
    assert!(text.contains("\n  left       3 flows in "), "{text}");
}

#[test]
fn what_is_kept_is_counted_from_now() {
    let home = home_of_three_days();
    let run = home.run(&["expire", "--keep", "30d", "--all", "--yes"]).succeeds();
    assert!(run.stdout.starts_with("deleted 4 flows"), "{}", run.stdout);
    home.run(&["verify"]).succeeds();
    assert_eq!(home.run(&["query", "0.0.0.0/0", "--count"]).succeeds().stdout, "0\n");
    // The capture is no longer known: loaded again, its flows are back until the next time.
    let path = home.path("days.pcap");
    home.run(&["load", path.to_str().unwrap()]).ends(0, "4 stored");
}

#[test]
fn a_clock_that_jumped_does_not_empty_a_store() {
    let home = home_of_three_days();
    for more in ["--yes", "--dry-run"] {
        let refused = home.run(&["expire", "--keep", "30d", more]);
        refused.ends(2, "every flow would go: the newest one is of 2007-08-04T07:42:00.000Z");
    }
    assert_eq!(destinations(&home).len(), 4);
    home.run(&["expire", "--before", "2020-01-01", "--all", "--yes"])
        .ends(2, "--all goes with --keep");
    // The newest one is less than a year older than the span.
    let span = |days: u64| format!("{days}d");
    let age = UnixMillis::now().day() - UnixMillis(u64::from(BEGIN_SECS) * 1000).day() - 2;
    home.run(&["expire", "--keep", &span(age - 366), "--yes"]).ends(2, "say --all");
    let run = home.run(&["expire", "--keep", &span(age - 300), "--yes"]).succeeds();
    assert!(run.stdout.starts_with("deleted 4 flows"), "{}", run.stdout);
}

#[test]
fn an_exporter_from_the_future_costs_the_others_nothing() {
    let home = Home::new();
    let now = UnixMillis::now();
    let secs = |days_ago: u64| ((now.0 - days_ago * 86_400_000) / 1000) as u32;
    let datagram = |destination: &'static str, unix_secs: u32| {
        let mut payload = exports(0, &[("10.0.0.1", destination, 100, 0)]);
        payload[4..8].copy_from_slice(&0u32.to_be_bytes());
        payload[8..12].copy_from_slice(&unix_secs.to_be_bytes());
        payload
    };
    let hosts = ["10.0.0.2", "10.0.0.3", "10.0.0.4"];
    for (number, host) in hosts.into_iter().enumerate() {
        let honest = datagram(host, secs(3 - number as u64));
        let ahead = datagram("10.0.0.9", 2_272_000_000 + number as u32);
        let path = home.file("both.pcap", &capture(&[honest, ahead]));
        home.run(&["load", &path]).ends(0, "2 stored");
    }
    let bytes = |home: &Home| {
        home.run(&["verify", "-o", "json"]).succeeds().json()["bytes"].as_u64().unwrap()
    };
    let all = bytes(&home);
    let honest = || -> Vec<String> {
        destinations(&home).into_iter().filter(|host| host != "10.0.0.9").collect()
    };
    // A little less than all takes one day, and drops it as a whole.
    let did = home.run(&["expire", "--max-size", &(all - 1).to_string(), "--yes", "-o", "json"]);
    let did = did.succeeds().json();
    assert_eq!((&did["flows"], &did["files"]["runsDropped"]), (&1.into(), &1.into()));
    assert_eq!(did["files"]["runsCut"], 0);
    assert_eq!(honest(), ["10.0.0.3", "10.0.0.4"]);
    // What is left of days to come leaves no room for the others, which are not deleted for that.
    let ahead = home.run(&["expire", "--max-size", "9000", "--dry-run"]);
    ahead.ends(1, "of days to come, of exporters whose clocks run ahead");
    home.run(&["expire", "--max-size", "9000", "--yes"]).ends(1, "nothing was deleted");
    assert_eq!(honest(), ["10.0.0.3", "10.0.0.4"]);
    // Merged, they are apart still.
    home.run(&["compact"]).succeeds();
    let did = home.run(&["expire", "--keep", "36h", "--yes", "-o", "json"]).succeeds().json();
    assert_eq!((&did["flows"], &did["files"]["runsCut"]), (&1.into(), &0.into()));
    assert_eq!(honest(), ["10.0.0.4"]);
    home.run(&["verify"]).succeeds();
}

#[test]
fn the_oldest_days_go_until_the_rest_fits() {
    let home = Home::new();
    for (number, day) in [0u32, 1, 2].into_iter().enumerate() {
        let flows = [("10.0.0.1", ["10.0.0.2", "10.0.0.3", "10.0.0.4"][number], 100, day * 86_400)];
        let path = home.file("day.pcap", &capture(&[exports_late(&flows, day * 86_400 + 60)]));
        home.run(&["load", &path]).ends(0, "1 stored");
    }
    let bytes = home.run(&["verify", "-o", "json"]).succeeds().json()["bytes"].as_u64().unwrap();
    let all = bytes.to_string();
    let run = home.run(&["expire", "--max-size", &all, "--yes"]).succeeds();
    assert_eq!(run.stdout, "nothing to do: everything fits\n");
    let less = (bytes - 1).to_string();
    let would =
        home.run(&["expire", "--max-size", &less, "--dry-run", "-o", "json"]).succeeds().json();
    let did = home.run(&["expire", "--max-size", &less, "--yes", "-o", "json"]).succeeds().json();
    assert_eq!(did["files"], would["files"]);
    assert_eq!(did["before"], "2007-08-03T00:00:00.000Z");
    assert_eq!(destinations(&home), ["10.0.0.3", "10.0.0.4"]);
    let left = home.run(&["verify", "-o", "json"]).succeeds().json()["bytes"].as_u64().unwrap();
    assert_eq!(did["files"]["bytesLeft"].as_u64(), Some(left));
    assert_eq!(did["files"]["bytes"].as_u64(), Some(bytes - left));
    // The newest day stays, however large.
    home.run(&["expire", "--max-size", "1", "--yes"]).succeeds();
    assert_eq!(destinations(&home), ["10.0.0.4"]);
    home.run(&["expire", "--max-size", "1", "--yes"]).succeeds();
    assert_eq!(destinations(&home), ["10.0.0.4"]);
}

#[test]
fn nothing_goes_where_nobody_said_so() {
    let home = home_of_three_days();
    home.run(&["expire", "--keep", "1d"]).ends(2, "say --yes where nobody can be asked");
    for (arguments, message) in [
        (&[][..], "<--before <TIME>|--keep <SPAN>|--max-size <SIZE>>"),
        (&["--keep", "30d", "--before", "2007-08-03"], "cannot be used with"),
        (&["--keep", "soon"], "--keep: \"soon\" is no span of time; write 30d, 2w or 12h"),
        (&["--keep", "-3d"], "--keep: \"-3d\" is no span of time"),
        (&["--keep", "0d"], "--keep: \"0d\" is no span of time"),
        (&["--before", "soon"], "--before: \"soon\" is no time"),
        (&["--max-size", "big"], "--max-size: \"big\" is no number of bytes"),
        (
            &["--max-size", "5G", "--store", "hbase://gateway"],
            "HBase does not tell how large tables are",
        ),
    ] {
        home.run(&[&["expire", "--yes"], arguments].concat()).ends(2, message);
    }
    home.run(&["expire", "--keep", "1d", "--dry-run", "--store", "absent"])
        .ends(1, "there is no store here");
    assert!(!home.path("absent").exists());
    assert_eq!(destinations(&home).len(), 4);
}
