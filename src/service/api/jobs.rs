//! Jobs: questions that take long, loads and exports, which nobody waits for.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::job_view::JobView;
use super::{Failure, Given};
use crate::request::Parameters;
use crate::service::auth::{Caller, Role};
use crate::service::jobs::{Job, JobId, Jobs, JobsError, Kind, NewJob};
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::Turn;
use crate::service::{Notes, Shared};

/// A job to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// What its owner calls it.
    #[serde(default)]
    name: String,
    /// What it does: `FlowQuery`, `ActiveFlow`, Top, Diff, Timeline, Report, Stats, Detect, Load or
    /// Export.
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
pub(in crate::service) fn check_owner(caller: &Caller, job: &Job) -> Result<(), Problem> {
    if caller.role >= Role::Admin || caller.owner() == job.owner {
        return Ok(());
    }
    let told =
        format!("job {} is of {}; only its owner and an admin may do that", job.id, job.owner);
    Err(Problem::forbidden(told))
}

/// Whether `caller` may have a job of this kind made.
fn check_kind(caller: &Caller, kind: Kind) -> Result<(), Problem> {
    if kind == Kind::Load && caller.role < Role::Admin {
        return Err(Problem::forbidden("only an admin may load"));
    }
    Ok(())
}

/// A job that `caller` may have made, of which the log is told what it asks for.
pub(in crate::service) fn ordered(
    caller: &Caller,
    notes: &Notes,
    new: NewJob,
) -> Result<NewJob, Problem> {
    new.parameters.iter().for_each(|(name, value)| notes.add(name, value));
    notes.add("type", new.kind.name());
    check_kind(caller, new.kind)?;
    Ok(new)
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
    notes: Notes,
    order: Result<Json<Order>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Order { name, kind, parameters, start }) =
        order.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let kind: Kind = kind.parse().map_err(|error: crate::service::jobs::ParseKindError| {
        Failure::from(crate::request::Refused::of("type", error.to_string())).into_problem()
    })?;
    let new = ordered(&caller, &notes, NewJob { name, kind, parameters, owner: caller.owner() })?;
    let make = move |jobs: &Jobs| if start { jobs.create_started(new) } else { jobs.create(new) };
    let job = with_jobs(&service, make).await?;
    notes.add("job", &job.id.to_string());
    let view = JobView::new(&job, &service.options.zone);
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
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
    mut given: Given,
) -> Result<Json<JobView>, Problem> {
    let zone = given.take_zone(&service.options.zone)?;
    let id = id_of(&id)?;
    let job = with_jobs(&service, move |jobs| jobs.get(id)).await?;
    Ok(Json(JobView::new(&job, &zone)))
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
    notes: Notes,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = owned(&service, (&caller, &notes), &id).await?.id;
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
    notes: Notes,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let id = startable(&service, (&caller, &notes), &id).await?;
    let job = with_jobs(&service, move |jobs| jobs.start(id)).await?;
    Ok(Json(JobView::new(&job, &service.options.zone)))
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
    notes: Notes,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let id = owned(&service, (&caller, &notes), &id).await?.id;
    let job = with_jobs(&service, move |jobs| jobs.cancel(id)).await?;
    Ok(Json(JobView::new(&job, &service.options.zone)))
}

/// A job that `caller` may change; the log is told what it asks for.
pub(in crate::service) async fn owned(
    service: &Shared,
    (caller, notes): (&Caller, &Notes),
    id: &str,
) -> Result<Job, Problem> {
    let id = id_of(id)?;
    let job = with_jobs(service, move |jobs| jobs.get(id)).await?;
    job.parameters.iter().for_each(|(name, value)| notes.add(name, value));
    notes.add("type", job.kind.name());
    check_owner(caller, &job)?;
    Ok(job)
}

/// The id of a job that `caller` may start: that he could have made when he may do more is not
/// enough.
pub(in crate::service) async fn startable(
    service: &Shared,
    who: (&Caller, &Notes),
    id: &str,
) -> Result<JobId, Problem> {
    let job = owned(service, who, id).await?;
    check_kind(who.0, job.kind)?;
    Ok(job.id)
}
