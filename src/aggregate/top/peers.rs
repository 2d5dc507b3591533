//! How many different hosts each key deals with, bin by bin.
//!
//! A key of a source deals with destinations, one of a destination with sources, and one of either end
//! with whoever is at the other. Each bin, key and peer is summed up once; what these come to by bin and
//! key is a second sum, of as many keys as the first has of their beginnings.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::greatest::Greatest;
use super::super::sums::{GroupSums, Limits};
use super::super::{Aggregate, over};
use super::field::{End, KeyField, KeyValue, Prefix};
use super::groups::BLOCK_ROWS;
use super::known::KnownKeys;
use super::layout::{self, Layout, at};
use super::piece::Side;
use crate::flow::{Columns, Family, FlowBatch};
use crate::query::Lookup;
use crate::store::{Result, Scan, Snapshot};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct PeersOptions<'a> {
    /// What flows are grouped by; a field may be a [`Bin`](KeyField::Bin).
    pub fields: &'a [KeyField],
    /// Only these keys, of fields of their own; all where there are none.
    pub among: Option<&'a KnownKeys>,
    /// Only keys that deal with so many.
    pub least: u64,
    /// Of these so many, that deal with most.
    pub count: usize,
    /// How much memory it may take.
    pub limits: &'a Limits,
}

/// The keys that deal with most hosts, each with how many: most first, equal ones by their values.
///
/// Exact. A key whose fields name no address counts peers of IPv4 and of IPv6 together; then all keys
/// that deal with anybody must fit into memory.
///
/// # Errors
///
/// As [`over`].
pub fn peers(
    snapshot: &dyn Snapshot,
    lookup: &Lookup,
    options: PeersOptions<'_>,
) -> Result<Vec<(Vec<KeyValue>, u64)>> {
    let apart = options.fields.iter().any(KeyField::has_family);
    let part = PeersOptions {
        least: if apart { options.least } else { 0 },
        count: if apart { options.count } else { usize::MAX },
        ..options
    };
    let mut sums: BTreeMap<Vec<KeyValue>, u64> = BTreeMap::new();
    for family in Family::ALL {
        for (key, peers) in of_family(snapshot, lookup, family, part)? {
            *sums.entry(key).or_default() += peers;
        }
    }
    let mut found: Vec<_> = sums.into_iter().filter(|&(_, peers)| peers >= options.least).collect();
    found.sort_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
    found.truncate(options.count);
    Ok(found)
}

/// How keys of one family are packed, alone and with a peer behind them, for each end that counts.
struct Packing {
    key: Layout,
    with_peer: Vec<(Side, Layout)>,
}

impl Packing {
    fn new(fields: &[KeyField], family: Family) -> Self {
        let zone = jiff::tz::TimeZone::UTC;
        let key = Layout::new(fields, &zone, family);
        let with_peer = |&side: &Side| {
            let of_dst = fields.iter().find_map(KeyField::end) == Some(End::Dst);
            let is_dst = if key.sides().len() > 1 { side == Side::Dst } else { of_dst };
            let peer = KeyField::Address(if is_dst { End::Src } else { End::Dst }, Prefix::WHOLE);
            let fields: Vec<_> = fields.iter().map(|field| at(field, side)).chain([peer]).collect();
            (side, Layout::new(&fields, &zone, family))
        };
        let with_peer = key.sides().iter().map(with_peer).collect();
        Self { key, with_peer }
    }

    fn columns(&self) -> Columns {
        let each = self.with_peer.iter().map(|(_, layout)| layout.columns(layout.sides()));
        each.fold(Columns::NONE, |all, columns| all | columns)
    }

    fn words(&self) -> usize {
        self.with_peer.iter().map(|(_, layout)| layout.words()).max().unwrap_or(0)
    }
}

fn of_family(
    snapshot: &dyn Snapshot,
    lookup: &Lookup,
    family: Family,
    options: PeersOptions<'_>,
) -> Result<Vec<(Vec<KeyValue>, u64)>> {
    let packing = Packing::new(options.fields, family);
    // A few sizes are enough, as for tops.
    match packing.words() {
        0..=2 => of_words::<2>(snapshot, lookup, &packing, options),
        3..=5 => of_words::<5>(snapshot, lookup, &packing, options),
        _ => of_words::<{ layout::MAX_WORDS }>(snapshot, lookup, &packing, options),
    }
}

fn of_words<const W: usize>(
    snapshot: &dyn Snapshot,
    lookup: &Lookup,
    packing: &Packing,
    options: PeersOptions<'_>,
) -> Result<Vec<(Vec<KeyValue>, u64)>> {
    let known = options.among.map_or(Columns::NONE, KnownKeys::columns);
    let columns = packing.columns() | known;
    let with = |scan: &Scan| Scan {
        columns: scan.columns | columns,
        again: options.among.is_some(),
        ..scan.clone()
    };
    let scans: Vec<Scan> = lookup.scans().iter().map(with).collect();
    let threads = rayon::current_num_threads();
    // Half for each of the two sums.
    let limits = Limits { memory_bytes: options.limits.memory_bytes / 2, ..options.limits.clone() };
    let met = over(snapshot, &scans, || Met::<W> {
        packing,
        among: options.among,
        sums: GroupSums::new(&limits, threads).into(),
        keys: Vec::with_capacity(BLOCK_ROWS),
        is_known: Vec::new(),
    })?;
    let of_key = |key: [u64; W]| leading(key, packing.key.bits());
    let made = || Ok(Box::new(GroupSums::<[u64; W], [u64; 1]>::new(&limits, threads)));
    let parts = met.sums.finish(made, |sums: &mut Result<Box<GroupSums<_, _>>>, key, _| {
        if let Ok(kept) = sums
            && let Err(error) = kept.add([(of_key(key), [1])].into_iter())
        {
            *sums = Err(error);
        }
    })?;
    let mut whole = Box::new(GroupSums::<[u64; W], [u64; 1]>::new(&limits, threads));
    for part in parts {
        whole.merge(*part?);
    }
    let greatest = whole.finish(
        || Greatest::new(options.count),
        |greatest, key, [peers]| {
            if peers >= options.least.into() {
                greatest.offer(peers, || key);
            }
        },
    )?;
    let found = greatest.into_iter().flat_map(Greatest::into_sorted);
    Ok(found.map(|(peers, key)| (packing.key.unpack(&key), peers as u64)).collect())
}

/// The first `bits` bits of a key; nothing behind them.
fn leading<const W: usize>(mut key: [u64; W], bits: u32) -> [u64; W] {
    for (word, at) in key.iter_mut().zip((0..).step_by(64)) {
        let kept = bits.saturating_sub(at).min(64);
        *word &= u64::MAX.checked_shl(64 - kept).unwrap_or(0);
    }
    key
}

/// Each key with each of its peers, while flows are read.
struct Met<'a, const W: usize> {
    packing: &'a Packing,
    among: Option<&'a KnownKeys>,
    sums: Box<GroupSums<[u64; W], [u64; 1]>>,
    keys: Vec<[u64; W]>,
    /// Of each row and end, whether its key is one that is asked for.
    is_known: Vec<[bool; 2]>,
}

impl<const W: usize> Met<'_, W> {
    fn add(&mut self, flows: &FlowBatch, rows: &Range<usize>) -> Result<()> {
        let packing = self.packing;
        for (side, layout) in &packing.with_peer {
            layout.pack(flows, rows, Side::Src, &mut self.keys);
            let wanted = |row: usize| self.among.is_none() || self.is_known[row][*side as usize];
            let keys = rows.clone().zip(&self.keys).filter(|&(row, _)| wanted(row));
            self.sums.add(keys.map(|(_, &key)| (key, [0])))?;
        }
        Ok(())
    }
}

impl<const W: usize> Aggregate for Met<'_, W> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        if flows.family() != self.packing.key.family {
            return Ok(());
        }
        if let Some(keys) = self.among {
            self.is_known.clear();
            self.is_known.resize(flows.len(), [false; 2]);
            let is_known = &mut self.is_known;
            keys.for_each(flows, |row, place, side| {
                is_known[row][side as usize] = place < keys.len();
            });
        }
        for start in (0..flows.len()).step_by(BLOCK_ROWS) {
            self.add(flows, &(start..(start + BLOCK_ROWS).min(flows.len())))?;
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.sums.merge(*other.sums);
        Ok(())
    }
}
