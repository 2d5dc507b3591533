//! What is noted of a request on its way, for its account.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;

use super::caller::Caller;

/// So much of the name of a login is noted.
const MAX_LOGIN: usize = 100;
/// So many bytes of what was asked for are noted.
const MAX_ASKED: usize = 2048;

/// What is noted of a request on its way.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Its number, by which the log and the client speak of it.
    pub(super) number: String,
    /// Who asks.
    pub(super) caller: OnceLock<Caller>,
    /// Which route it took.
    pub(super) route: OnceLock<String>,
    /// Whether it is nobody's business, if all goes well.
    pub(super) quiet: AtomicBool,
    /// As whom somebody tried to log in.
    pub(super) login: OnceLock<String>,
    pub(super) rows: AtomicU64,
    /// What is asked for that the address does not say, by name.
    pub(super) asked: Mutex<BTreeMap<String, String>>,
}

impl Noted {
    /// Notes as whom somebody tries to log in.
    pub(super) fn names(&self, login: &str) {
        // It is done once.
        let _ = self.login.set(login.chars().take(MAX_LOGIN).collect());
    }

    /// What was noted of what is asked for, cut where it is long.
    pub(super) fn asked(&self) -> BTreeMap<String, String> {
        cut_all(&self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is noted of `request`.
    pub(super) fn of(request: &Request) -> Option<&Arc<Self>> {
        request.extensions().get()
    }
}

/// The beginning of `text`, of at most `most` bytes.
pub(super) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// What was asked for, by name, of which so much is there as a line of the log has room for.
pub(super) fn cut_all(asked: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut left = MAX_ASKED;
    let mut fitting = BTreeMap::new();
    for (name, value) in asked {
        let (name, value) = (cut(name, left), cut(value, left.saturating_sub(name.len())));
        left -= name.len() + value.len();
        if !name.is_empty() {
            fitting.insert(name.to_owned(), value.to_owned());
        }
    }
    fitting
}

/// Where a handler notes what is asked for that the address of the request does not say.
#[derive(Debug, Clone)]
pub struct Notes(Arc<Noted>);

impl Notes {
    /// Notes a part of it.
    pub fn add(&self, name: &str, value: &str) {
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(name.to_owned(), value.to_owned());
    }
}

impl<S: Sync> FromRequestParts<S> for Notes {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().map(Arc::clone).unwrap_or_default()))
    }
}

/// Where a handler counts the rows of its answer, as they go.
#[derive(Debug, Clone)]
pub struct Rows(Arc<Noted>);

impl Rows {
    /// Counts some more.
    pub fn add(&self, rows: u64) {
        self.0.rows.fetch_add(rows, Relaxed);
    }
}

impl<S: Sync> FromRequestParts<S> for Rows {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().map(Arc::clone).unwrap_or_default()))
    }
}
