//! Filters planned onto key ranges, against a look at every flow.

use std::sync::Arc;

use earlgrey_hbase::flow::{
    Column, Columns, CommunityId, DatagramId, Family, FlowBatch, FlowRecord, Origin, TimeRange,
    UnixMillis,
};
use earlgrey_hbase::query::{Direction, Question};
use earlgrey_hbase::row::{
    AddressField, AddressRange, AddressSet, NumberField, NumberSet, Order, Predicate,
};
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::{Access, Snapshot, Store, WriteBatch};
use proptest::prelude::*;

fn family(v6: bool) -> Family {
    if v6 { Family::V6 } else { Family::V4 }
}

/// A number of the first so many, or as far from these as a flow may last.
fn any_moment(count: u64) -> impl Strategy<Value = u64> {
    let longest = u64::from(u32::MAX);
    prop_oneof![4 => 0..count, 1 => longest - 1..longest - 1 + count]
}

fn any_flow() -> impl Strategy<Value = FlowRecord> {
    let duration = prop_oneof![4 => 0u32..4, 1 => u32::MAX - 1..=u32::MAX];
    (any::<bool>(), 0u128..12, 0u128..12, any_moment(6), duration, 0u64..9).prop_map(
        |(v6, src, dst, first, duration_ms, octets)| FlowRecord {
            src: family(v6).address(src),
            dst: family(v6).address(dst),
            first: UnixMillis(first),
            duration_ms,
            octets,
            ..FlowBatch::new(family(v6)).record(0)
        },
    )
}

fn any_addresses() -> impl Strategy<Value = AddressSet> {
    let range = (any::<bool>(), 0u128..12, 0u128..4).prop_map(|(v6, first, more)| {
        let address = |number| family(v6).address(number);
        AddressRange::new(address(first), address(first + more)).unwrap()
    });
    prop::collection::vec(range, 1..4).prop_map(AddressSet::new)
}

fn any_numbers() -> impl Strategy<Value = NumberSet> {
    (any_moment(7), 0u64..7, any::<bool>()).prop_map(|(first, more, open)| {
        NumberSet::between(first, if open { u64::MAX } else { first + more })
    })
}

fn any_filter() -> impl Strategy<Value = Predicate> {
    let number = prop_oneof![
        Just(NumberField::Column(Column::First)),
        Just(NumberField::Column(Column::First)),
        Just(NumberField::Last),
        Just(NumberField::Column(Column::Octets)),
    ];
    let term = prop_oneof![
        4 => any_addresses().prop_map(Predicate::src),
        4 => any_addresses().prop_map(Predicate::dst),
        1 => any::<bool>().prop_map(|v6| Predicate::Family(family(v6))),
        3 => (number, any_numbers()).prop_map(|(field, set)| Predicate::Number(field, set)),
    ];
    term.prop_recursive(3, 12, 3, |term| {
        let terms = || prop::collection::vec(term.clone(), 0..4);
        prop_oneof![
            terms().prop_map(Predicate::and),
            terms().prop_map(Predicate::or),
            term.clone().prop_map(Predicate::not),
        ]
    })
}

fn any_question() -> impl Strategy<Value = Question> {
    let direction = prop_oneof![Just(Direction::Src), Just(Direction::Dst), Just(Direction::Any)];
    let addresses = prop::option::of(any_addresses().prop_map(|set| set.ranges().next().unwrap()));
    (addresses, direction, any_filter(), any_moment(4), any_moment(9), any::<bool>()).prop_map(
        |(addresses, direction, filter, since, until, alive)| Question {
            alive,
            addresses,
            direction,
            filter: Some(filter),
            time: if until == 8 {
                TimeRange::ALL
            } else {
                TimeRange { since: UnixMillis(since), until: UnixMillis(until) }
            },
            ..Question::everything()
        },
    )
}

fn passes(filter: &Predicate, flow: &FlowRecord) -> bool {
    let holds = |set: &AddressSet, address| set.ranges().any(|range| range.contains(address));
    match filter {
        Predicate::Family(family) => flow.family() == *family,
        Predicate::Address(AddressField::Src, set) => holds(set, flow.src),
        Predicate::Address(_, set) => holds(set, flow.dst),
        Predicate::Number(field, set) => {
            let number = match field {
                NumberField::Column(Column::First) => flow.first.0,
                NumberField::Last => flow.last().0,
                _ => flow.octets,
            };
            set.ranges().iter().any(|&(first, last)| (first..=last).contains(&number))
        }
        Predicate::Community(ids) => ids.contains(&CommunityId::of(flow)),
        Predicate::Bits(..) | Predicate::Shown(..) | Predicate::Nat(_) | Predicate::Led(_) => false,
        Predicate::And(terms) => terms.iter().all(|term| passes(term, flow)),
        Predicate::Or(terms) => terms.iter().any(|term| passes(term, flow)),
        Predicate::Not(term) => !passes(term, flow),
    }
}

fn finds(question: &Question, flow: &FlowRecord) -> bool {
    let is_about = |address| question.addresses.is_none_or(|range| range.contains(address));
    let of_direction = match question.direction {
        Direction::Src => is_about(flow.src),
        Direction::Dst => is_about(flow.dst),
        Direction::Any => is_about(flow.src) || is_about(flow.dst),
    };
    of_direction
        && if question.alive {
            flow.first.is_before(question.time.until) && question.time.since <= flow.last()
        } else {
            question.time.contains(flow.first)
        }
        && question.filter.as_ref().is_none_or(|filter| passes(filter, flow))
}

fn store_of(flows: &[FlowRecord]) -> MemoryStore {
    let store = MemoryStore::default();
    let mut batch = WriteBatch::new();
    for (number, flow) in flows.iter().enumerate() {
        let to = batch.family_mut(flow.family());
        to.sources = Arc::new(vec![flow.source]);
        to.push(flow, 0, Origin(number as u64));
        batch.datagrams.push(DatagramId { exported_secs: 0, hash: number as u64 });
    }
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    store
}

fn answer(question: &Question, snapshot: &dyn Snapshot) -> Vec<FlowRecord> {
    let batches = question.plan(Columns::ALL).run(snapshot).unwrap();
    batches.flat_map(|batch| batch.unwrap().records().collect::<Vec<_>>()).collect()
}

fn sorted<'a>(flows: impl Iterator<Item = &'a FlowRecord>) -> Vec<String> {
    let mut texts: Vec<String> = flows.map(|flow| format!("{flow:?}")).collect();
    texts.sort();
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_filter_finds_what_looking_at_every_flow_finds(
        flows in prop::collection::vec(any_flow(), 0..60), question in any_question(),
    ) {
        let snapshot = store_of(&flows).snapshot().unwrap();
        let expected = sorted(flows.iter().filter(|flow| finds(&question, flow)));
        let found = answer(&question, &*snapshot);
        prop_assert_eq!(sorted(found.iter()), expected);
        prop_assert_eq!(question.plan_count().count(&*snapshot).unwrap(), found.len() as u64);
        let by_filter = Question { access: Access::Filter, ..question };
        prop_assert_eq!(answer(&by_filter, &*snapshot), found.clone());
        prop_assert_eq!(by_filter.plan_count().count(&*snapshot).unwrap(), found.len() as u64);
    }
}

/// Order, range, time and what is left to test, for each scan.
fn planned(filter: Predicate) -> Vec<(Order, Option<String>, bool, Option<String>)> {
    let question = Question { filter: Some(filter), ..Question::everything() };
    let text = |scan: Option<&dyn ToString>| scan.map(ToString::to_string);
    let lookup = question.plan(Columns::NONE);
    let of = |scan: &earlgrey_hbase::store::Scan| {
        let lead = text(scan.lead.as_ref().map(|lead| lead as &dyn ToString));
        let rest = text(scan.predicate.as_ref().map(|rest| rest as &dyn ToString));
        (scan.order, lead, scan.time.is_all(), rest)
    };
    lookup.scans().iter().map(of).collect()
}

#[test]
fn what_a_key_range_answers_is_not_tested_again() {
    let host = |last: u8| AddressSet::from(std::net::IpAddr::from([10, 0, 0, last]));
    let either = |last| Predicate::or([Predicate::src(host(last)), Predicate::dst(host(last))]);
    let port = || Predicate::Number(NumberField::Column(Column::DstPort), NumberSet::only(53));
    let since =
        || Predicate::Number(NumberField::Column(Column::First), NumberSet::between(5, u64::MAX));
    let text = |text: &str| Some(text.to_owned());

    let sent = Predicate::and([Predicate::src(host(1)), port(), since()]);
    let scan = (Order::Src, text("10.0.0.1"), false, text("dst port = 53"));
    assert_eq!(planned(sent), [scan]);

    let (sent, received) = (
        (Order::Src, text("10.0.0.1"), true, text("dst port = 53")),
        (Order::Dst, text("10.0.0.1"), true, text("dst port = 53 and not src ip 10.0.0.1")),
    );
    assert_eq!(planned(Predicate::and([port(), either(1)])), [sent, received]);

    // Of two hosts that both must be an end, one is looked up.
    let one = planned(Predicate::and([either(1), Predicate::dst(host(2))]));
    let rest = text("src ip 10.0.0.1 or dst ip 10.0.0.1");
    assert_eq!(one.len(), 1);
    assert!(one[0].0 == Order::Dst && one[0].1 == text("10.0.0.2"), "{one:?}");
    assert!(one[0].3 == text("src ip 10.0.0.1") || one[0].3 == rest, "{one:?}");

    // A port has no place in the key.
    assert_eq!(planned(port()), [(Order::Src, None, true, text("dst port = 53"))]);
}
