//! `load` and `loads`.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::thread;
use std::time::Duration;

use super::*;

#[test]
fn a_version_that_is_not_read_is_told_by_its_name() {
    let home = Home::new();
    let old = |version: u32| {
        let words = [version, 1, 0xc000_0201, 1, 1000, 1, 1].map(u32::to_be_bytes);
        [words.concat(), vec![0; 60]].concat()
    };
    let payloads = [exports(0, &FLOWS), old(4), b"hello".to_vec(), old(2)];
    let path = home.file("day.pcap", &capture(&payloads));
    let load = home.run(&["load", &path, "-o", "json"]);
    let load = load.ends(
        3,
        "  datagrams  4: 1 decoded, 0 duplicate, 0 malformed, 1 no flow export, \
         1 of a version that is not read (sFlow 2), 1 of a version that is not read (sFlow 4)",
    );
    let json = load.json();
    assert_eq!(json["malformed"]["of a version that is not read (sFlow 4)"], 1);
    assert_eq!((&json["stored"], &json["notFlowExport"]), (&6.into(), &1.into()));
    let ledger = home.run(&["loads", "-o", "json"]).succeeds().json();
    assert_eq!(ledger[0]["malformed"], json["malformed"]);
}

#[test]
fn the_summary_accounts_for_everything_that_was_read() {
    let home = Home::new();
    let first = exports(0, &FLOWS);
    // Ten flows are missing between the two.
    let second = exports(16, &FLOWS);
    let payloads = [first.clone(), first, b"hello".to_vec(), second];
    let path = home.file("day.pcap", &capture(&payloads));
    let load = home.run(&["load", &path, "-o", "json"]).succeeds();
    for line in [
        "loaded 1 file (",
        "  datagrams  4: 2 decoded, 1 duplicate, 0 malformed, 1 no flow export",
        "  records    18: 12 stored, 6 duplicate, 0 rejected",
        "  flows      from 2007-08-02T07:42:00.000Z to 2007-08-02T07:42:40.250Z",
        "  traffic    12,470 octets in 136 packets",
        "  lost       10 flows (192.0.2.1 engine 0: 10)",
    ] {
        assert!(load.stderr.contains(line), "{line:?} is not in:\n{}", load.stderr);
    }
    let json = load.json();
    for (name, value) in [
        ("datagrams", 4),
        ("decoded", 2),
        ("duplicateDatagrams", 1),
        ("notFlowExport", 1),
        ("records", 18),
        ("stored", 12),
        ("duplicateRecords", 6),
        ("octets", 12_470),
        ("packets", 136),
        ("capturedPackets", 4),
    ] {
        assert_eq!(json[name], value, "{name}");
    }
    assert_eq!(json["state"], "done");
    assert_eq!(json["first"], "2007-08-02T07:42:00.000Z");
    assert_eq!(
        json["lost"],
        serde_json::json!([{"exporter": "192.0.2.1", "engine": 0, "unit": "flows", "count": 10}])
    );
    assert_eq!(json["files"][0]["path"], path);
    assert!(
        json["seconds"].as_f64().unwrap() > 0.0 && json["flowsPerSecond"].as_f64().unwrap() > 0.0
    );

    let again = home.run(&["load", &path, "-o", "json"]).succeeds().json();
    assert_eq!((&again["stored"], &again["duplicateRecords"]), (&0.into(), &18.into()));

    let ledger = home.run(&["loads", "-o", "json"]).succeeds().json();
    assert_eq!(ledger.as_array().unwrap().len(), 2);
    assert_eq!((&ledger[0]["id"], &ledger[1]["id"]), (&json["id"], &again["id"]));
    assert_eq!(ledger[0]["stored"], 12);
    let table = home.run(&["loads"]).succeeds();
    let lines = table.lines();
    assert!(lines[0].starts_with("started ") && lines[1].ends_with("done"), "{lines:?}");
    let of_file = format!("    {path} (1.1 kB): 4 datagrams, 12 flows stored");
    assert_eq!(lines[2], of_file);
}

/// An IPFIX message of domain 7 with these sets: id, content in words.
fn ipfix(sequence: u32, sets: &[(u16, &[u32])]) -> Vec<u8> {
    let mut content = Vec::new();
    for (id, words) in sets {
        let bytes = 4 + words.len() as u16 * 4;
        content.extend_from_slice(&id.to_be_bytes());
        content.extend_from_slice(&bytes.to_be_bytes());
        content.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    }
    let length = 16 + content.len() as u32;
    let header = [0x000a_0000 | length, BEGIN_SECS, sequence, 7];
    [header.map(u32::to_be_bytes).concat(), content].concat()
}

#[test]
fn templates_are_learned_and_what_waits_in_vain_is_counted() {
    let home = Home::new();
    // Source, destination, octets, the VLAN in two bytes, and protocol and tags in two more.
    let template =
        [0x0100_0006, 0x0008_0004, 0x000c_0004, 0x0001_0004, 0x003a_0002, 0x0004_0001, 0x0005_0001];
    let flow = |octets| [0x0a00_0001, 0x0a00_0002, octets, 0x0007_0600];
    let payloads = [
        ipfix(0, &[(256, &flow(100))]),
        ipfix(1, &[(2, &template)]),
        ipfix(1, &[(256, &flow(200))]),
        ipfix(9, &[(300, &[1, 2])]),
    ];
    home.file("day.pcap", &capture(&payloads));
    let load = home.run(&["load", "day.pcap"]).ends(3, "loaded 1 file");
    for line in [
        "datagrams  4: 3 decoded, 0 duplicate, 0 malformed, 0 no flow export, 1 without template",
        "records    2: 2 stored",
    ] {
        assert!(load.stderr.contains(line), "{line:?} is not in:\n{}", load.stderr);
    }
    let flows = home.run(&["query", "10.0.0.1", "-o", "json"]).succeeds().json();
    assert_eq!((&flows[0]["vlanId"], &flows[1]["vlanId"]), (&7.into(), &7.into()));
    assert_eq!((&flows[0]["protocol"], &flows[0]["engine"]), (&"TCP".into(), &7.into()));
    home.run(&["verify"]).succeeds();
    let again = home.run(&["load", "day.pcap", "-o", "json"]).ends(3, "").json();
    assert_eq!((&again["stored"], &again["duplicateDatagrams"]), (&0.into(), &3.into()));
    assert_eq!(again["waitingForTemplate"], 1);
}

#[test]
fn folders_are_loaded_with_everything_in_them_and_other_files_are_passed_over() {
    let home = Home::new();
    home.file("in/a/1.pcap", &capture(&[exports(0, &FLOWS[..2])]));
    home.file("in/b.pcap", &capture(&[exports(2, &FLOWS[2..])]));
    home.file("in/README", b"some words");
    home.file("in/_SUCCESS", b"");
    home.file("in/_unfinished/c.pcap", &capture(&[exports(4, &FLOWS[2..])]));
    home.file("in/.part-0.crc", b"sum");
    let load = home.run(&["load", "in"]).ends(0, "loaded 2 files");
    assert!(load.stderr.contains("  no capture in/README"), "{}", load.stderr);
    assert_eq!(load.stderr.matches("no capture").count(), 1, "{}", load.stderr);
    assert_eq!(home.run(&["query", "0.0.0.0/0", "--count"]).succeeds().stdout, "6\n");
}

#[test]
fn a_folder_that_may_not_be_listed_is_told_and_the_rest_is_loaded() {
    let home = Home::new();
    home.file("in/a.pcap", &capture(&[exports(0, &FLOWS[..2])]));
    home.file("in/closed/b.pcap", &capture(&[exports(2, &FLOWS[2..4])]));
    home.file("in/d.pcap", &capture(&[exports(4, &FLOWS[4..])]));
    let closed = home.path("in/closed");
    fs::set_permissions(&closed, Permissions::from_mode(0o0)).unwrap();
    let run = |path: &str| Run::of(home.powerless(&["load", path], &closed).output().unwrap());
    run("in").ends(3, "fault      in/closed: open in/closed: Permission denied");
    assert_eq!(home.run(&["query", "0.0.0.0/0", "--count"]).succeeds().stdout, "4\n");
    run("in/closed").ends(1, "earlgrey-hbase: list in/closed: Permission denied");
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn what_is_whole_of_a_damaged_input_is_stored_and_the_rest_is_told() {
    let home = Home::new();
    let whole = capture(&[exports(0, &FLOWS), exports(6, &FLOWS)]);
    let mut lying = exports(12, &FLOWS[..1]);
    lying.truncate(40);
    for (name, bytes, message, stored) in [
        ("cut.pcap", &whole[..whole.len() - 10], "fault      cut.pcap: at byte ", 6),
        ("lying.pcap", &capture(&[lying, exports(6, &FLOWS)])[..], "1 malformed (cut 1)", 6),
    ] {
        home.file(name, bytes);
        let load = home.run(&["load", name, "-o", "json"]).ends(3, message);
        assert_eq!(load.json()["stored"], stored, "{name}");
    }
    // A file that was named must be a capture; the others are loaded all the same.
    home.file("notes.txt", b"words");
    home.file("good.pcap", &capture(&[exports(99, &FLOWS)]));
    home.run(&["load", "notes.txt", "good.pcap"]).ends(3, "no capture notes.txt");
    assert_eq!(home.run(&["query", "0.0.0.0/0", "--count"]).succeeds().stdout, "18\n");
}

#[test]
fn a_closed_standard_output_changes_no_status() {
    let home = Home::new();
    let whole = capture(&[exports(0, &FLOWS), exports(6, &FLOWS)]);
    home.file("cut.pcap", &whole[..whole.len() - 10]);
    home.file("notes.txt", b"words");
    for (arguments, status) in
        [(&["load", "cut.pcap", "-o", "json"][..], 3), (&["load", "notes.txt", "-o", "json"], 1)]
    {
        let mut child =
            home.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn nothing_is_loaded_where_there_is_nothing_to_load() {
    let home = Home::new();
    home.file("notes.txt", b"words");
    home.file("empty/.keep", b"");
    fs::create_dir(home.path("none")).unwrap();
    let good = home.file("good.pcap", &capture(&[exports(0, &FLOWS)]));
    for (arguments, status, message) in [
        (&["load", "notes.txt"][..], 1, "earlgrey-hbase: notes.txt is no capture"),
        (&["load", "gone.pcap"], 1, "earlgrey-hbase: open gone.pcap: No such file"),
        (&["load", &good, "gone.pcap"], 1, "earlgrey-hbase: open gone.pcap: No such file"),
        (&["load", "none"], 2, "there are no files in none"),
    ] {
        home.run(arguments).ends(status, message);
    }
    home.run_with_input(&["load"], b"words, not packets").ends(1, "standard input is no capture");
    home.file("cut.gz", &[0x1f, 0x8b, 8, 0]);
    let json = home.run(&["load", "cut.gz", "notes.txt", "-o", "json"]).ends(1, "none of the 2");
    assert_eq!(
        (&json.json()["state"], &json.json()["stored"]),
        (&"nothing read".into(), &0.into())
    );
    assert_eq!(json.json()["otherFiles"], serde_json::json!(["notes.txt"]));
    // The ledger does not call that done, and names what was given.
    let ledger = home.run(&["loads"]).succeeds();
    assert!(ledger.lines()[1].ends_with("nothing read"), "{}", ledger.stdout);
    assert_eq!(ledger.lines()[2], "    notes.txt: no capture");
    // A capture without packets is one all the same.
    home.file("quiet.pcap", &capture(&[]));
    assert_eq!(home.run(&["load", "quiet.pcap", "-o", "json"]).succeeds().json()["state"], "done");
    // A misspelt name stops it before anything is stored.
    let count = home.run(&["query", "0.0.0.0/0", "--count"]);
    assert_eq!(count.stdout, "0\n", "{}", count.stderr);
}

#[test]
fn no_name_of_a_file_or_an_archives_member_reaches_the_terminal_as_it_is() {
    let home = Home::new();
    let bytes = capture(&[exports(0, &FLOWS)]);
    let evil = "\u{1b}]0;owned\u{7}\nloaded.pcap";
    home.file(&format!("in/{evil}"), &bytes);
    home.file(&format!("in/cut{evil}"), &bytes[..100]);
    home.file(&format!("in/notes{evil}"), b"words");
    let mut archive = tar::Builder::new(Vec::new());
    for (name, contents) in [(format!("member{evil}"), &bytes[..]), (format!("m{evil}"), b"words")]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        archive.append_data(&mut header, name, contents).unwrap();
    }
    home.file("in/day.tar", &archive.into_inner().unwrap());
    let runs = [
        home.run(&["load", "in", "-v"]).ends(3, r"fault      in/cut\x1b]0;owned\x07\nloaded.pcap"),
        home.run(&["load", &format!("in/notes{evil}")]).ends(1, r"\nloaded.pcap is no capture"),
        home.run(&["load", &format!("gone{evil}")]).ends(1, r"open gone\x1b]"),
        home.run(&["loads"]).succeeds(),
        home.run(&["loads", "-o", "json"]).succeeds(),
    ];
    for run in &runs {
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{text}");
        assert!(!text.contains("\nloaded.pcap"), "{text}");
    }
    assert!(runs[3].stdout.contains(r"in/day.tar/member\x1b]0;owned"), "{}", runs[3].stdout);
}

#[test]
fn a_capture_is_read_from_standard_input_where_it_is_piped_or_named() {
    let home = Home::new();
    let bytes = capture(&[exports(0, &FLOWS)]);
    home.run_with_input(&["load"], &bytes).ends(0, "6 stored");
    home.run_with_input(&["load", "-"], &bytes).ends(0, "6 duplicate");
}

#[test]
fn progress_is_told_in_the_way_that_was_asked_for() {
    let home = Home::new();
    let path = home.file("day.pcap", &capture(&[exports(0, &FLOWS)]));
    let json = home.run(&["load", &path, "--progress", "json"]).succeeds();
    let last = json.stderr.lines().rfind(|line| line.starts_with('{')).unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["bytesDone"], &last["bytesTotal"]), (&380.into(), &380.into()));
    assert_eq!((&last["datagrams"], &last["flows"]), (&1.into(), &6.into()));
    home.run(&["load", &path, "--progress", "always"]).ends(0, "380 B of 380 B, 6 flows");
    for arguments in [&["load", &path][..], &["load", &path, "--progress", "never"]] {
        let quiet = home.run(arguments).succeeds();
        assert!(!quiet.stderr.contains("380 B of"), "{}", quiet.stderr);
    }
}

#[test]
fn more_is_said_for_each_v() {
    let home = Home::new();
    home.file("day.pcap", &capture(&[exports(0, &FLOWS)]));
    let load = |more: &[&str]| home.run(&[&["load", "day.pcap"], more].concat()).succeeds().stderr;
    let commit = "commit manifest=2 flows=6 datagrams=1 runs=1 ms=";
    let informed = load(&["-v"]);
    let store = format!("configuration file none, store {} (default)", home.store().display());
    for line in [&store, commit] {
        assert!(informed.contains(line), "{line:?} is not in:\n{informed}");
    }
    assert!(!informed.contains("capture day.pcap"), "{informed}");
    assert!(load(&["-vv"]).contains("capture day.pcap"));
    assert!(!load(&[]).contains("INFO"));
    let query = home.run(&["query", "9.9.9.9", "-vv"]).succeeds().stderr;
    for line in ["scan runs=1 of=1 stretches=1 order=src", "-src.parquet"] {
        assert!(query.contains(line), "{line:?} is not in:\n{query}");
    }
    home.file("more.pcap", &capture(&[exports(6, &FLOWS)]));
    home.run(&["load", "more.pcap"]).succeeds();
    home.run(&["compact", "-v"]).ends(0, "merge manifest=4 flows=12 merged=2 runs=1 ms=");
}

#[test]
fn an_interrupted_load_keeps_what_it_read() {
    let home = Home::new();
    let mut child = home
        .command(&["load", "-", "--progress", "json"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&capture(&[exports(0, &FLOWS)])).unwrap();
    // Packets go on coming, so that it is not found asleep.
    let feeder = thread::spawn(move || {
        while stdin.write_all(&packet(b"no flow export")).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let read = stderr.find(|line| line.contains("\"flows\":6"));
    assert!(read.is_some());
    signal(&child, "-INT");
    let rest: Vec<String> = stderr.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    feeder.join().unwrap();
    let said = rest.join("\n");
    assert!(said.contains("stopping: what was read is being made durable"), "{said}");
    assert!(said.contains("interrupted: loaded 1 file"), "{said}");
    assert_eq!(home.run(&["query", "0.0.0.0/0", "--count"]).succeeds().stdout, "6\n");
    assert_eq!(home.run(&["loads", "-o", "json"]).succeeds().json()[0]["state"], "interrupted");
}

pub(crate) fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}
