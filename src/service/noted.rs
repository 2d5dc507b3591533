//! What is noted of a request on its way, for its account.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;

use super::caller::Caller;

/// So much of the name of a login is noted.
const MAX_LOGIN: usize = 100;

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
}

impl Noted {
    /// Notes as whom somebody tries to log in.
    pub(super) fn names(&self, login: &str) {
        // It is done once.
        let _ = self.login.set(login.chars().take(MAX_LOGIN).collect());
    }

    /// What is noted of `request`.
    pub(super) fn of(request: &Request) -> Option<&Arc<Self>> {
        request.extensions().get()
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
