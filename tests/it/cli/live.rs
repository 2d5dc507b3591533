//! `load` from pipes that stay open and fall silent.

use std::io::Write;
use std::process::Child;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::load::signal;
use super::*;

impl Home {
    /// A load under way.
    fn loading(&self, path: &str) -> Child {
        self.command(&["load", path, "--commit-every", "0.2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits until a load is in the ledger, and can so be interrupted.
    fn begins(&self) {
        let begun = Instant::now();
        while !self.store().join("ledger.ndjson").exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no load began");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(300));
    }

    fn stores_in_time(&self, flows: &str) {
        let begun = Instant::now();
        while self.run(&["query", "0.0.0.0/0", "--count"]).stdout != flows {
            assert!(begun.elapsed() < Duration::from_secs(20), "not {flows}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Has `load` stopped by `name`d signal, which it is to obey within a second.
#[track_caller]
fn stops(mut load: Child, name: &str) -> Run {
    // Whoever waits for a process closes its input first, and that would end the load as well.
    let _open = load.stdin.take();
    let begun = Instant::now();
    signal(&load, name);
    let run = Run::of(load.wait_with_output().unwrap()).ends(130, "interrupted: loaded ");
    // The system may be busy with other tests.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    run
}

#[test]
fn what_a_quiet_pipe_gave_is_committed_and_an_interrupt_is_obeyed() {
    for name in ["-INT", "-TERM"] {
        let home = Home::new();
        let mut load = home.loading("-");
        let mut stdin = load.stdin.take().unwrap();
        // One packet more is begun, and never ends.
        let rest = packet(b"cut");
        stdin.write_all(&capture(&[exports(0, &FLOWS)])).unwrap();
        stdin.write_all(&rest[..20]).unwrap();
        home.stores_in_time("6\n");
        stdin.write_all(&rest[20..]).unwrap();
        stdin.write_all(&packet(&exports(6, &FLOWS))).unwrap();
        home.stores_in_time("12\n");
        stdin.write_all(&packet(&exports(12, &FLOWS))[..100]).unwrap();
        let run = stops(load, name);
        assert!(!run.stderr.contains("fault"), "{}", run.stderr);
        assert_eq!(home.run(&["query", "0.0.0.0/0", "--count"]).succeeds().stdout, "12\n");
        let ledger = home.run(&["loads", "-o", "json"]).succeeds().json();
        assert_eq!(
            (&ledger[0]["state"], &ledger[0]["stored"]),
            (&"interrupted".into(), &12.into())
        );
    }
}

#[test]
fn a_capture_that_is_shorter_than_the_header_of_an_archive_is_known_at_once() {
    let home = Home::new();
    let mut load = home.loading("-");
    let mut stdin = load.stdin.take().unwrap();
    stdin.write_all(&capture(&[exports(0, &FLOWS[..1])])).unwrap();
    home.stores_in_time("1\n");
    stops(load, "-INT");
}

#[test]
fn an_interrupt_is_obeyed_before_anything_came() {
    let home = Home::new();
    let load = home.loading("-");
    home.begins();
    let run = stops(load, "-INT");
    assert!(run.stderr.contains("loaded 0 files"), "{}", run.stderr);
}

#[test]
fn a_named_pipe_is_read_as_it_comes_also_before_there_is_a_writer() {
    let home = Home::new();
    let made = Command::new("mkfifo").arg(home.path("pipe")).status().unwrap();
    assert!(made.success());
    let load = home.loading("pipe");
    home.begins();
    stops(load, "-INT");

    let load = home.loading("pipe");
    let mut pipe = fs::OpenOptions::new().write(true).open(home.path("pipe")).unwrap();
    pipe.write_all(&capture(&[exports(0, &FLOWS)])).unwrap();
    home.stores_in_time("6\n");
    pipe.write_all(&packet(&exports(6, &FLOWS))).unwrap();
    drop(pipe);
    Run::of(load.wait_with_output().unwrap()).ends(0, "12 stored");
}

#[test]
fn a_compressed_pipe_is_no_different() {
    let home = Home::new();
    let mut load = home.loading("-");
    let mut stdin = GzEncoder::new(load.stdin.take().unwrap(), Compression::fast());
    stdin.write_all(&capture(&[exports(0, &FLOWS)])).unwrap();
    stdin.flush().unwrap();
    home.stores_in_time("6\n");
    let run = stops(load, "-INT");
    assert!(!run.stderr.contains("fault"), "{}", run.stderr);
}
