//! Orders: what can be asked of jobs.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::running::Reason;
use super::shared::Shared;
use super::{Job, JobId, Keeper, KeeperError, NewJob, Options, Status, Work, upkeep, worker};
use crate::flow::UnixMillis;
use crate::request::Refused;

/// The jobs of a service, and the threads that carry them out. Its calls wait for the keeper, so they
/// are no work for threads that must not wait.
pub struct Jobs {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Why an order cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobsError {
    /// There is no such job.
    #[error("there is no job {0}")]
    Unknown(JobId),
    /// The job is where this cannot be done with it.
    #[error("job {id} is {status}: it cannot be {order}")]
    Conflict {
        /// The job.
        id: JobId,
        /// Where it stands: a status, or words for what comes between.
        status: &'static str,
        /// What was to be done with it: `started`, `canceled`, `deleted`.
        order: &'static str,
    },
    /// What it asks for cannot be.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Too many jobs wait already.
    #[error("{0} jobs wait for their turn, which is as many as may")]
    Full(usize),
    /// The service is beginning, or ending.
    #[error("jobs are not ready: {0}")]
    NotReady(&'static str),
    /// The place where jobs are kept failed.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
}

type Result<T, E = JobsError> = std::result::Result<T, E>;

impl Jobs {
    /// Takes over the jobs of `keeper`, also those that an earlier process left behind, and has
    /// threads carry them out by `work`. Where the keeper does not answer yet, orders are refused
    /// until it does.
    ///
    /// # Errors
    ///
    /// If there are no threads to be had.
    pub fn open(
        keeper: Box<dyn Keeper>,
        work: Box<dyn Work>,
        options: Options,
    ) -> io::Result<Self> {
        let workers = options.at_once.max(1);
        let shared = Arc::new(Shared::new(keeper, work, options));
        let jobs = Self { shared, threads: Mutex::default() };
        jobs.spawn("jobs", upkeep::look_after)?;
        for _ in 0..workers {
            jobs.spawn("job", worker::work)?;
        }
        Ok(jobs)
    }

    fn spawn(&self, name: &str, run: fn(&Shared)) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || run(&shared))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Makes a job, which waits to be started.
    ///
    /// # Errors
    ///
    /// [`JobsError::Refused`] if it asks for what cannot be.
    pub fn create(&self, new: NewJob) -> Result<Job> {
        self.ready()?;
        self.shared.work.check(new.kind, &new.parameters)?;
        let created = UnixMillis::now();
        let mut job = Job::new(self.new_id(created), new, created);
        loop {
            match self.shared.keeper.add(&job) {
                Ok(()) => return Ok(job),
                // From before a clock was set back, or by another process.
                Err(KeeperError::Exists(_)) => job.id = self.new_id(created),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn new_id(&self, now: UnixMillis) -> JobId {
        let mut state = self.shared.state();
        let id = match state.last_id {
            Some(last) if last >= JobId::at(now) => last.next(),
            _ => JobId::at(now),
        };
        state.last_id = Some(id);
        id
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
        let mut jobs = self.shared.keeper.jobs(offset, limit)?;
        let state = self.shared.state();
        for job in &mut jobs {
            if let Some(so_far) = state.so_far(job.id) {
                *job = so_far;
            }
        }
        Ok(jobs)
    }

    /// How many jobs have each status, and how many wait for their turn, as far as this process has
    /// them on their way.
    pub fn on_their_way(&self) -> BTreeMap<&'static str, usize> {
        let state = self.shared.state();
        BTreeMap::from([("queued", state.queue.len()), ("running", state.running.len())])
    }

    /// Has a job wait for its turn. One that failed or was given up begins anew.
    ///
    /// # Errors
    ///
    /// [`JobsError::Conflict`] if it is on its way, or at its end; [`JobsError::Full`].
    pub fn start(&self, id: JobId) -> Result<Job> {
        self.ready()?;
        let _forgetting = self.shared.forgetting();
        let job = self.get(id)?;
        let conflict = |status| JobsError::Conflict { id, status, order: "started" };
        let state = self.shared.state();
        if state.is_on_its_way(id) {
            return Err(conflict("on its way"));
        }
        if state.queue.len() >= self.shared.options.max_queued {
            return Err(JobsError::Full(state.queue.len()));
        }
        drop(state);
        if !job.status.may_become(Status::Created) {
            return Err(conflict(job.status.name()));
        }
        if job.status != Status::Created {
            self.shared.keeper.clear(&job)?;
        }
        let next = job.to_start(UnixMillis::now());
        if !self.shared.keeper.replace(&next, job.status)? {
            return Err(conflict("changed by somebody else"));
        }
        self.shared.state().queue.push_back(next.clone());
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
            if let Some(running) = self.shared.state().running.get_mut(&id) {
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
                self.shared.state().queue.retain(|job| job.id != id);
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
        let _forgetting = self.shared.forgetting();
        let job = self.get(id)?;
        let mut state = self.shared.state();
        if state.running.contains_key(&id) {
            return Err(JobsError::Conflict { id, status: "running", order: "deleted" });
        }
        state.queue.retain(|job| job.id != id);
        state.followed.remove(&id);
        drop(state);
        Ok(self.shared.keeper.remove(&job)?)
    }

    /// Results of a job in order, a JSON object each: `limit` of them behind the first `offset`. Of
    /// a job that runs, those that are kept so far.
    ///
    /// # Errors
    ///
    /// [`JobsError::Unknown`] if there is no such job.
    pub fn results(&self, id: JobId, offset: u64, limit: u64) -> Result<Vec<String>> {
        let job = self.get(id)?;
        Ok(self.shared.keeper.results(&job, offset, limit)?)
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
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        while threads.iter().any(|thread| !thread.is_finished()) && began.elapsed() < patience {
            thread::sleep(Duration::from_millis(10));
        }
        for thread in threads.extract_if(.., |thread| thread.is_finished()) {
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
