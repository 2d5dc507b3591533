//! A job as it is told.

use serde::Serialize;
use utoipa::ToSchema;

use crate::flow::UnixMillis;
use crate::request::{Parameters, Zone, show};
use crate::service::jobs::Job;

/// A job, as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobView {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: String,
    /// What it does.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What is asked for.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    parameters: Parameters,
    /// Who made it.
    owner: String,
    /// Created, Started, End, Failed, Error or Canceled.
    status: &'static str,
    /// How much of its work is done, from 0 to 100.
    progress: u8,
    /// When it was made.
    created: String,
    /// When its work began.
    started: Option<String>,
    /// When it came to an end.
    ended: Option<String>,
    /// How long its work took, or takes so far, in milliseconds.
    running_ms: u64,
    /// Results so far.
    rows: u64,
    /// Bytes of them, as JSON.
    bytes: u64,
    /// Why it failed, or what is to be said beside its results.
    message: String,
    /// When its results went, to make room for others.
    expired: Option<String>,
}

impl JobView {
    /// With times in `zone`.
    pub(super) fn new(job: &Job, zone: &Zone) -> Self {
        let text = |time: Option<UnixMillis>| time.map(|time| show(time, zone));
        Self {
            id: job.id.to_string(),
            name: job.name.clone(),
            kind: job.kind.name(),
            parameters: job.parameters.clone(),
            owner: job.owner.clone(),
            status: job.status.name(),
            progress: job.progress,
            created: show(job.created, zone),
            started: text(job.started),
            ended: text(job.ended),
            running_ms: job.running_ms(UnixMillis::now()),
            rows: job.rows,
            bytes: job.bytes,
            message: job.message.clone(),
            expired: text(job.expired),
        }
    }
}
