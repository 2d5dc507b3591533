//! Watch lists: what is hit is what a look at every flow finds, whenever flows and lists came. A store
//! that keeps no lists is let be.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Open;
use super::samples::{datagram, flow, mixed_flows, offer, store_of};
use crate::flow::{FlowRecord, TimeRange, UnixMillis};
use crate::store::watchlist::{Hit, Indicator, Sum, WatchList};
use crate::store::{Store, Watch};

/// Flows of one family and few hosts, of which several are between two of them.
const FLOWS: usize = 3_000;

fn block(text: &str) -> Indicator {
    Indicator::of(text.parse::<IpNet>().unwrap())
}

fn list(indicators: &[Indicator]) -> WatchList {
    let (name, file) = ("bad".to_owned(), "bad.txt".to_owned());
    WatchList { name, file, added: UnixMillis(7), indicators: indicators.to_vec() }
}

/// Narrow ones first, so that the first that holds is the one that is hit.
fn indicators() -> Vec<Indicator> {
    let until = TimeRange { since: UnixMillis(0), until: UnixMillis(86_400_000) };
    vec![
        Indicator { port: Some(53), ..block("10.0.0.1/32") },
        Indicator { valid: until, ..block("10.0.0.1/32") },
        block("2001:db8::1/128"),
        block("10.0.0.0/24"),
        Indicator { note: Some("a block".into()), ..block("2001:db8::/32") },
    ]
}

/// The place of the first of `indicators` that holds.
fn hit_at(
    indicators: &[Indicator],
    address: IpAddr,
    port: u16,
    first: UnixMillis,
) -> Option<usize> {
    indicators.iter().position(|indicator| {
        indicator.addresses.contains(address)
            && indicator.port.is_none_or(|meant| meant == port)
            && indicator.valid.contains(first)
    })
}

type Model = BTreeMap<String, (Sum, BTreeMap<IpAddr, Sum>)>;

/// What a look at each of `flows` finds.
fn look(indicators: &[Indicator], flows: &[FlowRecord]) -> Model {
    let mut model = Model::new();
    for flow in flows {
        let src = hit_at(indicators, flow.src, flow.src_port, flow.first);
        let dst = hit_at(indicators, flow.dst, flow.dst_port, flow.first);
        let dst = dst.filter(|_| src != dst);
        for (place, other) in [(src, flow.dst), (dst, flow.src)] {
            let Some(place) = place else { continue };
            let sum = Sum {
                first: flow.first,
                last: flow.first + u64::from(flow.duration_ms),
                flows: 1,
                packets: flow.packets.into(),
                octets: flow.octets.into(),
            };
            let name = indicators[place].to_string();
            let (all, others) = model.entry(name).or_insert_with(|| (nothing(), BTreeMap::new()));
            add(all, &sum);
            add(others.entry(other).or_insert_with(nothing), &sum);
        }
    }
    model
}

const fn nothing() -> Sum {
    Sum { first: UnixMillis::MAX, last: UnixMillis::EPOCH, flows: 0, packets: 0, octets: 0 }
}

fn add(to: &mut Sum, sum: &Sum) {
    to.first = to.first.min(sum.first);
    to.last = to.last.max(sum.last);
    to.flows += sum.flows;
    to.packets += sum.packets;
    to.octets += sum.octets;
}

fn hits(store: &dyn Store) -> Vec<Hit> {
    store.watch_lists().unwrap().hits("bad").unwrap().unwrap()
}

fn model_of(hits: Vec<Hit>) -> Model {
    let entry = |hit: Hit| (hit.indicator, (hit.sum, hit.others.into_iter().collect()));
    hits.into_iter().map(entry).collect()
}

/// A store with these flows, if it keeps lists.
fn watching(open: Open<'_>, flows: &[FlowRecord]) -> Option<Box<dyn Store>> {
    let store = store_of(open, flows);
    let keeps = store.watch_lists().is_ok();
    keeps.then_some(store)
}

fn add_list(store: &dyn Store, indicators: &[Indicator]) {
    store.watch_lists().unwrap().add(&list(indicators), &Watch::default()).unwrap();
}

/// Writes flows in datagrams from `number` on; how many hits are told.
fn write(store: &dyn Store, number: u64, flows: &[FlowRecord]) -> u64 {
    let mut writer = store.writer().unwrap();
    for (part, flows) in flows.chunks(30).enumerate() {
        offer(&mut *writer, datagram(number + part as u64), flows);
    }
    writer.commit().unwrap();
    writer.take_hits()
}

pub(super) fn flows_that_hit_a_watch_list_count_once_whenever_they_came(open: Open<'_>) {
    let flows = mixed_flows(3, FLOWS);
    let (before, after) = flows.split_at(FLOWS / 2);
    let Some(store) = watching(open, before) else { return };
    let indicators = indicators();
    add_list(&*store, &indicators);
    assert_eq!(model_of(hits(&*store)), look(&indicators, before));
    let told = write(&*store, 1_000, after);
    let all = look(&indicators, &flows);
    assert_eq!(model_of(hits(&*store)), all);
    let flows_of = |model: &Model| model.values().map(|(sum, _)| sum.flows).sum::<u64>();
    assert_eq!(told, flows_of(&look(&indicators, after)));
    // Once more, before and after: nothing counts twice.
    write(&*store, 0, before);
    write(&*store, 1_000, after);
    add_list(&*store, &indicators);
    let hits = hits(&*store);
    assert!(hits.is_sorted_by_key(|hit| std::cmp::Reverse(hit.sum.flows)), "{hits:?}");
    let noted = hits.iter().filter(|hit| hit.note.is_some()).map(|hit| &*hit.indicator);
    assert_eq!(noted.collect::<Vec<_>>(), ["2001:db8::/32"]);
    assert_eq!(model_of(hits), all);
}

pub(super) fn a_list_in_place_of_another_keeps_what_was_hit(open: Open<'_>) {
    let flows = mixed_flows(4, FLOWS);
    let Some(store) = watching(open, &flows) else { return };
    let indicators = indicators();
    add_list(&*store, &indicators[..3]);
    // The first one goes, and two come; what is narrower counts as it did when it was looked for.
    let second = &indicators[1..];
    add_list(&*store, second);
    let mut expected = look(&indicators[..3], &flows);
    for (name, hit) in look(second, &flows) {
        if second[2..].iter().any(|indicator| indicator.to_string() == name) {
            expected.insert(name, hit);
        }
    }
    let hits = hits(&*store);
    let gone = hits.iter().filter(|hit| !hit.listed).map(|hit| &*hit.indicator);
    assert_eq!(gone.collect::<Vec<_>>(), ["10.0.0.1:53"]);
    assert_eq!(model_of(hits), expected);
}

pub(super) fn hits_come_with_the_commit_and_stay_when_flows_go(open: Open<'_>) {
    let Some(store) = watching(open, &[]) else { return };
    let indicators = indicators();
    add_list(&*store, &indicators);
    let flows: Vec<FlowRecord> =
        (1..50).map(|number| flow("10.0.0.7", "192.0.2.1", 1_000_000, number)).collect();
    let expected = look(&indicators, &flows);
    assert_eq!(write(&*store, 0, &flows), 49);
    assert_eq!(model_of(hits(&*store)), expected);
    store.expire(UnixMillis(2_000_000), false).unwrap();
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 0);
    assert_eq!(model_of(hits(&*store)), expected);
    add_list(&*store, &indicators);
    assert_eq!(model_of(hits(&*store)), expected);
}

pub(super) fn lists_are_listed_and_forgotten(open: Open<'_>) {
    let Some(store) = watching(open, &mixed_flows(5, 300)) else { return };
    let lists = store.watch_lists().unwrap();
    assert!(lists.lists().unwrap().is_empty() && lists.hits("bad").unwrap().is_none());
    let indicators = indicators();
    for name in ["other", "bad"] {
        let list = WatchList { name: name.to_owned(), ..list(&indicators) };
        lists.add(&list, &Watch::default()).unwrap();
    }
    let listed = lists.lists().unwrap();
    let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(names, ["bad", "other"]);
    assert_eq!(lists.list_names().unwrap(), names);
    let hits = hits(&*store);
    let (hit, flows) = (hits.len() as u64, hits.iter().map(|hit| hit.sum.flows).sum::<u64>());
    for listed in &listed {
        assert_eq!((listed.indicators, listed.unsought, &*listed.file), (5, 0, "bad.txt"));
        assert_eq!((listed.hit, listed.flows, listed.added), (hit, flows, UnixMillis(7)));
    }
    assert_eq!(lists.list("bad").unwrap().unwrap(), list(&indicators));
    assert!(lists.remove("bad").unwrap() && !lists.remove("bad").unwrap());
    assert!(lists.hits("bad").unwrap().is_none() && lists.list("bad").unwrap().is_none());
    // What was hit before is looked for anew.
    lists.add(&list(&indicators), &Watch::default()).unwrap();
    assert_eq!(lists.hits("bad").unwrap().unwrap(), hits);
}

pub(super) fn a_list_may_come_while_flows_are_written(open: Open<'_>) {
    let flows = mixed_flows(6, FLOWS);
    let (before, after) = flows.split_at(FLOWS / 3);
    let Some(store) = watching(open, &[]) else { return };
    let indicators = indicators();
    let mut writer = store.writer().unwrap();
    for (number, (flows, list)) in
        [(before, &indicators[..3]), (after, &indicators)].iter().enumerate()
    {
        for (part, flows) in flows.chunks(30).enumerate() {
            offer(&mut *writer, datagram((number * 1_000 + part) as u64), flows);
        }
        // What is written is on its way, or there.
        add_list(&*store, list);
    }
    writer.commit().unwrap();
    drop(writer);
    let mut expected = look(&indicators[..3], &flows);
    let narrow: Vec<String> = expected.keys().cloned().collect();
    expected.extend(look(&indicators, &flows).into_iter().filter(|hit| !narrow.contains(&hit.0)));
    assert_eq!(model_of(hits(&*store)), expected);
}

pub(super) fn lists_that_are_added_at_once_are_all_there(open: Open<'_>) {
    let flows = mixed_flows(7, 300);
    let Some(store) = watching(open, &flows) else { return };
    let (store, indicators) = (&*store, &indicators());
    std::thread::scope(|scope| {
        for name in ["a", "b", "bad", "bad", "c"] {
            scope.spawn(move || {
                let list = WatchList { name: name.to_owned(), ..list(indicators) };
                store.watch_lists().unwrap().add(&list, &Watch::default()).unwrap();
            });
        }
    });
    let listed = store.watch_lists().unwrap().lists().unwrap();
    let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "bad", "c"]);
    assert!(listed.iter().all(|listed| listed.unsought == 0), "{listed:?}");
    let expected = look(indicators, &flows);
    for name in names {
        let hits = store.watch_lists().unwrap().hits(name).unwrap().unwrap();
        assert_eq!(model_of(hits), expected, "{name}");
    }
}
