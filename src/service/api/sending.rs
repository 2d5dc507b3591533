//! An answer on its way to a client: written by a thread, sent as it is written.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Failure;
use crate::service::Rows;

/// An answer goes in pieces of this size; a client that is slow holds up its own answer, and no
/// more of it is in memory than this and [`PIECES_AHEAD`].
const PIECE_BYTES: usize = 32 << 10;
const PIECES_AHEAD: usize = 2;

/// What is known of an answer when the first of it is sent.
pub(super) enum Begun {
    /// All of it.
    Whole(Head, Vec<u8>),
    /// That it is long: its pieces follow.
    Pieces(Head, mpsc::Receiver<io::Result<Bytes>>),
    /// That there is none.
    Failed(Failure),
}

/// What an answer says of itself.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) media_type: &'static str,
    pub(super) etag: Option<String>,
    /// Where the next page is.
    pub(super) next: Option<String>,
}

/// Where an answer is written.
pub(in crate::service) struct Sending {
    head: Head,
    begun: Option<oneshot::Sender<Begun>>,
    pieces: Option<mpsc::Sender<io::Result<Bytes>>>,
    piece: Vec<u8>,
    until: Instant,
    rows: Rows,
}

impl Sending {
    /// One that ends within `run`, and who receives it.
    pub(super) fn new(run: Duration, rows: Rows) -> (Self, oneshot::Receiver<Begun>) {
        let (begun, receiver) = oneshot::channel();
        let head =
            Head { status: StatusCode::OK, media_type: "application/json", etag: None, next: None };
        let until = Instant::now() + run;
        let sending =
            Self { head, begun: Some(begun), pieces: None, piece: Vec::new(), until, rows };
        (sending, receiver)
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
                let _ = self.pass_on();
            }
            (Err(failure), None) => {
                tracing::warn!("an answer was cut off: {failure}");
                // The client sees that it is not whole.
                let cut = io::Error::other(failure.to_string());
                let _ = self.pieces.take().map(|pieces| pieces.blocking_send(Err(cut)));
            }
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let piece =
            Bytes::from(std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES)));
        if let Some(begun) = self.begun.take() {
            let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
            self.pieces = Some(sender);
            let _ = begun.send(Begun::Pieces(self.head.clone(), receiver));
        }
        let Some(pieces) = &self.pieces else { return Err(gone()) };
        match Handle::current().block_on(timeout_at(self.until, pieces.send(Ok(piece)))) {
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

impl Begun {
    /// The response; `kept` goes with the last of it.
    pub(super) fn into_response<H: Send + 'static>(self, kept: H) -> Response {
        let (head, body) = match self {
            Self::Failed(failure) => return failure.into_problem().into_response(),
            Self::Whole(head, bytes) => (head, Body::from(bytes)),
            Self::Pieces(head, receiver) => {
                let next = |(mut receiver, kept): (mpsc::Receiver<_>, H)| async move {
                    receiver.recv().await.map(|piece| (piece, (receiver, kept)))
                };
                (head, Body::from_stream(stream::unfold((receiver, kept), next)))
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
        response
    }
}
