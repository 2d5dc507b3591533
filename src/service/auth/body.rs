//! The body of a request: it comes as a whole, within limits, and from a page of ours.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::secret;
use crate::service::caller::{Caller, Via};
use crate::service::problem::Problem;

/// So long may it take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long may it be of whoever is not known: a login is no longer.
const STRANGERS_BYTES: usize = 16 << 10;

/// So long is a body that needs no room of its own, and so many longer ones there are at once.
const SMALL_BYTES: u64 = 64 << 10;
const LARGE_AT_ONCE: usize = 64;

/// The room for bodies that are large, or of which nobody knows how long they are.
pub(super) struct Bodies(Arc<Semaphore>);

/// A body's room, as long as its request is there.
pub(super) type Room = Option<Arc<OwnedSemaphorePermit>>;

impl Default for Bodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_AT_ONCE)))
    }
}

impl Bodies {
    /// Waits for room for the body that comes behind `headers`.
    ///
    /// # Errors
    ///
    /// [`Problem`] if others take all of it for long.
    pub(super) async fn room(&self, headers: &HeaderMap) -> Result<Room, Problem> {
        let chunked = headers.contains_key(header::TRANSFER_ENCODING);
        let bytes = if chunked { u64::MAX } else { declared(headers).unwrap_or(0) };
        if bytes <= SMALL_BYTES {
            return Ok(None);
        }
        let permit = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let full = || Problem::too_many("too many long requests are under way", PATIENCE);
        Ok(permit.map_err(|_| full())?.ok().map(Arc::new))
    }
}

/// How long a body is, as its sender says.
fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads the body of a request, which may have `most` bytes.
///
/// # Errors
///
/// [`Problem`] if it is too long or too slow, or is to change something and comes from a browser,
/// but from no page of ours.
pub(super) async fn read(
    caller: Option<&Caller>,
    method: &Method,
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Bytes, Problem> {
    let most = if caller.is_some() { most } else { most.min(STRANGERS_BYTES) };
    let body = whole(headers, body, most).await?;
    if let Some(caller) = caller.filter(|_| !method.is_safe()) {
        check_form(caller, headers, &body)?;
    }
    Ok(body)
}

async fn whole(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_long = || {
        let told = format!("the body of a request may have {most} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, told)
    };
    if declared(headers).is_some_and(|bytes| bytes > most as u64) {
        return Err(too_long());
    }
    match timeout(PATIENCE, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => {
            let told = "the body of the request took too long to come";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, told))
        }
    }
}

/// Sees that what changes something was sent by a page of ours, where a browser sends it.
fn check_form(caller: &Caller, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let from_browser = caller.via == Via::Session
        || headers.contains_key(header::ORIGIN)
        || headers.contains_key("sec-fetch-site");
    let Some(csrf) = caller.csrf.as_ref().filter(|_| from_browser) else { return Ok(()) };
    let right = |given: &str| secret::digest_of(given) == secret::digest_of(csrf);
    let named = headers.get("x-csrf-token").and_then(|token| token.to_str().ok());
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_form = kind.is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded"));
    if named.is_some_and(right) || is_form && field(body, "csrf").is_some_and(|given| right(&given))
    {
        return Ok(());
    }
    let told = "the token of the form (csrf) is missing or wrong; load the page again";
    Err(Problem::forbidden(told))
}

/// A field of a form.
fn field(form: &[u8], name: &str) -> Option<String> {
    let found = form_urlencoded::parse(form).find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}
