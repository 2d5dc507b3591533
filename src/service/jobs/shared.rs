//! What the threads of jobs share.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::running::{Reason, Running};
use super::{Job, JobId, Keeper, Options, Work, keeper};

pub(super) struct Shared {
    pub(super) keeper: Box<dyn Keeper>,
    pub(super) work: Box<dyn Work>,
    pub(super) options: Options,
    state: Mutex<State>,
    /// That something may be done now, or that nothing more is to be.
    changed: Condvar,
    /// Held by whoever has a job begin anew, or forgets it or its results.
    forgetting: Mutex<()>,
}

#[derive(Default)]
pub(super) struct State {
    /// Jobs that wait for their turn.
    pub(super) queue: VecDeque<Job>,
    pub(super) running: BTreeMap<JobId, Running>,
    /// Who follows a job.
    pub(super) followed: HashMap<JobId, watch::Sender<Job>>,
    pub(super) last_id: Option<JobId>,
    /// Whether what an earlier process left behind was seen to.
    pub(super) ready: bool,
    pub(super) closing: bool,
}

impl Shared {
    pub(super) fn new(keeper: Box<dyn Keeper>, work: Box<dyn Work>, options: Options) -> Self {
        let (state, changed, forgetting) = Default::default();
        Self { keeper, work, options, state, changed, forgetting }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forgetting(&self) -> MutexGuard<'_, ()> {
        self.forgetting.lock().unwrap_or_else(PoisonError::into_inner)
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
            if let Some(job) = state.queue.pop_front() {
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

impl State {
    /// A job that runs, as it stands.
    pub(super) fn so_far(&self, id: JobId) -> Option<Job> {
        self.running.get(&id).filter(|running| !running.given_up).map(Running::so_far)
    }

    /// Whether a job waits for its turn or has it.
    pub(super) fn is_on_its_way(&self, id: JobId) -> bool {
        self.running.contains_key(&id) || self.queue.iter().any(|job| job.id == id)
    }
}
