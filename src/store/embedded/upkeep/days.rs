//! How the flows of runs are spread over days.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::flow::{Column, Columns, UnixMillis};
use crate::store::embedded::folder::manifest::Run;
use crate::store::embedded::run::reader::stretches;
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::{Result, Scan};

impl Run {
    /// The day on which all of its flows began, if they did on one that is no stranger's.
    pub(crate) fn day(&self) -> Option<u64> {
        let day = self.min_first.day();
        (day == self.max_first.day() && !self.stranger).then_some(day)
    }
}

/// The last day that is none to come, as clocks may differ by hours.
pub(crate) fn tomorrow() -> u64 {
    UnixMillis::now().day() + 1
}

/// How many flows of `run` began on each day. Only where these are several is it read.
///
/// # Errors
///
/// What reading it meets.
pub(crate) fn flows_by_day(
    snapshot: &EmbeddedSnapshot,
    run: &OpenRun,
) -> Result<BTreeMap<u64, u64>> {
    let mut days = BTreeMap::new();
    if let Some(day) = run.entry.day() {
        days.insert(day, run.entry.rows);
    } else if let Some(file) = run.files.first() {
        let columns = Columns::of(&[Column::First]);
        let scan = Arc::new(Scan { order: file.order(), ..Scan::all(columns) });
        for stretch in stretches(file, &scan)? {
            for batch in stretch.read(Arc::clone(&scan), Arc::clone(snapshot.sources())) {
                for &first in &batch?.first_ms {
                    *days.entry(UnixMillis(first).day()).or_default() += 1;
                }
            }
        }
    }
    Ok(days)
}
