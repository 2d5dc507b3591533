//! The work of jobs, each run of which has a line in the audit log.

use std::sync::Arc;
use std::time::Instant;

use super::audit::{Audit, JobEntry};
use super::jobs::{Job, Kind, Results, Work, WorkError};
use super::noted::cut_all;
use crate::flow::UnixMillis;
use crate::request::{Parameters, Refused};
use crate::store::Watch;

/// Work of which the log is told.
pub(super) struct Audited<W> {
    pub(super) work: W,
    pub(super) audit: Arc<Audit>,
}

impl<W: Work> Work for Audited<W> {
    fn check(&self, kind: Kind, parameters: &Parameters) -> Result<(), Refused> {
        self.work.check(kind, parameters)
    }

    fn carry_out(
        &self,
        job: &Job,
        watch: &Watch,
        results: &mut Results<'_>,
    ) -> Result<String, WorkError> {
        let (time, began) = (UnixMillis::now(), Instant::now());
        let done = self.work.carry_out(job, watch, results);
        self.audit.write(&JobEntry {
            time,
            job: job.id.to_string(),
            kind: job.kind.name(),
            caller: &job.owner,
            asked: cut_all(&job.parameters),
            millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            rows: results.rows(),
            failure: done.as_ref().err().map(ToString::to_string),
        });
        done
    }

    fn undo(&self, job: &Job, first: &str) {
        self.work.undo(job, first);
    }
}
