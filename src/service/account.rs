//! The account of a request, from its head to the last byte of the answer: for the audit log and
//! the counters.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Body as _, Frame, SizeHint};

use super::Shared;
use super::audit::Entry;
use super::connection::Connected;
use super::counters::Answered;
use super::noted::{Noted, cut};
use crate::flow::UnixMillis;

/// So many bytes of path and query are in the log, and so many of whoever is not known.
const MAX_ASKED: usize = 2048;
const MAX_OF_STRANGERS: usize = 256;
/// So many bytes a method has that anybody knows.
const MAX_METHOD: usize = 32;

/// Keeps the account of a request.
pub(super) async fn keep(
    State(service): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = format!("{:x}-{:x}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
    let noted = Arc::new(Noted { number, ..Noted::default() });
    let address = request.extensions().get().map(|connected: &Connected| connected.peer.ip());
    let mut account = Account {
        noted: Arc::clone(&noted),
        address,
        method: request.method().clone(),
        uri: request.uri().clone(),
        time: UnixMillis::now(),
        began: Instant::now(),
        status: 499,
        bytes: 0,
        whole: false,
        service,
    };
    request.extensions_mut().insert(noted);
    let response = next.run(request).await;
    account.status = response.status().as_u16();
    account.whole = account.method == Method::HEAD || response.body().is_end_stream();
    response.map(|body| Body::new(Accounted { body, account }))
}

/// One that is told when it goes: at the end of the answer, or when the client went away.
struct Account {
    service: Shared,
    noted: Arc<Noted>,
    address: Option<IpAddr>,
    method: Method,
    uri: Uri,
    time: UnixMillis,
    began: Instant,
    status: u16,
    bytes: u64,
    whole: bool,
}

impl Drop for Account {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let rows = self.noted.rows.load(Relaxed);
        self.service.counters.count(&Answered {
            route: self.noted.route.get().map(String::as_str),
            method: &self.method,
            status: self.status,
            took,
            rows,
            bytes: self.bytes,
        });
        if self.noted.quiet.load(Relaxed) && self.status < 400 {
            return;
        }
        let caller = self.noted.caller.get();
        // Refusals of strangers have short lines, and few, so that these wash no others away.
        let is_refused = caller.is_none() && self.status >= 400;
        let Some(unwritten) = self.service.audit.takes(is_refused, self.address) else {
            return;
        };
        let most = if is_refused { MAX_OF_STRANGERS } else { MAX_ASKED };
        let (path, query) = (self.uri.path(), self.uri.query());
        let shown = cut(path, most);
        self.service.audit.write(&Entry {
            time: self.time,
            request: &self.noted.number,
            caller: caller.map(|caller| &*caller.name),
            role: caller.map(|caller| caller.role),
            via: caller.map(|caller| caller.via),
            login: self.noted.login.get().map(String::as_str),
            address: self.address,
            method: cut(self.method.as_str(), MAX_METHOD),
            path: shown,
            query: query.map(|query| cut(query, most - shown.len())),
            cut: path.len() + query.map_or(0, str::len) > most,
            asked: self.noted.asked(),
            status: self.status,
            millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            rows,
            bytes: self.bytes,
            whole: self.whole,
            unwritten,
        });
    }
}

/// A body that is counted as it goes.
struct Accounted {
    body: Body,
    account: Account,
}

impl hyper::body::Body for Accounted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.account.bytes += bytes as u64;
                self.account.whole = self.body.is_end_stream();
            }
            Poll::Ready(None) => self.account.whole = true,
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
