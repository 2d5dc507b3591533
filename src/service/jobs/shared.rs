//! What the threads of jobs share.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;

use super::running::{Reason, Running};
use super::{Job, JobId, Keeper, Kind, Options, Status, Work, keeper};
use crate::flow::UnixMillis;

pub(super) struct Shared {
    pub(super) keeper: Box<dyn Keeper>,
    pub(super) work: Box<dyn Work>,
    pub(super) options: Options,
    state: Mutex<State>,
    /// That something may be done now, or that nothing more is to be.
    changed: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
pub(super) struct State {
    /// Jobs that wait for their turn.
    pub(super) queue: VecDeque<Job>,
    pub(super) running: BTreeMap<JobId, Running>,
    /// Who follows a job.
    pub(super) followed: HashMap<JobId, watch::Sender<Job>>,
    /// Jobs that nobody asked to start yet, and who made each.
    pub(super) made: BTreeMap<JobId, String>,
    /// Jobs that begin anew just now, or are forgotten, or their results.
    changing: BTreeSet<JobId>,
    /// What became of jobs, and was not taken by the keeper, which has them in another status.
    pub(super) unkept: BTreeMap<JobId, (Job, Status)>,
    last_id: Option<JobId>,
    /// Whether what an earlier process left behind was seen to.
    pub(super) ready: bool,
    pub(super) closing: bool,
}

impl Shared {
    pub(super) fn new(keeper: Box<dyn Keeper>, work: Box<dyn Work>, options: Options) -> Self {
        let (state, changed, threads) = Default::default();
        Self { keeper, work, options, state, changed, threads }
    }

    /// Has a thread do `work`.
    pub(super) fn spawn(self: &Arc<Self>, name: &str, work: fn(&Arc<Self>)) -> io::Result<()> {
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || work(&shared))?;
        self.threads().push(thread);
        Ok(())
    }

    /// All of its threads.
    pub(super) fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to have a job begin anew, or to forget it or its results; none while another has
    /// it.
    pub(super) fn claim(&self, id: JobId) -> Option<Claim<'_>> {
        self.state().changing.insert(id).then_some(Claim { shared: self, id })
    }

    /// Wakes the threads up that wait.
    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Waits until somebody wakes this up, or for so long.
    pub(super) fn wait(&self, most: Duration) {
        let state = self.state();
        if !state.closing {
            drop(self.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The job whose turn it is, which runs from then on; waits for one. None when nothing more is to
    /// be done.
    pub(super) fn next(&self) -> Option<Running> {
        let mut state = self.state();
        loop {
            if state.closing {
                return None;
            }
            if let Some(job) = state.take_next() {
                let running = Running::new(job);
                state.running.insert(running.job.id, running.clone());
                return Some(running);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The job as it stands.
    pub(super) fn job(&self, id: JobId) -> keeper::Result<Option<Job>> {
        let so_far = self.state().so_far(id);
        if so_far.is_some() { Ok(so_far) } else { self.keeper.job(id) }
    }

    /// Forgets the results of a job, with what its work left elsewhere.
    pub(super) fn clear(&self, job: &Job) -> keeper::Result<()> {
        self.undo(job)?;
        self.keeper.clear(job)
    }

    /// Forgets a job, with its results and what its work left elsewhere.
    pub(super) fn remove(&self, job: &Job) -> keeper::Result<()> {
        self.undo(job)?;
        self.keeper.remove(job)
    }

    fn undo(&self, job: &Job) -> keeper::Result<()> {
        if job.kind == Kind::Export
            && let Some(first) = self.keeper.results(job, 0, 1)?.first()
        {
            self.work.undo(job, first);
        }
        Ok(())
    }

    /// Tells those who follow it how a job stands.
    pub(super) fn tell(&self, job: &Job) {
        if let Some(sender) = self.state().followed.get(&job.id) {
            sender.send_if_modified(|told| {
                // What was seen of it before its end may be told after that.
                let is_late =
                    told.status.is_over() && told.started == job.started && !job.status.is_over();
                let is_new = !is_late && told != job;
                if is_new {
                    told.clone_from(job);
                }
                is_new
            });
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.state().closing
    }

    /// Has everything come to an end.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closing = true;
        state.running.values_mut().for_each(|running| running.stop(Reason::Closing));
        drop(state);
        self.wake();
    }
}

/// See [`Shared::claim`].
pub(super) struct Claim<'a> {
    shared: &'a Shared,
    id: JobId,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.shared.state().changing.remove(&self.id);
    }
}

impl State {
    /// Takes the first job of the queue whose turn it is. A store has one writer, so loads go one
    /// after the other.
    fn take_next(&mut self) -> Option<Job> {
        let loads = self.running.values().any(|running| running.job.kind == Kind::Load);
        let next = self.queue.iter().position(|job| !loads || job.kind != Kind::Load)?;
        self.queue.remove(next)
    }

    /// An id that was not given before.
    pub(super) fn new_id(&mut self, now: UnixMillis) -> JobId {
        let id = match self.last_id {
            Some(last) if last >= JobId::at(now) => last.next(),
            _ => JobId::at(now),
        };
        self.last_id = Some(id);
        id
    }

    /// How many jobs nobody asked to start, and how many of them `owner` made.
    pub(super) fn made_by(&self, owner: &str) -> (usize, usize) {
        (self.made.len(), self.made.values().filter(|&by| by == owner).count())
    }

    /// A job as it stands, where its keeper does not have it so.
    pub(super) fn so_far(&self, id: JobId) -> Option<Job> {
        let running = self.running.get(&id).filter(|running| !running.given_up);
        let unkept = || self.unkept.get(&id).map(|(job, _)| job.clone());
        running.map(Running::so_far).or_else(unkept)
    }

    /// All jobs that their keeper does not have as they stand.
    pub(super) fn all_so_far(&self) -> BTreeMap<JobId, Job> {
        let ids = self.running.keys().chain(self.unkept.keys());
        ids.filter_map(|&id| Some((id, self.so_far(id)?))).collect()
    }

    /// Takes note that a job is none any more of those that wait.
    pub(super) fn leaves(&mut self, id: JobId) {
        self.queue.retain(|job| job.id != id);
        self.made.remove(&id);
        self.unkept.remove(&id);
    }

    /// Whether a job waits for its turn or has it.
    pub(super) fn is_on_its_way(&self, id: JobId) -> bool {
        self.running.contains_key(&id) || self.queue.iter().any(|job| job.id == id)
    }
}
