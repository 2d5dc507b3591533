//! A row group while it fills: all columns side by side.

use std::io::Write;
use std::ops::Range;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::MAX_GROUP_ROWS;
use super::filling::{Closed, Filling};
use crate::flow::{FlowBatch, UnixMillis};

/// So many rows are encoded at a time.
const STEP_ROWS: usize = 8192;
/// A row group ends early when the elements of its rows, as text, are longer: those of a flow may
/// take several thousand bytes, which a million times is more than anybody's memory.
const MAX_ELEMENTS_BYTES: usize = 128 << 20;
/// What the page index takes of a page, with bounds of as much text as it keeps, and the footer of a
/// column; or less.
const PAGE_BYTES: u64 = 200;
const CHUNK_BYTES: u64 = 500;
/// The blocks of Bloom filters, and what stands before one.
const BLOOM_BLOCK_BYTES: u64 = 32;
const BLOOM_HEADER_BYTES: u64 = 64;

/// One row group, in memory.
pub(super) struct Group {
    rows: usize,
    elements_bytes: usize,
    columns: Vec<Filling>,
}

impl Group {
    /// No rows of `columns`.
    pub(super) fn new(columns: Vec<Filling>) -> Self {
        Self { rows: 0, elements_bytes: 0, columns }
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= MAX_GROUP_ROWS || self.elements_bytes >= MAX_ELEMENTS_BYTES
    }

    /// Appends some rows of `flows`, those at `from` and behind it, and says how many.
    pub(super) fn append(&mut self, flows: &FlowBatch, from: usize) -> Result<usize, ParquetError> {
        let rows = (flows.len() - from).min(STEP_ROWS).min(MAX_GROUP_ROWS - self.rows);
        for column in &mut self.columns {
            self.elements_bytes += column.put(flows, from..from + rows)?;
        }
        self.rows += rows;
        Ok(rows)
    }

    /// The row group of these rows of `flows` in `columns`, which are encoded side by side.
    pub(super) fn encode(
        columns: Vec<Filling>,
        flows: &FlowBatch,
        rows: Range<usize>,
    ) -> Result<EncodedGroup, ParquetError> {
        let encode = |mut column: Filling| {
            for start in rows.clone().step_by(STEP_ROWS) {
                column.put(flows, start..(start + STEP_ROWS).min(rows.end))?;
            }
            column.close()
        };
        let columns: Result<_, ParquetError> = columns.into_par_iter().map(encode).collect();
        let times = flows.first_ms.get(rows.clone()).unwrap_or_default().iter().copied();
        let times = times.fold((u64::MAX, 0), |(first, last), ms| (first.min(ms), last.max(ms)));
        Ok(EncodedGroup { rows: rows.len(), times, columns: columns? })
    }

    /// Appends all of it to `file`.
    pub(super) fn finish<W: Write + Send>(
        self,
        file: &mut SerializedFileWriter<W>,
    ) -> Result<(), ParquetError> {
        append(self.columns.into_iter().map(Filling::close), file)
    }
}

/// A row group as it is to be written to a file.
pub struct EncodedGroup {
    rows: usize,
    times: (u64, u64),
    columns: Vec<Closed>,
}

impl EncodedGroup {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many bytes it takes in a file at most, with all that stands elsewhere about it.
    pub fn bytes(&self) -> u64 {
        let of_column = |(pages, closed): &Closed| {
            let indexed = closed.offset_index.as_ref();
            let count = indexed.map_or(0, |index| index.page_locations().len() as u64);
            let blooms = closed.bloom_filter.as_ref().map_or(0, |bloom| {
                bloom.num_blocks() as u64 * BLOOM_BLOCK_BYTES + BLOOM_HEADER_BYTES
            });
            pages.len() as u64 + count * PAGE_BYTES + CHUNK_BYTES + blooms
        };
        self.columns.iter().map(of_column).sum()
    }

    /// When its earliest and its latest flow began.
    pub fn times(&self) -> (UnixMillis, UnixMillis) {
        (UnixMillis(self.times.0), UnixMillis(self.times.1))
    }

    pub(super) fn append_to<W: Write + Send>(
        self,
        file: &mut SerializedFileWriter<W>,
    ) -> Result<(), ParquetError> {
        append(self.columns.into_iter().map(Ok), file)
    }
}

/// Appends a row group of these columns to `file`.
fn append<W: Write + Send>(
    columns: impl Iterator<Item = Result<Closed, ParquetError>>,
    file: &mut SerializedFileWriter<W>,
) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for column in columns {
        let (pages, closed) = column?;
        group.append_column::<Bytes>(&pages, closed)?;
    }
    group.close()?;
    Ok(())
}
