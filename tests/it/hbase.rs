//! The store in a real HBase. `scripts/test` starts one and says where: `EARLGREY_HBASE` is the
//! `host:port` of its Thrift gateway, `EARLGREY_HBASE_THRIFT2` that of its second one.

mod commands;
mod faults;

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use earlgrey_hbase::store::conformance;
use earlgrey_hbase::store::hbase::{HbaseStore, Location, Options};

/// What the environment says where to find; none where it says nothing and need not.
fn service(variable: &str) -> Option<String> {
    let place = std::env::var(variable).ok();
    if place.is_none() {
        let required = std::env::var_os("EARLGREY_REQUIRE_SERVICES").is_some_and(|it| it == "1");
        assert!(!required, "{variable} names no server");
        println!("skipped: no HBase; scripts/hbase up starts one, {variable} names its gateway");
    }
    place
}

/// The Thrift gateway.
fn gateway() -> Option<String> {
    service("EARLGREY_HBASE")
}

/// The name of a table that no other test, and no earlier run, has.
fn new_table() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    format!("test_{since_1970}_{}", NEXT.fetch_add(1, Relaxed))
}

fn location(gateway: &str) -> Location {
    format!("hbase://{gateway}/{}", new_table()).parse().unwrap()
}

fn options() -> Options {
    Options { connections: 2, recovery: Duration::from_secs(60), ..Options::default() }
}

/// What HBase cannot promise, by its nature: it is rows that it writes and reads at once, not
/// batches and not tables, and it lets everybody write.
const LEFT_OUT: [&str; 2] = ["a_snapshot_stays_as_it_was", "there_is_one_writer_at_a_time"];

#[test]
fn it_does_what_every_store_must() {
    let Some(gateway) = gateway() else { return };
    conformance::all_but(&LEFT_OUT, &|| Box::new(HbaseStore::new(location(&gateway), options())));
}
