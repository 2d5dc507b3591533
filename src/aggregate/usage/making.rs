//! Usage while it is counted.

use super::grid::{Filling, Grid, Into};
use super::{Figures, UsageEntry, UsageError, UsageOptions, Way};
use crate::aggregate::{Timeline, Whose, over};
use crate::query::Lookup;
use crate::store::{Scan, Snapshot};

/// What a bin of a series takes while it is counted, and when it is told.
const CELL_BYTES: u64 = size_of::<u64>() as u64;
const VALUE_BYTES: u64 = size_of::<u128>() as u64;

/// What is counted, and how.
pub(super) struct Making<'a> {
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) options: &'a UsageOptions,
    /// Those that are told of each entry.
    pub(super) ways: &'a [Way],
}

impl Making<'_> {
    /// For how many entries, of so many in `all`, there is memory at once.
    ///
    /// # Errors
    ///
    /// [`UsageError::TooMuch`] where these are fewer than `least`.
    pub(super) fn at_once(&self, least: usize, all: usize) -> Result<usize, UsageError> {
        let bins = self.options.axis().len();
        let each = bins.saturating_mul(CELL_BYTES * self.ways.len() as u64).max(1);
        let beside = self.bytes_beside(bins, all);
        let most_bytes = self.options.limits.memory_bytes as u64;
        let needed_bytes = each.saturating_mul(least as u64).saturating_add(beside);
        if needed_bytes > most_bytes {
            return Err(UsageError::TooMuch { bins, needed_bytes, most_bytes });
        }
        Ok(((most_bytes - beside) / each) as usize)
    }

    /// What is kept beside the grid, in bytes: the bins of what is of no key and, while their figures
    /// are made, those of one entry and of its ways together, with the rates of one of them; and the
    /// lines of all entries, of each way and of both.
    fn bytes_beside(&self, bins: u64, all: usize) -> u64 {
        let ways = self.ways.len() as u64;
        let line = VALUE_BYTES.saturating_mul(self.options.line_columns as u64);
        let lines = line.saturating_mul(ways + 1).saturating_mul(all as u64);
        bins.saturating_mul(VALUE_BYTES * (2 * ways + 2)).saturating_add(lines)
    }

    /// What `looks` find, of so many entries.
    pub(super) fn fill(
        &self,
        entries: usize,
        looks: &[(&Lookup, Into<'_>)],
    ) -> Result<Grid, UsageError> {
        let by = self.options.by;
        let grid = Grid::new(self.options.axis(), entries * self.ways.len());
        for &(lookup, into) in looks {
            // Which keys there are was found by a look before.
            let (columns, again) = match into {
                Into::One(_) => (Timeline::columns(by), false),
                Into::OfKey(keys, _) => (Timeline::columns(by) | keys.columns(), true),
            };
            let with =
                |scan: &Scan| Scan { columns: scan.columns | columns, again, ..scan.clone() };
            let scans: Vec<Scan> = lookup.scans().iter().map(with).collect();
            over(self.snapshot, &scans, || Filling { grid: &grid, by, into })?;
        }
        Ok(grid)
    }

    /// What the entry at `place` has in each bin, way by way.
    pub(super) fn values(&self, grid: &Grid, place: usize) -> Vec<Vec<u128>> {
        let ways = self.ways.len();
        (place * ways..(place + 1) * ways).map(|series| grid.values(series)).collect()
    }

    /// The entry that has these values, way by way.
    pub(super) fn entry(&self, whose: Whose, each: &[Vec<u128>]) -> UsageEntry {
        let of = |way| {
            let series = self.ways.iter().position(|other| *other == way)?;
            each.get(series).map(|values| Figures::of(values, self.options))
        };
        let bins = each.first().map_or(0, Vec::len);
        let both: Vec<u128> =
            (0..bins).map(|bin| each.iter().map(|values| values[bin]).sum()).collect();
        UsageEntry {
            whose,
            received: of(Way::In),
            sent: of(Way::Out),
            both: Figures::of(&both, self.options),
        }
    }
}
