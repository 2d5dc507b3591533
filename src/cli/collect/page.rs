//! The counters of a collector as a page, for Prometheus.

use std::net::SocketAddr;
use std::sync::Weak;
use std::thread;

use anyhow::Context;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;

use super::connections::Connections;
use crate::collect::{self, Collector};

/// A page that is served until this goes.
pub(super) struct Page {
    pub(super) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

/// Serves the page at `address`, on a thread of its own.
///
/// # Errors
///
/// If the address cannot be listened at.
pub(super) fn serve(address: SocketAddr, collector: Weak<Collector>) -> anyhow::Result<Page> {
    let doing = || format!("serve metrics at {address}");
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build().with_context(doing)?;
    let listener = runtime.block_on(TcpListener::bind(address)).with_context(doing)?;
    let address = listener.local_addr().with_context(doing)?;
    let page = move || async move { answer(&collector) };
    let app = Router::new().route("/metrics", get(page));
    let (stop, stopped) = oneshot::channel::<()>();
    let work = move || {
        // Connections that are open yet are no reason to wait.
        let serve = async {
            tokio::select! {
                ended = axum::serve(Connections::of(listener), app) => ended,
                _ = stopped => Ok(()),
            }
        };
        if let Err(error) = runtime.block_on(serve) {
            tracing::warn!("serve metrics: {error}");
        }
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(work).with_context(doing)?;
    Ok(Page { address, _stop: stop })
}

fn answer(collector: &Weak<Collector>) -> Response {
    let Some(collector) = collector.upgrade() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let heads = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        // A connection is for one question: none is kept open until the next.
        (header::CONNECTION, "close"),
    ];
    (heads, collect::metrics(&collector.status())).into_response()
}
