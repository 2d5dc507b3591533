//! A rule, as it is told.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64;

use crate::aggregate::{KeyField, KeyValue, Measure};
use crate::detect::Severity;
use crate::flow::{TimeRange, UnixMillis};
use crate::query::Question;
use crate::row::Predicate;

/// What users want to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// Which flows it is about; none for all.
    pub filter: Option<Predicate>,
    /// That filter as it was written; nothing for all.
    pub written: String,
    /// What they are summed up by, as it was written.
    pub by: String,
    /// What they are summed up by; nothing for all together.
    pub fields: Vec<KeyField>,
    /// What of them is counted.
    pub counted: Counted,
    /// How long a window is, in milliseconds. Windows begin at multiples of it since 1970.
    pub window_ms: NonZeroU64,
    /// What is too much.
    pub limit: Limit,
    /// What comes to less is of no interest, however unusual it is.
    pub floor: u64,
    /// How long a key is not told of again after it was, in milliseconds.
    pub pause_ms: u64,
    /// How long after its end a window is still looked at, for exporters tell of flows when these end,
    /// or after their active time-out. In milliseconds.
    pub late_ms: u64,
    /// How soon somebody should look.
    pub severity: Severity,
}

/// What of flows is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Their octets or packets, which are spread over the time of each, or flows, where they begin.
    Measure(Measure),
    /// The different hosts that a key deals with, by flows that began in the window.
    Peers,
}

impl Counted {
    /// Everything that can be counted.
    pub const ALL: [Self; 4] = [
        Self::Measure(Measure::Octets),
        Self::Measure(Measure::Packets),
        Self::Measure(Measure::Flows),
        Self::Peers,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measure(measure) => measure.name(),
            Self::Peers => "peers",
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Counted {
    type Err = ParseCountedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|counted| counted.name() == text);
        named.ok_or_else(|| ParseCountedError(text.to_owned()))
    }
}

/// Text that names nothing that is counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nothing that is counted; write octets, packets, flows or peers")]
pub struct ParseCountedError(String);

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// More than this in a window.
    Above(u64),
    /// More than so many percent of the mean of the windows in so many milliseconds before.
    Percent {
        /// Of the mean.
        percent: u32,
        /// How far back the mean goes.
        over_ms: u64,
    },
    /// A robust z above this, in thousandths: so many times the median deviation from the median, which
    /// is scaled as if it were a standard deviation, of the windows before.
    Unusual {
        /// The score.
        z_milli: u32,
        /// How far back median and deviation go.
        over_ms: u64,
    },
}

impl Limit {
    /// How far back it looks, in milliseconds.
    pub const fn over_ms(self) -> u64 {
        match self {
            Self::Above(_) => 0,
            Self::Percent { over_ms, .. } | Self::Unusual { over_ms, .. } => over_ms,
        }
    }
}

impl Rule {
    /// Less than this is never told.
    pub(super) fn least(&self) -> u64 {
        match self.limit {
            Limit::Above(limit) => limit.saturating_add(1).max(self.floor),
            Limit::Percent { .. } | Limit::Unusual { .. } => self.floor.max(1),
        }
    }

    /// The windows that `range` touches, as a stretch of time.
    pub fn windows(&self, range: TimeRange) -> TimeRange {
        let window = self.window_ms.get();
        let until = range.until.0.div_ceil(window).saturating_mul(window);
        TimeRange { since: UnixMillis(range.since.0 / window * window), until: UnixMillis(until) }
    }

    /// The windows that may change yet at `now`.
    pub fn open_windows(&self, now: UnixMillis) -> TimeRange {
        let back = self.late_ms.saturating_add(self.window_ms.get());
        self.windows(TimeRange { since: UnixMillis(now.0.saturating_sub(back)), until: now + 1 })
    }

    /// The flows that count within `window`.
    pub fn question(&self, window: TimeRange) -> Question {
        let spread = matches!(self.counted, Counted::Measure(Measure::Octets | Measure::Packets));
        let filter = self.filter.clone();
        Question { time: window, alive: spread, filter, ..Question::everything() }
    }

    /// A number that is the same whenever the rule tells of `key` again.
    pub fn id(&self, key: &[KeyValue]) -> String {
        format!("{:016x}", xxh3_64(format!("rule {} {key:?}", self.name).as_bytes()))
    }
}
