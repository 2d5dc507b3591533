//! Cells of this layout, and of a later one.

use super::*;
use crate::flow::{FlowRecord, Origin};

/// A flow whose exporter is of IPv6, and its cell.
fn flow(family: Family) -> (FlowRecord, FlowBatch, Vec<u8>) {
    let source = Source {
        exporter: Family::V6.address(9),
        engine: 7,
        sampling: Sampling { mode: 2, interval: 100 },
    };
    let flow = FlowRecord {
        next_hop: family.address(3),
        octets: 1 << 40,
        packets: 5,
        src_port: 53,
        dst_mask: 24,
        source,
        ..FlowBatch::new(family).record(0)
    };
    let mut batch = FlowBatch::new(family);
    batch.sources = Arc::new(vec![source]);
    batch.push_with(&flow, 0, Origin(0), &[0, 58, 0, 1, 7]);
    let mut cell = Vec::new();
    encode(&batch, 0, &mut cell);
    (flow, batch, cell)
}

fn decoded(cell: &[u8], family: Family) -> (FlowRecord, Vec<u8>) {
    assert!(is_cell(cell, family));
    let mut batch = FlowBatch::new(family);
    let mut sources = Sources::default();
    decode(&std::iter::once(cell), Columns::ALL, &mut batch, &mut sources);
    batch.sources = sources.list();
    let (src, dst) = (family.address(0), family.address(0));
    (FlowRecord { src, dst, ..batch.record(0) }, batch.extras.get(0).to_vec())
}

#[test]
fn a_cell_is_read_as_it_was_written() {
    for family in Family::ALL {
        let (flow, batch, cell) = flow(family);
        assert_eq!(decoded(&cell, family), (flow, batch.extras.get(0).to_vec()));
        for cut in 0..cell.len() - batch.extras.get(0).len() {
            assert!(!is_cell(&cell[..cut], family), "{cut}");
        }
    }
}

#[test]
fn columns_of_a_later_version_are_passed_over() {
    for family in Family::ALL {
        let (flow, batch, mut cell) = flow(family);
        let tag = NEXT_HOP + address_bytes(family);
        assert_eq!(cell[tag], 6, "as the first layout has it");
        cell[tag] |= LATER << LAYOUT_SHIFT;
        let at = cell.len() - batch.extras.get(0).len();
        let later = [vec![0; later_bytes()], vec![0xaa, 0xbb, 0xcc]].concat();
        cell.splice(at..at, [vec![later.len() as u8], later].concat());
        assert_eq!(decoded(&cell, family), (flow, batch.extras.get(0).to_vec()));
        cell[tag] = 6 | 2 << LAYOUT_SHIFT;
        assert!(!is_cell(&cell, family), "of a layout that is not known");
    }
}

#[test]
fn what_was_cut_off_of_later_columns_is_zero() {
    assert_eq!(added(&[1, 2, 3], 1, 4)[..4], [2, 3, 0, 0]);
    assert_eq!(added(&[1, 2, 3], 3, 4)[..4], [0; 4]);
    assert_eq!(later().map(|(_, _, bytes)| bytes).sum::<usize>(), later_bytes());
    assert!(later_bytes() < usize::from(u8::MAX));
}

fn later_bytes() -> usize {
    later().last().map_or(0, |(_, at, bytes)| at + bytes)
}
