//! A job that is being carried out.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::results::Counts;
use super::{Job, Status, WorkError};
use crate::flow::UnixMillis;
use crate::store::Watch;

/// How long what was stopped may take to end before it counts as over, whatever its thread does.
pub(super) const GIVEN_UP_AFTER: Duration = Duration::from_millis(800);

/// Why a job was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Somebody asked for it.
    Canceled,
    /// It took longer than it may.
    TooLong,
    /// The process is to end. What is kept of the job stays, for the next one to see to.
    Closing,
}

/// A job, and what its thread shares with others.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) job: Job,
    pub(super) watch: Watch,
    pub(super) counts: Arc<Counts>,
    pub(super) began: Instant,
    /// Why it was stopped, and when.
    pub(super) stopped: Option<(Reason, Instant)>,
    /// Whether its end was told already, though its thread has not come to it.
    pub(super) given_up: bool,
    /// Whether another thread is in the place of its own.
    pub(super) replaced: bool,
}

impl Running {
    pub(super) fn new(job: Job) -> Self {
        Self {
            job,
            watch: Watch::default(),
            counts: Arc::default(),
            began: Instant::now(),
            stopped: None,
            given_up: false,
            replaced: false,
        }
    }

    /// The first reason counts.
    pub(super) fn stop(&mut self, reason: Reason) {
        self.stopped.get_or_insert((reason, Instant::now()));
        self.watch.stop();
    }

    /// The job as it stands at this moment.
    pub(super) fn so_far(&self) -> Job {
        Job {
            // Reading is most of it, and not all.
            progress: (self.watch.share() * 100.0).min(99.0) as u8,
            rows: self.counts.rows.load(Relaxed),
            bytes: self.counts.bytes.load(Relaxed),
            ..self.job.clone()
        }
    }

    /// Whether it was stopped, and did not come to its end in time.
    pub(super) fn is_overdue(&self) -> bool {
        !self.given_up
            && self.stopped.is_some_and(|(reason, at)| {
                reason != Reason::Closing && at.elapsed() >= GIVEN_UP_AFTER
            })
    }

    /// The job at its end, if that is to be told.
    pub(super) fn ended(&self, done: Result<String, WorkError>, max_time: Duration) -> Option<Job> {
        let reason = self.stopped.map(|(reason, _)| reason);
        let (status, message) = match (done, reason) {
            (Ok(message), _) => (Status::End, message),
            (Err(WorkError::Refused(problem)), _) => (Status::Error, problem),
            (Err(_), Some(Reason::Closing)) => return None,
            (Err(_), Some(Reason::Canceled)) => (Status::Canceled, String::new()),
            (Err(_), Some(Reason::TooLong)) => {
                (Status::Failed, format!("it took longer than {}", shown(max_time)))
            }
            (Err(error), None) => (Status::Failed, error.to_string()),
        };
        let so_far = self.so_far();
        let progress = if status == Status::End { 100 } else { so_far.progress };
        let ended = Some(UnixMillis::now());
        Some(Job { status, progress, ended, message, ..so_far })
    }
}

/// `1 h`, `90 s`.
fn shown(time: Duration) -> String {
    let secs = time.as_secs();
    match secs {
        0 => format!("{} ms", time.as_millis()),
        _ if secs.is_multiple_of(3600) => format!("{} h", secs / 3600),
        _ if secs.is_multiple_of(60) => format!("{} min", secs / 60),
        _ => format!("{secs} s"),
    }
}
