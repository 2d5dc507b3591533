//! Cuts what is usual out of runs of several days, which wrong clocks make, so that it is found by
//! its day, and dropped with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::behind_nat::Parts;
use super::compact::replace;
use super::content::Content;
use super::days::{flows_by_day, tomorrow};
use super::rewrite::{merged, shape};
use crate::flow::{Family, FlowBatch, TimeRange, UnixMillis};
use crate::row::Order;
use crate::store::Result;
use crate::store::embedded::folder::access::{WriteAccess, lock};
use crate::store::embedded::folder::file_names::run_name;
use crate::store::embedded::folder::manifest::{Run, RunFile};
use crate::store::embedded::run::set::SortedFile;
use crate::store::embedded::run::sort::MIN_UNUSUAL_ROWS;
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::embedded::store::EmbeddedStore;

/// So many days are cut out at once; each is a file that is open meanwhile.
const MAX_DAYS: usize = 32;
/// Runs of earlier versions, where usual days and strangers share runs, are cut into all of their
/// days if these are no more than so many.
const FEW_DAYS: usize = 64;

/// What is cut out of runs of several days: flows of one day, or all others, of days that were or of
/// days to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Day(u64),
    Before,
    Ahead,
}

impl EmbeddedStore {
    /// Cuts the runs of several days, a commit for each family and some days. How many flows were
    /// written anew; None if it was told to stop.
    ///
    /// # Errors
    ///
    /// What reading and writing runs meets.
    pub(crate) fn split(
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
        let is_known = |run: &&OpenRun| run.entry.columns.unknown().next().is_none();
        let of_days = of_family().filter(|run| run.entry.day().is_none());
        let runs: Vec<&OpenRun> = of_days.filter(is_known).collect();
        let own: BTreeSet<u64> = of_family().filter_map(|run| run.entry.day()).collect();
        let mut flows: BTreeMap<u64, u64> = BTreeMap::new();
        let mut mixed: BTreeSet<u64> = BTreeSet::new();
        for run in &runs {
            for (day, rows) in flows_by_day(&snapshot, run)? {
                *flows.entry(day).or_default() += rows;
                if !run.entry.stranger {
                    mixed.insert(day);
                }
            }
        }
        let days = days_to_cut_out(&flows, &own, &mixed);
        if days.is_empty() {
            return Ok(Some(0));
        }
        let tomorrow = tomorrow();
        let part_of = |day| match day {
            day if days.contains(&day) => Part::Day(day),
            day if day > tomorrow => Part::Ahead,
            _ => Part::Before,
        };
        lock(access).check()?;
        let mut numbers: BTreeMap<Part, u64> = BTreeMap::new();
        for &day in flows.keys() {
            numbers.entry(part_of(day)).or_insert_with(|| lock(access).take_number());
        }
        let parts = self.write_parts(&snapshot, &runs, (&numbers, &part_of), stop);
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
        (numbers, part_of): (&BTreeMap<Part, u64>, &dyn Fn(u64) -> Part),
        stop: &AtomicBool,
    ) -> Result<Option<Vec<Run>>> {
        let Some(shape) = shape(runs)? else { return Ok(None) };
        let mut parts: BTreeMap<Part, Run> = BTreeMap::new();
        let mut led_by_nat = BTreeSet::new();
        for order in Order::EVERY {
            let is_in_order = |part: &Part| order != Order::Nat || led_by_nat.contains(part);
            let mut files: BTreeMap<Part, (SortedFile, Content)> = BTreeMap::new();
            for (&part, &number) in numbers.iter().filter(|(part, _)| is_in_order(part)) {
                let name = run_name(number, order);
                let file = SortedFile::create(self.dir(), name, shape, order)?;
                files.insert(part, (file, Content::none(snapshot.sources().len())));
            }
            let Some(number) = files.keys().next().map(|part| numbers[part]) else { continue };
            let more = match order {
                Order::Nat => Some(Parts::write(snapshot, self.dir(), runs, number)?),
                Order::Src | Order::Dst => None,
            };
            let runs: Vec<&OpenRun> =
                runs.iter().copied().chain(more.iter().flat_map(Parts::runs)).collect();
            for batch in merged(snapshot, &runs, order, TimeRange::ALL)? {
                if stop.load(Relaxed) {
                    return Ok(None);
                }
                for (part, flows) in cut(&batch?, part_of) {
                    if let Some((file, content)) = files.get_mut(&part) {
                        file.append(&flows)?;
                        content.enter(&flows);
                    }
                }
            }
            for (part, (file, content)) in files {
                if content.led_by_nat() > 0 {
                    led_by_nat.insert(part);
                }
                let file: RunFile = file.finish()?;
                let is_stranger = !matches!(part, Part::Day(_));
                let run = || content.run(numbers[&part], shape, is_stranger);
                parts.entry(part).or_insert_with(run).files.push(file);
            }
        }
        Ok(Some(parts.into_values().collect()))
    }
}

/// Which days of runs with `flows` on these days get runs of their own: those in `own`, which have
/// some, those that are worth it, and `mixed` ones if they are few. The fullest, and no more than so
/// many at once.
fn days_to_cut_out(
    flows: &BTreeMap<u64, u64>,
    own: &BTreeSet<u64>,
    mixed: &BTreeSet<u64>,
) -> BTreeSet<u64> {
    let are_few = mixed.len() <= FEW_DAYS;
    let is_cut_out = |(day, rows): &(&u64, &u64)| {
        own.contains(day) || **rows >= MIN_UNUSUAL_ROWS as u64 || are_few && mixed.contains(day)
    };
    let mut days: Vec<(&u64, &u64)> = flows.iter().filter(is_cut_out).collect();
    days.sort_by_key(|&(_, &rows)| std::cmp::Reverse(rows));
    days.into_iter().take(MAX_DAYS).map(|(&day, _)| day).collect()
}

/// The flows of `batch` by the part that they belong to, in the same order.
fn cut(batch: &FlowBatch, part_of: &dyn Fn(u64) -> Part) -> BTreeMap<Part, FlowBatch> {
    let mut rows: BTreeMap<Part, Vec<u32>> = BTreeMap::new();
    for (row, &first) in batch.first_ms.iter().enumerate() {
        rows.entry(part_of(UnixMillis(first).day())).or_default().push(row as u32);
    }
    rows.into_iter().map(|(part, rows)| (part, batch.take_rows(&rows))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::flow::{DatagramId, Origin};
    use crate::store::conformance::{flow, read_all, store_from};
    use crate::store::embedded::Effort;
    use crate::store::{Store, WriteBatch};

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
        let none = BTreeSet::new();
        let few: BTreeMap<u64, u64> = (0..FEW_DAYS as u64).map(|day| (day, 1)).collect();
        let mixed: BTreeSet<u64> = few.keys().copied().collect();
        assert_eq!(days_to_cut_out(&few, &none, &mixed).len(), MAX_DAYS);
        assert!(days_to_cut_out(&few, &none, &none).is_empty(), "strangers are left together");
        let mut many: BTreeMap<u64, u64> = (0..1000).map(|day| (day, 1)).collect();
        let mixed: BTreeSet<u64> = many.keys().copied().collect();
        assert!(days_to_cut_out(&many, &none, &mixed).is_empty());
        many.insert(7, MIN_UNUSUAL_ROWS as u64);
        let own = BTreeSet::from([9, 5000]);
        assert_eq!(days_to_cut_out(&many, &own, &none), BTreeSet::from([7, 9]));
    }

    #[test]
    fn a_forger_of_days_makes_no_number_of_runs() {
        let dir = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::new(dir.path());
        let mut writer = store.writer().unwrap();
        let today = UnixMillis::now();
        // Each commit is a flow of today, and one of another day each time, before or to come.
        for number in 0..120u64 {
            let strange = UnixMillis::of_day((number * 331) % 50_000) + number;
            let mut batch = WriteBatch::new();
            for (first, host) in [(today, "10.0.0.1"), (strange, "10.0.0.9")] {
                let flow = flow(host, "10.0.0.2", first.0, number as u32);
                batch.v4.push(&flow, 0, Origin(number));
            }
            batch.v4.sources = Arc::new(vec![flow("10.0.0.1", "10.0.0.2", 0, 0).source]);
            batch.datagrams.push(DatagramId { exported_secs: number as u32, hash: number });
            batch.usual.enter(today);
            batch.usual.set_present(today);
            writer.write(batch).unwrap();
            writer.commit().unwrap();
        }
        drop(writer);
        store.compact(Effort::Full, &AtomicBool::new(false)).unwrap();
        let runs = store.open().unwrap().manifest().runs.clone();
        assert_eq!(runs.len(), 3, "{runs:?}");
        let own: Vec<&Run> = runs.iter().filter(|run| run.day() == Some(today.day())).collect();
        assert_eq!((own.len(), own[0].rows), (1, 120));
        // What is to come is not mixed with what was.
        assert!(
            runs.iter()
                .filter(|run| run.stranger)
                .all(|run| { run.min_first > today + 86_400_000 || run.max_first <= today })
        );
        assert!(store.verify().unwrap().faults.is_empty());
    }
}
