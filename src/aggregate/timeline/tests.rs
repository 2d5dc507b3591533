use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::aggregate::{KeyValue, Limits, Top, TopOptions, TopOrder, parse_keys};
use crate::flow::{Family, FlowBatch, FlowRecord, Origin};
use crate::query::Question;
use crate::store::memory::MemoryStore;
use crate::store::{Store, WriteBatch};

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

fn bins(flows: &[&[Flow]], width: BinWidth) -> Bins<'static> {
    let mut whole = Bins::new(Measure::Octets, width, 0, (Filled::One(0), 2));
    for flows in flows {
        let mut part = Bins::new(Measure::Octets, width, 0, (Filled::One(1), 2));
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
    let mut bins = Bins::new(Measure::Flows, of_millis(10), 0, (Filled::One(0), 1));
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

/// Flows whose key is their octets' lowest two bits, in both families.
fn store_of(flows: &[Flow]) -> MemoryStore {
    let mut batch = WriteBatch::new();
    for (number, &(first, duration_ms, octets)) in flows.iter().enumerate() {
        let (src, dst) =
            if octets & 4 == 0 { ("10.0.0.1", "10.0.0.2") } else { ("2001:db8::1", "2001:db8::2") };
        let flow = FlowRecord {
            first: UnixMillis(first),
            duration_ms,
            octets,
            src_port: number as u16,
            dst_port: (octets & 3) as u16,
            ..FlowRecord::between(src.parse().unwrap(), dst.parse().unwrap())
        };
        batch.family_mut(flow.family()).push(&flow, 0, Origin(number as u64));
    }
    let store = MemoryStore::default();
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    drop(writer);
    store
}

proptest! {
    #[test]
    fn the_series_of_keys_are_timelines_of_their_flows_and_all_of_them_that_of_everybody(
        flows in any_flows(), count in 0usize..4, width in prop_oneof![Just(None), (1000u64..9_000_000).prop_map(Some)],
        by in prop::sample::select(&Measure::ALL[..]), key in prop::sample::select(&["dstport", "src,dstport"][..]),
    ) {
        let fields = parse_keys(key).unwrap();
        let options = TimelineOptions { by, width: width.map_or(BinWidth::AtMost(50), of_millis), zone: TimeZone::UTC };
        let snapshot = store_of(&flows).snapshot().unwrap();
        let lookup = Question::everything().plan_unordered(Columns::NONE);
        let top_options = TopOptions { fields: fields.clone(), order: TopOrder::Measure(by), count: Some(count), zone: TimeZone::UTC, limits: Limits::default() };
        let top = Top::of(&*snapshot, lookup.scans(), &top_options).unwrap();
        let timeline = Timeline::of_keys(&*snapshot, &lookup, &top.known(&top_options), &options).unwrap();
        let whole = Timeline::of(&*snapshot, &[(Whose::All, lookup)], &options).unwrap();
        prop_assert_eq!((&timeline.starts, timeline.until, timeline.bin_ms), (&whole.starts, whole.until, whole.bin_ms));
        prop_assert_eq!(timeline.series.len(), top.entries.len() + 1);
        for (bin, &value) in whole.series[0].values.iter().enumerate() {
            prop_assert_eq!(timeline.series.iter().map(|series| series.values[bin]).sum::<u128>(), value);
        }
        for (series, entry) in timeline.series.iter().zip(&top.entries) {
            let family = match entry.key[0] { KeyValue::Address(address) => Some(Family::of(address)), _ => None };
            let Some(KeyValue::Number(port)) = entry.key.last() else { panic!() };
            let of_key: Vec<Flow> = flows.iter().copied().filter(|flow| flow.2 & 3 == *port && family.is_none_or(|family| (flow.2 & 4 == 0) == (family == Family::V4))).collect();
            for (bin, &value) in series.values.iter().enumerate() {
                let (since, until) = (timeline.starts[bin].0, timeline.end(bin).0);
                let expected: u128 = of_key.iter().map(|&flow| match by {
                    Measure::Flows => share((flow.0, 0, 1), since, until),
                    Measure::Packets => 0,
                    Measure::Octets => share(flow, since, until),
                }).sum();
                prop_assert_eq!(value, expected);
            }
        }
    }
}

#[test]
fn a_flow_counts_for_the_keys_of_both_of_its_ends() {
    let snapshot = store_of(&[(0, 0, 2), (10, 0, 8)]).snapshot().unwrap();
    let fields = parse_keys("ip").unwrap();
    let options =
        TimelineOptions { by: Measure::Octets, width: of_millis(10), zone: TimeZone::UTC };
    let keys = [[KeyValue::Address("10.0.0.1".parse().unwrap())]];
    let keys = KnownKeys::new(&fields, &TimeZone::UTC, &keys.iter().map(|key| &key[..]));
    let lookup = Question::everything().plan_unordered(Columns::NONE);
    let timeline = Timeline::of_keys(&*snapshot, &lookup, &keys, &options).unwrap();
    assert_eq!(timeline.series[0].values, [2, 8]);
    assert_eq!(timeline.series[1].values, [2, 8]);
    assert_eq!(timeline.series[1].whose, Whose::OtherKeys);
}

#[test]
fn many_series_have_fewer_bins() {
    let many =
        |series| Bins::new(Measure::Octets, of_millis(1), 0, (Filled::One(0), series)).most();
    assert_eq!([many(1), many(2), many(20)], [MAX_BINS, MAX_BINS, MAX_BINS / 10]);
    let few = Bins::new(Measure::Octets, BinWidth::AtMost(300), 0, (Filled::One(0), 20));
    assert_eq!(few.most(), 300);
}
