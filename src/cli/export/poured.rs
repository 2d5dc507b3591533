//! How far an export is, by the flows that it goes through.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;

use crate::answer::words::{grouped, seconds};
use crate::cli::progress::{Moment, seconds_left};

/// Counters that an export moves, and that other threads may look at meanwhile.
#[derive(Debug, Default)]
pub(super) struct Poured {
    /// Flows that the question may find at most; 0 where that is not known.
    pub(super) total: AtomicU64,
    /// Of these, those that it went through in parts that are done.
    pub(super) before: AtomicU64,
    /// Flows that the place took.
    pub(super) flows: AtomicU64,
}

/// How far it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PouredMoment {
    flows_done: u64,
    /// 0 where it is not known.
    flows_total: u64,
    flows: u64,
    flows_per_second: u64,
    elapsed_seconds: f64,
    seconds_left: Option<f64>,
}

impl PouredMoment {
    pub(super) fn new(poured: &Poured, elapsed: Duration) -> Self {
        let elapsed_seconds = elapsed.as_secs_f64();
        let (flows, flows_total) = (poured.flows.load(Relaxed), poured.total.load(Relaxed));
        // What a question leaves out of a part is known when that is done.
        let flows_done = poured.before.load(Relaxed).max(flows).min(flows_total);
        Self {
            flows_done,
            flows_total,
            flows,
            flows_per_second: (flows as f64 / elapsed_seconds.max(0.001)) as u64,
            elapsed_seconds,
            seconds_left: seconds_left(flows_done, flows_total, elapsed_seconds),
        }
    }
}

impl Moment for PouredMoment {
    const SPINNER: &'static str = "{spinner} {msg}";
    const BAR: &'static str = "{bar:30} {percent}%  {msg}";

    fn done(&self) -> (u64, u64) {
        (self.flows_done, self.flows_total)
    }

    fn beside(&self) -> String {
        let (flows, rate) = (grouped(self.flows), grouped(self.flows_per_second));
        let left = self.seconds_left.map(|left| format!(", {} left", seconds(left)));
        format!("{flows} flows, {rate} flows/s{}", left.unwrap_or_default())
    }

    fn line(&self) -> String {
        let percent = (100 * self.flows_done).checked_div(self.flows_total);
        let percent = percent.map(|percent| format!("{percent}%, ")).unwrap_or_default();
        percent + &self.beside()
    }
}
