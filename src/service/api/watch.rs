//! Watch lists: which there are, what was hit of them, and for admins adding and removing one.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::task::spawn_blocking;
use utoipa_axum::routes;

use super::store::{NoParameters, write_json};
use super::{Call, Failure, Given, Reads};
use crate::flow::UnixMillis;
use crate::query::filter::Files;
use crate::request::{HitTeller, HitView, ListKind, ListView, read};
use crate::service::auth::Role;
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::Turn;
use crate::service::{Notes, Shared};
use crate::store::watchlist::Listed;
use crate::watch::{self, WatchError};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .described(Role::Reader, routes!(lists))
        .described(Role::Reader, routes!(hits))
        .described(Role::Admin, routes!(add))
        .described(Role::Admin, routes!(remove))
}

/// The watch lists, by name, as `watch list` tells them.
#[utoipa::path(get, path = "/api/v1/watch", tag = "watch", responses(
    (status = 200, description = "the lists", body = Vec<serde_json::Value>),
))]
async fn lists(call: Call) -> Response {
    call.answer(Reads::Little, |answering, to| {
        let NoParameters {} = answering.read()?;
        let lists = answering.service.store.watch_lists()?.lists()?;
        let views: Vec<ListView> =
            lists.iter().map(|listed| ListView::new(listed, answering.zone())).collect();
        to.count(views.len() as u64);
        write_json(&views, to)
    })
    .await
}

/// What was hit of a watch list, that of most flows first, as `watch show` tells it.
#[utoipa::path(get, path = "/api/v1/watch/{name}", tag = "watch",
    params(("name" = String, Path, description = "what it is called")),
    responses(
        (status = 200, description = "what was hit", body = Vec<serde_json::Value>),
        (status = 404, description = "there is none", body = Problem),
    ))]
async fn hits(Path(name): Path<String>, call: Call) -> Response {
    call.answer(Reads::Little, move |answering, to| {
        let NoParameters {} = answering.read()?;
        let service = &answering.service;
        let hits = watch::hits(&*service.store, &name).map_err(failure)?;
        let meaning = service.lists.meaning().map_err(Problem::internal)?;
        let teller = HitTeller::new(answering.zone(), &meaning).map_err(Problem::internal)?;
        let views: Vec<HitView> = hits.iter().map(|hit| teller.view(hit)).collect();
        to.count(views.len() as u64);
        write_json(&views, to)
    })
    .await
}

/// Watches for the list in the body, in place of one of its name, as `watch add` does. It goes on
/// though its client leaves.
#[utoipa::path(put, path = "/api/v1/watch/{name}", tag = "watch",
    params(("name" = String, Path, description = "what it is called")),
    request_body(content = String, content_type = "text/plain", description = "the file of the list"),
    responses(
        (status = 200, description = "the list as it stands", body = serde_json::Value),
    ))]
async fn add(
    State(service): State<Shared>,
    turn: Turn,
    notes: Notes,
    Path(name): Path<String>,
    mut given: Given,
    body: Bytes,
) -> Result<Json<ListView>, Problem> {
    let zone = given.take_zone(&service.options.zone)?;
    let kind: ListKind = read(&given.0).map_err(|refused| Failure::from(refused).into_problem())?;
    notes.add("watch", &name);
    let content = (body.into(), kind.options());
    let listed = watch_for(service, turn, (name, String::new()), content).await?;
    Ok(Json(ListView::new(&listed, &zone)))
}

/// Has the store watch for the list that a file of this name has, read as `options` say. It goes on though
/// its client leaves.
///
/// # Errors
///
/// [`Problem`] if it may not be called so, is no list, or cannot be kept.
pub(in crate::service) async fn watch_for(
    service: Shared,
    turn: Turn,
    (name, file): (String, String),
    (content, options): (Vec<u8>, watch::Options),
) -> Result<Listed, Problem> {
    let done = spawn_blocking(move || {
        let turn = turn;
        watch::check_name(&name)?;
        let list = watch::read(&content, &options)?.into_list(&name, &file, UnixMillis::now());
        let lists = service.store.watch_lists()?;
        lists.add(&list, &turn.watch)?;
        let listed = lists.lists()?.into_iter().find(|listed| listed.name == name);
        listed.ok_or(WatchError::Unknown(name))
    });
    let done = done.await.map_err(Problem::internal)?;
    done.map_err(|error: WatchError| failure(error).into_problem())
}

/// Forgets a watch list, and what was hit of it.
#[utoipa::path(delete, path = "/api/v1/watch/{name}", tag = "watch",
    params(("name" = String, Path, description = "what it is called")),
    responses(
        (status = 204, description = "it is forgotten"),
        (status = 404, description = "there is none", body = Problem),
    ))]
async fn remove(
    State(service): State<Shared>,
    turn: Turn,
    notes: Notes,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    notes.add("watch", &name);
    forget_list(service, turn, name).await.map(|()| StatusCode::NO_CONTENT)
}

/// Has the store forget a list, and what was hit of it.
///
/// # Errors
///
/// [`Problem`] where there is none of the name, or it cannot be deleted.
pub(in crate::service) async fn forget_list(
    service: Shared,
    turn: Turn,
    name: String,
) -> Result<(), Problem> {
    let done = spawn_blocking(move || {
        let _turn = turn;
        let removed = service.store.watch_lists()?.remove(&name)?;
        if removed { Ok(()) } else { Err(WatchError::Unknown(name)) }
    });
    let done = done.await.map_err(Problem::internal)?;
    done.map_err(|error| failure(error).into_problem())
}

fn failure(error: WatchError) -> Failure {
    match error {
        WatchError::Store(error) => error.into(),
        WatchError::Unknown(_) => Problem::not_found(error.to_string()).into(),
        error => Problem::bad_request(error.to_string()).into(),
    }
}
