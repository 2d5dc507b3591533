//! Servers that are not there, not what they should be, or silent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::proxy::{Fate, Proxy};
use super::{flows, gateway, location, new_table, options};
use crate::needs;
use earlgrey_hbase::flow::Columns;
use earlgrey_hbase::store::hbase::{HbaseStore, Options};
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::{Scan, Store, StoreError, conformance};
use hbase_thrift::Attributes;
use hbase_thrift::hbase::{HbaseSyncClient, THbaseSyncClient};
use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};
use thrift::transport::{TBufferedReadTransport, TBufferedWriteTransport, TIoChannel, TTcpChannel};

/// A port where nobody listens: it was free a moment ago.
fn dead() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Somebody who does `what` with every connection.
fn server(what: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let what = std::sync::Arc::new(what);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let what = std::sync::Arc::clone(&what);
            std::thread::spawn(move || what(stream.unwrap()));
        }
    });
    address
}

fn unreachable_because(gateway: &str, options: Options) -> String {
    let store = HbaseStore::new(location(gateway), options);
    match store.snapshot().err() {
        Some(StoreError::Unreachable { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_is_not_there_is_told_at_once_with_its_exit_status() {
    let began = Instant::now();
    let reason = unreachable_because(&dead(), Options::default());
    assert!(reason.contains("refused"), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(30), "nobody waits for what was never there");
    let store = format!("hbase://{}", dead());
    let output = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"))
        .args(["query", "10.0.0.1", "--store", &store])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("cannot be reached") && told.contains("hint: check that"), "{told}");
}

#[test]
fn a_server_that_is_no_gateway_is_told() {
    let http = server(|mut stream| {
        let _ = stream.read(&mut [0; 100]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let closing = server(|mut stream| {
        let _ = stream.read(&mut [0; 4]);
    });
    let silent = server(|stream| {
        std::thread::sleep(Duration::from_secs(30));
        drop(stream);
    });
    let options = Options { answer: Duration::from_secs(1), ..options() };
    let mut others = vec![http, closing, silent];
    others.extend(needs::hbase("EARLGREY_HBASE_THRIFT2"));
    for gateway in others {
        let reason = unreachable_because(&gateway, options.clone());
        assert!(reason.contains("no HBase Thrift gateway"), "{reason}");
    }
}

#[test]
fn a_dead_gateway_is_gone_around() {
    let Some(gateway) = gateway() else { return };
    let gateways = format!("{},{gateway},{}", dead(), dead());
    let store = HbaseStore::new(
        format!("hbase://{gateways}/{}", new_table()).parse().unwrap(),
        Options { connections: 4, ..options() },
    );
    conformance::write_sample(&store, 5_000);
    for _ in 0..4 {
        assert_eq!(store.snapshot().unwrap().flows().unwrap(), 5_000);
    }
}

#[test]
fn tables_that_are_none_of_a_store_are_left_alone() {
    let Some(gateway) = gateway() else { return };
    let store = HbaseStore::new(location(&gateway), options());
    assert!(matches!(store.snapshot().err(), Some(StoreError::Missing { .. })));
    assert!(matches!(store.drop_tables().err(), Some(StoreError::Missing { .. })));
    // The ledger of one store is the table of flows of another.
    let other = location(&gateway);
    HbaseStore::new(other.clone(), options()).writer().unwrap();
    let url = other.to_string().replace(&other.table, &format!("{}_loads", other.table));
    let foreign = HbaseStore::new(url.parse().unwrap(), options());
    let Some(StoreError::NotAStore { found, .. }) = foreign.writer().err() else {
        panic!("a table of somebody else was taken for our own");
    };
    assert!(found.contains("did not make"), "{found}");
}

#[test]
fn connections_that_break_or_fall_silent_lose_nothing_and_repeat_nothing() {
    let Some(gateway) = gateway() else { return };
    let expected = MemoryStore::default();
    conformance::write_sample(&expected, 8_000);
    let expected = flows(&expected);
    for (fate, least) in [(Fate::Cut, 2_000), (Fate::Silence, 60_000)] {
        let options = Options { answer: Duration::from_secs(1), ..options() };
        let table = new_table();
        let through = |proxy: &Proxy| {
            let url = format!("hbase://{}/{table}", proxy.address);
            HbaseStore::new(url.parse().unwrap(), options.clone())
        };
        // The tables are made in peace: a call that makes one takes longer than a second.
        let direct = HbaseStore::new(
            format!("hbase://{gateway}/{table}").parse().unwrap(),
            super::options(),
        );
        drop(direct.writer().unwrap());
        let proxy = Proxy::before(&gateway, fate, least);
        conformance::write_sample(&through(&proxy), 8_000);
        assert!(proxy.met.load(Relaxed) > 0, "nothing happened to any connection");
        assert!(flows(&direct) == expected, "{fate:?} while it was written");
        let proxy = Proxy::before(&gateway, fate, least);
        assert!(flows(&through(&proxy)) == expected, "{fate:?} while it was read");
        assert!(proxy.met.load(Relaxed) > 0, "nothing happened to any connection");
    }
}

#[test]
fn a_table_that_was_disabled_is_told_and_works_again_afterwards() {
    let Some(gateway) = gateway() else { return };
    let location = location(&gateway);
    let store = HbaseStore::new(location.clone(), options());
    conformance::write_sample(&store, 100);
    let mut admin = admin(&gateway);
    admin.disable_table(location.table.clone().into()).unwrap();
    match store.snapshot().unwrap().flows() {
        Err(StoreError::Refused { detail, .. }) => assert!(detail.contains("disabled"), "{detail}"),
        other => panic!("{other:?}"),
    }
    admin.enable_table(location.table.clone().into()).unwrap();
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 100);
}

/// A client that does what no store asks for.
fn admin(gateway: &str) -> impl THbaseSyncClient {
    let (read, write) =
        TTcpChannel::with_stream(TcpStream::connect(gateway).unwrap()).split().unwrap();
    HbaseSyncClient::new(
        TBinaryInputProtocol::new(TBufferedReadTransport::new(read), true),
        TBinaryOutputProtocol::new(TBufferedWriteTransport::new(write), true),
    )
}

#[test]
fn a_reader_that_pauses_goes_on_where_it_was() {
    let Some(gateway) = gateway() else { return };
    let store = HbaseStore::new(location(&gateway), options());
    conformance::write_sample(&store, 9_000);
    let snapshot = store.snapshot().unwrap();
    let mut regions = snapshot.regions(&Scan::all(Columns::NONE)).unwrap();
    assert_eq!(regions.len(), 1);
    let mut flows = regions.remove(0).read();
    let first = flows.next().unwrap().unwrap().len();
    // Longer than an idle connection is trusted: the gateway closes it without a word.
    std::thread::sleep(Duration::from_secs(45));
    let rest: usize = flows.map(|batch| batch.unwrap().len()).sum();
    assert_eq!(first + rest, 9_000);
}

#[test]
fn a_scanner_that_is_gone_is_opened_again_behind_the_last_row() {
    let Some(gateway) = gateway() else { return };
    let location = location(&gateway);
    let store = HbaseStore::new(location.clone(), options());
    conformance::write_sample(&store, 9_000);
    let mut admin = admin(&gateway);
    let mut a_scanner = || {
        let table = location.table.clone().into();
        admin.scanner_open(table, Vec::new(), vec![b"f:p".to_vec()], Attributes::new()).unwrap()
    };
    // A gateway numbers the scanners of all its clients, and lets each close those of the others:
    // to one that reads, that is as if its lease had run out.
    let before = a_scanner();
    let snapshot = store.snapshot().unwrap();
    let mut rows = snapshot.regions(&Scan::all(Columns::NONE)).unwrap().remove(0).read();
    let first = rows.next().unwrap().unwrap().len();
    let after = a_scanner();
    assert!(after > before + 1, "the store opened no scanner");
    for scanner in before..=after {
        // Another test's may have ended by itself.
        let _ = admin.scanner_close(scanner);
    }
    let rest: usize = rows.map(|batch| batch.unwrap().len()).sum();
    assert_eq!(first + rest, 9_000);
}

#[test]
fn a_load_whose_cluster_goes_away_ends_with_status_4_and_can_be_run_again() {
    let Some(gateway) = gateway() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.pcap").to_str().unwrap().to_owned();
    let table = new_table();
    let earlgrey = |arguments: &[&str], gateway: &str| {
        let store = format!("hbase://{gateway}/{table}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
        command.args(arguments).args(["--store", &store, "--recovery-secs", "2"]);
        command.output().unwrap()
    };
    assert!(earlgrey(&["generate", &file, "--flows", "40000"], &gateway).status.success());
    assert!(earlgrey(&["schema", "create"], &gateway).status.success());
    let proxy = Proxy::before(&gateway, Fate::Gone, 3_000_000);
    let stopped = earlgrey(&["load", &file], &proxy.address);
    let told = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert_eq!(stopped.status.code(), Some(4), "{told}");
    assert!(told.contains("cannot be reached") && told.contains("hint:"), "{told}");
    assert!(proxy.met.load(Relaxed) > 0);

    assert!(earlgrey(&["load", &file], &gateway).status.success());
    for direction in ["src", "dst"] {
        let question = ["query", "0.0.0.0/0", "--direction", direction, "--count"];
        assert_eq!(String::from_utf8_lossy(&earlgrey(&question, &gateway).stdout), "40000\n");
    }
}

#[test]
fn a_load_into_a_disabled_table_says_so_and_can_be_run_again() {
    let Some(gateway) = gateway() else { return };
    let location = location(&gateway);
    let store = HbaseStore::new(location.clone(), options());
    drop(store.writer().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.pcap").to_str().unwrap().to_owned();
    let earlgrey = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
        command.args(arguments).args(["--store", &location.to_string()]).output().unwrap()
    };
    assert!(earlgrey(&["generate", &file, "--flows", "5000"]).status.success());
    let mut admin = admin(&gateway);
    admin.disable_table(location.table.clone().into()).unwrap();
    let refused = earlgrey(&["load", &file]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("is disabled; enable '"), "{told}");
    admin.enable_table(location.table.clone().into()).unwrap();
    assert!(earlgrey(&["load", &file]).status.success());
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 5_000);
}
