//! What was answered, as Prometheus reads it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;

use super::audit::Audit;
use crate::collect::Exposition;

/// Up to so many seconds an answer may take to be counted in each of the buckets.
const BOUNDS_SECS: [f64; 12] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// An answer that is counted.
pub(super) struct Answered<'a> {
    /// None where there is no such route, or nobody got that far.
    pub(super) route: Option<&'a str>,
    pub(super) method: &'a Method,
    pub(super) status: u16,
    pub(super) took: Duration,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// The counters.
#[derive(Default)]
pub(super) struct Counters(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    /// By route, method and status.
    requests: BTreeMap<(String, &'static str, u16), u64>,
    /// By route.
    routes: BTreeMap<String, Route>,
}

#[derive(Default)]
struct Route {
    /// How many took up to each of the bounds, and longer than those before it.
    buckets: [u64; BOUNDS_SECS.len()],
    answers: u64,
    secs: f64,
    rows: u64,
    bytes: u64,
}

impl Counters {
    pub(super) fn count(&self, answered: &Answered<'_>) {
        let route = answered.route.unwrap_or("none");
        let key = (route.to_owned(), known(answered.method), answered.status);
        let secs = answered.took.as_secs_f64();
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.requests.entry(key).or_default() += 1;
        let route = counted.routes.entry(route.to_owned()).or_default();
        if let Some(at) = BOUNDS_SECS.iter().position(|&bound| secs <= bound) {
            route.buckets[at] += 1;
        }
        route.answers += 1;
        route.secs += secs;
        route.rows += answered.rows;
        route.bytes += answered.bytes;
    }

    /// The page of them, with how many jobs wait and run.
    pub(super) fn page(&self, audit: &Audit, (waiting, running): (usize, usize)) -> String {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Exposition::of("earlgrey_serve_");
        let name = "requests_total";
        page.head(name, "counter", "Requests, by route, method and status.");
        for ((route, method, status), &count) in &counted.requests {
            let labels = [("route", route as &dyn std::fmt::Display), ("method", method)];
            page.sample(name, &[&labels[..], &[("status", status)]].concat(), count);
        }
        page.head("request_seconds", "histogram", "How long answers took, to their last byte.");
        for (route, counts) in &counted.routes {
            let mut below = 0;
            for (bound, count) in BOUNDS_SECS.iter().zip(counts.buckets) {
                below += count;
                page.sample("request_seconds_bucket", &[("route", route), ("le", bound)], below);
            }
            let labels = [("route", route as &dyn std::fmt::Display), ("le", &"+Inf")];
            page.sample("request_seconds_bucket", &labels, counts.answers);
            page.sample("request_seconds_sum", &labels[..1], counts.secs);
            page.sample("request_seconds_count", &labels[..1], counts.answers);
        }
        page.head("rows_total", "counter", "Rows of answers.");
        for (route, counts) in &counted.routes {
            page.sample("rows_total", &[("route", route)], counts.rows);
        }
        page.head("answered_bytes_total", "counter", "Bytes of answers.");
        for (route, counts) in &counted.routes {
            page.sample("answered_bytes_total", &[("route", route)], counts.bytes);
        }
        page.head("jobs_waiting", "gauge", "Jobs that wait for their turn.");
        page.sample("jobs_waiting", &[], waiting);
        page.head("jobs_running", "gauge", "Jobs that run.");
        page.sample("jobs_running", &[], running);
        page.head("audit_lost_total", "counter", "Requests that the audit log could not take.");
        page.sample("audit_lost_total", &[], audit.lost());
        page.text()
    }
}

/// A method by its name, if it is one that everybody knows: others could be of any number.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}
