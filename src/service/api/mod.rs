//! Version 1 of the API: what the commands ask, by the names of their options.
//!
//! A route reads its parameters with the definitions of [`request`](crate::request), so a command
//! and a route with the same name understand the same. An answer is written as the command writes
//! it, JSON where nothing else is said, as it is found: what is long is held nowhere.

mod admin;
mod alerts;
mod answering;
mod detections;
mod document;
mod failure;
mod filter;
mod flows;
mod given;
mod job_events;
mod job_file;
mod job_rows;
mod job_view;
mod jobs;
mod known_order;
mod predecessor;
mod sending;
mod store;
mod sums;
mod usage;
mod watch;

use answering::{Answering, Call};
pub(in crate::service) use failure::Failure;
use given::Given;
pub(in crate::service) use jobs::{check_owner, id_of, ordered, owned, startable, with_jobs};

pub(in crate::service) use alerts::keep_verdict;
pub(in crate::service) use watch::{forget_list, watch_for};

use super::routes::Routes;
use super::turns::Reads;

/// All of its routes.
pub(super) fn routes() -> Routes {
    let routes = flows::routes(Routes::default());
    let routes = detections::routes(usage::routes(sums::routes(routes)));
    let routes = alerts::routes(store::routes(routes));
    let routes = filter::routes(watch::routes(routes));
    let routes = job_events::routes(job_rows::routes(jobs::routes(routes)));
    let routes = admin::routes(job_file::routes(routes));
    document::routes(predecessor::routes(routes))
}
