//! A row group while it fills: all columns side by side, encoded as rows come.

use std::io::Write;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::writer::{ColumnWriter, get_column_writer, get_typed_column_writer_mut};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use super::MAX_GROUP_ROWS;
use super::chunk::Chunk;
use super::columns::FileColumn;
use crate::answer::elements::push_elements;
use crate::answer::text::push_address;
use crate::flow::{Addresses, Column, Extras, FlowBatch, Source, UnixMillis, Values};

/// So many rows are encoded at a time.
const STEP_ROWS: usize = 8192;
/// A row group ends early when the elements of its rows, as text, are longer: those of a flow may
/// take several thousand bytes, which a million times is more than anybody's memory.
const MAX_ELEMENTS_BYTES: usize = 128 << 20;

/// One row group, in memory.
pub(super) struct Group {
    rows: usize,
    elements_bytes: usize,
    columns: Vec<(FileColumn, ColumnWriter<'static>, Chunk)>,
    numbers: Numbers,
}

/// Room for the numbers of a step.
#[derive(Default)]
struct Numbers {
    words: Vec<i32>,
    longs: Vec<i64>,
}

impl Group {
    pub(super) fn new(schema: &SchemaDescriptor, properties: &Arc<WriterProperties>) -> Self {
        let columns = FileColumn::all()
            .enumerate()
            .map(|(place, column)| {
                let chunk = Chunk::default();
                let pages = Box::new(chunk.clone());
                let descriptor = schema.column(place);
                let writer = get_column_writer(descriptor, Arc::clone(properties), pages);
                (column, writer, chunk)
            })
            .collect();
        Self { rows: 0, elements_bytes: 0, columns, numbers: Numbers::default() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= MAX_GROUP_ROWS || self.elements_bytes >= MAX_ELEMENTS_BYTES
    }

    /// Appends some rows of `flows`, those at `from` and behind it, and says how many.
    pub(super) fn append(&mut self, flows: &FlowBatch, from: usize) -> Result<usize, ParquetError> {
        let rows = (flows.len() - from).min(STEP_ROWS).min(MAX_GROUP_ROWS - self.rows);
        let range = from..from + rows;
        let Self { columns, numbers, elements_bytes, .. } = self;
        for (column, writer, _) in columns {
            let range = range.clone();
            let sources = || range.clone().map(|row| flows.source_of(row));
            match *column {
                FileColumn::Flow(column) => numbers.put_column(writer, flows, column, range),
                FileColumn::Exporter => put_addresses(writer, sources().map(|of| of.exporter)),
                FileColumn::Engine => numbers.put_words(writer, sources().map(|of| of.engine)),
                FileColumn::SamplingMode => {
                    let mode = |of: Source| of.sampling.mode.into();
                    numbers.put_words(writer, sources().map(mode))
                }
                FileColumn::SamplingInterval => {
                    numbers.put_words(writer, sources().map(|of| of.sampling.interval))
                }
                FileColumn::Elements => {
                    put_elements(writer, &flows.extras, range).map(|bytes| *elements_bytes += bytes)
                }
            }?;
        }
        self.rows += rows;
        Ok(rows)
    }

    pub(super) fn finish<W: Write + Send>(
        self,
        file: &mut SerializedFileWriter<W>,
    ) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        for (_, writer, chunk) in self.columns {
            let closed = writer.close()?;
            group.append_column::<Bytes>(&chunk.take()?, closed)?;
        }
        group.close()?;
        Ok(())
    }
}

impl Numbers {
    /// Puts `rows` of a column of `flows`.
    fn put_column(
        &mut self,
        writer: &mut ColumnWriter<'_>,
        flows: &FlowBatch,
        column: Column,
        rows: Range<usize>,
    ) -> Result<(), ParquetError> {
        match flows.values(column) {
            Values::Addresses(addresses) => {
                put_addresses(writer, rows.map(|row| Addresses::get(addresses, row)))
            }
            Values::U8(values) => self.put_words(writer, values[rows].iter().map(|&v| v.into())),
            Values::U16(values) => self.put_words(writer, values[rows].iter().map(|&v| v.into())),
            Values::U32(values) => self.put_words(writer, values[rows].iter().copied()),
            Values::U64(values) if column == Column::First => {
                self.put_longs(writer, values[rows].iter().map(|&first| shown(first)))
            }
            Values::U64(values) => self.put_longs(writer, values[rows].iter().copied()),
            Values::Extras(values) => put_elements(writer, values, rows).map(|_| ()),
        }
    }

    fn put_words(
        &mut self,
        writer: &mut ColumnWriter<'_>,
        values: impl Iterator<Item = u32>,
    ) -> Result<(), ParquetError> {
        self.words.clear();
        self.words.extend(values.map(|value| value as i32));
        get_typed_column_writer_mut::<Int32Type>(writer).write_batch(&self.words, None, None)?;
        Ok(())
    }

    fn put_longs(
        &mut self,
        writer: &mut ColumnWriter<'_>,
        values: impl Iterator<Item = u64>,
    ) -> Result<(), ParquetError> {
        self.longs.clear();
        self.longs.extend(values.map(|value| value as i64));
        get_typed_column_writer_mut::<Int64Type>(writer).write_batch(&self.longs, None, None)?;
        Ok(())
    }
}

/// When a flow began, as it is shown: readers fail at a time that their calendar does not reach.
fn shown(first_ms: u64) -> u64 {
    u64::try_from(UnixMillis(first_ms).timestamp().as_millisecond()).unwrap_or(0)
}

fn put_addresses(
    writer: &mut ColumnWriter<'_>,
    addresses: impl Iterator<Item = IpAddr>,
) -> Result<(), ParquetError> {
    let mut texts = Texts::default();
    for address in addresses {
        texts.push(|to| push_address(to, address));
    }
    get_typed_column_writer_mut::<ByteArrayType>(writer).write_batch(
        &texts.values(),
        None,
        None,
    )?;
    Ok(())
}

/// Says how long the text of all elements was.
fn put_elements(
    writer: &mut ColumnWriter<'_>,
    extras: &Extras,
    rows: Range<usize>,
) -> Result<usize, ParquetError> {
    let mut texts = Texts::default();
    // 1 where there is a value, 0 where there is none.
    let mut levels = Vec::with_capacity(rows.len());
    for row in rows {
        let bytes = extras.get(row);
        levels.push(i16::from(!bytes.is_empty()));
        if !bytes.is_empty() {
            texts.push(|to| push_elements(to, bytes));
        }
    }
    let bytes = texts.bytes.len();
    get_typed_column_writer_mut::<ByteArrayType>(writer).write_batch(
        &texts.values(),
        Some(&levels),
        None,
    )?;
    Ok(bytes)
}

/// Texts one behind the other, so that none needs memory of its own.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        push(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    fn values(self) -> Vec<ByteArray> {
        let bytes = Bytes::from(self.bytes);
        let mut start = 0;
        let value = |end| ByteArray::from(bytes.slice(std::mem::replace(&mut start, end)..end));
        self.ends.into_iter().map(value).collect()
    }
}
