//! Random stores and scans, against a sorted map.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound::{self, Included};

use super::Open;
use super::reading::{assert_same, finds, place, projected, random_columns, read};
use super::samples::{Random, of_numbers, put, source};
use crate::flow::{
    Column, Columns, DatagramId, Family, FlowRecord, Origin, Protocol, TimeRange, UnixMillis,
};
use crate::row::{
    AddressField, AddressRange, AddressSet, NumberField, NumberSet, Order, Predicate, RowKey,
};
use crate::store::{Scan, Store, WriteBatch};

const STORES: u64 = 6;
const SCANS: u64 = 60;

/// A store as it should be: each order a map sorted by row key.
#[derive(Default)]
struct Model([BTreeMap<RowKey, FlowRecord>; 2]);

impl Model {
    fn insert(&mut self, flow: &FlowRecord, origin: Origin) {
        for (rows, order) in self.0.iter_mut().zip(Order::ALL) {
            rows.insert(RowKey::new(order, flow, origin), *flow);
        }
    }

    /// What `scan` finds, in key order.
    fn read(&self, scan: &Scan) -> Vec<FlowRecord> {
        let rows = &self.0[scan.order as usize];
        let hulls = || scan.lead.iter().flat_map(AddressSet::ranges);
        let least = |lead: IpAddr| RowKey {
            lead,
            port: None,
            first: UnixMillis::EPOCH,
            other: Family::V4.address(0),
            far: None,
            origin: Origin(0),
        };
        let start = hulls().next().map_or(Bound::Unbounded, |range| Included(least(range.first())));
        rows.range((start, Bound::Unbounded))
            .take_while(|(key, _)| hulls().last().is_none_or(|range| key.lead <= range.last()))
            .map(|(_, flow)| *flow)
            .filter(|flow| finds(scan, flow))
            .collect()
    }
}

pub(super) fn random_stores_answer_random_scans_as_a_sorted_map_does(open: Open<'_>) {
    for seed in 0..STORES {
        println!("conformance: seed {seed}");
        let mut random = Random::new(seed);
        let store = open();
        let mut model = Model::default();
        for _ in 0..=random.below(4) {
            write(&mut random, store.as_ref(), &mut model);
            if random.below(3) == 0 {
                expire(&mut random, store.as_ref(), &mut model);
            }
            scan(&mut random, store.as_ref(), &model);
        }
    }
}

/// Opens a writer, which writes some batches.
fn write(random: &mut Random, store: &dyn Store, model: &mut Model) {
    let mut writer = store.writer().unwrap();
    for _ in 0..=random.below(5) {
        let mut batch = WriteBatch::new();
        for _ in 0..random.below(40) {
            let exported_secs = random.pick(&[0, 5, 1_700_000_000, 1_700_003_600, u32::MAX]);
            // Few enough that some are met again.
            let datagram = DatagramId { exported_secs, hash: random.below(100) };
            // What a datagram holds follows from what it is.
            let mut content = Random::new(datagram.hash ^ u64::from(exported_secs) << 32);
            let flows: Vec<_> = (0..content.below(31)).map(|_| any_flow(&mut content)).collect();
            let met_in_batch = batch.datagrams.contains(&datagram);
            if !writer.admit(datagram).unwrap() || met_in_batch {
                continue;
            }
            put(&mut batch, datagram, &flows);
            for (index, flow) in flows.iter().enumerate() {
                model.insert(flow, datagram.origin(index as u16));
            }
        }
        writer.write(batch).unwrap();
        if random.below(3) == 0 {
            writer.commit().unwrap();
        }
    }
    writer.commit().unwrap();
}

/// Deletes what is before some moment.
fn expire(random: &mut Random, store: &dyn Store, model: &mut Model) {
    let before = UnixMillis(random.pick(&MOMENTS) + random.below(2));
    let held = model.0[0].len();
    for rows in &mut model.0 {
        rows.retain(|key, _| !key.first.is_before(before));
    }
    let expired = store.expire(before, false).unwrap();
    assert_eq!(expired.flows, (held - model.0[0].len()) as u64, "before {before}");
}

fn scan(random: &mut Random, store: &dyn Store, model: &Model) {
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.flows().unwrap(), model.0[0].len() as u64);
    for _ in 0..SCANS {
        let scan = any_scan(random);
        let what = format!("{scan:?}");
        let found = read(snapshot.as_ref(), &scan);
        let expected = model.read(&scan);
        let all: Vec<_> = expected.iter().map(|flow| projected(flow, scan.columns)).collect();
        assert_same(&found, &all, &what);
        if scan.ordered && scan.columns == Columns::ALL {
            // Flows that are equal in these fields have no order.
            let places = |flows: &[FlowRecord]| -> Vec<_> {
                flows.iter().map(|flow| place(scan.order, flow)).collect()
            };
            assert_eq!(places(&found), places(&expected), "{what}");
        }
    }
}

const MOMENTS: [u64; 8] =
    [0, 1, 1000, 86_399_999, 86_400_000, 1_700_000_000_000, 1_700_000_000_001, u64::MAX - 1];

/// A number that is often one of few, so that equal fields are met and the next one decides.
fn any_address(random: &mut Random, family: Family) -> IpAddr {
    let any = u128::from(random.number()) << 64 | u128::from(random.number());
    let net = 0x2001_0db8 << 96 | 0x0a00_0000;
    family.address(random.pick(&[0, 1, 255, 256, net, net + 1, net + 255, any, family.max_bits()]))
}

fn any_flow(random: &mut Random) -> FlowRecord {
    let family = random.pick(&[Family::V4, Family::V4, Family::V6]);
    let mut address = || any_address(random, family);
    let ends = [address(), address(), address()];
    let any = random.number();
    FlowRecord {
        first: UnixMillis(random.pick(&MOMENTS) + random.below(2)),
        duration_ms: random.number() as u32,
        octets: random.pick(&[0, 40, 1500, any, u64::MAX]),
        packets: random.pick(&[0, 1, 2, any, u64::MAX]),
        src_port: random.number() as u16,
        dst_port: random.pick(&[53, 80, 443, any as u16]),
        protocol: Protocol(random.pick(&[1, 6, 17, any as u8])),
        tcp_flags: random.number() as u8,
        tos: random.pick(&[0, any as u8]),
        input: random.pick(&[1, 2, any as u32]),
        output: random.pick(&[1, 2, any as u32]),
        src_as: random.pick(&[0, any as u32]),
        dst_as: random.pick(&[0, any as u32]),
        src_mask: random.below(129) as u8,
        dst_mask: random.below(129) as u8,
        source: source(random.below(5) as u32),
        ..of_numbers(ends, |_| any)
    }
}

fn any_range(random: &mut Random) -> AddressRange {
    let family = random.pick(&Family::ALL);
    let (a, b) = (any_address(random, family), any_address(random, family));
    if random.below(2) == 0 {
        return a.into();
    }
    AddressRange::new(a.min(b), a.max(b)).unwrap()
}

fn any_predicate(random: &mut Random, depth: u32) -> Predicate {
    let kinds = if depth == 0 { 6 } else { 10 };
    let part = |random: &mut Random| any_predicate(random, depth - 1);
    match random.below(kinds) {
        0 => Predicate::Family(random.pick(&Family::ALL)),
        1 => Predicate::src(any_addresses(random)),
        2 => Predicate::dst(any_addresses(random)),
        3 => {
            let field = random.pick(&[AddressField::NextHop, AddressField::Exporter]);
            Predicate::Address(field, any_addresses(random))
        }
        4 => Predicate::Bits(any_number_field(random), random.below(256)),
        5 => Predicate::Number(any_number_field(random), any_numbers(random)),
        6 => Predicate::And(vec![part(random), part(random), part(random)]),
        7 => Predicate::Or(vec![part(random), part(random)]),
        8 => Predicate::or([part(random), part(random)]),
        _ => Predicate::not(part(random)),
    }
}

/// A field of numbers: more often one of a column than one of those that follow from columns.
fn any_number_field(random: &mut Random) -> NumberField {
    let column = random.pick(&Column::ALL);
    if column.kind().number_bytes().is_some() && column != Column::Source {
        NumberField::Column(column)
    } else {
        random.pick(&DERIVED)
    }
}

const DERIVED: [NumberField; 10] = [
    NumberField::Last,
    NumberField::PacketsPerSecond,
    NumberField::BitsPerSecond,
    NumberField::BytesPerPacket,
    NumberField::IcmpType,
    NumberField::IcmpCode,
    NumberField::Engine,
    NumberField::EngineType,
    NumberField::EngineId,
    NumberField::Sampling,
];

fn any_addresses(random: &mut Random) -> AddressSet {
    let ranges: Vec<_> = (0..=random.below(3)).map(|_| any_range(random)).collect();
    AddressSet::new(ranges)
}

fn any_numbers(random: &mut Random) -> NumberSet {
    let number = |random: &mut Random| {
        let any = random.number();
        let moment = random.pick(&MOMENTS);
        random.pick(&[0, 1, 6, 17, 53, 443, 1500, 0x8000, any, moment, u64::MAX])
    };
    let ranges = (0..=random.below(3)).map(|_| {
        let (a, b) = (number(random), number(random));
        if random.below(2) == 0 { (a, a) } else { (a.min(b), a.max(b)) }
    });
    NumberSet::new(ranges.collect())
}

fn any_scan(random: &mut Random) -> Scan {
    let (a, b) = (random.pick(&MOMENTS), random.pick(&MOMENTS) + random.below(2));
    let time = TimeRange { since: UnixMillis(a), until: UnixMillis(b) };
    let columns = random_columns(random);
    Scan {
        order: random.pick(&Order::ALL),
        lead: (random.below(4) > 0).then(|| any_addresses(random)),
        time: if random.below(2) == 0 { time } else { TimeRange::ALL },
        predicate: (random.below(2) == 0).then(|| any_predicate(random, 2)),
        columns: if random.below(2) == 0 { columns } else { Columns::ALL },
        ordered: random.below(2) == 0,
        ..Scan::all(columns)
    }
}
