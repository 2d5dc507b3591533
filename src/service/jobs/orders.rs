//! Orders: what can be asked of jobs.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::running::Reason;
use super::shared::Shared;
use super::{
    Job, JobId, JobsError, Keeper, KeeperError, NewJob, Options, Status, Work, expiry, upkeep,
    worker,
};
use crate::flow::UnixMillis;

/// So long is it waited until what an earlier process left behind was seen to.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// The jobs of a service, and the threads that carry them out. Its calls wait for the keeper, so they
/// are no work for threads that must not wait.
pub struct Jobs {
    shared: Arc<Shared>,
}

type Result<T, E = JobsError> = std::result::Result<T, E>;

impl Jobs {
    /// The jobs of `keeper`, also those that an earlier process left behind, of which none is
    /// carried out before they [`begin`](Self::begin).
    pub fn new(keeper: Box<dyn Keeper>, work: Box<dyn Work>, options: Options) -> Self {
        Self { shared: Arc::new(Shared::new(keeper, work, options)) }
    }

    /// As [`Self::new`], and begins.
    ///
    /// # Errors
    ///
    /// As [`Self::begin`].
    pub fn open(
        keeper: Box<dyn Keeper>,
        work: Box<dyn Work>,
        options: Options,
    ) -> io::Result<Self> {
        let jobs = Self::new(keeper, work, options);
        jobs.begin()?;
        Ok(jobs)
    }

    /// Has threads carry jobs out. Where the keeper does not answer yet, which is waited for for a
    /// moment, orders are refused until it does.
    ///
    /// # Errors
    ///
    /// If there are no threads to be had.
    pub fn begin(&self) -> io::Result<()> {
        self.shared.spawn("jobs", upkeep::look_after)?;
        self.shared.spawn("jobs-old", expiry::look_after)?;
        for _ in 0..self.shared.options.at_once.max(1) {
            self.shared.spawn("job", worker::work)?;
        }
        let began = Instant::now();
        while !self.shared.state().ready && began.elapsed() < READY_WITHIN {
            self.shared.wait(READY_WITHIN / 100);
        }
        Ok(())
    }

    /// Makes a job, which waits to be started.
    ///
    /// # Errors
    ///
    /// [`JobsError::Refused`] if it asks for what cannot be, [`JobsError::TooManyMade`].
    pub fn create(&self, new: NewJob) -> Result<Job> {
        self.ready()?;
        new.check()?;
        self.shared.work.check(new.kind, &new.parameters)?;
        let (all, his) = self.shared.state().made_by(&new.owner);
        let most = self.shared.options.max_made;
        if all >= most || his >= most.div_ceil(2) {
            return Err(JobsError::TooManyMade(his));
        }
        let created = UnixMillis::now();
        let mut job = Job::new(self.shared.state().new_id(created), new, created);
        loop {
            match self.shared.keeper.add(&job) {
                Ok(()) => break,
                // From before a clock was set back, or by another process.
                Err(KeeperError::Exists(_)) => job.id = self.shared.state().new_id(created),
                Err(error) => return Err(error.into()),
            }
        }
        self.shared.state().made.insert(job.id, job.owner.clone());
        Ok(job)
    }

    /// Makes a job, and has it wait for its turn. Where it cannot, there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::create`] and [`Self::start`].
    pub fn create_started(&self, new: NewJob) -> Result<Job> {
        let made = self.create(new)?;
        self.start(made.id).inspect_err(|_| {
            if let Err(error) = self.delete(made.id) {
                tracing::warn!(job = %made.id, "it is left behind: {error}");
            }
        })
    }

    /// The job with this id, as it stands.
    ///
    /// # Errors
    ///
    /// [`JobsError::Unknown`] if there is none.
    pub fn get(&self, id: JobId) -> Result<Job> {
        self.shared.job(id)?.ok_or(JobsError::Unknown(id))
    }

    /// Jobs as they stand, the newest first: `limit` of them behind the first `offset`.
    ///
    /// # Errors
    ///
    /// [`JobsError::Keeper`].
    pub fn list(&self, offset: u64, limit: u64) -> Result<Vec<Job>> {
        // What ends while the keeper is read is told as it has it.
        let so_far = self.shared.state().all_so_far();
        let mut jobs = self.shared.keeper.jobs(offset, limit)?;
        for job in jobs.iter_mut().filter(|job| !job.status.is_over()) {
            if let Some(so_far) = so_far.get(&job.id) {
                job.clone_from(so_far);
            }
        }
        Ok(jobs)
    }

    /// Has a job wait for its turn. One that failed or was given up begins anew.
    ///
    /// # Errors
    ///
    /// [`JobsError::Conflict`] if it is on its way, or at its end; [`JobsError::Full`].
    pub fn start(&self, id: JobId) -> Result<Job> {
        self.ready()?;
        let conflict = |status| JobsError::Conflict { id, status, order: "started" };
        let _claim = self.shared.claim(id).ok_or_else(|| conflict("being changed"))?;
        let job = self.get(id)?;
        let state = self.shared.state();
        if state.is_on_its_way(id) {
            return Err(conflict("on its way"));
        }
        if state.queue.len() >= self.shared.options.max_queued {
            return Err(JobsError::Full(state.queue.len()));
        }
        // What became of it may not have been kept yet.
        let kept = state.unkept.get(&id).map_or(job.status, |&(_, kept)| kept);
        drop(state);
        if !job.status.may_become(Status::Created) {
            return Err(conflict(job.status.name()));
        }
        if job.status != Status::Created {
            self.shared.clear(&job)?;
        }
        let next = job.to_start(UnixMillis::now());
        if !self.shared.keeper.replace(&next, kept)? {
            return Err(conflict("changed by somebody else"));
        }
        let mut state = self.shared.state();
        state.leaves(id);
        state.queue.push_back(next.clone());
        drop(state);
        self.shared.wake();
        self.shared.tell(&next);
        Ok(next)
    }

    /// Gives a job up. One that runs is at its end within a second.
    ///
    /// # Errors
    ///
    /// [`JobsError::Conflict`] if it is over.
    pub fn cancel(&self, id: JobId) -> Result<Job> {
        loop {
            if let Some(running) = self.shared.state().running.get_mut(&id)
                && !running.given_up
            {
                running.stop(Reason::Canceled);
                return Ok(running.so_far());
            }
            let job = self.get(id)?;
            if job.status != Status::Created {
                let status = job.status.name();
                return Err(JobsError::Conflict { id, status, order: "canceled" });
            }
            let ended = Some(UnixMillis::now());
            let canceled = Job { status: Status::Canceled, ended, ..job };
            // Where it began meanwhile it is found at work.
            if self.shared.keeper.replace(&canceled, Status::Created)? {
                self.shared.state().leaves(id);
                self.shared.tell(&canceled);
                return Ok(canceled);
            }
        }
    }

    /// Forgets a job and its results.
    ///
    /// # Errors
    ///
    /// [`JobsError::Conflict`] if it runs.
    pub fn delete(&self, id: JobId) -> Result<()> {
        let conflict = |status| JobsError::Conflict { id, status, order: "deleted" };
        let _claim = self.shared.claim(id).ok_or_else(|| conflict("being changed"))?;
        let job = self.get(id)?;
        let mut state = self.shared.state();
        if state.running.contains_key(&id) {
            return Err(conflict("running"));
        }
        state.leaves(id);
        state.followed.remove(&id);
        drop(state);
        Ok(self.shared.remove(&job)?)
    }

    /// Results of a job in order, a JSON object each: `limit` of them behind the first `offset`. Of
    /// a job that runs, those that are kept so far.
    ///
    /// # Errors
    ///
    /// [`JobsError::Unknown`] if there is no such job.
    pub fn results(&self, id: JobId, offset: u64, limit: u64) -> Result<Vec<String>> {
        let job = self.get(id)?;
        // Where a write landed that was given up, there is more than the job has.
        let most = if job.status.is_over() { job.rows.saturating_sub(offset) } else { u64::MAX };
        Ok(self.shared.keeper.results(&job, offset, limit.min(most))?)
    }

    /// Follows a job: what is received is the job as it stands, whenever that changed. It ends when
    /// the job is over, or deleted.
    ///
    /// # Errors
    ///
    /// [`JobsError::Unknown`] if there is none.
    pub fn follow(&self, id: JobId) -> Result<watch::Receiver<Job>> {
        let job = self.get(id)?;
        let mut state = self.shared.state();
        let sender = state.followed.entry(id).or_insert_with(|| watch::Sender::new(job));
        Ok(sender.subscribe())
    }

    /// How many wait for their turn, and how many run.
    pub fn under_way(&self) -> (usize, usize) {
        let state = self.shared.state();
        (state.queue.len(), state.running.len())
    }

    /// Ends the threads, within `patience` as far as that can be. Jobs that run are left for the next
    /// process to see to.
    pub fn close(&self, patience: Duration) {
        self.shared.close();
        let began = Instant::now();
        let at_work = || self.shared.threads().iter().any(|thread| !thread.is_finished());
        while at_work() && began.elapsed() < patience {
            thread::sleep(Duration::from_millis(10));
        }
        for thread in self.shared.threads().extract_if(.., |thread| thread.is_finished()) {
            // A panic there was told on its own thread.
            let _ = thread.join();
        }
    }

    fn ready(&self) -> Result<()> {
        let state = self.shared.state();
        if state.closing {
            return Err(JobsError::NotReady("the service ends"));
        }
        if !state.ready {
            return Err(JobsError::NotReady("where they are kept does not answer yet"));
        }
        Ok(())
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs")
            .field("kept", &self.shared.keeper.to_string())
            .finish_non_exhaustive()
    }
}
