//! Looking through what is stored.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::{Found, Hit, Hits, Matcher, WatchList};
use crate::flow::{Column, Columns, FlowBatch, TimeRange};
use crate::row::{Order, Predicate};
use crate::store::{Result, Scan, Snapshot, Watch};

/// What is looked at of a flow.
pub(crate) const COLUMNS: Columns = Columns::of(&[
    Column::Src,
    Column::Dst,
    Column::SrcPort,
    Column::DstPort,
    Column::First,
    Column::Duration,
    Column::Packets,
    Column::Octets,
]);

/// What of `list` is hit by flows of `snapshot` that began in `time`, that of most flows first.
/// Nothing is remembered of it.
///
/// # Errors
///
/// As [`Snapshot::regions`], and what is met while reading.
pub fn hunt(
    snapshot: &dyn Snapshot,
    list: &WatchList,
    time: TimeRange,
    watch: &Watch,
) -> Result<Vec<Hit>> {
    let matcher = Matcher::new(Arc::new(list.clone()));
    Ok(hits(snapshot, &matcher, time, watch)?.told(list))
}

/// What `matcher` finds among flows of `snapshot` that began in `time`.
pub(crate) fn hits(
    snapshot: &dyn Snapshot,
    matcher: &Matcher,
    time: TimeRange,
    watch: &Watch,
) -> Result<Hits> {
    let hits = Mutex::new(Hits::default());
    let scan = Scan { time, watch: watch.clone(), ..Scan::all(COLUMNS) };
    hunt_each(snapshot, matcher, &scan, &|batch, found| {
        let more = Hits::of(matcher.list(), batch, found);
        hits.lock().unwrap_or_else(PoisonError::into_inner).merge(more);
        Ok(())
    })?;
    Ok(hits.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Has `enter` called with batches of those flows that `scan` reads, and what `matcher` finds in each.
pub(crate) fn hunt_each(
    snapshot: &dyn Snapshot,
    matcher: &Matcher,
    scan: &Scan,
    enter: &(dyn Fn(&FlowBatch, &[Found]) -> Result<()> + Sync),
) -> Result<()> {
    let addresses = matcher.addresses();
    if addresses.is_empty() {
        return Ok(());
    }
    // What they sent, and what they received that none of them sent.
    let sent = scan.narrowed(Order::Src, addresses);
    let received = scan.narrowed(Order::Dst, addresses);
    let received = received.testing(Predicate::not(Predicate::src(addresses.clone())));
    let mut regions = snapshot.regions(&sent)?;
    regions.append(&mut snapshot.regions(&received)?);
    regions.into_par_iter().try_for_each(|region| {
        region.read().try_for_each(|batch| {
            scan.watch.check()?;
            let batch = batch?;
            let found = matcher.look(&batch);
            if found.is_empty() { Ok(()) } else { enter(&batch, &found) }
        })
    })
}
