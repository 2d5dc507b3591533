//! Writes a batch of flows as runs: cut by day, each in both orders, and those behind a NAT in that of
//! their addresses there.

use std::path::{Path, PathBuf};

use super::packed::PackedRows;
use super::schema::{PAGE_ROWS, Shape};
use super::sort::{Entry, PartRows, parts_by_day, sort, sort_by_nat};
use super::writer::{RunWriter, WrittenFile};
use crate::flow::{Column, Columns, FlowBatch, NatLead, UnixMillis};
use crate::row::{AddressRange, Order};
use crate::store::embedded::folder::file_names::run_name;
use crate::store::embedded::folder::manifest::{Checksum, Run, RunFile};
use crate::store::embedded::folder::places::Places;
use crate::store::embedded::folder::run_columns::RunColumns;
use crate::store::embedded::folder::sources::SourceList;
use crate::store::{Result, StoreError, Usual};

/// Writes one batch after another, in the same room: nothing is allocated but for the first.
#[derive(Debug, Default)]
pub(crate) struct BatchSorter {
    packed: PackedRows,
    by_src: Vec<Entry>,
    by_dst: Vec<Entry>,
    /// Counts the sources of what is written in the store's list.
    pub(crate) sources: SourceList,
}

impl BatchSorter {
    /// Writes `batch`, whose rows count in the store's list of so many `sources`, as runs in `dir`.
    /// `usual` tells which days have runs of their own. The files are durable when this returns;
    /// their names are not yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(crate) fn write(
        &mut self,
        dir: &Path,
        batch: &FlowBatch,
        sources: usize,
        usual: &Usual,
        mut number: impl FnMut() -> u64,
    ) -> Result<Vec<Run>> {
        let Self { packed, by_src, by_dst, .. } = self;
        packed.fill(batch);
        let mut runs = Vec::new();
        for PartRows { rows, strangers } in parts_by_day(batch, usual) {
            let (number, columns) = (number(), &columns(batch, &rows));
            let part =
                Part { dir, batch, packed, rows: &rows, strangers, sources, number, columns };
            let (src, (dst, nat)) = rayon::join(
                || part.write_ends(Order::Src, by_src),
                || (part.write_ends(Order::Dst, by_dst), part.write_nat()),
            );
            runs.push(part.run([src?, dst?].into_iter().chain(nat?).collect()));
        }
        Ok(runs)
    }
}

/// The rows of a batch that become one run.
#[derive(Clone, Copy)]
struct Part<'a> {
    dir: &'a Path,
    batch: &'a FlowBatch,
    packed: &'a PackedRows,
    rows: &'a [u32],
    strangers: bool,
    /// How many sources the store has.
    sources: usize,
    number: u64,
    columns: &'a RunColumns,
}

/// The columns that every run has, and of the others those that say something of any of `rows`.
fn columns(batch: &FlowBatch, rows: &[u32]) -> RunColumns {
    let says = |&column: &Column| batch.values(column).any(rows);
    RunColumns::with(Columns::ALL.without(RunColumns::BASE).iter().filter(says).collect())
}

impl Part<'_> {
    fn run(self, files: Vec<RunFile>) -> Run {
        let firsts = || self.rows.iter().map(|&row| self.batch.first_ms[row as usize]);
        Run {
            number: self.number,
            family: self.batch.family(),
            columns: self.columns.clone(),
            stranger: self.strangers,
            rows: self.rows.len() as u64,
            min_first: UnixMillis(firsts().min().unwrap_or(0)),
            max_first: UnixMillis(firsts().max().unwrap_or(0)),
            max_duration: self.rows.iter().map(|&row| self.batch.duration_ms[row as usize]).max(),
            sources: Some(self.places().ranges()),
            files,
            sums: None,
        }
    }

    fn places(self) -> Places {
        Places::of(self.rows.iter().map(|&row| self.batch.source[row as usize]), self.sources)
    }

    fn write_ends(self, order: Order, entries: &mut Vec<Entry>) -> Result<RunFile> {
        sort(self.batch, self.rows, order, entries);
        self.write_file(order, entries, &[])
    }

    /// The file in the order of addresses behind a NAT, if a flow has one.
    fn write_nat(self) -> Result<Option<RunFile>> {
        let (leads, entries) = sort_by_nat(self.batch, self.rows);
        (!entries.is_empty()).then(|| self.write_file(Order::Nat, &entries, &leads)).transpose()
    }

    /// Writes the rows of `entries`, which `leads` lead if an end of theirs does not.
    fn write_file(self, order: Order, entries: &[Entry], leads: &[NatLead]) -> Result<RunFile> {
        let family = self.batch.family();
        let shape = Shape::new(family, self.columns);
        let mut file = SortedFile::create(self.dir, run_name(self.number, order), shape, order)?;
        let mut page = FlowBatch::new(family);
        let mut leads = leads.chunks(PAGE_ROWS);
        for entries in entries.chunks(PAGE_ROWS) {
            page.clear();
            self.packed.spread(entries, &mut page);
            page.extend_nat_leads(leads.next().unwrap_or_default());
            file.append(&page)?;
        }
        file.finish()
    }
}

/// A run's file in one order, while it is written from flows in that order.
pub(crate) struct SortedFile {
    name: String,
    path: PathBuf,
    order: Order,
    writer: RunWriter,
    lead: Option<AddressRange>,
}

impl SortedFile {
    /// Begins the file `name` in `dir`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if it cannot be made.
    pub(crate) fn create(dir: &Path, name: String, shape: Shape, order: Order) -> Result<Self> {
        let path = dir.join(&name);
        let writer = RunWriter::create(&path, order, shape)?;
        Ok(Self { name, path, order, writer, lead: None })
    }

    /// Begins no file: only what the file `name` would be is told in the end.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub(crate) fn measure(name: String, shape: Shape, order: Order) -> Result<Self> {
        let path = PathBuf::from(&name);
        let writer = RunWriter::measure(&path, order, shape)?;
        Ok(Self { name, path, order, writer, lead: None })
    }

    /// Appends flows that do not come before those appended so far.
    pub(crate) fn append(&mut self, batch: &FlowBatch) -> Result<()> {
        let Some(last) = batch.len().checked_sub(1) else {
            return Ok(());
        };
        let (leads, _) = self.order.addresses(batch);
        let first = self.lead.map_or_else(|| leads.get(0), |lead| lead.first());
        self.lead = AddressRange::new(first, leads.get(last));
        self.writer.append(batch)
    }

    /// Whether nothing was appended.
    pub(crate) fn is_empty(&self) -> bool {
        self.lead.is_none()
    }

    /// Ends the file, which is durable then.
    pub(crate) fn finish(self) -> Result<RunFile> {
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
