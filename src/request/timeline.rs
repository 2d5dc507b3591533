//! `timeline`: traffic over time.

use std::num::NonZeroU64;

use super::beside::beside;
use super::top::keys_of;
use super::usage::{self, BIN_MS, UsageAnswer};
use super::{AskError, Refused, SummaryOptions, Surroundings, Zone, one_of, show, whole_number};
use crate::aggregate::{
    self, Billing, BinWidth, KeyField, Measure, TimelineError, TimelineOptions, TopEntry,
    TopOptions, TopOrder, UsageOptions, Whose,
};
use crate::answer::{Beside, width, words::grouped};
use crate::query::{Direction, Lookup, Question, parse_addresses};
use crate::row::AddressRange;
use crate::store::{Scan, Snapshot};

/// What can be said of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Timeline {
    /// Whose traffic: an address, or a block in CIDR notation [default: everybody's]
    #[arg(id = "address", value_name = "ADDR|CIDR", value_parser = parse_addresses)]
    addresses: Option<AddressRange>,
    /// Only what the addresses sent (src), or received (dst)
    #[arg(long, value_name = "END", default_value_t = Direction::Any,
        value_parser = one_of::<Direction>(Direction::ALL.map(Direction::name)),
        requires = "address")]
    direction: Direction,
    #[command(flatten)]
    flows: SummaryOptions,
    /// What is counted
    #[arg(long, value_name = "MEASURE", default_value_t,
        value_parser = one_of::<Measure>(Measure::ALL.map(Measure::name)))]
    by: Measure,
    /// How long a bin is: 500ms, 30s, 5m, 1h, 1d [default: as short as the chart has room for; of
    /// percentiles 5m]
    #[arg(long, value_name = "SPAN", value_parser = span, allow_hyphen_values = true)]
    bin: Option<NonZeroU64>,
    /// By one key or several, as top has them: a series for each of the greatest, and one for the rest
    #[arg(long, value_name = "KEY[,KEY…]")]
    key: Option<String>,
    /// Of how many keys there is a series
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 8, requires = "key",
        value_parser = series_count, allow_negative_numbers = true)]
    count: usize,
    /// In place of bins, what is billed by this percentile of their rates, by nearest rank (of 95, the
    /// highest 5 % are thrown away), of all bins from --since to --until, and of all flows that were
    /// under way then: octets, mean, percentile and peak in and out, a line for each key
    #[arg(long, value_name = "N", value_parser = percentile)]
    percentile: Option<u8>,
    /// What is billed: the higher of both ways' percentiles, or the percentile of both ways together
    #[arg(long, value_name = "max|sum", default_value_t, requires = "percentile",
        value_parser = one_of::<Billing>(Billing::ALL.map(Billing::name)))]
    billing: Billing,
}

/// Traffic over time, and by which keys it is told.
#[derive(Debug)]
pub struct TimelineAnswer {
    /// The traffic.
    pub timeline: aggregate::Timeline,
    /// What it is grouped by; nothing where it is not.
    pub fields: Vec<KeyField>,
    /// The keys that series are of.
    pub keys: Vec<TopEntry>,
}

impl Timeline {
    /// So many bins there are at most where nobody says how long they are and nothing sets their
    /// number: those of five minutes in a day, and a few more.
    pub const USUAL_BINS: usize = 300;

    /// The question that is meant.
    ///
    /// # Errors
    ///
    /// As [`SummaryOptions::question`], and for a percentile of a time that has no beginning.
    pub fn question(&self, around: &Surroundings<'_>) -> Result<Question, Refused> {
        let question = self.flows.question(self.addresses, around)?;
        if self.percentile.is_none() {
            return Ok(question);
        }
        let time = usage::over_by_now(question.time, self.bin.unwrap_or(BIN_MS), around)?;
        Ok(Question { time, alive: true, ..question })
    }

    /// What is told of the time of `question` in place of bins, where a percentile is asked for.
    pub fn usage(&self, question: &Question, around: &Surroundings<'_>) -> Option<UsageOptions> {
        Some(UsageOptions {
            by: self.by,
            window: question.time,
            bin_ms: self.bin.unwrap_or(BIN_MS),
            percentile: self.percentile?,
            billing: self.billing,
            limits: around.limits.clone(),
            line_columns: 0,
        })
    }

    /// What was used of what `lookups` find, told by `keys`.
    ///
    /// # Errors
    ///
    /// [`Refused`] for bins for which there is no memory, and what the store meets.
    pub fn answer_usage(
        &self,
        snapshot: &dyn Snapshot,
        lookups: &[(Whose, Lookup)],
        keys: Option<TopOptions>,
        options: &UsageOptions,
    ) -> Result<UsageAnswer, AskError> {
        usage::answer(snapshot, lookups, keys, options)
    }

    /// Whether counters are multiplied by sampling intervals.
    pub fn scaled(&self) -> bool {
        self.flows.scaled()
    }

    /// Whose traffic it is, in words; nothing where it is everybody's.
    pub fn of(&self) -> String {
        self.addresses.map(|addresses| addresses.to_string()).unwrap_or_default()
    }

    /// How flows are summed up, in at most `most` bins where nobody said how long they are.
    pub fn options(&self, most: usize, zone: &Zone) -> TimelineOptions {
        TimelineOptions {
            by: self.by,
            width: self.bin.map_or(BinWidth::AtMost(most), BinWidth::Millis),
            zone: zone.zone().clone(),
        }
    }

    /// What is looked up for `question`: a lookup for each series, or one for all that are of keys.
    pub fn lookups(&self, question: &Question) -> Vec<(Whose, Lookup)> {
        let columns = aggregate::Timeline::columns(self.by);
        let lookup = |whose: Whose, direction| {
            (whose, Question { direction, ..question.clone() }.plan_unordered(columns))
        };
        let sent = || lookup(Whose::Sent, Direction::Src);
        let received = || lookup(Whose::Received, Direction::Dst);
        match self.direction {
            direction if self.key.is_some() => vec![lookup(Whose::All, direction)],
            _ if self.addresses.is_none() => vec![lookup(Whose::All, Direction::Any)],
            Direction::Src => vec![sent()],
            Direction::Dst => vec![received()],
            Direction::Any => vec![sent(), received()],
        }
    }

    /// What most of the traffic is of that gets a series of its own, and how many; none where it is
    /// not told by keys.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the place, if the keys are none.
    pub fn keys(&self, around: &Surroundings<'_>) -> Result<Option<TopOptions>, Refused> {
        let Some(key) = &self.key else { return Ok(None) };
        let (fields, order) = (keys_of(key, around)?, TopOrder::Measure(self.by));
        let (zone, limits) = (around.zone.zone().clone(), around.limits.clone());
        Ok(Some(TopOptions { fields, order, count: Some(self.count), zone, limits }))
    }

    /// What is said beside the keys that traffic is told by, as far as tables are named that say it.
    ///
    /// # Errors
    ///
    /// [`Refused`] if a table cannot be read, and what the store meets.
    pub fn beside(
        &self,
        snapshot: &dyn Snapshot,
        lookups: &[(Whose, Lookup)],
        around: &Surroundings<'_>,
    ) -> Result<Beside, AskError> {
        let Some(options) = self.keys(around)? else { return Ok(Beside::default()) };
        let scans = lookups.iter().flat_map(|(_, lookup)| lookup.scans()).cloned();
        beside(snapshot, &scans.collect::<Vec<_>>(), &options, around)
    }

    /// The traffic that `lookups` find, over time, told by `keys`.
    ///
    /// # Errors
    ///
    /// [`Refused`] for bins that would be too many, and what the store meets.
    pub fn answer(
        &self,
        snapshot: &dyn Snapshot,
        lookups: &[(Whose, Lookup)],
        (options, keys): (&TimelineOptions, Option<TopOptions>),
        zone: &Zone,
    ) -> Result<TimelineAnswer, AskError> {
        let told = |error| told(error, zone, options.width);
        let (Some(keys), [(_, lookup)]) = (keys, lookups) else {
            let timeline = aggregate::Timeline::of(snapshot, lookups, options).map_err(told)?;
            return Ok(TimelineAnswer { timeline, fields: Vec::new(), keys: Vec::new() });
        };
        let first = lookup.scans().iter().map(|scan| Scan { followed: true, ..scan.clone() });
        let first: Vec<Scan> = first.collect();
        let top = aggregate::Top::of(snapshot, &first, &keys)?;
        let known = top.known(&keys);
        let timeline =
            aggregate::Timeline::of_keys(snapshot, lookup, &known, options).map_err(told)?;
        Ok(TimelineAnswer { timeline, fields: keys.fields, keys: top.entries })
    }
}

/// So many series there are at most: more colours nobody tells apart.
const MAX_SERIES: usize = 100;

fn series_count(text: &str) -> Result<usize, String> {
    match whole_number(text)? {
        count @ 1..=MAX_SERIES => Ok(count),
        _ => Err(format!("must be from 1 to {MAX_SERIES}")),
    }
}

/// Reads a percentile.
pub(super) fn percentile(text: &str) -> Result<u8, String> {
    match whole_number(text)? {
        percentile @ 1..=100 => Ok(percentile),
        _ => Err("must be from 1 to 100".to_owned()),
    }
}

/// Bins that are too short are refused, and the message says which ones are not.
fn told(error: TimelineError, zone: &Zone, given: BinWidth) -> AskError {
    match error {
        TimelineError::Store(error) => error.into(),
        TimelineError::TooManyBins { needed, most, first, last } => {
            let bin = match given {
                BinWidth::Millis(bin) => format!("--bin {}: ", width(bin.get())),
                BinWidth::AtMost(_) => String::new(),
            };
            let message = format!(
                "{bin}{} bins from {} to {} are more than {}; choose longer ones, or a part of \
                 that time with --since and --until",
                grouped(needed),
                show(first, zone),
                show(last, zone),
                grouped(most as u64),
            );
            Refused::of("bin", message).into()
        }
    }
}

/// Reads a span of time as milliseconds: `500ms`, `30s`, `5m`, `1h30m`, `1d`.
pub(super) fn span(text: &str) -> Result<NonZeroU64, String> {
    let wrong = || format!("{text:?} is no span of time; write 30s, 5m, 1h or 1d");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let days_are_24_hours = jiff::SpanRelativeTo::days_are_24_hours();
    let millis = span.total((jiff::Unit::Millisecond, days_are_24_hours)).map_err(|_| wrong())?;
    let whole = millis.fract() == 0.0 && millis >= 1.0;
    whole.then(|| NonZeroU64::new(millis as u64)).flatten().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_people_write_it() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("5 min", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("1d", Some(86_400_000)),
            ("1w", Some(604_800_000)),
            ("PT5M", Some(300_000)),
            ("0s", None),
            ("-5m", None),
            ("1us", None),
            ("5", None),
            ("", None),
            ("1y", None),
        ] {
            assert_eq!(span(text).ok().map(NonZeroU64::get), millis, "{text}");
        }
    }
}
