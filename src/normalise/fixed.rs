//! Records of fixed layouts, appended column by column.

use super::ExportClock;
use crate::flow::{Columns, DatagramId, FlowBatch, low_u32, saturated_u16};
use crate::netflow::v5::Record;

/// What the records of a packet have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) clock: ExportClock,
    pub(super) source: u32,
    pub(super) id: DatagramId,
    /// The index of the first record in its datagram.
    pub(super) first_index: u16,
}

/// Appends `records`, of which `read` reads one, to `batch`, which is one of IPv4. Gives how many
/// were appended, the others having begun before 1970; and how many of these were given no
/// duration, because their last packet was stamped before their first.
#[inline]
pub(super) fn append<R>(
    records: &[R],
    read: impl Fn(&R) -> Record + Copy,
    at: At,
    batch: &mut FlowBatch,
) -> (u64, u64) {
    let rows_before = batch.len();
    let records = records.iter().enumerate();
    let clamped = if at.clock.never_before_1970() {
        append_columns(records, read, at, batch)
    } else {
        let possible = records.filter(|(_, record)| at.clock.at(read(record).first_ms).is_some());
        append_columns(possible, read, at, batch)
    };
    ((batch.len() - rows_before) as u64, clamped)
}

/// A column at a time: the loops are short, need no branch, and make room once.
fn append_columns<'a, R: 'a>(
    records: impl Iterator<Item = (usize, &'a R)> + Clone,
    read: impl Fn(&R) -> Record + Copy,
    At { clock, source, id, first_index }: At,
    batch: &mut FlowBatch,
) -> u64 {
    let exported_ms = clock.exported().0;
    let lasted_ms =
        |record: Record| clock.offset_ms(record.last_ms) - clock.offset_ms(record.first_ms);

    batch.src.extend_v4(each(&records, read, |record| u32::from(record.src_addr)));
    batch.dst.extend_v4(each(&records, read, |record| u32::from(record.dst_addr)));
    batch.next_hop.extend_v4(each(&records, read, |record| u32::from(record.next_hop)));
    batch.first_ms.extend(records.clone().map(|(_, record)| {
        exported_ms.wrapping_add_signed(clock.offset_ms(read(record).first_ms))
    }));
    batch.duration_ms.extend(
        records.clone().map(|(_, record)| low_u32(lasted_ms(read(record)).max(0).unsigned_abs())),
    );
    batch.octets.extend(each(&records, read, |record| u64::from(record.octets)));
    batch.packets.extend(each(&records, read, |record| u64::from(record.packets)));
    batch.src_port.extend(each(&records, read, |record| record.src_port));
    batch.dst_port.extend(each(&records, read, |record| record.dst_port));
    batch.protocol.extend(each(&records, read, |record| record.protocol));
    batch.tcp_flags.extend(each(&records, read, |record| record.tcp_flags));
    batch.tos.extend(each(&records, read, |record| record.tos));
    batch.input.extend(each(&records, read, |record| u32::from(record.input)));
    batch.output.extend(each(&records, read, |record| u32::from(record.output)));
    batch.src_as.extend(each(&records, read, |record| u32::from(record.src_as)));
    batch.dst_as.extend(each(&records, read, |record| u32::from(record.dst_as)));
    batch.src_mask.extend(each(&records, read, |record| record.src_mask));
    batch.dst_mask.extend(each(&records, read, |record| record.dst_mask));
    batch.source.extend(records.clone().map(|_| source));
    batch
        .origin
        .extend(records.clone().map(|(index, _)| id.origin(first_index + saturated_u16(index))));
    let rows = batch.first_ms.len();
    // No fixed layout tells of what came later.
    for column in Columns::LATER.iter() {
        batch.values_mut(column).grow(rows);
    }
    batch.set_len(rows);
    records.filter(|(_, record)| lasted_ms(read(record)) < 0).count() as u64
}

/// A field of each record. Each column reads only its own: the rest of `read` is left out.
#[inline]
fn each<'a, R: 'a, T>(
    records: &(impl Iterator<Item = (usize, &'a R)> + Clone),
    read: impl Fn(&R) -> Record,
    field: impl Fn(Record) -> T,
) -> impl Iterator<Item = T> {
    records.clone().map(move |(_, record)| field(read(record)))
}
