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
use bins::{Bins, Filled, Span};
pub use width::BinWidth;

use super::{Aggregate, KnownKeys, Measure, over_regions, regions_of};
use crate::flow::{Column, Columns, UnixMillis};
use crate::query::Lookup;
use crate::store::{Result, Rows, Scan, Snapshot, StoreError};

/// Bins that are put together out of stretches of so many milliseconds need not be filled flow by
/// flow.
const SHARES_MS: u64 = 5 * 60 * 1000;

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
    /// That of the key at this place among those that were asked for.
    Key(usize),
    /// That of all other keys.
    OtherKeys,
}

impl Whose {
    /// Its name in answers; everybody's, and that of a key, has that of what is counted.
    pub const fn name(self, by: Measure) -> &'static str {
        match self {
            Self::All | Self::Key(_) | Self::OtherKeys => by.name(),
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
    #[error("{needed} bins are needed from {first} to {last}, and {most} are the most")]
    TooManyBins {
        /// How many it would take.
        needed: u64,
        /// How many there may be: [`MAX_BINS`], or fewer where there are more than two series.
        most: usize,
        /// When the first flow began.
        first: UnixMillis,
        /// When the last flow ended.
        last: UnixMillis,
    },
}

impl Timeline {
    /// What rows may stand for where bins are long enough.
    const ROWS: Rows = Rows::Shares { within_ms: SHARES_MS };

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
        let looks = lookups.iter().enumerate();
        let looks: Vec<_> =
            looks.map(|(series, (_, lookup))| (lookup, Filled::One(series))).collect();
        let whose: Vec<Whose> = lookups.iter().map(|(whose, _)| *whose).collect();
        Made { snapshot, looks: &looks, whose: &whose, options }.timeline()
    }

    /// The traffic that `lookup` finds, a series for each of `keys`, in their order, and one for all
    /// others behind them. All series together are what [`Self::of`] gives, or twice that where a
    /// key is of either end: a flow counts for each of its two then, as in a
    /// [`Top`](super::Top).
    ///
    /// # Errors
    ///
    /// As [`Self::of`].
    pub fn of_keys(
        snapshot: &dyn Snapshot,
        lookup: &Lookup,
        keys: &KnownKeys,
        options: &TimelineOptions,
    ) -> Result<Self, TimelineError> {
        let whose: Vec<Whose> = (0..keys.len()).map(Whose::Key).chain([Whose::OtherKeys]).collect();
        let looks = [(lookup, Filled::OfKey(keys))];
        Made { snapshot, looks: &looks, whose: &whose, options }.timeline()
    }

    /// Whether its series are of keys.
    pub fn is_of_keys(&self) -> bool {
        self.series.iter().any(|series| series.whose == Whose::OtherKeys)
    }

    /// All series in one.
    #[must_use]
    pub fn together(&self) -> Self {
        let sum = |bin: usize| self.series.iter().map(|series| series.values[bin]).sum();
        let values = (0..self.starts.len()).map(sum).collect();
        let series = vec![Series { whose: Whose::All, values }];
        Self { starts: self.starts.clone(), series, ..*self }
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

/// A timeline while it is made.
struct Made<'a> {
    snapshot: &'a dyn Snapshot,
    /// Lookups, and the series that each fills.
    looks: &'a [(&'a Lookup, Filled<'a>)],
    whose: &'a [Whose],
    options: &'a TimelineOptions,
}

impl Made<'_> {
    fn timeline(&self) -> Result<Timeline, TimelineError> {
        let TimelineOptions { width, ref zone, .. } = *self.options;
        let mut scans = self.looks.iter().flat_map(|(lookup, _)| lookup.scans());
        let since = scans.next().map_or(UnixMillis::EPOCH, |scan| scan.time.since);
        let guess = if since == UnixMillis::EPOCH { UnixMillis::now() } else { since };
        if let Some(days) = days::uneven(width, zone)
            && let Some(timeline) = self.of_days(days)?
        {
            return Ok(timeline);
        }
        let even = |moment| self.sum_up(width, width::shift_ms(zone, moment), None);
        let bins = even(guess)?;
        // Whether the clocks were on summer time then is known only when the flows are.
        let begin = bins.start(0);
        let bins =
            if bins.is_shifted_as(width::shift_ms(zone, begin)) { bins } else { even(begin)? };
        // So is whether they changed meanwhile.
        let found = NonZeroU64::new(bins.width_ms()).map_or(width, BinWidth::Millis);
        if let Some(days) = days::uneven(found, zone).filter(|_| found != width)
            && let Some(timeline) = self.of_days(days)?
        {
            return Ok(timeline);
        }
        Ok(self.of_bins(&bins))
    }

    /// Of bins of `days` days of the zone each; none where they are too many, or beyond calendars.
    fn of_days(&self, days: i64) -> Result<Option<Timeline>, TimelineError> {
        let parts = match self.sum_up(days::PARTS, 0, Some(days::MAX_PARTS)) {
            // Longer bins may be few enough.
            Err(TimelineError::TooManyBins { .. }) => return Ok(None),
            parts => self.of_bins(&parts?),
        };
        Ok(days::put_together(&parts, days, &self.options.zone))
    }

    fn of_bins(&self, bins: &Bins<'_>) -> Timeline {
        let count = bins.len() as u64;
        let values = |(series, &whose): (usize, &Whose)| Series {
            whose,
            values: bins.values(series).collect(),
        };
        Timeline {
            by: self.options.by,
            bin_ms: bins.width_ms(),
            starts: (0..count).map(|bin| bins.start(bin)).collect(),
            until: bins.start(count),
            series: self.whose.iter().enumerate().map(values).collect(),
        }
    }

    /// What all lookups find, in bins of `width`, or longer ones, that are moved by `shift_ms`.
    fn sum_up(
        &self,
        width: BinWidth,
        shift_ms: u64,
        most: Option<usize>,
    ) -> Result<Bins<'_>, TimelineError> {
        let empty = |filled| {
            let bins = Bins::new(self.options.by, width, shift_ms, (filled, self.whose.len()));
            if let Some(most) = most { bins.up_to(most) } else { bins }
        };
        // How long bins are is known only when they are full.
        let may_be_of_shares = self.have_shares() && empty(Filled::One(0)).may_be_of(SHARES_MS);
        let of_shares = may_be_of_shares.then(|| self.fill(&empty, Timeline::ROWS)).transpose()?;
        let whole = match of_shares.filter(|bins| bins.are_of(SHARES_MS)) {
            Some(bins) => bins,
            None => self.fill(&empty, Rows::Flows)?,
        };
        match whole.overflow() {
            None => Ok(whole),
            Some(Span { first, last }) => Err(TimelineError::TooManyBins {
                needed: (last / whole.width_ms() - first / whole.width_ms()).saturating_add(1),
                most: whole.most(),
                first: whole.moment(first),
                last: whole.moment(last),
            }),
        }
    }

    /// Whether anything would be read as shares, where no key is asked for.
    fn have_shares(&self) -> bool {
        self.looks.iter().all(|(_, filled)| matches!(filled, Filled::One(_)))
            && self.looks.iter().any(|&(lookup, _)| {
                let lookup = lookup.clone().of(Timeline::ROWS);
                lookup.scans().iter().any(|scan| self.snapshot.summed(scan).0 > 0)
            })
    }

    /// What all lookups find, in bins that are at first those of `empty`.
    fn fill<'b>(
        &'b self,
        empty: &(impl Fn(Filled<'b>) -> Bins<'b> + Sync),
        rows: Rows,
    ) -> Result<Bins<'b>> {
        // All regions before any is read: then it is known how much there is to read.
        let regions = |&(lookup, filled): &(&Lookup, Filled<'_>)| {
            let columns = Timeline::columns(self.options.by) | filled.columns();
            // Which keys there are was found by a look before.
            let again = matches!(filled, Filled::OfKey(_));
            let with =
                |scan: &Scan| Scan { columns: scan.columns | columns, rows, again, ..scan.clone() };
            let scans: Vec<Scan> = lookup.scans().iter().map(with).collect();
            regions_of(self.snapshot, &scans)
        };
        let regions: Vec<_> = self.looks.iter().map(regions).collect::<Result<_>>()?;
        let mut whole = empty(Filled::One(0));
        for (&(_, filled), regions) in self.looks.iter().zip(regions) {
            whole.merge(over_regions(regions, || empty(filled))?)?;
        }
        Ok(whole)
    }
}
