//! The days of a store: of runs of one day by the manifest, of others by a look at when their flows
//! began.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::folder::manifest::{Checksum, Run};
use super::run::file::RunFile;
use super::run::reader::stretches;
use crate::flow::{Column, Columns, Source, UnixMillis};
use crate::store::{Result, Scan, StoredDay};

/// The days of `runs`, each with one of its files. Runs never change, so the names of those that have
/// flows of a day tell whether these are the same.
pub(super) fn of_runs<'a>(
    runs: impl Iterator<Item = (&'a Run, &'a Arc<RunFile>)>,
    sources: &Arc<Vec<Source>>,
) -> Result<Vec<StoredDay>> {
    let mut days: BTreeMap<u64, (u64, Vec<&str>)> = BTreeMap::new();
    for (run, file) in runs {
        let name = run.file(file.order()).map_or("", |file| file.name.as_str());
        for (day, flows) in of_run(run, file, sources)? {
            let (all, names) = days.entry(day).or_default();
            *all += flows;
            names.push(name);
        }
    }
    let stored = |(day, (flows, mut names)): (u64, (u64, Vec<&str>))| {
        names.sort_unstable();
        let version = Checksum::of(names.join(" ").as_bytes()).to_string();
        StoredDay { day, flows, version }
    };
    Ok(days.into_iter().map(stored).collect())
}

/// How many flows of a run began on each day.
fn of_run(
    run: &Run,
    file: &Arc<RunFile>,
    sources: &Arc<Vec<Source>>,
) -> Result<BTreeMap<u64, u64>> {
    let first = day(run.min_first.0);
    if first == day(run.max_first.0) {
        return Ok([(first, run.rows)].into());
    }
    let scan = Arc::new(Scan::all(Columns::of(&[Column::First])));
    let mut days = BTreeMap::new();
    for stretch in stretches(file, &scan)? {
        for batch in stretch.read(Arc::clone(&scan), Arc::clone(sources)) {
            for first_ms in batch?.first_ms {
                *days.entry(day(first_ms)).or_default() += 1;
            }
        }
    }
    Ok(days)
}

/// The day of a moment; what no calendar reaches is on its last one.
fn day(first_ms: u64) -> u64 {
    UnixMillis(first_ms).min(UnixMillis::LAST).day()
}
