//! A question put to a store: what a command and a service have in common before either of them
//! writes anything.

use std::sync::Arc;

use super::{Explanation, Lookup, Question, ScaledBy};
use crate::anonymise::Anonymiser;
use crate::store::wrap::{AnonymisedSnapshot, DedupedSnapshot, ScaledSnapshot};
use crate::store::{Result, Snapshot};

/// A question, and the store that it is put to, as of one moment.
///
/// ```
/// use earlgrey_hbase::Store;
/// use earlgrey_hbase::aggregate::Stats;
/// use earlgrey_hbase::query::{Asked, Question};
/// use earlgrey_hbase::store::memory::MemoryStore;
///
/// let asked = Asked::new(Question::everything(), MemoryStore::default().snapshot()?, true);
/// let lookup = asked.question.plan_unordered(Stats::COLUMNS);
/// let plan = asked.explain(&[&lookup])?;
/// let stats = Stats::of(asked.snapshot(), &lookup, &jiff::tz::TimeZone::UTC)?;
/// assert_eq!((plan.scans.len(), stats.totals.all().flows), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Asked {
    /// What is asked.
    pub question: Question,
    counters: Counters,
}

/// A snapshot, with its counters in one way or the other.
enum Counters {
    AsExported(Box<dyn Snapshot>),
    Scaled(ScaledSnapshot),
}

impl Asked {
    /// Puts `question` to `snapshot`; if `scaled`, its octets and packets are multiplied by the
    /// sampling intervals of their exporters.
    pub fn new(question: Question, snapshot: Box<dyn Snapshot>, scaled: bool) -> Self {
        Self::anonymised(question, snapshot, scaled, None)
    }

    /// As [`Self::new`], of flows whose addresses are replaced by those that `by` has for them.
    pub fn anonymised(
        question: Question,
        mut snapshot: Box<dyn Snapshot>,
        scaled: bool,
        by: Option<Arc<Anonymiser>>,
    ) -> Self {
        // Records of one flow lie together by the addresses that they are stored with.
        if question.dedup {
            snapshot = Box::new(DedupedSnapshot::new(snapshot));
        }
        if let Some(by) = by {
            snapshot = Box::new(AnonymisedSnapshot::new(snapshot, by));
        }
        let counters = if scaled {
            Counters::Scaled(ScaledSnapshot::new(snapshot))
        } else {
            Counters::AsExported(snapshot)
        };
        Self { question, counters }
    }

    /// What is read for the answer.
    pub fn snapshot(&self) -> &dyn Snapshot {
        match &self.counters {
            Counters::AsExported(snapshot) => &**snapshot,
            Counters::Scaled(snapshot) => snapshot,
        }
    }

    /// By which intervals counters were multiplied that were read so far, and of how many flows
    /// each, most first.
    pub fn scaled(&self) -> Vec<ScaledBy> {
        let Counters::Scaled(snapshot) = &self.counters else { return Vec::new() };
        let scaled = snapshot.scaled().into_iter();
        scaled.map(|(sampling, flows)| ScaledBy { sampling, flows }).collect()
    }

    /// How `lookups`, which are of the question, will be carried out.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::plan`].
    pub fn explain(&self, lookups: &[&Lookup]) -> Result<Explanation> {
        let scans = lookups.iter().flat_map(|lookup| lookup.scans());
        Ok(Explanation::of(self.snapshot(), scans)?.of_filter(self.question.filter.as_ref()))
    }
}
