//! What is to be seen to beside the work of jobs: what an earlier process left behind, time limits,
//! those who follow jobs, and what is too old.

use std::time::{Duration, Instant};

use super::running::Reason;
use super::shared::Shared;
use super::{Job, Status, WorkError, keeper};
use crate::flow::UnixMillis;

/// How often running jobs are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How often a keeper that was away is asked again, and how often it is seen to what is old.
const PAUSE: Duration = Duration::from_secs(1);
const EXPIRE_EVERY: Duration = Duration::from_mins(1);

/// A job is begun at most so often without somebody who asks for it: it may be what ends processes.
const MAX_ATTEMPTS: u32 = 3;

/// So many jobs are listed at once.
const PAGE: u64 = 1_000;

/// Looks after jobs until nothing more is to be done.
pub(super) fn look_after(shared: &Shared) {
    while let Err(error) = recover(shared) {
        tracing::warn!("jobs: {}; trying on", crate::load::chain(&error));
        shared.wait(PAUSE);
        if shared.is_closing() {
            return;
        }
    }
    let mut expired = None::<Instant>;
    while !shared.is_closing() {
        mind_limits(shared);
        tell_progress(shared);
        if expired.is_none_or(|at| at.elapsed() >= EXPIRE_EVERY) {
            match expire(shared) {
                Ok(()) => expired = Some(Instant::now()),
                Err(error) => {
                    tracing::warn!("jobs: {}; trying on", crate::load::chain(&error));
                    shared.wait(PAUSE);
                }
            }
        }
        shared.wait(TICK);
    }
}

/// Sees to the jobs that were on their way when the last process ended.
fn recover(shared: &Shared) -> keeper::Result<()> {
    let mut queue = Vec::new();
    for job in shared.keeper.unfinished()? {
        if job.status == Status::Created {
            queue.extend(job.queued.is_some().then_some(job));
        } else if shared.options.again && job.attempts < MAX_ATTEMPTS {
            shared.keeper.clear(&job)?;
            let attempts = job.attempts;
            let again = Job { attempts, ..job.to_start(job.queued.unwrap_or(job.created)) };
            shared.keeper.replace(&again, Status::Started)?;
            queue.push(again);
        } else {
            let mut message = "the process ended that carried it out".to_owned();
            if job.attempts > 1 {
                message = format!("{message}, {} times", job.attempts);
            }
            let ended = Some(UnixMillis::now());
            let failed = Job { status: Status::Failed, message, ended, ..job };
            shared.keeper.replace(&failed, Status::Started)?;
        }
    }
    queue.sort_by_key(|job| (job.queued, job.id));
    let mut state = shared.state();
    state.queue.extend(queue);
    state.ready = true;
    drop(state);
    shared.wake();
    Ok(())
}

/// Stops what takes too long, and tells the end of what was stopped and goes on all the same.
fn mind_limits(shared: &Shared) {
    let max_time = shared.options.max_time;
    let mut overdue = Vec::new();
    for running in shared.state().running.values_mut() {
        if running.began.elapsed() > max_time {
            running.stop(Reason::TooLong);
        }
        if running.is_overdue() {
            let ended = running.ended(Err(WorkError::Stopped), max_time);
            overdue.extend(ended.map(|ended| (ended, running.job.status)));
        }
    }
    for (job, from) in overdue {
        // Where its keeper does not answer, the next look finds it again.
        if shared.keeper.replace(&job, from).is_ok() {
            if let Some(running) = shared.state().running.get_mut(&job.id) {
                running.given_up = true;
            }
            shared.tell(&job);
        }
    }
}

fn tell_progress(shared: &Shared) {
    let mut state = shared.state();
    state.followed.retain(|_, sender| {
        let over = sender.borrow().status.is_over();
        sender.receiver_count() > 0 && !over
    });
    let (mut so_far, mut ended) = (Vec::new(), Vec::new());
    for (&id, sender) in &state.followed {
        match state.so_far(id) {
            Some(job) => so_far.push(job),
            // What was on its way and is not any more came to its end between two looks.
            None if sender.borrow().queued.is_some() && !state.is_on_its_way(id) => ended.push(id),
            None => {}
        }
    }
    drop(state);
    for job in &so_far {
        shared.tell(job);
    }
    for id in ended {
        match shared.keeper.job(id) {
            Ok(Some(job)) => shared.tell(&job),
            // It was deleted: nobody tells more of it.
            Ok(None) => drop(shared.state().followed.remove(&id)),
            Err(_) => {}
        }
    }
}

/// Forgets jobs that are too old, and of others the results that there is no room for.
fn expire(shared: &Shared) -> keeper::Result<()> {
    let mut jobs: Vec<Job> = Vec::new();
    loop {
        let page = shared.keeper.jobs(jobs.len() as u64, PAGE)?;
        if page.is_empty() {
            break;
        }
        jobs.extend(page);
    }
    let oldest = UnixMillis::now().0.saturating_sub(shared.options.keep.as_millis() as u64);
    let mut bytes = 0;
    for job in jobs.into_iter().filter(|job| job.status.is_over()) {
        let _forgetting = shared.forgetting();
        if shared.keeper.job(job.id)?.as_ref() != Some(&job) {
            // It began anew meanwhile.
            continue;
        }
        if job.ended.is_some_and(|ended| ended.0 < oldest) {
            shared.keeper.remove(&job)?;
            continue;
        }
        if job.expired.is_some() {
            continue;
        }
        bytes += job.bytes;
        if bytes > shared.options.keep_bytes && job.bytes > 0 {
            // It is told that they are gone before they are.
            let expired = Job { expired: Some(UnixMillis::now()), ..job };
            shared.keeper.replace(&expired, expired.status)?;
            shared.keeper.clear(&expired)?;
            bytes -= expired.bytes;
        }
    }
    Ok(())
}
