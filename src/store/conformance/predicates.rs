//! Scans that test flows, and scans of many addresses.

use super::Open;
use super::reading::{check, place, read};
use super::samples::{address, mixed_flows, store_of};
use super::scanning::{range, time};
use crate::flow::{Column, Columns, FlowRecord};
use crate::row::{AddressRange, AddressSet, NumberField, NumberSet, Order, Predicate};
use crate::store::Scan;

pub(super) fn a_predicate_finds_what_a_look_at_every_flow_finds(open: Open<'_>) {
    let stored = mixed_flows(5, 800);
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    let ten = range("10.0.0.0", "10.0.0.255");
    let six = range("2001:db8::", "2001:db8::ffff");
    let (src, dst) = (Predicate::src::<AddressRange>, Predicate::dst::<AddressRange>);
    let predicates = [
        src(ten),
        dst(ten),
        src(six),
        src(address("10.0.0.77").into()),
        Predicate::and([src(ten), dst(ten)]),
        Predicate::or([src(ten), dst(six)]),
        Predicate::not(src(ten)),
        Predicate::not(Predicate::or([src(ten), dst(ten)])),
        Predicate::and([src(ten), src(six)]),
    ];
    let predicates = predicates.into_iter().chain(beginnings_of_cells(&stored[7]));
    for predicate in predicates {
        let scan = Scan { predicate: Some(predicate), ..Scan::all(Columns::ALL) };
        for order in Order::ALL {
            check(snapshot.as_ref(), &Scan { order, ..scan.clone() }, &stored);
            check(snapshot.as_ref(), &Scan { order, ordered: true, ..scan.clone() }, &stored);
            let lead = Some(range("10.0.0.2", "192.0.2.255").into());
            let narrow = Scan { order, lead, time: time(1, 1_000_000), ..scan.clone() };
            check(snapshot.as_ref(), &narrow, &stored);
            // What the predicate reads need not be asked for.
            let columns = Columns::of(&[Column::Octets]);
            check(snapshot.as_ref(), &Scan { order, columns, ..scan.clone() }, &stored);
            let columns = Columns::NONE;
            check(snapshot.as_ref(), &Scan { order, columns, ..scan.clone() }, &stored);
        }
    }
}

/// What a store may test before it takes a row apart: protocol and ports, here those of `flow`.
fn beginnings_of_cells(flow: &FlowRecord) -> Vec<Predicate> {
    let number =
        |field, first: u64, last: u64| Predicate::Number(field, NumberSet::between(first, last));
    let (protocol, src_port) = (u64::from(flow.protocol.0), u64::from(flow.src_port));
    let dst_port = u64::from(flow.dst_port);
    let of_protocol = || number(NumberField::Column(Column::Protocol), protocol, protocol);
    let at = || number(NumberField::Column(Column::DstPort), dst_port, dst_port);
    let from = || number(NumberField::Column(Column::SrcPort), src_port, src_port);
    let other = || number(NumberField::Column(Column::Protocol), protocol + 1, 300);
    vec![
        of_protocol(),
        Predicate::not(of_protocol()),
        Predicate::and([of_protocol(), at()]),
        Predicate::and([at(), from(), of_protocol()]),
        Predicate::and([
            of_protocol(),
            at(),
            number(NumberField::Column(Column::SrcPort), 0, src_port),
        ]),
        Predicate::and([
            of_protocol(),
            number(NumberField::Column(Column::DstPort), dst_port, 70_000),
            from(),
        ]),
        Predicate::and([Predicate::not(at()), Predicate::or([of_protocol(), other()])]),
        Predicate::and([of_protocol(), Predicate::or([at(), from()])]),
        Predicate::or([Predicate::and([of_protocol(), at()]), other()]),
        Predicate::and([of_protocol(), other()]),
        Predicate::and([of_protocol(), Predicate::not(of_protocol())]),
        Predicate::and([of_protocol(), Predicate::src(AddressRange::from(flow.src))]),
    ]
}

pub(super) fn several_addresses_lead_a_scan(open: Open<'_>) {
    let stored = mixed_flows(8, 3000);
    let store = store_of(open, &stored);
    let snapshot = store.snapshot().unwrap();
    let host = |flow: &FlowRecord| AddressRange::from(flow.src);
    let few = AddressSet::new(stored[..5].iter().map(host));
    // More than a store may like to look for one by one.
    let many = AddressSet::new(stored.iter().step_by(3).map(host));
    let mixed =
        AddressSet::new([range("10.0.0.0", "10.0.0.9"), range("::", "3::"), host(&stored[0])]);
    for lead in [few, many, mixed, AddressSet::default()] {
        for order in Order::ALL {
            let scan = Scan::range(order, lead.clone(), Columns::ALL);
            check(snapshot.as_ref(), &scan, &stored);
            let some = Scan { time: time(1, 1_000_000), ordered: false, ..scan.clone() };
            check(snapshot.as_ref(), &some, &stored);
            let octets = Columns::of(&[Column::Octets]);
            let tested = Scan { columns: octets, ..scan.clone() }
                .testing(Predicate::not(Predicate::dst(range("10.0.0.0", "10.0.0.99"))));
            check(snapshot.as_ref(), &tested, &stored);
            let places: Vec<_> =
                read(snapshot.as_ref(), &scan).iter().map(|flow| place(order, flow)).collect();
            assert!(places.is_sorted(), "{order}: not in key order");
        }
    }
}
