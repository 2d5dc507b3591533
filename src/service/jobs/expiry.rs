//! Jobs that are too old are forgotten, and of others the results that there is no room for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::running::Running;
use super::shared::Shared;
use super::{Job, JobId, Status, keeper};
use crate::flow::UnixMillis;

/// How often it is seen to, and how long it is until a keeper that was away is asked again.
const EVERY: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_secs(1);
/// So many jobs are read at once.
const PAGE: u64 = 1_000;

/// What decides over a job.
#[derive(PartialEq, Eq)]
struct Standing {
    status: Status,
    /// When it was made, and when it came to an end.
    times: (UnixMillis, Option<UnixMillis>),
    waits: bool,
    bytes: u64,
    expired: bool,
}

impl From<&Job> for Standing {
    fn from(job: &Job) -> Self {
        Self {
            status: job.status,
            times: (job.created, job.ended),
            waits: job.queued.is_some() && !job.status.is_over(),
            bytes: job.bytes,
            expired: job.expired.is_some(),
        }
    }
}

impl Standing {
    /// Whether it ended, or was made and never started, before `oldest`.
    fn is_too_old(&self, oldest: UnixMillis) -> bool {
        let (created, ended) = self.times;
        match self.status {
            Status::Started => false,
            Status::Created => !self.waits && created < oldest,
            _ => ended.is_some_and(|ended| ended < oldest),
        }
    }
}

/// Sees to it until nothing more is to be done.
pub(super) fn look_after(shared: &Arc<Shared>) {
    let mut due = Instant::now();
    while !shared.is_closing() {
        let left = due.saturating_duration_since(Instant::now());
        if !left.is_zero() || !shared.state().ready {
            shared.wait(left.max(PAUSE));
            continue;
        }
        due = Instant::now() + EVERY;
        if let Err(error) = keep_unkept(shared).and_then(|()| expire(shared)) {
            tracing::warn!("jobs: {}; trying on", crate::load::chain(&error));
            due = Instant::now() + PAUSE;
        }
    }
}

/// Tries once more to keep what became of jobs.
fn keep_unkept(shared: &Shared) -> keeper::Result<()> {
    let unkept = shared.state().unkept.clone();
    for (id, (job, from)) in unkept {
        shared.keeper.replace(&job, from)?;
        shared.state().unkept.remove(&id);
    }
    Ok(())
}

fn expire(shared: &Shared) -> keeper::Result<()> {
    let jobs = standings(shared)?;
    let age = shared.options.keep.as_millis() as u64;
    let oldest = UnixMillis(UnixMillis::now().0.saturating_sub(age));
    let running = |running: &Running| running.counts.bytes.load(Relaxed);
    let mut bytes: u64 = shared.state().running.values().map(running).sum();
    // The newest first: where there is no more room, all that are older go.
    for (&id, standing) in jobs.iter().rev() {
        if standing.is_too_old(oldest) {
            remove(shared, id, standing)?;
        } else if standing.status.is_over() && !standing.expired {
            bytes += standing.bytes;
            if bytes > shared.options.keep_bytes && standing.bytes > 0 {
                clear(shared, id, standing)?;
            }
        }
    }
    Ok(())
}

/// How all jobs stand.
fn standings(shared: &Shared) -> keeper::Result<BTreeMap<JobId, Standing>> {
    let mut all = BTreeMap::new();
    let mut read = 0;
    loop {
        let page = shared.keeper.jobs(read, PAGE)?;
        if page.is_empty() {
            return Ok(all);
        }
        read += page.len() as u64;
        all.extend(page.iter().map(|job| (job.id, Standing::from(job))));
    }
}

fn remove(shared: &Shared, id: JobId, standing: &Standing) -> keeper::Result<()> {
    let Some(_claim) = shared.claim(id) else { return Ok(()) };
    if let Some(job) = unchanged(shared, id, standing)? {
        shared.state().leaves(id);
        shared.remove(&job)?;
    }
    Ok(())
}

fn clear(shared: &Shared, id: JobId, standing: &Standing) -> keeper::Result<()> {
    let Some(_claim) = shared.claim(id) else { return Ok(()) };
    if let Some(job) = unchanged(shared, id, standing)? {
        // It is told that they are gone before they are.
        let expired = Job { expired: Some(UnixMillis::now()), ..job };
        shared.keeper.replace(&expired, expired.status)?;
        shared.clear(&expired)?;
    }
    Ok(())
}

/// The job, if it stands as it stood; it may have begun anew meanwhile.
fn unchanged(shared: &Shared, id: JobId, standing: &Standing) -> keeper::Result<Option<Job>> {
    if shared.state().is_on_its_way(id) {
        return Ok(None);
    }
    Ok(shared.keeper.job(id)?.filter(|job| Standing::from(job) == *standing))
}
