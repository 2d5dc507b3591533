//! Sums the flows of runs up, so that a question for sums need not read them.
//!
//! It is a step of its own, behind merging: a run that is merged again soon is not worth it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::flow::{Columns, FlowBatch};
use crate::row::Order;
use crate::store::embedded::folder::access::{WriteAccess, lock};
use crate::store::embedded::folder::file_names::sums_name;
use crate::store::embedded::folder::manifest::{Checksum, Run, RunFile, SumsFile, SumsPart};
use crate::store::embedded::folder::run_columns::RunColumns;
use crate::store::embedded::run::reader::{Stretch, stretches};
use crate::store::embedded::run::schema::Shape;
use crate::store::embedded::run::writer::{RunWriter, WrittenFile};
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::embedded::store::EmbeddedStore;
use crate::store::embedded::sums::{Builder, Sink, columns, parts, read_columns};
use crate::store::{FlowStream, Result, Scan, StoreError};

use super::hands::Hands;

/// When sums are worth their bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Worth {
    /// A run has so many flows at least: fewer are read quickly.
    pub(crate) flows: u64,
    /// The rows of a file stand for so many flows each at least, on average: the rows of all of its
    /// parts together are no more than the flows divided by this, however many where it is 0.
    pub(crate) flows_a_row: u64,
}

impl Worth {
    /// A row of sums takes about twelve bytes, and a flow sixteen in each order: so sums take less than
    /// a twentieth of the bytes of their run.
    pub(crate) const USUAL: Self = Self { flows: 1 << 16, flows_a_row: 16 };
    /// Beside a load: smaller runs are soon merged again.
    pub(crate) const BESIDE: Self = Self { flows: 1 << 20, ..Self::USUAL };
}

impl EmbeddedStore {
    /// Sums up the runs that nobody summed up yet, each a commit of its own; false if it was told to
    /// stop.
    ///
    /// # Errors
    ///
    /// What reading runs and writing sums meets.
    pub(super) fn sum_up(
        &self,
        access: &Mutex<WriteAccess>,
        worth: Worth,
        hands: Hands,
        stop: &AtomicBool,
    ) -> Result<bool> {
        let is_due =
            |run: &&Run| run.sums.is_none() && run.day().is_some() && run.rows >= worth.flows;
        let due: Vec<Run> = lock(access).current().runs.iter().filter(is_due).cloned().collect();
        for run in due {
            if stop.load(Relaxed) || !self.sum_up_run(access, &run, worth, hands, stop)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn sum_up_run(
        &self,
        access: &Mutex<WriteAccess>,
        run: &Run,
        worth: Worth,
        hands: Hands,
        stop: &AtomicBool,
    ) -> Result<bool> {
        let begun = Instant::now();
        lock(access).check()?;
        let number = lock(access).take_number();
        let discard = || lock(access).discard(number..number + 1);
        let snapshot = self.open()?;
        let Some(open) = snapshot.runs().iter().find(|open| open.entry == *run) else {
            // It went with its day meanwhile.
            return Ok(true);
        };
        let dir = self.dir();
        let write = |order| write(dir, &snapshot, open, (order, number), worth, stop);
        let (src, dst) = hands.both(|| write(Order::Src), || write(Order::Dst));
        let both = src.and_then(|src| Ok((src, dst?)));
        let Ok((Some(src), Some(dst))) = both else {
            discard();
            return both.map(|_| false);
        };
        let files: Vec<SumsFile> =
            [src, dst].into_iter().filter(|file| !file.parts.is_empty()).collect();
        drop(snapshot);
        let committed = commit(&mut lock(access), run, files);
        if !matches!(committed, Ok(true)) {
            discard();
        }
        tracing::info!(run = run.number, ms = begun.elapsed().as_millis(), "sum up");
        committed.map(|_| true)
    }
}

/// Enters the sums of `run`, unless that went meanwhile.
fn commit(access: &mut WriteAccess, run: &Run, files: Vec<SumsFile>) -> Result<bool> {
    let mut draft = access.draft()?;
    let Some(entry) = draft.manifest.runs.iter_mut().find(|entry| *entry == run) else {
        draft.give_up();
        return Ok(false);
    };
    entry.sums = Some(files);
    access.commit(draft).map(|()| true)
}

/// The flows of `run` in `order`.
pub(super) fn flows_of(
    snapshot: &EmbeddedSnapshot,
    run: &OpenRun,
    order: Order,
    columns: Columns,
) -> Result<FlowStream> {
    let Some(file) = run.file(order) else { return Ok(Box::new(std::iter::empty())) };
    let (scan, sources) = (Scan { order, ..Scan::all(columns) }, Arc::clone(snapshot.sources()));
    let scan = Arc::new(scan);
    let read = move |stretch: Stretch| stretch.read(Arc::clone(&scan), Arc::clone(&sources));
    Ok(Box::new(stretches(file, &Scan::all(columns))?.into_iter().flat_map(read)))
}

/// Writes the sums of `run` in `order`; None if it was told to stop. Where none pays there is no
/// part, and no file.
fn write(
    dir: &Path,
    snapshot: &EmbeddedSnapshot,
    run: &OpenRun,
    (order, number): (Order, u64),
    worth: Worth,
    stop: &AtomicBool,
) -> Result<Option<SumsFile>> {
    let Some(&RunFile { lead, .. }) = run.entry.file(order) else {
        return Err(StoreError::damaged(dir, format!("run {} lacks an order", run.entry.number)));
    };
    let parts = parts(order);
    let columns = RunColumns::only(columns(&parts));
    let shape = Shape::new(run.entry.family, &columns);
    let name = sums_name(number, order);
    let path = dir.join(&name);
    let mut written = Written { path, order, shape, writer: None, rows: vec![0; parts.len()] };
    let most_rows = run.entry.rows.checked_div(worth.flows_a_row).unwrap_or(u64::MAX);
    let mut builder =
        Builder::new(&run.entry, snapshot.sources(), (order, &parts), shape.columns(), most_rows);
    for flows in flows_of(snapshot, run, order, read_columns(order))? {
        if stop.load(Relaxed) {
            return Ok(None);
        }
        builder.observe(&flows?, &mut written)?;
    }
    builder.finish(&mut written)?;
    let parts = parts.into_iter().zip(&written.rows);
    let parts: Vec<SumsPart> = parts
        .filter(|(_, rows)| **rows > 0)
        .map(|(part, &rows)| SumsPart { rows, ..part })
        .collect();
    let WrittenFile { bytes, tail_offset, tail_hash } = match written.writer {
        Some(writer) => writer.finish()?,
        None => WrittenFile { bytes: 0, tail_offset: 0, tail_hash: 0 },
    };
    let file = RunFile { order, name, bytes, tail_offset, tail_hash: Checksum(tail_hash), lead };
    Ok(Some(SumsFile { file, columns, parts }))
}

/// The file of sums as it is written.
struct Written {
    path: PathBuf,
    order: Order,
    shape: Shape,
    /// None as long as there is nothing to write.
    writer: Option<RunWriter>,
    /// Of each part.
    rows: Vec<u64>,
}

impl Sink for Written {
    fn append(&mut self, part: usize, rows: &FlowBatch) -> Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(RunWriter::create(&self.path, self.order, self.shape)?),
        };
        if self.rows[part] == 0 {
            writer.end_group()?;
        }
        self.rows[part] += rows.len() as u64;
        writer.append(rows)
    }

    fn give_up_first(&mut self) -> Result<()> {
        // What was written goes with it.
        self.writer = None;
        self.rows[0] = 0;
        Ok(())
    }
}
