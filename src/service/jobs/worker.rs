//! The threads that carry jobs out, one after the other each.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::results::{Bounds, Results};
use super::running::Running;
use super::shared::Shared;
use super::{Job, JobId, KeeperError, Status, WorkError};
use crate::flow::UnixMillis;

/// How long it takes until a keeper is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Carries out jobs until nothing more is to be done, or another thread does it.
pub(super) fn work(shared: &Arc<Shared>) {
    while let Some(running) = shared.next() {
        let id = running.job.id;
        if let Some(started) = begin(shared, &running) {
            let done = carry_out(shared, &started, &running);
            let stands = shared.state().running.get(&id).cloned();
            let ended = stands
                .filter(|running| !running.given_up)
                .and_then(|running| running.ended(done, shared.options.max_time));
            if let Some(job) = ended {
                keep(shared, &job, Status::Started);
            }
        }
        let running = shared.state().running.remove(&id);
        // Whoever waits for the end of all finds one less, and another load may begin.
        shared.wake();
        if running.is_some_and(|running| running.replaced) {
            return;
        }
    }
}

/// The job as it is begun; none if somebody gave it up before.
fn begin(shared: &Shared, running: &Running) -> Option<Job> {
    let job = &running.job;
    let started = Job {
        status: Status::Started,
        started: Some(UnixMillis::now()),
        attempts: job.attempts.saturating_add(1),
        ..job.clone()
    };
    if !keep(shared, &started, Status::Created) {
        return None;
    }
    if let Some(running) = shared.state().running.get_mut(&job.id) {
        running.job.clone_from(&started);
    }
    Some(started)
}

/// Keeps what became of a job, however long its keeper is away; says whether that is what counts.
/// One that is there and refuses is not asked for ever.
fn keep(shared: &Shared, job: &Job, from: Status) -> bool {
    let began = Instant::now();
    loop {
        let problem = match shared.keeper.replace(job, from) {
            Ok(kept) => {
                if kept {
                    shared.tell(job);
                }
                return kept;
            }
            Err(error) => error,
        };
        if shared.is_closing() {
            return false;
        }
        if !problem.may_get_well() && began.elapsed() >= shared.options.patience {
            leave(shared, job, from, &problem);
            return false;
        }
        tell_trouble(shared, job.id, &problem);
        shared.wait(PAUSE);
    }
}

/// Leaves a job of which it cannot be kept what became of it: that is told, and tried on by others.
fn leave(shared: &Shared, job: &Job, from: Status, problem: &KeeperError) {
    let message = format!("how it stands cannot be kept: {}", crate::load::chain(problem));
    tracing::error!(job = %job.id, "{message}");
    let ended = job.ended.or(Some(UnixMillis::now()));
    let left = Job { status: Status::Failed, message, ended, ..job.clone() };
    let mut state = shared.state();
    state.unkept.insert(job.id, (left.clone(), from));
    if let Some(running) = state.running.get_mut(&job.id) {
        running.given_up = true;
    }
    drop(state);
    shared.tell(&left);
}

/// That a job does not get on because of its keeper, for the log and for those who follow it.
fn tell_trouble(shared: &Shared, id: JobId, problem: &KeeperError) {
    let problem = crate::load::chain(problem);
    tracing::warn!(job = %id, "{problem}; trying on");
    let mut state = shared.state();
    if let Some(running) = state.running.get_mut(&id) {
        running.job.message = format!("how it stands cannot be kept: {problem}");
    }
}

fn carry_out(shared: &Shared, job: &Job, running: &Running) -> Result<String, WorkError> {
    let Running { watch, counts, .. } = running;
    let bounds = Bounds { bytes: shared.options.keep_bytes, patience: shared.options.patience };
    let mut results = Results::new(job, &*shared.keeper, watch, counts, bounds);
    let work = AssertUnwindSafe(|| shared.work.carry_out(job, watch, &mut results));
    let done = catch_unwind(work).unwrap_or_else(|panic| Err(told_by(&*panic)));
    // What results met comes first: those who write them tell it in other words, or not at all.
    if let Some(failed) = results.take_failure() {
        return Err(failed);
    }
    let message = done?;
    results.finish()?;
    Ok(message)
}

fn told_by(panic: &(dyn Any + Send)) -> WorkError {
    let told = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default();
    WorkError::Failed(format!("a mistake in this program: {told}"))
}
