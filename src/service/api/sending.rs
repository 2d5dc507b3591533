//! An answer on its way to a client: written by a thread, sent as it is written.

use std::io::{self, Write};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Failure;
use crate::service::Rows;
use crate::service::turns::Wanted;

/// An answer goes in pieces of this size; a client that is slow holds up its own answer, and no
/// more of it is in memory than this and [`PIECES_AHEAD`].
const PIECE_BYTES: usize = 32 << 10;
const PIECES_AHEAD: usize = 2;

/// What is known of an answer when the first of it is sent.
pub(super) enum Begun {
    /// All of it.
    Whole(Head, Vec<u8>),
    /// That it is long: its pieces follow.
    Pieces(Head, Pieces),
    /// That there is none.
    Failed(Failure),
}

/// The pieces of a long answer, as they come.
pub(super) struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    /// Says behind the last of them that it is the last. What is cut off says nothing, or why.
    ended: oneshot::Receiver<io::Result<()>>,
}

/// What an answer says of itself.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) media_type: &'static str,
    pub(super) etag: Option<String>,
    /// Where the next page is.
    pub(super) next: Option<String>,
    /// What is to be said of it beside.
    pub(super) notes: Vec<String>,
}

impl Default for Head {
    fn default() -> Self {
        let (etag, next, notes) = Default::default();
        Self { status: StatusCode::OK, media_type: "application/json", etag, next, notes }
    }
}

/// Where an answer is written.
pub(in crate::service) struct Sending {
    head: Head,
    begun: Option<oneshot::Sender<Begun>>,
    pieces: Option<(mpsc::Sender<Bytes>, oneshot::Sender<io::Result<()>>)>,
    piece: Vec<u8>,
    until: Instant,
    rows: Rows,
}

impl Sending {
    /// One that is at its end by `until`; `begun` gets what is known when the first is sent.
    pub(super) fn new(until: Instant, rows: Rows, begun: oneshot::Sender<Begun>) -> Self {
        let head = Head::default();
        Self { head, begun: Some(begun), pieces: None, piece: Vec::new(), until, rows }
    }

    /// Says that what is sent is in the format of this name.
    pub(super) fn in_format(&mut self, name: &str) {
        self.of_type(match name {
            "json" | "earlgrey" => "application/json",
            "ndjson" | "ocsf" => "application/x-ndjson",
            "csv" => "text/csv; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        });
    }

    /// Says what is sent.
    pub(in crate::service) fn of_type(&mut self, media_type: &'static str) {
        self.head.media_type = media_type;
    }

    /// Says which answer it is.
    pub(super) fn with_etag(&mut self, etag: String) {
        self.head.etag = Some(etag);
    }

    /// Says that the client has this answer already.
    pub(super) fn unchanged(&mut self) {
        self.head.status = StatusCode::NOT_MODIFIED;
    }

    /// Says where the next page is.
    pub(super) fn with_next(&mut self, address: &str) {
        self.head.next = Some(format!("<{address}>; rel=\"next\""));
    }

    /// Says what is not known of the answer, where there is no place for that in it.
    pub(super) fn with_notes(&mut self, notes: &[String]) {
        self.head.notes = notes.to_vec();
    }

    /// Where rows are counted, for who writes through something that holds this.
    pub(super) fn rows(&self) -> Rows {
        self.rows.clone()
    }

    /// Counts rows of the answer.
    pub(in crate::service) fn count(&self, rows: u64) {
        self.rows.add(rows);
    }

    /// Sends the last of it, or that there is no more of it.
    pub(super) fn finish(mut self, written: Result<(), Failure>) {
        match (written, self.begun.take()) {
            (Ok(()), Some(begun)) => {
                let _ = begun.send(Begun::Whole(self.head, self.piece));
            }
            (Err(failure), Some(begun)) => {
                let _ = begun.send(Begun::Failed(failure));
            }
            (Ok(()), None) => {
                let passed_on = self.pass_on();
                self.end(passed_on);
            }
            (Err(failure), None) => {
                tracing::warn!("an answer was cut off: {failure}");
                self.end(Err(io::Error::other(failure.to_string())));
            }
        }
    }

    /// Says how the pieces end, and waits for nobody.
    fn end(&mut self, ended: io::Result<()>) {
        if let Some((_, end)) = self.pieces.take() {
            let _ = end.send(ended);
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let piece =
            Bytes::from(std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES)));
        if let Some(begun) = self.begun.take() {
            let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
            let (end, ended) = oneshot::channel();
            self.pieces = Some((sender, end));
            let _ = begun.send(Begun::Pieces(self.head.clone(), Pieces { pieces, ended }));
        }
        let Some((pieces, _)) = &self.pieces else { return Err(gone()) };
        match Handle::current().block_on(timeout_at(self.until, pieces.send(piece))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES.saturating_sub(self.piece.len());
        let part = &bytes[..bytes.len().min(room)];
        self.piece.extend_from_slice(part);
        if self.piece.len() >= PIECE_BYTES {
            self.pass_on()?;
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pieces {
    /// The next one; an error where the answer is cut off, so that the client sees that it is not
    /// whole.
    async fn next(&mut self, until: Instant) -> Option<io::Result<Bytes>> {
        // What is there already is sent, also when the time is over.
        match timeout_at(until, self.pieces.recv()).await {
            Ok(Some(piece)) => Some(Ok(piece)),
            Ok(None) => match (&mut self.ended).await {
                Ok(Ok(())) => None,
                Ok(Err(cut)) => Some(Err(cut)),
                Err(_) => Some(Err(gone())),
            },
            Err(_) => Some(Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl Begun {
    /// The response, which is at its end by `until`; the last of it takes `wanted` along.
    pub(super) fn into_response(self, until: Instant, wanted: Wanted) -> Response {
        let (head, body) = match self {
            Self::Failed(failure) => return failure.into_problem().into_response(),
            Self::Whole(head, bytes) => (head, Body::from(bytes)),
            Self::Pieces(head, pieces) => {
                let next = move |(mut pieces, wanted): (Pieces, Wanted)| async move {
                    pieces.next(until).await.map(|piece| (piece, (pieces, wanted)))
                };
                (head, Body::from_stream(stream::unfold((pieces, wanted), next)))
            }
        };
        let mut response = (head.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(head.media_type));
        if let Some(etag) = head.etag.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
            headers.insert(header::ETAG, etag);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        }
        if let Some(next) = head.next.and_then(|next| HeaderValue::from_str(&next).ok()) {
            headers.insert(header::LINK, next);
        }
        for note in head.notes.iter().filter_map(|note| HeaderValue::from_str(note).ok()) {
            headers.append("earlgrey-note", note);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::extract::{FromRequestParts, Request};
    use tokio::task::spawn_blocking;

    use super::*;

    /// The pieces of what `write` sends by `until`, as far as they come, and whether they are whole.
    async fn sent(until: Instant, write: impl FnOnce(Sending) + Send + 'static) -> (usize, bool) {
        let (mut parts, _) = Request::new(Body::empty()).into_parts();
        let Ok(rows) = Rows::from_request_parts(&mut parts, &()).await;
        let (to, begun) = oneshot::channel();
        spawn_blocking(move || write(Sending::new(until, rows, to)));
        let Ok(Begun::Pieces(_, mut pieces)) = begun.await else { panic!("it is short") };
        let mut bytes = 0;
        loop {
            match pieces.next(until).await {
                Some(Ok(piece)) => bytes += piece.len(),
                ended => return (bytes, ended.is_none()),
            }
        }
    }

    const LONG: usize = 10 * PIECE_BYTES + 1;

    #[tokio::test]
    async fn what_is_cut_off_is_told_from_an_end() {
        let later = Instant::now() + Duration::from_hours(1);
        let write = |mut to: Sending| {
            to.write_all(&vec![0; LONG]).unwrap();
            to
        };
        assert_eq!(sent(later, move |to| write(to).finish(Ok(()))).await, (LONG, true));
        let failed = sent(later, move |to| write(to).finish(Err(Failure::TooMany(1)))).await;
        assert_eq!(failed, (LONG - 1, false));
        let ended = sent(later, move |to| drop(write(to))).await;
        assert_eq!(ended, (LONG - 1, false), "its thread ended in the middle");
    }

    #[tokio::test]
    async fn an_answer_ends_with_its_time_also_where_nothing_more_is_found() {
        let (found, waits) = std::sync::mpsc::channel::<()>();
        let sent = sent(Instant::now(), move |mut to| {
            to.write_all(&vec![0; PIECE_BYTES]).unwrap();
            let _ = waits.recv();
            to.finish(Ok(()));
        });
        assert_eq!(sent.await, (PIECE_BYTES, false));
        // Until then nothing more was found.
        drop(found);
    }
}
