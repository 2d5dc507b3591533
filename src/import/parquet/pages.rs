//! A file of Parquet that is not believed: what its headers say has limits.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

/// A page takes no more bytes than this when it is decompressed: writers make pages of about one
/// megabyte.
const MAX_PAGE_BYTES: u32 = 64 << 20;
/// What lies behind the rows and describes them takes no more bytes than this.
const MAX_FOOTER_BYTES: usize = 64 << 20;
/// A row has no more values than this in a column: a map of all elements that a flow may have.
const MAX_ROW_VALUES: usize = 1024;
/// A page says that it has no more values than this, be they all null.
const MAX_PAGE_VALUES: usize = 1 << 24;
/// So much of a page's header is looked at.
const START_BYTES: usize = 24;

/// Whether pages are compressed in a way that says how long they become, and keeps to it: of others
/// a page could fill all of the memory before anybody sees how long it is.
pub(super) fn compressed_as_is_read(file: &ParquetMetaData) -> std::result::Result<(), String> {
    for column in file.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        match column.compression() {
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::LZ4_RAW
            | Compression::ZSTD(_) => {}
            other => {
                let name = other.to_string();
                let name = name.split('(').next().unwrap_or_default();
                return Err(format!(
                    "it is compressed by {name}; snappy, zstd, LZ4_RAW and none are read"
                ));
            }
        }
    }
    Ok(())
}

/// A file whose pages are of limited size.
#[derive(Debug)]
pub(super) struct Limited(pub(super) File);

impl Length for Limited {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Limited {
    type T = BufReader<File>;

    /// The library reads the header of each page so, and then makes as much room as that says.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut header = [0; START_BYTES];
        let bytes = self.0.read_at(&mut header, start)?;
        if uncompressed_bytes(&header[..bytes]).is_some_and(|bytes| bytes > MAX_PAGE_BYTES) {
            return Err(general("a page is larger than is read"));
        }
        let mut file = self.0.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(BufReader::with_capacity(1024, file))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if length > MAX_FOOTER_BYTES {
            return Err(general("a page or the footer is larger than is read"));
        }
        let mut bytes = Vec::new();
        let mut file = self.0.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        let read = file.take(length as u64).read_to_end(&mut bytes)?;
        if read == length { Ok(bytes.into()) } else { Err(general("it is cut")) }
    }
}

fn general(problem: &str) -> ParquetError {
    ParquetError::General(problem.to_owned())
}

/// How long a page is, decompressed, by its header: the second of three numbers at its beginning
/// (`PageHeader` of `parquet.thrift`, in Thrift's compact protocol).
fn uncompressed_bytes(header: &[u8]) -> Option<u32> {
    let mut rest = header;
    number(&mut rest)?;
    number(&mut rest)
}

/// A field of 32 bits, the next one by its number.
fn number(from: &mut &[u8]) -> Option<u32> {
    const NEXT_I32: u8 = 0x15;
    let (&NEXT_I32, mut rest) = from.split_first()? else { return None };
    let mut zigzag = 0;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, others) = rest.split_first()?;
        rest = others;
        zigzag |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            *from = rest;
            return Some(zigzag >> 1);
        }
    }
    None
}

/// The pages of a column of a row group, each of which the library can read: it trusts that a
/// dictionary is there, and as long as it says.
pub(super) struct Pages {
    reader: SerializedPageReader<Limited>,
    has_dictionary: bool,
    /// So many rows were asked for up to now.
    asked: Arc<AtomicUsize>,
    /// So many values had the pages that were read.
    values: usize,
}

impl Pages {
    pub(super) fn open(
        file: &Arc<Limited>,
        group: &RowGroupMetaData,
        column: usize,
        rows: usize,
        asked: Arc<AtomicUsize>,
    ) -> Result<Self> {
        let chunk = group.columns().get(column).ok_or_else(|| general("it is not there"))?;
        let first = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        let (first, bytes) = (u64::try_from(first), u64::try_from(chunk.compressed_size()));
        let (Ok(first), Ok(bytes)) = (first, bytes) else { return Err(general("it is nowhere")) };
        if first.checked_add(bytes).is_none_or(|end| end > file.len()) {
            return Err(general("it lies outside of the file"));
        }
        let reader = SerializedPageReader::new(Arc::clone(file), chunk, rows, None)?;
        Ok(Self { reader, has_dictionary: false, asked, values: 0 })
    }
}

/// Whether the values of a page are places in a dictionary.
fn counts_in_dictionary(page: &Page) -> bool {
    matches!(page.encoding(), Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.reader.get_next_page()?;
        match &page {
            Some(Page::DictionaryPage { buf, num_values, .. }) => {
                // Room is made for all of them before the first is read.
                if u64::from(*num_values) > buf.len() as u64 {
                    return Err(general("a dictionary says that it has more values than bytes"));
                }
                self.has_dictionary = true;
            }
            Some(page) if counts_in_dictionary(page) && !self.has_dictionary => {
                return Err(general("it counts in a dictionary that is not there"));
            }
            Some(page) => {
                // Nulls take no room in a page, but do where they are read: those of a row without end.
                let most = self.asked.load(Relaxed).saturating_mul(MAX_ROW_VALUES);
                let values = page.num_values() as usize;
                if self.values > most || values > MAX_PAGE_VALUES {
                    return Err(general("a row has more values than are read"));
                }
                self.values += values;
            }
            None => {}
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.reader.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.reader.skip_next_page()
    }
}
