//! A batch turned on its side: whole rows side by side in memory, for taking them in another order.
//!
//! Taking rows of a batch at random touches as many places in memory as it has columns; of packed
//! rows, one or two. It pays from the first sort on, and a batch is sorted twice.

use super::sort::Entry;
use crate::flow::{Addresses, Extras, FlowBatch};

/// So many rows are spread over their columns at a time: as many as stay in a core's own cache.
const CHUNK_ROWS: usize = 1_024;

/// The rows of a batch, packed: those of the one family that it holds.
#[derive(Debug, Default)]
pub(crate) struct PackedRows {
    v4: Vec<Row<u32>>,
    v6: Vec<Row<u128>>,
    /// Of either family, by the place of the row.
    extras: Extras,
}

/// One flow, all of it in one place.
#[derive(Debug, Clone, Copy)]
struct Row<A> {
    src: A,
    dst: A,
    next_hop: A,
    duration_ms: u32,
    first_ms: u64,
    octets: u64,
    packets: u64,
    input: u32,
    output: u32,
    src_as: u32,
    dst_as: u32,
    source: u32,
    src_port: u16,
    dst_port: u16,
    protocol: u8,
    tcp_flags: u8,
    tos: u8,
    src_mask: u8,
    dst_mask: u8,
}

impl PackedRows {
    /// Takes the rows of `batch`, which has all columns, in place of those that it has.
    pub(crate) fn fill(&mut self, batch: &FlowBatch) {
        self.v4.clear();
        self.v6.clear();
        self.extras.clone_from(&batch.extras);
        match (&batch.src, &batch.dst, &batch.next_hop) {
            (Addresses::V4(src), Addresses::V4(dst), Addresses::V4(next_hop)) => {
                self.v4.extend(pack(batch, src, dst, next_hop));
            }
            (Addresses::V6(src), Addresses::V6(dst), Addresses::V6(next_hop)) => {
                self.v6.extend(pack(batch, src, dst, next_hop));
            }
            _ => debug_assert!(false, "a batch of two families"),
        }
    }

    /// Appends the rows of these entries, in this order, to `batch`, which is of their family.
    pub(crate) fn spread(&self, entries: &[Entry], batch: &mut FlowBatch) {
        for entries in entries.chunks(CHUNK_ROWS) {
            let ends = (&mut batch.src, &mut batch.dst, &mut batch.next_hop);
            match ends {
                (Addresses::V4(src), Addresses::V4(dst), Addresses::V4(next_hop)) => {
                    spread_addresses(&self.v4, entries, (src, dst, next_hop));
                    spread_columns(&self.v4, entries, batch);
                }
                (Addresses::V6(src), Addresses::V6(dst), Addresses::V6(next_hop)) => {
                    spread_addresses(&self.v6, entries, (src, dst, next_hop));
                    spread_columns(&self.v6, entries, batch);
                }
                _ => debug_assert!(false, "a batch of two families"),
            }
            if !self.extras.is_empty() {
                for (entry, row) in entries.iter().zip(batch.len()..) {
                    batch.extras.set(row, self.extras.get(entry.row as usize));
                }
            }
            batch.set_len(batch.len() + entries.len());
        }
    }
}

fn pack<A: Copy>(
    batch: &FlowBatch,
    src: &[A],
    dst: &[A],
    next_hop: &[A],
) -> impl Iterator<Item = Row<A>> {
    (0..batch.len()).map(|row| Row {
        src: src[row],
        dst: dst[row],
        next_hop: next_hop[row],
        duration_ms: batch.duration_ms[row],
        first_ms: batch.first_ms[row],
        octets: batch.octets[row],
        packets: batch.packets[row],
        input: batch.input[row],
        output: batch.output[row],
        src_as: batch.src_as[row],
        dst_as: batch.dst_as[row],
        source: batch.source[row],
        src_port: batch.src_port[row],
        dst_port: batch.dst_port[row],
        protocol: batch.protocol[row],
        tcp_flags: batch.tcp_flags[row],
        tos: batch.tos[row],
        src_mask: batch.src_mask[row],
        dst_mask: batch.dst_mask[row],
    })
}

fn spread_addresses<A: Copy>(
    packed: &[Row<A>],
    entries: &[Entry],
    (src, dst, next_hop): (&mut Vec<A>, &mut Vec<A>, &mut Vec<A>),
) {
    let rows = || entries.iter().map(|entry| &packed[entry.row as usize]);
    src.extend(rows().map(|row| row.src));
    dst.extend(rows().map(|row| row.dst));
    next_hop.extend(rows().map(|row| row.next_hop));
}

fn spread_columns<A>(packed: &[Row<A>], entries: &[Entry], batch: &mut FlowBatch) {
    let rows = || entries.iter().map(|entry| &packed[entry.row as usize]);
    batch.first_ms.extend(rows().map(|row| row.first_ms));
    batch.duration_ms.extend(rows().map(|row| row.duration_ms));
    batch.octets.extend(rows().map(|row| row.octets));
    batch.packets.extend(rows().map(|row| row.packets));
    batch.input.extend(rows().map(|row| row.input));
    batch.output.extend(rows().map(|row| row.output));
    batch.src_as.extend(rows().map(|row| row.src_as));
    batch.dst_as.extend(rows().map(|row| row.dst_as));
    batch.source.extend(rows().map(|row| row.source));
    batch.src_port.extend(rows().map(|row| row.src_port));
    batch.dst_port.extend(rows().map(|row| row.dst_port));
    batch.protocol.extend(rows().map(|row| row.protocol));
    batch.tcp_flags.extend(rows().map(|row| row.tcp_flags));
    batch.tos.extend(rows().map(|row| row.tos));
    batch.src_mask.extend(rows().map(|row| row.src_mask));
    batch.dst_mask.extend(rows().map(|row| row.dst_mask));
}
