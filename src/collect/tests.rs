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
        tees: Vec::new(),
        spool: folder.join("spool"),
        spool_bytes: 1 << 30,
        batch_flows: 1_000_000,
        rates: Rates::default(),
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
    replay(&inputs, to, Pace::Rate(3000.0), None, &AtomicBool::new(false)).unwrap().datagrams
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

/// A segment with the datagrams of a capture of so many flows, left by a collector whose store was
/// in use.
fn left_behind(folder: &Path, memory: &MemoryStore, flows: u64) -> (PathBuf, Account) {
    let (input, expected) = capture(folder, flows);
    let other = memory.writer().unwrap();
    let collector = Collector::start(Box::new(memory.clone()), &options(folder)).unwrap();
    send(&input, collector.addresses()[0]);
    let finished = collector.finish();
    assert!(finished.failure.is_some() && finished.status.spool.segments > 0);
    drop(other);
    let segments =
        std::fs::read_dir(folder.join("spool")).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<PathBuf> =
        segments.filter(|path| path.extension().is_some_and(|end| end == "pcap")).collect();
    segments.sort();
    // All of it in one file.
    let [first, more @ ..] = &segments[..] else { panic!("no segments") };
    let mut whole = std::fs::read(first).unwrap();
    for segment in more {
        whole.extend_from_slice(&std::fs::read(segment).unwrap()[24..]);
        std::fs::remove_file(segment).unwrap();
    }
    std::fs::write(first, whole).unwrap();
    (first.clone(), expected)
}

#[test]
fn a_segment_that_cannot_be_read_stays_is_told_and_is_loaded_when_it_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let memory = MemoryStore::default();
    let (segment, expected) = left_behind(folder.path(), &memory, 3000);
    let hidden = folder.path().join("hidden");
    std::fs::rename(&segment, &hidden).unwrap();
    std::fs::create_dir(&segment).unwrap();

    let collector = Collector::start(Box::new(memory.clone()), &options(folder.path())).unwrap();
    until("told", || collector.status().spool.unread_segments == 1);
    let spool = collector.status().spool;
    assert_eq!((spool.segments, &spool.unread[0].file), (1, &segment));
    assert!(spool.unread[0].failure.contains("is a directory"), "{spool:?}");
    // Those that come later are loaded.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"no export", collector.addresses()[0]).unwrap();
    until("loaded", || {
        let status = collector.status();
        status.spool.segments == 1 && status.exporters.len() == 1
    });
    // At the end it is tried once more, and stays for the next one.
    let finished = collector.finish();
    assert_eq!((flows(&memory), finished.status.spool.unread_segments), (0, 1));
    assert!(finished.load.files.iter().all(|file| file.fault.is_none()), "{:?}", finished.load);

    let collector = Collector::start(Box::new(memory.clone()), &options(folder.path())).unwrap();
    until("told", || collector.status().spool.unread_segments == 1);
    std::fs::remove_dir(&segment).unwrap();
    std::fs::rename(&hidden, &segment).unwrap();
    until("everything stored", || flows(&memory) == expected.stored);
    until("gone", || collector.status().spool.segments == 0);
    let finished = collector.finish();
    assert_eq!(finished.status.spool.unread_segments, 0);
    assert_eq!(finished.load.account.duplicate_datagrams, 0);
    assert_eq!(octets(&memory), expected.octets);
}

#[test]
fn a_collector_whose_loader_panics_says_so_and_leaves_all_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let (input, expected) = capture(folder.path(), 3000);
    let memory = MemoryStore::default();
    let store = FaultStore::new(memory.clone(), [Fault::Panic(Call::Commit, 1)]);
    let collector = Collector::start(Box::new(store), &options(folder.path())).unwrap();
    assert_eq!((collector.status().state, collector.failure()), (State::Running, None));
    send(&input, collector.addresses()[0]);
    until("failed", || collector.status().state == State::Failed);
    assert_eq!(collector.status().failure.as_deref(), Some("the loader has panicked"));
    assert!(metrics(&collector.status()).contains("earlgrey_collect_up 0\n"));
    let status = collector.finish().status;
    let failure = "the loader has panicked: a panic that was asked for";
    assert_eq!((status.state, status.failure.as_deref()), (State::Failed, Some(failure)));
    assert_eq!(read(&options(folder.path()).spool).unwrap().unwrap(), status);
    assert_eq!(flows(&memory), 0);
    // Nothing of it is lost.
    let collector = Collector::start(Box::new(memory.clone()), &options(folder.path())).unwrap();
    assert_eq!(collector.finish().load.account.stored, expected.stored);
}

#[test]
fn a_collector_of_which_a_receiver_panics_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Box::new(MemoryStore::default());
    let mut collector = Collector::start(store, &options(folder.path())).unwrap();
    let deaf = thread::spawn(|| panic!("a panic that was asked for"));
    let hears = std::mem::replace(&mut collector.receivers[0], deaf);
    let address = collector.addresses()[0];
    until("failed", || collector.status().state == State::Failed);
    let failure = format!("the receiver at {address} has panicked");
    assert_eq!(collector.failure(), Some(failure.clone()));
    let status = collector.finish().status;
    assert_eq!(status.failure, Some(format!("{failure}: a panic that was asked for")));
    hears.join().unwrap();
}

#[test]
fn what_waits_and_cannot_be_kept_keeps_its_segments() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("spool/waiting.pcap.tmp");
    std::fs::create_dir_all(&in_the_way).unwrap();
    let store = Box::new(MemoryStore::default());
    let collector = Collector::start(store.clone(), &options(folder.path())).unwrap();
    // NetFlow v9: no template, and one data set of it.
    let v9 = [&[0, 9, 0, 1][..], &[0; 16], &[1, 0, 0, 8, 1, 2, 3, 4]].concat();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&v9, collector.addresses()[0]).unwrap();
    until("told", || collector.status().spool.failure.is_some());
    let Status { spool, exporters, store: stored, .. } = collector.status();
    assert!(spool.failure.unwrap().contains("waiting.pcap: create"));
    assert_eq!((exporters[0].exported.waiting, spool.segments), (1, 1));
    assert!(stored.commits > 0 && stored.failure.is_none());
    // It is not loaded again meanwhile.
    let finished = collector.finish();
    assert!(matches!(finished.failure, Some(StoreError::Io { .. })));
    assert_eq!((finished.load.account.datagrams, finished.status.spool.segments), (1, 1));

    let collector = Collector::start(store, &options(folder.path())).unwrap();
    until("told", || collector.status().spool.failure.is_some());
    std::fs::remove_dir(in_the_way).unwrap();
    until("kept", || collector.status().spool.failure.is_none());
    assert_eq!(collector.status().spool.segments, 0);
    assert!(collector.finish().failure.is_none());
    let kept = std::fs::read(folder.path().join("spool/waiting.pcap")).unwrap();
    assert!(kept.ends_with(&v9));
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
