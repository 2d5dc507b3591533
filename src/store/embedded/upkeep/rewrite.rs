//! The flows of some runs, merged in one order, and written to one file.

use std::sync::Arc;

use crate::flow::{Columns, FlowBatch, TimeRange};
use crate::row::Order;
use crate::store::embedded::folder::manifest::RunFile as FileEntry;
use crate::store::embedded::folder::run_columns::RunColumns;
use crate::store::embedded::run::merge::in_key_order;
use crate::store::embedded::run::reader::{Stretch, stretches};
use crate::store::embedded::run::schema::Shape;
use crate::store::embedded::run::set::SortedFile;
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::{FlowStream, Result, Scan, StoreError};

/// What a run that holds all of `runs`, which are of one family, looks like; None where none are.
///
/// # Errors
///
/// [`StoreError::UnknownColumn`] if one has a column of a later version, which would be lost.
pub(super) fn shape(runs: &[&OpenRun]) -> Result<Option<Shape>> {
    let Some(first) = runs.first() else { return Ok(None) };
    let family = first.entry.family;
    let mut columns = Columns::NONE;
    for run in runs {
        if let Some(column) = run.entry.columns.unknown().next() {
            let place = run.files.first().map_or_else(String::new, |file| file.file_name());
            return Err(StoreError::UnknownColumn { place, column: column.to_owned() });
        }
        columns = columns | Shape::new(family, &run.entry.columns).columns();
    }
    Ok(Some(Shape::new(family, &RunColumns::with(columns))))
}

/// The flows of `runs`, which are of one family, that began in `time` and are in `order`, in key
/// order and with all columns.
pub(super) fn merged(
    snapshot: &EmbeddedSnapshot,
    runs: &[&OpenRun],
    order: Order,
    time: TimeRange,
) -> Result<FlowStream> {
    let Some(Shape { family, .. }) = shape(runs)? else {
        return Ok(Box::new(std::iter::empty()));
    };
    let columns = Columns::ALL | order.lead_columns();
    let scan = Arc::new(Scan { order, time, ordered: true, ..Scan::all(columns) });
    let mut streams: Vec<FlowStream> = Vec::new();
    for file in runs.iter().filter_map(|run| run.file(order)) {
        let (scan, sources) = (Arc::clone(&scan), Arc::clone(snapshot.sources()));
        let stretches = stretches(file, &scan)?.into_iter();
        let read = move |stretch: Stretch| stretch.read(Arc::clone(&scan), Arc::clone(&sources));
        streams.push(Box::new(stretches.flat_map(read)));
    }
    Ok(in_key_order(streams, order, family, Arc::clone(snapshot.sources())))
}

/// Writes `flows` to one file. None if `go_on`, which is shown every batch, says no, or if there are
/// none.
pub(super) fn rewrite(
    flows: FlowStream,
    mut to: SortedFile,
    mut go_on: impl FnMut(&FlowBatch) -> bool,
) -> Result<Option<FileEntry>> {
    for batch in flows {
        let batch = batch?;
        if !go_on(&batch) {
            return Ok(None);
        }
        to.append(&batch)?;
    }
    if to.is_empty() { Ok(None) } else { to.finish().map(Some) }
}
