use super::*;
use crate::flow::UnixMillis;
use crate::store::conformance::sample_batch;
use crate::store::embedded::folder::file_names::identities_name;
use crate::store::embedded::folder::lock::Turn;
use crate::store::embedded::ledger;
use crate::store::{Account, Store};

fn load(id: &str) -> Load {
    Load {
        id: id.to_owned(),
        started: UnixMillis(1),
        finished: None,
        interrupted: false,
        failure: None,
        files: Vec::new(),
        other_files: Vec::new(),
        topic: None,
        account: Account::default(),
    }
}

fn names_of(number: u8) -> Names {
    let key = (std::net::IpAddr::from([192, 0, 2, number]), 1);
    Names { interfaces: [(key, "eth0".to_owned())].into(), ..Names::default() }
}

#[test]
fn who_lost_his_lock_writes_nothing_over_what_another_did() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    let mut first = store.writer().unwrap();
    first.record(&load("first")).unwrap();
    std::fs::remove_file(dir.path().join("lock")).unwrap();
    let mut second = store.writer().unwrap();
    second.record(&load("second")).unwrap();
    second.name(&names_of(2)).unwrap();
    second.write(sample_batch(2, 50)).unwrap();
    second.commit().unwrap();
    drop(second);
    let written = store.verify().unwrap();
    assert_eq!((written.flows, written.faults.as_slice()), (50, &[] as &[String]));

    let lost = |error: StoreError| matches!(error, StoreError::LostLock { .. });
    assert!(lost(first.record(&load("more")).unwrap_err()));
    assert!(lost(first.name(&names_of(1)).unwrap_err()));
    let failed = first.write(sample_batch(1, 50)).and_then(|_| first.commit());
    assert!(lost(failed.unwrap_err()));
    drop(first);
    assert_eq!(store.verify().unwrap(), written);
    assert_eq!(ledger::read(dir.path()).unwrap(), [load("first"), load("second")]);
    assert_eq!(EmbeddedStore::new(dir.path()).names().unwrap(), names_of(2));
}

#[test]
fn what_another_committed_stays_where_the_lock_is_lost_as_files_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    let first = WriteAccess::open(dir.path()).unwrap();
    std::fs::remove_file(dir.path().join("lock")).unwrap();
    let mut second = store.writer().unwrap();
    second.write(sample_batch(2, 50)).unwrap();
    second.commit().unwrap();
    drop(second);
    let written = store.verify().unwrap();

    // As if the lock had gone between the look at it and the first file.
    let batch = sample_batch(1, 50);
    let number = first.next_number();
    let runs = BatchSorter::default().write(dir.path(), &batch.v4, 9, &batch.usual, || number);
    let is_there = |number: &u64| dir.path().join(identities_name(*number)).exists();
    let number = (number..number + 9).find(is_there).unwrap();
    let latest = UnixMillis::EPOCH;
    let identities =
        identities::add(dir.path(), batch.datagrams, latest, &mut Vec::new(), || number);
    for error in [runs.unwrap_err(), identities.unwrap_err()] {
        let error = error.to_string();
        assert!(error.ends_with(".parquet: put in its place, where another is"), "{error}");
    }
    first.discard(first.next_number()..number + 1);
    assert_eq!(store.verify().unwrap(), written);
}

#[test]
fn who_lost_his_lock_merges_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    let mut writer = store.writer().unwrap();
    for number in 0..20 {
        writer.write(sample_batch(number, 20)).unwrap();
        writer.commit().unwrap();
    }
    drop(writer);
    let access = Mutex::new(WriteAccess::open(dir.path()).unwrap());
    std::fs::remove_file(dir.path().join("lock")).unwrap();
    let look = || (std::fs::read_dir(dir.path()).unwrap().count(), lock(&access).next_number());
    let before = look();
    let error = store.tidy_beside(&access, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, StoreError::LostLock { .. }), "{error}");
    assert_eq!(look(), before);
}

#[test]
fn what_a_crash_left_beside_an_expiry_is_not_in_the_way_of_the_next_writer() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    drop(store.writer().unwrap());
    // The next number that is given.
    let left = dir.path().join("run-00000001-src.parquet");
    std::fs::write(&left, "x").unwrap();
    let expiry = Turn::wait(dir.path(), "expire.lock").unwrap();
    let mut writer = store.writer().unwrap();
    assert!(left.exists());
    writer.write(sample_batch(1, 50)).unwrap();
    writer.commit().unwrap();
    drop((writer, expiry));
    let written = store.verify().unwrap();
    assert_eq!((written.flows, written.faults.as_slice()), (50, &[] as &[String]));
    drop(store.writer().unwrap());
    assert!(!left.exists());
}
