//! Traffic over time: how much of it falls into each of equal stretches of time, called bins.
//!
//! The octets and packets of a flow are spread evenly over the time that it lasted, for a flow of
//! half an hour is no burst at its beginning. What a bin gets of it is a whole number, and what all
//! bins get is what the flow had: each gets the rounded share of the time up to its end, less what
//! those before it got. A flow itself is counted in the bin in which it began.

mod bins;
mod width;

#[cfg(test)]
mod tests;

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
    /// How long each bin is, in milliseconds.
    pub bin_ms: u64,
    /// When each bin begins, rising; none where there is no flow.
    pub starts: Vec<UnixMillis>,
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
    /// Where days, hours and weeks begin. Bins are equally long, so after a change of the clocks
    /// those of more than an hour begin an hour beside it.
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
        let bins = sum_up(snapshot, lookups, options, guess)?;
        // Whether the clocks were on summer time then is known only when the flows are.
        let begin = bins.start(0);
        let bins = if bins.is_shifted_as(width::shift_ms(&options.zone, begin)) {
            bins
        } else {
            sum_up(snapshot, lookups, options, begin)?
        };
        let count = bins.len();
        let values = |(series, (whose, _)): (usize, &(Whose, Lookup))| Series {
            whose: *whose,
            values: bins.values(series).collect(),
        };
        Ok(Self {
            by: options.by,
            bin_ms: bins.width_ms(),
            starts: (0..count as u64).map(|bin| bins.start(bin)).collect(),
            series: lookups.iter().enumerate().take(bins::SERIES).map(values).collect(),
        })
    }

    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// When the last bin ends.
    pub fn until(&self) -> Option<UnixMillis> {
        self.starts.last().map(|&start| start + self.bin_ms)
    }
}

impl Series {
    /// All bins together.
    pub fn total(&self) -> u128 {
        self.values.iter().sum()
    }
}

/// What all lookups find, in bins that fit the clock as it goes at `moment`.
fn sum_up(
    snapshot: &dyn Snapshot,
    lookups: &[(Whose, Lookup)],
    options: &TimelineOptions,
    moment: UnixMillis,
) -> Result<Bins, TimelineError> {
    let shift_ms = width::shift_ms(&options.zone, moment);
    let empty = |series| Bins::new(options.by, options.width, shift_ms, series);
    let mut whole = empty(0);
    for (series, (_, lookup)) in lookups.iter().enumerate() {
        whole.merge(over(snapshot, lookup.scans(), || empty(series))?)?;
    }
    match whole.overflow() {
        None => Ok(whole),
        Some(Span { first, last }) => Err(TimelineError::TooManyBins {
            needed: (last / whole.width_ms() - first / whole.width_ms()).saturating_add(1),
            first: UnixMillis(first.saturating_sub(shift_ms)),
            last: UnixMillis(last.saturating_sub(shift_ms)),
        }),
    }
}
