use super::*;
use crate::flow::UnixMillis;
use crate::store::embedded::folder::access::WriteAccess;
use crate::store::embedded::identities::add;
use crate::store::embedded::identities::file::{BLOCK_IDENTITIES, tests::ids};
use proptest::prelude::*;
use std::path::Path;
use std::time::Instant;

fn open(dir: &Path) -> Seen {
    Seen::new(dir, Held::open(dir, None).unwrap())
}

fn commit(access: &mut WriteAccess, seen: &mut Seen, datagrams: &[DatagramId]) {
    let dir = access.dir().to_owned();
    let mut draft = access.draft().unwrap();
    let files = &mut draft.manifest.identities;
    add(&dir, datagrams.to_vec(), UnixMillis::EPOCH, files, || access.take_number()).unwrap();
    access.commit(draft).unwrap();
    seen.committed(Held::open(&dir, None).unwrap(), datagrams);
}

/// A new store, with the directory that it is in.
fn store() -> (tempfile::TempDir, WriteAccess, Seen) {
    let dir = tempfile::tempdir().unwrap();
    let access = WriteAccess::open(dir.path()).unwrap();
    let seen = open(dir.path());
    (dir, access, seen)
}

fn admitted(seen: &mut Seen, ids: &[DatagramId]) -> usize {
    ids.iter().filter(|&&id| seen.admit(id).unwrap()).count()
}

#[test]
fn a_datagram_is_new_once() {
    let (dir, mut access, mut seen) = store();
    let (first, second) = (ids(100, 50, 1000), ids(140, 50, 1000));
    assert_eq!(admitted(&mut seen, &first), 1000);
    assert_eq!(admitted(&mut seen, &first), 0);
    commit(&mut access, &mut seen, &first);
    assert_eq!(admitted(&mut seen, &first), 0);
    assert!(seen.uncommitted.is_empty());
    assert_eq!(admitted(&mut seen, &second), 1000);
    // What was not committed is new to the next writer.
    let mut next = open(dir.path());
    assert_eq!(admitted(&mut next, &first), 0);
    assert_eq!(admitted(&mut next, &second), 1000);
}

#[test]
fn what_is_under_way_during_a_commit_stays_seen() {
    let (_dir, mut access, mut seen) = store();
    let (written, under_way) = (ids(100, 50, 10), ids(100, 50, 20));
    let new = admitted(&mut seen, &written) + admitted(&mut seen, &under_way);
    commit(&mut access, &mut seen, &written);
    assert_eq!(admitted(&mut seen, &under_way) + admitted(&mut seen, &written), 0);
    assert_eq!(seen.uncommitted.len(), new - 10);
}

#[test]
fn a_merge_under_way_takes_no_file_from_a_look_up() {
    let (dir, mut access, mut seen) = store();
    let parts: Vec<_> = (0..20).map(|part| ids(part * 10, 10, 50)).collect();
    commit(&mut access, &mut seen, &parts[0]);
    // The look-up's thread has not heard of these yet; merges have replaced its file.
    for part in &parts[1..] {
        commit(&mut access, &mut open(dir.path()), part);
    }
    assert_eq!(admitted(&mut seen, &parts[0]), 0);
    seen.committed(Held::open(dir.path(), None).unwrap(), &[]);
    for part in &parts {
        assert_eq!(admitted(&mut seen, part), 0);
    }
}

#[test]
fn memory_is_bounded_and_the_answers_stay_right() {
    let (_dir, mut access, mut seen) = store();
    let count = 6 * BLOCK_IDENTITIES;
    let all = ids(0, 1_000_000, count);
    commit(&mut access, &mut seen, &all);
    seen.max_loaded = 2 * BLOCK_IDENTITIES;
    let asked: Vec<_> = (0..200).map(|n| all[n * 7919 % count]).collect();
    for id in asked {
        assert!(!seen.admit(id).unwrap());
        assert!(seen.loaded <= seen.max_loaded);
        assert_eq!(seen.loaded, seen.files.iter().map(SeenFile::loaded).sum::<usize>());
        assert!(seen.admit(DatagramId { hash: id.hash ^ 1, ..id }).unwrap());
    }
    commit(&mut access, &mut seen, &[]);
    assert_eq!(seen.loaded, 2 * BLOCK_IDENTITIES);
}

#[test]
fn what_is_in_no_file_is_told_without_reading_a_block() {
    let (_dir, mut access, mut seen) = store();
    let stored = ids(1_000_000, 100_000, 4 * BLOCK_IDENTITIES);
    commit(&mut access, &mut seen, &stored);
    let asked = stored.iter().step_by(50);
    let absent = asked.map(|id| DatagramId { hash: id.hash ^ 1, ..*id });
    let mut blocks_read = 0;
    for id in absent {
        // As if each were of a block that is not in memory.
        seen.max_loaded = 0;
        seen.forget();
        seen.max_loaded = MAX_LOADED;
        assert!(seen.admit(id).unwrap());
        blocks_read += seen.queue.len();
    }
    assert!(blocks_read * 20 < stored.len() / 50, "{blocks_read} blocks read");
    // Without room for filters the answers are the same.
    let mut without = open(access.dir());
    without.max_filter_bytes = 0;
    assert_eq!(admitted(&mut without, &stored[..100]), 0);
    assert_eq!((without.filter_bytes, seen.filter_bytes > 0), (0, true));
}

#[test]
fn a_damaged_file_is_an_error_and_never_an_answer() {
    let (dir, mut access, mut seen) = store();
    let stored = ids(100, 50, 10);
    commit(&mut access, &mut seen, &stored);
    let path = dir.path().join(&seen.entries()[0].name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = open(dir.path()).admit(stored[0]).unwrap_err();
    assert!(error.to_string().contains("identities-00000001.parquet: damaged"), "{error}");
    // Another time does not touch the file.
    assert!(open(dir.path()).admit(DatagramId { exported_secs: 9, hash: 1 }).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_answer_is_that_of_a_set(
        steps in prop::collection::vec(
            prop::collection::vec(
                (prop_oneof![0u32..5, 100_000u32..100_005, any::<u32>()], 0u64..4), 0..40),
            0..25),
    ) {
        let (dir, mut access, mut seen) = store();
        seen.max_loaded = 30;
        let mut model = HashSet::new();
        for (step, asked) in steps.into_iter().enumerate() {
            let mut new = Vec::new();
            for (exported_secs, hash) in asked {
                let id = DatagramId { exported_secs, hash };
                let expected = model.insert(id);
                prop_assert_eq!(seen.admit(id).unwrap(), expected);
                new.extend(expected.then_some(id));
            }
            commit(&mut access, &mut seen, &new);
            if step % 5 == 4 {
                seen = open(dir.path());
            }
        }
    }
}

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture looked_up"]
fn datagrams_are_looked_up_fast() {
    let (dir, mut access, mut seen) = store();
    let timed = |seen: &mut Seen, what: &str, ids: &[DatagramId]| {
        let start = Instant::now();
        let new = admitted(seen, ids);
        let each = start.elapsed().as_nanos() / ids.len() as u128;
        println!("{what}: {new} of {} new, {each} ns each", ids.len());
    };
    for part in 0..20 {
        let new = ids(1_700_000_000 + part * 3000, 3600, 100_000);
        timed(&mut seen, "new, in order", &new);
        let start = Instant::now();
        commit(&mut access, &mut seen, &new);
        println!("commit: {:?}, {} files", start.elapsed(), seen.files.len());
    }
    let mut seen = open(dir.path());
    for part in 0..20 {
        let known = ids(1_700_000_000 + part * 3000, 3600, 100_000);
        timed(&mut seen, "known, in order", &known);
    }
    let garbage: Vec<_> = (0..20_000u32)
        .map(|n| DatagramId { exported_secs: n.wrapping_mul(2_654_435_761), hash: n.into() })
        .collect();
    timed(&mut seen, "wrong clocks, before a commit", &garbage);
    commit(&mut access, &mut seen, &garbage);
    timed(&mut seen, "wrong clocks, after a commit", &garbage);
    let others: Vec<_> = garbage.iter().map(|id| DatagramId { hash: !id.hash, ..*id }).collect();
    timed(&mut seen, "other wrong clocks", &others);
    let known = ids(1_700_000_000, 3600, 100_000);
    timed(&mut seen, "known, in order, among wrong clocks", &known);
}

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture forger"]
fn a_forger_of_export_times_does_not_hold_up_the_loader() {
    const FILES: u32 = 200;
    const EACH: usize = 1 << 17;
    let (dir, mut access, _) = store();
    let mut draft = access.draft().unwrap();
    for file in 0..FILES {
        let rising = ids(1_700_000_000 + file * 3600, 3600, EACH);
        let number = access.take_number();
        let entry = super::super::file::write(dir.path(), number, &rising, UnixMillis::EPOCH);
        draft.manifest.identities.push(entry.unwrap());
    }
    access.commit(draft).unwrap();
    let mut state = 1u64;
    let mut forged = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let past = (state >> 33) as u32 % (FILES * 3600);
        DatagramId { exported_secs: 1_700_000_000 + past, hash: state.rotate_left(29) }
    };
    for (what, max_filter_bytes) in [("without filters", 0), ("with filters", MAX_FILTER_BYTES)] {
        let mut seen = open(dir.path());
        seen.max_filter_bytes = max_filter_bytes;
        for round in 0..4 {
            let rounds = if max_filter_bytes == 0 { 2_000 } else { 50_000 };
            let start = Instant::now();
            for _ in 0..rounds {
                seen.admit(forged()).unwrap();
            }
            let rate = f64::from(rounds) / start.elapsed().as_secs_f64();
            let megabytes = seen.filter_bytes >> 20;
            println!("{what}, round {round}: {rate:.0} datagrams/s, {megabytes} MB of filters");
        }
    }
}
