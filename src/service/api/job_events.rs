//! How a job stands, told whenever that changes.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Version};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::job_view::JobView;
use super::jobs::{id_of, with_jobs};
use crate::service::Shared;
use crate::service::auth::{Caller, Role};
use crate::service::connection::Connected;
use crate::service::jobs::Job;
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::Turn;

/// A stream of events says so often that it is there.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// So often is it seen whether whoever follows is let in yet.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub(super) fn routes(routes: Routes) -> Routes {
    routes.described(Role::Reader, routes!(events))
}

/// An event, as it stands in the stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is described, and written by another library")]
struct JobEvent {
    /// What it is about: `job`.
    event: String,
    /// The job, as JSON.
    data: String,
}

/// Whoever follows a job.
struct Following {
    service: Shared,
    followed: watch::Receiver<Job>,
    caller: Caller,
    /// What his request was, by which he is known again.
    headers: HeaderMap,
    connected: Connected,
    look: Instant,
}

impl Following {
    /// The job when it changes; none when nothing more is told.
    async fn next(&mut self) -> Option<Job> {
        loop {
            tokio::select! {
                changed = self.followed.changed() => {
                    changed.ok()?;
                    return Some(self.followed.borrow_and_update().clone());
                }
                () = self.service.stopped() => return None,
                () = sleep_until(self.look) => {
                    if !self.is_let_in().await {
                        return None;
                    }
                    self.look = Instant::now() + LOOK_EVERY;
                }
            }
        }
    }

    /// Whether he would be let in now: a token may be revoked, a session over.
    async fn is_let_in(&self) -> bool {
        let Self { service, headers, connected, caller, .. } = self;
        let said = (headers, Version::HTTP_11);
        let known = service.guard.caller(said, connected, &service.limiter).await;
        known.is_ok_and(|known| known.is_some_and(|known| known.owner() == caller.owner()))
    }
}

/// How a job stands, whenever that changes, until it is over: server-sent events.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "an event `job` with the job as JSON for each change",
            content((JobEvent = "text/event-stream"))),
        (status = 404, description = "there is none", body = Problem),
    ))]
async fn events(
    State(service): State<Shared>,
    turn: Turn,
    caller: Caller,
    Extension(connected): Extension<Connected>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let id = id_of(&id)?;
    let mut followed = with_jobs(&service, move |jobs| jobs.follow(id)).await?;
    // From here on nothing is asked.
    drop(turn);
    // The first one tells how it stands now.
    followed.mark_changed();
    let look = Instant::now() + LOOK_EVERY;
    let following = Following { service, followed, caller, headers, connected, look };
    let next = async |following: Option<Following>| {
        let mut following = following?;
        let job = following.next().await?;
        let view = JobView::new(&job, &following.service.options.zone);
        let event = Event::default().event("job").json_data(view);
        let more = (!job.status.is_over()).then_some(following);
        Some((Ok(event.unwrap_or_default()), more))
    };
    let events = stream::unfold(Some(following), next);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE_EVERY)))
}
