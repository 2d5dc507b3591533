//! An opened run: its footer and page indexes, verified, read when they are first needed, and
//! kept.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::index_reader::{decode_column_index, decode_offset_index};
use parquet::schema::types::ColumnDescPtr;
use xxhash_rust::xxh3::xxh3_64;

use super::open_files::NamedFile;
use super::page::{PageSpan, ReadAt};
use super::schema::{PAGE_ROWS, Shape, difference};
use super::writer::WrittenFile;
use crate::flow::{Column, Family, saturated_u32, saturated_usize};
use crate::row::Order;
use crate::store::{Result, StoreError};

/// What every Parquet file begins with.
const MAGIC: &[u8] = b"PAR1";

/// The least and the greatest value of each page of a column.
pub(crate) type PageBounds = Arc<[(u128, u128)]>;

/// A run in one order. Nothing of it is read before it is needed.
#[derive(Debug)]
pub(crate) struct RunFile {
    file: Arc<NamedFile>,
    order: Order,
    shape: Shape,
    written: WrittenFile,
    opened: OnceLock<Opened>,
}

#[derive(Debug)]
struct Opened {
    tail: Bytes,
    footer: ParquetMetaData,
    /// The pages of a column chunk: row group × columns + column.
    pages: Vec<OnceLock<ChunkPages>>,
    /// The bounds of a column's pages, likewise.
    bounds: Vec<OnceLock<PageBounds>>,
}

/// Where the pages of a column chunk lie.
#[derive(Debug, Clone)]
pub(crate) struct ChunkPages {
    /// The dictionary, if the column has one.
    pub dictionary: Option<PageSpan>,
    /// The data pages in order: page `n` holds rows from `n × PAGE_ROWS` on.
    pub data: Arc<[PageSpan]>,
}

impl RunFile {
    /// The run at `path`, as the manifest says that it was written; of `shape` are all of its files.
    pub(crate) fn new(path: PathBuf, order: Order, shape: Shape, written: WrittenFile) -> Self {
        let file = Arc::new(NamedFile::new(path));
        Self { file, order, shape: shape.in_order(order), written, opened: OnceLock::new() }
    }

    /// Its order.
    pub(crate) fn order(&self) -> Order {
        self.order
    }

    /// The family of its flows.
    pub(crate) fn family(&self) -> Family {
        self.shape.family
    }

    /// The family in which addresses lead its flows.
    pub(crate) fn lead_family(&self) -> Family {
        self.order.lead_family(self.shape.family)
    }

    /// Whether it has `column`; else that is zero in all of its flows.
    pub(crate) fn has(&self, column: Column) -> bool {
        self.shape.place(column).is_some()
    }

    fn place(&self, column: Column) -> Result<usize> {
        let lacks = || self.damaged(format!("it has no column {}", column.name()));
        self.shape.place(column).ok_or_else(lacks)
    }

    /// The rows of each row group.
    pub(crate) fn groups(&self) -> Result<Vec<usize>> {
        Ok(self
            .opened()?
            .footer
            .row_groups()
            .iter()
            .map(|group| saturated_usize(group.num_rows()))
            .collect())
    }

    /// The type of `column`.
    pub(crate) fn descriptor(&self, column: Column) -> Result<ColumnDescPtr> {
        let place = self.place(column)?;
        Ok(self.opened()?.footer.file_metadata().schema_descr().column(place))
    }

    /// The file, for reading its pages.
    pub(crate) fn reader(&self) -> Arc<dyn ReadAt> {
        Arc::clone(&self.file) as Arc<dyn ReadAt>
    }

    /// The error that a page, read of this file, came out as.
    pub(crate) fn error(&self, column: Column, error: ParquetError) -> StoreError {
        match error {
            ParquetError::External(inner) if inner.is::<io::Error>() => {
                match inner.downcast::<io::Error>() {
                    Ok(source) => self.unread("read", *source),
                    Err(inner) => self.damaged(format!("column {}: {inner}", column.name())),
                }
            }
            ParquetError::General(detail) => {
                self.damaged(format!("column {}, {detail}", column.name()))
            }
            other => self.damaged(format!("column {}: {other}", column.name())),
        }
    }

    /// What it is called in messages.
    pub(crate) fn file_name(&self) -> String {
        self.file.path().display().to_string()
    }

    pub(crate) fn damaged(&self, detail: impl Into<String>) -> StoreError {
        StoreError::damaged(self.file.path(), detail)
    }

    /// The system's error as the store's. A file that ends early, or is not there, was read: it is
    /// not what was written.
    fn unread(&self, doing: &'static str, error: io::Error) -> StoreError {
        match error.kind() {
            ErrorKind::UnexpectedEof => self.damaged("it ends before what was written does"),
            ErrorKind::NotFound => self.damaged("it is missing"),
            _ => StoreError::io(self.file.path(), doing)(error),
        }
    }

    fn read_at(&self, offset: u64, bytes: usize) -> Result<Bytes> {
        self.file.read_at(offset, bytes).map_err(|error| self.unread("read", error))
    }

    /// Where the pages of `column` lie in row group `group`.
    pub(crate) fn pages(&self, group: usize, column: Column) -> Result<&ChunkPages> {
        let opened = self.opened()?;
        let at = group * Column::EVERY.len() + column as usize;
        let slot = opened.pages.get(at).ok_or_else(|| self.damaged("no such row group"))?;
        if let Some(pages) = slot.get() {
            return Ok(pages);
        }
        let pages = self.decode_pages(opened, group, column)?;
        Ok(slot.get_or_init(|| pages))
    }

    /// Likewise of any column; None where the run does not tell, as runs of earlier versions do not
    /// of all columns that later ones do.
    pub(crate) fn known_bounds(&self, group: usize, column: Column) -> Result<Option<PageBounds>> {
        let Some(place) = self.shape.place(column) else { return Ok(None) };
        let chunk = self.opened()?.footer.row_group(group).column(place);
        let told = column != Column::Extras && chunk.column_index_range().is_some();
        told.then(|| self.bounds(group, column)).transpose()
    }

    /// The least and greatest value of each page of `column`, one of those that lead the row key,
    /// in row group `group`. Unsigned; addresses as numbers.
    pub(crate) fn bounds(&self, group: usize, column: Column) -> Result<PageBounds> {
        let opened = self.opened()?;
        let at = group * Column::EVERY.len() + column as usize;
        let slot = opened.bounds.get(at).ok_or_else(|| self.damaged("no such row group"))?;
        if let Some(bounds) = slot.get() {
            return Ok(Arc::clone(bounds));
        }
        let bounds = self.decode_bounds(opened, group, column)?;
        Ok(Arc::clone(slot.get_or_init(|| bounds)))
    }

    /// Checks the four bytes that other readers of Parquet know the file by. Nothing here needs
    /// them, so only a check of the whole store asks.
    pub(crate) fn check_magic(&self) -> Result<()> {
        let magic = self.read_at(0, MAGIC.len())?;
        if magic == MAGIC { Ok(()) } else { Err(self.damaged("does not begin as Parquet does")) }
    }

    fn opened(&self) -> Result<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let opened = self.open()?;
        Ok(self.opened.get_or_init(|| opened))
    }

    fn open(&self) -> Result<Opened> {
        tracing::debug!("open {}", self.file.path().display());
        let file = self.file.open().map_err(|error| self.unread("open", error))?;
        let bytes = file.metadata().map_err(|error| self.unread("read", error))?.len();
        if bytes != self.written.bytes {
            return Err(
                self.damaged(format!("{bytes} bytes long, {} were written", self.written.bytes))
            );
        }
        let tail_bytes = self
            .written
            .bytes
            .checked_sub(self.written.tail_offset)
            .filter(|&tail| tail >= 8)
            .ok_or_else(|| self.damaged("the manifest puts its tail behind its end"))?;
        let tail = self.read_at(self.written.tail_offset, saturated_usize(tail_bytes))?;
        if xxh3_64(&tail) != self.written.tail_hash {
            return Err(self.damaged(format!(
                "checksum of the page indexes and footer, from byte {} on, differs",
                self.written.tail_offset
            )));
        }
        let footer =
            self.decode_footer(&tail).map_err(|error| self.damaged(format!("footer: {error}")))?;
        let chunks = footer.num_row_groups() * Column::EVERY.len();
        Ok(Opened {
            tail,
            footer,
            pages: (0..chunks).map(|_| OnceLock::new()).collect(),
            bounds: (0..chunks).map(|_| OnceLock::new()).collect(),
        })
    }

    fn decode_footer(&self, tail: &Bytes) -> Result<ParquetMetaData, ParquetError> {
        // The last eight bytes are the footer's length and the magic.
        let (rest, end) = tail.split_at(tail.len() - 8);
        let footer_bytes = u32::from_le_bytes([end[0], end[1], end[2], end[3]]) as usize;
        let start = rest
            .len()
            .checked_sub(footer_bytes)
            .ok_or_else(|| ParquetError::General("longer than the file's tail".into()))?;
        let footer = ParquetMetaDataReader::decode_metadata(&rest[start..])?;
        match difference(footer.file_metadata().schema_descr(), &self.shape)? {
            Some(difference) => Err(ParquetError::General(difference)),
            None => Ok(footer),
        }
    }

    fn in_tail(&self, opened: &Opened, range: Option<std::ops::Range<u64>>) -> Result<Bytes> {
        let from = self.written.tail_offset;
        range
            .and_then(|range| {
                let start = usize::try_from(range.start.checked_sub(from)?).ok()?;
                let end = usize::try_from(range.end.checked_sub(from)?).ok()?;
                (start <= end && end <= opened.tail.len()).then(|| opened.tail.slice(start..end))
            })
            .ok_or_else(|| self.damaged("a page index lies outside of the tail"))
    }

    fn decode_pages(&self, opened: &Opened, group: usize, column: Column) -> Result<ChunkPages> {
        let chunk = opened.footer.row_group(group).column(self.place(column)?);
        let rows = saturated_usize(opened.footer.row_group(group).num_rows());
        let index = decode_offset_index(&self.in_tail(opened, chunk.offset_index_range())?)
            .map_err(|error| self.error(column, error))?;
        let locations = index.page_locations();
        let as_written = locations.len() == rows.div_ceil(PAGE_ROWS)
            && locations.iter().enumerate().all(|(page, location)| {
                saturated_usize(location.first_row_index) == page * PAGE_ROWS
            });
        if !as_written {
            return Err(self
                .damaged(format!("column {}: pages are not of {PAGE_ROWS} rows", column.name())));
        }
        let data: Arc<[PageSpan]> = locations
            .iter()
            .enumerate()
            .map(|(page, location)| PageSpan {
                offset: location.offset.cast_unsigned(),
                bytes: location.compressed_page_size.cast_unsigned(),
                rows: Some(saturated_u32((rows - page * PAGE_ROWS).min(PAGE_ROWS))),
            })
            .collect();
        let dictionary = match (chunk.dictionary_page_offset(), data.first()) {
            (Some(start), Some(first)) => Some(PageSpan {
                offset: start.cast_unsigned(),
                bytes: u32::try_from(first.offset.saturating_sub(start.cast_unsigned()))
                    .unwrap_or(0),
                rows: None,
            }),
            _ => None,
        };
        Ok(ChunkPages { dictionary, data })
    }

    fn decode_bounds(&self, opened: &Opened, group: usize, column: Column) -> Result<PageBounds> {
        let chunk = opened.footer.row_group(group).column(self.place(column)?);
        let bytes = self.in_tail(opened, chunk.column_index_range())?;
        let index = decode_column_index(&bytes, chunk.column_type())
            .map_err(|error| self.error(column, error))?;
        let pages = self.pages(group, column)?.data.len();
        let bounds: Option<PageBounds> = match &index {
            ColumnIndexMetaData::INT32(index) => (0..pages)
                .map(|page| {
                    Some((
                        u128::from(index.min_value(page)?.cast_unsigned()),
                        u128::from(index.max_value(page)?.cast_unsigned()),
                    ))
                })
                .collect(),
            ColumnIndexMetaData::INT64(index) => (0..pages)
                .map(|page| Some(unsigned(*index.min_value(page)?, *index.max_value(page)?)))
                .collect(),
            ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) => {
                let number = |bytes: &[u8]| Some(u128::from_be_bytes(bytes.try_into().ok()?));
                (0..pages)
                    .map(|page| {
                        Some((number(index.min_value(page)?)?, number(index.max_value(page)?)?))
                    })
                    .collect()
            }
            _ => None,
        };
        bounds.ok_or_else(|| {
            self.damaged(format!("column {}: no bounds of its pages", column.name()))
        })
    }
}

/// The bounds of a page of times. Parquet orders timestamps as signed numbers, so a page with times
/// on both sides of the year 292 million has bounds that say nothing about ours.
fn unsigned(min: i64, max: i64) -> (u128, u128) {
    let (min, max) = (min.cast_unsigned(), max.cast_unsigned());
    if min <= max { (min.into(), max.into()) } else { (0, u64::MAX.into()) }
}
