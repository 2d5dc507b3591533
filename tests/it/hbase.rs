//! The store in a real HBase. `scripts/test` starts one and says where: `EARLGREY_HBASE` is the
//! `host:port` of its Thrift gateway, `EARLGREY_HBASE_THRIFT2` that of its second one.

mod admin;
mod behind_nat;
mod cluster;
mod collecting;
mod commands;
mod faults;
pub(crate) mod proxy;
mod regions;
mod spark;

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use earlgrey_hbase::flow::Columns;
use earlgrey_hbase::store::hbase::{HbaseStore, Location, Options};
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::wrap::WatchedSnapshot;
use earlgrey_hbase::store::{Region, Scan, Snapshot as _, Store, StoreError, Watch, conformance};

use crate::needs;

/// The Thrift gateway.
fn gateway() -> Option<String> {
    needs::hbase("EARLGREY_HBASE")
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
    Options { connections: 2, recovery: Duration::from_mins(1), ..Options::default() }
}

/// Every flow of the store as text, in an order of its own.
fn flows(store: &dyn Store) -> Vec<String> {
    let mut flows = Vec::new();
    for region in store.snapshot().unwrap().regions(&Scan::all(Columns::ALL)).unwrap() {
        for batch in region.read() {
            flows.extend(batch.unwrap().records().map(|flow| format!("{flow:?}")));
        }
    }
    flows.sort_unstable();
    flows
}

/// Begins a command.
fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a command that must succeed; gives what it printed.
fn finish(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What HBase cannot promise, by its nature: it is rows that it writes and reads at once, not
/// batches and not tables, and it lets everybody write.
const LEFT_OUT: [&str; 3] = [
    "a_snapshot_stays_as_it_was",
    "a_snapshot_keeps_the_flows_that_go",
    "there_is_one_writer_at_a_time",
];

#[test]
fn it_does_what_every_store_must() {
    let Some(gateway) = gateway() else { return };
    conformance::all_but(&LEFT_OUT, &|| Box::new(HbaseStore::new(location(&gateway), options())));
}

#[test]
fn tops_are_those_of_a_store_in_memory() {
    let Some(gateway) = gateway() else { return };
    super::top::answers_as_memory_does(&HbaseStore::new(location(&gateway), options()));
}

#[test]
fn reading_ends_within_a_second_when_it_is_given_up() {
    let Some(gateway) = gateway() else { return };
    let store = HbaseStore::new(location(&gateway), options());
    conformance::write_sample(&store, 20_000);
    super::watched::ends_within_a_second(&store);
}

#[test]
fn nobody_waits_for_a_gateway_that_says_nothing_when_it_is_given_up() {
    let Some(gateway) = gateway() else { return };
    let table = new_table();
    let through = |gateway: &str| {
        HbaseStore::new(format!("hbase://{gateway}/{table}").parse().unwrap(), options())
    };
    conformance::write_sample(&through(&gateway), 20_000);
    // It falls silent in the middle of the rows.
    let proxy = proxy::Proxy::before(&gateway, proxy::Fate::Silence, 300_000);
    let watch = Watch::default();
    let silent = through(&proxy.address);
    let snapshot = WatchedSnapshot::new(silent.snapshot().unwrap(), watch.clone());
    let regions = snapshot.regions(&Scan::all(Columns::ALL)).unwrap();
    let reader = std::thread::spawn(move || {
        regions.into_iter().flat_map(Region::read).find_map(Result::err)
    });
    let waiting = Instant::now();
    while proxy.met.load(Relaxed) == 0 && waiting.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(!reader.is_finished(), "it waits");
    let began = Instant::now();
    watch.stop();
    let error = reader.join().unwrap().unwrap();
    assert!(matches!(error, StoreError::Stopped), "{error}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_gateway_that_wants_frames_gives_the_same_answers() {
    let (Some(gateway), Some(framed)) = (gateway(), needs::hbase("EARLGREY_HBASE_FRAMED")) else {
        return;
    };
    let expected = MemoryStore::default();
    let table = new_table();
    let through = |gateways: &str| {
        let url = format!("hbase://{gateways}/{table}");
        HbaseStore::new(url.parse().unwrap(), options())
    };
    conformance::write_sample(&expected, 6_000);
    // Gateways of both kinds stand in one list, too.
    conformance::write_sample(&through(&format!("{gateway},{framed}")), 6_000);
    for gateways in [framed.clone(), gateway.clone(), format!("{framed},{gateway}")] {
        assert!(flows(&through(&gateways)) == flows(&expected), "{gateways}");
    }
}
