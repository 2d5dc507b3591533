//! How every command that asks goes about it: it puts a question to the store, says how the answer
//! will be found, answers, and says what was read for it.
//!
//! What prints nothing of this is [`Asked`]; here it meets options and standard error.

use std::sync::Arc;
use std::time::Instant;

use super::anonymise;
use super::failure::Ending;
use super::interrupt;
use super::output::say;
use super::settings::Settings;
use super::store;
use crate::aggregate::{FlowOrder, SortOptions, sorted};
use crate::anonymise::Anonymiser;
use crate::answer::words::plural;
use crate::answer::{explanation_json, explanation_text};
use crate::flow::{Columns, Names};
use crate::query::{Asked, Explanation, Lookup, Question, ScaledBy};
use crate::store::wrap::WatchedSnapshot;
use crate::store::{FlowStream, Result as StoreResult, Snapshot, Store};

/// So many sampling intervals are told one by one.
const MAX_TOLD: usize = 10;

/// The option.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// Tell on standard error how the flows are found, and then what was read
    #[arg(long)]
    explain: bool,
}

impl Explain {
    /// Puts `question` to the store of the settings, as it is now; if `scaled`, what exporters
    /// sampled is scaled up.
    ///
    /// # Errors
    ///
    /// As [`store::open`] and [`Store::snapshot`].
    pub(super) fn ask(
        &self,
        question: Question,
        settings: &Settings,
        scaled: bool,
    ) -> anyhow::Result<Asking> {
        self.ask_as(question, settings, scaled, None)
    }

    /// As [`Self::ask`], of flows whose addresses are replaced by those that `by` has for them.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub(super) fn ask_as(
        &self,
        question: Question,
        settings: &Settings,
        scaled: bool,
        by: Option<Arc<Anonymiser>>,
    ) -> anyhow::Result<Asking> {
        let store = store::open(settings)?;
        let watched = WatchedSnapshot::new(store.snapshot()?, interrupt::watch());
        let asked = Asked::anonymised(question, Box::new(watched), scaled, by.clone());
        Ok(Asking { store, asked, by, explain: self.explain })
    }
}

/// `5 flows by 1000, 2 flows by 100`; where only the first flows are shown, more may be read.
fn by_intervals(scaled: &[ScaledBy], is_limited: bool) -> String {
    let each = |&ScaledBy { sampling, flows }: &ScaledBy| {
        format!("{} by {sampling}", plural(flows, "flow"))
    };
    let told: Vec<String> = scaled.iter().take(MAX_TOLD).map(each).collect();
    let more = scaled.len().saturating_sub(MAX_TOLD);
    let more = if more > 0 { format!(" and by {more} others") } else { String::new() };
    let read = if is_limited { "of those read, " } else { "" };
    format!("{read}{}{more}", told.join(", "))
}

/// A question on its way to an answer.
pub(super) struct Asking {
    pub(super) store: Box<dyn Store>,
    asked: Asked,
    pub(super) by: Option<Arc<Anonymiser>>,
    explain: bool,
}

impl Asking {
    pub(super) fn question(&self) -> &Question {
        &self.asked.question
    }

    pub(super) fn snapshot(&self) -> &dyn Snapshot {
        self.asked.snapshot()
    }

    /// Plans to read `columns` of the flows in the order of their keys.
    pub(super) fn plan(&self, columns: Columns) -> Lookup {
        match self.by {
            // By their places anybody could tell which addresses they stand for.
            Some(_) => self.question().plan_unordered(columns | FlowOrder::ROW_KEY.columns()),
            None => self.question().plan(columns),
        }
    }

    /// `columns` of the flows that `lookup` finds, which [`Self::plan`] made, in the order of the keys
    /// that are shown.
    ///
    /// # Errors
    ///
    /// As [`Lookup::run`] and [`sorted`].
    pub(super) fn flows(
        &self,
        lookup: &Lookup,
        columns: Columns,
        settings: &Settings,
    ) -> StoreResult<FlowStream> {
        if self.by.is_none() {
            return lookup.run(self.snapshot());
        }
        let (order, limits) = (FlowOrder::ROW_KEY, settings.limits());
        let options = SortOptions { order, columns, limit: lookup.limit(), limits };
        sorted(self.snapshot(), lookup, &options)
    }

    /// The names that exporters told, as far as they may be shown.
    ///
    /// # Errors
    ///
    /// As [`Store::names`].
    pub(super) fn names(&self) -> StoreResult<Names> {
        if self.by.is_some() { Ok(Names::default()) } else { self.store.names() }
    }

    /// Has `answer` carry out `lookups` and print what comes of them. How the flows are found is
    /// said before that, and what was read after it; as JSON, both after it.
    ///
    /// # Errors
    ///
    /// What `answer` meets, and what planning does.
    pub(super) fn answer(
        &self,
        lookups: &[&Lookup],
        json: bool,
        answer: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<Ending> {
        let plan = self.explain.then(|| self.asked.explain(lookups)).transpose()?;
        if let Some(plan) = plan.as_ref().filter(|_| !json) {
            say(explanation_text(plan).trim_end());
        }
        let began = Instant::now();
        answer()?;
        if let Some(by) = &self.by {
            anonymise::tell(by.left_out(), !self.store.names()?.is_empty());
        }
        let scaled = self.asked.scaled();
        // A program that asks for an explanation finds it there.
        if !(scaled.is_empty() || json && self.explain) {
            let by = by_intervals(&scaled, self.question().limit.is_some());
            say(format_args!(
                "octets and packets are multiplied by the sampling intervals of their exporters \
                 ({by}); --scaled=no leaves them as they were exported"
            ));
        }
        if let Some(plan) = plan {
            let read = lookups.iter().map(|lookup| lookup.reading());
            let whole = Explanation { scaled, ..plan.after(read, began.elapsed()) };
            if json {
                say(explanation_json(&whole).trim_end());
            } else {
                // The filter and the scans were told before.
                let read = Explanation { filter: None, scans: Vec::new(), ..whole };
                say(explanation_text(&read).trim_end());
            }
        }
        Ok(Ending::Done)
    }
}
