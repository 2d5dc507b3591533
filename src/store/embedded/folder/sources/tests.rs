use super::*;
use crate::flow::{Columns, Family, FlowRecord, Origin, Protocol, Sampling, UnixMillis};
use crate::store::embedded::folder::access::WriteAccess;
use crate::store::embedded::folder::manifest::tests::any_run;
use crate::store::embedded::folder::places::PlaceRange;
use crate::store::embedded::run::set::BatchSorter;
use crate::store::embedded::watchlists::Looking;
use crate::store::embedded::{Effort, EmbeddedStore, writer};
use crate::store::{Scan, Store};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn source(number: u32) -> Source {
    Source {
        exporter: Family::V4.address(u128::from(0xc000_0200 + number % 7)),
        engine: number,
        sampling: Sampling { mode: 1, interval: 1 + number % 3 },
    }
}

/// Flows of these sources, each on its day; their octets tell them apart.
fn batch(flows: &[(u64, u32, u64)]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for &(id, number, day) in flows {
        let family = if number % 5 == 0 { Family::V6 } else { Family::V4 };
        let flows = batch.family_mut(family);
        let record = FlowRecord {
            first: UnixMillis::of_day(day) + id,
            octets: id,
            packets: 1,
            src_port: 1,
            dst_port: 2,
            protocol: Protocol(6),
            source: source(number),
            ..FlowRecord::between(family.address(u128::from(id)), family.address(7))
        };
        // A table of the batch's own, in which not every source has a flow.
        let mut sources = flows.sources.to_vec();
        sources.extend([source(9_999), source(number)]);
        flows.push(&record, sources.len() as u32 - 1, Origin(id));
        flows.sources = Arc::new(sources);
    }
    batch
}

fn stored(dir: &Path) -> BTreeMap<u64, Source> {
    let snapshot = EmbeddedStore::new(dir).snapshot().unwrap();
    let regions = snapshot.regions(&Scan::all(Columns::ALL)).unwrap();
    let batches = regions.into_iter().flat_map(|region| region.read().map(Result::unwrap));
    let mut flows = BTreeMap::new();
    for batch in batches {
        flows.extend(batch.records().map(|flow| (flow.octets, flow.source)));
    }
    flows
}

fn commit(access: &mut WriteAccess, sorter: &mut BatchSorter, flows: &[(u64, u32, u64)]) {
    writer::write(access, sorter, &mut Looking::default(), &mut batch(flows)).unwrap();
}

#[test]
fn only_sources_of_rows_are_listed_and_each_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut access = WriteAccess::open(dir.path()).unwrap();
    let mut sorter = BatchSorter::default();
    commit(&mut access, &mut sorter, &[(1, 1, 0), (2, 2, 0), (3, 1, 0)]);
    commit(&mut access, &mut sorter, &[(4, 2, 0), (5, 3, 0), (6, 5, 0)]);
    let listed = &access.current().sources;
    assert_eq!(*listed, [1, 2, 3, 5].map(source));
}

#[test]
fn a_place_is_given_again_when_no_run_refers_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    let mut access = WriteAccess::open(dir.path()).unwrap();
    let mut sorter = BatchSorter::default();
    for number in 1..=4 {
        commit(&mut access, &mut sorter, &[(number.into(), number, u64::from(number % 2))]);
    }
    // Those of the even ones are free then, of which the last is cut off.
    let before = store.snapshot().unwrap();
    store.expire(UnixMillis::of_day(1), false).unwrap();
    commit(&mut access, &mut sorter, &[(5, 1, 1)]);
    assert_eq!(access.current().sources, [1, 2, 3].map(source));
    commit(&mut access, &mut sorter, &[(6, 6, 1)]);
    assert_eq!(access.current().sources, [1, 6, 3].map(source));
    let found = stored(dir.path());
    let expected = [(1, 1), (3, 3), (5, 1), (6, 6)].map(|(id, number)| (id, source(number)));
    assert_eq!(found, BTreeMap::from(expected));
    // Who has read since before the expiry sees what was there then.
    let regions = before.regions(&Scan::all(Columns::ALL)).unwrap();
    let batches: Vec<_> = regions.into_iter().flat_map(crate::store::Region::read).collect();
    for batch in batches {
        for flow in batch.unwrap().records() {
            assert_eq!(flow.source, source(flow.octets as u32));
        }
    }
}

#[test]
fn a_run_that_does_not_tell_its_sources_keeps_all_of_them() {
    let mut manifest = Manifest { sources: [1, 2, 3].map(source).to_vec(), ..Manifest::default() };
    manifest.runs = vec![any_run(1)];
    manifest.forget_sources();
    let list = SourceList::default().place(&mut batch(&[(1, 4, 0)]), &manifest);
    assert_eq!(list, [1, 2, 3, 4].map(source));
    manifest.runs[0].sources = Some(vec![PlaceRange(1, 1)]);
    manifest.forget_sources();
    assert_eq!(manifest.sources, [1, 2].map(source));
    assert_eq!(manifest.sources_in_use().collect::<Vec<_>>(), [&source(2)]);
}

#[test]
fn one_exporter_does_not_take_the_places_of_all_others() {
    let manifest = Manifest::default();
    // Numbers that differ by seven are of one exporter.
    let flows: Vec<(u64, u32, u64)> = (0..9).map(|n| (n, 7 * n as u32 + 1, 0)).collect();
    let mut many = batch(&flows);
    let list = SourceList::of_at_most(100, 5).place(&mut many, &manifest);
    assert_eq!(list.len(), 6, "{list:?}");
    assert_eq!(list.iter().filter(|&&source| source == STAND_IN).count(), 1);
    let mut other = batch(&[(9, 2, 0)]);
    let manifest = Manifest { sources: list, ..manifest };
    assert!(SourceList::of_at_most(100, 5).place(&mut other, &manifest).contains(&source(2)));
}

#[test]
fn what_is_claimed_over_many_batches_leaves_half_of_the_list_to_others() {
    let list = SourceList::of_at_most(100, 20);
    let mut manifest = Manifest::default();
    let mut write = |numbers: std::ops::Range<u32>, is_claimed| {
        let flows: Vec<_> = numbers.map(|number| (number.into(), number, 0)).collect();
        let mut batch = batch(&flows);
        if is_claimed {
            batch.claimed = flows.iter().map(|&(_, number, _)| source(number)).collect();
        }
        manifest.sources = list.place(&mut batch, &manifest);
        // A run that does not tell its sources keeps all of them.
        manifest.runs = vec![any_run(1)];
        let listed = |&(_, number, _): &_| manifest.sources.contains(&source(number));
        (flows.iter().filter(|flow| listed(flow)).count(), manifest.sources.len())
    };
    // Half of one exporter's are left to itself as well.
    let of_one = (0..15).map(|n| 7 * n + 1);
    let placed: usize = of_one.map(|number| write(number..number + 1, true).0).sum();
    assert_eq!(placed, 10);
    for session in 1..20 {
        write(session * 1000..session * 1000 + 40, true);
    }
    let (placed, length) = write(30_000..30_040, true);
    assert_eq!((placed, length), (0, 50));
    assert_eq!(write(40_000..40_050, false), (50, 100));
    assert_eq!(write(50_000..50_001, false), (0, 100));
}

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<(u32, u64)>),
    NewSession,
    Compact,
    Expire(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let flows = prop::collection::vec((0u32..40, 0u64..6), 1..12);
    let step = prop_oneof![
        5 => flows.prop_map(Step::Write),
        1 => Just(Step::NewSession),
        1 => Just(Step::Compact),
        2 => (0u64..6).prop_map(Step::Expire),
    ];
    prop::collection::vec(step, 1..16)
}

const MOST: usize = 12;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_number_of_sources_over_time_keeps_the_list_short_and_each_flow_its_own(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::new(dir.path());
        let mut access = Some(WriteAccess::open(dir.path()).unwrap());
        let new_sorter = || {
            let mut sorter = BatchSorter::default();
            sorter.sources = SourceList::of_at_most(MOST, MOST);
            sorter
        };
        let mut sorter = new_sorter();
        // Each flow's day, and the source that it must have.
        let mut expected: BTreeMap<u64, (u64, Source)> = BTreeMap::new();
        let mut next = 1;
        for step in steps {
            match step {
                Step::Write(flows) => {
                    let flows: Vec<_> =
                        (next..).zip(flows).map(|(id, (number, day))| (id, number, day)).collect();
                    next += flows.len() as u64;
                    let access = access.as_mut().unwrap();
                    let newest = access.draft().unwrap().give_up();
                    let mut needed: HashSet<Source> = newest.sources_in_use().copied().collect();
                    needed.extend(flows.iter().map(|&(_, number, _)| source(number)));
                    commit(access, &mut sorter, &flows);
                    let found = stored(dir.path());
                    for (id, number, day) in flows {
                        let kept = found[&id];
                        let stands_in = kept == STAND_IN && needed.len() >= MOST;
                        prop_assert!(kept == source(number) || stands_in, "{kept:?} {needed:?}");
                        expected.insert(id, (day, kept));
                    }
                }
                Step::NewSession => {
                    drop(access.take());
                    access = Some(WriteAccess::open(dir.path()).unwrap());
                    sorter = new_sorter();
                }
                Step::Compact => {
                    drop(access.take());
                    store.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
                    access = Some(WriteAccess::open(dir.path()).unwrap());
                }
                Step::Expire(day) => {
                    store.expire(UnixMillis::of_day(day), false).unwrap();
                    expected.retain(|_, (of, _)| *of >= day);
                }
            }
            let found = stored(dir.path());
            let kept = expected.iter().map(|(&id, &(_, source))| (id, source));
            prop_assert_eq!(found, kept.collect::<BTreeMap<_, _>>());
            let list = access.as_ref().unwrap().current();
            prop_assert!(list.sources.len() <= MOST, "{} sources", list.sources.len());
            let verified = store.verify().unwrap();
            prop_assert!(verified.faults.is_empty(), "{:?}", verified.faults);
        }
    }
}
