//! The routes of the system before this one, as its clients know them: `/Jobs` and `/FlowQueries`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::job_rows::write_results;
use super::jobs::{check_kind, id_of, owned, with_jobs};
use super::{Call, Given};
use crate::flow::UnixMillis;
use crate::request::Parameters;
use crate::service::Shared;
use crate::service::auth::{Caller, Role};
use crate::service::jobs::{Job, Kind, NewJob};
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::{Reads, Turn};

/// How its clients write times; they are in the zone of the service.
const TIMES: &str = "%Y-%m-%d-%H:%M:%S";

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
        .route(Role::Analyst, "/Jobs", post(create))
        .route(Role::Reader, "/Jobs/{id}", get(job))
        .route(Role::Analyst, "/Jobs/{id}", put(act))
        .route(Role::Reader, "/FlowQueries/{id}/results", get(results))
}

/// What went wrong, in its words.
#[derive(Debug, Serialize)]
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
        // The log learns of the cause as of every other problem.
        std::mem::swap(answer.extensions_mut(), response.extensions_mut());
        answer
    }
}

/// A job as its clients order it. Numbers may be text; what is empty is not asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Order {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    start: Text,
    end: Text,
    src_addr: Text,
    dst_addr: Text,
    src_port: Text,
    dst_port: Text,
    prot: Text,
    tos: Text,
    /// It tells how long a job took, and clients send back what they were told.
    #[serde(rename = "running_time")]
    _running_time: Text,
}

/// Text, a number, or nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Text {
    #[default]
    None,
    Word(String),
    Number(u64),
}

impl Text {
    fn given(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Word(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Self::Number(number) => Some(number.to_string()),
        }
    }
}

fn invalid(field: &str, problem: &str) -> Wrong {
    Wrong(Problem::bad_request(format!("{field}: {problem}")))
}

impl Order {
    /// What is asked for, in the words of today.
    fn parameters(&self) -> Result<Parameters, Wrong> {
        let mut parameters = Parameters::new();
        for (field, value, name) in [("start", &self.start, "since"), ("end", &self.end, "until")] {
            if let Some(text) = value.given() {
                let time = jiff::civil::DateTime::strptime(TIMES, &text)
                    .map_err(|_| invalid(field, "write yyyy-MM-dd-HH:mm:ss"))?;
                parameters.insert(name.to_owned(), time.strftime("%Y-%m-%dT%H:%M:%S").to_string());
            }
        }
        let mut terms = Vec::new();
        for (field, value, word) in [
            ("src_addr", &self.src_addr, "src ip"),
            ("dst_addr", &self.dst_addr, "dst ip"),
            ("src_port", &self.src_port, "src port"),
            ("dst_port", &self.dst_port, "dst port"),
            ("prot", &self.prot, "proto"),
            ("tos", &self.tos, "tos"),
        ] {
            let Some(text) = value.given() else { continue };
            // A value is one word: it cannot become a part of the filter.
            let fits = |c: char| c.is_ascii_alphanumeric() || ".:/-".contains(c);
            if !text.chars().all(fits) {
                return Err(invalid(field, &format!("{text:?} is no value")));
            }
            let word = if text.contains('/') { word.replace("ip", "net") } else { word.to_owned() };
            terms.push(format!("{word} {text}"));
        }
        let filter = if terms.is_empty() { "any".to_owned() } else { terms.join(" and ") };
        parameters.insert("where".to_owned(), filter);
        Ok(parameters)
    }
}

/// A job as its clients know it.
fn shown(job: &Job) -> Value {
    let text =
        |time: Option<UnixMillis>| time.map(|time| time.timestamp().strftime(TIMES).to_string());
    serde_json::json!({
        "id": job.id.to_string(),
        "name": job.name,
        "type": job.kind.name(),
        "status": job.status.name(),
        "progress": job.progress,
        "running_time": job.running_ms(UnixMillis::now()) / 1000,
        "created": text(Some(job.created)),
        "started": text(job.started),
        "ended": text(job.ended),
        "message": job.message,
    })
}

async fn create(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
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
    check_kind(&caller, kind)?;
    let parameters = order.parameters()?;
    let new = NewJob { name: order.name, kind, parameters, owner: caller.name };
    let job = with_jobs(&service, move |jobs| jobs.create(new)).await?;
    let mut response = (StatusCode::CREATED, Json(shown(&job))).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/Jobs/{}", job.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn job(
    State(service): State<Shared>,
    _turn: Turn,
    Path(id): Path<String>,
) -> Result<Json<Value>, Wrong> {
    let id = id_of(&id)?;
    let job = with_jobs(&service, move |jobs| jobs.get(id)).await?;
    Ok(Json(shown(&job)))
}

async fn act(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    Path(id): Path<String>,
    Given(given): Given,
) -> Result<Json<Value>, Wrong> {
    let id = owned(&service, &caller, &id).await?;
    let action = given.get("action").cloned().unwrap_or_default();
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
        _ => return Err(invalid("action", "write start, cancel or delete")),
    };
    Ok(Json(shown(&job)))
}

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
