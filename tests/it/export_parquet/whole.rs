//! Exports that are repeated, go on, or are cut short: each flow is there once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{FLOWS, all, files, home, same_flows};
use crate::cli::{Home, signal};
use crate::crash::is_long;

/// Sees that there is nothing in the folder but whole files and the list of them.
#[track_caller]
fn nothing_half(home: &Home, folder: &str) {
    let strange: Vec<_> = files(&home.path(folder))
        .into_keys()
        .filter(|path| {
            let name = path.to_str().unwrap();
            !(name.starts_with("year=") && name.ends_with(".parquet") || name == "_earlgrey.json")
        })
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn a_repeat_writes_nothing_twice_and_other_terms_are_another_export() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    home.run(&["export", "parquet", "out"]).ends(0, "wrote 20,002 flows of 3 days to out (");
    let before = files(&home.path("out"));
    home.run(&["export", "parquet", "out"]).ends(0, "there already  3 days, 20,002 flows");
    let told = home.run(&["export", "parquet", "out", "--append", "-o", "json"]).succeeds().json();
    assert_eq!(told["days"], 0, "{told}");
    assert_eq!(told["already"], FLOWS, "{told}");
    assert_eq!(files(&home.path("out")), before);

    for (arguments, differs) in [
        (&["--schema", "ecs"][..], "schema is earlgrey there, and ecs is asked for"),
        (&["10.0.0.0/8"], "address is nothing there, and 10.0.0.0/8 is asked for"),
        (&["--since", "2007-07-26"], "since is nothing there, and 2007-07-26T00:00:00.000Z is"),
        (&["--file-size", "1GB"], "file-size is 512.0 MB there, and 1.0 GB is asked for"),
        (&["--limit", "5"], "--limit is of the order of all flows"),
    ] {
        home.run(&[&["export", "parquet", "out"], arguments].concat()).ends(2, differs);
        assert_eq!(files(&home.path("out")), before);
    }
    // A file that somebody deleted is written again, and no other.
    let lost = before.keys().find(|path| path.starts_with("year=2007")).unwrap();
    fs::remove_file(home.path("out").join(lost)).unwrap();
    home.run(&["export", "parquet", "out"]).ends(0, "of 1 day to out (1 file");
    assert_eq!(same_flows(&home, &duckdb, "out", "all.parquet"), FLOWS);

    home.run(&["export", "parquet", "out", "--addresses", "fixed", "--force"]).succeeds();
    let after = files(&home.path("out"));
    assert!(
        before
            .keys()
            .filter(|path| path.starts_with("year=2007"))
            .all(|path| !after.contains_key(path))
    );
    assert_eq!(duckdb(&format!("SELECT count(*) FROM {}", all(&home, "out"))), FLOWS.to_string());
    nothing_half(&home, "out");

    // All of another question are other days, too.
    let arguments = ["export", "parquet", "out", "--since", "2007-07-27", "--force"];
    home.run(&arguments).succeeds();
    let days = format!("SELECT DISTINCT year, month, day FROM {}", all(&home, "out"));
    assert_eq!(duckdb(&days), "2007 7 27");
    nothing_half(&home, "out");

    home.file("full/theirs.txt", b"theirs");
    home.run(&["export", "parquet", "full"]).ends(2, "full: it holds something else");
    home.run(&["export", "parquet", "full", "--force"]).succeeds();
    assert!(home.path("full/theirs.txt").exists());
}

#[test]
fn what_was_loaded_since_is_taken_in_and_what_expired_stays() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["export", "parquet", "out", "--append"]).succeeds();
    let compacted = |home: &Home| home.run(&["compact"]).succeeds();
    for (seed, hours) in [("3", "5"), ("4", "40")] {
        home.run(&["generate", "more.pcap", "--flows", "3000", "--seed", seed, "--hours", hours])
            .succeeds();
        home.run(&["load", "more.pcap"]).succeeds();
        let run = home.run(&["export", "parquet", "out"]).succeeds();
        assert!(run.stderr.contains("since they were written; --append brings"), "{}", run.stderr);
        if seed == "4" {
            compacted(&home);
        }
        home.run(&["export", "parquet", "out", "--append"]).succeeds();
        let file = format!("all{seed}.parquet");
        home.run(&["export", "--to", &file]).succeeds();
        same_flows(&home, &duckdb, "out", &file);
        nothing_half(&home, "out");
    }
    // Merged runs hold the same flows; whether they are written again or not, each is there once.
    compacted(&home);
    home.run(&["export", "parquet", "out", "--append"]).succeeds();
    same_flows(&home, &duckdb, "out", "all4.parquet");

    home.run(&["expire", "--before", "2007-07-26T12:00:00Z", "--yes"]).succeeds();
    let run = home.run(&["export", "parquet", "out", "--append"]).succeeds();
    assert!(run.stderr.contains("of which the store has lost flows"), "{}", run.stderr);
    same_flows(&home, &duckdb, "out", "all4.parquet");
    nothing_half(&home, "out");
}

/// The command of an export into `folder`, in small files, so that there is much to cut short.
fn export(home: &Home, folder: &str) -> Command {
    let mut command =
        home.command(&["export", "parquet", folder, "--file-size", "1MB", "--append"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn an_export_that_is_killed_anywhere_goes_on_and_has_each_flow_once() {
    let Some((home, duckdb)) = home() else { return };
    let (more, last) = (["--flows", "20000", "--hours", "60"], ["load", "more.pcap"]);
    home.run(&[&["generate", "more.pcap", "--seed", "5"], &more[..]].concat()).succeeds();
    home.run(&["generate", "last.pcap", "--flows", "3000", "--seed", "6", "--hours", "60"])
        .succeeds();
    home.run(&last).succeeds();
    home.run(&["export", "--to", "first.parquet"]).succeeds();
    let began = Instant::now();
    assert!(export(&home, "whole").status().unwrap().success());
    let took = began.elapsed();
    let kills: u32 = if is_long() { 60 } else { 5 };
    let kill = |folder: &str, place: u32| {
        let mut running = export(&home, folder).stderr(Stdio::null()).spawn().unwrap();
        let after = took.mul_f64(f64::from(place) / f64::from(kills));
        std::thread::sleep(after + Duration::from_micros(311));
        running.kill().unwrap();
        u32::from(!running.wait().unwrap().success())
    };
    let mut cut_short = 0;
    for place in 0..kills {
        let folder = format!("out{place}");
        cut_short += kill(&folder, place);
        // Once more while it goes on, and then to the end.
        cut_short += kill(&folder, place / 2);
        assert!(export(&home, &folder).status().unwrap().success());
        same_flows(&home, &duckdb, &folder, "first.parquet");
        nothing_half(&home, &folder);
    }
    assert!(cut_short > kills / 2, "{cut_short} of {kills}");
    // And where days are there that are written anew.
    home.run(&["load", "last.pcap"]).succeeds();
    home.run(&["export", "--to", "second.parquet"]).succeeds();
    for place in 0..kills {
        let folder = format!("out{place}");
        kill(&folder, place);
        assert!(export(&home, &folder).status().unwrap().success());
        same_flows(&home, &duckdb, &folder, "second.parquet");
        nothing_half(&home, &folder);
    }
}

#[test]
fn an_interrupt_leaves_whole_days_and_nothing_half() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["generate", "more.pcap", "--seed", "5", "--flows", "200000", "--hours", "90"])
        .succeeds();
    home.run(&["load", "more.pcap"]).succeeds();
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    let running = export(&home, "out").spawn().unwrap();
    while !home.path("out/_unfinished").exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&running, "-INT");
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    nothing_half(&home, "out");
    assert!(export(&home, "out").status().unwrap().success());
    same_flows(&home, &duckdb, "out", "all.parquet");
}

#[test]
fn a_full_disk_and_a_closed_folder_are_told_and_leave_nothing_half() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    // No file may become larger than 64 blocks of 512 bytes.
    let limited = Command::new("sh")
        .args(["-c", "ulimit -f 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_earlgrey-hbase")])
        .args(["export", "parquet", "out"])
        .current_dir(home.path(""))
        .env("XDG_DATA_HOME", home.path("data"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&limited.stderr);
    assert_eq!(limited.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("write: File too large"), "{stderr}");
    assert!(stderr.contains("hint: make room, and run the same command again"), "{stderr}");
    nothing_half(&home, "out");
    home.run(&["export", "parquet", "out"]).succeeds();
    same_flows(&home, &duckdb, "out", "all.parquet");

    let closed = home.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let run = home.powerless(&["export", "parquet", "closed"], &closed).output().unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("Permission denied") && stderr.contains("hint: check who owns"),
        "{stderr}"
    );
    assert!(files(&closed).is_empty());
}
