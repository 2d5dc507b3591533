//! Jobs: questions that take long, loads and exports, which nobody waits for.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::Failure;
use crate::flow::UnixMillis;
use crate::request::Parameters;
use crate::service::Shared;
use crate::service::auth::{Caller, Role};
use crate::service::jobs::{Job, JobId, Jobs, JobsError, Kind, NewJob};
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::Turn;

/// A job to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// What its owner calls it.
    #[serde(default)]
    name: String,
    /// What it does: `FlowQuery`, `ActiveFlow`, Top, Timeline, Stats, Load or Export.
    #[serde(rename = "type")]
    kind: String,
    /// What is asked for, by the names of the route that asks the same.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    parameters: Parameters,
    /// Whether it starts at once, as soon as it is its turn.
    #[serde(default = "yes")]
    start: bool,
}

const fn yes() -> bool {
    true
}

/// A job, as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobView {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: String,
    /// What it does.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What is asked for.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    parameters: Parameters,
    /// Who made it.
    owner: String,
    /// Created, Started, End, Failed, Error or Canceled.
    status: &'static str,
    /// How much of its work is done, from 0 to 100.
    progress: u8,
    /// When it was made.
    created: String,
    /// When its work began.
    started: Option<String>,
    /// When it came to an end.
    ended: Option<String>,
    /// How long its work took, or takes so far, in milliseconds.
    running_ms: u64,
    /// Results so far.
    rows: u64,
    /// Bytes of them, as JSON.
    bytes: u64,
    /// Why it failed, or what is to be said beside its results.
    message: String,
    /// When its results went, to make room for others.
    expired: Option<String>,
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        let text = |time: Option<UnixMillis>| time.map(|time| time.to_string());
        Self {
            id: job.id.to_string(),
            name: job.name.clone(),
            kind: job.kind.name(),
            parameters: job.parameters.clone(),
            owner: job.owner.clone(),
            status: job.status.name(),
            progress: job.progress,
            created: job.created.to_string(),
            started: text(job.started),
            ended: text(job.ended),
            running_ms: job.running_ms(UnixMillis::now()),
            rows: job.rows,
            bytes: job.bytes,
            message: job.message.clone(),
            expired: text(job.expired),
        }
    }
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .described(Role::Analyst, routes!(create))
        .described(Role::Reader, routes!(get))
        .described(Role::Analyst, routes!(delete))
        .described(Role::Analyst, routes!(start))
        .described(Role::Analyst, routes!(cancel))
}

impl From<JobsError> for Failure {
    fn from(error: JobsError) -> Self {
        Problem::from(error).into()
    }
}

impl From<JobsError> for Problem {
    fn from(error: JobsError) -> Self {
        let told = error.to_string();
        match error {
            JobsError::Unknown(_) => Self::not_found(told),
            JobsError::Conflict { .. } => Self::new(StatusCode::CONFLICT, told),
            JobsError::Refused(refused) => Failure::from(refused).into_problem(),
            JobsError::Full(_) | JobsError::TooManyMade(_) => {
                Self::too_many(told, Duration::from_secs(10))
            }
            JobsError::NotReady(_) => Self::unavailable(told.clone(), told),
            JobsError::Keeper(error) if error.may_get_well() => {
                Self::unavailable("where jobs are kept cannot be reached", error)
            }
            JobsError::Keeper(error) => Self::internal(error),
        }
    }
}

/// Has `order` carried out on a thread that may wait, of which there are some for that.
pub(in crate::service) async fn with_jobs<T: Send + 'static>(
    service: &Shared,
    order: impl FnOnce(&Jobs) -> Result<T, JobsError> + Send + 'static,
) -> Result<T, Problem> {
    let (service, place) = (Shared::clone(service), service.turns.job_call().await?);
    let done = spawn_blocking(move || {
        let _place = place;
        order(service.jobs())
    })
    .await;
    done.map_err(Problem::internal)?.map_err(Problem::from)
}

/// The id that a path has.
pub(in crate::service) fn id_of(text: &str) -> Result<JobId, Problem> {
    text.parse().map_err(|_| Problem::not_found(format!("there is no job {text:?}")))
}

/// Whether `caller` may change what is done for others.
pub(super) fn check_owner(caller: &Caller, job: &Job) -> Result<(), Problem> {
    if caller.role >= Role::Admin || caller.name == job.owner {
        return Ok(());
    }
    let told =
        format!("job {} is of {}; only its owner and an admin may do that", job.id, job.owner);
    Err(Problem::forbidden(told))
}

/// Whether `caller` may have a job of this kind made.
pub(in crate::service) fn check_kind(caller: &Caller, kind: Kind) -> Result<(), Problem> {
    if kind == Kind::Load && caller.role < Role::Admin {
        return Err(Problem::forbidden("only an admin may load"));
    }
    Ok(())
}

/// Makes a job, and starts it unless that is to wait.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", request_body = Order, responses(
    (status = 201, description = "the job, whose address is in Location", body = JobView),
    (status = 415, description = "the body is no JSON", body = Problem),
    (status = 422, description = "the body is no order", body = Problem),
))]
async fn create(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    order: Result<Json<Order>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Order { name, kind, parameters, start }) =
        order.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let kind: Kind = kind.parse().map_err(|error: crate::service::jobs::ParseKindError| {
        Failure::from(crate::request::Refused::of("type", error.to_string())).into_problem()
    })?;
    check_kind(&caller, kind)?;
    let new = NewJob { name, kind, parameters, owner: caller.name };
    let make = move |jobs: &Jobs| if start { jobs.create_started(new) } else { jobs.create(new) };
    let job = with_jobs(&service, make).await?;
    let mut response = (StatusCode::CREATED, Json(JobView::from(&job))).into_response();
    let place = format!("/api/v1/jobs/{}", job.id);
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// A job, as it stands.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "the job", body = JobView),
        (status = 404, description = "there is none", body = Problem),
    ))]
async fn get(
    State(service): State<Shared>,
    _turn: Turn,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let id = id_of(&id)?;
    let job = with_jobs(&service, move |jobs| jobs.get(id)).await?;
    Ok(Json(JobView::from(&job)))
}

/// Forgets a job and its results.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 204, description = "it is gone"),
        (status = 404, description = "there is none", body = Problem),
        (status = 409, description = "it is under way; cancel it first", body = Problem),
    ))]
async fn delete(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = owned(&service, &caller, &id).await?;
    with_jobs(&service, move |jobs| jobs.delete(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a job that waits, or one that failed once more.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/start", tag = "jobs",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "the job", body = JobView),
        (status = 404, description = "there is none", body = Problem),
        (status = 409, description = "it cannot be started", body = Problem),
    ))]
async fn start(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let id = owned(&service, &caller, &id).await?;
    let job = with_jobs(&service, move |jobs| jobs.start(id)).await?;
    Ok(Json(JobView::from(&job)))
}

/// Gives a job up.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "the job", body = JobView),
        (status = 404, description = "there is none", body = Problem),
        (status = 409, description = "it is over", body = Problem),
    ))]
async fn cancel(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let id = owned(&service, &caller, &id).await?;
    let job = with_jobs(&service, move |jobs| jobs.cancel(id)).await?;
    Ok(Json(JobView::from(&job)))
}

/// The id of a job that `caller` may change.
pub(in crate::service) async fn owned(
    service: &Shared,
    caller: &Caller,
    id: &str,
) -> Result<JobId, Problem> {
    let id = id_of(id)?;
    let job = with_jobs(service, move |jobs| jobs.get(id)).await?;
    check_owner(caller, &job)?;
    Ok(id)
}
