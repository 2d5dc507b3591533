//! The records of a v5 datagram, appended column by column.

use crate::flow::{DatagramId, ExportClock, FlowBatch};
use crate::netflow::v5::{Record, RecordBytes};

/// Appends `records` to `batch`, which is one of IPv4. Gives how many were appended, the others
/// having begun before 1970; and how many of these were given no duration, because their last
/// packet was stamped before their first.
pub(super) fn append(
    records: &[RecordBytes],
    clock: ExportClock,
    source: u32,
    id: DatagramId,
    batch: &mut FlowBatch,
) -> (u64, u64) {
    let rows_before = batch.len();
    let records = records.iter().enumerate();
    let clamped = if clock.never_before_1970() {
        append_columns(records, clock, source, id, batch)
    } else {
        let possible =
            records.filter(|(_, record)| clock.at(Record::read(record).first_ms).is_some());
        append_columns(possible, clock, source, id, batch)
    };
    ((batch.len() - rows_before) as u64, clamped)
}

/// A column at a time: the loops are short, need no branch, and make room once.
fn append_columns<'a>(
    records: impl Iterator<Item = (usize, &'a RecordBytes)> + Clone,
    clock: ExportClock,
    source: u32,
    id: DatagramId,
    batch: &mut FlowBatch,
) -> u64 {
    let exported_ms = clock.exported().0;
    let lasted_ms =
        |record: Record| clock.offset_ms(record.last_ms) - clock.offset_ms(record.first_ms);

    batch.src.extend_v4(each(&records, |record| u32::from(record.src_addr)));
    batch.dst.extend_v4(each(&records, |record| u32::from(record.dst_addr)));
    batch.next_hop.extend_v4(each(&records, |record| u32::from(record.next_hop)));
    batch.first_ms.extend(records.clone().map(|(_, record)| {
        exported_ms.wrapping_add_signed(clock.offset_ms(Record::read(record).first_ms))
    }));
    batch
        .duration_ms
        .extend(records.clone().map(|(_, record)| lasted_ms(Record::read(record)).max(0) as u32));
    batch.octets.extend(each(&records, |record| u64::from(record.octets)));
    batch.packets.extend(each(&records, |record| u64::from(record.packets)));
    batch.src_port.extend(each(&records, |record| record.src_port));
    batch.dst_port.extend(each(&records, |record| record.dst_port));
    batch.protocol.extend(each(&records, |record| record.protocol));
    batch.tcp_flags.extend(each(&records, |record| record.tcp_flags));
    batch.tos.extend(each(&records, |record| record.tos));
    batch.input.extend(each(&records, |record| u32::from(record.input)));
    batch.output.extend(each(&records, |record| u32::from(record.output)));
    batch.src_as.extend(each(&records, |record| u32::from(record.src_as)));
    batch.dst_as.extend(each(&records, |record| u32::from(record.dst_as)));
    batch.src_mask.extend(each(&records, |record| record.src_mask));
    batch.dst_mask.extend(each(&records, |record| record.dst_mask));
    batch.source.extend(records.clone().map(|_| source));
    batch.origin.extend(records.clone().map(|(index, _)| id.origin(index as u16)));
    batch.set_len(batch.first_ms.len());
    records.filter(|(_, record)| lasted_ms(Record::read(record)) < 0).count() as u64
}

/// A field of each record. Each column reads only its own: the rest of `Record::read` is left out.
#[inline]
fn each<'a, T>(
    records: &(impl Iterator<Item = (usize, &'a RecordBytes)> + Clone),
    field: impl Fn(Record) -> T,
) -> impl Iterator<Item = T> {
    records.clone().map(move |(_, record)| field(Record::read(record)))
}
