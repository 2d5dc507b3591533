//! Pages of a run, each with a checksum that is written and verified.
//!
//! The `parquet` crate encodes and decodes the values; it writes no page checksums and checks
//! nothing but the body of a page. Here every page carries a CRC-32 of its body, as the format
//! provides, and its header is held against what the page index and the schema say it must be, so
//! that no flipped bit of either passes for data.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{
    CompressedPage, Page, PageMetadata, PageReader, PageWriteSpec, PageWriter,
};
use parquet::errors::{ParquetError, Result};
use zstd::bulk::Decompressor;

use super::page_header::{PageHeader, PageKind};
use crate::flow::saturated_usize;

/// The bytes of a column chunk while they are written; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChunkBytes(Arc<Mutex<Vec<u8>>>);

impl ChunkBytes {
    /// Takes what was written.
    pub(crate) fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl PageWriter for ChunkBytes {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        let header = PageHeader {
            kind: match *page.compressed_page() {
                Page::DataPageV2 { is_compressed, num_rows, .. } => {
                    PageKind::Data { rows: num_rows, compressed: is_compressed }
                }
                Page::DictionaryPage { num_values, .. } => {
                    PageKind::Dictionary { values: num_values }
                }
                Page::DataPage { .. } => {
                    return Err(ParquetError::NYI("data pages of version 1".into()));
                }
            },
            encoding: page.encoding(),
            uncompressed_bytes: u32::try_from(page.uncompressed_size())?,
            compressed_bytes: u32::try_from(page.compressed_size())?,
            crc: crc32fast::hash(page.data()),
        };
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = bytes.len();
        header.encode(&mut bytes);
        let header_bytes = bytes.len() - offset;
        bytes.extend_from_slice(page.data());

        let mut spec = PageWriteSpec::new();
        spec.page_type = page.page_type();
        spec.uncompressed_size = page.uncompressed_size() + header_bytes;
        spec.compressed_size = page.compressed_size() + header_bytes;
        spec.offset = offset as u64;
        spec.bytes_written = spec.compressed_size as u64;
        spec.num_values = page.num_values();
        Ok(spec)
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A page that is to be read: where it lies, and how many rows it must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageSpan {
    /// From the start of the file.
    pub offset: u64,
    /// Header and body.
    pub bytes: u32,
    /// None for a dictionary.
    pub rows: Option<u32>,
}

impl PageSpan {
    /// The first byte after the page.
    pub(crate) fn end(&self) -> u64 {
        self.offset + u64::from(self.bytes)
    }
}

/// Reads stretches of a file; counts what it reads.
pub(crate) trait ReadAt: Send + Sync {
    /// Exactly `bytes` bytes at `offset`.
    fn read_at(&self, offset: u64, bytes: usize) -> std::io::Result<Bytes>;

    /// Told of every page that is decoded.
    fn page_read(&self) {}
}

/// Gives the pages of one column, in order, each verified.
pub(crate) struct Pages {
    file: Arc<dyn ReadAt>,
    spans: VecDeque<PageSpan>,
    encoding: Encoding,
    /// Bytes read ahead, and where they start.
    ahead: (u64, Bytes),
}

/// Neighbouring pages are read together up to this size.
const READ_AHEAD_BYTES: u64 = 256 << 10;
/// The largest page that is believed: 8,192 values of 16 bytes, or a dictionary of a whole row
/// group's, and then some.
const MAX_PAGE_BYTES: u32 = 64 << 20;

impl Pages {
    /// The pages at `spans`, a dictionary first if there is one; data pages hold `encoding`.
    pub(crate) fn new(
        file: Arc<dyn ReadAt>,
        spans: impl IntoIterator<Item = PageSpan>,
        encoding: Encoding,
    ) -> Self {
        Self { file, spans: spans.into_iter().collect(), encoding, ahead: (0, Bytes::new()) }
    }

    fn bytes_of(&mut self, span: PageSpan) -> Result<Bytes> {
        let (start, ahead) = &self.ahead;
        let end = span.end();
        if *start > span.offset || start + (ahead.len() as u64) < end {
            let mut until = end;
            for next in &self.spans {
                // Only pages that follow on each other are worth one read.
                if next.offset != until || next.end() - span.offset > READ_AHEAD_BYTES {
                    break;
                }
                until = next.end();
            }
            self.ahead = (
                span.offset,
                self.file.read_at(span.offset, saturated_usize(until - span.offset))?,
            );
        }
        let from = saturated_usize(span.offset - self.ahead.0);
        Ok(self.ahead.1.slice(from..from + span.bytes as usize))
    }

    fn read(&mut self, span: PageSpan) -> Result<Page> {
        let bytes = self.bytes_of(span)?;
        self.file.page_read();
        let damaged =
            |what: &str| ParquetError::General(format!("page at byte {}: {what}", span.offset));
        let (header, header_bytes) =
            PageHeader::decode(&bytes).ok_or_else(|| damaged("header is not one"))?;
        let body = bytes.slice(header_bytes..);
        if body.len() != header.compressed_bytes as usize
            || header.uncompressed_bytes > MAX_PAGE_BYTES
        {
            return Err(damaged("header and page index differ"));
        }
        if crc32fast::hash(&body) != header.crc {
            return Err(damaged("checksum differs"));
        }
        let expand = |compressed: bool| -> Result<Bytes> {
            let expected = header.uncompressed_bytes as usize;
            let expanded = if compressed {
                // Not an error of reading: the body was read, and has its checksum.
                let expanded = decompress(&body, expected);
                Bytes::from(expanded.map_err(|_| damaged("it cannot be expanded"))?)
            } else {
                body.clone()
            };
            if expanded.len() == expected { Ok(expanded) } else { Err(damaged("length differs")) }
        };
        match (header.kind, span.rows) {
            (PageKind::Data { rows, compressed }, Some(expected))
                if rows == expected && header.encoding == self.encoding =>
            {
                Ok(Page::DataPageV2 {
                    buf: expand(compressed)?,
                    num_values: rows,
                    encoding: header.encoding,
                    num_nulls: 0,
                    num_rows: rows,
                    def_levels_byte_len: 0,
                    rep_levels_byte_len: 0,
                    is_compressed: compressed,
                    statistics: None,
                })
            }
            (PageKind::Dictionary { values }, None) if header.encoding == Encoding::PLAIN => {
                Ok(Page::DictionaryPage {
                    buf: expand(true)?,
                    num_values: values,
                    encoding: header.encoding,
                    is_sorted: false,
                })
            }
            _ => Err(damaged("header and page index differ")),
        }
    }
}

/// Expands one page.
fn decompress(body: &[u8], bytes: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        /// Making one takes longer than a page does.
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new()?),
        };
        decompressor.decompress(body, bytes)
    })
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        match self.spans.pop_front() {
            Some(span) => self.read(span).map(Some),
            None => Ok(None),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(self.spans.front().map(|span| PageMetadata {
            num_rows: span.rows.map(|rows| rows as usize),
            num_levels: span.rows.map(|rows| rows as usize),
            is_dict: span.rows.is_none(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.spans.pop_front();
        Ok(())
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        Ok(true)
    }
}
