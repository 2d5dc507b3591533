//! Reads one column of a row group from some row on, skipping what is not asked for.

use std::sync::Arc;

use bytes::Bytes;
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use parquet::errors::ParquetError;

use super::file::RunFile;
use super::page::{PageSpan, Pages, ReadAt};
use super::schema::{PAGE_ROWS, address_family, encoding};
use crate::flow::{Addresses, Column, ColumnKind, Family, FlowBatch, ValuesMut};
use crate::store::{Meter, Reading, Result};

/// A column of one row group, at some row of it.
pub(crate) struct ColumnCursor {
    run: Arc<RunFile>,
    column: Column,
    values: Chunk,
    at: usize,
}

/// The column's chunk in the row group, by its type in the file.
enum Chunk {
    Words(ColumnReaderImpl<Int32Type>),
    Longs(ColumnReaderImpl<Int64Type>),
    Addresses(ColumnReaderImpl<FixedLenByteArrayType>),
    Strings(ColumnReaderImpl<ByteArrayType>),
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
        let values = match column.kind() {
            ColumnKind::U64 => Chunk::Longs(get_typed_column_reader(reader)),
            ColumnKind::Address if address_family(column, run.family()) == Family::V6 => {
                Chunk::Addresses(get_typed_column_reader(reader))
            }
            ColumnKind::Address | ColumnKind::U8 | ColumnKind::U16 | ColumnKind::U32 => {
                Chunk::Words(get_typed_column_reader(reader))
            }
            ColumnKind::Extras => Chunk::Strings(get_typed_column_reader(reader)),
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
        let to = batch.values_mut(self.column);
        let done = match &mut self.values {
            Chunk::Words(reader) => values(reader, skip, count).map(|words| fill_words(to, words)),
            Chunk::Longs(reader) => values(reader, skip, count).map(|longs| fill_longs(to, longs)),
            Chunk::Addresses(reader) => values(reader, skip, count)
                .and_then(|addresses| numbers(&addresses))
                .map(|addresses| fill_addresses(to, Addresses::V6(addresses))),
            Chunk::Strings(reader) => {
                values(reader, skip, count).map(|strings| fill_extras(to, &strings))
            }
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

// The casts are to the column's own width, which the writer widened. Each kind of column has one
// type in files, so the other kinds do not come here.
fn fill_words(to: ValuesMut<'_>, words: Vec<i32>) {
    let words = words.into_iter().map(i32::cast_unsigned);
    match to {
        ValuesMut::Addresses(to) => *to = Addresses::V4(words.collect()),
        ValuesMut::U8(to) => *to = words.map(|word| (word & 0xff) as u8).collect(),
        ValuesMut::U16(to) => *to = words.map(|word| (word & 0xffff) as u16).collect(),
        ValuesMut::U32(to) => *to = words.collect(),
        ValuesMut::U64(_) | ValuesMut::Extras(_) => {}
    }
}

fn fill_longs(to: ValuesMut<'_>, longs: Vec<i64>) {
    if let ValuesMut::U64(to) = to {
        *to = longs.into_iter().map(i64::cast_unsigned).collect();
    }
}

fn fill_addresses(to: ValuesMut<'_>, addresses: Addresses) {
    if let ValuesMut::Addresses(to) = to {
        *to = addresses;
    }
}

fn fill_extras(to: ValuesMut<'_>, strings: &[ByteArray]) {
    if let ValuesMut::Extras(to) = to {
        to.clear();
        for (row, string) in strings.iter().enumerate() {
            to.set(row, string.data());
        }
    }
}
