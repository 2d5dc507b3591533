//! The one cell of a row: all of a flow that is not in its key. `schema/hbase.md` writes it down.
//!
//! Protocol and ports come first, so that a server-side filter on the leading bytes finds them.
//! Columns that came later stand at the end of what is fixed, behind their length, so that cells
//! without them, and cells with more of them than are known here, are read as well.

use std::collections::HashMap;
use std::sync::Arc;

use byteorder::{BigEndian, ByteOrder};

use crate::flow::{
    Addresses, Column, Columns, Family, FlowBatch, Sampling, Source, Values, ValuesMut,
    saturated_u8, saturated_u32,
};
use crate::row::encode_address;

/// Family and qualifier, as Thrift names a column.
pub(super) const COLUMN: &[u8] = b"f:p";

/// The columns that every cell has, and where.
const HEAD: [(Column, usize); 14] = [
    (Column::Protocol, 0),
    (Column::DstPort, 1),
    (Column::SrcPort, 3),
    (Column::Octets, 5),
    (Column::Packets, 13),
    (Column::Duration, 21),
    (Column::TcpFlags, 25),
    (Column::Tos, 26),
    (Column::Input, 27),
    (Column::Output, 31),
    (Column::SrcAs, 35),
    (Column::DstAs, 39),
    (Column::SrcMask, 43),
    (Column::DstMask, 44),
];
/// Here the parts begin whose length the families decide: next hop, then the source.
const NEXT_HOP: usize = 45;
/// Behind the exporter's address: engine, sampling mode, sampling interval.
const SOURCE_REST_BYTES: usize = 4 + 1 + 4;

/// The layout of a cell stands in the upper half of the byte that says the family of its exporter's
/// address: 0 is one without columns that came later.
const LAYOUT_SHIFT: u32 = 4;
/// Behind the source there are a byte that says how many follow, and the columns that came later,
/// each of its own width, in their order. What is not there any more is zero, and what is there
/// beyond those that are known is passed over.
const LATER: u8 = 1;

/// The columns that came later, and where each stands among them.
fn later() -> impl Iterator<Item = (Column, usize, usize)> {
    let mut at = 0;
    Columns::LATER.iter().filter_map(move |column| {
        let bytes = column.kind().number_bytes()?;
        at += bytes;
        Some((column, at - bytes, bytes))
    })
}

/// Appends the cell of the flow at `row`.
pub(super) fn encode(batch: &FlowBatch, row: usize, to: &mut Vec<u8>) {
    let start = to.len();
    to.resize(start + NEXT_HOP, 0);
    for (column, at) in HEAD {
        write_number(batch, column, row, &mut to[start + at..]);
    }
    match &batch.next_hop {
        Addresses::V4(addresses) => to.extend_from_slice(&addresses[row].to_be_bytes()),
        Addresses::V6(addresses) => to.extend_from_slice(&addresses[row].to_be_bytes()),
    }
    let tag_at = to.len();
    if let Some(source) = batch.sources.get(batch.source[row] as usize) {
        encode_source(source, to);
    }
    if !Columns::LATER.is_empty() {
        encode_later(batch, row, tag_at, to);
    }
    to.extend_from_slice(batch.extras.get(row));
}

/// Appends the columns that came later, up to the last that says something, if any does.
fn encode_later(batch: &FlowBatch, row: usize, tag_at: usize, to: &mut Vec<u8>) {
    let mut added = [0; u8::MAX as usize];
    for (column, at, _) in later() {
        write_number(batch, column, row, &mut added[at..]);
    }
    if let Some(last) = added.iter().rposition(|&byte| byte != 0) {
        to[tag_at] |= LATER << LAYOUT_SHIFT;
        to.push(saturated_u8(last + 1));
        to.extend_from_slice(&added[..=last]);
    }
}

/// Writes the number that `column` has at `row`, in as many bytes as it has.
fn write_number(batch: &FlowBatch, column: Column, row: usize, to: &mut [u8]) {
    match batch.values(column) {
        Values::U8(numbers) => to[0] = numbers[row],
        Values::U16(numbers) => BigEndian::write_u16(to, numbers[row]),
        Values::U32(numbers) => BigEndian::write_u32(to, numbers[row]),
        Values::U64(numbers) => BigEndian::write_u64(to, numbers[row]),
        Values::Addresses(_) | Values::Extras(_) => {}
    }
}

fn encode_source(source: &Source, to: &mut Vec<u8>) {
    encode_address(Family::of(source.exporter), source.exporter, to);
    to.extend_from_slice(&source.engine.to_be_bytes());
    to.push(source.sampling.mode);
    to.extend_from_slice(&source.sampling.interval.to_be_bytes());
}

/// Whether `cell` is one of a flow of `family`, in a layout that is known.
pub(super) fn is_cell(cell: &[u8], family: Family) -> bool {
    Tail::of(cell, family).is_some()
}

const fn address_bytes(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

/// What stands behind the next hop of a cell.
struct Tail<'a> {
    /// The exporter's address and the rest of the source.
    source: &'a [u8],
    /// Columns that came later.
    later: &'a [u8],
    /// The elements that the flow has beyond the columns, as [`FlowBatch::extras`] keeps them.
    extras: &'a [u8],
}

impl<'a> Tail<'a> {
    fn of(cell: &'a [u8], family: Family) -> Option<Self> {
        let (&tag, rest) = cell.get(NEXT_HOP + address_bytes(family)..)?.split_first()?;
        let exporter = match tag & 0x0f {
            4 => 4,
            6 => 16,
            _ => return None,
        };
        let (source, rest) = rest.split_at_checked(exporter + SOURCE_REST_BYTES)?;
        let (later, extras) = match tag >> LAYOUT_SHIFT {
            0 => (&[][..], rest),
            LATER => {
                let (&bytes, rest) = rest.split_first()?;
                rest.split_at_checked(bytes.into())?
            }
            _ => return None,
        };
        Some(Self { source, later, extras })
    }
}

/// Appends those `columns` of the flows in `cells` that are not in their keys to `batch`, a column
/// at a time. Each [`is_cell`] of the batch's family.
pub(super) fn decode<'a>(
    cells: &(impl Iterator<Item = &'a [u8]> + Clone),
    columns: Columns,
    batch: &mut FlowBatch,
    sources: &mut Sources,
) {
    let family = batch.family();
    let tails = || cells.clone().filter_map(|cell| Tail::of(cell, family));
    for column in columns.iter() {
        match column {
            // In the key.
            Column::Src | Column::First | Column::Dst | Column::Nat | Column::NatPort => {}
            Column::NextHop => {
                for cell in cells.clone() {
                    let bits = BigEndian::read_uint128(&cell[NEXT_HOP..], address_bytes(family));
                    batch.next_hop.push_bits(bits);
                }
            }
            Column::Extras => {
                for (row, tail) in tails().enumerate() {
                    batch.extras.set(row, tail.extras);
                }
            }
            Column::Source => {
                batch.source.extend(tails().map(|tail| sources.place(tail.source)));
            }
            column => match HEAD.iter().find(|(of, _)| *of == column) {
                Some(&(_, at)) => {
                    let bytes = cells.clone().map(|cell| &cell[at..]);
                    read_numbers(bytes, batch.values_mut(column));
                }
                None => {
                    for (_, at, bytes) in later().filter(|(of, ..)| *of == column) {
                        let of_tail = |tail: Tail<'a>| added(tail.later, at, bytes);
                        let numbers: Vec<[u8; 8]> = tails().map(of_tail).collect();
                        let bytes = numbers.iter().map(|number| &number[..]);
                        read_numbers(bytes, batch.values_mut(column));
                    }
                }
            },
        }
    }
}

/// The number of `bytes` bytes at `at` of the columns that came later, as its bytes; those that are
/// not there are zero.
fn added(later: &[u8], at: usize, bytes: usize) -> [u8; 8] {
    let mut number = [0; 8];
    let there = later.get(at..).unwrap_or_default();
    let there = &there[..there.len().min(bytes)];
    number[..there.len()].copy_from_slice(there);
    number
}

/// Appends the number that each of `cells` begins with.
fn read_numbers<'a>(cells: impl Iterator<Item = &'a [u8]>, to: ValuesMut<'_>) {
    match to {
        ValuesMut::U8(to) => to.extend(cells.map(|bytes| bytes[0])),
        ValuesMut::U16(to) => to.extend(cells.map(BigEndian::read_u16)),
        ValuesMut::U32(to) => to.extend(cells.map(BigEndian::read_u32)),
        ValuesMut::U64(to) => to.extend(cells.map(BigEndian::read_u64)),
        ValuesMut::Addresses(_) | ValuesMut::Extras(_) => {}
    }
}

/// The sources met in one scan.
#[derive(Debug, Default)]
pub(super) struct Sources {
    list: Arc<Vec<Source>>,
    places: HashMap<Vec<u8>, u32>,
}

impl Sources {
    fn place(&mut self, bytes: &[u8]) -> u32 {
        if let Some(&place) = self.places.get(bytes) {
            return place;
        }
        let place = saturated_u32(self.list.len());
        Arc::make_mut(&mut self.list).push(decode_source(bytes));
        self.places.insert(bytes.to_vec(), place);
        place
    }

    /// The sources so far, in place.
    pub(super) fn list(&self) -> Arc<Vec<Source>> {
        Arc::clone(&self.list)
    }
}

/// The source of these bytes, whose exporter has an address of as many bytes as there are before the
/// rest.
fn decode_source(bytes: &[u8]) -> Source {
    let rest = bytes.len() - SOURCE_REST_BYTES;
    let family = if rest == 4 { Family::V4 } else { Family::V6 };
    Source {
        exporter: family.address(BigEndian::read_uint128(bytes, rest)),
        engine: BigEndian::read_u32(&bytes[rest..]),
        sampling: Sampling {
            mode: bytes[rest + 4],
            interval: BigEndian::read_u32(&bytes[rest + 5..]),
        },
    }
}

#[cfg(test)]
mod tests;
