//! `active-flow`: the pairs of addresses that exchanged most.

use super::{Refused, SummaryOptions, Surroundings, one_of};
use crate::aggregate::{ActivePair, ActivePairs, Limits, Measure, PairOptions};
use crate::query::{Lookup, Question};
use crate::store::{Result, Snapshot};

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct ActiveFlow {
    /// What pairs are weighed by
    #[arg(long, value_name = "MEASURE", default_value_t,
        value_parser = one_of::<Measure>(Measure::ALL.map(Measure::name)))]
    by: Measure,
    /// Keep the two directions of a pair apart
    #[arg(long)]
    directed: bool,
    #[command(flatten)]
    flows: SummaryOptions,
}

impl ActiveFlow {
    /// The question that is meant.
    ///
    /// # Errors
    ///
    /// As [`SummaryOptions::question`].
    pub fn question(&self, around: &Surroundings<'_>) -> Result<Question, Refused> {
        self.flows.question(None, around)
    }

    /// Whether counters are multiplied by sampling intervals.
    pub fn scaled(&self) -> bool {
        self.flows.scaled()
    }

    /// How pairs are summed up, within `limits`.
    pub fn options(&self, limits: Limits) -> PairOptions {
        PairOptions { by: self.by, directed: self.directed, limits }
    }

    /// What is looked up for `question`.
    pub fn lookup(&self, question: &Question) -> Lookup {
        let columns = ActivePairs::columns(&self.options(Limits::default()));
        question.plan_unordered(columns).of(ActivePairs::ROWS)
    }

    /// The `most` greatest pairs of what `lookup` finds.
    ///
    /// # Errors
    ///
    /// As [`ActivePairs::top_of`].
    pub fn answer(
        &self,
        snapshot: &dyn Snapshot,
        lookup: &Lookup,
        limits: Limits,
        most: usize,
    ) -> Result<Vec<ActivePair>> {
        ActivePairs::top_of(snapshot, lookup.scans(), &self.options(limits), most)
    }
}
