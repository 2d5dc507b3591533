//! Whether it lives, whether it can answer, and its counters.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Shared;
use super::auth::Role;
use super::problem::Problem;
use super::routes::{Least, Routes};
use crate::collect;

/// So long is it believed that the store can be opened, or not.
const BELIEVED: Duration = Duration::from_secs(1);
/// So long is the store waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Routes for whoever looks after the server, without a look at who asks.
pub(super) fn open_routes() -> Routes {
    Routes::default().route(Least::Anybody, "/healthz", get(async || "ok\n")).route(
        Least::Anybody,
        "/readyz",
        get(ready),
    )
}

/// Routes for whoever may ask.
pub(super) fn routes() -> Routes {
    Routes::default().route(Role::Reader, "/metrics", get(metrics))
}

/// When the store was last opened for a look, and what came of it.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), String>)>>);

async fn ready(State(service): State<Shared>) -> Result<&'static str, Problem> {
    if service.is_stopping() {
        return Err(Problem::unavailable("the server is about to end", "stopping"));
    }
    let mut known = service.readiness.0.lock().await;
    let looked = match known.take().filter(|(at, _)| at.elapsed() < BELIEVED) {
        Some(looked) => looked,
        None => (Instant::now(), look(Shared::clone(&service)).await),
    };
    let outcome = looked.1.clone();
    *known = Some(looked);
    outcome
        .map(|()| "ready\n")
        .map_err(|why| Problem::unavailable("the store cannot be opened; the log says why", why))
}

async fn look(service: Shared) -> Result<(), String> {
    let opened = spawn_blocking(move || service.store.snapshot().map(drop));
    match timeout(PATIENCE, opened).await {
        Ok(Ok(opened)) => opened.map_err(|error| chain(&error)),
        Ok(Err(panic)) => Err(panic.to_string()),
        Err(_) => Err(format!("it does not answer within {} s", PATIENCE.as_secs())),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

async fn metrics(State(service): State<Shared>) -> impl IntoResponse {
    let mut page = service.counters.page(&service.audit, service.jobs().under_way());
    if let Some(status) = service.collector() {
        page += &collect::metrics(&status);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page)
}
