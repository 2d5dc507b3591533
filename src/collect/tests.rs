use std::net::UdpSocket;
use std::time::Instant;

use super::*;
use crate::capture::{Input, Pace, replay};
use crate::flow::Columns;
use crate::generate::{self, Traffic};
use crate::store::Scan;
use crate::store::memory::MemoryStore;
use crate::store::wrap::{Call, Fault, FaultStore};

fn options(folder: &Path) -> Options {
    Options {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        sockets: 1,
        receive_buffer_bytes: 16 << 20,
        spool: folder.join("spool"),
        spool_bytes: 1 << 30,
        batch_flows: 1_000_000,
        rules: Rules { exporters: Vec::new(), commit_every: Duration::from_millis(20) },
    }
}

/// Waits until it is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A capture of so many flows, and the account of a load of it.
fn capture(folder: &Path, flows: u64) -> (Input, Account) {
    let path = folder.join("day.pcap");
    let traffic = Traffic { flows, ..Traffic::default() };
    generate::write(&traffic, &mut std::fs::File::create(&path).unwrap()).unwrap();
    let input = Input::File(path);
    let inputs = [input.clone()];
    let options = load::Options::default();
    let loaded = load::load(&MemoryStore::default(), &inputs, &options, &Progress::default());
    (input, loaded.unwrap().account)
}

fn send(input: &Input, to: SocketAddr) -> u64 {
    let inputs = [input.clone()];
    replay(&inputs, to, Pace::Rate(3000.0), &AtomicBool::new(false)).unwrap().datagrams
}

fn flows(store: &MemoryStore) -> u64 {
    store.snapshot().unwrap().flows().unwrap()
}

/// Octets of all flows in the store.
fn octets(store: &MemoryStore) -> u128 {
    let regions = store.snapshot().unwrap().regions(&Scan::all(Columns::ALL)).unwrap();
    let batches = regions.into_iter().flat_map(|region| region.read().map(Result::unwrap));
    batches.flat_map(|batch| batch.octets).map(u128::from).sum()
}

#[test]
fn a_store_that_fails_now_and_then_holds_everything_once_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (input, expected) = capture(folder.path(), 30_000);
    for fault in [
        Fault::Before(Call::Commit, 2),
        Fault::After(Call::Commit, 2),
        Fault::Before(Call::Write, 1),
        Fault::After(Call::Write, 2),
        Fault::Before(Call::Admit, 100),
        Fault::Before(Call::Record, 2),
        Fault::After(Call::Record, 3),
    ] {
        let memory = MemoryStore::default();
        // The store is opened again after the first failure, and that fails as well.
        let store = FaultStore::new(memory.clone(), [fault, Fault::Before(Call::Writer, 2)]);
        let known = store.faults();
        let place = folder.path().join(format!("{fault:?}"));
        let collector = Collector::start(Box::new(store), &options(&place)).unwrap();
        assert_eq!(send(&input, collector.addresses()[0]), expected.datagrams);
        until("everything stored", || flows(&memory) == expected.stored);
        let finished = collector.finish();
        assert!(finished.failure.is_none(), "{fault:?}: {:?}", finished.failure);
        assert_eq!(known.met(), 2, "{fault:?}");
        assert_eq!(octets(&memory), expected.octets, "{fault:?}");
        let account = &finished.load.account;
        assert!(account.balances(), "{account:?}");
        // What the store took and did not acknowledge is met again.
        let met = account.decoded + account.duplicate_datagrams;
        assert_eq!((account.datagrams, met), (expected.datagrams, expected.datagrams), "{fault:?}");
        assert_eq!(finished.status.spool.segments, 0);
        assert_eq!(memory.loads().unwrap(), [finished.load], "{fault:?}");
    }
}

#[test]
fn an_account_says_what_was_stored_though_the_store_failed_before() {
    let folder = tempfile::tempdir().unwrap();
    let (input, expected) = capture(folder.path(), 3000);
    let memory = MemoryStore::default();
    let store = FaultStore::new(memory.clone(), [Fault::Before(Call::Commit, 1)]);
    let collector = Collector::start(Box::new(store), &options(folder.path())).unwrap();
    let to = collector.addresses()[0];
    send(&input, to);
    until("everything stored", || flows(&memory) == expected.stored);
    let Finished { load, status, .. } = collector.finish();
    assert_eq!((load.account.stored, load.account.duplicate_datagrams), (expected.stored, 0));
    assert_eq!(status.exporters.len(), 1);
    let counts = status.exporters[0].exported;
    assert_eq!((counts.flows, counts.decoded), (expected.stored, expected.decoded));
    let file = &load.files[0];
    assert_eq!((load.files.len(), &file.path), (1, &format!("udp://{to}")));
    assert_eq!((file.datagrams, file.stored), (expected.datagrams, expected.stored));
}

#[test]
fn a_store_that_never_can_be_used_is_told_at_once_and_one_in_use_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = FaultStore::new(MemoryStore::default(), [Fault::Before(Call::Writer, 1)]);
    let refused = Collector::start(Box::new(store), &options(folder.path()));
    assert!(matches!(refused, Err(CollectError::Store(StoreError::Injected { .. }))));

    let memory = MemoryStore::default();
    let other = memory.writer().unwrap();
    let collector = Collector::start(Box::new(memory.clone()), &options(folder.path())).unwrap();
    let (input, expected) = capture(folder.path(), 300);
    send(&input, collector.addresses()[0]);
    until("received", || collector.status().sockets[0].datagrams == expected.datagrams);
    let status = collector.status();
    let failure = status.store.failure.unwrap();
    assert!(failure.contains("in use by another writer"), "{failure}");
    assert!(status.spool.bytes > 0 && status.store.commits == 0);
    drop(other);
    until("stored", || flows(&memory) == expected.stored);
    until("told", || collector.status().store.failure.is_none());
    collector.finish();
}

#[test]
fn what_the_store_does_not_take_at_the_end_is_there_for_the_next_collector() {
    let folder = tempfile::tempdir().unwrap();
    let (input, expected) = capture(folder.path(), 300);
    let memory = MemoryStore::default();
    let other = memory.writer().unwrap();
    let collector = Collector::start(Box::new(memory.clone()), &options(folder.path())).unwrap();
    send(&input, collector.addresses()[0]);
    let finished = collector.finish();
    assert!(matches!(finished.failure, Some(StoreError::InUse { .. })));
    assert_eq!(finished.load.account.stored, 0);
    assert!(finished.status.spool.segments > 0);
    drop(other);
    let collector = Collector::start(Box::new(memory.clone()), &options(folder.path())).unwrap();
    let gap = collector.status().gap.unwrap();
    assert!(!gap.killed && gap.from >= finished.status.started && gap.to >= gap.from);
    assert_eq!(collector.finish().load.account.stored, expected.stored);
}

#[test]
fn several_sockets_share_an_address_and_no_other_process_does() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { sockets: 3, ..options(folder.path()) };
    let collector = Collector::start(Box::new(MemoryStore::default()), &options).unwrap();
    let to = collector.addresses()[0];
    assert_eq!(collector.addresses().len(), 1);
    let senders: Vec<_> = (0..20).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    for sender in &senders {
        sender.send_to(b"no export", to).unwrap();
    }
    let foreign =
        |status: &Status| status.exporters.first().map(|one| one.exported.not_flow_export);
    until("all of them", || foreign(&collector.status()) == Some(senders.len() as u64));
    let again = Options { listen: vec![to], spool: folder.path().join("other"), ..options };
    let refused = Collector::start(Box::new(MemoryStore::default()), &again);
    assert!(matches!(refused, Err(CollectError::Listen { .. })));
    assert_eq!(collector.finish().status.sockets.len(), 1);
}
