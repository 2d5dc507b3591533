//! How records are joined to connections.

use std::sync::Arc;

use super::Surroundings;
use super::whole_number;
use crate::aggregate::{Joining, Timeouts, USUAL_MARGIN_MS};
use crate::query::Question;
use crate::store::{Result, Snapshot};

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ConnectionOptions {
    /// After so many seconds exporters cut a flow that goes on: records of one connection follow on
    /// each other within this and a minute more [default: learnt from how long records last, by
    /// exporter; 60 where that does not show]
    #[arg(long, value_name = "SECONDS", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    active_timeout: Option<u64>,
}

impl ConnectionOptions {
    /// Whether anything is said.
    pub(super) fn is_given(&self) -> bool {
        self.active_timeout.is_some()
    }

    /// How the records that `question` is about are joined. What is not said is learnt from the flows
    /// of the same time, whosever they are, so that the answer does not hang on who is asked for.
    ///
    /// # Errors
    ///
    /// As [`Timeouts::learn`].
    pub(super) fn joining(
        &self,
        snapshot: &dyn Snapshot,
        question: &Question,
        around: &Surroundings<'_>,
    ) -> Result<Joining> {
        let timeouts = if let Some(seconds) = self.active_timeout {
            Timeouts::given(seconds.saturating_mul(1_000))
        } else {
            let all = Question { time: question.time, ..Question::everything() };
            Timeouts::learn(snapshot, &all.plan_unordered(Timeouts::COLUMNS))?
        };
        let (margin_ms, limits) = (USUAL_MARGIN_MS, around.limits.clone());
        Ok(Joining { timeouts: Arc::new(timeouts), margin_ms, limits })
    }
}
