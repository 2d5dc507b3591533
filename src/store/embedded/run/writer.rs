//! Writes a run: flows that come sorted by row key, as one Parquet file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::writer::{ColumnWriter, get_column_writer, get_typed_column_writer_mut};
use parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;
use xxhash_rust::xxh3::Xxh3;

use super::page::ChunkBytes;
use super::schema::{LAYOUT_VERSION, PAGE_ROWS, ROW_GROUP_ROWS, Shape, properties, schema};
use crate::flow::{Addresses, Column, Extras, FlowBatch, Values};
use crate::row::Order;
use crate::store::durable::NewFile;
use crate::store::{Result, StoreError};

/// A file that was written and is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrittenFile {
    /// Its size.
    pub bytes: u64,
    /// Where the pages end, and page indexes and footer begin.
    pub tail_offset: u64,
    /// XXH3-64 of everything from there on.
    pub tail_hash: u64,
}

/// Writes one run. Rows must be appended in the order of its row key.
pub(crate) struct RunWriter {
    /// Where it will be.
    path: PathBuf,
    shape: Shape,
    schema: SchemaDescriptor,
    properties: Arc<WriterProperties>,
    file: SerializedFileWriter<HashedTail>,
    group: Option<GroupWriter>,
}

impl RunWriter {
    /// Starts the file at `path`. Dropped before it is finished, it leaves nothing behind.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if it cannot be made.
    pub(crate) fn create(path: &Path, order: Order, shape: Shape) -> Result<Self> {
        Self::begin(path, Some(NewFile::create(path)?), order, shape)
    }

    /// Writes to nowhere, to learn what would be written; `path` is for messages.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub(crate) fn measure(path: &Path, order: Order, shape: Shape) -> Result<Self> {
        Self::begin(path, None, order, shape)
    }

    fn begin(path: &Path, file: Option<NewFile>, order: Order, shape: Shape) -> Result<Self> {
        let shape = shape.in_order(order);
        let schema = schema(shape).map_err(broken(path))?;
        let properties = Arc::new(properties(order, shape.family));
        let sink = HashedTail { to: file, hash: None };
        let writer =
            SerializedFileWriter::new(sink, schema.root_schema_ptr(), Arc::clone(&properties))
                .map_err(broken(path))?;
        Ok(Self { path: path.to_owned(), shape, schema, properties, file: writer, group: None })
    }

    /// Appends every row of `batch`, which has all columns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if a row group cannot be written.
    pub(crate) fn append(&mut self, batch: &FlowBatch) -> Result<()> {
        let mut from = 0;
        while from < batch.len() {
            let group = match &mut self.group {
                Some(group) => group,
                none => none.insert(GroupWriter::new(self.shape, &self.schema, &self.properties)),
            };
            let rows = (batch.len() - from).min(ROW_GROUP_ROWS - group.rows);
            group.append(batch, from, rows).map_err(broken(&self.path))?;
            from += rows;
            if group.rows == ROW_GROUP_ROWS {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Ends the file, and waits until it is durable; its name is when its folder is synced.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if it cannot be.
    pub(crate) fn finish(mut self) -> Result<WrittenFile> {
        self.end_group()?;
        // Nothing but indexes and footer follows; they have no checksum of their own.
        self.file.flush().map_err(StoreError::io(&self.path, "write"))?;
        let tail_offset = self.file.bytes_written() as u64;
        self.file.inner_mut().hash = Some(Xxh3::new());
        self.file.append_key_value_metadata(KeyValue::new(
            "earlgrey.layout".to_owned(),
            LAYOUT_VERSION.to_string(),
        ));
        self.file.finish().map_err(broken(&self.path))?;
        let bytes = self.file.bytes_written() as u64;
        let sink = self.file.inner_mut();
        sink.to.as_mut().map_or(Ok(()), NewFile::finish_new)?;
        let tail_hash = sink.hash.as_ref().map_or(0, Xxh3::digest);
        Ok(WrittenFile { bytes, tail_offset, tail_hash })
    }

    /// Begins a new row group with what is appended next.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub(crate) fn end_group(&mut self) -> Result<()> {
        match self.group.take() {
            Some(group) => group.finish(&mut self.file).map_err(broken(&self.path)),
            None => Ok(()),
        }
    }
}

/// What the crate says of a file that is being written; a full disk comes out as one.
fn broken(path: &Path) -> impl Fn(ParquetError) -> StoreError + '_ {
    move |error| {
        let source = match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(io) => *io,
                Err(other) => io::Error::other(other),
            },
            other => io::Error::other(other),
        };
        StoreError::io(path, "write")(source)
    }
}

/// The file being written, if one is, and the hash of its tail once that has begun.
struct HashedTail {
    to: Option<NewFile>,
    hash: Option<Xxh3>,
}

impl Write for HashedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.as_mut().map_or(Ok(bytes.len()), |to| to.write(bytes))?;
        if let Some(hash) = &mut self.hash {
            hash.update(&bytes[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// One row group while it is encoded, all columns side by side, in memory.
struct GroupWriter {
    rows: usize,
    columns: Vec<(Column, ColumnWriter<'static>, ChunkBytes)>,
    words: Vec<i32>,
    longs: Vec<i64>,
}

impl GroupWriter {
    fn new(shape: Shape, schema: &SchemaDescriptor, properties: &Arc<WriterProperties>) -> Self {
        let columns = shape.columns();
        let columns = columns
            .iter()
            .filter_map(|column| Some((column, shape.place(column)?)))
            .map(|(column, place)| {
                let bytes = ChunkBytes::default();
                let writer = get_column_writer(
                    schema.column(place),
                    Arc::clone(properties),
                    Box::new(bytes.clone()),
                );
                (column, writer, bytes)
            })
            .collect();
        Self { rows: 0, columns, words: Vec::new(), longs: Vec::new() }
    }

    fn append(&mut self, batch: &FlowBatch, from: usize, rows: usize) -> Result<(), ParquetError> {
        let Self { columns, words, longs, .. } = self;
        for start in (from..from + rows).step_by(PAGE_ROWS) {
            let range = start..(start + PAGE_ROWS).min(from + rows);
            for (column, writer, _) in columns.iter_mut() {
                let range = range.clone();
                match batch.values(*column) {
                    Values::Addresses(values) => put_addresses(writer, values, range, words),
                    Values::U8(values) => put_words(writer, &values[range], words, i32::from),
                    Values::U16(values) => put_words(writer, &values[range], words, i32::from),
                    Values::U32(values) => {
                        put_words(writer, &values[range], words, u32::cast_signed)
                    }
                    Values::U64(values) => put_longs(writer, &values[range], longs),
                    Values::Extras(values) => put_extras(writer, values, range),
                }?;
            }
        }
        self.rows += rows;
        Ok(())
    }

    fn finish(self, file: &mut SerializedFileWriter<HashedTail>) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        for (_, writer, bytes) in self.columns {
            let closed = writer.close()?;
            group.append_column::<Bytes>(&bytes.take(), closed)?;
        }
        group.close()?;
        Ok(())
    }
}

fn put_words<T: Copy>(
    writer: &mut ColumnWriter<'_>,
    values: &[T],
    words: &mut Vec<i32>,
    word: impl Fn(T) -> i32,
) -> Result<(), ParquetError> {
    words.clear();
    words.extend(values.iter().map(|&value| word(value)));
    get_typed_column_writer_mut::<Int32Type>(writer).write_batch(words, None, None)?;
    Ok(())
}

fn put_longs(
    writer: &mut ColumnWriter<'_>,
    values: &[u64],
    longs: &mut Vec<i64>,
) -> Result<(), ParquetError> {
    longs.clear();
    longs.extend(values.iter().map(|&value| value.cast_signed()));
    get_typed_column_writer_mut::<Int64Type>(writer).write_batch(longs, None, None)?;
    Ok(())
}

fn put_extras(
    writer: &mut ColumnWriter<'_>,
    extras: &Extras,
    rows: std::ops::Range<usize>,
) -> Result<(), ParquetError> {
    let strings: Vec<ByteArray> =
        rows.map(|row| Bytes::copy_from_slice(extras.get(row)).into()).collect();
    get_typed_column_writer_mut::<ByteArrayType>(writer).write_batch(&strings, None, None)?;
    Ok(())
}

fn put_addresses(
    writer: &mut ColumnWriter<'_>,
    addresses: &Addresses,
    range: std::ops::Range<usize>,
    words: &mut Vec<i32>,
) -> Result<(), ParquetError> {
    match addresses {
        Addresses::V4(addresses) => put_words(writer, &addresses[range], words, u32::cast_signed),
        Addresses::V6(addresses) => {
            let mut bytes = Vec::with_capacity(range.len() * 16);
            for address in &addresses[range] {
                bytes.extend_from_slice(&address.to_be_bytes());
            }
            let bytes = Bytes::from(bytes);
            let values: Vec<FixedLenByteArray> = (0..bytes.len())
                .step_by(16)
                .map(|at| ByteArray::from(bytes.slice(at..at + 16)).into())
                .collect();
            get_typed_column_writer_mut::<FixedLenByteArrayType>(writer)
                .write_batch(&values, None, None)?;
            Ok(())
        }
    }
}
