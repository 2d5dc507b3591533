//! A second look at the flows of a few keys: everything that an answer tells of them.
//!
//! Where the keys say an address, only the flows of those addresses are read.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::super::sums::Value;
use super::super::{Aggregate, over};
use super::counts::{Counts, Kept, Narrow};
use super::field::{End, KeyField, KeyValue};
use super::groups::BLOCK_ROWS;
use super::layout::Layout;
use super::order::TopOrder;
use super::piece::Side;
use super::weight::Weight;
use crate::flow::FlowBatch;
use crate::row::{AddressRange, Order};
use crate::store::{Result, Scan, Snapshot, StoreError};

/// More addresses are not looked up one by one: all flows are read for them.
const MAX_LOOKUPS: usize = 128;

/// What the flows of a few keys come to.
struct Details<'a, const W: usize> {
    layout: &'a Layout,
    sides: &'a [Side],
    found: HashMap<[u64; W], Counts>,
    keys: Vec<[u64; W]>,
    values: Vec<Narrow>,
}

/// Where the flows of some keys are.
struct Leads {
    /// Whether a flow counts only for the side on which it was looked up.
    by_side: bool,
    /// Addresses, and on which side of flows: no flow is at two of them on one side.
    ranges: BTreeSet<(Side, IpAddr, IpAddr)>,
}

/// What the flows of each of `keys` come to, among those that `scans` find.
pub(super) fn details<const W: usize>(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    layout: &Layout,
    keys: &[[u64; W]],
) -> Result<Vec<([u64; W], Counts)>> {
    if let Some(leads) = leads(layout, keys)
        && leads.ranges.len() <= MAX_LOOKUPS
    {
        match look_up(snapshot, scans, layout, keys, &leads) {
            // A store may keep flows in one order only.
            Err(StoreError::Refused { .. }) => {}
            found => return found,
        }
    }
    let sides = layout.sides();
    let scans: Vec<Scan> = scans.iter().map(|scan| again(scan, layout, sides)).collect();
    let make = || Details::new(layout, sides, keys);
    Ok(over(snapshot, &scans, make)?.found.into_iter().collect())
}

/// The second look that `scan` was the first for, at these ends.
fn again(scan: &Scan, layout: &Layout, sides: &[Side]) -> Scan {
    let columns = scan.columns | layout.columns(sides) | Narrow::COLUMNS;
    Scan { columns, rows: layout.rows(sides), again: true, ..scan.clone() }
}

/// Where the flows of `keys` are; None where keys have no address.
fn leads<const W: usize>(layout: &Layout, keys: &[[u64; W]]) -> Option<Leads> {
    let sides = |field: &KeyField| match field {
        KeyField::Address(End::Src, _) | KeyField::Pair => Some(&Side::BOTH[..1]),
        KeyField::Address(End::Dst, _) => Some(&Side::BOTH[1..]),
        KeyField::Address(End::Any, _) => Some(&Side::BOTH[..]),
        _ => None,
    };
    // One that leads from one side is enough, and better than one from two.
    let fields = layout.fields.iter().enumerate();
    let (sides, place) = fields
        .filter_map(|(place, field)| Some((sides(field)?, place)))
        .min_by_key(|(sides, _)| sides.len())?;
    let mut ranges = BTreeSet::new();
    for key in keys {
        let of_key = match layout.unpack(key)[place] {
            KeyValue::Address(address) => vec![(address, address)],
            KeyValue::Net(net) => vec![(net.network(), net.broadcast())],
            KeyValue::Pair(a, b) => vec![(a, a), (b, b)],
            _ => return None,
        };
        for (first, last) in of_key {
            ranges.extend(sides.iter().map(|&side| (side, first, last)));
        }
    }
    Some(Leads { by_side: sides.len() > 1, ranges })
}

fn look_up<const W: usize>(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    layout: &Layout,
    keys: &[[u64; W]],
    leads: &Leads,
) -> Result<Vec<([u64; W], Counts)>> {
    let mut whole = Details::new(layout, layout.sides(), keys);
    for (side, first, last) in &leads.ranges {
        let order = match side {
            Side::Src => Order::Src,
            Side::Dst => Order::Dst,
        };
        let Some(lead) = AddressRange::new(*first, *last) else { continue };
        let lead = lead.into();
        let sides = if leads.by_side { std::slice::from_ref(side) } else { layout.sides() };
        let narrowed = |scan: &Scan| again(scan, layout, sides).narrowed(order, &lead);
        let scans: Vec<Scan> = scans.iter().map(narrowed).collect();
        whole.merge(over(snapshot, &scans, || Details::new(layout, sides, keys))?)?;
    }
    Ok(whole.found.into_iter().collect())
}

impl<'a, const W: usize> Details<'a, W> {
    fn new(layout: &'a Layout, sides: &'a [Side], keys: &[[u64; W]]) -> Self {
        let found = keys.iter().map(|&key| (key, Counts::NONE)).collect();
        Self { layout, sides, found, keys: Vec::new(), values: Vec::new() }
    }
}

impl<const W: usize> Aggregate for Details<'_, W> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let weight = Weight::by(TopOrder::default());
        for start in (0..flows.len()).step_by(BLOCK_ROWS) {
            let rows = start..(start + BLOCK_ROWS).min(flows.len());
            Narrow::read(flows, rows.clone(), &weight, &mut self.values);
            for &side in self.sides {
                self.layout.pack(flows, &rows, side, &mut self.keys);
                for (key, value) in self.keys.iter().zip(&self.values) {
                    if let Some(counts) = self.found.get_mut(key) {
                        *counts = Narrow::sum(*counts, value.total());
                    }
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        for (key, counts) in other.found {
            if let Some(to) = self.found.get_mut(&key) {
                *to = Narrow::sum(*to, counts);
            }
        }
        Ok(())
    }
}
