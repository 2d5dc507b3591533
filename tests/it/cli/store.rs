//! What stores can be met with: none, one in use, one that is damaged, no room.

use std::os::unix::fs::PermissionsExt;

use earlgrey_hbase::Store;
use earlgrey_hbase::store::embedded::EmbeddedStore;

use super::*;

#[test]
fn a_store_that_is_not_there_is_told_with_what_to_do() {
    let home = Home::new();
    for arguments in [
        &["query", "10.0.0.1"][..],
        &["active-flow"],
        &["loads"],
        &["verify"],
        &["compact"],
        &["expire", "--keep", "1d", "--yes"],
    ] {
        let run = home.run(arguments).ends(1, "there is no store here");
        assert!(run.stderr.contains("\nhint: run `earlgrey-hbase load FILE…`"), "{}", run.stderr);
    }
    assert!(!home.store().exists(), "a question makes no store");
}

#[test]
fn a_store_may_be_named_by_path_or_by_url() {
    let home = Home::new();
    let path = home.file("day.pcap", &capture(&[exports(0, &FLOWS)]));
    let url = format!("file://{}", home.path("flows").display());
    home.run(&["load", &path, "--store", &url]).succeeds();
    let count = home.run(&["--store", "flows", "query", "9.9.9.9", "--count"]).succeeds();
    assert_eq!(count.stdout, "1\n");
}

#[test]
fn a_store_of_no_name_is_wrong_usage_and_makes_nothing() {
    let home = Home::new();
    let path = home.file("in/day.pcap", &capture(&[exports(0, &FLOWS)]));
    home.run(&["load", &path, "--store", ""]).ends(2, "--store: names no store");
    let mut command = home.command(&["load", &path]);
    let run = Run::of(command.env("EARLGREY_STORE", "").output().unwrap());
    run.ends(2, "EARLGREY_STORE: names no store");
    let config = home.file("in/earlgrey.toml", b"store = ''\n");
    home.run(&["load", &path, "--config", &config]).ends(2, "earlgrey.toml:1: store: names no");
    assert_eq!(files_in(&home.path(".")).len(), 2, "nothing but the capture and the file");
}

#[test]
fn one_writer_at_a_time_and_any_number_of_readers() {
    let home = Home::with_store();
    let path = home.file("more.pcap", &capture(&[exports(6, &FLOWS)]));
    let writer = EmbeddedStore::new(home.store()).writer().unwrap();
    let run = home.run(&["load", &path]).ends(1, "in use by another writer");
    assert!(run.stderr.contains("\nhint: wait for the other load"), "{}", run.stderr);
    home.run(&["compact"]).ends(1, "in use by another writer");
    assert_eq!(home.run(&["query", "0.0.0.0/0", "--count"]).succeeds().stdout, "6\n");
    drop(writer);
    home.run(&["load", &path]).ends(0, "6 stored");
}

#[test]
fn who_waits_long_for_a_commit_is_told_for_which_process() {
    let home = Home::with_store();
    let path = home.file("more.pcap", &capture(&[exports(6, &FLOWS)]));
    let mut lock = fs::File::options().write(true).open(home.store().join("commit.lock")).unwrap();
    lock.lock().unwrap();
    writeln!(lock, "4711").unwrap();
    let load = home.command(&["load", &path]).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let load = load.unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2_700));
    lock.unlock().unwrap();
    let run = Run::of(load.wait_with_output().unwrap()).ends(0, "6 stored");
    let told = "commit.lock: waiting for another (process 4711), who has it";
    assert_eq!(run.stderr.matches(told).count(), 1, "{}", run.stderr);
}

#[test]
fn a_folder_that_is_no_store_is_left_alone() {
    let home = Home::new();
    let path = home.file("day.pcap", &capture(&[exports(0, &FLOWS)]));
    home.file("photos/cat.jpg", b"meow");
    home.run(&["load", &path, "--store", "photos"]).ends(1, "not a store");
    assert_eq!(files_in(&home.path("photos")), [home.path("photos/cat.jpg")]);
    home.run(&["load", &path, "--store", "day.pcap/store"]).ends(1, "day.pcap");
}

#[test]
fn a_damaged_file_is_found_and_named() {
    let home = Home::with_store();
    let sound = home.run(&["verify"]).succeeds();
    assert_eq!(sound.lines()[0], "flows      6");
    let run = files_in(&home.store())
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .unwrap();
    let mut bytes = fs::read(&run).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&run, bytes).unwrap();
    let name = run.file_name().unwrap().to_str().unwrap();
    let damaged = home.run(&["verify"]).ends(1, "damaged");
    assert!(
        damaged.stdout.contains("damaged    ") && damaged.stdout.contains(name),
        "{}",
        damaged.stdout
    );
    let digest = damaged.lines().into_iter().find(|line| line.starts_with("digest ")).unwrap();
    assert!(digest.ends_with(" (partial: of what could be read)"), "{digest}");
    let json = home.run(&["verify", "-o", "json"]).ends(1, "damaged").json();
    assert!(!json["faults"].as_array().unwrap().is_empty());
    assert_eq!(json["partial"], true);
}

#[test]
fn a_ledger_that_is_gone_is_noted_and_no_damage() {
    let home = Home::with_store();
    let ledger = home.store().join("ledger.ndjson");
    let loads = "ledger.ndjson: is ";
    assert!(!home.run(&["verify"]).succeeds().stdout.contains("note"));
    fs::write(&ledger, b"").unwrap();
    let empty = home.run(&["verify"]).succeeds();
    assert!(empty.stdout.contains(&format!("{loads}empty: the flows are")), "{}", empty.stdout);
    fs::remove_file(&ledger).unwrap();
    let gone = home.run(&["verify"]).succeeds();
    let note = gone.lines().into_iter().find(|line| line.starts_with("note       ")).unwrap();
    assert!(note.contains(&format!("{loads}missing: the flows are")), "{note}");
    let json = home.run(&["verify", "-o", "json"]).succeeds().json();
    assert_eq!(json["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_may_not_be_read_is_not_called_damaged() {
    let home = Home::with_store();
    let run = files_in(&home.store())
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with("-src.parquet"))
        .unwrap();
    fs::set_permissions(&run, fs::Permissions::from_mode(0o0)).unwrap();
    let found = Run::of(home.powerless(&["verify"], &run).output().unwrap());
    let found = found.ends(5, "1 place could not be read; what could be read is sound");
    assert!(found.stdout.contains("\nunread     "), "{}", found.stdout);
    assert!(!found.stdout.contains("damaged"), "{}", found.stdout);
}

#[test]
fn compaction_makes_one_run_of_many_and_changes_no_answer() {
    let home = Home::new();
    for number in 0..3 {
        let name = format!("{number}.pcap");
        home.file(&name, &capture(&[exports(6 * number, &FLOWS)]));
        home.run(&["load", &name]).succeeds();
    }
    let before = home.run(&["query", "0.0.0.0/0"]).succeeds().stdout;
    let digest = |run: &Run| run.json()["digest"].clone();
    let verified = digest(&home.run(&["verify", "-o", "json"]).succeeds());
    let done = home.run(&["compact", "-o", "json"]).succeeds().json();
    assert_eq!((&done["runsBefore"], &done["runsAfter"]), (&3.into(), &1.into()));
    assert_eq!(home.run(&["query", "0.0.0.0/0"]).succeeds().stdout, before);
    assert_eq!(digest(&home.run(&["verify", "-o", "json"]).succeeds()), verified);
    home.run(&["compact", "--tidy"]).succeeds();
    let text = home.run(&["compact"]).succeeds().stdout;
    assert!(text.starts_with("1 run (") && text.ends_with("), 0 flows written anew\n"), "{text}");
}

#[test]
fn a_load_that_meets_a_full_disk_says_what_it_kept_and_goes_on_later() {
    let home = Home::new();
    let path = home.file("day.pcap", &capture(&(0..200).map(noise).collect::<Vec<_>>()));
    // No file may become larger than 32 blocks of 512 bytes: room for a manifest, but not for runs.
    let mut limited = Command::new("sh");
    limited
        .arg("-c")
        .arg("ulimit -f 32; exec \"$0\" \"$@\"")
        .arg(env!("CARGO_BIN_EXE_earlgrey-hbase"))
        .args(["load", &path, "--store", "small"])
        .current_dir(home.0.path());
    let run = Run::of(limited.output().unwrap()).ends(1, "File too large");
    assert!(run.stderr.contains("\nhint: make room"), "{}", run.stderr);
    assert!(run.stderr.contains("with 0 flows of this load kept"), "{}", run.stderr);
    assert!(
        run.stderr.starts_with("failed: 0 flows kept in small, 301.6 kB read in "),
        "{}",
        run.stderr
    );
    home.run(&["load", &path, "--store", "small"]).ends(0, "6,000 stored");
    let ledger = home.run(&["loads", "--store", "small", "-o", "json"]).succeeds().json();
    assert_eq!((&ledger[0]["state"], &ledger[0]["stored"]), (&"failed".into(), &0.into()));
    assert_eq!((&ledger[1]["state"], &ledger[1]["stored"]), (&"done".into(), &6000.into()));
    home.run(&["verify", "--store", "small"]).succeeds();
}

/// A datagram of flows that no compression makes much smaller.
fn noise(number: u32) -> Vec<u8> {
    let mut state = u64::from(number) << 32 | 1;
    let mut next = || {
        // Knuth's MMIX generator; the upper half is good enough here.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let records: Vec<v5::Record> = (0..30)
        .map(|_| v5::Record {
            src_addr: next().into(),
            dst_addr: next().into(),
            octets: next(),
            packets: 1 + next() % 1000,
            ..v5::Record::default()
        })
        .collect();
    let header = v5::Header {
        count: 30,
        unix_secs: BEGIN_SECS,
        flow_sequence: 30 * number,
        ..v5::Header::default()
    };
    let mut payload = Vec::new();
    v5::encode(&header, &records, &mut payload);
    payload
}
