//! Reads the answer to a scan, checks what holds for every answer, and finds the right one by hand.

use std::net::IpAddr;

use super::samples::Random;
use crate::flow::{Addresses, Column, Columns, FlowBatch, FlowRecord, UnixMillis};
use crate::row::{AddressField, NumberField, Order, Predicate};
use crate::store::{SCAN_BATCH_ROWS, Scan, Snapshot};

/// The key's fields that every backend sorts by.
pub(super) type Place = (IpAddr, UnixMillis, IpAddr);

pub(super) fn place(order: Order, flow: &FlowRecord) -> Place {
    let (lead, other) = order.ends(flow);
    (lead, flow.first, other)
}

/// The flows that `scan` finds, region after region.
pub(super) fn read(snapshot: &dyn Snapshot, scan: &Scan) -> Vec<FlowRecord> {
    let mut flows = Vec::new();
    for region in snapshot.regions(scan).unwrap() {
        for batch in region.read() {
            let batch = batch.unwrap();
            check_shape(&batch, scan.columns);
            flows.extend(batch.records());
        }
    }
    let keys = Columns::of(&[Column::Src, Column::First, Column::Dst]);
    if scan.ordered && keys.without(scan.columns).is_empty() {
        let sorted = flows.is_sorted_by_key(|flow| place(scan.order, flow));
        assert!(sorted, "{scan:?} is not in key order");
    }
    flows
}

/// Every flow in the snapshot.
pub(crate) fn read_all(snapshot: &dyn Snapshot) -> Vec<FlowRecord> {
    read(snapshot, &Scan::all(Columns::ALL))
}

/// Checks that a batch is neither empty nor too large, and has the columns asked for and no others.
pub(super) fn check_shape(batch: &FlowBatch, columns: Columns) {
    assert!(!batch.is_empty() && batch.len() <= SCAN_BATCH_ROWS, "{} rows", batch.len());
    for column in Column::ALL {
        if column == Column::Extras {
            assert!(columns.contains(column) || batch.extras.is_empty(), "column extras");
            continue;
        }
        let expected = if columns.contains(column) { batch.len() } else { 0 };
        assert_eq!(batch.values(column).len(), expected, "column {}", column.name());
    }
    for addresses in [&batch.src, &batch.dst, &batch.next_hop] {
        assert_eq!(Addresses::family(addresses), batch.family());
    }
}

/// Whether `scan` finds `flow`.
pub(super) fn finds(scan: &Scan, flow: &FlowRecord) -> bool {
    let (lead, _) = scan.order.ends(flow);
    scan.lead.as_ref().is_none_or(|lead_set| lead_set.ranges().any(|range| range.contains(lead)))
        && scan.time.contains(flow.first)
        && scan.predicate.as_ref().is_none_or(|predicate| passes(predicate, flow))
}

fn passes(predicate: &Predicate, flow: &FlowRecord) -> bool {
    match predicate {
        Predicate::Family(family) => flow.family() == *family,
        Predicate::Address(field, set) => {
            let address = match field {
                AddressField::Src => flow.src,
                AddressField::Dst => flow.dst,
                AddressField::NextHop => flow.next_hop,
                AddressField::Exporter => flow.source.exporter,
                // No flow has extras here.
                AddressField::Nat | AddressField::Element(_) => return false,
            };
            set.ranges().any(|range| range.contains(address))
        }
        Predicate::Number(field, set) => number(*field, flow).is_some_and(|number| {
            set.ranges().iter().any(|&(first, last)| first <= number && number <= last)
        }),
        Predicate::Bits(field, bits) => {
            number(*field, flow).is_some_and(|number| number & bits == *bits)
        }
        // No flow has extras here.
        Predicate::Shown(..) | Predicate::Community(_) | Predicate::Nat(_) | Predicate::Led(_) => {
            false
        }
        Predicate::And(terms) => terms.iter().all(|term| passes(term, flow)),
        Predicate::Or(terms) => terms.iter().any(|term| passes(term, flow)),
        Predicate::Not(term) => !passes(term, flow),
    }
}

/// The number that `flow`, which has no extras, has in `field`.
fn number(field: NumberField, flow: &FlowRecord) -> Option<u64> {
    let rate = |count: u64, factor: u128| match u128::from(flow.duration_ms) {
        0 => 0,
        millis => u64::try_from(u128::from(count) * factor / millis).unwrap_or(u64::MAX),
    };
    let [icmp_type, icmp_code] = flow.dst_port.to_be_bytes();
    let of_icmp = |number: u8| matches!(flow.protocol.0, 1 | 58).then_some(number.into());
    Some(match field {
        NumberField::Column(Column::TcpFlags) if flow.protocol.0 != 6 => return None,
        NumberField::Column(column) => flow.numbers(0)[column],
        NumberField::Element(_) => return None,
        NumberField::AnyFlags => flow.tcp_flags.into(),
        NumberField::Last => flow.first.0.saturating_add(flow.duration_ms.into()),
        NumberField::PacketsPerSecond => rate(flow.packets, 1000),
        NumberField::BitsPerSecond => rate(flow.octets, 8000),
        NumberField::BytesPerPacket => flow.octets.checked_div(flow.packets).unwrap_or(0),
        NumberField::IcmpType => return of_icmp(icmp_type),
        NumberField::IcmpCode => return of_icmp(icmp_code),
        NumberField::Engine => flow.source.engine.into(),
        NumberField::EngineType => (flow.source.engine >> 8 & 0xff).into(),
        NumberField::EngineId => (flow.source.engine & 0xff).into(),
        NumberField::Sampling => flow.source.sampling.interval.into(),
    })
}

/// `flow` with only these columns: the others are as a batch gives them that has not read them.
pub(super) fn projected(flow: &FlowRecord, columns: Columns) -> FlowRecord {
    let mut batch = FlowBatch::new(flow.family());
    batch.sources = std::sync::Arc::new(vec![flow.source]);
    batch.push(flow, 0, crate::flow::Origin(0));
    batch.project(columns).record(0)
}

/// Checks that `scan` finds exactly what it must find among `stored`.
pub(super) fn check(snapshot: &dyn Snapshot, scan: &Scan, stored: &[FlowRecord]) {
    let found = read(snapshot, scan);
    let expected: Vec<_> = stored
        .iter()
        .filter(|flow| finds(scan, flow))
        .map(|flow| projected(flow, scan.columns))
        .collect();
    assert_same(&found, &expected, &format!("{scan:?}"));
}

/// Checks that both hold the same flows, in any order.
pub(super) fn assert_same(found: &[FlowRecord], expected: &[FlowRecord], what: &str) {
    let sorted = |flows: &[FlowRecord]| {
        let mut texts: Vec<String> = flows.iter().map(|flow| format!("{flow:?}")).collect();
        texts.sort_unstable();
        texts
    };
    assert_eq!(found.len(), expected.len(), "flows found by {what}");
    let (found, expected) = (sorted(found), sorted(expected));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "{what}");
    }
}

/// A set of columns that differs each time.
pub(super) fn random_columns(random: &mut Random) -> Columns {
    let count = random.pick(&[0, 1, 3, 10, Column::ALL.len()]);
    (0..count).fold(Columns::NONE, |columns, _| {
        columns | Columns::of(&[Column::ALL[random.below(Column::ALL.len() as u64) as usize]])
    })
}
