//! Merges the runs of a day into few, so that a look-up opens few (compaction, tiered by day).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::Serialize;

use super::behind_nat::Parts;
use super::content::Content;
use super::days::tomorrow;
use super::hands::Hands;
use super::rewrite::{merged, rewrite, shape};
use super::sum_up::Worth;
use crate::flow::{Family, TimeRange};
use crate::row::Order;
use crate::store::embedded::folder::access::{WriteAccess, lock};
use crate::store::embedded::folder::file_names::run_name;
use crate::store::embedded::folder::lock::Held;
use crate::store::embedded::folder::manifest::Run;
use crate::store::embedded::run::set::SortedFile;
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::embedded::store::EmbeddedStore;
use crate::store::{Result, StoreError};

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
    /// Merges runs, and sums their flows up. Each of both is a commit of its own: when it is stopped, or killed, what is done
    /// stays done, and it goes on from there when it is called again. Readers do not notice.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`](crate::StoreError::InUse) while a writer has the store; else what
    /// reading and writing runs meets.
    pub fn compact(&self, effort: Effort, stop: &AtomicBool) -> Result<Compacted> {
        self.compact_for(effort, Worth::USUAL, stop)
    }

    /// Likewise, with sums that are of this worth.
    pub(crate) fn compact_for(
        &self,
        effort: Effort,
        worth: Worth,
        stop: &AtomicBool,
    ) -> Result<Compacted> {
        // A store that is not there is an error, not an empty one.
        drop(Held::open(self.dir(), None)?);
        let access = Mutex::new(WriteAccess::open(self.dir())?);
        let count = || {
            let manifest = Arc::clone(lock(&access).current());
            (manifest.runs.len() as u64, manifest.runs.iter().map(Run::bytes).sum())
        };
        let mut done = Compacted::default();
        (done.runs_before, done.bytes_before) = count();
        if effort == Effort::Full {
            match self.split(&access, stop)? {
                Some(flows) => done.flows += flows,
                None => done.stopped = true,
            }
        }
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
        done.stopped |= !self.sum_up(&access, worth, Hands::Two, stop)?;
        (done.runs_after, done.bytes_after) = count();
        Ok(done)
    }

    /// Merges the small runs of days that have gathered many, while another has `access` now and
    /// then and writes: in small steps, on this thread alone.
    pub(crate) fn tidy_beside(&self, access: &Mutex<WriteAccess>, stop: &AtomicBool) -> Result<()> {
        let groups = groups(&lock(access).current().runs, Effort::Tidy);
        let merged = !groups.is_empty();
        for group in groups {
            if stop.load(Relaxed) || self.merge(access, &group, Hands::One, stop)?.is_none() {
                return Ok(());
            }
        }
        if merged {
            self.sum_up(access, Worth::BESIDE, Hands::One, stop)?;
        }
        Ok(())
    }

    /// Merges the runs of `group`, which nobody else merges, and commits that: how many flows they
    /// hold; `None` if it was told to stop. Runs that changed meanwhile are left as they are.
    fn merge(
        &self,
        access: &Mutex<WriteAccess>,
        group: &[u64],
        hands: Hands,
        stop: &AtomicBool,
    ) -> Result<Option<u64>> {
        let begun = Instant::now();
        lock(access).check()?;
        let number = lock(access).take_number();
        let snapshot = self.open()?;
        if entries(&snapshot, group).count() < group.len() {
            // Some went with their day meanwhile.
            return Ok(Some(0));
        }
        let merged = merge(self.dir(), &snapshot, group, number, hands, stop);
        let Ok(Some(merged)) = merged else {
            lock(access).discard(number..number + 1);
            return merged.map(|_| None);
        };
        let merged_from: Vec<Run> = entries(&snapshot, group).cloned().collect();
        // The files of this snapshot are let go first, so that they can be deleted.
        drop(snapshot);
        let flows = merged.rows;
        let mut access = lock(access);
        if !replace(&mut access, &merged_from, vec![merged])? {
            return Ok(Some(0));
        }
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

/// Commits `new` in place of `old`. Where one of these is not there any more, as old flows were
/// deleted from it that would come back, nothing is committed; then, and where it fails, the files of
/// `new` go.
pub(crate) fn replace(access: &mut WriteAccess, old: &[Run], new: Vec<Run>) -> Result<bool> {
    let numbers: Vec<u64> = new.iter().map(|run| run.number).collect();
    let replaced = commit_replaced(access, old, new);
    if !matches!(replaced, Ok(true)) {
        for number in numbers {
            access.discard(number..number + 1);
        }
    }
    replaced
}

fn commit_replaced(access: &mut WriteAccess, old: &[Run], new: Vec<Run>) -> Result<bool> {
    let mut draft = access.draft()?;
    let there = draft.manifest.runs.len();
    draft.manifest.runs.retain(|run| !old.contains(run));
    if there - draft.manifest.runs.len() < old.len() {
        draft.give_up();
        return Ok(false);
    }
    draft.manifest.runs.extend(new);
    access.commit(draft)?;
    Ok(true)
}

/// The runs of `group`, as `snapshot` has them.
fn entries<'a>(snapshot: &'a EmbeddedSnapshot, group: &[u64]) -> impl Iterator<Item = &'a Run> {
    let runs = snapshot.runs().iter().map(|run| &run.entry);
    runs.filter(|run| group.contains(&run.number))
}

/// The numbers of the runs to be merged with each other.
fn groups(runs: &[Run], effort: Effort) -> Vec<Vec<u64>> {
    // Runs of one day; and, for themselves, runs of strangers, and those of earlier versions that hold
    // several days: of days that were, and of days to come.
    let tomorrow = tomorrow();
    let mut days: BTreeMap<(Family, Option<u64>, bool), Vec<&Run>> = BTreeMap::new();
    // What this version does not know of a run would be lost.
    for run in runs.iter().filter(|run| run.columns.unknown().next().is_none()) {
        let is_ahead = run.min_first.day() > tomorrow;
        days.entry((run.family, run.day(), is_ahead)).or_default().push(run);
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
    let Some(shape) = shape(&runs)? else { return Ok(None) };
    let file = |order, runs: &[&OpenRun]| {
        let mut content = Content::none(snapshot.sources().len());
        let to = SortedFile::create(dir, run_name(number, order), shape, order)?;
        let flows = merged(snapshot, runs, order, TimeRange::ALL)?;
        let file = rewrite(flows, to, |batch| {
            content.enter(batch);
            !stop.load(Relaxed)
        })?;
        Ok(file.map(|file| (file, content)))
    };
    let (src, dst) = hands.both(|| file(Order::Src, &runs), || file(Order::Dst, &runs));
    let (Some((src, content)), Some((dst, _))) = (src?, dst?) else { return Ok(None) };
    let mut files = vec![src, dst];
    if content.led_by_nat() > 0 {
        let parts = Parts::write(snapshot, dir, &runs, number)?;
        let led: Vec<&OpenRun> = runs.iter().copied().chain(parts.runs()).collect();
        let Some((nat, _)) = file(Order::Nat, &led)? else { return Ok(None) };
        files.push(nat);
    }
    let stranger = runs.iter().any(|run| run.entry.stranger);
    let told: u64 = runs.iter().map(|run| run.entry.rows).sum();
    if content.rows() != told {
        let detail = format!("{} flows in runs that the manifest says have {told}", content.rows());
        return Err(StoreError::damaged(dir, detail));
    }
    Ok(Some(Run { files, ..content.run(number, shape, stranger) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::conformance::sample_batch;

    #[test]
    fn a_merge_or_a_batch_whose_commit_fails_leaves_no_files() {
        let dir = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::new(dir.path());
        let mut writer = store.writer().unwrap();
        for number in 0..2 {
            writer.write(sample_batch(number, 20)).unwrap();
            writer.commit().unwrap();
        }
        drop(writer);
        let names = || {
            let entries = std::fs::read_dir(dir.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let manifest = Held::open(dir.path(), None).unwrap().manifest().number;
        let obstacle = dir.path().join(format!(
            "manifest-{:08}.json.{}-0.tmp",
            manifest + 1,
            std::process::id()
        ));
        let access = Mutex::new(WriteAccess::open(dir.path()).unwrap());
        std::fs::create_dir(&obstacle).unwrap();
        let before = names();
        let groups = groups(&lock(&access).current().runs, Effort::Full);
        assert!(!groups.is_empty());
        for group in groups {
            let stop = AtomicBool::new(false);
            store.merge(&access, &group, Hands::One, &stop).unwrap_err();
            assert_eq!(names(), before);
        }
        drop(access);
        std::fs::remove_dir(&obstacle).unwrap();
        let mut writer = store.writer().unwrap();
        std::fs::create_dir(&obstacle).unwrap();
        writer.write(sample_batch(7, 20)).unwrap();
        writer.commit().unwrap_err();
        assert_eq!(names(), before);
    }
}
