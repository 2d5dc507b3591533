//! Flows grouped by their packed keys, in one pass over them.

use super::super::greatest::Greatest;
use super::super::sums::{GroupSums, Limits};
use super::super::{Aggregate, over};
use super::counts::{Counters, KINDS, Kept};
use super::layout::Layout;
use super::piece::Side;
use super::weight::Weight;
use crate::flow::FlowBatch;
use crate::store::{Result, Scan, Snapshot};

/// So many rows are worked on at once: their keys and values stay near the processor.
pub(super) const BLOCK_ROWS: usize = 1024;

/// Every key with what its flows come to.
struct Groups<'a, const W: usize, V: Kept> {
    layout: &'a Layout,
    weight: &'a Weight,
    sums: Box<GroupSums<[u64; W], V>>,
    /// The ends that flows count for.
    sides: &'a [Side],
    /// Whether they count for what there is in all.
    counted: bool,
    counters: [Counters; 2],
    without_traffic: u64,
    keys: Vec<[u64; W]>,
    values: Vec<V>,
}

/// The greatest keys, and what there is in all.
pub(super) struct Found<const W: usize, V: Kept> {
    /// By their rank downwards; among equals the lesser key first.
    pub(super) greatest: Vec<([u64; W], V::Total)>,
    /// How many keys there are of each kind.
    pub(super) keys: [u64; KINDS],
    /// The counters of all flows of each window.
    pub(super) counters: [Counters; 2],
    /// How many of them are of no packet and no octet.
    pub(super) without_traffic: u64,
}

/// The `count` greatest keys of the flows that `scans` find.
pub(super) fn greatest<const W: usize, V: Kept>(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    layout: &Layout,
    weight: &Weight,
    (count, limits): (usize, &Limits),
) -> Result<Found<W, V>> {
    let (first, second) = passes(snapshot, scans, layout);
    let shares = rayon::current_num_threads() * (1 + usize::from(second.is_some()));
    let groups = |sides, counted| Groups {
        layout,
        weight,
        sums: GroupSums::new(limits, shares).into(),
        sides,
        counted,
        counters: Default::default(),
        without_traffic: 0,
        keys: Vec::with_capacity(BLOCK_ROWS),
        values: Vec::with_capacity(BLOCK_ROWS),
    };
    let pass = |sides, is_first: bool| -> Result<Groups<'_, W, V>> {
        let needed = layout.columns(sides) | V::COLUMNS;
        let of_pass = |scan: &Scan| Scan {
            columns: scan.columns | needed,
            rows: layout.rows(sides),
            again: scan.again || !is_first,
            followed: scan.followed || is_first && second.is_some(),
            ..scan.clone()
        };
        let scans: Vec<Scan> = scans.iter().map(of_pass).collect();
        over(snapshot, &scans, || groups(sides, is_first))
    };
    let mut groups = pass(first, true)?;
    if let Some(sides) = second {
        groups.merge(pass(sides, false)?)?;
    }
    let (counters, without_traffic) = (groups.counters, groups.without_traffic);
    let parts = groups.sums.finish(
        || (Greatest::new(count), [0; KINDS]),
        |(greatest, keys), key, total| {
            keys[V::kind(&total, weight)] += 1;
            greatest.offer(V::rank(&total, weight), || (key, total));
        },
    )?;
    let mut whole = Greatest::new(count);
    let mut keys = [0; KINDS];
    for (part, part_keys) in parts {
        keys.iter_mut().zip(part_keys).for_each(|(keys, more)| *keys += more);
        part.into_sorted().for_each(|(rank, item)| whole.offer(rank, || item));
    }
    let greatest = whole.into_sorted().map(|(_, item)| item).collect();
    Ok(Found { greatest, keys, counters, without_traffic })
}

/// The ends that keys are of, in the passes over the flows that are made for them: both in one, or,
/// where that has most flows summed up, one after the other.
fn passes(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    layout: &Layout,
) -> (&'static [Side], Option<&'static [Side]>) {
    let summed = |sides: &[Side]| {
        let of_scan =
            |scan: &Scan| snapshot.summed(&Scan { rows: layout.rows(sides), ..scan.clone() });
        scans.iter().map(of_scan).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    };
    let both = layout.sides();
    if let (src @ [_], dst @ [_]) = both.split_at(1) {
        let (of_both, all) = summed(both);
        let of_each = summed(src).0.min(summed(dst).0);
        if of_each > of_both && of_each > all / 2 {
            return (src, Some(dst));
        }
    }
    (both, None)
}

impl<const W: usize, V: Kept> Aggregate for Groups<'_, W, V> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        if self.counted {
            for (counters, window) in self.counters.iter_mut().zip(self.weight.windows.both()) {
                counters.add(Counters::within(&window, flows));
            }
            self.without_traffic += flows.without_traffic();
        }
        for start in (0..flows.len()).step_by(BLOCK_ROWS) {
            let rows = start..(start + BLOCK_ROWS).min(flows.len());
            V::read(flows, rows.clone(), self.weight, &mut self.values);
            for &side in self.sides {
                self.layout.pack(flows, &rows, side, &mut self.keys);
                self.sums.add(self.keys.iter().copied().zip(self.values.iter().copied()))?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.counters.iter_mut().zip(other.counters).for_each(|(sum, more)| sum.add(more));
        self.without_traffic += other.without_traffic;
        self.sums.merge(*other.sums);
        Ok(())
    }
}
