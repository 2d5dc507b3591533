//! Stores of earlier formats, and of later versions.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::flow::{ElementId, UnixMillis, extra_value};
use crate::row::{AddressRange, NatRows, NumberField, NumberSet, Predicate};
use crate::store::conformance::sample_batch;
use crate::store::embedded::Effort;
use crate::store::embedded::folder::manifest::Manifest;
use crate::store::{Scan, Store};

/// A copy of a store that `tests/data` has of this format; README.md there says what is in it.
fn store_of_format(format: u32) -> (tempfile::TempDir, EmbeddedStore) {
    let from =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/store-format-{format}"));
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let store = EmbeddedStore::new(dir.path());
    (dir, store)
}

/// Every flow that `scan` finds, with its elements.
fn found(store: &EmbeddedStore, scan: &Scan) -> Vec<(crate::flow::FlowRecord, Vec<u8>)> {
    let mut found = Vec::new();
    for region in store.snapshot().unwrap().regions(scan).unwrap() {
        for batch in region.read() {
            let batch = batch.unwrap();
            let extras = |row| batch.extras.get(row).to_vec();
            found.extend(batch.records().enumerate().map(|(row, flow)| (flow, extras(row))));
        }
    }
    found
}

fn octets(flows: &[(crate::flow::FlowRecord, Vec<u8>)]) -> u64 {
    flows.iter().map(|(flow, _)| flow.octets).sum()
}

/// Writes 20 flows more, merges them with what was there, and finds nothing damaged.
fn more_is_written_and_merged(store: &EmbeddedStore) {
    let mut writer = store.writer().unwrap();
    writer.write(sample_batch(1, 20)).unwrap();
    writer.commit().unwrap();
    drop(writer);
    store.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
    assert_eq!(store.verify().unwrap().faults, Vec::<String>::new());
}

#[test]
fn a_store_of_format_1_is_read_verified_and_merged() {
    let (dir, store) = store_of_format(1);
    let all = found(&store, &Scan::all(Columns::ALL));
    assert_eq!((all.len(), octets(&all)), (30, 465_000));
    let host = AddressRange::from(std::net::IpAddr::from([10, 0, 0, 2]));
    let of_host = found(&store, &Scan { lead: Some(host.into()), ..Scan::all(Columns::ALL) });
    assert_eq!((of_host.len(), octets(&of_host)), (6, 87_000));
    assert!(of_host.iter().all(|(flow, _)| (flow.src_as, flow.dst_mask) == (64_500, 16)));
    let verified = store.verify().unwrap();
    assert_eq!((verified.faults.len(), verified.flows, verified.loads), (0, 30, 1));
    // More is written to it, and merged with what was there.
    more_is_written_and_merged(&store);
    assert_eq!(found(&store, &Scan::all(Columns::ALL)).len(), 50);
    drop(dir);
}

#[test]
fn stores_of_formats_2_and_3_are_read_with_their_elements() {
    for format in [2, 3] {
        let (_dir, store) = store_of_format(format);
        elements_are_read(&store);
    }
}

/// By the formulas in README.md.
#[test]
fn a_store_of_format_4_is_asked_for_addresses_behind_a_nat_and_merged() {
    let (dir, store) = store_of_format(4);
    let answers = |store: &EmbeddedStore| {
        let rows = [(7, None), (7, Some(40_002)), (8, Some(0)), (8, Some(40_001)), (9, None)];
        rows.map(|(host, port)| {
            let addresses = std::net::IpAddr::from([203, 0, 113, host]).into();
            let scan = Scan { ordered: true, ..Scan::all(Columns::ALL) };
            let found = found(store, &scan.behind_nat(NatRows { addresses, port }));
            (found.len(), octets(&found))
        })
    };
    let expected = [(10, 10_000), (2, 1600), (5, 6000), (1, 200), (0, 0)];
    assert_eq!(answers(&store), expected);
    let verified = store.verify().unwrap();
    assert_eq!((verified.faults.len(), verified.flows, verified.loads), (0, 20, 1));
    more_is_written_and_merged(&store);
    assert_eq!(answers(&store), expected);
    drop(dir);
}

#[test]
fn a_store_of_format_5_has_its_watch_list_and_what_was_hit() {
    let (dir, store) = store_of_format(5);
    let all = found(&store, &Scan::all(Columns::ALL));
    assert_eq!((all.len(), octets(&all)), (30, 70_387));
    let hit = |store: &EmbeddedStore| {
        let hits = store.watch_lists().unwrap().hits("bad").unwrap().unwrap();
        assert_eq!(hits.len(), 1, "{hits:?}");
        (hits[0].indicator.clone(), hits[0].sum.flows, hits[0].sum.octets)
    };
    let expected = ("12.105.218.203".to_owned(), 2, 3_107);
    assert_eq!(hit(&store), expected);
    let verified = store.verify().unwrap();
    assert_eq!((verified.faults.len(), verified.flows, verified.loads), (0, 30, 1));
    // What is written and merged takes nothing from it.
    more_is_written_and_merged(&store);
    assert_eq!(hit(&store), expected);
    drop(dir);
}

fn elements_are_read(store: &EmbeddedStore) {
    let all = found(store, &Scan::all(Columns::ALL));
    assert_eq!((all.len(), octets(&all)), (16, 79_000));
    let vlan = NumberField::Element(ElementId::iana(58));
    let predicate = Predicate::Number(vlan, NumberSet::between(7, 7));
    let scan = Scan { predicate: Some(predicate), ..Scan::all(Columns::ALL) };
    assert_eq!(octets(&found(store, &scan)), 1000);
    let verified = store.verify().unwrap();
    assert_eq!((verified.faults.len(), verified.flows), (0, 16));
}

#[test]
fn a_column_of_a_later_version_is_read_past_and_never_lost() {
    let (dir, store) = store_of_format(2);
    // The last column of the runs, which are the elements, under a name that nobody knows.
    let manifest = store.open().unwrap().manifest().clone();
    let mut later = Manifest { number: manifest.number + 1, ..(*manifest).clone() };
    for run in &mut later.runs {
        run.columns = serde_json::from_str(r#"["base","comet"]"#).unwrap();
    }
    later.write(dir.path()).unwrap();
    let store = EmbeddedStore::new(dir.path());

    let all = found(&store, &Scan::all(Columns::ALL));
    assert_eq!((all.len(), octets(&all)), (16, 79_000));
    assert!(all.iter().all(|(_, extras)| extra_value(extras, ElementId::iana(58)).is_none()));
    let verified = store.verify().unwrap();
    assert_eq!((verified.faults.len(), verified.notes.len()), (0, 2), "{verified:?}");
    assert!(verified.notes[0].contains("has a column comet"), "{verified:?}");

    // What is new is merged, and what has the column stays as it is.
    let mut writer = store.writer().unwrap();
    for number in 0..2 {
        writer.write(sample_batch(number, 20)).unwrap();
        writer.commit().unwrap();
    }
    drop(writer);
    store.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
    let current = store.open().unwrap().manifest().clone();
    for run in &later.runs {
        assert!(current.runs.contains(run), "{:?}", current.runs);
    }
    assert_eq!(found(&store, &Scan::all(Columns::ALL)).len(), 56);

    // It goes as a whole, and is not cut.
    let start = 1_793_498_400_000;
    let error = store.expire(UnixMillis(start + 1), false).unwrap_err();
    assert!(error.to_string().contains("it has a column comet"), "{error}");
    store.expire(UnixMillis(start + 86_400_000), false).unwrap();
    let left = store.open().unwrap().manifest().clone();
    assert!(left.runs.iter().all(|run| run.columns.unknown().next().is_none()), "{left:?}");
}
