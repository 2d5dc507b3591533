//! Merges the runs of a day into few, so that a look-up opens few.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::layout::run_name;
use super::lock::Held;
use super::manifest::{Run, RunFile as FileEntry};
use super::merge::Merge;
use super::run_reader::stretches;
use super::run_set::SortedFile;
use super::schema::Shape;
use super::snapshot::{EmbeddedSnapshot, OpenRun};
use super::store::EmbeddedStore;
use super::write_access::WriteAccess;
use crate::flow::{Columns, Family};
use crate::row::Order;
use crate::store::{FlowStream, Result, Scan};

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Only days that have gathered more than a few runs, and only their small ones.
    Tidy,
    /// Every day to one run, as far as runs are allowed to grow.
    Full,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compacted {
    /// Runs before it.
    pub runs_before: u64,
    /// Runs after it.
    pub runs_after: u64,
    /// Flows that were written anew.
    pub flows: u64,
    /// Bytes of all runs before it.
    pub bytes_before: u64,
    /// Bytes of all runs after it.
    pub bytes_after: u64,
    /// Whether it was told to stop before it was done.
    pub stopped: bool,
}

/// A day may have so many runs before tidying begins.
const TIDY_RUNS: usize = 16;
/// A run is not merged into one with more flows than this.
const MAX_RUN_FLOWS: u64 = 100_000_000;

impl EmbeddedStore {
    /// Merges runs. Each merge is a commit of its own: when it is stopped, or killed, what is done
    /// stays done, and it goes on from there when it is called again. Readers do not notice.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`](crate::StoreError::InUse) while a writer has the store; else what
    /// reading and writing runs meets.
    pub fn compact(&self, effort: Effort, stop: &AtomicBool) -> Result<Compacted> {
        // A store that is not there is an error, not an empty one.
        drop(Held::open(self.dir(), None)?);
        let access = Mutex::new(WriteAccess::open(self.dir())?);
        let count = || {
            let manifest = Arc::clone(lock(&access).current());
            (manifest.runs.len() as u64, manifest.runs.iter().map(Run::bytes).sum())
        };
        let mut done = Compacted::default();
        (done.runs_before, done.bytes_before) = count();
        let groups = groups(&lock(&access).current().runs, effort);
        for group in groups {
            if stop.load(Relaxed) {
                done.stopped = true;
                break;
            }
            match self.merge(&access, &group, Hands::Two, stop)? {
                Some(flows) => done.flows += flows,
                None => done.stopped = true,
            }
        }
        (done.runs_after, done.bytes_after) = count();
        Ok(done)
    }

    /// Merges the small runs of days that have gathered many, while another has `access` now and
    /// then and writes: in small steps, on this thread alone.
    pub(super) fn tidy_beside(&self, access: &Mutex<WriteAccess>, stop: &AtomicBool) -> Result<()> {
        let groups = groups(&lock(access).current().runs, Effort::Tidy);
        for group in groups {
            if stop.load(Relaxed) || self.merge(access, &group, Hands::One, stop)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Merges the runs of `group`, which nobody else merges, and commits that: how many flows they
    /// hold; `None` if it was told to stop.
    fn merge(
        &self,
        access: &Mutex<WriteAccess>,
        group: &[u64],
        hands: Hands,
        stop: &AtomicBool,
    ) -> Result<Option<u64>> {
        let begun = Instant::now();
        let number = lock(access).take_number();
        let snapshot = self.open()?;
        let merged = merge(self.dir(), &snapshot, group, number, hands, stop);
        let Ok(Some(merged)) = merged else {
            for order in Order::ALL {
                // Unfinished files are deleted by the next writer too; but that may be long hence.
                let _ = std::fs::remove_file(self.dir().join(run_name(number, order)));
            }
            return merged.map(|_| None);
        };
        let flows = merged.rows;
        let mut access = lock(access);
        let mut draft = access.draft();
        draft.runs.retain(|run| !group.contains(&run.number));
        draft.runs.push(merged);
        // The files of this snapshot are let go first, so that they can be deleted.
        drop(snapshot);
        access.commit(draft)?;
        tracing::info!(
            manifest = access.current().number,
            flows,
            merged = group.len(),
            runs = access.current().runs.len(),
            ms = begun.elapsed().as_millis(),
            "merge"
        );
        Ok(Some(flows))
    }
}

/// How many threads a merge takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hands {
    /// The calling one: the others have work of their own.
    One,
    /// Two of the pool's.
    Two,
}

pub(super) fn lock(access: &Mutex<WriteAccess>) -> MutexGuard<'_, WriteAccess> {
    // Whoever panicked with it left the store as it was: a commit is one step.
    access.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The numbers of the runs to be merged with each other.
fn groups(runs: &[Run], effort: Effort) -> Vec<Vec<u64>> {
    // Runs of one day, and runs that hold several days, which only damaged clocks make.
    let mut days: BTreeMap<(Family, Option<u64>), Vec<&Run>> = BTreeMap::new();
    for run in runs {
        let day = run.min_first.day();
        let one_day = (day == run.max_first.day()).then_some(day);
        days.entry((run.family, one_day)).or_default().push(run);
    }
    days.into_values().filter_map(|day| group(day, effort)).collect()
}

fn group(mut day: Vec<&Run>, effort: Effort) -> Option<Vec<u64>> {
    day.sort_by_key(|run| run.rows);
    if effort == Effort::Tidy && day.len() <= TIDY_RUNS {
        return None;
    }
    let mut rows = 0;
    let mut group = Vec::new();
    for run in day {
        let too_large = rows + run.rows > MAX_RUN_FLOWS;
        // A run much larger than all smaller ones together is left alone: writing it anew again
        // and again would cost more than it saves.
        let not_worth_it = effort == Effort::Tidy && group.len() > 1 && run.rows > 2 * rows;
        if too_large || not_worth_it {
            break;
        }
        rows += run.rows;
        group.push(run.number);
    }
    (group.len() > 1).then_some(group)
}

/// Writes the runs of `group` as one; `None` if it was told to stop.
fn merge(
    dir: &Path,
    snapshot: &EmbeddedSnapshot,
    group: &[u64],
    number: u64,
    hands: Hands,
    stop: &AtomicBool,
) -> Result<Option<Run>> {
    let runs: Vec<&OpenRun> =
        snapshot.runs().iter().filter(|run| group.contains(&run.entry.number)).collect();
    let file = |order| merge_file(dir, snapshot, &runs, number, order, stop);
    let (src, dst) = match hands {
        Hands::One => (file(Order::Src), file(Order::Dst)),
        Hands::Two => rayon::join(|| file(Order::Src), || file(Order::Dst)),
    };
    let (Some(src), Some(dst)) = (src?, dst?) else { return Ok(None) };
    let entries = || runs.iter().map(|run| &run.entry);
    Ok(entries().next().map(|first| Run {
        number,
        family: first.family,
        extras: entries().any(|run| run.extras),
        rows: entries().map(|run| run.rows).sum(),
        min_first: entries().map(|run| run.min_first).min().unwrap_or_default(),
        max_first: entries().map(|run| run.max_first).max().unwrap_or_default(),
        files: vec![src, dst],
    }))
}

fn merge_file(
    dir: &Path,
    snapshot: &EmbeddedSnapshot,
    runs: &[&OpenRun],
    number: u64,
    order: Order,
    stop: &AtomicBool,
) -> Result<Option<FileEntry>> {
    let Some(family) = runs.first().map(|run| run.entry.family) else {
        return Ok(None);
    };
    let shape = Shape { family, extras: runs.iter().any(|run| run.entry.extras) };
    let scan = Arc::new(Scan { order, ordered: true, ..Scan::all(Columns::ALL) });
    let mut streams: Vec<FlowStream> = Vec::new();
    for file in runs.iter().filter_map(|run| run.file(order)) {
        let (scan, sources) = (Arc::clone(&scan), Arc::clone(snapshot.sources()));
        let stretches = stretches(file, &scan)?.into_iter();
        let read = move |stretch: super::run_reader::Stretch| {
            stretch.read(Arc::clone(&scan), Arc::clone(&sources))
        };
        streams.push(Box::new(stretches.flat_map(read)));
    }
    let mut file = SortedFile::create(dir, shape, number, order)?;
    for batch in Merge::new(streams, order, family, Arc::clone(snapshot.sources())) {
        if stop.load(Relaxed) {
            return Ok(None);
        }
        file.append(&batch?)?;
    }
    file.finish().map(Some)
}
