//! Whether it lives, whether it can answer, and its counters.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::auth::Role;
use super::problem::Problem;
use super::routes::{Least, Routes};
use super::{Shared, alert_counters};
use crate::collect;
use crate::load::chain;

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

/// When the store was last opened for a look, and what came of it; and the look that is under way, if
/// one is: no second one waits beside it.
#[derive(Default)]
pub(super) struct Readiness(Mutex<(Option<Looked>, Option<Look>)>);

type Looked = (Instant, Result<(), String>);
type Look = JoinHandle<Result<(), String>>;

async fn ready(State(service): State<Shared>) -> Result<&'static str, Problem> {
    if service.is_stopping() {
        return Err(Problem::unavailable("the server is about to end", "stopping"));
    }
    let mut readiness = service.readiness.0.lock().await;
    let (known, under_way) = &mut *readiness;
    if known.as_ref().is_none_or(|(at, _)| at.elapsed() >= BELIEVED) {
        let outcome = look(&service, under_way).await;
        *known = Some((Instant::now(), outcome));
    }
    let outcome = known.as_ref().map_or(Ok(()), |(_, outcome)| outcome.clone());
    drop(readiness);
    outcome
        .map(|()| "ready\n")
        .map_err(|why| Problem::unavailable("the store cannot be opened; the log says why", why))
}

/// Looks whether the store can be opened, or waits on for the look that is `under_way`, which stays
/// there until it comes to an end, also when nobody waits for it any more.
async fn look(service: &Shared, under_way: &mut Option<Look>) -> Result<(), String> {
    let opened = under_way.get_or_insert_with(|| {
        let service = Shared::clone(service);
        spawn_blocking(move || service.store.snapshot().map(drop).map_err(|error| chain(&error)))
    });
    let Ok(opened) = timeout(PATIENCE, opened).await else {
        return Err(format!("it does not answer within {} s", PATIENCE.as_secs()));
    };
    *under_way = None;
    opened.unwrap_or_else(|panic| Err(panic.to_string()))
}

async fn metrics(State(service): State<Shared>) -> impl IntoResponse {
    let mut page = service.counters.page(&service.audit, service.jobs().under_way());
    let counting = Shared::clone(&service);
    if let Ok(counts) = spawn_blocking(move || counting.alerts().counts()).await {
        page += &alert_counters::page(&counts);
    }
    let rules = service.options.lookout.rules.iter().map(|(name, _)| &**name);
    page += &service.lookout.counters.page(rules);
    if let Some(status) = service.collector() {
        page += &collect::metrics(&status);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page)
}
