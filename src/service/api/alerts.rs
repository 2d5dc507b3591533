//! Alerts: what stood out, and what is to be made of it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::store::{NoParameters, write_json};
use super::{Answering, Call, Failure, Reads};
use crate::alert::{self, AlertsError, Kept, MAX_NOTE, Verdict, Wanted, Which};
use crate::flow::UnixMillis;
use crate::request::{Refused, whole_number};
use crate::service::auth::{Caller, Role};
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::Turn;
use crate::service::{Notes, Shared};

/// A page has so many alerts at most.
const MAX_PAGE: u64 = 1_000;

/// Which alerts.
#[derive(Debug, clap::Args)]
struct ListParameters {
    #[command(flatten)]
    which: Which,
    /// The place where the page begins: `next` of the page before
    #[arg(long, value_name = "NEXT")]
    after: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value = "100", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    limit: u64,
}

/// Alerts, those raised last first.
#[derive(Serialize)]
struct Page {
    alerts: Vec<Kept>,
    /// Where the next page begins, if there is one.
    next: Option<String>,
}

/// What is to be made of an alert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Judgement {
    /// open, seen or closed.
    state: String,
    /// Why.
    #[serde(default)]
    note: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .described(Role::Reader, routes!(list))
        .described(Role::Reader, routes!(get))
        .described(Role::Analyst, routes!(judge))
}

impl From<AlertsError> for Problem {
    fn from(error: AlertsError) -> Self {
        match error {
            AlertsError::Unknown(_) => Self::not_found(error.to_string()),
            AlertsError::Keeper(error) if error.may_get_well() => {
                Self::unavailable("where alerts are kept cannot be reached", error)
            }
            AlertsError::Keeper(error) => Self::internal(error),
        }
    }
}

impl From<AlertsError> for Failure {
    fn from(error: AlertsError) -> Self {
        Problem::from(error).into()
    }
}

/// Alerts page by page, those raised last first; `next` is given as `after` for the next page.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", responses(
    (status = 200, description = "a page of them, and where the next begins", body = serde_json::Value),
))]
async fn list(call: Call) -> Response {
    call.answer(Reads::Jobs, |answering, to| {
        let wanted = wanted(answering)?;
        // One more says whether there is a next page.
        let more = Wanted { limit: wanted.limit + 1, ..wanted.clone() };
        let mut alerts = answering.service.alerts().list(&more)?;
        let goes_on = alerts.len() as u64 > wanted.limit;
        alerts.truncate(wanted.limit as usize);
        let last = alerts.last().filter(|_| goes_on);
        let next = last.map(|kept| format!("{},{}", kept.raised, kept.alert.id));
        to.count(alerts.len() as u64);
        write_json(&Page { alerts, next }, to)
    })
    .await
}

fn wanted(answering: &Answering) -> Result<Wanted, Failure> {
    let ListParameters { which, after, limit } = answering.read()?;
    if limit > MAX_PAGE {
        let told = format!("a page has {MAX_PAGE} alerts at most");
        return Err(Refused::of("limit", told).into());
    }
    let after = after.map(|after| {
        let wrong = || Refused::of("after", "it is no next of a page");
        let (raised, id) = after.split_once(',').ok_or_else(wrong)?;
        let raised = UnixMillis::parse(raised, answering.zone().zone(), UnixMillis::now());
        Ok::<_, Refused>((raised.map_err(|_| wrong())?, id.to_owned()))
    });
    let wanted = which.wanted(answering.zone(), limit)?;
    Ok(Wanted { after: after.transpose()?, ..wanted })
}

/// An alert, with what became of the messages about it.
#[utoipa::path(get, path = "/api/v1/alerts/{id}", tag = "alerts",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "the alert", body = serde_json::Value),
        (status = 404, description = "there is none", body = Problem),
    ))]
async fn get(Path(id): Path<String>, call: Call) -> Response {
    call.answer(Reads::Jobs, move |answering, to| {
        let NoParameters {} = answering.read()?;
        let kept = answering.service.alerts().get(&id)?;
        to.count(1);
        write_json(&kept, to)
    })
    .await
}

/// Says what is to be made of an alert: that somebody looks, or that it is done with until it goes
/// on.
#[utoipa::path(post, path = "/api/v1/alerts/{id}", tag = "alerts", request_body = Judgement,
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "the alert as it stands", body = serde_json::Value),
        (status = 400, description = "there is no such state", body = Problem),
        (status = 404, description = "there is none", body = Problem),
        (status = 415, description = "the body is no JSON", body = Problem),
        (status = 422, description = "the body says nothing of an alert", body = Problem),
    ))]
async fn judge(
    State(service): State<Shared>,
    turn: Turn,
    caller: Caller,
    notes: Notes,
    Path(id): Path<String>,
    judgement: Result<Json<Judgement>, JsonRejection>,
) -> Result<Json<Kept>, Problem> {
    let Json(Judgement { state, note }) =
        judgement.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let state: alert::State = state.parse().map_err(|error: alert::ParseStateError| {
        Failure::from(Refused::of("state", error.to_string())).into_problem()
    })?;
    if note.len() > MAX_NOTE {
        let told = format!("a note has {MAX_NOTE} bytes at most");
        return Err(Failure::from(Refused::of("note", told)).into_problem());
    }
    keep_verdict(service, turn, (&caller, &notes), (id, state, note)).await.map(Json)
}

/// Keeps what `caller` makes of an alert.
pub(in crate::service) async fn keep_verdict(
    service: Shared,
    turn: Turn,
    (caller, notes): (&Caller, &Notes),
    (id, state, note): (String, alert::State, String),
) -> Result<Kept, Problem> {
    notes.add("alert", &id);
    notes.add("state", state.name());
    notes.add("note", &note);
    let verdict = Verdict { by: caller.owner(), at: UnixMillis::now(), note };
    let done = spawn_blocking(move || {
        let _turn = turn;
        service.alerts().judge(&id, state, &verdict)
    });
    done.await.map_err(Problem::internal)?.map_err(Problem::from)
}
