//! A file of datagram identities: Parquet, sorted by export time and hash, about 9 bytes each.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{DataType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData, SortingColumn,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::filter::Filter;
use super::spans::spans_of;
use crate::flow::{DatagramId, UnixMillis, saturated_usize};
use crate::store::durable::{self, NewFile};
use crate::store::embedded::folder::file_names::identities_name;
use crate::store::embedded::folder::manifest::{Checksum, IdentityFile};
use crate::store::mix::Seeded;
use crate::store::{Result, StoreError};

/// A file holds at most so many identities: about 5 MB.
pub(super) const MAX_FILE_IDENTITIES: usize = 1 << 19;
/// A row group, which is read as a whole, holds at most so many.
pub(super) const BLOCK_IDENTITIES: usize = 1 << 14;

const SCHEMA: &str = "message identities {
    required int32 exported_secs (INTEGER(32, false));
    required int64 hash (INTEGER(64, false));
}";

/// Writes these identities, which rise and are at least one, as the file with this number. The
/// latest flow of their datagrams began at `latest`.
///
/// # Errors
///
/// [`StoreError::Io`] naming the file.
pub(super) fn write(
    dir: &Path,
    number: u64,
    rising: &[DatagramId],
    latest: UnixMillis,
) -> Result<IdentityFile> {
    debug_assert!(rising.is_sorted() && rising.len() <= MAX_FILE_IDENTITIES);
    let name = identities_name(number);
    let mut file = NewFile::create(&dir.join(&name))?;
    let path = file.path().to_owned();
    let bytes = encode(rising)
        .map_err(io::Error::other)
        .and_then(|bytes| file.write_all(&bytes).map(|()| bytes))
        .map_err(StoreError::io(&path, "write"))?;
    file.finish_new()?;
    Ok(IdentityFile {
        name,
        bytes: bytes.len() as u64,
        hash: Checksum::of(&bytes),
        count: rising.len() as u64,
        spans: spans_of(rising),
        latest,
    })
}

fn encode(rising: &[DatagramId]) -> ParquetResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(rising.len() * 10 + 4096);
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties()?))?;
    for block in rising.chunks(BLOCK_IDENTITIES) {
        let mut group = writer.next_row_group()?;
        let secs: Vec<i32> = block.iter().map(|id| id.exported_secs.cast_signed()).collect();
        let hashes: Vec<i64> = block.iter().map(|id| id.hash.cast_signed()).collect();
        if let Some(mut column) = group.next_column()? {
            column.typed::<Int32Type>().write_batch(&secs, None, None)?;
            column.close()?;
        }
        if let Some(mut column) = group.next_column()? {
            column.typed::<Int64Type>().write_batch(&hashes, None, None)?;
            column.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(bytes)
}

fn properties() -> ParquetResult<WriterProperties> {
    let secs = ColumnPath::from("exported_secs");
    let sorted_by =
        |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
    Ok(WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_dictionary_enabled(false)
        .set_sorting_columns(Some(vec![sorted_by(0), sorted_by(1)]))
        .set_column_encoding(secs.clone(), Encoding::DELTA_BINARY_PACKED)
        .set_column_compression(secs, Compression::ZSTD(ZstdLevel::try_new(1)?))
        // Hashes do not compress.
        .set_column_encoding(ColumnPath::from("hash"), Encoding::PLAIN)
        .build())
}

/// A file that was found to be what was written, and can be read block by block.
#[derive(Debug)]
pub(super) struct BlockFile {
    path: PathBuf,
    metadata: ParquetMetaData,
    /// Each block's least identity and the checksum of its bytes.
    blocks: Vec<(DatagramId, Checksum)>,
    /// None where it was not asked for.
    filter: Option<Filter>,
}

impl BlockFile {
    /// Reads the whole file once, and holds it against what the manifest says.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if it is not what was written; [`StoreError::Io`].
    pub(super) fn open(dir: &Path, file: &IdentityFile) -> Result<Self> {
        Self::open_filtered(dir, file, None)
    }

    /// As [`Self::open`], and with a filter that is `seeded`, if it is.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub(super) fn open_filtered(
        dir: &Path,
        file: &IdentityFile,
        seeded: Option<&Seeded>,
    ) -> Result<Self> {
        let path = dir.join(&file.name);
        let bytes = Bytes::from(read_whole(&path)?);
        if bytes.len() as u64 != file.bytes {
            let detail = format!("{} bytes, the manifest says {}", bytes.len(), file.bytes);
            return Err(StoreError::damaged(&path, detail));
        }
        if Checksum::of(&bytes) != file.hash {
            return Err(StoreError::damaged(&path, "its checksum does not match"));
        }
        Self::index(path.clone(), bytes, seeded).map_err(|error| damaged(&path, &error))
    }

    fn index(path: PathBuf, bytes: Bytes, seeded: Option<&Seeded>) -> ParquetResult<Self> {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes)?;
        let whole = Arc::new(Part { offset: 0, bytes });
        let mut blocks = Vec::with_capacity(metadata.num_row_groups());
        for group in metadata.row_groups() {
            let (start, length) = extent(group);
            let checksum = Checksum::of(&whole.get_bytes(start, length)?);
            let least = decode(&whole, group, 1)?.first().copied();
            let least = least.ok_or_else(|| ParquetError::General("an empty row group".into()))?;
            blocks.push((least, checksum));
        }
        let filter = seeded.map(|seeded| filter(&whole, &metadata, seeded)).transpose()?;
        Ok(Self { path, metadata, blocks, filter })
    }

    /// Whether `id` may be in it, as far as that is known without reading a block. `seeded` is that
    /// with which it was opened.
    pub(super) fn may_hold(&self, id: DatagramId, seeded: &Seeded) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.may_hold(id, seeded))
    }

    /// How many blocks it has.
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The one block that `id` may be in.
    pub(super) fn block_of(&self, id: DatagramId) -> Option<usize> {
        self.blocks.partition_point(|(least, _)| *least <= id).checked_sub(1)
    }

    /// The identities of a block, rising.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub(super) fn read(&self, block: usize) -> Result<Vec<DatagramId>> {
        let group = self.metadata.row_group(block);
        let (offset, length) = extent(group);
        let bytes = read_part(&self.path, offset, length)?;
        if Checksum::of(&bytes) != self.blocks[block].1 {
            let detail =
                format!("the checksum of bytes {offset}–{} does not match", offset + length as u64);
            return Err(StoreError::damaged(&self.path, detail));
        }
        let part = Arc::new(Part { offset, bytes: bytes.into() });
        decode(&part, group, usize::MAX).map_err(|error| damaged(&self.path, &error))
    }

    /// All of its identities, rising.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub(super) fn read_all(&self) -> Result<Vec<DatagramId>> {
        let mut all = Vec::new();
        for block in 0..self.blocks() {
            all.append(&mut self.read(block)?);
        }
        Ok(all)
    }
}

/// The filter of the identities in `whole`, a file.
fn filter(whole: &Arc<Part>, metadata: &ParquetMetaData, seeded: &Seeded) -> ParquetResult<Filter> {
    let mut all = Vec::new();
    for group in metadata.row_groups() {
        all.append(&mut decode(whole, group, usize::MAX)?);
    }
    let count = all.len();
    Ok(Filter::of(all.into_iter(), count, seeded))
}

/// What is not there was written, and is not as it was.
fn read_whole(path: &Path) -> Result<Vec<u8>> {
    durable::read(path).map_err(|error| match error {
        StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            StoreError::damaged(path, "it is missing")
        }
        error => error,
    })
}

/// Reads the whole of `file`, and holds it against what the manifest says of it.
///
/// # Errors
///
/// [`StoreError::Damaged`] naming the file and what does not fit; [`StoreError::Io`].
pub(crate) fn verify(dir: &Path, file: &IdentityFile) -> Result<()> {
    let all = BlockFile::open(dir, file)?.read_all()?;
    let fault = if all.len() as u64 != file.count {
        format!("{} identities, the manifest says {}", all.len(), file.count)
    } else if !all.is_sorted_by(|a, b| a < b) {
        "its identities do not rise".to_owned()
    } else if spans_of(&all) != file.spans {
        "its export times are others than the manifest says".to_owned()
    } else {
        return Ok(());
    };
    Err(StoreError::damaged(&dir.join(&file.name), fault))
}

/// Where the row group begins, and its length.
fn extent(group: &RowGroupMetaData) -> (u64, usize) {
    let ranges = || group.columns().iter().map(ColumnChunkMetaData::byte_range);
    let start = ranges().map(|(start, _)| start).min().unwrap_or(0);
    let end = ranges().map(|(start, length)| start.saturating_add(length)).max().unwrap_or(0);
    (start, saturated_usize(end - start))
}

fn read_part(path: &Path, offset: u64, length: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    File::open(path)
        .and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            file.take(length as u64).read_to_end(&mut bytes)
        })
        .map_err(StoreError::io(path, "read"))?;
    Ok(bytes)
}

/// The identities of a row group that lies in `part`, the first of them up to so many.
fn decode(
    part: &Arc<Part>,
    group: &RowGroupMetaData,
    most: usize,
) -> ParquetResult<Vec<DatagramId>> {
    let rows = count(group.num_rows())?.min(most);
    let secs = column::<Int32Type>(part, group.column(0), rows)?;
    let hashes = column::<Int64Type>(part, group.column(1), rows)?;
    let id = |(secs, hash): (i32, i64)| DatagramId {
        exported_secs: secs.cast_unsigned(),
        hash: hash.cast_unsigned(),
    };
    Ok(secs.into_iter().zip(hashes).map(id).collect())
}

fn column<T: DataType>(
    part: &Arc<Part>,
    chunk: &ColumnChunkMetaData,
    rows: usize,
) -> ParquetResult<Vec<T::T>> {
    let total = count(chunk.num_values())?;
    let pages = SerializedPageReader::new(Arc::clone(part), chunk, total, None)?;
    let mut reader = ColumnReaderImpl::<T>::new(chunk.column_descr_ptr(), Box::new(pages));
    let mut values = Vec::with_capacity(rows);
    reader.read_records(rows, None, None, &mut values)?;
    Ok(values)
}

fn count(number: i64) -> ParquetResult<usize> {
    usize::try_from(number).map_err(|error| ParquetError::General(format!("{number}: {error}")))
}

fn damaged(path: &Path, error: &ParquetError) -> StoreError {
    StoreError::damaged(path, error.to_string())
}

/// Some bytes of a file, found by their place in it.
struct Part {
    offset: u64,
    bytes: Bytes,
}

impl Length for Part {
    fn len(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl ChunkReader for Part {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let length = saturated_usize(Length::len(self).saturating_sub(start));
        Ok(self.get_bytes(start, length)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let begin = start.checked_sub(self.offset).map(saturated_usize);
        let end = begin.and_then(|begin| begin.checked_add(length));
        match (begin, end) {
            (Some(begin), Some(end)) if end <= self.bytes.len() => Ok(self.bytes.slice(begin..end)),
            _ => Err(ParquetError::EOF(format!("{length} bytes at byte {start} are not there"))),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
