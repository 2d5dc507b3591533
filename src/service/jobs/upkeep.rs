//! What is to be seen to beside the work of jobs: what an earlier process left behind, time limits,
//! and those who follow jobs.

use std::sync::Arc;
use std::time::Duration;

use super::running::Reason;
use super::shared::Shared;
use super::{Job, Status, WorkError, keeper, worker};
use crate::flow::UnixMillis;

/// How often running jobs are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long it is until a keeper that was away is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// A job is begun at most so often without somebody who asks for it: it may be what ends processes.
const MAX_ATTEMPTS: u32 = 3;

/// So many results are counted at once.
const PAGE: u64 = 1_000;

/// Looks after jobs until nothing more is to be done.
pub(super) fn look_after(shared: &Arc<Shared>) {
    while let Err(error) = recover(shared) {
        tracing::warn!("jobs: {}; trying on", crate::load::chain(&error));
        shared.wait(PAUSE);
        if shared.is_closing() {
            return;
        }
    }
    while !shared.is_closing() {
        mind_limits(shared);
        tell_progress(shared);
        shared.wait(TICK);
    }
}

/// Sees to the jobs that were on their way when the last process ended.
fn recover(shared: &Shared) -> keeper::Result<()> {
    let (mut queue, mut made) = (Vec::new(), Vec::new());
    for job in shared.keeper.unfinished()? {
        if job.status == Status::Created {
            match job.queued {
                Some(_) => queue.push(job),
                None => made.push((job.id, job.owner)),
            }
        } else if shared.options.again && job.attempts < MAX_ATTEMPTS {
            shared.clear(&job)?;
            let attempts = job.attempts;
            let again = Job { attempts, ..job.to_start(job.queued.unwrap_or(job.created)) };
            shared.keeper.replace(&again, Status::Started)?;
            queue.push(again);
        } else {
            let mut message = "the process ended that carried it out".to_owned();
            if job.attempts > 1 {
                message = format!("{message}, {} times", job.attempts);
            }
            let (rows, bytes) = kept_of(shared, &job)?;
            let ended = Some(UnixMillis::now());
            let failed = Job { status: Status::Failed, message, ended, rows, bytes, ..job };
            shared.keeper.replace(&failed, Status::Started)?;
        }
    }
    queue.sort_by_key(|job| (job.queued, job.id));
    let mut state = shared.state();
    state.queue.extend(queue);
    state.made.extend(made);
    state.ready = true;
    drop(state);
    shared.wake();
    Ok(())
}

/// How many results of a job are kept, and how many bytes they have: they are what it came to.
fn kept_of(shared: &Shared, job: &Job) -> keeper::Result<(u64, u64)> {
    let (mut rows, mut bytes) = (0, 0);
    loop {
        let page = shared.keeper.results(job, rows, PAGE)?;
        if page.is_empty() {
            return Ok((rows, bytes));
        }
        rows += page.len() as u64;
        bytes += page.iter().map(|row| row.len() as u64).sum::<u64>();
    }
}

/// Stops what takes too long, and tells the end of what was stopped and goes on all the same.
fn mind_limits(shared: &Arc<Shared>) {
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
        // Where its keeper does not answer, or it began or came to its end at this moment, the next
        // look sees how it stands then.
        if let Ok(true) = shared.keeper.replace(&job, from) {
            give_up(shared, &job);
        }
    }
}

/// Tells the end of a job whose thread goes on, and has another thread do the work of that.
fn give_up(shared: &Arc<Shared>, job: &Job) {
    if let Some(running) = shared.state().running.get_mut(&job.id) {
        running.given_up = true;
        running.replaced = shared.spawn("job", worker::work).is_ok();
    }
    shared.tell(job);
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
