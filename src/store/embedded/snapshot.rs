//! The store as of one commit, and the scans of it (snapshot isolation).

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::days;
use super::folder::file_names::{LEDGER, NAMES};
use super::folder::lock::Held;
use super::folder::manifest::{Manifest, Run};
use super::run::file::RunFile;
use super::run::merge::{in_key_order, key_columns};
use super::run::reader::{Stretch, stretches};
use super::run::schema::PAGE_ROWS;
use super::sums;
use crate::flow::{Column, Family, Source};
use crate::row::{Order, Predicate, Verdict};
use crate::store::{
    Access, FlowStream, Plan, Reading, Region, Result, RunSize, Scan, Size, Snapshot, StoredDay,
    few_cuts,
};

/// Why a question for addresses behind a NAT is answered by a look at everything.
const LACKS_NAT_ORDER: &str = "runs that an earlier version may have written are looked through: it \
                               sorted none by addresses behind a NAT, as compact does";

/// A run of the snapshot, and its files.
#[derive(Debug, Clone)]
pub(super) struct OpenRun {
    pub entry: Run,
    pub files: Vec<Arc<RunFile>>,
    /// In the order of the entry's sums.
    pub sums: Vec<Arc<RunFile>>,
}

impl OpenRun {
    pub(super) fn file(&self, order: Order) -> Option<&Arc<RunFile>> {
        self.files.iter().find(|file| file.order() == order)
    }

    /// What to read for `scan`, which may find something in `file`: of the sums, where they give it
    /// what it looks for, or else of the file.
    fn found(&self, file: &Arc<RunFile>, scan: &Arc<Scan>) -> Result<Found> {
        let sums = sums::answer(&self.entry, scan);
        let Some((file, groups)) = sums.and_then(|(at, groups)| Some((self.sums.get(at)?, groups)))
        else {
            let stretches = stretches(file, scan)?;
            return Ok(Found { stretches, scan: Arc::clone(scan), sums: 0 });
        };
        let scan = Arc::new(sums::reading(scan, file.order()));
        let mut stretches = stretches(file, &scan)?;
        stretches.retain(|stretch| groups.contains(&stretch.group));
        Ok(Found { stretches, scan, sums: 1 })
    }

    /// The file to read for `scan`, if anything that it looks for may be in this run, by what the
    /// manifest says of it.
    fn candidate(&self, scan: &Scan) -> Option<&Arc<RunFile>> {
        let entry = self.entry.file(scan.order)?;
        let leads = scan.lead.as_ref().is_none_or(|lead| lead.meets(&entry.lead));
        let in_time = scan.time.overlaps(self.entry.min_first, self.entry.max_first);
        let passes = scan.predicate.as_ref().is_none_or(|predicate| {
            let bounds = |column| self.entry.bounds(column);
            predicate.verdict(self.entry.family, &bounds) > Verdict::None
        });
        (leads && in_time && passes).then(|| self.file(scan.order)).flatten()
    }
}

/// What of a run is read for a scan.
struct Found {
    /// In key order, unless they are of sums.
    stretches: Vec<Stretch>,
    /// The scan as it is read.
    scan: Arc<Scan>,
    /// 1 where they are of sums.
    sums: u64,
}

/// The embedded store as of one commit. The files that it reads stay while it lives.
#[derive(Debug)]
pub(super) struct EmbeddedSnapshot {
    dir: PathBuf,
    held: Held,
    runs: Vec<OpenRun>,
    sources: Arc<Vec<Source>>,
}

impl EmbeddedSnapshot {
    pub(super) fn new(dir: &Path, held: Held, runs: Vec<OpenRun>) -> Self {
        let sources = Arc::new(held.manifest().sources.clone());
        Self { dir: dir.to_owned(), held, runs, sources }
    }

    pub(super) fn manifest(&self) -> &Arc<Manifest> {
        self.held.manifest()
    }

    pub(super) fn runs(&self) -> &[OpenRun] {
        &self.runs
    }

    pub(super) fn sources(&self) -> &Arc<Vec<Source>> {
        &self.sources
    }

    /// `scan`, or what finds the same where a run of its time may have flows that its order lacks.
    fn within_orders(&self, scan: &Scan) -> Scan {
        let manifest = self.manifest();
        let lacks = |run: &OpenRun| {
            scan.order == Order::Nat
                && scan.time.overlaps(run.entry.min_first, run.entry.max_first)
                && !manifest.has_all_behind_nat(&run.entry)
        };
        if self.runs.iter().any(lacks) { scan.within_ends() } else { scan.clone() }
    }

    /// What `scan` must read, run by run.
    fn found(&self, scan: &Arc<Scan>) -> Result<Vec<(Family, Found)>> {
        let mut all = Vec::new();
        for run in &self.runs {
            let Some(file) = run.candidate(scan) else { continue };
            let found = run.found(file, scan)?;
            if !found.stretches.is_empty() {
                scan.meter.add(Reading { runs: 1, sums: found.sums, ..Reading::default() });
                all.push((file.family(), found));
            }
        }
        Ok(all)
    }
}

impl Snapshot for EmbeddedSnapshot {
    fn version(&self) -> Option<String> {
        // Names and the ledger are written beside the manifest, after it.
        let stamp = |name| {
            let file = fs::metadata(self.dir.join(name)).ok()?;
            Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
        };
        Some(format!("{} {:?}", self.manifest().number, [NAMES, LEDGER].map(stamp)))
    }

    fn days(&self) -> Result<Option<Vec<StoredDay>>> {
        let runs = self.runs.iter();
        let runs = runs.filter_map(|run| Some((&run.entry, run.file(Order::Src)?)));
        days::of_runs(runs, &self.sources).map(Some)
    }

    fn may_be_sampled(&self) -> bool {
        self.manifest().sources_in_use().any(|source| source.sampling.interval > 1)
    }

    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let scan = Arc::new(self.within_orders(scan));
        let runs = self.found(&scan)?;
        tracing::debug!(
            runs = runs.len(),
            of = self.runs.len(),
            stretches = runs.iter().map(|(_, found)| found.stretches.len()).sum::<usize>(),
            order = %scan.order,
            "scan"
        );
        let parts = |found: Found| {
            let part = |stretch| Part {
                stretch,
                scan: Arc::clone(&found.scan),
                sources: Arc::clone(&self.sources),
                held: self.held.clone(),
            };
            found.stretches.into_iter().map(part).collect::<Vec<Part>>()
        };
        let runs = runs.into_iter().map(|(family, found)| (family, parts(found)));
        if !scan.ordered {
            let parts = runs.flat_map(|(_, parts)| parts);
            return Ok(parts.map(|part| Box::new(part) as Box<dyn Region>).collect());
        }
        let runs: Vec<(Family, Vec<Part>)> = runs.collect();
        let ordered = |family| {
            let runs: Vec<Vec<Part>> = runs
                .iter()
                .filter(|(of, _)| *of == family)
                .map(|(_, parts)| parts.clone())
                .collect();
            (!runs.is_empty()).then(|| Box::new(Merged { family, runs }) as Box<dyn Region>)
        };
        Ok(Family::ALL.into_iter().filter_map(ordered).collect())
    }

    fn cuts(&self, scan: &Scan) -> Result<Vec<IpAddr>> {
        let mut leads = Vec::new();
        for run in &self.runs {
            let Some(file) = run.candidate(scan) else { continue };
            let (family, column) = (file.lead_family(), file.order().columns().0);
            for group in 0..file.groups()?.len() {
                let pages = file.bounds(group, column)?;
                leads.extend(pages.iter().map(|&(first, _)| family.address(first)));
            }
        }
        Ok(few_cuts(leads))
    }

    fn is_in_order(&self, scan: &Scan) -> bool {
        self.within_orders(scan).order == scan.order
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        let asked = scan;
        let scan = &Arc::new(self.within_orders(scan));
        let mut plan = Plan {
            access: if scan.lead.is_some() { Access::Range } else { Access::Filter },
            runs: (0, 0),
            blocks: (0, 0),
            pages: (0, 0),
            notes: Vec::new(),
        };
        let mut summed = 0;
        for run in &self.runs {
            plan.runs.0 += 1;
            let Some(file) = run.candidate(scan) else {
                // What is in a run that is not opened is told from the manifest alone.
                plan.pages.0 += run.entry.rows.div_ceil(PAGE_ROWS as u64);
                plan.blocks.0 += run.entry.rows.div_ceil(super::run::schema::ROW_GROUP_ROWS as u64);
                continue;
            };
            let groups = file.groups()?;
            plan.blocks.0 += groups.len() as u64;
            plan.pages.0 += groups.iter().map(|rows| rows.div_ceil(PAGE_ROWS) as u64).sum::<u64>();
            let Found { stretches, sums, .. } = run.found(file, scan)?;
            summed += if stretches.is_empty() { 0 } else { sums };
            let mut blocks: Vec<usize> = stretches.iter().map(|stretch| stretch.group).collect();
            blocks.dedup();
            plan.runs.1 += u64::from(!blocks.is_empty());
            plan.blocks.1 += blocks.len() as u64;
            plan.pages.1 += stretches.iter().map(|stretch| stretch.pages.len() as u64).sum::<u64>();
        }
        if summed > 0 {
            plan.notes.push(format!("sums of flows are read in place of {summed} of the runs"));
        }
        if asked.order != scan.order {
            plan.notes.push(LACKS_NAT_ORDER.to_owned());
        }
        for term in scan.predicate.iter().flat_map(Predicate::conjuncts) {
            let told = term.columns().iter().any(Column::has_bounds);
            let on = if told { "on the bounds of pages, then on rows" } else { "on rows" };
            plan.notes.push(format!("tested {on}: {term}"));
        }
        Ok(plan)
    }

    fn counted(&self) -> Option<u64> {
        Some(self.held.manifest().flows())
    }

    fn summed(&self, scan: &Scan) -> (u64, u64) {
        let candidates = self.runs.iter().filter(|run| run.candidate(scan).is_some());
        candidates.fold((0, 0), |(summed, all), OpenRun { entry, .. }| {
            let of_run = sums::answer(entry, scan).map_or(0, |_| entry.rows);
            (summed + of_run, all + entry.rows)
        })
    }

    fn size(&self) -> Result<Size> {
        let manifest = self.held.manifest();
        let size = |run: &Run| RunSize {
            number: run.number,
            family: run.family,
            flows: run.rows,
            bytes: run.bytes(),
            earliest: run.min_first,
            latest: run.max_first,
        };
        Ok(Size {
            bytes: Some(manifest.bytes()),
            runs: manifest.runs.iter().map(size).collect(),
            ..Size::default()
        })
    }
}

/// A stretch, with all that reading it takes.
#[derive(Clone)]
struct Part {
    stretch: Stretch,
    scan: Arc<Scan>,
    sources: Arc<Vec<Source>>,
    // A region may outlive its snapshot; its files must not go before it.
    held: Held,
}

impl Part {
    fn stream(self) -> FlowStream {
        let held = self.held;
        let stream = self.stretch.read(self.scan, self.sources);
        Box::new(stream.inspect(move |_| {
            let _ = &held;
        }))
    }
}

impl Region for Part {
    fn read(self: Box<Self>) -> FlowStream {
        self.stream()
    }

    fn rows(&self) -> Option<u64> {
        Some(self.stretch.rows())
    }
}

/// All of one family that an ordered scan finds, merged from its runs.
struct Merged {
    family: Family,
    runs: Vec<Vec<Part>>,
}

impl Region for Merged {
    fn read(mut self: Box<Self>) -> FlowStream {
        let Some(Part { scan, sources, .. }) =
            self.runs.first().and_then(|run| run.first()).cloned()
        else {
            return Box::new(std::iter::empty());
        };
        if self.runs.len() == 1 {
            return chain(self.runs.remove(0));
        }
        let columns = scan.columns;
        let keyed = columns | key_columns(scan.order);
        let keyed = Arc::new(Scan { columns: keyed, ..Scan::clone(&scan) });
        let streams = self
            .runs
            .into_iter()
            .map(|run| {
                chain(
                    run.into_iter().map(|part| Part { scan: Arc::clone(&keyed), ..part }).collect(),
                )
            })
            .collect();
        let merged = in_key_order(streams, scan.order, self.family, sources);
        Box::new(merged.map(move |batch| batch.map(|batch| batch.project(columns))))
    }

    fn rows(&self) -> Option<u64> {
        Some(self.runs.iter().flatten().map(|part| part.stretch.rows()).sum())
    }
}

/// One part after another, each opened when the one before it is done; nothing after an error.
fn chain(parts: Vec<Part>) -> FlowStream {
    let mut failed = false;
    let batches = parts.into_iter().flat_map(Part::stream);
    Box::new(batches.map_while(move |batch| {
        let after_error = std::mem::replace(&mut failed, batch.is_err());
        (!after_error).then_some(batch)
    }))
}
