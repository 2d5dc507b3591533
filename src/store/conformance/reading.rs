//! Reads the answer to a scan, checks what holds for every answer, and finds the right one by hand.

use std::net::IpAddr;

use super::samples::Random;
use crate::flow::{Addresses, Column, Columns, FlowBatch, FlowRecord, UnixMillis};
use crate::row::{Order, Predicate};
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
pub(super) fn read_all(snapshot: &dyn Snapshot) -> Vec<FlowRecord> {
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
        assert_eq!(column_len(batch, column), expected, "column {}", column.name());
    }
    for addresses in [&batch.src, &batch.dst, &batch.next_hop] {
        assert_eq!(Addresses::family(addresses), batch.family());
    }
}

fn column_len(batch: &FlowBatch, column: Column) -> usize {
    match column {
        Column::Src => batch.src.len(),
        Column::Dst => batch.dst.len(),
        Column::NextHop => batch.next_hop.len(),
        Column::First => batch.first_ms.len(),
        Column::Duration => batch.duration_ms.len(),
        Column::Octets => batch.octets.len(),
        Column::Packets => batch.packets.len(),
        Column::SrcPort => batch.src_port.len(),
        Column::DstPort => batch.dst_port.len(),
        Column::Protocol => batch.protocol.len(),
        Column::TcpFlags => batch.tcp_flags.len(),
        Column::Tos => batch.tos.len(),
        Column::Input => batch.input.len(),
        Column::Output => batch.output.len(),
        Column::SrcAs => batch.src_as.len(),
        Column::DstAs => batch.dst_as.len(),
        Column::SrcMask => batch.src_mask.len(),
        Column::DstMask => batch.dst_mask.len(),
        Column::Source => batch.source.len(),
        // A row without any costs nothing.
        Column::Extras => 0,
    }
}

/// Whether `scan` finds `flow`.
pub(super) fn finds(scan: &Scan, flow: &FlowRecord) -> bool {
    let (lead, _) = scan.order.ends(flow);
    scan.lead.is_none_or(|range| range.contains(lead))
        && scan.time.contains(flow.first)
        && scan.predicate.as_ref().is_none_or(|predicate| passes(predicate, flow))
}

fn passes(predicate: &Predicate, flow: &FlowRecord) -> bool {
    match predicate {
        Predicate::Src(range) => range.contains(flow.src),
        Predicate::Dst(range) => range.contains(flow.dst),
        Predicate::And(a, b) => passes(a, flow) && passes(b, flow),
        Predicate::Or(a, b) => passes(a, flow) || passes(b, flow),
        Predicate::Not(a) => !passes(a, flow),
    }
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
