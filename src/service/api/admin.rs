//! What admins do: old flows go, tokens are made and revoked.

use std::time::Instant;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Failure, Given};
use crate::flow::UnixMillis;
use crate::query::filter::NoFiles;
use crate::request::{Refused, Surroundings, Zone, moment, show, span_ms};
use crate::service::auth::{self, Accounts, Role, Token};
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::Turn;
use crate::service::{Notes, Service, ServiceError, Shared};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .described(Role::Admin, routes!(expire))
        .described(Role::Admin, routes!(tokens))
        .described(Role::Admin, routes!(add_token))
        .described(Role::Admin, routes!(revoke_token))
}

/// Which flows go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Expiry {
    /// Those that began before this time: 2026-11-23, RFC 3339, -30d.
    before: String,
    /// Whether it is only told what would go.
    #[serde(default)]
    dry_run: bool,
}

/// What went, or would go.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Expired {
    /// Flows that began before this time.
    before: String,
    /// Whether it is only told what would go.
    dry_run: bool,
    /// How many flows.
    flows: u64,
    /// When the first of them began.
    first: Option<String>,
    /// When the last of them began.
    last: Option<String>,
    /// How long it took.
    seconds: f64,
}

/// Deletes old flows for good, as `expire --before` does. It goes on though its client leaves.
#[utoipa::path(post, path = "/api/v1/expire", tag = "admin", request_body = Expiry, responses(
    (status = 200, description = "what went", body = Expired),
    (status = 415, description = "the body is no JSON", body = Problem),
    (status = 422, description = "the body says something else", body = Problem),
))]
async fn expire(
    State(service): State<Shared>,
    turn: Turn,
    notes: Notes,
    mut given: Given,
    expiry: Result<Json<Expiry>, JsonRejection>,
) -> Result<Json<Expired>, Problem> {
    let zone = given.take_zone(&service.options.zone)?;
    let Json(Expiry { before, dry_run }) = body(expiry)?;
    notes.add("before", &before);
    notes.add("dryRun", if dry_run { "yes" } else { "no" });
    let before = moment_of(&before, &zone, &service)?;
    let began = Instant::now();
    let done = spawn_blocking(move || {
        let _turn = turn;
        service.store.expire(before, dry_run)
    });
    let done = done.await.map_err(Problem::internal)?;
    let done = done.map_err(|error| Failure::from(error).into_problem())?;
    let text = |time: Option<UnixMillis>| time.map(|time| show(time, &zone));
    Ok(Json(Expired {
        before: show(before, &zone),
        dry_run,
        flows: done.flows,
        first: text(done.first),
        last: text(done.last),
        seconds: began.elapsed().as_secs_f64(),
    }))
}

/// The time that is meant by `text`.
fn moment_of(text: &str, zone: &Zone, service: &Service) -> Result<UnixMillis, Problem> {
    let limits = service.options.sums.clone();
    let around = Surroundings { zone, now: UnixMillis::now(), limits, files: &NoFiles };
    moment("before", text, &around).map_err(refused)
}

/// A token to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is called.
    name: String,
    /// What it may be used for.
    #[serde(default = "reader")]
    role: Role,
    /// After how long it ends: 90d, 12h; never where nothing is said.
    expires: Option<String>,
}

const fn reader() -> Role {
    Role::Reader
}

/// A token, but not what proves it.
#[derive(Debug, Serialize, ToSchema)]
struct TokenView {
    /// What it is called.
    name: String,
    /// What it may be used for.
    role: Role,
    /// When it was made.
    created: String,
    /// When it ends, if it does.
    expires: Option<String>,
    /// Whether it has ended.
    over: bool,
}

impl TokenView {
    fn new(token: &Token, zone: &Zone) -> Self {
        Self {
            name: token.name.clone(),
            role: token.role,
            created: show(token.created, zone),
            expires: token.expires.map(|time| show(time, zone)),
            over: token.is_over(UnixMillis::now()),
        }
    }
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
struct MadeToken {
    /// What is sent as `Authorization: Bearer`. It is not told again.
    token: String,
}

/// All tokens, but not what proves them.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "admin", responses(
    (status = 200, description = "the tokens", body = Vec<TokenView>),
))]
async fn tokens(
    State(service): State<Shared>,
    mut given: Given,
) -> Result<Json<Vec<TokenView>>, Problem> {
    let zone = given.take_zone(&service.options.zone)?;
    let read = spawn_blocking(move || Accounts::read(&service.options.folder));
    let accounts = read.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    Ok(Json(accounts.tokens.values().map(|token| TokenView::new(token, &zone)).collect()))
}

/// Makes a token, and tells it, which nobody can find out later.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "admin", request_body = NewToken, responses(
    (status = 201, description = "the token", body = MadeToken),
    (status = 409, description = "there is one of that name, or the name is none", body = Problem),
    (status = 415, description = "the body is no JSON", body = Problem),
    (status = 422, description = "the body says something else", body = Problem),
))]
async fn add_token(
    State(service): State<Shared>,
    notes: Notes,
    token: Result<Json<NewToken>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewToken { name, role, expires }) = body(token)?;
    notes.add("token", &name);
    notes.add("role", role.name());
    let span = expires.as_deref().map(span_ms).transpose();
    let span = span.map_err(|problem| refused(Refused::of("expires", problem)))?;
    let expires = span.map(|span| UnixMillis::now() + span);
    let token = change(service, move |accounts| accounts.add_token(&name, role, expires)).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { token })).into_response())
}

/// Takes a token away, at once.
#[utoipa::path(delete, path = "/api/v1/tokens/{name}", tag = "admin",
    params(("name" = String, Path, description = "what it is called")),
    responses(
        (status = 204, description = "it is revoked"),
        (status = 409, description = "there is none", body = Problem),
    ))]
async fn revoke_token(
    State(service): State<Shared>,
    notes: Notes,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    notes.add("token", &name);
    change(service, move |accounts| accounts.revoke(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has the accounts changed on a thread that may wait.
async fn change<T: Send + 'static>(
    service: Shared,
    change: impl FnOnce(&mut Accounts) -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, Problem> {
    let changed = spawn_blocking(move || auth::change(&service.options.folder, change)).await;
    changed.map_err(Problem::internal)?.map_err(|error| match error {
        ServiceError::Account(told) => Problem::new(StatusCode::CONFLICT, told),
        error => Problem::internal(error),
    })
}

fn body<T>(read: Result<Json<T>, JsonRejection>) -> Result<Json<T>, Problem> {
    read.map_err(|error| Problem::new(error.status(), error.body_text()))
}

fn refused(refused: Refused) -> Problem {
    Failure::from(refused).into_problem()
}
