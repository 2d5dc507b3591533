//! The order of addresses behind a NAT, of runs of earlier versions, which did not write it.

use std::path::PathBuf;

use crate::flow::{FlowBatch, TimeRange, UnixMillis, nat_leads, saturated_u32};
use crate::row::Order;
use crate::store::Result;
use crate::store::embedded::folder::file_names::part_name;
use crate::store::embedded::folder::manifest::Run;
use crate::store::embedded::run::merge::place;
use crate::store::embedded::run::set::SortedFile;
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::embedded::store::open_run;

use super::rewrite::{merged, shape};

/// So many rows are sorted at once.
const PART_ROWS: usize = 1 << 18;

/// What runs without a file in that order have in it, as runs of no more than so many rows each,
/// which have only such a file. They are in no manifest, and go with this.
pub(super) struct Parts {
    dir: PathBuf,
    runs: Vec<OpenRun>,
}

impl Parts {
    /// Those of `runs`, which are of one family, in files named after the run `number`.
    ///
    /// # Errors
    ///
    /// What reading and writing runs meets.
    pub(super) fn write(
        snapshot: &EmbeddedSnapshot,
        dir: &std::path::Path,
        runs: &[&OpenRun],
        number: u64,
    ) -> Result<Self> {
        let mut parts = Self { dir: dir.to_owned(), runs: Vec::new() };
        for run in runs {
            if snapshot.manifest().has_all_behind_nat(&run.entry) {
                continue;
            }
            let mut led = FlowBatch::new(run.entry.family);
            for batch in merged(snapshot, &[run], Order::Src, TimeRange::ALL)? {
                append_led(&mut led, &batch?);
                if led.len() >= PART_ROWS {
                    parts.add(run, number, &led)?;
                    led.clear();
                }
            }
            parts.add(run, number, &led)?;
        }
        Ok(parts)
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &OpenRun> {
        self.runs.iter()
    }

    /// Writes `led`, which are of `run`.
    fn add(&mut self, run: &OpenRun, number: u64, led: &FlowBatch) -> Result<()> {
        let Some(shape) = shape(&[run])?.filter(|_| !led.is_empty()) else { return Ok(()) };
        let mut rows: Vec<u32> = (0..saturated_u32(led.len())).collect();
        rows.sort_unstable_by_key(|&row| place(led, row as usize, Order::Nat));
        let name = part_name(number, self.runs.len());
        let mut file = SortedFile::create(&self.dir, name, shape, Order::Nat)?;
        file.append(&led.take_rows(&rows))?;
        let rest = (UnixMillis::EPOCH, UnixMillis::MAX);
        let entry = Run {
            rows: led.len() as u64,
            min_first: rest.0,
            max_first: rest.1,
            files: vec![file.finish()?],
            sums: None,
            ..run.entry.clone()
        };
        self.runs.push(open_run(&self.dir, entry));
        Ok(())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for file in self.runs.iter().flat_map(|run| &run.entry.files) {
            // What stays is in no manifest: the next writer deletes it.
            let _ = std::fs::remove_file(self.dir.join(&file.name));
        }
    }
}

/// Appends the rows of `batch` to `led` once for each address behind a NAT that they have.
fn append_led(led: &mut FlowBatch, batch: &FlowBatch) {
    let (mut rows, mut leads) = (Vec::new(), Vec::new());
    for row in 0..saturated_u32(batch.len()) {
        for lead in nat_leads(batch.extras.get(row as usize)) {
            rows.push(row);
            leads.push(lead);
        }
    }
    let mut taken = batch.take_rows(&rows);
    taken.extend_nat_leads(&leads);
    led.append_rows(&taken, 0..taken.len());
}
