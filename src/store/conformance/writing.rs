//! Writers, commits, snapshots, and the ledger.

use super::Open;
use super::reading::{assert_same, read_all};
use super::samples::{datagram, flow, mixed_flows, offer, put, source, store_from, store_of};
use crate::flow::{Columns, FlowRecord, UnixMillis};
use crate::store::{Account, Load, LoadedFile, Scan, StoreError, WriteBatch};

pub(super) fn a_store_that_nothing_was_written_to_is_empty(open: Open<'_>) {
    let store = open();
    // Some have nothing to open before the first writer came.
    match store.snapshot() {
        Ok(snapshot) => assert_eq!(snapshot.flows().unwrap(), 0),
        Err(error) => assert!(matches!(error, StoreError::Missing { .. }), "{error}"),
    }
    let mut writer = store.writer().unwrap();
    writer.write(WriteBatch::new()).unwrap();
    writer.commit().unwrap();
    writer.commit().unwrap();
    drop(writer);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.flows().unwrap(), 0);
    for ordered in [false, true] {
        let scan = Scan { ordered, ..Scan::all(Columns::ALL) };
        let batches =
            snapshot.regions(&scan).unwrap().into_iter().flat_map(super::super::Region::read);
        assert_eq!(batches.count(), 0);
        snapshot.plan(&scan).unwrap();
    }
    assert_eq!(store.loads().unwrap(), []);
    assert!(!store.to_string().is_empty(), "a store has a name");
}

pub(super) fn what_was_committed_is_there_for_new_snapshots(open: Open<'_>) {
    let store = open();
    let mut stored: Vec<FlowRecord> = Vec::new();
    let mut writer = store.writer().unwrap();
    for commit in 0..4 {
        let flows = mixed_flows(commit, 50);
        assert!(offer(writer.as_mut(), datagram(commit), &flows));
        writer.commit().unwrap();
        stored.extend(flows);
        let snapshot = store.snapshot().unwrap();
        assert_eq!(snapshot.flows().unwrap(), stored.len() as u64);
        assert_same(&read_all(snapshot.as_ref()), &stored, "a scan while the writer is open");
    }
    drop(writer);
    let snapshot = store.snapshot().unwrap();
    assert_same(&read_all(snapshot.as_ref()), &stored, "a scan after the writer");
}

pub(super) fn the_size_is_that_of_all_flows_as_far_as_it_is_told(open: Open<'_>) {
    let store = open();
    for commit in 0..3 {
        store_from(store.as_ref(), commit * 1000, &mixed_flows(commit, 100));
        let snapshot = store.snapshot().unwrap();
        let size = snapshot.size().unwrap();
        if !size.runs.is_empty() {
            let flows: u64 = size.runs.iter().map(|run| run.flows).sum();
            assert_eq!(flows, snapshot.flows().unwrap());
            let bytes: u64 = size.runs.iter().map(|run| run.bytes).sum();
            assert!(size.bytes.is_some_and(|all| bytes > 0 && bytes <= all), "{size:?}");
        }
        assert!(size.regions.values().all(|&regions| regions > 0), "{size:?}");
    }
}

pub(super) fn a_snapshot_stays_as_it_was(open: Open<'_>) {
    let first = mixed_flows(1, 100);
    let store = store_of(open, &first);
    let before = store.snapshot().unwrap();
    // The regions of one scan are read before the commits, those of the other after them.
    let scan = Scan::all(Columns::ALL);
    let planned_before = before.regions(&scan).unwrap();
    for commit in 1..5 {
        store_from(store.as_ref(), commit * 1000, &mixed_flows(commit, 100));
    }
    assert_eq!(before.flows().unwrap(), 100);
    assert_same(&read_all(before.as_ref()), &first, "an old snapshot");
    drop(before);
    let found: Vec<_> = planned_before
        .into_iter()
        .flat_map(super::super::Region::read)
        .flat_map(|batch| batch.unwrap().records().collect::<Vec<_>>())
        .collect();
    assert_same(&found, &first, "regions of a snapshot that is gone");
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 500);
}

pub(super) fn there_is_one_writer_at_a_time(open: Open<'_>) {
    let store = open();
    let mut first = store.writer().unwrap();
    assert!(matches!(store.writer().err(), Some(StoreError::InUse { .. })));
    first.commit().unwrap();
    assert!(matches!(store.writer().err(), Some(StoreError::InUse { .. })));
    drop(first);
    store.writer().unwrap();
    let other = open();
    let (_one, _two) = (store.writer().unwrap(), other.writer().unwrap());
}

pub(super) fn a_writer_that_is_dropped_leaves_no_part_of_a_batch(open: Open<'_>) {
    let committed = mixed_flows(1, 60);
    let store = store_of(open, &committed);
    let batches: Vec<_> = (0..3).map(|batch| mixed_flows(batch + 2, 40)).collect();
    let mut writer = store.writer().unwrap();
    for (number, flows) in batches.iter().enumerate() {
        assert!(offer(writer.as_mut(), datagram(100 + number as u64), flows));
    }
    drop(writer);
    assert!(store.snapshot().unwrap().flows().unwrap() >= 60, "what was committed is there");
    // Whatever became of the batches: who loads them again stores each flow once.
    let mut writer = store.writer().unwrap();
    for (number, flows) in batches.iter().enumerate() {
        offer(writer.as_mut(), datagram(100 + number as u64), flows);
    }
    writer.commit().unwrap();
    let expected: Vec<_> = committed.into_iter().chain(batches.concat()).collect();
    assert_same(&read_all(store.snapshot().unwrap().as_ref()), &expected, "a scan");
}

pub(super) fn many_batches_are_one_store(open: Open<'_>) {
    let store = open();
    let mut writer = store.writer().unwrap();
    let mut stored = Vec::new();
    for number in 0..60 {
        let flows = mixed_flows(number, 1 + number as usize % 7);
        let mut batch = WriteBatch::new();
        for (part, flows) in flows.chunks(2).enumerate() {
            let datagram = datagram(number * 10 + part as u64);
            assert!(writer.admit(datagram).unwrap());
            put(&mut batch, datagram, flows);
        }
        writer.write(batch).unwrap();
        if number % 13 == 0 {
            writer.commit().unwrap();
        }
        stored.extend(flows);
    }
    writer.commit().unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.flows().unwrap(), stored.len() as u64);
    assert_same(&read_all(snapshot.as_ref()), &stored, "a scan over many batches");
}

pub(super) fn sources_are_told_apart_over_batches_and_writers(open: Open<'_>) {
    let store = open();
    let mut stored = Vec::new();
    // Each batch counts the sources in another way.
    for (number, engines) in
        [&[0, 1, 2][..], &[2, 1, 0], &[7, 2], &[300, 7, 301, 1]].into_iter().enumerate()
    {
        let mut flows = Vec::new();
        for &engine in engines {
            let v4 = flow("10.0.0.1", "10.0.0.2", 5, engine);
            let v6 = flow("2001:db8::1", "2001:db8::2", 5, engine);
            flows.extend([v4, v6].map(|flow| FlowRecord { source: source(engine), ..flow }));
        }
        store_from(store.as_ref(), number as u64, &flows);
        stored.extend(flows);
    }
    assert_same(&read_all(store.snapshot().unwrap().as_ref()), &stored, "a scan");
}

fn load(id: &str, started: u64, stored: u64) -> Load {
    Load {
        id: id.to_owned(),
        started: UnixMillis(started),
        finished: (stored > 0).then_some(UnixMillis(started + 10)),
        files: vec![LoadedFile {
            path: "Aufzeichnung Nº 1/\"x\".pcap\n".to_owned(),
            bytes: u64::MAX,
            datagrams: 1,
            stored,
            fault: Some("cut".to_owned()),
        }],
        other_files: vec!["notes.txt".to_owned()],
        account: Account {
            stored,
            malformed: [("a reason".to_owned(), 3)].into(),
            octets: u128::MAX,
            first: Some(UnixMillis(0)),
            ..Account::default()
        },
        ..Load::default()
    }
}

pub(super) fn the_ledger_keeps_the_last_word_of_each_load_in_order(open: Open<'_>) {
    let store = open();
    let mut writer = store.writer().unwrap();
    writer.record(&load("one", 100, 0)).unwrap();
    assert_eq!(store.loads().unwrap(), [load("one", 100, 0)]);
    writer.record(&load("one", 100, 5)).unwrap();
    writer.record(&load("two", 200, 0)).unwrap();
    drop(writer);
    let mut writer = store.writer().unwrap();
    writer.record(&load("three", 300, 1)).unwrap();
    writer.record(&load("two", 200, 7)).unwrap();
    let expected = [load("one", 100, 5), load("two", 200, 7), load("three", 300, 1)];
    assert_eq!(store.loads().unwrap(), expected);
    drop(writer);
    assert_eq!(store.loads().unwrap(), expected);
}
