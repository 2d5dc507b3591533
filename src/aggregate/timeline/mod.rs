//! Traffic over time: how much of it falls into each of equal stretches of time, called bins.
//!
//! The octets and packets of a flow are spread evenly over the time that it lasted, for a flow of
//! half an hour is no burst at its beginning. What a bin gets of it is a whole number, and what all
//! bins get is what the flow had: each gets the rounded share of the time up to its end, less what
//! those before it got. A flow itself is counted in the bin in which it began.

mod bins;
mod days;
mod width;

#[cfg(test)]
mod tests;

use std::num::NonZeroU64;

use jiff::tz::TimeZone;

pub use bins::MAX_BINS;
use bins::{Bins, Span};
pub use width::BinWidth;

use super::{Aggregate, Measure, over};
use crate::flow::{Column, Columns, UnixMillis};
use crate::query::Lookup;
use crate::store::{Result, Snapshot, StoreError};

/// How much there was in each bin of a stretch of time without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// What is counted.
    pub by: Measure,
    /// How long each bin is, in milliseconds. Of whole days, those in which clocks change are an
    /// hour or so shorter or longer.
    pub bin_ms: u64,
    /// When each bin begins, rising; none where there is no flow.
    pub starts: Vec<UnixMillis>,
    /// When the last bin ends.
    pub until: UnixMillis,
    /// A value for each bin.
    pub series: Vec<Series>,
}

/// The values of some of the traffic, one for each bin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Whose.
    pub whose: Whose,
    /// Octets, packets or flows that began, bin by bin.
    pub values: Vec<u128>,
}

/// Whose traffic a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    All,
    /// What the addresses sent.
    Sent,
    /// What the addresses received.
    Received,
}

impl Whose {
    /// Its name in answers; everybody's has that of what is counted.
    pub const fn name(self, by: Measure) -> &'static str {
        match self {
            Self::All => by.name(),
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

/// How a timeline is made.
#[derive(Debug, Clone)]
pub struct TimelineOptions {
    /// What is counted.
    pub by: Measure,
    /// How long bins are.
    pub width: BinWidth,
    /// Where days, hours and weeks begin. Bins of whole days begin at midnight on both sides of a
    /// change of the clocks. Others are equally long, so after it those of more than an hour begin
    /// an hour beside it.
    pub zone: TimeZone,
}

/// Why there is no timeline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimelineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bins are too short for the time that the flows span.
    #[error("{needed} bins are needed from {first} to {last}, and {MAX_BINS} are the most")]
    TooManyBins {
        /// How many it would take.
        needed: u64,
        /// When the first flow began.
        first: UnixMillis,
        /// When the last flow ended.
        last: UnixMillis,
    },
}

impl Timeline {
    /// What a scan must read of flows that are counted by `by`.
    pub fn columns(by: Measure) -> Columns {
        match by {
            Measure::Flows => Columns::of(&[Column::First]),
            Measure::Octets | Measure::Packets => {
                Columns::of(&[Column::First, Column::Duration]) | by.columns()
            }
        }
    }

    /// The traffic that one or two `lookups` find, a series for each, all with the same bins.
    ///
    /// The bins are those of the flows found: a flow that lasts beyond the time that was asked for
    /// has its traffic in bins beyond it.
    ///
    /// # Errors
    ///
    /// [`TimelineError::TooManyBins`] for bins of a given width; else as [`over`].
    pub fn of(
        snapshot: &dyn Snapshot,
        lookups: &[(Whose, Lookup)],
        options: &TimelineOptions,
    ) -> Result<Self, TimelineError> {
        let mut scans = lookups.iter().flat_map(|(_, lookup)| lookup.scans());
        let since = scans.next().map_or(UnixMillis::EPOCH, |scan| scan.time.since);
        let guess = if since == UnixMillis::EPOCH { UnixMillis::now() } else { since };
        let width = options.width;
        if let Some(days) = days::uneven(width, &options.zone)
            && let Some(timeline) = Self::of_days(snapshot, lookups, options, days)?
        {
            return Ok(timeline);
        }
        let even = |moment| {
            let shift_ms = width::shift_ms(&options.zone, moment);
            sum_up(snapshot, lookups, |series| Bins::new(options.by, width, shift_ms, series))
        };
        let bins = even(guess)?;
        // Whether the clocks were on summer time then is known only when the flows are.
        let begin = bins.start(0);
        let bins = if bins.is_shifted_as(width::shift_ms(&options.zone, begin)) {
            bins
        } else {
            even(begin)?
        };
        // So is whether they changed meanwhile.
        let found = NonZeroU64::new(bins.width_ms()).map_or(width, BinWidth::Millis);
        if let Some(days) = days::uneven(found, &options.zone).filter(|_| found != width)
            && let Some(timeline) = Self::of_days(snapshot, lookups, options, days)?
        {
            return Ok(timeline);
        }
        Ok(Self::of_bins(&bins, lookups, options.by))
    }

    /// Of bins of `days` days of the zone each; none where they are too many, or beyond calendars.
    fn of_days(
        snapshot: &dyn Snapshot,
        lookups: &[(Whose, Lookup)],
        options: &TimelineOptions,
        days: i64,
    ) -> Result<Option<Self>, TimelineError> {
        let empty = |series| Bins::new(options.by, days::PARTS, 0, series).up_to(days::MAX_PARTS);
        let parts = match sum_up(snapshot, lookups, empty) {
            // Longer bins may be few enough.
            Err(TimelineError::TooManyBins { .. }) => return Ok(None),
            parts => Self::of_bins(&parts?, lookups, options.by),
        };
        Ok(days::put_together(&parts, days, &options.zone))
    }

    fn of_bins(bins: &Bins, lookups: &[(Whose, Lookup)], by: Measure) -> Self {
        let count = bins.len() as u64;
        let values = |(series, (whose, _)): (usize, &(Whose, Lookup))| Series {
            whose: *whose,
            values: bins.values(series).collect(),
        };
        Self {
            by,
            bin_ms: bins.width_ms(),
            starts: (0..count).map(|bin| bins.start(bin)).collect(),
            until: bins.start(count),
            series: lookups.iter().enumerate().take(bins::SERIES).map(values).collect(),
        }
    }

    /// When the bin of that number ends.
    pub fn end(&self, bin: usize) -> UnixMillis {
        self.starts.get(bin + 1).copied().unwrap_or(self.until)
    }

    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }
}

impl Series {
    /// All bins together.
    pub fn total(&self) -> u128 {
        self.values.iter().sum()
    }
}

/// What all lookups find, in bins that are at first those that `empty` gives for each series.
fn sum_up(
    snapshot: &dyn Snapshot,
    lookups: &[(Whose, Lookup)],
    empty: impl Fn(usize) -> Bins + Sync,
) -> Result<Bins, TimelineError> {
    let mut whole = empty(0);
    for (series, (_, lookup)) in lookups.iter().enumerate() {
        whole.merge(over(snapshot, lookup.scans(), || empty(series))?)?;
    }
    match whole.overflow() {
        None => Ok(whole),
        Some(Span { first, last }) => Err(TimelineError::TooManyBins {
            needed: (last / whole.width_ms() - first / whole.width_ms()).saturating_add(1),
            first: whole.moment(first),
            last: whole.moment(last),
        }),
    }
}
