//! Cuts runs of several days, which wrong clocks make, into runs of one, so that what is usual is
//! found by its day, and dropped with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::compact::{lock, merged, replace, shape};
use super::days::flows_by_day;
use super::layout::run_name;
use super::manifest::{Run, RunFile};
use super::run_set::SortedFile;
use super::snapshot::{EmbeddedSnapshot, OpenRun};
use super::sort::MIN_UNUSUAL_ROWS;
use super::sources::Places;
use super::store::EmbeddedStore;
use super::write_access::WriteAccess;
use crate::flow::{Family, FlowBatch, UnixMillis};
use crate::row::Order;
use crate::store::Result;

/// So many days are cut out at once; each is a file that is open meanwhile.
const MAX_DAYS: usize = 32;
/// Runs of no more days than this are cut into all of them.
const FEW_DAYS: usize = 64;

/// What is cut out of runs of several days: flows of one day, or all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Day(u64),
    Rest,
}

impl EmbeddedStore {
    /// Cuts the runs of several days, a commit for each family and some days. How many flows were
    /// written anew; None if it was told to stop.
    ///
    /// # Errors
    ///
    /// What reading and writing runs meets.
    pub(super) fn split(
        &self,
        access: &Mutex<WriteAccess>,
        stop: &AtomicBool,
    ) -> Result<Option<u64>> {
        let mut written = 0;
        for family in Family::ALL {
            loop {
                if stop.load(Relaxed) {
                    return Ok(None);
                }
                match self.split_once(access, family, stop)? {
                    Some(0) => break,
                    Some(flows) => written += flows,
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(written))
    }

    fn split_once(
        &self,
        access: &Mutex<WriteAccess>,
        family: Family,
        stop: &AtomicBool,
    ) -> Result<Option<u64>> {
        let snapshot = self.open()?;
        let of_family = || snapshot.runs().iter().filter(|run| run.entry.family == family);
        let runs: Vec<&OpenRun> = of_family().filter(|run| run.entry.day().is_none()).collect();
        let own: BTreeSet<u64> = of_family().filter_map(|run| run.entry.day()).collect();
        let mut flows: BTreeMap<u64, u64> = BTreeMap::new();
        for run in &runs {
            for (day, rows) in flows_by_day(&snapshot, run)? {
                *flows.entry(day).or_default() += rows;
            }
        }
        let days = days_to_cut_out(&flows, &own);
        if days.is_empty() {
            return Ok(Some(0));
        }
        let mut numbers: BTreeMap<Part, u64> = BTreeMap::new();
        for &day in flows.keys() {
            let part = if days.contains(&day) { Part::Day(day) } else { Part::Rest };
            numbers.entry(part).or_insert_with(|| lock(access).take_number());
        }
        let parts = self.write_parts(&snapshot, &runs, &numbers, stop);
        let Ok(Some(parts)) = parts else {
            let access = lock(access);
            for &number in numbers.values() {
                access.discard(number..number + 1);
            }
            return parts.map(|_| None);
        };
        let written = parts.iter().map(|run| run.rows).sum();
        let from: Vec<Run> = runs.iter().map(|run| run.entry.clone()).collect();
        // The files of this snapshot are let go first, so that they can be deleted.
        drop(snapshot);
        let replaced = replace(&mut lock(access), &from, parts)?;
        // Where some changed meanwhile, the next compaction goes on.
        Ok(Some(if replaced { written } else { 0 }))
    }

    /// Writes the flows of `runs`, part by part; None if it was told to stop.
    fn write_parts(
        &self,
        snapshot: &EmbeddedSnapshot,
        runs: &[&OpenRun],
        numbers: &BTreeMap<Part, u64>,
        stop: &AtomicBool,
    ) -> Result<Option<Vec<Run>>> {
        let Some(shape) = shape(runs) else { return Ok(None) };
        let mut parts: BTreeMap<Part, Run> = BTreeMap::new();
        for order in Order::ALL {
            let mut files: BTreeMap<Part, (SortedFile, Content)> = BTreeMap::new();
            for (&part, &number) in numbers {
                let name = run_name(number, order);
                let file = SortedFile::create(self.dir(), name, shape, order)?;
                files.insert(part, (file, Content::none(snapshot.sources().len())));
            }
            for batch in merged(snapshot, runs, order)? {
                if stop.load(Relaxed) {
                    return Ok(None);
                }
                for (part, flows) in cut(&batch?, numbers) {
                    if let Some((file, content)) = files.get_mut(&part) {
                        file.append(&flows)?;
                        content.enter(&flows);
                    }
                }
            }
            for (part, (file, content)) in files {
                let file: RunFile = file.finish()?;
                let run = parts.entry(part).or_insert_with(|| Run {
                    number: numbers[&part],
                    family: shape.family,
                    extras: shape.extras,
                    rows: content.rows,
                    min_first: content.min_first,
                    max_first: content.max_first,
                    sources: Some(content.places.ranges()),
                    files: Vec::new(),
                });
                run.files.push(file);
            }
        }
        Ok(Some(parts.into_values().collect()))
    }
}

/// Which days of runs with `flows` on these days get runs of their own, where those in `own` have
/// some: the fullest, no more than so many at once.
fn days_to_cut_out(flows: &BTreeMap<u64, u64>, own: &BTreeSet<u64>) -> BTreeSet<u64> {
    let worth_it = |(day, rows): &(&u64, &u64)| {
        own.contains(day) || **rows >= MIN_UNUSUAL_ROWS as u64 || flows.len() <= FEW_DAYS
    };
    let mut days: Vec<(&u64, &u64)> = flows.iter().filter(worth_it).collect();
    days.sort_by_key(|&(_, &rows)| std::cmp::Reverse(rows));
    days.into_iter().take(MAX_DAYS).map(|(&day, _)| day).collect()
}

/// The flows of `batch` by the part that they belong to, in the same order.
fn cut(batch: &FlowBatch, numbers: &BTreeMap<Part, u64>) -> BTreeMap<Part, FlowBatch> {
    let mut rows: BTreeMap<Part, Vec<u32>> = BTreeMap::new();
    for (row, &first) in batch.first_ms.iter().enumerate() {
        let day = Part::Day(UnixMillis(first).day());
        let part = if numbers.contains_key(&day) { day } else { Part::Rest };
        rows.entry(part).or_default().push(row as u32);
    }
    rows.into_iter().map(|(part, rows)| (part, batch.take_rows(&rows))).collect()
}

/// What the manifest is to say of a part.
struct Content {
    rows: u64,
    min_first: UnixMillis,
    max_first: UnixMillis,
    places: Places,
}

impl Content {
    /// Nothing, in a store of so many sources.
    fn none(sources: usize) -> Self {
        let places = Places::none(sources);
        Self { rows: 0, min_first: UnixMillis::MAX, max_first: UnixMillis::EPOCH, places }
    }

    fn enter(&mut self, flows: &FlowBatch) {
        self.rows += flows.len() as u64;
        for &first in &flows.first_ms {
            self.min_first = self.min_first.min(UnixMillis(first));
            self.max_first = self.max_first.max(UnixMillis(first));
        }
        self.places.enter(flows.source.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::conformance::{flow, read_all, store_from};
    use crate::store::embedded::Effort;

    const TODAY: u64 = 20_000;

    #[test]
    fn runs_of_several_days_become_runs_of_one_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::new(dir.path());
        let mut flows = Vec::new();
        // Each commit as one of an exporter from the future in its midst, by a version that let
        // it share their run.
        for commit in 0..6u64 {
            let days = [TODAY + commit / 2, TODAY + 5000, 0];
            let of_commit: Vec<_> = (0..30)
                .map(|number| {
                    let day = days[(number % 10 / 8 + number / 29) as usize];
                    let first = UnixMillis::of_day(day).0 + commit * 100 + number;
                    flow("10.0.0.1", "10.0.0.2", first, (commit * 30 + number) as u32)
                })
                .collect();
            store_from(&store, commit * 10, &of_commit);
            flows.extend(of_commit);
        }
        let runs = || store.open().unwrap().manifest().runs.clone();
        assert_eq!(runs().iter().filter(|run| run.day().is_none()).count(), 6);
        store.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
        let days: Vec<Option<u64>> = runs().iter().map(Run::day).collect();
        let expected = [0, TODAY, TODAY + 1, TODAY + 2, TODAY + 5000].map(Some);
        assert_eq!(days.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(expected));
        assert_eq!(runs().len(), 5);
        let verified = store.verify().unwrap();
        assert_eq!((verified.flows, verified.faults), (180, Vec::new()));
        let mut found = read_all(store.snapshot().unwrap().as_ref());
        let key = |flow: &crate::FlowRecord| (flow.first, flow.octets, flow.src_port);
        found.sort_by_key(key);
        flows.sort_by_key(key);
        assert_eq!(found, flows);
        // There is nothing more to do.
        let again = store.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
        assert_eq!((again.flows, again.runs_after), (0, 5));
    }

    #[test]
    fn scattered_days_stay_together_but_for_those_that_are_worth_a_run() {
        let few = (0..FEW_DAYS as u64).map(|day| (day, 1)).collect();
        assert_eq!(days_to_cut_out(&few, &BTreeSet::new()).len(), MAX_DAYS);
        let mut many: BTreeMap<u64, u64> = (0..1000).map(|day| (day, 1)).collect();
        assert!(days_to_cut_out(&many, &BTreeSet::new()).is_empty());
        many.insert(7, MIN_UNUSUAL_ROWS as u64);
        let own = BTreeSet::from([9, 5000]);
        assert_eq!(days_to_cut_out(&many, &own), BTreeSet::from([7, 9]));
    }
}
