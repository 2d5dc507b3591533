//! The keys that most flows, packets or octets are of.
//!
//! Where a key names an address there may be about as many keys as flows. Then only what they are
//! ordered by is kept at first, and all else is read for the few greatest in a second look, which
//! their addresses make short. Other keys are few, and everything of them is kept at once.

mod bins;
mod counts;
mod details;
mod diff;
mod element;
mod field;
mod groups;
mod known;
mod layout;
mod names;
mod order;
mod parse;
mod peers;
mod piece;
mod weight;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use jiff::tz::TimeZone;

pub use counts::{Counters, Counts};
pub use diff::{Change, Diff, DiffEntry, DiffOptions};
pub use element::{ElementBytes, ElementKey, ElementValue};
pub use field::{End, KeyField, KeyValue, Prefix};
pub use known::KnownKeys;
pub use order::{ParseOrderError, TopOrder};
pub use parse::{ParseKeyError, key_words, parse_keys, parse_keys_with};
pub use peers::{PeersOptions, peers};
pub use weight::Windows;

use counts::Narrow;
use details::details;
use groups::{Found, greatest};
use layout::Layout;
pub(super) use piece::Side;
use weight::Weight;

use super::sums::Limits;
use crate::flow::{Column, Columns, Family};
use crate::row::AddressSet;
use crate::store::{Result, Scan, Snapshot};

/// For more keys than this, a second look at the flows is dearer than keeping all of them.
const MAX_SECOND_LOOKS: usize = 65_536;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopOptions {
    /// What flows are grouped by; [`parse_keys`] reads them.
    pub fields: Vec<KeyField>,
    /// What keys are ordered by.
    pub order: TopOrder,
    /// How many keys are wanted; None for all of them, which must fit into memory then.
    pub count: Option<usize>,
    /// The zone by whose clocks stretches of time are cut.
    pub zone: TimeZone,
    /// How much memory all of it may take, but for the entries of the answer.
    pub limits: Limits,
}

impl TopOptions {
    /// What sums may take of the memory: the rest is for batches, tables and winners, so by default a
    /// process stays below 256 MB.
    fn limits_of_sums(&self) -> Limits {
        Limits { memory_bytes: self.limits.memory_bytes / 8 * 7, ..self.limits.clone() }
    }
}

/// The greatest keys, and what there is in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// By what they are ordered by, downwards; equal ones by their values, upwards.
    pub entries: Vec<TopEntry>,
    /// How many keys there are.
    pub keys: u64,
    /// The counters of all flows that were looked at.
    pub totals: Counters,
    /// How many of these flows are of no packet and no octet: what firewalls and NATs tell of
    /// connections and translations.
    pub without_traffic: u64,
}

/// A key, and what its flows come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopEntry {
    /// A value for each field.
    pub key: Vec<KeyValue>,
    /// What its flows come to.
    pub counts: Counts,
}

impl Top {
    /// The greatest keys among the flows of `snapshot` that `scans` find; the columns that they
    /// name, and their order, make no difference. No flow is to be found by two of them.
    ///
    /// Exact, whatever number of keys there is.
    ///
    /// ```
    /// use earlgrey_hbase::aggregate::{Limits, Top, TopOptions, TopOrder, parse_keys};
    /// use earlgrey_hbase::flow::Columns;
    /// use earlgrey_hbase::store::memory::MemoryStore;
    /// use earlgrey_hbase::store::{Scan, Store};
    ///
    /// let options = TopOptions {
    ///     fields: parse_keys("src,dstport")?,
    ///     order: TopOrder::default(),
    ///     count: Some(10),
    ///     zone: jiff::tz::TimeZone::UTC,
    ///     limits: Limits::default(),
    /// };
    /// let snapshot = MemoryStore::default().snapshot()?;
    /// let top = Top::of(&*snapshot, &[Scan::all(Columns::NONE)], &options)?;
    /// assert_eq!((top.entries.len(), top.keys), (0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`over`](super::over).
    pub fn of(snapshot: &dyn Snapshot, scans: &[Scan], options: &TopOptions) -> Result<Self> {
        let mut top =
            Self { entries: Vec::new(), keys: 0, totals: Counters::default(), without_traffic: 0 };
        for (layout, scans) in layouts(scans, options) {
            top.add(part(snapshot, &scans, &layout, options)?);
        }
        top.entries.sort_by(|a, b| {
            let rank = |entry: &TopEntry| Reverse(entry.counts.get(options.order));
            rank(a).cmp(&rank(b)).then_with(|| a.key.cmp(&b.key))
        });
        top.entries.truncate(options.count.unwrap_or(usize::MAX));
        if scans.iter().all(|scan| !scan.followed) {
            // Looks that might have followed did not all have to.
            options.limits.watch.tell(1.0);
        }
        Ok(top)
    }

    /// Its keys, to tell flows of them from others; `options` are those that it was made with.
    pub fn known(&self, options: &TopOptions) -> KnownKeys {
        let keys = self.entries.iter().map(|entry| &*entry.key);
        KnownKeys::new(&options.fields, &options.zone, &keys)
    }

    fn add(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
        self.keys += other.keys;
        self.totals.add(other.totals);
        self.without_traffic += other.without_traffic;
    }
}

/// A layout of keys for each family that they differ in, with what is read for it: one after the other,
/// so that the memory is there for each.
fn layouts(scans: &[Scan], options: &TopOptions) -> impl Iterator<Item = (Layout, Vec<Scan>)> {
    let columns = Columns::of(&[Column::Octets, Column::Packets]);
    let each = if options.fields.iter().any(KeyField::has_family) {
        &Family::ALL[..]
    } else {
        &[Family::V4]
    };
    each.iter().map(move |&family| {
        let of_family = |scan: &Scan| {
            let scan = Scan { columns, ordered: false, ..scan.clone() };
            if each.len() == 1 {
                return scan;
            }
            let followed = scan.followed || family == Family::V4;
            Scan { followed, ..scan.narrowed(scan.order, &AddressSet::of(family)) }
        };
        (Layout::new(&options.fields, &options.zone, family), scans.iter().map(of_family).collect())
    })
}

/// The greatest keys that are packed by `layout`, in any order.
fn part(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    layout: &Layout,
    options: &TopOptions,
) -> Result<Top> {
    // A few sizes are enough: each is code of its own.
    match layout.words() {
        0..=1 => part_of::<1>(snapshot, scans, layout, options),
        2 => part_of::<2>(snapshot, scans, layout, options),
        3 => part_of::<3>(snapshot, scans, layout, options),
        4..=5 => part_of::<5>(snapshot, scans, layout, options),
        6..=8 => part_of::<8>(snapshot, scans, layout, options),
        _ => part_of::<{ layout::MAX_WORDS }>(snapshot, scans, layout, options),
    }
}

fn part_of<const W: usize>(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    layout: &Layout,
    options: &TopOptions,
) -> Result<Top> {
    let weight = &Weight::by(options.order);
    let (limits, count) = (&options.limits_of_sums(), options.count.unwrap_or(usize::MAX));
    let (found, keys, totals, without_traffic) = if many_keys(layout) && looks_twice(options) {
        let first = scans.iter().map(|scan| Scan { followed: true, ..scan.clone() });
        let first: Vec<Scan> = first.collect();
        let Found { greatest, keys, counters, without_traffic } =
            greatest::<W, [u64; 1]>(snapshot, &first, layout, weight, (count, limits))?;
        let winners: Vec<_> = greatest.into_iter().map(|(key, _)| key).collect();
        (details(snapshot, scans, layout, &winners)?, keys, counters, without_traffic)
    } else {
        let Found { greatest, keys, counters, without_traffic } =
            greatest::<W, Narrow>(snapshot, scans, layout, weight, (count, limits))?;
        (greatest, keys, counters, without_traffic)
    };
    let entries = found
        .into_iter()
        // In a store whose snapshots do not stand still, flows may have gone since the first look.
        .filter(|(_, counts)| counts.counters.flows > 0)
        .map(|(key, counts)| TopEntry { key: layout.unpack(&key), counts })
        .collect();
    Ok(Top { entries, keys: keys.iter().sum(), totals: totals[0], without_traffic })
}

/// Whether there may be about as many keys as there are flows.
fn many_keys(layout: &Layout) -> bool {
    layout.fields.iter().any(|field| matches!(field, KeyField::Address(..) | KeyField::Pair))
}

fn looks_twice(options: &TopOptions) -> bool {
    let few = options.count.is_some_and(|count| count <= MAX_SECOND_LOOKS);
    few && options.order.measure().is_some()
}
