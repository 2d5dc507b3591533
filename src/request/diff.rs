//! `diff`: what changed from one stretch of time to another.

use jiff::Span;

use super::beside::beside;
use super::filter::Where;
use super::question::Dedup;
use super::top::Keys;
use super::{AskError, Refused, Scaling, Surroundings};
use crate::aggregate::{self, DiffOptions, Windows};
use crate::answer::Beside;
use crate::flow::{Columns, TimeRange};
use crate::query::{Lookup, Question};
use crate::store::{Result, Scan, Snapshot};

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Diff {
    #[command(flatten)]
    keys: Keys,
    /// The stretch of time that is asked about, by when flows began: today, yesterday, 2026-11-23,
    /// 2026-W47, 2026-11, 2026-11-23T08:00..2026-11-23T09:30, or up to now: -2h
    #[arg(long, value_name = "WINDOW", allow_hyphen_values = true)]
    window: String,
    /// What it is held against: the same time a day, a week, a month or a year before, or another
    /// stretch of time
    #[arg(long, value_name = "day|week|month|year|WINDOW", allow_hyphen_values = true)]
    against: String,
    #[command(flatten)]
    condition: Where,
    #[command(flatten)]
    dedup: Dedup,
    #[command(flatten)]
    scaling: Scaling,
}

impl Diff {
    /// How flows are summed up, and of which windows.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the place, if the keys are none, and for windows that are none.
    pub fn options(&self, around: &Surroundings<'_>) -> Result<DiffOptions, Refused> {
        let top = self.keys.options(around)?;
        let now = stretch("window", &self.window, around)?;
        let span = match &*self.against {
            "day" => Some(Span::new().days(1)),
            "week" => Some(Span::new().weeks(1)),
            "month" => Some(Span::new().months(1)),
            "year" => Some(Span::new().years(1)),
            _ => None,
        };
        let before = match span {
            None => stretch("against", &self.against, around)?,
            Some(span) => now.before(span, around.zone.zone()).ok_or_else(|| {
                let message = format!("--against {}: times go from 1970-01-01 on", self.against);
                Refused::of("against", message)
            })?,
        };
        Ok(DiffOptions { top, windows: Windows { now, before } })
    }

    /// The question that is meant, of all time from the beginning of the earlier window to the end of
    /// the later one.
    ///
    /// # Errors
    ///
    /// As [`SummaryOptions::question`](super::SummaryOptions::question).
    pub fn question(
        &self,
        options: &DiffOptions,
        around: &Surroundings<'_>,
    ) -> Result<Question, Refused> {
        let Windows { now, before } = options.windows;
        let time =
            TimeRange { since: now.since.min(before.since), until: now.until.max(before.until) };
        let filter = self.condition.predicate(around)?;
        let dedup = self.dedup.dedup;
        Ok(Question { time, filter, dedup, ..Question::everything() })
    }

    /// Whether counters are multiplied by sampling intervals.
    pub fn scaled(&self) -> bool {
        self.scaling.scaled(true)
    }

    /// What is looked up for `question`: each part of the windows; the options say which columns are
    /// needed.
    pub fn lookups(&self, question: &Question, options: &DiffOptions) -> Vec<Lookup> {
        let part = |time| Question { time, ..question.clone() }.plan_unordered(Columns::NONE);
        options.windows.parts().into_iter().map(part).collect()
    }

    /// The keys that changed most in what `lookups` find.
    ///
    /// # Errors
    ///
    /// As [`aggregate::Diff::of`].
    pub fn answer(
        &self,
        snapshot: &dyn Snapshot,
        lookups: &[Lookup],
        options: &DiffOptions,
    ) -> Result<aggregate::Diff> {
        aggregate::Diff::of(snapshot, &scans(lookups), options)
    }

    /// What is said of keys beside them, as far as tables are named that say it.
    ///
    /// # Errors
    ///
    /// [`Refused`] if a table cannot be read, and what the store meets.
    pub fn beside(
        &self,
        snapshot: &dyn Snapshot,
        lookups: &[Lookup],
        options: &DiffOptions,
        around: &Surroundings<'_>,
    ) -> Result<Beside, AskError> {
        beside(snapshot, &scans(lookups), &options.top, around)
    }
}

fn scans(lookups: &[Lookup]) -> Vec<Scan> {
    lookups.iter().flat_map(Lookup::scans).cloned().collect()
}

fn stretch(parameter: &str, text: &str, around: &Surroundings<'_>) -> Result<TimeRange, Refused> {
    TimeRange::parse(text, around.zone.zone(), around.now)
        .map_err(|error| Refused::of(parameter, format!("--{parameter}: {error}")))
}
