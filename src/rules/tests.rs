//! Rules against sums that are worked out by hand.

use std::num::NonZeroU64;
use std::ops::Range;

use super::*;
use crate::aggregate::{KeyValue, Limits, Measure, parse_keys};
use crate::detect::Severity;
use crate::flow::{FlowRecord, Protocol, TimeRange, UnixMillis};
use crate::store::Store;
use crate::store::conformance::{flow, store_from};
use crate::store::memory::MemoryStore;

const MINUTE: u64 = 60_000;
/// Where the time of these tests begins: a whole hour.
const START: u64 = 1_700_002_800_000;

fn rule(by: &str, counted: Counted, limit: Limit) -> Rule {
    Rule {
        name: "test".to_owned(),
        filter: None,
        written: String::new(),
        by: by.to_owned(),
        fields: if by.is_empty() { Vec::new() } else { parse_keys(by).unwrap() },
        counted,
        window_ms: NonZeroU64::new(MINUTE).unwrap(),
        limit,
        floor: 0,
        pause_ms: 10 * MINUTE,
        late_ms: MINUTE,
        severity: Severity::Medium,
    }
}

/// A flow of `octets` from 10.0.0.`src` to 192.0.2.`dst`, which began `at` and lasted for `lasted`.
fn sent((src, dst): (u8, u8), at: u64, lasted: u32, octets: u64) -> FlowRecord {
    let ends = (format!("10.0.0.{src}"), format!("192.0.2.{dst}"));
    let unlike = u32::from(src) << 8 | u32::from(dst);
    FlowRecord {
        duration_ms: lasted,
        octets,
        protocol: Protocol::TCP,
        dst_port: 443,
        ..flow(&ends.0, &ends.1, START + at, unlike)
    }
}

fn minute(minute: u64) -> UnixMillis {
    UnixMillis(START + minute * MINUTE)
}

fn judge(rule: &Rule, flows: &[FlowRecord], minutes: Range<u64>) -> Vec<Firing> {
    let store = MemoryStore::default();
    store_from(&store, 0, flows);
    let range = TimeRange { since: minute(minutes.start), until: minute(minutes.end) };
    let judged = rule.judge(&*store.snapshot().unwrap(), range, &Limits::default()).unwrap();
    assert!(!judged.cut);
    judged.firings
}

/// Who, in which minute, how much.
fn told(firings: &[Firing]) -> Vec<(String, u64, u128)> {
    let told = |firing: &Firing| {
        let key = firing.key.iter().map(|value| match value {
            KeyValue::Address(address) => address.to_string(),
            other => format!("{other:?}"),
        });
        let at = (firing.window.since - minute(0)) / MINUTE;
        (key.collect::<Vec<_>>().join(" "), at, firing.value)
    };
    firings.iter().map(told).collect()
}

const OCTETS: Counted = Counted::Measure(Measure::Octets);

#[test]
fn what_a_flow_brings_is_spread_over_the_windows_that_it_lasts() {
    let flows = [
        // Three minutes of 2,000 octets each, and as much as the limit.
        sent((1, 1), 0, 180_000, 6_000),
        sent((2, 1), MINUTE, 0, 1_500),
        sent((2, 2), 5 * MINUTE, 0, 1_501),
    ];
    let rule = rule("src", OCTETS, Limit::Above(1_500));
    let one = |at| ("10.0.0.1".to_owned(), at, 2_000);
    let two = ("10.0.0.2".to_owned(), 5, 1_501);
    assert_eq!(told(&judge(&rule, &flows, 0..9)), [one(0), one(1), one(2), two.clone()]);
    // What began before the time that is asked of counts in it all the same.
    assert_eq!(told(&judge(&rule, &flows, 2..6)), [one(2), two]);
    let rule = Rule { floor: 2_001, ..rule };
    assert_eq!(told(&judge(&rule, &flows, 0..9)), []);
}

#[test]
fn years_without_flows_are_not_gone_through() {
    let rule = rule("src", OCTETS, Limit::Above(100));
    let years = 20 * 365 * 1_440;
    let flows = [sent((1, 1), 0, 90_000, 300), sent((2, 1), (years - 5) * MINUTE, 0, 200)];
    let found = told(&judge(&rule, &flows, 0..years));
    let (one, two) = ("10.0.0.1".to_owned(), "10.0.0.2".to_owned());
    assert_eq!(found, [(one, 0, 200), (two, years - 5, 200)]);
}

#[test]
fn all_flows_together_are_one_key() {
    let flows = [sent((1, 1), 0, 0, 600), sent((2, 2), 30_000, 0, 500)];
    let rule = rule("", OCTETS, Limit::Above(1_000));
    assert_eq!(told(&judge(&rule, &flows, 0..2)), [(String::new(), 0, 1_100)]);
    let flows_of = Counted::Measure(Measure::Flows);
    let rule = Rule { counted: flows_of, limit: Limit::Above(1), ..rule };
    assert_eq!(told(&judge(&rule, &flows, 0..2)), [(String::new(), 0, 2)]);
    let rule = Rule { counted: Counted::Peers, ..rule };
    assert_eq!(told(&judge(&rule, &flows, 0..2)), [(String::new(), 0, 2)]);
}

/// A host that sends these, minute by minute, and another one that is there from the first on.
fn by_minute(octets: &[u64]) -> Vec<FlowRecord> {
    let of_one = |(at, &octets): (usize, &u64)| sent((1, 1), at as u64 * MINUTE, 0, octets);
    let other = (0..octets.len() as u64).map(|at| sent((9, 9), at * MINUTE, 0, 1));
    octets.iter().enumerate().map(of_one).chain(other).collect()
}

#[test]
fn more_than_so_many_percent_of_the_mean_is_told() {
    let over_ms = 30 * MINUTE;
    let mut octets = vec![100; 30];
    octets.push(500);
    let rule = Rule { floor: 50, ..rule("src", OCTETS, Limit::Percent { percent: 300, over_ms }) };
    let found = judge(&rule, &by_minute(&octets), 30..31);
    assert_eq!(told(&found), [("10.0.0.1".to_owned(), 30, 500)]);
    let usual = Usual::Mean { mean: 100.0, percent: 500.0, windows: 30 };
    assert_eq!(found[0].usual, Some(usual));
    assert_eq!(judge(&Rule { floor: 501, ..rule.clone() }, &by_minute(&octets), 30..31), []);
    let limit = Limit::Percent { percent: 500, over_ms };
    assert_eq!(judge(&Rule { limit, ..rule.clone() }, &by_minute(&octets), 30..31), []);
    // Nine windows are too few to say what is usual, ten are enough, and a host that is new where
    // others were before is unusual.
    let late = |from: usize| -> Vec<FlowRecord> {
        by_minute(&octets).into_iter().filter(|flow| flow.first >= minute(from as u64)).collect()
    };
    assert_eq!(judge(&rule, &late(21), 30..31), []);
    assert_eq!(judge(&rule, &late(20), 30..31).len(), 1);
    let mut new = late(0);
    new.push(sent((5, 5), 30 * MINUTE, 0, 400));
    let found = judge(&rule, &new, 30..31);
    let expected = [("10.0.0.1".to_owned(), 30, 500), ("10.0.0.5".to_owned(), 30, 400)];
    assert_eq!(told(&found), expected);
}

#[test]
fn a_robust_z_goes_by_median_and_median_deviation() {
    // The median is 100, the deviations from it 10: 100 more is 100 / 14.826 = 6.745 of them.
    let mut octets = [90, 110].repeat(15);
    octets.push(200);
    let of = |z_milli| {
        let limit = Limit::Unusual { z_milli, over_ms: 30 * MINUTE };
        judge(&Rule { floor: 1, ..rule("src", OCTETS, limit) }, &by_minute(&octets), 30..31)
    };
    let found = of(6_740);
    assert_eq!(told(&found), [("10.0.0.1".to_owned(), 30, 200)]);
    let Some(Usual::Median { median, deviation, z, windows }) = found[0].usual else { panic!() };
    assert_eq!((median as u64, windows), (100, 30));
    assert!((deviation - 14.826).abs() < 1e-9 && (z - 6.7449).abs() < 1e-3, "{deviation} {z}");
    assert_eq!(of(6_750), []);
    // What never changes may change by a little: the deviation counts as a twentieth.
    let mut octets = vec![1_000; 30];
    octets.push(1_100);
    let limit = Limit::Unusual { z_milli: 3_000, over_ms: 30 * MINUTE };
    let rule = Rule { floor: 1, ..rule("src", OCTETS, limit) };
    assert_eq!(judge(&rule, &by_minute(&octets), 30..31), []);
}

#[test]
fn peers_are_counted_once_in_each_window() {
    let mut flows = Vec::new();
    for peer in 1..=5 {
        flows.push(sent((1, peer), 2 * MINUTE + u64::from(peer), 0, 1));
        flows.push(sent((1, peer), 2 * MINUTE + 100 + u64::from(peer), 0, 1));
        flows.push(sent((1, peer), 3 * MINUTE, 0, 1));
    }
    flows.push(sent((2, 1), 2 * MINUTE, 0, 1));
    let of = |by: &str, above: u64| {
        told(&judge(&rule(by, Counted::Peers, Limit::Above(above)), &flows, 0..9))
    };
    let key = |key: &str, at, peers| (key.to_owned(), at, peers);
    assert_eq!(of("src", 4), [key("10.0.0.1", 2, 5), key("10.0.0.1", 3, 5)]);
    assert_eq!(of("src", 5), []);
    assert_eq!(of("dst", 1), [key("192.0.2.1", 2, 2)]);
    assert_eq!(of("ip", 1), [key("10.0.0.1", 2, 5), key("192.0.2.1", 2, 2), key("10.0.0.1", 3, 5)]);
    assert_eq!(of("dstport", 4).len(), 2);
    // Five are five times as many as one in each of the twenty windows before.
    let before = (0..20).map(|at| sent((1, 1), at * MINUTE, 0, 1));
    let after = (1..=5).map(|peer| sent((1, peer), 20 * MINUTE, 0, 1));
    let limit = Limit::Percent { percent: 400, over_ms: 20 * MINUTE };
    let rule = Rule { floor: 2, ..rule("src", Counted::Peers, limit) };
    let found = judge(&rule, &before.chain(after).collect::<Vec<_>>(), 20..21);
    assert_eq!(told(&found), [key("10.0.0.1", 20, 5)]);
    let usual = Usual::Mean { mean: 1.0, percent: 500.0, windows: 20 };
    assert_eq!(found[0].usual, Some(usual));
}

#[test]
fn a_key_that_was_told_is_quiet_for_a_while() {
    let at = |host: u8, at: u64| Firing {
        key: vec![KeyValue::Address([10, 0, 0, host].into())],
        window: TimeRange { since: minute(at), until: minute(at + 1) },
        value: 1,
        usual: None,
    };
    let firings = vec![at(1, 0), at(2, 1), at(1, 5), at(1, 10), at(1, 11), at(2, 12)];
    let told = after_pauses(firings, 10 * MINUTE);
    assert_eq!(told, [(at(1, 0), 2), (at(2, 1), 0), (at(1, 11), 0), (at(2, 12), 0)]);
}

#[test]
fn windows_that_may_change_yet_are_open() {
    let rule = rule("src", OCTETS, Limit::Above(1));
    let now = minute(5) + 30_000;
    assert_eq!(rule.open_windows(now), TimeRange { since: minute(3), until: minute(6) });
}
