//! Reads one column of a row group from some row on, skipping what is not asked for.

use std::sync::Arc;

use bytes::Bytes;
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{
    ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;

use super::file::RunFile;
use super::page::{PageSpan, Pages, ReadAt};
use super::schema::{PAGE_ROWS, encoding};
use crate::flow::{Addresses, Column, Family, FlowBatch};
use crate::store::{Meter, Reading, Result};

/// A column of one row group, at some row of it.
pub(crate) struct ColumnCursor {
    run: Arc<RunFile>,
    column: Column,
    values: Values,
    at: usize,
}

enum Values {
    Words(ColumnReaderImpl<Int32Type>),
    Longs(ColumnReaderImpl<Int64Type>),
    Addresses(ColumnReaderImpl<FixedLenByteArrayType>),
    Extras(ColumnReaderImpl<ByteArrayType>),
}

impl ColumnCursor {
    /// The column `column` of `run`'s row group `group`, at the first row of page `page`, and no
    /// further than page `until`.
    pub(crate) fn open(
        run: &Arc<RunFile>,
        group: usize,
        column: Column,
        pages: std::ops::Range<usize>,
        meter: &Arc<Meter>,
    ) -> Result<Self> {
        let chunk = run.pages(group, column)?;
        let wanted = chunk.data.get(pages.clone()).ok_or_else(|| run.damaged("no such page"))?;
        let spans: Vec<PageSpan> = chunk.dictionary.iter().chain(wanted).copied().collect();
        let file = Arc::new(Metered { file: run.reader(), meter: Arc::clone(meter) });
        let source = Box::new(Pages::new(file, spans, encoding(column, run.order(), run.family())));
        let reader = get_column_reader(run.descriptor(column)?, source);
        let values = match column {
            Column::First | Column::Octets | Column::Packets => {
                Values::Longs(get_typed_column_reader(reader))
            }
            Column::Src | Column::Dst | Column::NextHop if run.family() == Family::V6 => {
                Values::Addresses(get_typed_column_reader(reader))
            }
            Column::Extras => Values::Extras(get_typed_column_reader(reader)),
            _ => Values::Words(get_typed_column_reader(reader)),
        };
        Ok(Self { run: Arc::clone(run), column, values, at: pages.start * PAGE_ROWS })
    }

    /// Reads the values of `rows`, which do not begin before the cursor, into `batch`.
    pub(crate) fn read(
        &mut self,
        rows: std::ops::Range<usize>,
        batch: &mut FlowBatch,
    ) -> Result<()> {
        let (skip, count) = (rows.start - self.at, rows.len());
        self.at = rows.end;
        let done = match &mut self.values {
            Values::Words(reader) => {
                values(reader, skip, count).map(|words| fill_words(batch, self.column, words))
            }
            Values::Longs(reader) => {
                values(reader, skip, count).map(|longs| fill_longs(batch, self.column, longs))
            }
            Values::Addresses(reader) => values(reader, skip, count)
                .and_then(|addresses| numbers(&addresses))
                .map(|values| fill_addresses(batch, self.column, Addresses::V6(values))),
            Values::Extras(reader) => values(reader, skip, count).map(|strings| {
                batch.extras.clear();
                for (row, string) in strings.iter().enumerate() {
                    batch.extras.set(row, string.data());
                }
            }),
        };
        done.map_err(|error| self.run.error(self.column, error))
    }
}

/// A file whose reading is metered.
struct Metered {
    file: Arc<dyn ReadAt>,
    meter: Arc<Meter>,
}

impl ReadAt for Metered {
    fn read_at(&self, offset: u64, bytes: usize) -> std::io::Result<Bytes> {
        self.meter.add(Reading { bytes: bytes as u64, ..Reading::default() });
        self.file.read_at(offset, bytes)
    }

    fn page_read(&self) {
        self.meter.add(Reading { pages: 1, ..Reading::default() });
    }
}

fn short(expected: usize, found: usize) -> ParquetError {
    ParquetError::General(format!("{found} values where {expected} should be"))
}

fn check(expected: usize, found: usize) -> Result<(), ParquetError> {
    if found == expected { Ok(()) } else { Err(short(expected, found)) }
}

/// The `count` values behind the next `skip` ones.
fn values<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    skip: usize,
    count: usize,
) -> Result<Vec<T::T>, ParquetError> {
    check(skip, if skip == 0 { 0 } else { reader.skip_records(skip)? })?;
    let mut values = Vec::with_capacity(count);
    let (read, ..) = reader.read_records(count, None, None, &mut values)?;
    check(count, read)?;
    Ok(values)
}

fn numbers(addresses: &[FixedLenByteArray]) -> Result<Vec<u128>, ParquetError> {
    addresses
        .iter()
        .map(|address| Some(u128::from_be_bytes(address.data().try_into().ok()?)))
        .collect::<Option<_>>()
        .ok_or_else(|| ParquetError::General("an address is not of 16 bytes".into()))
}

// The casts are to the column's own width, which the writer widened.
fn fill_words(batch: &mut FlowBatch, column: Column, words: Vec<i32>) {
    fn unsigned(words: Vec<i32>) -> Vec<u32> {
        words.into_iter().map(|word| word as u32).collect()
    }
    fn short(words: &[i32]) -> Vec<u16> {
        words.iter().map(|&word| word as u16).collect()
    }
    fn byte(words: &[i32]) -> Vec<u8> {
        words.iter().map(|&word| word as u8).collect()
    }
    match column {
        Column::Src | Column::Dst | Column::NextHop => {
            fill_addresses(batch, column, Addresses::V4(unsigned(words)));
        }
        Column::Duration => batch.duration_ms = unsigned(words),
        Column::Input => batch.input = unsigned(words),
        Column::Output => batch.output = unsigned(words),
        Column::SrcAs => batch.src_as = unsigned(words),
        Column::DstAs => batch.dst_as = unsigned(words),
        Column::Source => batch.source = unsigned(words),
        Column::SrcPort => batch.src_port = short(&words),
        Column::DstPort => batch.dst_port = short(&words),
        Column::Protocol => batch.protocol = byte(&words),
        Column::TcpFlags => batch.tcp_flags = byte(&words),
        Column::Tos => batch.tos = byte(&words),
        Column::SrcMask => batch.src_mask = byte(&words),
        Column::DstMask => batch.dst_mask = byte(&words),
        Column::First | Column::Octets | Column::Packets | Column::Extras => {}
    }
}

fn fill_longs(batch: &mut FlowBatch, column: Column, longs: Vec<i64>) {
    let longs: Vec<u64> = longs.into_iter().map(|long| long as u64).collect();
    match column {
        Column::First => batch.first_ms = longs,
        Column::Octets => batch.octets = longs,
        Column::Packets => batch.packets = longs,
        _ => {}
    }
}

fn fill_addresses(batch: &mut FlowBatch, column: Column, addresses: Addresses) {
    match column {
        Column::Src => batch.src = addresses,
        Column::Dst => batch.dst = addresses,
        Column::NextHop => batch.next_hop = addresses,
        _ => {}
    }
}
