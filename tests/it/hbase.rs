//! The store in a real HBase. `scripts/test` starts one and says where: `EARLGREY_HBASE` is the
//! `host:port` of its Thrift gateway.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use earlgrey_hbase::store::conformance;
use earlgrey_hbase::store::hbase::{HbaseStore, Location, Options};

/// The gateway; none where there is none and none is asked for.
fn gateway() -> Option<String> {
    let gateway = std::env::var("EARLGREY_HBASE").ok();
    if gateway.is_none() {
        let required = std::env::var_os("EARLGREY_REQUIRE_SERVICES").is_some_and(|it| it == "1");
        assert!(!required, "EARLGREY_HBASE names no gateway");
        println!(
            "skipped: no HBase; scripts/hbase up starts one, EARLGREY_HBASE names its gateway"
        );
    }
    gateway
}

/// A table that no other test, and no earlier run, has.
fn location(gateway: &str) -> Location {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let number = NEXT.fetch_add(1, Relaxed);
    format!("hbase://{gateway}/test_{since_1970}_{number}").parse().unwrap()
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
