//! The one cell of a row: all of a flow that is not in its key. `schema/hbase.md` writes it down.
//!
//! Protocol and ports come first, so that a server-side filter on the leading bytes finds them.

use std::collections::HashMap;
use std::sync::Arc;

use byteorder::{BigEndian, ByteOrder};

use crate::flow::{Addresses, Column, Columns, Family, FlowBatch, Sampling, Source};
use crate::row::encode_address;

/// Family and qualifier, as Thrift names a column.
pub(super) const COLUMN: &[u8] = b"f:p";

const PROTOCOL: usize = 0;
const DST_PORT: usize = 1;
const SRC_PORT: usize = 3;
const OCTETS: usize = 5;
const PACKETS: usize = 13;
const DURATION: usize = 21;
const TCP_FLAGS: usize = 25;
const TOS: usize = 26;
const INPUT: usize = 27;
const OUTPUT: usize = 31;
const SRC_AS: usize = 35;
const DST_AS: usize = 39;
const SRC_MASK: usize = 43;
const DST_MASK: usize = 44;
/// Here the parts begin whose length the families decide: next hop, then the source.
const NEXT_HOP: usize = 45;
/// Behind the exporter's address: engine, sampling mode, sampling interval. What follows them are
/// the elements that the flow has beyond the others, as [`FlowBatch::extras`] keeps them.
const SOURCE_REST_BYTES: usize = 4 + 1 + 4;

/// Appends the cell of the flow at `row`.
pub(super) fn encode(batch: &FlowBatch, row: usize, to: &mut Vec<u8>) {
    let mut head = [0; NEXT_HOP];
    head[PROTOCOL] = batch.protocol[row];
    BigEndian::write_u16(&mut head[DST_PORT..], batch.dst_port[row]);
    BigEndian::write_u16(&mut head[SRC_PORT..], batch.src_port[row]);
    BigEndian::write_u64(&mut head[OCTETS..], batch.octets[row]);
    BigEndian::write_u64(&mut head[PACKETS..], batch.packets[row]);
    BigEndian::write_u32(&mut head[DURATION..], batch.duration_ms[row]);
    head[TCP_FLAGS] = batch.tcp_flags[row];
    head[TOS] = batch.tos[row];
    BigEndian::write_u32(&mut head[INPUT..], batch.input[row]);
    BigEndian::write_u32(&mut head[OUTPUT..], batch.output[row]);
    BigEndian::write_u32(&mut head[SRC_AS..], batch.src_as[row]);
    BigEndian::write_u32(&mut head[DST_AS..], batch.dst_as[row]);
    head[SRC_MASK] = batch.src_mask[row];
    head[DST_MASK] = batch.dst_mask[row];
    to.extend_from_slice(&head);
    match &batch.next_hop {
        Addresses::V4(addresses) => to.extend_from_slice(&addresses[row].to_be_bytes()),
        Addresses::V6(addresses) => to.extend_from_slice(&addresses[row].to_be_bytes()),
    }
    if let Some(source) = batch.sources.get(batch.source[row] as usize) {
        encode_source(source, to);
    }
    to.extend_from_slice(batch.extras.get(row));
}

fn encode_source(source: &Source, to: &mut Vec<u8>) {
    encode_address(source.exporter, to);
    to.extend_from_slice(&source.engine.to_be_bytes());
    to.push(source.sampling.mode);
    to.extend_from_slice(&source.sampling.interval.to_be_bytes());
}

/// Whether `cell` is one of a flow of `family`.
pub(super) fn is_cell(cell: &[u8], family: Family) -> bool {
    cell.get(source_at(family)..).and_then(source_bytes).is_some()
}

const fn address_bytes(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

const fn source_at(family: Family) -> usize {
    NEXT_HOP + address_bytes(family)
}

/// The part of `rest` that tells the source.
fn source_bytes(rest: &[u8]) -> Option<&[u8]> {
    let address_bytes = match rest.first()? {
        4 => 4,
        6 => 16,
        _ => return None,
    };
    rest.get(..1 + address_bytes + SOURCE_REST_BYTES)
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
    let byte = |at: usize| cells.clone().map(move |cell| cell[at]);
    let short = |at: usize| cells.clone().map(move |cell| BigEndian::read_u16(&cell[at..]));
    let word = |at: usize| cells.clone().map(move |cell| BigEndian::read_u32(&cell[at..]));
    let long = |at: usize| cells.clone().map(move |cell| BigEndian::read_u64(&cell[at..]));
    for column in columns.iter() {
        match column {
            // In the key.
            Column::Src | Column::First | Column::Dst => {}
            Column::Protocol => batch.protocol.extend(byte(PROTOCOL)),
            Column::SrcPort => batch.src_port.extend(short(SRC_PORT)),
            Column::DstPort => batch.dst_port.extend(short(DST_PORT)),
            Column::Octets => batch.octets.extend(long(OCTETS)),
            Column::Packets => batch.packets.extend(long(PACKETS)),
            Column::Duration => batch.duration_ms.extend(word(DURATION)),
            Column::TcpFlags => batch.tcp_flags.extend(byte(TCP_FLAGS)),
            Column::Tos => batch.tos.extend(byte(TOS)),
            Column::Input => batch.input.extend(word(INPUT)),
            Column::Output => batch.output.extend(word(OUTPUT)),
            Column::SrcAs => batch.src_as.extend(word(SRC_AS)),
            Column::DstAs => batch.dst_as.extend(word(DST_AS)),
            Column::SrcMask => batch.src_mask.extend(byte(SRC_MASK)),
            Column::DstMask => batch.dst_mask.extend(byte(DST_MASK)),
            Column::NextHop => {
                for cell in cells.clone() {
                    let bits = BigEndian::read_uint128(&cell[NEXT_HOP..], address_bytes(family));
                    batch.next_hop.push_bits(bits);
                }
            }
            Column::Extras => {
                for (row, cell) in cells.clone().enumerate() {
                    let rest = &cell[source_at(family)..];
                    let source = source_bytes(rest).map_or(rest.len(), <[u8]>::len);
                    batch.extras.set(row, &rest[source..]);
                }
            }
            Column::Source => {
                let sources_of =
                    cells.clone().filter_map(|cell| source_bytes(&cell[source_at(family)..]));
                batch.source.extend(sources_of.map(|bytes| sources.place(bytes)));
            }
        }
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
        let place = self.list.len() as u32;
        Arc::make_mut(&mut self.list).push(decode_source(bytes));
        self.places.insert(bytes.to_vec(), place);
        place
    }

    /// The sources so far, in place.
    pub(super) fn list(&self) -> Arc<Vec<Source>> {
        Arc::clone(&self.list)
    }
}

fn decode_source(bytes: &[u8]) -> Source {
    let rest = bytes.len() - SOURCE_REST_BYTES;
    let family = if bytes[0] == 4 { Family::V4 } else { Family::V6 };
    Source {
        exporter: family.address(BigEndian::read_uint128(&bytes[1..], rest - 1)),
        engine: BigEndian::read_u32(&bytes[rest..]),
        sampling: Sampling {
            mode: bytes[rest + 4],
            interval: BigEndian::read_u32(&bytes[rest + 5..]),
        },
    }
}
