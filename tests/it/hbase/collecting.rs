//! Live collection into HBase, whose gateway goes away for a while.

use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::proxy::gate;
use super::{finish, gateway, new_table, start};

/// Waits until `question` is answered with `expected`.
fn comes_to(question: &[&str], expected: &str) {
    let began = Instant::now();
    loop {
        let output = start(question).wait_with_output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        if answer.contains(expected) {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(2), "{question:?}: {answer}");
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_comes_while_the_gateway_is_away_is_stored_when_it_is_back() {
    let Some(gateway) = gateway() else { return };
    let (address, open) = gate(&gateway);
    let table = new_table();
    let (through, direct) =
        (format!("hbase://{address}/{table}"), format!("hbase://{gateway}/{table}"));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second, spool) = (path("first.pcap"), path("second.pcap"), path("spool"));
    finish(start(&["generate", &first, "--flows", "3000"]));
    finish(start(&["generate", &second, "--flows", "2000", "--seed", "9", "--format", "ipfix"]));
    let listen = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let count = ["query", "0.0.0.0/0", "--count", "--store", &direct];
    let status = ["collect", "status", "--store", &through, "--spool", &spool];

    let arguments = ["collect", "--listen", &listen, "--store", &through, "--spool", &spool];
    let patience = ["--commit-every", "0.5", "--recovery-secs", "1"];
    let collector = start(&[&arguments[..], &patience].concat());
    comes_to(&status, "running");
    let replay = |file: &str| finish(start(&["replay", file, "--to", &listen, "--rate", "2000"]));
    replay(&first);
    comes_to(&count, "3000\n");
    open.store(false, Relaxed);
    replay(&second);
    comes_to(&status, "fails since");
    open.store(true, Relaxed);
    comes_to(&count, "5000\n");

    let id = collector.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    finish(collector);
}
