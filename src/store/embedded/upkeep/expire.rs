//! Deletes flows for their age (retention): whole runs by a manifest that names them no more, and of
//! a run that the cut falls into, a copy of its later part takes its place.
//!
//! It works beside a writer. Runs are copied while others commit; the commit itself goes on from
//! whatever the manifest is by then.

use std::path::Path;
use std::sync::Arc;

use super::rewrite::{merged, rewrite, shape};
use crate::flow::{Column, Columns, TimeRange, UnixMillis};
use crate::row::Order;
use crate::store::durable;
use crate::store::embedded::folder::commit::{Draft, NotCommitted};
use crate::store::embedded::folder::file_names::{EXPIRE_LOCK, cut_run_name};
use crate::store::embedded::folder::lock::{Held, Turn};
use crate::store::embedded::folder::manifest::{Manifest, Run, RunFile};
use crate::store::embedded::run::reader::stretches;
use crate::store::embedded::run::set::SortedFile;
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::embedded::store::EmbeddedStore;
use crate::store::{Expired, Files, Result, Scan};

/// So often runs are copied while others commit, and then once more while they wait: a load of old
/// flows could bring new ones to be cut for ever.
const TRIES: usize = 3;

/// A run that the cut falls into.
struct Cut {
    run: Run,
    /// What takes its place.
    rest: Run,
    /// What of it goes.
    gone: Expired,
}

/// Where copies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Store,
    /// Nowhere: it is only asked how large they would be.
    Nothing,
}

impl EmbeddedStore {
    /// What [`Self::expire_before`] would do just now. Nothing is written for it.
    pub(crate) fn would_expire(&self, before: UnixMillis) -> Result<Expired> {
        let snapshot = self.open()?;
        let mut cuts = Vec::new();
        self.cut(&snapshot, before, Output::Nothing, &mut cuts)?;
        let mut manifest = Manifest::clone(snapshot.manifest());
        // Whatever the cut falls into in this manifest was cut.
        Ok(leave_out(&mut manifest, before, &cuts).unwrap_or_default())
    }

    /// Deletes every flow that began before `before`, and the identities of datagrams that have no
    /// flow left, as far as whole files hold no others.
    pub(crate) fn expire_before(&self, before: UnixMillis) -> Result<Expired> {
        drop(Held::open(self.dir(), None)?);
        let _turn = Turn::wait(self.dir(), EXPIRE_LOCK)?;
        let mut cuts = Vec::new();
        let mut tried = 0;
        loop {
            let waiting = (tried == TRIES).then(|| Draft::begin(self.dir(), None)).transpose()?;
            self.cut(&self.open()?, before, Output::Store, &mut cuts)?;
            let mut draft = match waiting {
                Some(draft) => draft,
                None => Draft::begin(self.dir(), None)?,
            };
            if let Some(expired) = leave_out(&mut draft.manifest, before, &cuts) {
                return self.commit_expired(draft, expired, &cuts);
            }
            // A run came meanwhile that is to be cut as well.
            tried += 1;
        }
    }

    fn commit_expired(&self, draft: Draft, mut expired: Expired, cuts: &[Cut]) -> Result<Expired> {
        let base = Arc::clone(draft.base());
        let committed =
            if same_files(&base, &draft.manifest) { Ok(draft.give_up()) } else { draft.commit() };
        let current = committed.map_err(|NotCommitted { error, unsure }| {
            if !unsure {
                self.remove_copied_in_vain(cuts, &base);
            }
            error
        })?;
        self.remove_copied_in_vain(cuts, &current);
        tracing::info!(manifest = current.number, flows = expired.flows, "expire");
        if let Some(files) = &mut expired.files {
            files.held_bytes = still_there(self.dir(), &base, &current);
        }
        Ok(expired)
    }

    /// Copies what `before` leaves of the runs of `snapshot` that it falls into, unless `cuts` has
    /// them already.
    fn cut(
        &self,
        snapshot: &EmbeddedSnapshot,
        before: UnixMillis,
        output: Output,
        cuts: &mut Vec<Cut>,
    ) -> Result<()> {
        for run in snapshot.runs().iter().filter(|run| falls_into(&run.entry, before)) {
            if cuts.iter().any(|cut| cut.run == run.entry) {
                continue;
            }
            let cut = cut_run(self.dir(), snapshot, run, before, output);
            if cut.is_err() && output == Output::Store {
                for order in Order::EVERY {
                    let name = cut_run_name(run.entry.number, before, order);
                    let _ = std::fs::remove_file(self.dir().join(name));
                }
            }
            cuts.push(cut?);
        }
        Ok(())
    }

    /// Deletes the copies of runs that no manifest came to name: another merged the runs away
    /// meanwhile, or the commit failed. A crash leaves them to the next writer.
    fn remove_copied_in_vain(&self, cuts: &[Cut], current: &Manifest) {
        let named = |name: &str| current.file_names().any(|known| known == name);
        let files = cuts.iter().flat_map(|cut| &cut.rest.files);
        for file in files.filter(|file| !named(&file.name)) {
            let _ = std::fs::remove_file(self.dir().join(&file.name));
        }
    }
}

/// Whether `before` leaves a part of the run.
pub(crate) fn falls_into(run: &Run, before: UnixMillis) -> bool {
    run.min_first.is_before(before) && !run.max_first.is_before(before)
}

/// Takes out of `manifest` what began before `before`; None if a run is to be cut that is not in
/// `cuts`, and then `manifest` is of no use.
fn leave_out(manifest: &mut Manifest, before: UnixMillis, cuts: &[Cut]) -> Option<Expired> {
    let (bytes, datagrams) = (manifest.bytes(), datagrams(manifest));
    let mut expired = Expired::default();
    let mut files = Files::default();
    let mut left = Vec::with_capacity(manifest.runs.len());
    for run in manifest.runs.drain(..) {
        if run.max_first.is_before(before) {
            files.runs_dropped += 1;
            expired.add(run.rows, run.min_first, run.max_first);
        } else if falls_into(&run, before) {
            let cut = cuts.iter().find(|cut| cut.run == run)?;
            files.runs_cut += 1;
            expired.merge(&cut.gone);
            left.push(cut.rest.clone());
        } else {
            left.push(run);
        }
    }
    manifest.runs = left;
    // Every flow of these datagrams began before, and is gone.
    manifest.identities.retain(|file| file.latest >= before);
    files.datagrams = datagrams - self::datagrams(manifest);
    files.bytes_left = manifest.bytes();
    files.bytes = bytes.saturating_sub(files.bytes_left);
    files.flows_left = manifest.flows();
    expired.files = Some(files);
    Some(expired)
}

fn datagrams(manifest: &Manifest) -> u64 {
    manifest.identities.iter().map(|file| file.count).sum()
}

fn same_files(a: &Manifest, b: &Manifest) -> bool {
    a.runs == b.runs && a.identities == b.identities
}

/// How many bytes of `base` that `current` does not name are on disk yet.
fn still_there(dir: &Path, base: &Manifest, current: &Manifest) -> u64 {
    let gone = base.file_names().filter(|name| !current.file_names().any(|known| known == *name));
    gone.filter_map(|name| std::fs::metadata(dir.join(name)).ok()).map(|file| file.len()).sum()
}

/// Copies the flows of `run` from `before` on; at least one is.
fn cut_run(
    dir: &Path,
    snapshot: &EmbeddedSnapshot,
    run: &OpenRun,
    before: UnixMillis,
    output: Output,
) -> Result<Cut> {
    let file = |order| cut_file(dir, snapshot, run, before, order, output);
    let (src, (dst, nat)) =
        rayon::join(|| file(Order::Src), || (file(Order::Dst), file(Order::Nat)));
    let mut files = Vec::new();
    let mut kept = Expired::default();
    for (file, rows) in [src?, dst?].into_iter().flatten() {
        files.push(file);
        kept = rows;
    }
    // Of the flows behind a NAT none may be left.
    files.extend(nat?.map(|(file, _)| file));
    let gone = gone(snapshot, run, before)?;
    let (Some(min_first), Some(max_first), true) =
        (kept.first, kept.last, kept.flows + gone.flows == run.entry.rows)
    else {
        let detail = format!(
            "{} flows before {before} and {} from then on, the manifest says {}",
            gone.flows, kept.flows, run.entry.rows
        );
        return Err(run.files.first().map_or_else(
            || crate::StoreError::damaged(dir, detail.clone()),
            |file| file.damaged(detail.clone()),
        ));
    };
    let rest =
        Run { rows: kept.flows, min_first, max_first, files, sums: None, ..run.entry.clone() };
    Ok(Cut { run: run.entry.clone(), rest, gone })
}

/// Copies the file of `run` in `order`, if there is one; says what it holds then.
fn cut_file(
    dir: &Path,
    snapshot: &EmbeddedSnapshot,
    run: &OpenRun,
    before: UnixMillis,
    order: Order,
    output: Output,
) -> Result<Option<(RunFile, Expired)>> {
    let (Some(_), Some(shape)) = (run.file(order), shape(&[run])?) else { return Ok(None) };
    let name = cut_run_name(run.entry.number, before, order);
    let to = match output {
        Output::Store => {
            // A crash may have left one: no manifest names it, as this run is not cut yet.
            durable::remove(&dir.join(&name))?;
            SortedFile::create(dir, name, shape, order)?
        }
        Output::Nothing => SortedFile::measure(name, shape, order)?,
    };
    let time = TimeRange { since: before, until: UnixMillis::MAX };
    let mut kept = Expired::default();
    let file = rewrite(merged(snapshot, &[run], order, time)?, to, |batch| {
        count(&mut kept, &batch.first_ms);
        true
    })?;
    Ok(file.map(|file| (file, kept)))
}

/// The flows of `run` before `before`.
fn gone(snapshot: &EmbeddedSnapshot, run: &OpenRun, before: UnixMillis) -> Result<Expired> {
    let mut gone = Expired::default();
    let Some(file) = run.files.first() else { return Ok(gone) };
    let time = TimeRange { since: UnixMillis::EPOCH, until: before };
    let columns = Columns::of(&[Column::First]);
    let scan = Arc::new(Scan { order: file.order(), time, ..Scan::all(columns) });
    for stretch in stretches(file, &scan)? {
        for batch in stretch.read(Arc::clone(&scan), Arc::clone(snapshot.sources())) {
            count(&mut gone, &batch?.first_ms);
        }
    }
    Ok(gone)
}

fn count(to: &mut Expired, first_ms: &[u64]) {
    if let (Some(&first), Some(&last)) = (first_ms.iter().min(), first_ms.iter().max()) {
        to.add(first_ms.len() as u64, UnixMillis(first), UnixMillis(last));
    }
}
