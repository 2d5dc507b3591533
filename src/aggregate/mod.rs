//! Flows summed up: summaries that are made region by region, on all cores, and merged.

mod connections;
mod conversations;
mod greatest;
mod measure;
mod pairs;
mod sorted;
mod stats;
mod sums;
mod temporary;
mod timeline;
mod top;
mod totals;
mod usage;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

pub use connections::{
    CONNECTION_COLUMNS, Connection, Connections, HostPart, HostVisitor, Joining, OneWay, Timeouts,
    USUAL_ACTIVE_MS, USUAL_MARGIN_MS, each_host,
};
pub use conversations::{Conversation, Conversations, Outcome, Sent};
pub use measure::{Measure, ParseMeasureError};
pub use pairs::{ActivePair, ActivePairs, PairOptions};
pub use sorted::{FlowOrder, ParseFlowOrderError, SortOptions, sorted};
pub use stats::{MAX_GROUPS, Stats};
pub use sums::Limits;
pub use timeline::{BinWidth, MAX_BINS, Series, Timeline, TimelineError, TimelineOptions, Whose};
pub use top::{
    Change, Counters, Counts, Diff, DiffEntry, DiffOptions, ElementBytes, ElementKey, ElementValue,
    End, KeyField, KeyValue, KnownKeys, ParseKeyError, ParseOrderError, PeersOptions, Prefix, Top,
    TopEntry, TopOptions, TopOrder, Windows, key_words, parse_keys, parse_keys_with, peers,
};
pub use totals::{FlowTotals, Totals};
pub use usage::{
    Billing, Figures, ParseBillingError, Usage, UsageEntry, UsageError, UsageOptions, bins_of_keys,
};

use crate::flow::FlowBatch;
use crate::query::fold_regions;
use crate::store::{FlowStream, Region, Result, Scan, Snapshot};

/// A summary of flows that can be made in parts.
///
/// `merge` is associative and commutative, and the order in which flows are observed makes no
/// difference, so a scan that is split over any number of regions gives one answer.
pub trait Aggregate: Send + Sized {
    /// Takes `flows` into the summary.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io) if what does not fit into memory cannot be
    /// written to a temporary file.
    fn observe(&mut self, flows: &FlowBatch) -> Result<()>;

    /// Takes all that `other` has seen into this summary.
    ///
    /// # Errors
    ///
    /// As [`Self::observe`].
    fn merge(&mut self, other: Self) -> Result<()>;
}

/// The summary of the flows that `scans` find, their regions read on rayon's threads; `make` makes
/// a summary of nothing, one for each thread. No flow is to be found by two of the scans.
///
/// # Errors
///
/// As [`Snapshot::regions`], what is met while reading, and as [`Aggregate::observe`].
pub fn over<A: Aggregate>(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    make: impl Fn() -> A + Sync,
) -> Result<A> {
    over_regions(regions_of(snapshot, scans)?, make)
}

/// What is to be read for `scans`.
fn regions_of(snapshot: &dyn Snapshot, scans: &[Scan]) -> Result<Vec<Box<dyn Region>>> {
    let mut regions = Vec::new();
    for scan in scans {
        regions.append(&mut snapshot.regions(scan)?);
    }
    Ok(regions)
}

/// The flows of `regions`, one region after the other.
fn in_order(regions: Vec<Box<dyn Region>>) -> FlowStream {
    Box::new(regions.into_iter().flat_map(Region::read))
}

/// The summary of the flows of `regions`, as [`over`] makes it.
fn over_regions<A: Aggregate>(
    regions: Vec<Box<dyn Region>>,
    make: impl Fn() -> A + Sync,
) -> Result<A> {
    let parts = fold_regions(regions, &make, |part: &mut A, flows| {
        part.observe(flows).map(|()| ControlFlow::Continue(()))
    })?;
    let mut parts = parts.into_iter();
    let mut whole = parts.next().unwrap_or_else(make);
    for part in parts {
        whole.merge(part)?;
    }
    Ok(whole)
}
