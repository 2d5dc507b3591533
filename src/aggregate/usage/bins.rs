//! What each of a few keys has in each bin of a stretch of time.

use super::grid::{Axis, Filling, Grid, Into};
use crate::aggregate::{KnownKeys, Measure, Timeline, over};
use crate::flow::TimeRange;
use crate::query::Lookup;
use crate::store::{Result, Scan, Snapshot};

/// What each of `keys` has of `by` in each bin of `bin_ms` of `window`, among the flows that `lookup`
/// finds; behind them what all other keys have together. Both ends of a key of either end count.
///
/// Takes 8 bytes a bin, a key and an end.
///
/// # Errors
///
/// As [`over`].
pub fn bins_of_keys(
    snapshot: &dyn Snapshot,
    lookup: &Lookup,
    keys: &KnownKeys,
    (by, window, bin_ms): (Measure, TimeRange, u64),
) -> Result<Vec<Vec<u128>>> {
    let (entries, ends) = (keys.len() + 1, keys.ends());
    let grid = Grid::new(Axis { window, bin_ms }, entries * ends);
    let columns = Timeline::columns(by) | keys.columns();
    let with = |scan: &Scan| Scan { columns: scan.columns | columns, again: true, ..scan.clone() };
    let scans: Vec<Scan> = lookup.scans().iter().map(with).collect();
    over(snapshot, &scans, || Filling { grid: &grid, by, into: Into::OfKey(keys, ends) })?;
    let of_key = |place: usize| {
        let mut sum = grid.values(place * ends);
        for end in 1..ends {
            sum.iter_mut()
                .zip(grid.values(place * ends + end))
                .for_each(|(sum, more)| *sum += more);
        }
        sum
    };
    Ok((0..entries).map(of_key).collect())
}
