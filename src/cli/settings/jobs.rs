//! How the jobs of a server are carried out and kept.

use std::time::Duration;

use super::{Layers, Setting, Shown, keys, shown, values};
use crate::answer::words::span;
use crate::cli::failure::Usage;
use crate::request::span_ms;
use crate::service::jobs::Options;

/// The settings of jobs.
#[derive(Debug)]
pub(super) struct Jobs {
    at_once: Setting<usize>,
    max_time: Setting<Duration>,
    again: Setting<bool>,
    keep: Setting<Duration>,
    keep_bytes: Setting<u64>,
}

impl Jobs {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Usage> {
        let Options { at_once, max_time, again, keep, keep_bytes, .. } = Options::default();
        Ok(Self {
            at_once: layers.text(&keys::SERVE_JOBS_AT_ONCE, at_once, values::positive)?,
            max_time: layers.text(&keys::SERVE_JOB_SECS, max_time, values::positive_seconds)?,
            again: layers.text(&keys::SERVE_JOBS_AGAIN, again, yes_or_no)?,
            keep: layers.text(&keys::SERVE_KEEP_JOBS, keep, |text| {
                span_ms(text).map(Duration::from_millis)
            })?,
            keep_bytes: layers.text(&keys::SERVE_RESULTS_SIZE, keep_bytes, values::bytes)?,
        })
    }

    pub(super) fn shown(&self) -> Vec<Shown> {
        let again = if self.again.value { "yes" } else { "no" };
        let keep = span(self.keep.value.as_millis() as u64);
        vec![
            shown(&keys::SERVE_JOBS_AT_ONCE, &self.at_once, self.at_once.value),
            shown(&keys::SERVE_JOB_SECS, &self.max_time, self.max_time.value.as_secs_f64()),
            shown(&keys::SERVE_JOBS_AGAIN, &self.again, again),
            shown(&keys::SERVE_KEEP_JOBS, &self.keep, keep),
            shown(&keys::SERVE_RESULTS_SIZE, &self.keep_bytes, self.keep_bytes.value),
        ]
    }

    pub(super) fn options(&self) -> Options {
        Options {
            at_once: self.at_once.value,
            max_time: self.max_time.value,
            again: self.again.value,
            keep: self.keep.value,
            keep_bytes: self.keep_bytes.value,
            ..Options::default()
        }
    }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{text:?} is neither yes nor no")),
    }
}
