//! What was used of a stretch of time, as it is billed: how much in all, and the percentile of the
//! rates of short bins.
//!
//! Octets and packets are spread over the time of their flows, as in a
//! [`Timeline`](super::Timeline), and what falls outside of the stretch does not count. All of its bins
//! are samples, also those in which there was nothing.

mod bins;
mod figures;
mod grid;
mod making;
mod within;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use jiff::tz::TimeZone;

pub use bins::bins_of_keys;
pub use figures::Figures;
use grid::{Axis, Into};
use making::Making;

use super::top::Side;
use super::{End, KeyField, KnownKeys, Limits, Measure, TopEntry, TopOptions, Whose};
use crate::flow::{Column, TimeRange};
use crate::query::Lookup;
use crate::store::{Result as StoreResult, Scan, Snapshot, StoreError};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageOptions {
    /// What is counted.
    pub by: Measure,
    /// The time that counts; it has an end.
    pub window: TimeRange,
    /// How long a bin is.
    pub bin_ms: NonZeroU64,
    /// The percentile that is billed, from 1 to 100.
    pub percentile: u8,
    /// Of what.
    pub billing: Billing,
    /// How much memory all bins may take.
    pub limits: Limits,
    /// How many columns the line of each key has at most; 0 for no lines.
    pub line_columns: usize,
}

/// What is billed of traffic that went two ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Billing {
    /// The percentile of each way by itself, and of these the higher.
    #[default]
    Max,
    /// The percentile of both ways together, bin by bin.
    Sum,
}

impl Billing {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Max, Self::Sum];

    /// Its name on the command line and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Sum => "sum",
        }
    }
}

impl fmt::Display for Billing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Billing {
    type Err = ParseBillingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|billing| billing.name() == text);
        found.ok_or_else(|| ParseBillingError { text: text.to_owned() })
    }
}

/// Text that is no way of billing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no way of billing; write max or sum")]
pub struct ParseBillingError {
    text: String,
}

/// Why usage cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no memory for so many bins.
    #[error("{bins} bins take {needed_bytes} bytes, and {most_bytes} are the most")]
    TooMuch {
        /// How many bins there are.
        bins: u64,
        /// What they take.
        needed_bytes: u64,
        /// What they may take.
        most_bytes: u64,
    },
}

/// What was used by each key, or by all traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// How many bins there are.
    pub bins: u64,
    /// Those of each key that used something, greatest first, and behind them what is of no key.
    pub entries: Vec<UsageEntry>,
}

/// What was used by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEntry {
    /// Whose it is: everybody's, or that of a key or of all others.
    pub whose: Whose,
    /// What came in, where the key tells ways apart.
    pub received: Option<Figures>,
    /// What went out.
    pub sent: Option<Figures>,
    /// Both together, bin by bin.
    pub both: Figures,
}

impl Usage {
    /// Whether keys tell what came in from what went out.
    pub fn tells_ways(&self) -> bool {
        self.entries.iter().any(|entry| entry.received.is_some() && entry.sent.is_some())
    }
}

impl UsageEntry {
    /// The rate that is billed.
    pub fn billed(&self, billing: Billing) -> u128 {
        let ways = [&self.received, &self.sent].into_iter().flatten();
        let higher = ways.map(|figures| figures.percentile).max();
        match billing {
            Billing::Max => higher.unwrap_or(self.both.percentile),
            Billing::Sum => self.both.percentile,
        }
    }
}

impl UsageOptions {
    /// How many bins are above the percentile, of so many: they are thrown away.
    pub fn thrown_away(&self, bins: u64) -> u64 {
        bins - figures::rank(bins as usize, self.percentile) as u64
    }

    /// How much of what is counted a rate is a second.
    pub fn counted_a_second(&self, rate: u128) -> f64 {
        rate as f64 * 1000.0 / figures::factor(self.by) as f64
    }

    const fn axis(&self) -> Axis {
        Axis { window: self.window, bin_ms: self.bin_ms.get() }
    }
}

/// Which way traffic goes, as a key sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
    /// The key does not tell.
    Any,
}

impl Usage {
    /// What each of `lookups` finds: all that was sent, or received, or everybody's.
    ///
    /// # Errors
    ///
    /// [`UsageError::TooMuch`] where there is no memory for all bins; else as [`over`].
    pub fn of(
        snapshot: &dyn Snapshot,
        lookups: &[(Whose, Lookup)],
        options: &UsageOptions,
    ) -> Result<Self, UsageError> {
        let way = |whose| match whose {
            Whose::Sent => Way::Out,
            Whose::Received => Way::In,
            _ => Way::Any,
        };
        let ways: Vec<Way> = lookups.iter().map(|&(whose, _)| way(whose)).collect();
        let looks = lookups.iter().enumerate();
        let looks: Vec<_> =
            looks.map(|(series, (_, lookup))| (lookup, Into::One(series))).collect();
        let making = Making { snapshot, options, ways: &ways };
        making.at_once(1, 1)?;
        let grid = making.fill(1, &looks)?;
        let entry = making.entry(Whose::All, &making.values(&grid, 0));
        Ok(Self { bins: options.axis().len(), entries: vec![entry] })
    }

    /// The keys of most that fell into the time that counts, of what `scans` find.
    ///
    /// # Errors
    ///
    /// As [`Top::of`](super::Top::of).
    pub fn keys(
        snapshot: &dyn Snapshot,
        scans: &[Scan],
        keys: &TopOptions,
        options: &UsageOptions,
    ) -> StoreResult<Vec<TopEntry>> {
        within::keys((snapshot, scans), keys, (options.by, options.window))
    }

    /// What `lookup` finds of each of `keys`, which are of `fields` on the clocks of `zone`, and of all
    /// others. Keys for whose bins there is no memory at once are looked for one part after the other.
    ///
    /// # Errors
    ///
    /// As [`Self::of`].
    pub fn of_keys(
        snapshot: &dyn Snapshot,
        lookup: &Lookup,
        (fields, zone): (&[KeyField], &TimeZone),
        keys: &[TopEntry],
        options: &UsageOptions,
    ) -> Result<Self, UsageError> {
        let making = Making { snapshot, options, ways: &ways(fields) };
        let at_once = making.at_once(2, keys.len() + 1)? - 1;
        let (mut entries, mut others) = (Vec::new(), None::<Vec<Vec<u128>>>);
        for (turn, some) in keys.chunks(at_once).enumerate() {
            let known = KnownKeys::new(fields, zone, &some.iter().map(|entry| &*entry.key));
            let into = Into::OfKey(&known, making.ways.len());
            let grid = making.fill(some.len() + 1, &[(lookup, into)])?;
            for place in 0..some.len() {
                let each = making.values(&grid, place);
                // What was of others in the first turn is of this key.
                let taken = others.iter_mut().flatten().flatten().zip(each.iter().flatten());
                taken.for_each(|(others, &value)| *others = others.saturating_sub(value));
                entries.push(making.entry(Whose::Key(turn * at_once + place), &each));
            }
            others.get_or_insert_with(|| making.values(&grid, some.len()));
        }
        // By what they used of this time: flows that were under way count in part.
        entries.sort_by_key(|entry: &UsageEntry| Reverse(entry.both.total));
        entries.extend(others.map(|others| making.entry(Whose::OtherKeys, &others)));
        entries.retain(|entry| entry.both.total > 0);
        Ok(Self { bins: options.axis().len(), entries })
    }
}

/// Which way traffic goes at each of the ends that keys of `fields` are of.
fn ways(fields: &[KeyField]) -> Vec<Way> {
    let any = fields.iter().find(|field| field.end() == Some(End::Any));
    if let Some(field) = any {
        return Side::BOTH.map(|side| way(field, side)).to_vec();
    }
    let of_one = |field: &KeyField| match end(field)? {
        End::Src => Some(way(field, Side::Src)),
        End::Dst => Some(way(field, Side::Dst)),
        End::Any => None,
    };
    vec![fields.iter().find_map(of_one).unwrap_or(Way::Any)]
}

/// The end that a field is of, also where it is a number or an element.
fn end(field: &KeyField) -> Option<End> {
    match field {
        KeyField::Number(Column::SrcPort | Column::SrcAs | Column::SrcMask | Column::Input) => {
            Some(End::Src)
        }
        KeyField::Number(Column::DstPort | Column::DstAs | Column::DstMask | Column::Output) => {
            Some(End::Dst)
        }
        KeyField::Element(key) if key.ids[0].enterprise == 0 => match key.ids[0].number {
            SRC_MAC | POST_SRC_MAC | VLAN | DOT1Q_VLAN | INGRESS_VRF => Some(End::Src),
            DST_MAC | POST_DST_MAC | POST_VLAN | POST_DOT1Q_VLAN | EGRESS_VRF => Some(End::Dst),
            _ => None,
        },
        field => field.end(),
    }
}

/// Which way goes what a field tells of a side. What is of its source comes in where flows pass, as at
/// an interface, and is sent by an address, whose flow it is.
fn way(field: &KeyField, side: Side) -> Way {
    let is_src = side == Side::Src;
    if is_passed(field) == is_src { Way::In } else { Way::Out }
}

/// Whether the ends of a field are where a flow comes in and where it goes out.
fn is_passed(field: &KeyField) -> bool {
    match field {
        KeyField::EitherElement(key, _) | KeyField::Element(key) => {
            ![SRC_MAC, POST_SRC_MAC, DST_MAC, POST_DST_MAC].contains(&key.ids[0].number)
        }
        field => field.is_interface(),
    }
}

// Elements by their numbers at IANA that tell something of one end.
const SRC_MAC: u16 = 56;
const POST_DST_MAC: u16 = 57;
const VLAN: u16 = 58;
const POST_VLAN: u16 = 59;
const DST_MAC: u16 = 80;
const POST_SRC_MAC: u16 = 81;
const INGRESS_VRF: u16 = 234;
const EGRESS_VRF: u16 = 235;
const DOT1Q_VLAN: u16 = 243;
const POST_DOT1Q_VLAN: u16 = 254;
