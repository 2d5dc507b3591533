//! What is said of keys beside them, as far as tables are named that say it.

use std::net::IpAddr;

use super::{AskError, Refused, Surroundings};
use crate::aggregate::{self, KeyField, KeyValue, TopOptions};
use crate::answer::Beside;
use crate::store::{Result, Scan, Snapshot};

/// What is said of keys that `options` are of, of flows that `scans` find.
///
/// # Errors
///
/// [`Refused`] if a table cannot be read, and what the store meets.
pub(crate) fn beside(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    options: &TopOptions,
    around: &Surroundings<'_>,
) -> Result<Beside, AskError> {
    if !Beside::may_say(&options.fields) {
        return Ok(Beside::default());
    }
    let meaning = around.meaning()?;
    if meaning.exporters().is_none() {
        return Ok(Beside { meaning, ..Beside::default() });
    }
    let exporter = if Beside::lacks_exporter(&options.fields) {
        only_exporter(snapshot, scans, options)?
    } else {
        None
    };
    let names = around.files.names().map_err(|error| Refused::new(error.to_string()))?;
    Ok(Beside { meaning, names, exporter, window_ms: 0 })
}

/// Who exported the flows that `scans` find, if all of them are of one exporter.
fn only_exporter(
    snapshot: &dyn Snapshot,
    scans: &[Scan],
    options: &TopOptions,
) -> Result<Option<IpAddr>> {
    let fields = vec![KeyField::Exporter];
    let options = TopOptions { fields, count: Some(1), ..options.clone() };
    let found = aggregate::Top::of(snapshot, scans, &options)?;
    Ok(match found.entries.first().map(|entry| &*entry.key) {
        Some([KeyValue::Address(exporter)]) if found.keys == 1 => Some(*exporter),
        _ => None,
    })
}
