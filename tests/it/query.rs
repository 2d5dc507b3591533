//! Questions, against a slow answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use earlgrey_hbase::flow::{
    Column, Columns, DatagramId, FlowBatch, FlowRecord, Origin, Protocol, Sampling, Source,
};
use earlgrey_hbase::query::{Direction, Question, parse_addresses};
use earlgrey_hbase::row::{AddressRange, Order};
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::{Access, FlowStream, Plan, Region, Result, Scan, Snapshot, WriteBatch};
use earlgrey_hbase::{Family, Store, StoreError, TimeRange, UnixMillis};
use proptest::prelude::*;

/// Flows between few hosts in few milliseconds, so that every kind of coincidence is met.
fn any_flow() -> impl Strategy<Value = FlowRecord> {
    (any::<bool>(), 0u128..12, 0u128..12, 0u64..6, 0u64..1000, 0u32..3).prop_map(
        |(v6, src, dst, first, octets, engine)| {
            let family = if v6 { Family::V6 } else { Family::V4 };
            FlowRecord {
                first: UnixMillis(first),
                duration_ms: 1,
                octets,
                packets: 1,
                src_port: 1,
                dst_port: 2,
                protocol: Protocol::UDP,
                source: Source {
                    exporter: [10, 0, 0, 1].into(),
                    engine,
                    sampling: Sampling::default(),
                },
                ..FlowRecord::between(family.address(src), family.address(dst))
            }
        },
    )
}

fn any_question() -> impl Strategy<Value = Question> {
    let direction = prop_oneof![Just(Direction::Src), Just(Direction::Dst), Just(Direction::Any)];
    (any::<bool>(), 0u128..12, 0u128..12, direction, 0u64..7, 0u64..7, any::<bool>()).prop_map(
        |(v6, a, b, direction, since, until, all_time)| {
            let family = if v6 { Family::V6 } else { Family::V4 };
            let (first, last) = (family.address(a.min(b)), family.address(a.max(b)));
            let time = TimeRange { since: UnixMillis(since), until: UnixMillis(until) };
            Question {
                direction,
                time: if all_time { TimeRange::ALL } else { time },
                ..Question::about(AddressRange::new(first, last).unwrap())
            }
        },
    )
}

fn store_of(flows: &[FlowRecord]) -> MemoryStore {
    let store = MemoryStore::default();
    let mut batch = WriteBatch::new();
    for (number, flow) in flows.iter().enumerate() {
        let to = batch.family_mut(flow.family());
        Arc::make_mut(&mut to.sources).push(flow.source);
        let source = to.sources.len() as u32 - 1;
        let datagram = DatagramId { exported_secs: 0, hash: number as u64 };
        to.push(flow, source, datagram.origin(0));
    }
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    store
}

fn is_about(question: &Question, address: IpAddr) -> bool {
    question.addresses.is_none_or(|addresses| addresses.contains(address))
}

/// The address that the question is about, and the time: what the answer is ordered by.
fn place(question: &Question, flow: &FlowRecord) -> (IpAddr, UnixMillis) {
    let by_src = question.direction != Direction::Dst && is_about(question, flow.src);
    (if by_src { flow.src } else { flow.dst }, flow.first)
}

/// The flows that the question asks for, found by looking at each.
fn slow_answer(question: &Question, flows: &[FlowRecord]) -> Vec<FlowRecord> {
    let mut found: Vec<FlowRecord> = flows
        .iter()
        .filter(|flow| {
            let (src, dst) = (is_about(question, flow.src), is_about(question, flow.dst));
            question.time.contains(flow.first)
                && match question.direction {
                    Direction::Src => src,
                    Direction::Dst => dst,
                    Direction::Any => src || dst,
                }
        })
        .copied()
        .collect();
    found.sort_by_key(|flow| place(question, flow));
    found
}

fn answer(question: &Question, snapshot: &dyn Snapshot) -> Vec<FlowRecord> {
    let batches: Vec<FlowBatch> =
        question.plan(Columns::ALL).run(snapshot).unwrap().map(Result::unwrap).collect();
    assert!(batches.iter().all(|batch| !batch.is_empty()), "an empty batch");
    batches.iter().flat_map(FlowBatch::records).collect()
}

fn sorted(flows: &[FlowRecord]) -> Vec<String> {
    let mut flows: Vec<String> = flows.iter().map(|flow| format!("{flow:?}")).collect();
    flows.sort();
    flows
}

proptest! {
    #[test]
    fn the_answer_is_what_looking_at_every_flow_finds(
        flows in prop::collection::vec(any_flow(), 0..200), question in any_question(), limit in 0u64..50,
    ) {
        let snapshot = store_of(&flows).snapshot().unwrap();
        let expected = slow_answer(&question, &flows);
        let places = |flows: &[FlowRecord]| -> Vec<_> {
            flows.iter().map(|flow| place(&question, flow)).collect()
        };

        let found = answer(&question, &*snapshot);
        prop_assert_eq!(places(&found), places(&expected));
        prop_assert_eq!(sorted(&found), sorted(&expected));
        prop_assert_eq!(question.plan_count().count(&*snapshot).unwrap(), expected.len() as u64);

        let by_filter = Question { access: Access::Filter, ..question.clone() };
        prop_assert_eq!(&answer(&by_filter, &*snapshot), &found);
        prop_assert_eq!(by_filter.plan_count().count(&*snapshot).unwrap(), expected.len() as u64);

        for question in [question, by_filter] {
            let limited = Question { limit: Some(limit), ..question.clone() };
            let head = &found[..found.len().min(limit as usize)];
            prop_assert_eq!(&answer(&limited, &*snapshot), head);
            prop_assert_eq!(limited.plan_count().count(&*snapshot).unwrap(), head.len() as u64);
        }
    }

    #[test]
    fn an_answer_has_only_the_columns_that_were_asked_for(
        flows in prop::collection::vec(any_flow(), 1..50), question in any_question(),
    ) {
        let snapshot = store_of(&flows).snapshot().unwrap();
        let columns = Columns::of(&[Column::Dst, Column::Octets]);
        for batch in question.plan(columns).run(&*snapshot).unwrap() {
            let batch = batch.unwrap();
            prop_assert_eq!(&batch.clone().project(columns), &batch);
            prop_assert_eq!(batch.octets.len(), batch.len());
        }
    }
}

#[test]
fn a_flow_from_a_host_to_itself_is_found_once_in_both_directions() {
    let addresses = parse_addresses("0.0.0.3").unwrap();
    let flow =
        FlowRecord { src: addresses.first(), dst: addresses.first(), ..slow_flow(UnixMillis(1)) };
    let snapshot = store_of(&[flow]).snapshot().unwrap();
    let question = Question { direction: Direction::Any, ..Question::about(addresses) };
    assert_eq!(answer(&question, &*snapshot), [flow]);
    assert_eq!(question.plan_count().count(&*snapshot).unwrap(), 1);
}

fn slow_flow(first: UnixMillis) -> FlowRecord {
    FlowRecord {
        first,
        octets: 1,
        packets: 1,
        protocol: Protocol::TCP,
        source: Source { exporter: [10, 0, 0, 1].into(), engine: 0, sampling: Sampling::default() },
        ..FlowRecord::between([10, 0, 0, 1].into(), [10, 0, 0, 2].into())
    }
}

/// A snapshot of `regions` regions of `batches` batches each, that counts what is read; the batch
/// with the number `fails_at` fails.
#[derive(Clone, Default)]
struct Counted {
    regions: usize,
    batches: usize,
    fails_at: Option<usize>,
    read: Arc<AtomicUsize>,
}

const BATCH_ROWS: usize = 100;

impl Snapshot for Counted {
    fn regions(&self, _: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let region = |number| Box::new(CountedRegion(self.clone(), number)) as Box<dyn Region>;
        Ok((0..self.regions).map(region).collect())
    }

    fn plan(&self, _: &Scan) -> Result<Plan> {
        unimplemented!("nobody asks")
    }

    fn flows(&self) -> earlgrey_hbase::store::Result<u64> {
        Ok((self.regions * self.batches * BATCH_ROWS) as u64)
    }
}

struct CountedRegion(Counted, usize);

impl Region for CountedRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self(snapshot, region) = *self;
        Box::new((0..snapshot.batches).map(move |batch| {
            snapshot.read.fetch_add(1, Relaxed);
            let number = region * snapshot.batches + batch;
            if snapshot.fails_at == Some(number) {
                return Err(StoreError::Injected { at: "read" });
            }
            let mut flows = FlowBatch::new(Family::V4);
            for row in 0..BATCH_ROWS {
                let first = UnixMillis((number * BATCH_ROWS + row) as u64);
                flows.push(&slow_flow(first), 0, Origin(0));
            }
            Ok(flows)
        }))
    }
}

fn first_times(flows: FlowStream) -> Vec<u64> {
    flows.flat_map(|batch| batch.unwrap().first_ms).collect()
}

#[test]
fn regions_that_are_read_ahead_come_in_their_order() {
    for access in [Access::Range, Access::Filter] {
        let snapshot = Counted { regions: 23, batches: 17, ..Counted::default() };
        let question = Question { access, ..Question::about(parse_addresses("10.0.0.1").unwrap()) };
        let flows = question.plan(Columns::ALL).run(&snapshot).unwrap();
        assert!(first_times(flows).into_iter().eq(0..snapshot.flows().unwrap()), "{access:?}");
        assert_eq!(snapshot.read.load(Relaxed), 23 * 17);
    }
}

#[test]
fn reading_ahead_has_a_limit_and_ends_with_the_reader() {
    let snapshot = Counted { regions: 1000, batches: 1000, ..Counted::default() };
    let question = Question {
        access: Access::Filter,
        ..Question::about(parse_addresses("10.0.0.1").unwrap())
    };
    let mut flows = question.plan(Columns::ALL).run(&snapshot).unwrap();
    for _ in 0..10 {
        flows.next().unwrap().unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    let most = 10 + 5 * (rayon::current_num_threads() + 1);
    assert!(
        snapshot.read.load(Relaxed) <= most,
        "{} of at most {most}",
        snapshot.read.load(Relaxed)
    );
    drop(flows);
}

#[test]
fn a_limit_ends_the_reading_early() {
    let snapshot = Counted { regions: 10, batches: 10, ..Counted::default() };
    let question = Question {
        limit: Some(BATCH_ROWS as u64 + 1),
        ..Question::about(parse_addresses("10.0.0.1").unwrap())
    };
    let flows = question.plan(Columns::ALL).run(&snapshot).unwrap();
    assert!(first_times(flows).into_iter().eq(0..=BATCH_ROWS as u64));
    assert_eq!(snapshot.read.load(Relaxed), 2);

    let limited = Question { limit: Some(250), ..question.clone() };
    let snapshot = Counted { regions: 10, batches: 10, ..Counted::default() };
    assert_eq!(limited.plan_count().count(&snapshot).unwrap(), 250);
    assert!(snapshot.read.load(Relaxed) < 10, "counting goes on beyond the limit");
}

#[test]
fn nothing_follows_an_error() {
    for access in [Access::Range, Access::Filter] {
        let snapshot = Counted { regions: 5, batches: 5, fails_at: Some(7), ..Counted::default() };
        let question = Question { access, ..Question::about(parse_addresses("10.0.0.1").unwrap()) };
        let batches: Vec<_> = question.plan(Columns::ALL).run(&snapshot).unwrap().collect();
        assert_eq!(batches.len(), 8, "{access:?}");
        assert!(batches[..7].iter().all(Result::is_ok) && batches[7].is_err(), "{access:?}");
        let counted = question.plan_count().count(&snapshot);
        assert_eq!(counted.unwrap_err().to_string(), "injected fault at read");
    }
}

#[test]
fn a_question_is_planned_as_few_scans() {
    let about = parse_addresses("10.0.0.0/8").unwrap();
    let columns = Columns::of(&[Column::Octets]);
    for (direction, access, scans) in [
        (Direction::Src, Access::Range, &[(Order::Src, true, None)][..]),
        (Direction::Dst, Access::Range, &[(Order::Dst, true, None)]),
        (
            Direction::Any,
            Access::Range,
            &[(Order::Src, true, None), (Order::Dst, true, Some("not src net 10.0.0.0/8"))],
        ),
        (
            Direction::Any,
            Access::Filter,
            &[
                (Order::Src, false, Some("src net 10.0.0.0/8")),
                (Order::Dst, false, Some("dst net 10.0.0.0/8 and not src net 10.0.0.0/8")),
            ],
        ),
    ] {
        let lookup = Question { direction, access, ..Question::about(about) }.plan(columns);
        let planned: Vec<_> = lookup
            .scans()
            .iter()
            .map(|scan| {
                assert!(scan.ordered);
                let predicate = scan.predicate.as_ref().map(ToString::to_string);
                (scan.order, scan.lead.is_some(), predicate)
            })
            .collect();
        let expected: Vec<_> = scans
            .iter()
            .map(|&(order, range, predicate)| (order, range, predicate.map(str::to_owned)))
            .collect();
        assert_eq!(planned, expected, "{direction} {access:?}");
    }

    let count =
        Question { direction: Direction::Any, access: Access::Filter, ..Question::about(about) }
            .plan_count();
    assert_eq!(count.scans().len(), 1, "a count looks at the table once");
    assert!(count.scans()[0].columns.is_empty() && !count.scans()[0].ordered);
}
