//! An alert as others get it.

use serde::Serialize;

use crate::alert::{Alert, Kept, State, moment};
use crate::flow::UnixMillis;

/// What is told of an alert: `schema/alert.schema.json` describes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    #[serde(flatten)]
    alert: &'a Alert,
    /// How often it was raised: with the id, this tells a repeat.
    count: u64,
    #[serde(with = "moment")]
    opened: UnixMillis,
    #[serde(with = "moment")]
    raised: UnixMillis,
    state: State,
}

/// The alert as JSON, on one line.
pub(super) fn json(kept: &Kept) -> String {
    let Kept { alert, count, opened, raised, state, .. } = kept;
    let view = View { alert, count: *count, opened: *opened, raised: *raised, state: *state };
    // Its keys are texts, so it can be written.
    serde_json::to_string(&view).unwrap_or_default()
}
