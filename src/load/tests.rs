use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::flow::{Columns, DatagramId, Names, Remembered, Topic, UnixMillis};
use crate::generate::{self, Damage, Traffic};
use crate::import;
use crate::netflow::v5;
use crate::normalise::MAX_SOURCES_OF_EXPORTER;
use crate::store::memory::MemoryStore;
use crate::store::wrap::{Call, Fault, FaultStore};
use crate::store::{Account, Expired, Scan, Snapshot, WriteBatch, Writer};

/// Exports of one engine in order, `flows` records each.
fn exports(sizes: &[u16]) -> Vec<Vec<u8>> {
    let mut flow_sequence = 0;
    sizes
        .iter()
        .map(|&flows| {
            let records: Vec<v5::Record> = (0..u32::from(flows))
                .map(|number| v5::Record {
                    src_addr: Ipv4Addr::from(0x0a00_0001 + number % 3),
                    dst_addr: Ipv4Addr::from(0x7aa6_1a84 + number),
                    packets: 1 + number,
                    octets: 100 * (1 + number),
                    first_ms: 9_000,
                    last_ms: 9_500,
                    protocol: 17,
                    ..v5::Record::default()
                })
                .collect();
            let header = v5::Header {
                count: flows,
                uptime_ms: 10_000,
                unix_secs: 1_186_040_527,
                flow_sequence,
                ..v5::Header::default()
            };
            flow_sequence += u32::from(flows);
            let mut payload = Vec::new();
            v5::encode(&header, &records, &mut payload);
            payload
        })
        .collect()
}

/// A pcap of raw IP packets, one for each payload, all from 192.0.2.1.
fn capture(payloads: &[Vec<u8>]) -> Vec<u8> {
    capture_from(payloads.iter().map(|payload| (1, payload)))
}

/// Likewise of several exporters, each told by the last byte of its address.
fn capture_from<'a>(payloads: impl Iterator<Item = (u8, &'a Vec<u8>)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0002_0004, 0, 0, 65_535, 101] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    for (exporter, payload) in payloads {
        let udp_bytes = 8 + payload.len() as u16;
        let ip_bytes = 20 + u32::from(udp_bytes);
        for word in [1_186_040_528, 0, ip_bytes, ip_bytes] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.extend_from_slice(&[0x45, 0]);
        bytes.extend_from_slice(&(ip_bytes as u16).to_be_bytes());
        bytes.extend_from_slice(&[0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, exporter, 192, 0, 2, 2]);
        for half in [40_000, 2055, udp_bytes, 0] {
            bytes.extend_from_slice(&half.to_be_bytes());
        }
        bytes.extend_from_slice(payload);
    }
    bytes
}

fn small_batches() -> Options {
    Options { batch_flows: 64, commit_every: Duration::ZERO, ..Options::default() }
}

fn load_bytes(store: &dyn Store, folder: &Path, bytes: &[u8]) -> Result<Load, LoadError> {
    let path = folder.join("a.pcap");
    fs::write(&path, bytes).unwrap();
    load(store, &[Input::File(path)], &small_batches(), &Progress::default())
}

/// Octets of all flows in the store.
fn octets(snapshot: &dyn Snapshot) -> u128 {
    let regions = snapshot.regions(&Scan::all(Columns::ALL)).unwrap();
    let batches = regions.into_iter().flat_map(|region| region.read().map(Result::unwrap));
    batches.flat_map(|batch| batch.octets).map(u128::from).sum()
}

#[test]
fn a_capture_is_loaded_once_however_often_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemoryStore::default();
    let mut payloads = exports(&[30, 30, 7, 30]);
    payloads.push(payloads[1].clone());
    payloads.push(b"no flow export at all".to_vec());
    let lost = payloads.remove(2);
    assert_eq!(lost.len(), 24 + 7 * 48);
    let bytes = capture(&payloads);

    let first = load_bytes(&store, folder.path(), &bytes).unwrap();
    let expected = Account {
        captured_packets: 5,
        datagrams: 5,
        decoded: 3,
        duplicate_datagrams: 1,
        not_flow_export: 1,
        records: 120,
        stored: 90,
        duplicate_records: 30,
        lost: first.account.lost.clone(),
        first: Some(crate::UnixMillis(1_186_040_526_000)),
        last: Some(crate::UnixMillis(1_186_040_526_500)),
        octets: 3 * 46_500,
        packets: 3 * 465,
        ..Account::default()
    };
    assert_eq!(first.account, expected);
    let lost: Vec<_> = first.account.lost.iter().map(|lost| (lost.engine, lost.count)).collect();
    assert_eq!(lost, [(0, 7)]);
    assert_eq!(first.files.len(), 1);
    assert_eq!((first.files[0].bytes, first.files[0].datagrams), (bytes.len() as u64, 5));
    assert_eq!((first.files[0].stored, first.files[0].fault.as_ref()), (90, None));

    let again = load_bytes(&store, folder.path(), &bytes).unwrap();
    assert_eq!((again.account.stored, again.account.duplicate_records), (0, 120));
    assert_eq!(again.account.lost, first.account.lost);
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 90);
    assert_eq!(store.loads().unwrap(), [first, again]);
}

#[test]
fn who_makes_up_engines_costs_nobody_else_a_flow() {
    // Nine exporters that fill all the places there are, with two more of the first one's each.
    let forged: Vec<Vec<u8>> = (0..MAX_SOURCES_OF_EXPORTER as u16 + 2)
        .map(|engine| {
            let [engine_type, engine_id] = engine.to_be_bytes();
            let header = v5::Header {
                count: 1,
                uptime_ms: 10_000,
                unix_secs: 1_186_040_527,
                engine_type,
                engine_id,
                ..v5::Header::default()
            };
            let mut payload = Vec::new();
            v5::encode(&header, &[v5::Record::default()], &mut payload);
            payload
        })
        .collect();
    let honest = exports(&[1]);
    let datagrams = (1..=9).flat_map(|exporter| forged.iter().map(move |one| (exporter, one)));
    let bytes = capture_from(datagrams.chain([(77, &honest[0])]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcap");
    fs::write(&path, bytes).unwrap();
    let store = MemoryStore::default();
    let load = load(&store, &[Input::File(path)], &Options::default(), &Progress::default());
    let account = load.unwrap().account;
    let share = MAX_SOURCES_OF_EXPORTER as u64;
    // Of the last ones, who come when the first batch was handed over, none is too many.
    let rejected = account.rejected.get("too many sources").copied().unwrap_or(0);
    assert!(rejected <= 2 * 9 && account.stored > 9 * share, "{account:?}");
    assert_eq!(account.stored + rejected, 9 * (share + 2) + 1);
    // Theirs are flows from nowhere.
    let honest = IpAddr::from([10, 0, 0, 1]);
    let scan = Scan { lead: Some(honest.into()), ..Scan::all(Columns::ALL) };
    let regions = store.snapshot().unwrap().regions(&scan).unwrap();
    let flows = regions.into_iter().flat_map(|region| region.read().map(Result::unwrap));
    let exporters = flows.flat_map(|batch| {
        (0..batch.len()).map(|row| batch.record(row).source.exporter).collect::<Vec<_>>()
    });
    assert_eq!(exporters.collect::<Vec<_>>(), [IpAddr::from([192, 0, 2, 77])]);
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_the_next_one_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemoryStore::default();
    let good = folder.path().join("good.pcap");
    fs::write(&good, capture(&exports(&[5]))).unwrap();
    let inputs = [Input::File(folder.path().join("gone.pcap")), Input::File(good)];
    let load = load(&store, &inputs, &Options::default(), &Progress::default()).unwrap();
    assert_eq!(load.account.stored, 5);
    let fault = load.files[0].fault.as_deref().unwrap();
    assert!(fault.starts_with("open ") && fault.contains("o such file"), "{fault}");
    assert_eq!((load.files[1].stored, load.files[1].fault.as_ref()), (5, None));
}

/// One mishap of a file: where, as a share of the file, and what.
#[derive(Debug, Clone)]
enum Mishap {
    Flip(f64, u8),
    Cut(f64),
    Insert(f64, Vec<u8>),
    Remove(f64, usize),
    Repeat(f64, usize),
}

impl Mishap {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |share: f64| (share * bytes.len() as f64) as usize;
        let span =
            |share: f64, length: usize| place(share)..(place(share) + length).min(bytes.len());
        match self {
            Self::Flip(share, bits) => {
                let place = place(*share);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= bits;
                }
            }
            Self::Cut(share) => bytes.truncate(place(*share)),
            Self::Insert(share, more) => {
                let place = place(*share);
                bytes.splice(place..place, more.iter().copied());
            }
            Self::Remove(share, length) => {
                let span = span(*share, *length);
                bytes.drain(span);
            }
            Self::Repeat(share, length) => {
                let span = span(*share, *length);
                let more = bytes[span.clone()].to_vec();
                bytes.splice(span.start..span.start, more);
            }
        }
    }
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let share = || 0.0..1.0f64;
    prop_oneof![
        6 => (share(), 1u8..).prop_map(|(at, bits)| Mishap::Flip(at, bits)),
        1 => share().prop_map(Mishap::Cut),
        1 => (share(), prop::collection::vec(any::<u8>(), 1..80))
            .prop_map(|(at, more)| Mishap::Insert(at, more)),
        1 => (share(), 1usize..80).prop_map(|(at, length)| Mishap::Remove(at, length)),
        1 => (share(), 1usize..2000).prop_map(|(at, length)| Mishap::Repeat(at, length)),
    ]
}

/// Everything that must hold of a load, whatever it read.
fn check(load: &Load) {
    let account = &load.account;
    assert!(account.balances(), "{account:?}");
    let of_files = load.files.iter().fold((0, 0), |(datagrams, stored), file| {
        (datagrams + file.datagrams, stored + file.stored)
    });
    assert_eq!(of_files, (account.datagrams, account.stored));
    let skipped: u64 = account.skipped_packets.values().sum();
    assert_eq!(account.captured_packets, account.datagrams + skipped);
    assert_eq!(account.first.is_some(), account.stored > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_datagram_and_record_of_a_damaged_capture_is_accounted_for(
        sizes in prop::collection::vec(1u16..=31, 1..8),
        mishaps in prop::collection::vec(mishap(), 1..6),
    ) {
        let mut bytes = capture(&exports(&sizes));
        for mishap in &mishaps {
            mishap.apply(&mut bytes);
        }
        let folder = tempfile::tempdir().unwrap();
        let store = MemoryStore::default();
        let first = load_bytes(&store, folder.path(), &bytes).unwrap();
        check(&first);
        let snapshot = store.snapshot().unwrap();
        prop_assert_eq!(snapshot.flows().unwrap(), first.account.stored);
        prop_assert_eq!(octets(&*snapshot), first.account.octets);

        let again = load_bytes(&store, folder.path(), &bytes).unwrap();
        check(&again);
        prop_assert_eq!(again.account.stored, 0);
        prop_assert_eq!(again.account.decoded, 0);
        prop_assert_eq!(again.account.records, first.account.records);
        prop_assert_eq!(&store.loads().unwrap(), &[first, again]);
    }
}

/// Every fault that the `nth` call of a kind can meet.
fn faults(nth: u64) -> impl Iterator<Item = Fault> {
    [Call::Admit, Call::Write, Call::Commit, Call::Record]
        .into_iter()
        .flat_map(move |call| [Fault::Before(call, nth), Fault::After(call, nth)])
}

#[test]
fn whatever_call_fails_only_what_was_acknowledged_counts_as_kept() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = capture(&exports(&[30; 6]));
    for fault in (1..=8).flat_map(faults) {
        let inner = MemoryStore::default();
        let store = FaultStore::new(inner.clone(), [fault]);
        match load_bytes(&store, folder.path(), &bytes) {
            Ok(load) => {
                assert_eq!((store.faults().met(), load.account.stored), (0, 180), "{fault:?}");
            }
            Err(LoadError::Open(_)) => {
                assert!(matches!(
                    fault,
                    Fault::Before(Call::Record, 1) | Fault::After(Call::Record, 1)
                ));
            }
            Err(LoadError::Stopped { kept, .. }) => {
                assert!(kept.account.balances(), "{fault:?}: {kept:?}");
                assert!(kept.failure.as_deref().unwrap().starts_with("injected fault at "));
                let stored = inner.snapshot().unwrap().flows().unwrap();
                assert!(kept.account.stored <= stored, "{fault:?}");
                let ledger = inner.loads().unwrap();
                assert_eq!(ledger.len(), 1);
                assert!(ledger[0].account.stored <= stored, "{fault:?}: {ledger:?}");
            }
        }
        // The same load again stores what is missing.
        let before = inner.snapshot().unwrap().flows().unwrap();
        let again = load_bytes(&inner, folder.path(), &bytes).unwrap();
        assert_eq!(before + again.account.stored, 180, "{fault:?}");
        assert_eq!(inner.snapshot().unwrap().flows().unwrap(), 180, "{fault:?}");
    }
}

#[test]
fn a_store_that_has_no_room_keeps_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let store = FaultStore::new(MemoryStore::default(), [Fault::Full(100)]);
    let error = load_bytes(&store, folder.path(), &capture(&exports(&[30; 6]))).unwrap_err();
    assert_eq!(error.to_string(), "stopped, with 90 flows of this load kept");
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 90);
}

/// A store that has a load interrupted when it is asked for the `at`-th datagram.
#[derive(Clone)]
struct Interrupting {
    store: MemoryStore,
    at: u64,
    stop: Arc<AtomicBool>,
    /// How many sources were claimed, summed over batches.
    claimed: Arc<AtomicU64>,
}

impl Interrupting {
    fn new(at: u64, stop: &Arc<AtomicBool>) -> Self {
        let (store, claimed) = (MemoryStore::default(), Arc::default());
        Self { store, at, stop: Arc::clone(stop), claimed }
    }
}

impl std::fmt::Display for Interrupting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

impl Store for Interrupting {
    fn snapshot(&self) -> crate::store::Result<Box<dyn Snapshot>> {
        self.store.snapshot()
    }

    fn writer(&self) -> crate::store::Result<Box<dyn Writer>> {
        Ok(Box::new(InterruptingWriter { store: self.clone(), writer: self.store.writer()? }))
    }

    fn loads(&self) -> crate::store::Result<Vec<Load>> {
        self.store.loads()
    }

    fn names(&self) -> crate::store::Result<Names> {
        self.store.names()
    }

    fn remembered(&self, topic: Topic) -> crate::store::Result<Remembered> {
        self.store.remembered(topic)
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> crate::store::Result<Expired> {
        self.store.expire(before, dry_run)
    }
}

struct InterruptingWriter {
    store: Interrupting,
    writer: Box<dyn Writer>,
}

impl Writer for InterruptingWriter {
    fn admit(&mut self, datagram: DatagramId) -> crate::store::Result<bool> {
        self.store.at -= 1;
        if self.store.at == 0 {
            self.store.stop.store(true, Relaxed);
        }
        self.writer.admit(datagram)
    }

    fn write(&mut self, batch: WriteBatch) -> crate::store::Result<WriteBatch> {
        self.store.claimed.fetch_add(batch.claimed.len() as u64, Relaxed);
        self.writer.write(batch)
    }

    fn commit(&mut self) -> crate::store::Result<()> {
        self.writer.commit()
    }

    fn record(&mut self, load: &Load) -> crate::store::Result<()> {
        self.writer.record(load)
    }

    fn name(&mut self, names: &Names) -> crate::store::Result<()> {
        self.writer.name(names)
    }

    fn remember(&mut self, topic: Topic, memos: &Remembered) -> crate::store::Result<()> {
        self.writer.remember(topic, memos)
    }
}

#[test]
fn an_interrupted_load_keeps_what_it_read_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcap");
    fs::write(&path, capture(&exports(&[30; 6]))).unwrap();
    let options = Options::default();
    let store = Interrupting::new(3, &options.stop);
    let inputs = [Input::File(path.clone()), Input::File(path)];
    let load = load(&store, &inputs, &options, &Progress::default()).unwrap();
    assert!(load.interrupted && load.finished.is_some());
    assert_eq!((load.account.datagrams, load.account.stored, load.files.len()), (3, 90, 1));
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 90);
    assert_eq!(store.loads().unwrap(), [load]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn the_account_is_what_the_generator_says_that_it_made(
        seed in any::<u64>(), loss in 0.0..0.3, duplicates in 0.0..0.3, damage in 0.0..0.3,
    ) {
        let traffic = Traffic {
            flows: 3000, seed, hours: 0.1, exporters: 2, engines: 2, loss, duplicates, damage,
            ..Traffic::default()
        };
        let mut bytes = Vec::new();
        let made = generate::write(&traffic, &mut bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = MemoryStore::default();
        let load = load_bytes(&store, folder.path(), &bytes).unwrap();
        check(&load);
        let account = &load.account;
        prop_assert_eq!(account.datagrams, made.datagrams);
        prop_assert_eq!(account.stored, made.readable);
        prop_assert_eq!(account.duplicate_datagrams, made.duplicate_datagrams);
        prop_assert_eq!(account.octets, u128::from(made.octets));
        prop_assert_eq!(account.packets, u128::from(made.packets));
        prop_assert_eq!(account.rejected.get("cut").copied().unwrap_or(0), made.cut);
        let lost: u64 = account.lost.iter().map(|lost| lost.count).sum();
        prop_assert_eq!(lost, made.lost_flows());
        let damaged = |kinds: &[Damage]| -> u64 {
            kinds.iter().filter_map(|kind| made.damaged.get(kind)).sum()
        };
        prop_assert_eq!(account.not_flow_export, damaged(&[Damage::Version]));
        let malformed: u64 = account.malformed.values().sum();
        prop_assert_eq!(malformed, damaged(&[Damage::CountZero, Damage::Stub]));
    }
}

/// A datagram of sFlow by the agent 192.0.2.`agent` with one sample, of an IPv4 header.
fn sflow(agent: u8) -> Vec<u8> {
    let agent = u32::from_be_bytes([192, 0, 2, agent]);
    let mut words = vec![5, 1, agent, 0, 77, 5000, 1];
    words.extend([1, 76, 9, 1, 1000, 0, 4, 5, 0, 1]);
    words.extend([1, 36, 11, 20, 0, 20]);
    words.extend([0x4500_0014, 0, 0x3fff_0000, 0x0a00_0001, 0x0a00_0002]);
    words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect()
}

#[test]
fn a_store_is_told_which_sources_only_others_than_their_exporters_sent() {
    let folder = tempfile::tempdir().unwrap();
    let options = small_batches();
    let store = Interrupting::new(u64::MAX, &options.stop);
    let path = folder.path().join("a.pcap");
    let payloads = [sflow(7), sflow(1), sflow(8)];
    fs::write(&path, capture(&payloads)).unwrap();
    let load = load(&store, &[Input::File(path)], &options, &Progress::default()).unwrap();
    assert_eq!(load.account.stored, 3, "{load:?}");
    assert_eq!(store.claimed.load(Relaxed), 2);
}

/// Flows as Argus writes them, so many lines.
fn lines(count: u32) -> String {
    let mut text = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,\
                    TotBytes,SrcBytes,Label\n"
        .to_owned();
    for number in 0..count {
        let src = Ipv4Addr::from(0x0a00_0000 + number);
        writeln!(
            text,
            "2011/08/10 09:46:53.047277,1.5,udp,{src},1024,<->,192.0.2.1,53,CON,0,0,4,300,100,x"
        )
        .unwrap();
    }
    text
}

#[test]
fn a_file_of_another_tool_is_stored_once_whatever_happens_on_the_way() {
    const LINES: u32 = 3 * import::MAX_PIECE_RECORDS as u32 + 17;
    let folder = tempfile::tempdir().unwrap();
    let text = lines(LINES);
    for failing in 1..=4 {
        let inner = MemoryStore::default();
        let store = FaultStore::new(inner.clone(), [Fault::Before(Call::Write, failing)]);
        let error = load_bytes(&store, folder.path(), text.as_bytes()).unwrap_err();
        let LoadError::Stopped { kept, .. } = error else { panic!("{error}") };
        assert_eq!(kept.account.stored, (failing - 1) * import::MAX_PIECE_RECORDS as u64);
        assert!(kept.account.balances());
        let load = load_bytes(&inner, folder.path(), text.as_bytes()).unwrap();
        assert_eq!(load.account.stored + kept.account.stored, u64::from(LINES));
        assert_eq!(load.account.duplicate_records, kept.account.stored);
        // The way back of each is a flow of its own.
        assert_eq!(inner.snapshot().unwrap().flows().unwrap(), u64::from(2 * LINES));
        assert_eq!(octets(&*inner.snapshot().unwrap()), u128::from(300 * LINES));
        assert!(load.account.balances() && load.files[0].fault.is_none());
        assert_eq!((load.account.pieces, load.account.duplicate_pieces), (4, failing - 1));
    }
}

#[test]
fn who_exported_may_be_said_where_a_file_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.binetflow");
    fs::write(&path, lines(3)).unwrap();
    let store = MemoryStore::default();
    let exporter = Some(IpAddr::from([192, 0, 2, 7]));
    let options = Options { exporter, ..Options::default() };
    load(&store, &[Input::File(path)], &options, &Progress::default()).unwrap();
    let snapshot = store.snapshot().unwrap();
    let regions = snapshot.regions(&Scan::all(Columns::ALL)).unwrap();
    let batches = regions.into_iter().flat_map(|region| region.read().map(Result::unwrap));
    let flows: Vec<_> = batches.flat_map(|batch| batch.records().collect::<Vec<_>>()).collect();
    assert_eq!(flows.len(), 6);
    assert!(flows.iter().all(|flow| Some(flow.source.exporter) == exporter));
}
