//! Flows that are deleted for their age.

use super::Open;
use super::reading::{assert_same, check, read_all};
use super::samples::{datagram, flow, mixed_flows, offer, source, store_from, store_of};
use crate::flow::{Columns, FlowRecord, TimeRange, UnixMillis};
use crate::row::Order;
use crate::store::{Expired, Scan, Store};

const DAY_MS: u64 = 86_400_000;
const BEGIN_MS: u64 = 1_700_000_000_000 / DAY_MS * DAY_MS;

/// Flows of five days, of both families, at the first and the last moment of each and between.
fn days() -> Vec<FlowRecord> {
    let mut flows = Vec::new();
    for day in 0..5 {
        for (number, within) in [0, 1, DAY_MS / 2, DAY_MS - 1].into_iter().enumerate() {
            for host in 1..4 {
                let number = day as u32 * 100 + number as u32 * 10 + host;
                let first = BEGIN_MS + day * DAY_MS + within;
                let v4 = flow(&format!("10.0.0.{host}"), "10.0.1.1", first, number);
                let v6 = flow(&format!("2001:db8::{host}"), "2001:db8::9", first, number);
                flows.extend([v4, v6].map(|flow| FlowRecord { source: source(host), ..flow }));
            }
        }
    }
    flows
}

fn moment(days: u64, ms: u64) -> UnixMillis {
    UnixMillis(BEGIN_MS + days * DAY_MS + ms)
}

fn from(flows: &[FlowRecord], before: UnixMillis) -> Vec<FlowRecord> {
    flows.iter().filter(|flow| !flow.first.is_before(before)).copied().collect()
}

/// Checks every order, and the count.
fn assert_holds(store: &dyn Store, expected: &[FlowRecord], what: &str) {
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.flows().unwrap(), expected.len() as u64, "{what}");
    for order in Order::ALL {
        for ordered in [false, true] {
            check(snapshot.as_ref(), &Scan { order, ordered, ..Scan::all(Columns::ALL) }, expected);
        }
    }
    let window = TimeRange { since: moment(1, 0), until: moment(3, 5) };
    check(snapshot.as_ref(), &Scan { time: window, ..Scan::all(Columns::ALL) }, expected);
}

/// What went, without what only some stores know.
fn told(expired: &Expired) -> (u64, Option<UnixMillis>, Option<UnixMillis>) {
    (expired.flows, expired.first, expired.last)
}

fn expected(
    flows: &[FlowRecord],
    before: UnixMillis,
) -> (u64, Option<UnixMillis>, Option<UnixMillis>) {
    let gone = || flows.iter().map(|flow| flow.first).filter(|&first| first.is_before(before));
    (gone().count() as u64, gone().min(), gone().max())
}

pub(super) fn flows_before_a_moment_go_and_no_others(open: Open<'_>) {
    let flows = days();
    for before in [
        UnixMillis::EPOCH,
        moment(0, 0),
        moment(0, 1),
        moment(2, 0),
        moment(2, 1),
        moment(3, DAY_MS / 2),
        moment(4, DAY_MS - 1),
        moment(5, 0),
        UnixMillis::MAX,
    ] {
        let store = store_of(open, &flows);
        let would = store.expire(before, true).unwrap();
        assert_eq!(told(&would), expected(&flows, before), "would go before {before}");
        assert_holds(store.as_ref(), &flows, "nothing goes when it is only asked what would");
        let went = store.expire(before, false).unwrap();
        assert_eq!(
            would.files.map(|files| (files.bytes, files.runs_cut)),
            went.files.map(|files| (files.bytes, files.runs_cut)),
            "{before}"
        );
        assert_eq!(told(&went), expected(&flows, before), "went before {before}");
        let left = from(&flows, before);
        assert_holds(store.as_ref(), &left, &format!("before {before}"));
        let again = store.expire(before, false).unwrap();
        assert_eq!(told(&again), (0, None, None), "again before {before}");
        assert_holds(store.as_ref(), &left, "nothing goes twice");
    }
}

pub(super) fn a_flow_at_the_end_of_time_hinders_no_expiry(open: Open<'_>) {
    // Together in one commit, so that they may come to share a run.
    let end = flow("10.0.0.1", "10.0.0.2", u64::MAX, 9);
    let flows = [days(), vec![end]].concat();
    for before in [moment(2, 1), moment(5, 0), UnixMillis(u64::MAX - 1)] {
        let store = store_of(open, &flows);
        let would = store.expire(before, true).unwrap();
        assert_eq!(told(&would), expected(&flows, before), "would go before {before}");
        assert_eq!(told(&store.expire(before, false).unwrap()), told(&would), "before {before}");
        assert_holds(store.as_ref(), &from(&flows, before), &format!("before {before}"));
    }
    let store = store_of(open, &flows);
    let since = TimeRange { since: moment(4, 0), until: UnixMillis::MAX };
    let snapshot = store.snapshot().unwrap();
    check(snapshot.as_ref(), &Scan { time: since, ..Scan::all(Columns::ALL) }, &flows);
    drop(snapshot);
    store.expire(UnixMillis::MAX, false).unwrap();
    assert_holds(store.as_ref(), &[], "before the end of time all goes");
}

pub(super) fn days_go_one_after_the_other_and_new_ones_come(open: Open<'_>) {
    let store = open();
    let flows = days();
    let mut written = Vec::new();
    for day in 0..5u64 {
        let of_day: Vec<_> =
            flows.iter().filter(|flow| flow.first.day() == moment(day, 0).day()).copied().collect();
        store_from(store.as_ref(), day * 10, &of_day);
        written.extend(of_day);
        let before = moment(day.saturating_sub(1), 7);
        store.expire(before, false).unwrap();
        written = from(&written, before);
        assert_holds(store.as_ref(), &written, &format!("day {day}"));
    }
}

pub(super) fn what_comes_after_the_old_flows_went_stays_however_old(open: Open<'_>) {
    let store = store_of(open, &days());
    let before = moment(3, 0);
    store.expire(before, false).unwrap();
    let late: Vec<_> = days().iter().map(|flow| FlowRecord { octets: 7, ..*flow }).collect();
    store_from(store.as_ref(), 1000, &late);
    let mut all = from(&days(), before);
    all.extend(&late);
    assert_holds(store.as_ref(), &all, "old flows that came later");
    assert_eq!(told(&store.expire(before, false).unwrap()), expected(&late, before));
    assert_holds(store.as_ref(), &from(&all, before), "they go the next time");
}

pub(super) fn a_datagram_with_a_flow_left_is_not_forgotten(open: Open<'_>) {
    let store = open();
    // Export times say nothing of flows: these are of a clock that was never set.
    let flows = [
        flow("10.0.0.1", "10.0.0.2", BEGIN_MS, 1),
        flow("10.0.0.1", "10.0.0.2", BEGIN_MS + DAY_MS, 2),
    ];
    let id = crate::flow::DatagramId { exported_secs: 5, hash: 9 };
    let mut writer = store.writer().unwrap();
    assert!(offer(writer.as_mut(), id, &flows));
    writer.commit().unwrap();
    drop(writer);
    store.expire(moment(1, 0), false).unwrap();
    let mut writer = store.writer().unwrap();
    // Where a repeated write is harmless it may be written again, and then the old flow is back.
    let again = offer(writer.as_mut(), id, &flows);
    writer.commit().unwrap();
    drop(writer);
    let expected = if again { &flows[..] } else { &flows[1..] };
    assert_holds(store.as_ref(), expected, "a datagram that comes again");
}

pub(super) fn a_snapshot_keeps_the_flows_that_go(open: Open<'_>) {
    let flows = mixed_flows(1, 100);
    let store = store_of(open, &flows);
    let before = store.snapshot().unwrap();
    let regions = before.regions(&Scan::all(Columns::ALL)).unwrap();
    let gone = store.expire(UnixMillis::MAX, false).unwrap();
    assert_eq!(gone.flows, 100);
    assert_same(&read_all(before.as_ref()), &flows, "a snapshot from before");
    drop(before);
    let found: Vec<_> = regions
        .into_iter()
        .flat_map(super::super::Region::read)
        .flat_map(|batch| batch.unwrap().records().collect::<Vec<_>>())
        .collect();
    assert_same(&found, &flows, "regions from before");
    assert_holds(store.as_ref(), &[], "all is gone");
}

pub(super) fn old_flows_go_beside_a_writer(open: Open<'_>) {
    let store = open();
    let flows = days();
    let (first, second) = flows.split_at(flows.len() / 2);
    let before = moment(1, 9);
    let mut writer = store.writer().unwrap();
    assert!(offer(writer.as_mut(), datagram(1), first));
    writer.commit().unwrap();
    assert_eq!(told(&store.expire(before, false).unwrap()), self::expected(first, before));
    // Two more commits of the same writer, and it goes on to be the writer.
    assert!(offer(writer.as_mut(), datagram(2), second));
    writer.commit().unwrap();
    let old = [flow("10.0.0.1", "10.0.0.2", BEGIN_MS, 77)];
    assert!(offer(writer.as_mut(), datagram(3), &old));
    writer.commit().unwrap();
    let expected = [&from(first, before), second, &old[..]].concat();
    assert_holds(store.as_ref(), &expected, "a writer that went on");
    drop(writer);
    assert_holds(store.as_ref(), &expected, "after it");
}
