//! Scans: ranges, times, order, predicates and columns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use super::Open;
use super::reading::{assert_same, check, check_shape, place, read};
use super::samples::{address, flow, mixed_flows, store_of};
use crate::flow::{Column, Columns, Family, FlowRecord, TimeRange, UnixMillis};
use crate::row::{AddressRange, AddressSet, Order, Predicate};
use crate::store::{Access, Meter, SCAN_BATCH_ROWS, Scan};

pub(super) fn range(first: &str, last: &str) -> AddressRange {
    AddressRange::new(address(first), address(last)).unwrap()
}

pub(super) fn time(since: u64, until: u64) -> TimeRange {
    TimeRange { since: UnixMillis(since), until: UnixMillis(until) }
}

pub(super) fn a_host_is_found_in_both_orders(open: Open<'_>) {
    let stored = mixed_flows(1, 500);
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    for host in ["10.0.0.1", "10.0.0.3", "255.255.255.255", "0.0.0.0", "::", "2001:db8::2", "::1"] {
        for order in Order::ALL {
            let scan = Scan::range(order, address(host), Columns::ALL);
            check(snapshot.as_ref(), &scan, &stored);
            check(snapshot.as_ref(), &Scan { ordered: false, ..scan }, &stored);
        }
    }
    let sent = Scan::range(Order::Src, address("10.0.0.1"), Columns::ALL);
    assert!(!read(snapshot.as_ref(), &sent).is_empty(), "the samples hold this host");
}

pub(super) fn blocks_of_addresses_end_where_they_say(open: Open<'_>) {
    let hosts =
        ["9.255.255.255", "10.0.0.0", "10.0.0.255", "10.0.1.0", "10.255.255.255", "11.0.0.0"];
    let stored: Vec<_> =
        hosts.iter().flat_map(|src| hosts.map(|dst| flow(src, dst, 5, 1))).collect();
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    for block in
        ["10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/32", "10.0.1.0/24", "0.0.0.0/0", "12.0.0.0/8"]
    {
        let lead: ipnet::IpNet = block.parse().unwrap();
        for order in Order::ALL {
            check(
                snapshot.as_ref(),
                &Scan::range(order, AddressRange::from(lead), Columns::ALL),
                &stored,
            );
        }
    }
    // Ranges that are no block: a host, its neighbours, and one more.
    for (first, last) in [("9.255.255.255", "10.0.0.0"), ("10.0.0.1", "10.0.0.254")] {
        let scan = Scan::range(Order::Dst, range(first, last), Columns::ALL);
        check(snapshot.as_ref(), &scan, &stored);
    }
}

pub(super) fn the_families_do_not_mix(open: Open<'_>) {
    // The same numbers in both families.
    let stored = [
        flow("10.0.0.1", "10.0.0.2", 5, 1),
        flow("::a00:1", "::a00:2", 5, 2),
        flow("::ffff:10.0.0.1", "::ffff:10.0.0.2", 5, 3),
    ];
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    for family in Family::ALL {
        for order in Order::ALL {
            let lead = AddressRange::all(family);
            let scan = Scan::range(order, lead, Columns::ALL);
            let found = read(snapshot.as_ref(), &scan);
            assert!(found.iter().all(|flow| flow.family() == family));
            check(snapshot.as_ref(), &scan, &stored);
        }
    }
    let all = Scan { ordered: true, ..Scan::all(Columns::ALL) };
    assert_eq!(read(snapshot.as_ref(), &all), [stored[0], stored[1], stored[2]]);
}

pub(super) fn a_time_range_holds_its_start_and_not_its_end(open: Open<'_>) {
    let times = [0, 1, 999, 1000, 1001, 86_399_999, 86_400_000, 86_400_001, 200_000_000_000];
    let stored: Vec<_> = ["10.0.0.1", "10.0.0.2", "2001:db8::1"]
        .iter()
        .flat_map(|host| times.map(|first| flow(host, host, first, 1)))
        .collect();
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    let host = Some(address("10.0.0.1").into());
    for (since, until) in [
        (0, 0),
        (0, 1),
        (1, 1000),
        (1000, 1001),
        (1001, 1000),
        (2000, 86_399_999),
        (86_400_000, 86_400_001),
        (86_400_000, 172_800_000),
        (1, u64::MAX),
        (200_000_000_001, u64::MAX),
    ] {
        for lead in [None, host, Some(range("10.0.0.1", "10.0.0.9"))] {
            for order in Order::ALL {
                let ordered = lead.is_some();
                let all = Scan::all(Columns::ALL);
                let (lead, time) = (lead.map(AddressSet::from), time(since, until));
                let scan = Scan { order, lead, time, ordered, ..all };
                check(snapshot.as_ref(), &scan, &stored);
            }
        }
    }
}

pub(super) fn ordered_regions_come_in_key_order(open: Open<'_>) {
    let stored = mixed_flows(3, 3000);
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    for order in Order::ALL {
        for lead in [None, Some(range("10.0.0.0", "10.255.255.255")), Some(range("::", "3::"))] {
            let all = Scan { order, ordered: true, ..Scan::all(Columns::ALL) };
            let scan = Scan { lead: lead.map(AddressSet::from), ..all };
            let mut last = None;
            let mut found = Vec::new();
            for region in snapshot.regions(&scan).unwrap() {
                for batch in region.read() {
                    for flow in batch.unwrap().records() {
                        let here = place(order, &flow);
                        assert!(last.is_none_or(|last| last <= here), "{here:?} after {last:?}");
                        last = Some(here);
                        found.push(flow);
                    }
                }
            }
            let leads = |flow: &&FlowRecord| {
                lead.is_none_or(|lead: AddressRange| lead.contains(order.ends(flow).0))
            };
            let expected: Vec<_> = stored.iter().filter(leads).copied().collect();
            assert_same(&found, &expected, "regions in order");
            // The order holds also where the columns that it is by are not asked for.
            let octets = Columns::of(&[Column::Octets]);
            let few = read(snapshot.as_ref(), &Scan { columns: octets, ..scan });
            let mut by_place: BTreeMap<_, Vec<u64>> = BTreeMap::new();
            for flow in &expected {
                by_place.entry(place(order, flow)).or_default().push(flow.octets);
            }
            let mut rest = few.iter().map(|flow| flow.octets);
            for octets in by_place.values_mut() {
                let mut here: Vec<_> = rest.by_ref().take(octets.len()).collect();
                here.sort_unstable();
                octets.sort_unstable();
                assert_eq!(here, *octets);
            }
        }
    }
}

pub(super) fn regions_are_read_side_by_side(open: Open<'_>) {
    let stored = mixed_flows(4, 3000);
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    for ordered in [false, true] {
        let scan = Scan { ordered, ..Scan::all(Columns::ALL) };
        let regions = snapshot.regions(&scan).unwrap();
        let found: Vec<FlowRecord> = thread::scope(|scope| {
            let readers: Vec<_> = regions
                .into_iter()
                .map(|region| {
                    scope.spawn(|| -> Vec<FlowRecord> {
                        let batches = region.read().map(|batch| batch.unwrap());
                        batches.flat_map(|batch| batch.records().collect::<Vec<_>>()).collect()
                    })
                })
                .collect();
            readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
        });
        assert_same(&found, &stored, "regions side by side");
    }
}

pub(super) fn only_the_columns_asked_for_are_filled(open: Open<'_>) {
    let stored = mixed_flows(6, 300);
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    let single = Column::ALL.map(|column| Columns::of(&[column]));
    let few = [
        Columns::NONE,
        Columns::ALL,
        Columns::of(&[Column::Src, Column::Dst, Column::Octets]),
        Columns::ALL.without(Columns::of(&[Column::Src, Column::First])),
    ];
    for columns in single.into_iter().chain(few) {
        for (lead, ordered) in [(None, false), (Some(range("10.0.0.0", "10.0.1.0")), true)] {
            let lead = lead.map(AddressSet::from);
            let scan = Scan { lead, ordered, ..Scan::all(columns) };
            check(snapshot.as_ref(), &scan, &stored);
        }
    }
}

pub(super) fn large_answers_come_in_batches_of_bounded_size(open: Open<'_>) {
    let count = 2 * SCAN_BATCH_ROWS + 77;
    let stored: Vec<_> = (0..count as u32)
        .map(|number| FlowRecord {
            src: Family::V4.address(u128::from(number % 97)),
            first: UnixMillis(u64::from(number / 3)),
            ..flow("10.0.0.1", "10.0.0.2", 0, number % 100)
        })
        .collect();
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    for ordered in [false, true] {
        let columns = Columns::of(&[Column::Src, Column::First, Column::Packets]);
        let scan = Scan { ordered, ..Scan::all(columns) };
        let mut sum = (0, 0, 0);
        let mut last = None;
        for region in snapshot.regions(&scan).unwrap() {
            for batch in region.read() {
                let batch = batch.unwrap();
                check_shape(&batch, columns);
                for row in 0..batch.len() {
                    let here = Some((batch.src.bits(row), batch.first_ms[row]));
                    assert!(!ordered || last <= here, "{here:?} after {last:?}");
                    last = here;
                }
                sum.0 += batch.len();
                sum.1 += batch.first_ms.iter().sum::<u64>();
                sum.2 += batch.packets.iter().sum::<u64>();
            }
        }
        let firsts = stored.iter().map(|flow| flow.first.0).sum();
        assert_eq!(sum, (count, firsts, stored.iter().map(|flow| flow.packets).sum()));
    }
    // A reader may go away in the middle.
    for region in snapshot.regions(&Scan::all(Columns::ALL)).unwrap() {
        region.read().next();
    }
}

pub(super) fn the_meter_and_the_plan_fit_the_answer(open: Open<'_>) {
    let stored = mixed_flows(7, 500);
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    let host = Scan::range(Order::Dst, address("10.0.0.1"), Columns::ALL);
    let filter = Predicate::dst(address("10.0.0.1"));
    let filter = Scan { predicate: Some(filter), ..Scan::all(Columns::ALL) };
    for (scan, access) in [(host, Access::Range), (filter, Access::Filter)] {
        let scan = Scan { meter: Arc::new(Meter::default()), ..scan };
        let plan = snapshot.plan(&scan).unwrap();
        assert_eq!(plan.access, access);
        for (there, read) in [plan.runs, plan.blocks, plan.pages] {
            assert!(read <= there, "{plan:?}");
        }
        assert_eq!(scan.meter.reading().found, 0, "a plan reads no flows");
        let found = read(snapshot.as_ref(), &scan).len() as u64;
        let reading = scan.meter.reading();
        assert!(found > 0);
        assert_eq!(reading.found, found, "{reading:?}");
        assert!(reading.rows >= found, "{reading:?}");
    }
}
