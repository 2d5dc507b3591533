//! `report`: what each customer, interface or network used of a month.

use std::num::NonZeroU64;

use super::filter::Where;
use super::question::Dedup;
use super::timeline::{percentile, span};
use super::top::keys_of;
use super::usage::{self, UsageAnswer};
use super::{AskError, Refused, Scaling, Surroundings, one_of, whole_number};
use crate::aggregate::{
    Billing, KeyField, Measure, Timeline, TopOptions, TopOrder, UsageOptions, Whose,
};
use crate::flow::TimeRange;
use crate::query::{Direction, Lookup, Question};
use crate::store::Snapshot;

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Report {
    /// The month, by the clock of --tz: 2026-10, 'last month', 'this month' up to now; or another
    /// stretch of time: yesterday, 2026-W47, 2026-10-01..2026-10-16
    #[arg(long, value_name = "MONTH", allow_hyphen_values = true)]
    month: String,
    /// What has a line each, as keys of top: if (those of each exporter), exporter, as, network, tenant,
    /// ip/24, or several with commas between them
    #[arg(long, value_name = "KEY[,KEY…]")]
    by: String,
    /// How many keys, those of most octets; 0 for all
    #[arg(short = 'n', long = "count", value_name = "N", default_value = "100",
        value_parser = whole_number::<usize>, allow_negative_numbers = true)]
    count: usize,
    /// The percentile of the rates of all bins that is billed, by nearest rank: of 95, the highest 5 % are
    /// thrown away
    #[arg(long, value_name = "N", default_value = "95", value_parser = percentile)]
    percentile: u8,
    /// What is billed: the higher of both ways' percentiles, or the percentile of both ways together
    #[arg(long, value_name = "max|sum", default_value_t,
        value_parser = one_of::<Billing>(Billing::ALL.map(Billing::name)))]
    billing: Billing,
    /// How long a bin is: 1m, 5m, 15m
    #[arg(long, value_name = "SPAN", default_value = "5m", value_parser = span,
        allow_hyphen_values = true)]
    bin: NonZeroU64,
    #[command(flatten)]
    condition: Where,
    #[command(flatten)]
    dedup: Dedup,
    #[command(flatten)]
    scaling: Scaling,
}

/// How a report is made.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Which keys have a line.
    pub keys: TopOptions,
    /// What is told of them.
    pub usage: UsageOptions,
}

impl Report {
    /// How flows are summed up, and of when.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the place, if the keys are none, and for a month that is none, or of which
    /// nothing is over yet.
    pub fn options(&self, around: &Surroundings<'_>) -> Result<ReportOptions, Refused> {
        let month = TimeRange::parse(&self.month, around.zone.zone(), around.now)
            .map_err(|error| Refused::of("month", format!("--month: {error}")))?;
        let window = usage::over_by_now(month, self.bin, around)
            .map_err(|refused| Refused { parameter: Some("month".to_owned()), ..refused })?;
        let mut fields = keys_of(&self.by, around)
            .map_err(|refused| Refused { parameter: Some("by".to_owned()), ..refused })?;
        // An interface is one of its exporter.
        if fields.iter().any(KeyField::is_interface) && !fields.contains(&KeyField::Exporter) {
            fields.insert(0, KeyField::Exporter);
        }
        let limits = around.limits.clone();
        Ok(ReportOptions {
            keys: TopOptions {
                fields,
                order: TopOrder::Measure(Measure::Octets),
                count: (self.count > 0).then_some(self.count),
                zone: around.zone.zone().clone(),
                limits: limits.clone(),
            },
            usage: UsageOptions {
                by: Measure::Octets,
                window,
                bin_ms: self.bin,
                percentile: self.percentile,
                billing: self.billing,
                limits,
                line_columns: 0,
            },
        })
    }

    /// The question that is meant: all flows that were under way in the month.
    ///
    /// # Errors
    ///
    /// As [`SummaryOptions::question`](super::SummaryOptions::question).
    pub fn question(
        &self,
        options: &ReportOptions,
        around: &Surroundings<'_>,
    ) -> Result<Question, Refused> {
        Ok(Question {
            time: options.usage.window,
            alive: true,
            direction: Direction::Any,
            filter: self.condition.predicate(around)?,
            dedup: self.dedup.dedup,
            ..Question::everything()
        })
    }

    /// Whether counters are multiplied by sampling intervals.
    pub fn scaled(&self) -> bool {
        self.scaling.scaled(true)
    }

    /// What is looked up for `question`.
    pub fn lookup(&self, question: &Question) -> Lookup {
        question.plan_unordered(Timeline::columns(Measure::Octets))
    }

    /// What each key used of what `lookup` finds.
    ///
    /// # Errors
    ///
    /// [`Refused`] for bins for which there is no memory, and what the store meets.
    pub fn answer(
        &self,
        snapshot: &dyn Snapshot,
        lookup: &Lookup,
        options: &ReportOptions,
    ) -> Result<UsageAnswer, AskError> {
        let lookups = [(Whose::All, lookup.clone())];
        usage::answer(snapshot, &lookups, Some(options.keys.clone()), &options.usage)
    }
}
