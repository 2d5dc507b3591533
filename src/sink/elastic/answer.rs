//! What became of each document that was sent.

use serde::Deserialize;
use serde_json::Value;

use crate::store::Result;
use crate::store::elastic::{Client, Reply};

/// What became of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there now.
    New,
    /// One of its id was there.
    There,
    /// The server had no room for it, for this reason, and may have later.
    Busy(String),
    /// The server will not have it, for this reason.
    Refused(String),
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    #[serde(default)]
    error: Value,
}

/// What became of the documents that `reply` is about, in the order in which they were sent.
///
/// # Errors
///
/// [`StoreError::Refused`](crate::StoreError::Refused) if it is not what a server answers, or says what
/// goes for all documents to come.
pub(super) fn fates(client: &Client, reply: &Reply) -> Result<Vec<Fate>> {
    if reply.status == 413 {
        return Ok(vec![Fate::Refused("it is too large".to_owned())]);
    }
    let answer: Answer = client.read("write", reply)?;
    let fate = |Item { create: Outcome { status, error } }| {
        let kind = error["type"].as_str().unwrap_or_default();
        Ok(match status {
            200..300 => Fate::New,
            409 => Fate::There,
            429 | 502..=504 => Fate::Busy(reason(status, &error)),
            // A disk that is full makes an index read-only, and an index that is not there is not
            // made: nothing else that is sent fares better.
            _ if ["cluster_block_exception", "index_not_found_exception", "security_exception"]
                .contains(&kind) =>
            {
                return Err(client.refuse("write", reason(status, &error)));
            }
            _ => Fate::Refused(reason(status, &error)),
        })
    };
    answer.items.into_iter().map(fate).collect()
}

/// What a server says of a document, and why.
fn reason(status: u16, error: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match (text(&error["reason"]), text(&error["caused_by"]["reason"])) {
        (reason, _) if reason.is_empty() => format!("HTTP {status}"),
        (reason, cause) if cause.is_empty() => reason,
        (reason, cause) => format!("{reason}: {cause}"),
    }
}
