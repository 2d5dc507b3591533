//! The least and the greatest that every field can be.

use super::Open;
use super::reading::{assert_same, check, read_all};
use super::samples::{address, flow, store_of};
use crate::flow::{Columns, Family, FlowRecord, Protocol, Sampling, Source, TimeRange, UnixMillis};
use crate::row::Order;
use crate::store::Scan;

/// A flow with every field at its greatest value. Nothing that is loaded now begins so late, but
/// stores of earlier versions hold such flows.
fn greatest(family: Family) -> FlowRecord {
    let address = family.address(family.max_bits());
    FlowRecord {
        src: address,
        dst: address,
        first: UnixMillis::MAX,
        duration_ms: u32::MAX,
        octets: u64::MAX,
        packets: u64::MAX,
        src_port: u16::MAX,
        dst_port: u16::MAX,
        protocol: Protocol(u8::MAX),
        tcp_flags: u8::MAX,
        tos: u8::MAX,
        input: u32::MAX,
        output: u32::MAX,
        src_as: u32::MAX,
        dst_as: u32::MAX,
        src_mask: u8::MAX,
        dst_mask: u8::MAX,
        next_hop: address,
        source: Source {
            exporter: Family::V6.address(u128::MAX),
            engine: u32::MAX,
            sampling: Sampling { mode: u8::MAX, interval: u32::MAX },
        },
    }
}

fn least(family: Family) -> FlowRecord {
    let address = family.address(0);
    FlowRecord {
        src: address,
        dst: address,
        first: UnixMillis::EPOCH,
        duration_ms: 0,
        octets: 0,
        packets: 0,
        src_port: 0,
        dst_port: 0,
        protocol: Protocol(0),
        tcp_flags: 0,
        tos: 0,
        input: 0,
        output: 0,
        src_as: 0,
        dst_as: 0,
        src_mask: 0,
        dst_mask: 0,
        next_hop: address,
        source: Source {
            exporter: Family::V4.address(0),
            engine: 0,
            sampling: Sampling::default(),
        },
    }
}

pub(super) fn every_extreme_value_comes_back(open: Open<'_>) {
    let mut stored = Vec::new();
    for family in Family::ALL {
        let (least, greatest) = (least(family), greatest(family));
        stored.extend([least, greatest]);
        // One field each at the other end, so that no value hides behind its neighbour.
        stored.extend([
            FlowRecord { dst: greatest.dst, ..least },
            FlowRecord { first: greatest.first, ..least },
            FlowRecord { octets: u64::MAX, ..least },
            FlowRecord { packets: 1 << 63, ..least },
            FlowRecord { duration_ms: u32::MAX, ..least },
            FlowRecord { src_as: 1 << 31, ..least },
            FlowRecord { next_hop: greatest.next_hop, ..least },
            FlowRecord { source: greatest.source, ..least },
            FlowRecord { src: least.src, ..greatest },
            FlowRecord { first: least.first, ..greatest },
            FlowRecord { octets: 0, ..greatest },
            FlowRecord { protocol: Protocol(0), ..greatest },
        ]);
    }
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    assert_same(&read_all(snapshot.as_ref()), &stored, "a scan of extremes");
    for flow in &stored {
        for order in Order::ALL {
            let lead = order.ends(flow).0;
            let time = TimeRange { since: flow.first, until: flow.first + 1 };
            let scan = Scan { time, ..Scan::range(order, lead, Columns::ALL) };
            check(snapshot.as_ref(), &scan, &stored);
        }
    }
}

pub(super) fn flows_of_every_age_are_found_by_time(open: Open<'_>) {
    let moments: Vec<u64> =
        (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, (1 << bit) + 1]).collect();
    let stored: Vec<_> =
        moments.iter().map(|&first| flow("10.0.0.1", "10.0.0.2", first, 1)).collect();
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    for pair in moments.windows(2) {
        let time = TimeRange { since: UnixMillis(pair[0]), until: UnixMillis(pair[1]) };
        check(snapshot.as_ref(), &Scan { time, ..Scan::all(Columns::ALL) }, &stored);
        let host = Scan::range(Order::Src, address("10.0.0.1"), Columns::ALL);
        check(snapshot.as_ref(), &Scan { time, ..host }, &stored);
    }
}

pub(super) fn one_pair_and_one_moment_hold_many_flows(open: Open<'_>) {
    let stored: Vec<_> =
        (0..20_000).map(|number| flow("10.0.0.1", "10.0.0.2", 5, number % 50)).collect();
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.flows().unwrap(), 20_000);
    let scan = Scan::range(Order::Dst, address("10.0.0.2"), Columns::ALL);
    check(snapshot.as_ref(), &scan, &stored);
}
