use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::flow::{Family, FlowBatch};

/// A flow: first, duration, octets.
type Flow = (u64, u32, u64);

fn batch(flows: &[Flow]) -> FlowBatch {
    let mut batch = FlowBatch::new(Family::V4);
    for &(first, duration, octets) in flows {
        batch.first_ms.push(first);
        batch.duration_ms.push(duration);
        batch.octets.push(octets);
    }
    batch.set_len(flows.len());
    batch
}

fn bins(flows: &[&[Flow]], width: BinWidth) -> Bins {
    let mut whole = Bins::new(Measure::Octets, width, 0, 0);
    for flows in flows {
        let mut part = Bins::new(Measure::Octets, width, 0, 1);
        part.observe(&batch(flows)).unwrap();
        whole.merge(part).unwrap();
    }
    whole
}

fn of_millis(millis: u64) -> BinWidth {
    BinWidth::Millis(NonZeroU64::new(millis).unwrap())
}

fn values(bins: &Bins) -> Vec<u128> {
    bins.values(1).collect()
}

#[test]
fn a_flow_is_spread_evenly_over_its_time() {
    for (flow, width, start, expected) in [
        ((5, 20, 20), 10, 0, &[5, 10, 5][..]),
        ((0, 30, 100), 10, 0, &[33, 34, 33]),
        ((0, 30, 1), 10, 0, &[0, 1, 0]),
        // It ends where the second bin begins, and so before it.
        ((0, 10, 7), 10, 0, &[7]),
        ((0, 11, 11), 10, 0, &[10, 1]),
        ((19, 0, 9), 10, 10, &[9]),
        (
            (5, 40, u64::MAX),
            20,
            0,
            &[6_917_529_027_641_081_856, 9_223_372_036_854_775_807, 2_305_843_009_213_693_952],
        ),
    ] {
        let bins = bins(&[&[flow]], of_millis(width));
        assert_eq!((bins.start(0).0, &*values(&bins)), (start, expected), "{flow:?}");
    }
}

#[test]
fn flows_are_counted_where_they_begin() {
    let mut bins = Bins::new(Measure::Flows, of_millis(10), 0, 0);
    bins.observe(
        &batch(&[(3, 50, 9), (12, 0, 9), (4, 1, 9)]).project(Timeline::columns(Measure::Flows)),
    )
    .unwrap();
    assert_eq!(bins.values(0).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn too_many_bins_are_told_with_the_time_that_they_take() {
    let late = MAX_BINS as u64;
    let whole = bins(&[&[(9, 1, 1)], &[(late + 9, 0, 1)], &[(20, 5, 1)]], of_millis(1));
    assert_eq!(whole.overflow(), Some(Span { first: 9, last: late + 9 }));
    let whole = bins(&[&[(9, 1, 1)], &[(late + 8, 0, 1)]], of_millis(1));
    assert_eq!((whole.overflow(), whole.len()), (None, MAX_BINS));
}

#[test]
fn times_that_no_calendar_reaches_have_bins() {
    let whole =
        bins(&[&[(0, 0, 1), (u64::MAX, u32::MAX, 2), (u64::MAX - 1, 9, 4)]], BinWidth::AtMost(2));
    assert_eq!(values(&whole), [1, 6]);
}

fn any_flows() -> impl Strategy<Value = Vec<Flow>> {
    let first = prop_oneof![0u64..20_000, 0u64..90_000_000];
    let duration = prop_oneof![Just(0u32), 0u32..9_000, 0u32..4_000_000];
    let octets = prop_oneof![0u64..2000, Just(u64::MAX)];
    prop::collection::vec((first, duration, octets), 1..30)
}

/// What a bin from `since` to `until` has by the definition, for each flow by itself.
fn share(flow: Flow, since: u64, until: u64) -> u128 {
    let (first, duration, octets) = (flow.0, u64::from(flow.1), u128::from(flow.2));
    if duration == 0 {
        return if (since..until).contains(&first) { octets } else { 0 };
    }
    let up_to = |moment: u64| {
        let elapsed = u128::from(moment.clamp(first, first + duration) - first);
        (octets * elapsed + u128::from(duration) / 2) / u128::from(duration)
    };
    // At the very beginning nothing was sent, also where half of one rounds up.
    let before = if since <= first { 0 } else { up_to(since) };
    if until <= first { 0 } else { up_to(until) - before }
}

proptest! {
    #[test]
    fn bins_hold_what_was_sent_in_them_however_the_flows_come(
        flows in any_flows(), cuts in prop::collection::vec(0usize..30, 2), most in 2usize..200,
        width in prop_oneof![Just(None), (1000u64..9_000_000).prop_map(Some)],
    ) {
        let (a, b) = (cuts[0].min(flows.len()), cuts[1].min(flows.len()));
        let parts = [&flows[a.min(b)..a.max(b)], &flows[a.max(b)..], &flows[..a.min(b)]];
        let width = width.map_or(BinWidth::AtMost(most), of_millis);
        let parts: Vec<&[Flow]> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let whole = bins(&parts, width);
        prop_assert_eq!(whole.overflow(), None);
        let values = values(&whole);
        for (bin, &value) in values.iter().enumerate() {
            let since = whole.start(bin as u64).0;
            let expected: u128 = flows.iter().map(|&flow| share(flow, since, since + whole.width_ms())).sum();
            prop_assert_eq!(value, expected);
        }
        prop_assert_eq!(values.iter().sum::<u128>(), flows.iter().map(|flow| u128::from(flow.2)).sum::<u128>());
        if let BinWidth::AtMost(most) = width {
            prop_assert!(values.len() <= most);
            // The next narrower width would have taken more bins.
            let first = flows.iter().map(|flow| flow.0).min().unwrap();
            let last = flows.iter().map(|flow| (flow.0 + u64::from(flow.1)).saturating_sub(1).max(flow.0)).max().unwrap();
            let mut narrow = 1000;
            while last / narrow - first / narrow >= most as u64 {
                narrow = width.wider(narrow).unwrap();
            }
            prop_assert_eq!(whole.width_ms(), narrow);
        }
    }
}
