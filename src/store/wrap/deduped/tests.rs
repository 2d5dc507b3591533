use std::net::IpAddr;

use super::*;
use crate::flow::{Extra, FlowRecord, Origin, Sampling, Source, push_extra};
use crate::row::Predicate;
use crate::store::memory::MemoryStore;
use crate::store::{Store, WriteBatch};

/// A record of one 5-tuple: exporter, input, first and last in ms, octets and sampling interval.
type Record = (u8, u32, u64, u64, u64, u32);

fn flow((exporter, input, first_ms, last_ms, octets, interval): Record) -> FlowRecord {
    let source = Source {
        exporter: [192, 0, 2, exporter].into(),
        engine: 0,
        sampling: Sampling { mode: 0, interval },
    };
    FlowRecord {
        first: UnixMillis(100_000 + first_ms),
        duration_ms: (last_ms - first_ms) as u32,
        octets,
        input,
        source,
        ..FlowRecord::between("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap())
    }
}

fn store(flows: &[FlowRecord]) -> MemoryStore {
    let mut batch = WriteBatch::new();
    batch.v4.sources = std::sync::Arc::new(flows.iter().map(|flow| flow.source).collect());
    for (number, flow) in flows.iter().enumerate() {
        batch.v4.push(flow, number as u32, Origin(number as u64));
    }
    let store = MemoryStore::default();
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    store
}

/// The octets of the flows that `scan` finds.
fn found(snapshot: &dyn Snapshot, scan: &Scan) -> Vec<u64> {
    let regions = snapshot.regions(scan).unwrap().into_iter();
    let batches = regions.flat_map(Region::read);
    batches.flat_map(|batch| batch.unwrap().octets).collect()
}

fn octets() -> Scan {
    Scan { ordered: true, ..Scan::all(Columns::of(&[Column::Octets])) }
}

#[test]
fn of_the_records_of_a_flow_the_one_counts_that_tells_most() {
    for (case, records, expected) in [
        ("two routers", &[(1, 1, 0, 50, 9, 0), (2, 1, 400, 450, 8, 0)][..], &[9][..]),
        ("the later one tells more", &[(1, 1, 0, 50, 8, 0), (2, 1, 400, 450, 9, 0)], &[9]),
        ("in and out of one router", &[(1, 1, 0, 50, 9, 0), (1, 2, 1, 50, 9, 0)], &[9]),
        ("one router, twice", &[(1, 1, 0, 50, 9, 0), (1, 1, 400, 450, 8, 0)], &[9, 8]),
        ("more than a second apart", &[(1, 1, 0, 50, 9, 0), (2, 1, 1001, 1050, 8, 0)], &[9, 8]),
        ("sampled", &[(1, 1, 0, 50, 500, 100), (2, 1, 10, 40, 9, 1)], &[9]),
        (
            "one is scaled up more",
            &[(1, 1, 0, 50, 2, 100), (2, 1, 10, 40, 3, 100), (3, 1, 20, 40, 1, 100)],
            &[3],
        ),
        (
            "two flows at once",
            &[
                (1, 1, 0, 0, 9, 0),
                (1, 1, 500, 500, 8, 0),
                (2, 1, 100, 100, 7, 0),
                (2, 1, 600, 600, 6, 0),
            ],
            &[9, 8],
        ),
        (
            "cut alike, and one is lost",
            &[(1, 1, 0, 60_000, 9, 0), (2, 1, 300, 60_300, 8, 0), (2, 1, 60_300, 120_000, 7, 0)],
            &[9, 7],
        ),
        (
            "cut by one of two",
            &[
                (1, 1, 0, 180_000, 9, 0),
                (2, 1, 300, 60_300, 3, 0),
                (2, 1, 60_300, 120_300, 3, 0),
                (2, 1, 120_300, 180_300, 3, 0),
            ],
            &[9],
        ),
        (
            "a sample from the middle",
            &[(1, 1, 0, 60_000, 9, 0), (2, 1, 30_000, 30_000, 1, 64)],
            &[9],
        ),
    ] {
        let flows: Vec<FlowRecord> = records.iter().copied().map(flow).collect();
        let snapshot = DedupedSnapshot::new(store(&flows).snapshot().unwrap());
        assert_eq!(found(&snapshot, &octets()), expected, "{case}");
        assert_eq!(snapshot.counted(), Some(flows.len() as u64), "{case}");
    }
}

#[test]
fn other_flows_are_others_however_near() {
    let one = flow((1, 1, 0, 50, 9, 0));
    let src = "10.0.0.9".parse().unwrap();
    let others = [
        FlowRecord { src, ..one },
        FlowRecord { dst: src, ..one },
        FlowRecord { src_port: 1, ..one },
        FlowRecord { dst_port: 1, ..one },
        FlowRecord { protocol: crate::flow::Protocol(1), ..one },
    ];
    for other in others {
        let other = FlowRecord { source: flow((2, 1, 0, 0, 0, 0)).source, ..other };
        let snapshot = DedupedSnapshot::new(store(&[one, other]).snapshot().unwrap());
        assert_eq!(found(&snapshot, &octets()).len(), 2, "{other:?}");
    }
}

#[test]
fn windows_of_time_add_up() {
    let flows = [flow((1, 1, 0, 50, 9, 0)), flow((2, 1, 400, 450, 8, 0))];
    let snapshot = DedupedSnapshot::new(store(&flows).snapshot().unwrap());
    let between = |since, until| {
        let time = TimeRange { since: UnixMillis(since), until: UnixMillis(until) };
        found(&snapshot, &Scan { time, ..octets() })
    };
    assert_eq!(between(0, 100_200), [9]);
    assert_eq!(between(100_200, u64::MAX), [0; 0]);
    assert_eq!(between(100_500, u64::MAX), [0; 0]);
}

#[test]
fn many_flows_at_once_are_parted_between_addresses_and_come_in_order() {
    let mut flows = Vec::new();
    for number in 0..40_000_u32 {
        for exporter in 1..3_u8 {
            let first_ms = u64::from(number % 7) * 10_000 + u64::from(exporter) * 100;
            let record = flow((exporter, 1, first_ms, first_ms + 5, (3 - exporter).into(), 0));
            let src = std::net::Ipv4Addr::from(0x0a00_0000 + number / 100).into();
            flows.push(FlowRecord { src, src_port: (number % 100) as u16, ..record });
        }
    }
    let cuts = [0x0a00_0000_u32, 0x0a00_0010, 0x0a00_0011, 0x0a00_0100, 0x0b00_0000];
    let cuts = cuts.map(|cut| IpAddr::from(std::net::Ipv4Addr::from(cut))).to_vec();
    let snapshot = Cut(store(&flows).snapshot().unwrap(), cuts);
    let snapshot = DedupedSnapshot::new(Box::new(snapshot));
    let columns = Columns::of(&[Column::Src, Column::First, Column::Octets]);
    let scan = Scan { ordered: true, ..Scan::all(columns) };
    let regions = snapshot.regions(&scan).unwrap();
    assert_eq!(regions.len(), 7);
    let mut keys = Vec::new();
    for batch in regions.into_iter().flat_map(Region::read) {
        let batch = batch.unwrap();
        assert!(batch.dst.is_empty() && batch.octets.iter().all(|&octets| octets == 2));
        keys.extend((0..batch.len()).map(|row| (batch.src.get(row), batch.first_ms[row])));
    }
    assert_eq!(keys.len(), 40_000);
    assert!(keys.is_sorted());
}

/// A snapshot that knows where it may be cut.
struct Cut(Box<dyn Snapshot>, Vec<IpAddr>);

impl Snapshot for Cut {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        self.0.regions(scan)
    }

    fn cuts(&self, _: &Scan) -> Result<Vec<IpAddr>> {
        Ok(self.1.clone())
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        self.0.plan(scan)
    }
}

/// A store with what a NAT tells of a flow, of so many octets, and what a router on the far side saw of
/// it so many milliseconds later.
fn behind_nat(octets: u64, later_ms: u64) -> MemoryStore {
    let near = FlowRecord { src_port: 1_000, dst_port: 443, ..flow((1, 1, 0, 50, octets, 0)) };
    let far = FlowRecord {
        src: "203.0.113.7".parse().unwrap(),
        src_port: 4_000,
        first: near.first + later_ms,
        octets: 8,
        ..near
    };
    let mut extras = Vec::new();
    for (number, value) in [(225, &[203, 0, 113, 7][..]), (227, &4_000_u16.to_be_bytes())] {
        push_extra(&mut extras, 0, Extra { number, enterprise: 0, value });
    }
    let mut batch = WriteBatch::new();
    batch.v4.sources = std::sync::Arc::new(vec![near.source]);
    batch.v4.push_with(&near, 0, Origin(0), &extras);
    batch.v4.push(&far, 0, Origin(1));
    let store = MemoryStore::default();
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    store
}

#[test]
fn what_is_seen_behind_a_nat_that_tells_both_sides_does_not_count() {
    let near = Predicate::src("10.0.0.1".parse::<IpAddr>().unwrap());
    let leads = |order: Order, text: &str| {
        let lead = Some(text.parse::<IpAddr>().unwrap().into());
        Scan { order, lead, ..octets() }
    };
    for (case, octets_told, later_ms, scan, expected) in [
        ("of one flow", 9, 400, octets(), &[9][..]),
        ("in no order", 9, 400, Scan { ordered: false, ..octets() }, &[9]),
        ("by the end that both have", 9, 400, leads(Order::Dst, "10.0.0.2"), &[9]),
        ("by the far end", 9, 400, leads(Order::Src, "203.0.113.7"), &[8]),
        ("the other is left out", 9, 400, octets().testing(Predicate::not(near)), &[8]),
        ("another flow", 9, 1_051, octets(), &[9, 8]),
        ("an event", 0, 400, octets(), &[0, 8]),
    ] {
        let store = behind_nat(octets_told, later_ms);
        let snapshot = DedupedSnapshot::new(store.snapshot().unwrap());
        assert_eq!(found(&snapshot, &scan), expected, "{case}");
    }
}
