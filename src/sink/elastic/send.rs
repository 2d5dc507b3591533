//! A piece until something has become of each of its documents.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde_json::json;

use super::answer::{Fate, fates};
use super::piece::{Document, Piece, apart};
use super::{By, Target};
use crate::answer::date;
use crate::sink::Written;
use crate::store::elastic::{Body, Client, Reply, Server};
use crate::store::{Result, StoreError, Watch};

/// So many documents that are refused are told one by one; all are counted.
const MAX_TOLD: u64 = 20;
/// So many reasons are told apart.
const MAX_REASONS: usize = 50;
/// The first pause before documents are sent again for which there was no room, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What all connections share.
pub(super) struct Shared {
    pub(super) client: Arc<Client>,
    pub(super) target: Target,
    pub(super) watch: Watch,
    pub(super) server: Server,
    pub(super) recovery: Duration,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) written: Written,
    /// Pieces that are on their way.
    pub(super) under_way: usize,
    /// Refused documents that were told.
    told: u64,
    pub(super) error: Option<StoreError>,
    pub(super) failed: bool,
}

/// What reasons have in common that are of one kind: the start tells the place of a value, as in
/// `[1:154] failed to parse field [bytes]`, and the end the document.
fn in_common(reason: &str) -> &str {
    let reason = reason.split(" in document with id").next().unwrap_or_default();
    let is_place = |place: &str| {
        place.strip_prefix('[').is_some_and(|numbers| {
            numbers.chars().all(|letter| letter.is_ascii_digit() || letter == ':')
        })
    };
    match reason.split_once("] ") {
        Some((place, rest)) if is_place(place) => rest,
        _ => reason,
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a piece until something has become of each of its documents.
    pub(super) fn send(&self, piece: &mut Piece, written: &mut Written) -> Result<()> {
        let mut waiting: Vec<usize> = (0..piece.documents.len()).collect();
        if self.target.by == By::Stream {
            // A stream does not see what is in its older indexes.
            let known = self.known_in_stream(piece, &waiting)?;
            waiting.retain(|at| !known.contains(at));
            waiting.extend(self.settle(piece, known, written)?);
        }
        let mut most = waiting.len();
        let mut pause = FIRST_PAUSE;
        let mut progress = Instant::now();
        while !waiting.is_empty() {
            let part = waiting.split_off(waiting.len().saturating_sub(most));
            let (part, mut equal) = apart(piece, part);
            let reply = self.post(piece, &part)?;
            written.bytes += reply.sent;
            if reply.status == 413 && part.len() > 1 {
                most = part.len().div_ceil(2);
                waiting.extend(part.into_iter().chain(equal.into_values().flatten()));
                continue;
            }
            let fates = fates(&self.client, &reply)?;
            if fates.len() != part.len() {
                return Err(self.client.refuse("write", "the answer is of other documents"));
            }
            let (mut there, mut busy) = (Vec::new(), Vec::new());
            for (at, fate) in part.into_iter().zip(fates) {
                let others = equal.remove(&at).unwrap_or_default();
                match fate {
                    Fate::New => {
                        written.flows += 1;
                        there.extend(others);
                    }
                    Fate::There => there.extend([at].into_iter().chain(others)),
                    Fate::Busy(reason) => {
                        busy.push((at, reason));
                        waiting.extend(others);
                    }
                    Fate::Refused(reason) => {
                        self.refuse(piece, at, &reason, written);
                        waiting.extend(others);
                    }
                }
            }
            if busy.is_empty() || !there.is_empty() {
                progress = Instant::now();
            }
            waiting.extend(self.settle(piece, there, written)?);
            let Some((_, reason)) = busy.first() else { continue };
            if progress.elapsed() + pause > self.recovery {
                return Err(self.client.refuse("write", format!("no room for long: {reason}")));
            }
            self.watch.pause(self.client.with_jitter(pause))?;
            pause = (pause * 2).min(LONGEST_PAUSE);
            waiting.extend(busy.into_iter().map(|(at, _)| at));
        }
        Ok(())
    }

    /// Sends some of the documents of a piece.
    fn post(&self, piece: &Piece, part: &[usize]) -> Result<Reply> {
        let mut lines = Vec::with_capacity(piece.text.len() + part.len() * 64);
        for &at in part {
            let document = &piece.documents[at];
            let id = document.content.id(document.ordinal);
            let action = match self.target.by {
                By::Day => json!({"create": {"_index": self.index_of(document), "_id": id}}),
                By::Index | By::Stream => json!({"create": {"_id": id}}),
            };
            lines.extend_from_slice(action.to_string().as_bytes());
            lines.push(b'\n');
            lines.extend_from_slice(&piece.text[document.source.clone()]);
            lines.push(b'\n');
        }
        let index = &self.client.location.index;
        let path = match self.server {
            Server::Elastic6 => format!("/{index}/_doc/_bulk"),
            Server::Elastic | Server::OpenSearch => format!("/{index}/_bulk"),
        };
        let reply = self.client.call("write", &path, Body::Bulk(&lines), &self.watch)?;
        if reply.is_ok() || reply.status == 413 {
            return Ok(reply);
        }
        Err(self.client.refused("write", &reply))
    }

    /// The index that a document goes to.
    pub(super) fn index_of(&self, document: &Document) -> String {
        let index = &self.client.location.index;
        match self.target.by {
            By::Day => format!(
                "{index}-{}",
                date(document.content.first(), &TimeZone::UTC).replace('-', ".")
            ),
            By::Index | By::Stream => index.clone(),
        }
    }

    /// Whether documents have types there.
    pub(super) fn has_types(&self) -> bool {
        self.server == Server::Elastic6
    }

    fn refuse(&self, piece: &Piece, at: usize, reason: &str, written: &mut Written) {
        let document = &piece.documents[at];
        let mut state = self.state();
        state.told += 1;
        if state.told <= MAX_TOLD {
            let id = document.content.id(document.ordinal);
            tracing::warn!("document {id} is refused: {reason}");
        }
        drop(state);
        // Reasons name values; what they have in common is counted.
        let reason = in_common(reason).to_owned();
        let known = written.refused.len() < MAX_REASONS || written.refused.contains_key(&reason);
        let reason = if known { reason } else { "other reasons".to_owned() };
        *written.refused.entry(reason).or_default() += 1;
    }
}
