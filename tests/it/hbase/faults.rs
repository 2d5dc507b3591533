//! Servers that are not there, not what they should be, or silent.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{gateway, location, new_table, options};
use earlgrey_hbase::store::hbase::{HbaseStore, Options};
use earlgrey_hbase::store::{Store, StoreError, conformance};

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
    for gateway in [http, closing, silent] {
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
