//! `top`: what most of the traffic is of.

use std::cell::Cell;

use super::beside::beside;
use super::{AskError, Place, Refused, SummaryOptions, Surroundings, one_of, whole_number};
use crate::aggregate::{self, KeyField, ParseKeyError, TopOptions, TopOrder, parse_keys_with};
use crate::answer::Beside;
use crate::flow::{Columns, UnixMillis};
use crate::query::{Lookup, Question};
use crate::store::{Result, Snapshot};

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Top {
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    flows: SummaryOptions,
}

/// By which keys flows are summed up, and how many of these are told: what `top` and `diff` share.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Keys {
    /// What flows are grouped by: one key or several, with commas between them
    #[arg(value_name = "KEY[,KEY…]")]
    key: String,
    /// What keys are ordered by, in diff by its difference; pps and bps are packets and bits a second, in
    /// diff over all of a window, and bpp octets a packet
    #[arg(long, value_name = "MEASURE",
        value_parser = one_of::<TopOrder>(["octets", "bytes", "packets", "flows", "pps", "bps", "bpp"]),
        hide_possible_values = true, default_value_t)]
    by: TopOrder,
    /// How many keys; 0 for all
    #[arg(short = 'n', long = "count", value_name = "N", default_value = "10",
        value_parser = whole_number::<usize>, allow_negative_numbers = true)]
    count: usize,
}

impl Keys {
    /// How flows are summed up.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the place, if the keys are none.
    pub(super) fn options(&self, around: &Surroundings<'_>) -> Result<TopOptions, Refused> {
        Ok(TopOptions {
            fields: keys_of(&self.key, around)?,
            order: self.by,
            count: (self.count > 0).then_some(self.count),
            zone: around.zone.zone().clone(),
            limits: around.limits.clone(),
        })
    }
}

impl Top {
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

    /// How flows are summed up.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the place, if the keys are none.
    pub fn options(&self, around: &Surroundings<'_>) -> Result<TopOptions, Refused> {
        self.keys.options(around)
    }

    /// What is looked up for `question`; the options say which columns are needed.
    pub fn lookup(&self, question: &Question) -> Lookup {
        question.plan_unordered(Columns::NONE)
    }

    /// The greatest keys of what `lookup` finds.
    ///
    /// # Errors
    ///
    /// As [`aggregate::Top::of`].
    pub fn answer(
        &self,
        snapshot: &dyn Snapshot,
        lookup: &Lookup,
        options: &TopOptions,
    ) -> Result<aggregate::Top> {
        aggregate::Top::of(snapshot, lookup.scans(), options)
    }

    /// What is said of the keys of `top` beside them, as far as tables are named that say it.
    ///
    /// # Errors
    ///
    /// [`Refused`] if a table cannot be read, and what the store meets.
    pub fn beside(
        &self,
        snapshot: &dyn Snapshot,
        (question, lookup): (&Question, &Lookup),
        (top, options): (&aggregate::Top, &TopOptions),
        around: &Surroundings<'_>,
    ) -> Result<Beside, AskError> {
        let beside = beside(snapshot, lookup.scans(), options, around)?;
        Ok(Beside { window_ms: window_ms(question, top), ..beside })
    }
}

/// How long the stretch of time is that is asked for; where it has no end, as the keys that were
/// found have it.
fn window_ms(question: &Question, top: &aggregate::Top) -> u64 {
    let (time, counts) = (question.time, top.entries.iter().map(|entry| &entry.counts));
    let since = match time.since {
        UnixMillis::EPOCH => counts.clone().map(|counts| counts.first).min().unwrap_or_default(),
        since => since,
    };
    let until = match time.until {
        UnixMillis::MAX => counts.map(|counts| counts.last).max().unwrap_or_default(),
        until => until,
    };
    until.0.saturating_sub(since.0)
}

/// What flows are grouped by that are told by `keys`.
///
/// # Errors
///
/// [`Refused`] with the place of what is no key.
pub fn keys_of(keys: &str, around: &Surroundings<'_>) -> Result<Vec<KeyField>, Refused> {
    let ours = Cell::new(false);
    let table = |attribute| {
        let table = around.files.meaning().and_then(|meaning| meaning.table(attribute));
        table.map_err(|error| {
            ours.set(error.file().is_some());
            error.to_string()
        })
    };
    let fields = parse_keys_with(keys, &table);
    let fields = fields.map_err(|error| Refused { ours: ours.get(), ..refused(keys, &error) })?;
    if !fields.iter().any(KeyField::is_asn) {
        return Ok(fields);
    }
    let Some(asns) = around.meaning()?.asns()? else { return Ok(fields) };
    Ok(fields.into_iter().map(|field| field.by_address(&asns)).collect())
}

/// The error, with a mark under the key that it is about.
fn refused(keys: &str, error: &ParseKeyError) -> Refused {
    let width = |text: Option<&str>| text.map_or(0, |text| text.chars().count());
    let before = width(keys.get(..error.at));
    let length = width(keys.get(error.at..error.at + error.len)).max(1);
    let message = format!("{error}\n  {keys}\n  {}{}", " ".repeat(before), "^".repeat(length));
    let place = Place {
        problem: error.to_string(),
        file: None,
        line: 1,
        column: before + 1,
        length,
        expected: None,
        hint: None,
    };
    Refused { place: Some(Box::new(place)), ..Refused::of("key", message) }
}
