//! The routes of the system before this one, as its clients know them: `/Jobs` and `/FlowQueries`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::job_rows::write_results;
use super::jobs::{id_of, ordered, owned, startable, with_jobs};
use super::known_order::{Order, TIMES, invalid};
use super::{Call, Given};
use crate::flow::UnixMillis;
use crate::service::auth::{Caller, Role};
use crate::service::jobs::{Job, Kind, NewJob};
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::{Reads, Turn};
use crate::service::{Notes, Service, Shared};

/// The fields of a flow that its clients know.
const FIELDS: [&str; 9] = [
    "srcAddress",
    "srcPort",
    "dstAddress",
    "dstPort",
    "protocol",
    "time",
    "duration",
    "bytes",
    "packets",
];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .described(Role::Analyst, routes!(create))
        .described(Role::Reader, routes!(job))
        .described(Role::Analyst, routes!(act))
        .described(Role::Reader, routes!(results))
}

/// What went wrong, in its words.
#[derive(Debug, Serialize, ToSchema)]
struct Told {
    message: String,
    description: String,
}

/// A problem, told in its words.
struct Wrong(Problem);

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let told = Told {
            message: problem.title.to_string(),
            description: problem.detail.as_deref().unwrap_or_default().to_owned(),
        };
        let status = problem.status;
        let mut response = problem.into_response();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = (status, Json(told)).into_response();
        for (name, value) in response.headers() {
            if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
                answer.headers_mut().insert(name, value.clone());
            }
        }
        // The log learns of the cause as of every other problem.
        std::mem::swap(answer.extensions_mut(), response.extensions_mut());
        answer
    }
}

/// A job as its clients know it; times are in the zone of the service.
#[derive(Debug, Serialize, ToSchema)]
struct KnownJob {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Created, Started, End, Failed, Error or Canceled.
    status: &'static str,
    /// How much of its work is done, from 0 to 100.
    progress: u8,
    /// How long its work took, or takes so far, in seconds.
    running_time: u64,
    created: String,
    started: Option<String>,
    ended: Option<String>,
    message: String,
}

impl KnownJob {
    fn told(job: &Job, service: &Service) -> Json<Self> {
        let zone = service.options.zone.zone();
        let text = |time: UnixMillis| {
            time.timestamp().to_zoned_datetime(zone.clone()).strftime(TIMES).to_string()
        };
        Json(Self {
            id: job.id.to_string(),
            name: job.name.clone(),
            kind: job.kind.name(),
            status: job.status.name(),
            progress: job.progress,
            running_time: job.running_ms(UnixMillis::now()) / 1000,
            created: text(job.created),
            started: job.started.map(text),
            ended: job.ended.map(text),
            message: job.message.clone(),
        })
    }
}

/// Makes a job, which waits until it is started.
#[utoipa::path(post, path = "/Jobs", tag = "predecessor", operation_id = "make_known_job",
    request_body = Order, responses((status = 201, description = "the job", body = KnownJob)))]
async fn create(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    notes: Notes,
    body: Bytes,
) -> Result<Response, Wrong> {
    let order: Order = serde_json::from_slice(&body)
        .map_err(|error| Wrong(Problem::bad_request(format!("the body: {error}"))))?;
    let kind: Kind = match &*order.kind {
        "" => Kind::FlowQuery,
        kind => {
            kind.parse().map_err(|_| invalid("type", &format!("{kind:?} is no type of a job")))?
        }
    };
    let parameters = order.parameters()?;
    let new = NewJob { name: order.name, kind, parameters, owner: caller.owner() };
    let new = ordered(&caller, &notes, new)?;
    let job = with_jobs(&service, move |jobs| jobs.create(new)).await?;
    notes.add("job", &job.id.to_string());
    let mut response = (StatusCode::CREATED, KnownJob::told(&job, &service)).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/Jobs/{}", job.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// A job, as it stands.
#[utoipa::path(get, path = "/Jobs/{id}", tag = "predecessor", operation_id = "known_job",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "the job", body = KnownJob),
        (status = 404, description = "there is none", body = Told),
    ))]
async fn job(
    State(service): State<Shared>,
    _turn: Turn,
    Path(id): Path<String>,
) -> Result<Json<KnownJob>, Wrong> {
    let id = id_of(&id)?;
    let job = with_jobs(&service, move |jobs| jobs.get(id)).await?;
    Ok(KnownJob::told(&job, &service))
}

/// What is to be done with a job.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Action {
    /// start, cancel or delete.
    #[serde(rename = "action")]
    _action: String,
}

/// Starts, gives up or forgets a job.
#[utoipa::path(put, path = "/Jobs/{id}", tag = "predecessor", operation_id = "change_known_job",
    params(("id" = String, Path, description = "its id"), Action),
    responses(
        (status = 200, description = "the job", body = KnownJob),
        (status = 404, description = "there is none", body = Told),
        (status = 409, description = "that cannot be done with it now", body = Told),
    ))]
async fn act(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    notes: Notes,
    Path(id): Path<String>,
    Given(given): Given,
) -> Result<Json<KnownJob>, Wrong> {
    let action = given.get("action").cloned().unwrap_or_default();
    let who = (&caller, &notes);
    let id = match &*action {
        "start" => startable(&service, who, &id).await?,
        _ => owned(&service, who, &id).await?.id,
    };
    let job = match &*action {
        "start" => with_jobs(&service, move |jobs| jobs.start(id)).await?,
        "cancel" => with_jobs(&service, move |jobs| jobs.cancel(id)).await?,
        "delete" => {
            let gone = move |jobs: &crate::service::jobs::Jobs| {
                let job = jobs.get(id)?;
                jobs.delete(id)?;
                Ok(job)
            };
            with_jobs(&service, gone).await?
        }
        _ => return Err(invalid("action", "write start, cancel or delete").into()),
    };
    Ok(KnownJob::told(&job, &service))
}

/// Results of a `FlowQuery`: flows, of nine fields each.
#[utoipa::path(get, path = "/FlowQueries/{id}/results", tag = "predecessor",
    operation_id = "known_results",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "the flows", content(
            (Vec<serde_json::Value> = "application/json"),
            (String = "application/x-ndjson"),
        )),
        (status = 404, description = "there is no such FlowQuery", body = Told),
        (status = 410, description = "they went, to make room for others", body = Told),
    ))]
async fn results(Path(id): Path<String>, call: Call) -> Response {
    let answer = call.answer(Reads::Jobs, move |answering, to| {
        let job = answering.service.jobs().get(id_of(&id)?)?;
        if job.kind != Kind::FlowQuery {
            let told = format!("job {id} is no FlowQuery; its results are at /api/v1/jobs");
            return Err(Problem::not_found(told).into());
        }
        let (path, zone) = (format!("/FlowQueries/{id}/results"), answering.zone().zone());
        write_results(answering, &job, &path, to, |row| Value::from(nine(&row, zone)).to_string())
    });
    let answer = answer.await;
    match answer.extensions().get::<Problem>() {
        Some(problem) => Wrong(problem.clone()).into_response(),
        None => answer,
    }
}

/// The fields of a flow, a result as it is kept, that its clients know.
fn nine(row: &str, zone: &TimeZone) -> Map<String, Value> {
    let row: Map<String, Value> = serde_json::from_str(row).unwrap_or_default();
    let time = |text: &str| {
        let time: jiff::Timestamp = text.parse().ok()?;
        Some(time.to_zoned_datetime(zone.clone()).strftime(TIMES).to_string())
    };
    let field = |&name: &&str| {
        let value = row.get(name)?.clone();
        let as_known = value.as_str().filter(|_| name == "time").and_then(time);
        Some((name.to_owned(), as_known.map_or(value, Value::from)))
    };
    FIELDS.iter().filter_map(field).collect()
}
