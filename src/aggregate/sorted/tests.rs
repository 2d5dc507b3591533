use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::flow::{Column, Family, FlowRecord, Origin, Protocol, Sampling, Source, UnixMillis};

/// What of a flow the expected order is told by: twice what it is sorted by, then its row key.
type Expected = (u128, Reverse<u128>, IpAddr, UnixMillis, IpAddr);

/// What a flow has for each order, as nfdump works it out.
fn value(name: &str, flow: &FlowRecord) -> u128 {
    let millis = u128::from(flow.duration_ms);
    let (octets, packets) = (u128::from(flow.octets), u128::from(flow.packets));
    let end = |address: IpAddr| match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => u128::from(address) | 1 << 127,
    };
    match name {
        "octets" => octets,
        "packets" => packets,
        "duration" => millis,
        "pps" => (1000 * packets).checked_div(millis).unwrap_or(0),
        "bps" => (8000 * octets).checked_div(millis).unwrap_or(0),
        "bpp" => octets.checked_div(packets).unwrap_or(0),
        "first" => flow.first.0.into(),
        "last" => u128::from(flow.first.0) + millis,
        "src" => end(flow.src),
        "dst" => end(flow.dst),
        "srcport" => flow.src_port.into(),
        "dstport" => flow.dst_port.into(),
        "proto" => flow.protocol.0.into(),
        _ => 0,
    }
}

fn expected(name: &str, downward: bool, flow: &FlowRecord) -> Expected {
    let value = value(name, flow);
    let (up, down) = if downward { (0, value) } else { (value, 0) };
    (up, Reverse(down), flow.src, flow.first, flow.dst)
}

fn flow() -> impl Strategy<Value = (FlowRecord, Vec<u8>)> {
    let numbers = (0..3u64, 0..9u64, 0..5u64, 0..3u32, 0..3u16, 0..3u8);
    let ends = (any::<bool>(), 0..4u8, 0..4u8, 0..3u32);
    (ends, numbers, prop::collection::vec(any::<u8>(), 0..3)).prop_map(
        |((v6, src, dst, engine), (first, octets, packets, millis, port, protocol), extras)| {
            let family = if v6 { Family::V6 } else { Family::V4 };
            let [src, dst] = [src, dst].map(|bits| family.address(bits.into()));
            let exporter = [192, 0, 2, protocol].into();
            let flow = FlowRecord {
                first: UnixMillis(first),
                duration_ms: millis,
                octets: octets << (8 * octets % 40),
                packets,
                src_port: port,
                dst_port: 80 * port,
                protocol: Protocol(protocol),
                next_hop: family.address(octets.into()),
                source: Source {
                    exporter,
                    engine,
                    sampling: Sampling { mode: 1, interval: engine },
                },
                ..FlowRecord::between(src, dst)
            };
            (flow, extras)
        },
    )
}

/// Batches of one family each.
fn batches(flows: &[(FlowRecord, Vec<u8>)]) -> Vec<FlowBatch> {
    let family = |(flow, _): &(FlowRecord, Vec<u8>)| flow.family();
    let chunks = flows.chunk_by(|a, b| family(a) == family(b));
    chunks
        .map(|flows| {
            let mut batch = FlowBatch::new(family(&flows[0]));
            batch.sources = Arc::new(flows.iter().map(|(flow, _)| flow.source).collect());
            for (place, (flow, extras)) in flows.iter().enumerate() {
                batch.push_with(flow, place as u32, Origin(1), extras);
            }
            batch
        })
        .collect()
}

fn sort(parts: &[Vec<FlowBatch>], options: &SortOptions, most_bytes: usize) -> Vec<FlowBatch> {
    let mut sorts = parts.iter().map(|batches| {
        let mut sort = FlowSort::new(options, 1);
        sort.most_bytes = most_bytes;
        for batch in batches {
            sort.observe(batch).unwrap();
        }
        sort
    });
    let mut whole = sorts.next().unwrap_or_else(|| FlowSort::new(options, 1));
    sorts.for_each(|other| whole.merge(other).unwrap());
    whole.finish(options).unwrap().collect::<Result<_>>().unwrap()
}

fn rows(batches: &[FlowBatch]) -> Vec<(FlowRecord, Vec<u8>)> {
    let of = |batch: &FlowBatch| -> Vec<_> {
        let extras = |row| batch.extras.get(row).to_vec();
        batch.records().enumerate().map(|(row, flow)| (flow, extras(row))).collect()
    };
    batches.iter().flat_map(of).collect()
}

fn by_text(mut rows: Vec<(FlowRecord, Vec<u8>)>) -> Vec<String> {
    let mut texts: Vec<String> = rows.drain(..).map(|row| format!("{row:?}")).collect();
    texts.sort();
    texts
}

proptest! {
    #[test]
    fn flows_come_in_order_however_little_memory_there_is(
        flows in prop::collection::vec(flow(), 0..60),
        name in prop::sample::select(FlowOrder::names().collect::<Vec<_>>()),
        downward in any::<bool>(),
        cut in 0..60usize,
        most_bytes in prop::sample::select(vec![200, 2_000, usize::MAX]),
        limit in prop::option::of(0..70u64),
    ) {
        let order: FlowOrder = format!("{name}:{}", if downward { "desc" } else { "asc" }).parse().unwrap();
        // Of names that are other names of the same.
        let printed = order.to_string();
        let name = printed.split(':').next().unwrap();
        let (one, other) = flows.split_at(cut.min(flows.len()));
        let options = SortOptions { order, columns: Columns::ALL, limit, limits: Limits::default() };
        let found = rows(&sort(&[batches(one), batches(other)], &options, most_bytes));
        let told: Vec<_> = found.iter().map(|(flow, _)| expected(name, downward, flow)).collect();
        let mut whole: Vec<_> = flows.iter().map(|(flow, _)| expected(name, downward, flow)).collect();
        whole.sort_unstable();
        whole.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
        prop_assert_eq!(told, whole);
        if limit.is_none() {
            prop_assert_eq!(by_text(found), by_text(flows));
        }
    }
}

#[test]
fn only_what_is_wanted_comes_back_and_few_are_held() {
    let flow = |octets: u64| FlowRecord {
        octets,
        ..FlowRecord::between([10, 0, 0, 1].into(), [10, 0, 0, 2].into())
    };
    let options = SortOptions {
        order: "octets".parse().unwrap(),
        columns: Columns::of(&[Column::Octets]),
        limit: Some(3),
        limits: Limits::default(),
    };
    let mut sort = FlowSort::new(&options, 1);
    let flows: Vec<_> = (0..50_000).map(|octets| (flow(octets), Vec::new())).collect();
    for batch in batches(&flows) {
        sort.observe(&batch).unwrap();
    }
    assert!(sort.rows.len() < MIN_DROPPED);
    let found: Vec<_> = sort.finish(&options).unwrap().collect::<Result<_>>().unwrap();
    assert_eq!(
        found.iter().map(|batch| batch.octets.clone()).collect::<Vec<_>>(),
        [[49_999, 49_998, 49_997]]
    );
    assert!(found[0].src.is_empty() && found[0].origin.is_empty());
}
