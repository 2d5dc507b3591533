//! The least and the greatest that every field can be.

use super::Open;
use super::reading::{assert_same, check, read_all};
use super::samples::{address, flow, of_numbers, store_of};
use crate::flow::{Columns, Family, FlowRecord, Protocol, Sampling, Source, TimeRange, UnixMillis};
use crate::row::Order;
use crate::store::Scan;

/// A flow with every field at its greatest value. Nothing that is loaded now begins so late, but
/// stores of earlier versions hold such flows.
fn greatest(family: Family) -> FlowRecord {
    let address = family.address(family.max_bits());
    let source = Source {
        exporter: Family::V6.address(u128::MAX),
        engine: u32::MAX,
        sampling: Sampling { mode: u8::MAX, interval: u32::MAX },
    };
    FlowRecord { source, ..of_numbers([address; 3], |column| column.kind().greatest()) }
}

fn least(family: Family) -> FlowRecord {
    FlowRecord::between(family.address(0), family.address(0))
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
