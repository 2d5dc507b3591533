use std::sync::Arc;

use proptest::prelude::*;

use super::groups::Groups;
use super::*;
use crate::flow::{Family, Sampling, Source};

const DAY_MS: u64 = 86_400_000;

/// A flow: first, duration, octets, packets, protocol, source.
type Flow = (u64, u32, u64, u64, u8, u32);

fn batch(flows: &[Flow], sources: &Arc<Vec<Source>>) -> FlowBatch {
    let mut batch = FlowBatch::new(Family::V4);
    for &(first, duration, octets, packets, protocol, source) in flows {
        batch.first_ms.push(first);
        batch.duration_ms.push(duration);
        batch.octets.push(octets);
        batch.packets.push(packets);
        batch.protocol.push(protocol);
        batch.source.push(source);
    }
    batch.sources = Arc::clone(sources);
    batch.set_len(flows.len());
    batch
}

fn sources() -> Arc<Vec<Source>> {
    // Two of them are one exporter.
    let source = |(exporter, engine)| Source {
        exporter: [192, 0, 2, exporter].into(),
        engine,
        sampling: Sampling::default(),
    };
    Arc::new([(1, 0), (2, 0), (1, 7)].map(source).to_vec())
}

fn any_flows() -> impl Strategy<Value = Vec<Flow>> {
    let first = 0u64..4 * DAY_MS;
    let flow = (first, 0u32..9000, 0u64..99, 0u64..9, 0u8..4, 0u32..3);
    prop::collection::vec(flow, 0..40)
}

/// The totals of the flows that `of` picks.
fn totals(flows: &[Flow], of: impl Fn(&Flow) -> bool) -> FlowTotals {
    let mut totals = FlowTotals::default();
    for flow in flows.iter().filter(|flow| of(flow)) {
        totals.add(1, (flow.0, flow.0 + u64::from(flow.1)), flow.2, flow.3);
    }
    totals
}

proptest! {
    #[test]
    fn groups_are_the_same_in_any_parts(flows in any_flows(), cut in 0usize..40) {
        let (head, tail) = flows.split_at(cut.min(flows.len()));
        let without_traffic = flows.iter().filter(|flow| (flow.2, flow.3) == (0, 0)).count() as u64;
        let mut whole = Sums::new(TimeZone::UTC);
        whole.observe(&batch(tail, &sources())).unwrap();
        let mut other = Sums::new(TimeZone::UTC);
        other.observe(&batch(head, &sources())).unwrap();
        whole.merge(other).unwrap();
        let stats = whole.finish();
        prop_assert_eq!(stats.totals.all(), totals(&flows, |_| true));
        prop_assert_eq!(stats.without_traffic, without_traffic);
        for &(protocol, found) in &stats.protocols {
            prop_assert_eq!(found, totals(&flows, |flow| flow.4 == protocol.0));
        }
        for &(exporter, found) in &stats.exporters {
            prop_assert_eq!(found, totals(&flows, |flow| sources()[flow.5 as usize].exporter == exporter));
        }
        for &(day, found) in &stats.days {
            prop_assert_eq!(found, totals(&flows, |flow| flow.0 / DAY_MS * DAY_MS == day.0));
        }
        let all = |groups: Vec<FlowTotals>| groups.iter().map(|totals| totals.flows).sum::<u64>();
        for groups in [
            stats.protocols.iter().map(|group| group.1).collect(),
            stats.exporters.iter().map(|group| group.1).collect(),
            stats.days.iter().map(|group| group.1).collect::<Vec<_>>(),
        ] {
            prop_assert_eq!(all(groups), flows.len() as u64);
        }
        prop_assert!(stats.exporters.is_sorted_by(|a, b| a.1.octets >= b.1.octets));
        prop_assert!(stats.days.is_sorted_by_key(|day| day.0));
    }

    #[test]
    fn the_least_keys_are_kept_in_whatever_order_they_come(keys in prop::collection::vec(0u16..20, 0..60), cut in 0usize..60) {
        let one = FlowTotals { flows: 1, ..FlowTotals::default() };
        let (head, tail) = keys.split_at(cut.min(keys.len()));
        let mut whole = Groups::new(5);
        let mut other = Groups::new(5);
        for (keys, groups) in [(tail, &mut whole), (head, &mut other)] {
            for &key in keys {
                groups.add(key, &one);
            }
        }
        whole.merge(other);
        let (least, others) = whole.finish();
        let found: Vec<(u16, u64)> = least.map(|(key, totals)| (key, totals.flows)).collect();
        let mut distinct = keys.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let count = |of: u16| keys.iter().filter(|&&key| key == of).count() as u64;
        let expected: Vec<(u16, u64)> = distinct.into_iter().take(5).map(|key| (key, count(key))).collect();
        let kept: u64 = expected.iter().map(|group| group.1).sum();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(others.flows, keys.len() as u64 - kept);
    }
}

#[test]
fn a_day_is_as_long_as_the_clocks_of_the_zone_make_it() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let at = |text: &str| UnixMillis::parse(text, &zone, UnixMillis::EPOCH).unwrap().0;
    let firsts =
        ["2007-03-24T23:59", "2007-03-25T00:00", "2007-03-25T23:59:59", "2007-03-26T00:00"];
    let flows = firsts.map(|text| (at(text), 0, 1, 1, 6, 0));
    let mut sums = Sums::new(zone.clone());
    sums.observe(&batch(&flows, &sources())).unwrap();
    sums.observe(&batch(&[(u64::MAX, 9, 1, 1, 6, 0)], &sources())).unwrap();
    let days: Vec<(u64, u64)> =
        sums.finish().days.iter().map(|(day, totals)| (day.0, totals.flows)).collect();
    let expected = [("2007-03-24", 1), ("2007-03-25", 2), ("2007-03-26", 1)];
    assert_eq!(days[..3], expected.map(|(day, flows)| (at(day), flows)));
    assert_eq!((days.len(), days[3].1), (4, 1));
}
