//! `stats`: what there is.

use super::{Refused, SummaryOptions, Surroundings, Zone};
use crate::aggregate;
use crate::answer::{StoreStats, clocks_of};
use crate::query::{Lookup, Question};
use crate::store::{Result, Snapshot, Store};

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Stats {
    #[command(flatten)]
    flows: SummaryOptions,
}

/// What there is of the flows that were asked for, and of the store.
#[derive(Debug)]
pub struct StatsAnswer {
    /// Of the flows.
    pub flows: aggregate::Stats,
    /// Of the whole store.
    pub store: StoreStats,
}

impl Stats {
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

    /// What is looked up for `question`.
    pub fn lookup(&self, question: &Question) -> Lookup {
        question.plan_unordered(aggregate::Stats::COLUMNS)
    }

    /// What there is of what `lookup` finds, in days of `zone`, and in `store`, which `snapshot` is of.
    ///
    /// # Errors
    ///
    /// As [`aggregate::Stats::of`], [`Snapshot::flows`] and [`Store::loads`].
    pub fn answer(
        &self,
        store: &dyn Store,
        snapshot: &dyn Snapshot,
        question: &Question,
        lookup: &Lookup,
        zone: &Zone,
    ) -> Result<StatsAnswer> {
        let stats = aggregate::Stats::of(snapshot, lookup, zone.zone())?;
        // A store that keeps no count would read all of its flows once more.
        let flows = if *question == Question::everything() {
            stats.totals.all().flows
        } else {
            snapshot.flows()?
        };
        let clocks = clocks_of(&store.loads()?);
        let store = StoreStats { flows, size: snapshot.size()?, clocks };
        Ok(StatsAnswer { flows: stats, store })
    }
}
