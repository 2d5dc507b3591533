//! Writes a batch of flows as runs: cut by day, each in both orders.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::run_name;
use super::manifest::{Checksum, Manifest, Run, RunFile};
use super::packed::PackedRows;
use super::run_writer::{RunWriter, WrittenFile};
use super::schema::{PAGE_ROWS, lead_column};
use super::sort::{in_key_order, parts_by_day};
use crate::flow::{Column, Family, FlowBatch, UnixMillis};
use crate::row::{AddressRange, Order};
use crate::store::{Result, StoreError};

/// Writes `batch`, whose sources are the store's own, as runs in `dir`. The files are durable when
/// this returns; their names are not yet.
///
/// # Errors
///
/// [`StoreError::Io`] naming the file.
pub(super) fn write(
    dir: &Path,
    batch: &FlowBatch,
    mut number: impl FnMut() -> u64,
) -> Result<Vec<Run>> {
    let packed = PackedRows::new(batch);
    parts_by_day(batch)
        .into_iter()
        .map(|rows| Part { dir, batch, packed: &packed, rows: &rows, number: number() }.write())
        .collect()
}

/// The rows of a batch that become one run.
#[derive(Clone, Copy)]
struct Part<'a> {
    dir: &'a Path,
    batch: &'a FlowBatch,
    packed: &'a PackedRows,
    rows: &'a [u32],
    number: u64,
}

impl Part<'_> {
    fn write(self) -> Result<Run> {
        let firsts = || self.rows.iter().map(|&row| self.batch.first_ms[row as usize]);
        let (src, dst) =
            rayon::join(|| self.write_file(Order::Src), || self.write_file(Order::Dst));
        Ok(Run {
            number: self.number,
            family: self.batch.family(),
            rows: self.rows.len() as u64,
            min_first: UnixMillis(firsts().min().unwrap_or(0)),
            max_first: UnixMillis(firsts().max().unwrap_or(0)),
            files: vec![src?, dst?],
        })
    }

    fn write_file(self, order: Order) -> Result<RunFile> {
        let family = self.batch.family();
        let mut file = SortedFile::create(self.dir, family, self.number, order)?;
        let mut page = FlowBatch::new(family);
        for rows in in_key_order(self.batch, self.rows, order).chunks(PAGE_ROWS) {
            page.clear();
            self.packed.spread(rows, &mut page);
            file.append(&page)?;
        }
        file.finish()
    }
}

/// A run's file in one order, while it is written from flows in that order.
pub(super) struct SortedFile {
    name: String,
    path: PathBuf,
    order: Order,
    writer: RunWriter,
    lead: Option<AddressRange>,
}

impl SortedFile {
    pub(super) fn create(dir: &Path, family: Family, number: u64, order: Order) -> Result<Self> {
        let name = run_name(number, order);
        let path = dir.join(&name);
        let writer = RunWriter::create(&path, order, family)?;
        Ok(Self { name, path, order, writer, lead: None })
    }

    /// Appends flows that do not come before those appended so far.
    pub(super) fn append(&mut self, batch: &FlowBatch) -> Result<()> {
        let Some(last) = batch.len().checked_sub(1) else {
            return Ok(());
        };
        let leads = match lead_column(self.order) {
            Column::Src => &batch.src,
            _ => &batch.dst,
        };
        let first = self.lead.map_or_else(|| leads.get(0), |lead| lead.first());
        self.lead = AddressRange::new(first, leads.get(last));
        self.writer.append(batch)
    }

    /// Ends the file, which is durable then.
    pub(super) fn finish(self) -> Result<RunFile> {
        let WrittenFile { bytes, tail_offset, tail_hash } = self.writer.finish()?;
        let lead = self.lead.ok_or_else(|| {
            StoreError::damaged(&self.path, "a run without flows, or out of order")
        })?;
        Ok(RunFile {
            order: self.order,
            name: self.name,
            bytes,
            tail_offset,
            tail_hash: Checksum(tail_hash),
            lead,
        })
    }
}

/// `batch` with its sources counted in `manifest`'s list instead of in its own.
pub(super) fn with_store_sources(mut batch: FlowBatch, manifest: &mut Manifest) -> FlowBatch {
    let places: Vec<u32> =
        batch.sources.iter().map(|&source| manifest.source_index(source)).collect();
    for source in &mut batch.source {
        *source = places.get(*source as usize).copied().unwrap_or(0);
    }
    batch.sources = Arc::new(manifest.sources.clone());
    batch
}
