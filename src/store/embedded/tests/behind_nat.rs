//! The order of addresses behind a NAT: which runs have it, what becomes of those that lack it, and
//! what it costs where nobody is behind one.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::flow::{Extra, push_extra};
use crate::row::{AddressSet, NatRows};
use crate::store::Access;
use crate::store::embedded::Effort;
use crate::store::embedded::folder::manifest::Manifest;

const BEGIN_MS: u64 = 1_700_000_000_000;

/// An element of `number` with the address 203.0.113.`host`.
fn element(number: u16, host: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_extra(&mut bytes, 0, Extra { number, enterprise: 0, value: &[203, 0, 113, host] });
    bytes
}

/// Commits 100 flows, a second apart from `first` on, that have `extras`.
fn commit(store: &EmbeddedStore, number: u32, first: u64, extras: &[u8]) {
    let mut batch = WriteBatch::new();
    batch.datagrams.push(DatagramId { exported_secs: number, hash: u64::from(number) });
    batch.v4.sources = Arc::new(vec![source()]);
    for row in 0..100 {
        let first = UnixMillis(first + row * 1000);
        let flow = FlowRecord { first, octets: row, ..flow(Family::V4, row) };
        batch.v4.push_with(&flow, 0, Origin(row), extras);
    }
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
}

fn scan(host: u8) -> Scan {
    let set = AddressSet::from(std::net::IpAddr::from([203, 0, 113, host]));
    Scan { ordered: true, ..Scan::all(Columns::ALL) }
        .behind_nat(NatRows { addresses: set, port: None })
}

/// How many flows are found for 203.0.113.`host`, and how.
fn found(store: &EmbeddedStore, host: u8) -> (usize, Access) {
    let snapshot = store.snapshot().unwrap();
    let regions = snapshot.regions(&scan(host)).unwrap();
    let rows = regions.into_iter().flat_map(Region::read).map(|batch| batch.unwrap().len()).sum();
    (rows, snapshot.plan(&scan(host)).unwrap().access)
}

/// The manifest that counts, and how its first line begins.
fn manifest(store: &EmbeddedStore) -> (Manifest, String) {
    let manifest = Manifest::clone(store.open().unwrap().manifest());
    let name = format!("manifest-{:08}.json", manifest.number);
    let text = std::fs::read_to_string(store.dir().join(name)).unwrap();
    (manifest, text[.."{\"format\":1".len()].to_owned())
}

fn orders(manifest: &Manifest) -> Vec<Vec<Order>> {
    let orders = |files: &[super::super::folder::manifest::RunFile]| -> Vec<Order> {
        files.iter().map(|file| file.order).collect()
    };
    manifest.runs.iter().map(|run| orders(&run.files)).collect()
}

fn compact(store: &EmbeddedStore) {
    store.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
    assert_eq!(store.verify().unwrap().faults, Vec::<String>::new());
}

#[test]
fn a_store_without_anybody_behind_a_nat_has_no_byte_more() {
    for (extras, format) in [(Vec::new(), "{\"format\":1"), (element(18, 1), "{\"format\":3")] {
        let dir = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::new(dir.path());
        commit(&store, 0, BEGIN_MS, &extras);
        commit(&store, 1, BEGIN_MS, &extras);
        for is_compacted in [false, true] {
            if is_compacted {
                compact(&store);
            }
            let (manifest, found) = manifest(&store);
            assert_eq!((&found[..], manifest.nat_since), (format, None));
            assert!(orders(&manifest).iter().all(|orders| orders == &Order::ALL), "{manifest:?}");
            let text = std::fs::read_dir(dir.path()).unwrap();
            let names: BTreeSet<_> = text.map(|entry| entry.unwrap().file_name()).collect();
            assert!(names.iter().all(|name| !name.to_string_lossy().contains("nat")), "{names:?}");
        }
    }
}

#[test]
fn flows_behind_a_nat_have_a_file_in_their_order_as_long_as_there_are_any() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    commit(&store, 0, BEGIN_MS, &[]);
    commit(&store, 1, BEGIN_MS, &[element(225, 7), element(226, 8)].concat());
    let (manifest, format) = self::manifest(&store);
    assert_eq!((orders(&manifest).len(), &format[..]), (2, "{\"format\":4"));
    assert_eq!(orders(&manifest)[1], Order::EVERY);
    assert_eq!(found(&store, 7), (100, Access::Range));
    assert_eq!(found(&store, 8), (100, Access::Range));
    compact(&store);
    let (manifest, _) = self::manifest(&store);
    assert_eq!(orders(&manifest), [Order::EVERY]);
    assert_eq!(found(&store, 7), (100, Access::Range));
    // The last flows behind it go, and the file with them.
    commit(&store, 2, BEGIN_MS + 200_000, &[]);
    compact(&store);
    store.expire(UnixMillis(BEGIN_MS + 100_000), false).unwrap();
    assert_eq!(store.verify().unwrap().faults, Vec::<String>::new());
    let (manifest, _) = self::manifest(&store);
    assert_eq!((orders(&manifest), manifest.nat_since), (vec![Order::ALL.to_vec()], None));
    assert_eq!(found(&store, 7).0, 0);
}

#[test]
fn a_port_is_found_without_a_look_at_the_other_ports_of_its_address() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    let mut batch = WriteBatch::new();
    batch.datagrams.push(DatagramId { exported_secs: 0, hash: 0 });
    batch.v4.sources = Arc::new(vec![source()]);
    // Ports from 1 to 10,000, each five times.
    for row in 0..50_000_u64 {
        let first = UnixMillis(BEGIN_MS + row);
        let flow = FlowRecord { first, octets: row, ..flow(Family::V4, row) };
        let port = (row % 10_000 + 1) as u16;
        let mut extras = element(225, 7);
        push_extra(
            &mut extras,
            0,
            Extra { number: 227, enterprise: 0, value: &port.to_be_bytes() },
        );
        batch.v4.push_with(&flow, 0, Origin(row), &extras);
    }
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    let addresses = AddressSet::from(std::net::IpAddr::from([203, 0, 113, 7]));
    for (port, time, found, rows) in [
        (5_000, TimeRange::ALL, 5, 8_192),
        (0, TimeRange::ALL, 0, 0),
        (10_001, TimeRange::ALL, 0, 0),
        (5_000, TimeRange { until: UnixMillis(BEGIN_MS + 20_000), ..TimeRange::ALL }, 2, 8_192),
    ] {
        let scan = Scan { time, ..Scan::all(Columns::ALL) };
        let scan = scan.behind_nat(NatRows { addresses: addresses.clone(), port: Some(port) });
        for region in store.snapshot().unwrap().regions(&scan).unwrap() {
            for batch in region.read() {
                assert!(
                    batch.unwrap().octets.iter().all(|row| row % 10_000 + 1 == u64::from(port))
                );
            }
        }
        let read = scan.meter.reading();
        assert_eq!((read.found, read.rows), (found, rows), "{port} {time:?}");
    }
}

/// Makes the run `number` one of a version that did not know this order.
fn forget_order(store: &EmbeddedStore, number: u64) {
    let (manifest, _) = manifest(store);
    let mut earlier = Manifest { number: manifest.number + 1, nat_since: None, ..manifest };
    let run = earlier.runs.iter_mut().find(|run| run.number == number).unwrap();
    run.files.retain(|file| file.order != Order::Nat);
    earlier.write(store.dir()).unwrap();
}

#[test]
fn runs_that_lack_the_order_are_looked_through_until_they_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    commit(&store, 0, BEGIN_MS, &element(225, 7));
    let first = manifest(&store).0.runs[0].number;
    commit(&store, 1, BEGIN_MS + 86_400_000, &element(281, 7));
    forget_order(&store, first);
    let store = EmbeddedStore::new(dir.path());
    assert_eq!(found(&store, 7), (200, Access::Filter));
    let plan = store.snapshot().unwrap().plan(&scan(7)).unwrap();
    assert!(plan.notes.iter().any(|note| note.ends_with("as compact does")), "{plan:?}");
    // Of days that have the order, it is read.
    let day = TimeRange { since: UnixMillis(BEGIN_MS + 86_400_000), until: UnixMillis::MAX };
    let of_day = Scan { time: day, ..scan(7) };
    assert_eq!(store.snapshot().unwrap().plan(&of_day).unwrap().access, Access::Range);
    commit(&store, 2, BEGIN_MS, &element(226, 7));
    compact(&store);
    assert_eq!(found(&store, 7), (300, Access::Range));
    let parts = std::fs::read_dir(dir.path()).unwrap();
    let is_part = |name: String| name.contains("-part-");
    assert!(
        !parts.into_iter().any(|entry| is_part(entry.unwrap().file_name().into_string().unwrap()))
    );
}

#[test]
fn a_file_in_this_order_that_lacks_flows_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    commit(&store, 0, BEGIN_MS, &element(225, 7));
    commit(&store, 1, BEGIN_MS, &element(225, 8));
    let (mut manifest, _) = manifest(&store);
    manifest.number += 1;
    let mut other = manifest.runs[1].files[2].clone();
    std::mem::swap(&mut manifest.runs[0].files[2], &mut other);
    manifest.runs[1].files.pop();
    manifest.write(dir.path()).unwrap();
    let faults = EmbeddedStore::new(dir.path()).verify().unwrap().faults;
    let has = |text: &str| faults.iter().any(|fault| fault.contains(text));
    assert!(has("holds other flows than are behind a NAT"), "{faults:?}");
    assert!(has("no file in the order of their addresses there"), "{faults:?}");
}
