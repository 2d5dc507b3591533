//! The writing end: batches become runs on a thread of their own, and each is a commit. Another
//! thread merges the runs of many small commits, if it is asked to.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use super::folder::access::{WriteAccess, lock};
use super::folder::file_names::{NAMES, remembered_name};
use super::folder::lock::Held;
use super::identities::{self, Seen};
use super::ledger::Ledger;
use super::run::set::BatchSorter;
use super::store::EmbeddedStore;
use super::watchlists::Looking;
use super::{checked, names};
use crate::flow::{DatagramId, Names, Remembered, Topic, UnixMillis};
use crate::store::{Load, Result, StoreError, WriteBatch, Writer};

/// Writes batches while the next one is being filled: one is at work, one is with the caller.
pub(super) struct EmbeddedWriter {
    dir: std::path::PathBuf,
    seen: Seen,
    ledger: Ledger,
    jobs: Option<SyncSender<Job>>,
    outcomes: Receiver<Outcome>,
    worker: Option<JoinHandle<()>>,
    tidier: Tidier,
    /// An empty batch with the room of one that was written.
    spare: Option<Box<WriteBatch>>,
    /// Hits of watch lists that nobody was told of.
    hits: u64,
}

enum Job {
    Write(Box<WriteBatch>),
    /// Answered when all jobs before it are done.
    Barrier(SyncSender<()>),
}

enum Outcome {
    /// The datagrams of this batch are in the store now, as of the manifest that is held, with so many
    /// hits of watch lists.
    Committed(Held, Box<WriteBatch>, u64),
    Failed(StoreError),
}

impl EmbeddedWriter {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let access = WriteAccess::open(dir)?;
        let ledger = Ledger::open(&access)?;
        let seen = Seen::new(dir, Held::open(dir, Some(access.current()))?);
        // Nothing waits in the channel: the caller blocks while a batch is at work, so that no more
        // than two are in memory.
        let (jobs, to_do) = sync_channel(0);
        let (done, outcomes) = channel();
        let access = Arc::new(Mutex::new(access));
        let tidier = Tidier {
            store: EmbeddedStore::new(dir),
            access: Arc::clone(&access),
            stop: Arc::default(),
            thread: None,
        };
        let worker = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || work(&access, &to_do, &done))
            .map_err(StoreError::io(dir, "start a thread for"))?;
        Ok(Self {
            dir: dir.to_owned(),
            seen,
            ledger,
            jobs: Some(jobs),
            outcomes,
            worker: Some(worker),
            tidier,
            spare: None,
            hits: 0,
        })
    }

    /// Takes in what the worker did meanwhile.
    fn settle(&mut self) -> Result<()> {
        while let Ok(outcome) = self.outcomes.try_recv() {
            match outcome {
                Outcome::Committed(held, mut batch, hits) => {
                    self.hits += hits;
                    self.seen.committed(held, &batch.datagrams);
                    batch.clear();
                    self.spare = Some(batch);
                }
                Outcome::Failed(error) => {
                    self.jobs = None;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The exporters of flows in the store, which is ours yet.
    fn exporters(&self) -> Result<HashSet<IpAddr>> {
        let manifest = {
            let access = lock(&self.tidier.access);
            access.check()?;
            Arc::clone(access.current())
        };
        Ok(manifest.sources_in_use().map(|source| source.exporter).collect())
    }

    fn send(&mut self, job: Job) -> Result<()> {
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        self.settle()?;
        if sent { Ok(()) } else { Err(self.stopped()) }
    }

    fn stopped(&self) -> StoreError {
        let cause = std::io::Error::other("an earlier batch could not be written");
        StoreError::io(&self.dir, "write")(cause)
    }
}

impl Writer for EmbeddedWriter {
    fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        self.seen.admit(datagram)
    }

    fn write(&mut self, batch: WriteBatch) -> Result<WriteBatch> {
        self.settle()?;
        if batch.is_empty() {
            return Ok(batch);
        }
        self.send(Job::Write(Box::new(batch)))?;
        Ok(self.spare.take().map(|spare| *spare).unwrap_or_default())
    }

    fn commit(&mut self) -> Result<()> {
        let (answer, answered) = sync_channel(1);
        self.send(Job::Barrier(answer))?;
        let reached = answered.recv().is_ok();
        self.settle()?;
        if reached { Ok(()) } else { Err(self.stopped()) }
    }

    fn record(&mut self, load: &Load) -> Result<()> {
        self.ledger.record(load)
    }

    fn name(&mut self, names: &Names) -> Result<()> {
        let exporters = self.exporters()?;
        let path = self.dir.join(NAMES);
        let known: Names = checked::read(&path)?;
        let mut all = known.clone();
        names::make_room(&mut all, &exporters, names);
        all.merge(names);
        if all == known { Ok(()) } else { checked::write(&path, &all) }
    }

    fn remember(&mut self, topic: Topic, memos: &Remembered) -> Result<()> {
        let exporters = self.exporters()?;
        let path = self.dir.join(remembered_name(topic));
        let known: Remembered = checked::read(&path)?;
        let mut all = known.clone();
        all.forget_the_gone(&exporters, memos);
        all.take_in(memos);
        if all == known { Ok(()) } else { checked::write(&path, &all) }
    }

    fn take_hits(&mut self) -> u64 {
        std::mem::take(&mut self.hits)
    }

    fn tidy(&mut self) {
        self.tidier.start();
    }
}

impl Drop for EmbeddedWriter {
    fn drop(&mut self) {
        self.jobs = None;
        self.tidier.end();
        if let Some(worker) = self.worker.take() {
            // A panic there was told on its own thread.
            let _ = worker.join();
        }
    }
}

/// Merges runs while batches are written.
struct Tidier {
    store: EmbeddedStore,
    access: Arc<Mutex<WriteAccess>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tidier {
    /// Sees whether there is anything to merge, on another thread, unless one is at it yet.
    fn start(&mut self) {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let (store, access) = (self.store.clone(), Arc::clone(&self.access));
        let stop = Arc::clone(&self.stop);
        let thread = std::thread::Builder::new().name("store-tidier".into()).spawn(move || {
            if let Err(error) = store.tidy_beside(&access, &stop) {
                tracing::warn!("merge runs: {error}");
            }
        });
        match thread {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => tracing::warn!("start a thread to merge runs: {error}"),
        }
    }

    /// A merge under way is given up; the next writer begins it anew.
    fn end(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there was told on its own thread.
            let _ = thread.join();
        }
    }
}

fn work(access: &Mutex<WriteAccess>, jobs: &Receiver<Job>, done: &Sender<Outcome>) {
    let (mut sorter, mut looking) = (BatchSorter::default(), Looking::default());
    for job in jobs {
        match job {
            Job::Write(mut batch) => {
                let mut access = lock(access);
                let first = access.next_number();
                match write(&mut access, &mut sorter, &mut looking, &mut batch) {
                    Ok((held, hits)) => {
                        // The caller may be gone; the batch is durable all the same.
                        let _ = done.send(Outcome::Committed(held, batch, hits));
                    }
                    Err(error) => {
                        access.discard(first..access.next_number());
                        let _ = done.send(Outcome::Failed(error));
                        return;
                    }
                }
            }
            Job::Barrier(answer) => {
                let _ = answer.send(());
            }
        }
    }
}

/// Makes one batch durable; all of it is in the store then, or nothing. How many hits of watch lists it
/// has is told, too.
pub(super) fn write(
    access: &mut WriteAccess,
    sorter: &mut BatchSorter,
    looking: &mut Looking,
    batch: &mut WriteBatch,
) -> Result<(Held, u64)> {
    access.check()?;
    let begun = Instant::now();
    let dir = access.dir().to_owned();
    // Nobody but the one writer gives places, so the last list that it knows is the store's.
    let sources = sorter.sources.place(batch, access.current());
    let mut runs = Vec::new();
    let WriteBatch { v4, v6, usual, .. } = &*batch;
    for flows in [v4, v6] {
        runs.extend(sorter.write(&dir, flows, sources.len(), usual, || access.take_number())?);
    }
    let identities = by_latest(batch);
    let horizon = batch.usual.horizon();
    let mut draft = access.draft()?;
    draft.manifest.sources = sources;
    draft.manifest.runs.append(&mut runs);
    let files = &mut draft.manifest.identities;
    for (datagrams, latest) in identities {
        identities::add(&dir, datagrams, latest, files, || access.take_number())?;
    }
    identities::merge_small(&dir, files, horizon, || access.take_number())?;
    let hits = looking.look(&dir, &mut draft, batch)?;
    access.commit(draft)?;
    tracing::info!(
        manifest = access.current().number,
        flows = batch.len(),
        datagrams = batch.datagrams.len(),
        runs = access.current().runs.len(),
        ms = begun.elapsed().as_millis(),
        hits,
        "commit"
    );
    Ok((Held::open(&dir, Some(access.current()))?, hits))
}

/// The datagrams of `batch`, and when the latest of their flows began: those of usual days, which
/// are forgotten with them, and apart from these, so that they do not stay as long, those of days
/// to come.
fn by_latest(batch: &WriteBatch) -> [(Vec<DatagramId>, UnixMillis); 2] {
    let firsts = || {
        let all = batch.v4.first_ms.iter().chain(&batch.v6.first_ms);
        all.map(|&first| UnixMillis(first))
    };
    let of_usual = firsts().filter(|&first| !batch.usual.is_ahead(first)).max();
    let of_all = firsts().max();
    let ahead: HashSet<DatagramId> = batch.ahead.iter().copied().collect();
    let usual = batch.datagrams.iter().copied().filter(|id| !ahead.contains(id));
    [
        (usual.collect(), of_usual.unwrap_or_default()),
        (batch.ahead.clone(), of_all.unwrap_or_default()),
    ]
}

#[cfg(test)]
mod tests;
