//! Pages for people, as HTML that works without scripts, at addresses that say all of what is asked.
//!
//! A page asks as commands do: by a [`Question`](crate::query::Question) and what
//! [`aggregate`](crate::aggregate) makes of its flows. `docs/pages.md` tells its parameters.

mod alerts;
mod ask;
mod bill;
mod changes;
mod elsewhere;
mod explore;
mod explore_form;
mod exporters;
mod greatest;
mod host;
mod host_tables;
mod jobs;
mod link;
mod loads;
mod overview;
mod parts;
mod ports;
mod report;
mod results;
mod sankey;
mod seen;
mod series_table;
mod shell;
mod silence;
mod talk;
mod views;
mod watch;

#[cfg(test)]
mod tests;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use maud::Markup;
use tokio::sync::oneshot;

use ask::{Ask, Fault, Reader};
pub use report::report_page;
use shell::Page;
pub(super) use shell::of_problem;

use super::api::with_jobs;
use super::auth::{Caller, Role};
use super::problem::Problem;
use super::routes::{Least, Routes};
use super::turns::{Reads, Turn};
use super::{Shared, assets};
use crate::aggregate::Limits;
use crate::query::filter::Files;
use crate::request::Parameters;

/// The cookie that keeps whether pages are light or dark.
const SCHEME_COOKIE: &str = "earlgrey_scheme";

/// All pages, and what they load.
pub(super) fn routes() -> Routes {
    let reader = Role::Reader;
    Routes::default()
        .route(Least::Anybody, "/assets/{version}/{name}", get(asset))
        .route(Least::Anybody, "/scheme", get(scheme))
        .route(reader, "/", get(overview_page))
        .route(reader, "/greatest", page(greatest::page))
        .route(reader, "/explore", page(explore::page))
        .route(reader, "/diff", page(changes::page))
        .route(reader, "/report", page(bill::page))
        .route(reader, "/alerts", get(alerts::list))
        .route(reader, "/alerts/{id}", get(alerts::show))
        .route(Role::Analyst, "/alerts/{id}/judge", post(alerts::judge))
        .route(Role::Analyst, "/alerts/{id}/suppress", post(alerts::add))
        .route(reader, "/alerts/suppressed", get(alerts::suppressed))
        .route(Role::Analyst, "/alerts/suppressed/{number}/remove", post(alerts::remove))
        .route(reader, "/watch", get(watch::lists))
        .route(Role::Admin, "/watch", post(watch::add))
        .route(reader, "/watch/{name}", get(watch::hits))
        .route(Role::Admin, "/watch/{name}/remove", post(watch::remove))
        .route(reader, "/exporters", page(exporters::page))
        .route(reader, "/loads", get(async |asking: Asking| asking.answer(loads::page).await))
        .route(reader, "/host", get(look_up))
        .route(reader, "/host/{address}", get(host_page))
        .route(reader, "/jobs", get(jobs::list))
        .route(Role::Analyst, "/jobs/new", post(jobs::create))
        .route(reader, "/jobs/{id}", get(jobs::show))
        .route(Role::Analyst, "/jobs/{id}/{action}", post(jobs::change))
        .route(reader, "/views", get(views::list))
        .route(Role::Analyst, "/views/save", post(views::save))
        .route(Role::Analyst, "/views/delete", post(views::delete))
}

/// A request for a page.
pub(super) struct Asking {
    service: Shared,
    path: String,
    params: Parameters,
    caller: Caller,
    scheme: Option<&'static str>,
    turn: Turn,
}

impl FromRequestParts<Shared> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Shared) -> Result<Self, Problem> {
        let Query(params) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        Ok(Self {
            service: Shared::clone(service),
            path: parts.uri.path().to_owned(),
            params,
            caller: Caller::from_request_parts(parts, service).await?,
            scheme: chosen_scheme(&parts.headers),
            turn: Turn::from_request_parts(parts, service).await?,
        })
    }
}

impl Asking {
    /// Which page of a long table is asked for.
    fn page_number(&self) -> u64 {
        self.params.get("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1)
    }

    /// Has `page` make the page, which is no look at everything.
    async fn answer(
        self,
        page: impl FnOnce(&Ask<'_>) -> Result<Page, Fault> + Send + 'static,
    ) -> Response {
        self.answer_as(Reads::Little, page).await
    }

    /// Has `page` make the page.
    async fn answer_as(
        self,
        reads: Reads,
        page: impl FnOnce(&Ask<'_>) -> Result<Page, Fault> + Send + 'static,
    ) -> Response {
        let Self { service, path, params, caller, scheme, turn } = self;
        let (answering, watch) = (Shared::clone(&service), turn.watch.clone());
        let make = move |to: oneshot::Sender<Response>| {
            let from = (&*service.store, &service.lists as &dyn Files);
            let reader = Reader { scheme, caller: Some(&caller) };
            let limits = Limits { watch: watch.clone(), ..service.options.sums.clone() };
            let (ask, fine) = Ask::new(from, &path, params, (&service.options.zone, &limits));
            let ask = Ask { reader, watch, ..ask };
            let made = fine.and_then(|()| page(&ask));
            let _ = to.send(response(&ask, made));
        };
        match turn.answer(&answering, reads, make).await {
            Ok((page, _)) => page,
            Err(problem) => problem.into_response(),
        }
    }
}

fn response(ask: &Ask<'_>, made: Result<Page, Fault>) -> Response {
    let (status, markup): (StatusCode, Markup) = match made {
        Ok(page) if page.is_refused => (StatusCode::BAD_REQUEST, shell::whole(ask, &page)),
        Ok(page) => (StatusCode::OK, shell::whole(ask, &page)),
        Err(fault) => {
            match &fault {
                Fault::Store(error) => tracing::warn!("{}: {error}", ask.path),
                Fault::Away(_, problem) | Fault::Ours(problem) => {
                    tracing::warn!("{}: {problem}", ask.path);
                }
                Fault::Refused(_) | Fault::Missing(_) => {}
            }
            let status = match fault {
                Fault::Refused(_) => StatusCode::BAD_REQUEST,
                Fault::Missing(_) => StatusCode::NOT_FOUND,
                Fault::Store(_) | Fault::Away(..) => StatusCode::SERVICE_UNAVAILABLE,
                Fault::Ours(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            (status, shell::fault(ask, &fault))
        }
    };
    (status, markup).into_response()
}

/// A page that may look at the whole store, and is made of that and what is asked alone.
fn page(make: fn(&Ask<'_>) -> Result<Page, Fault>) -> MethodRouter<Shared> {
    get(async move |asking: Asking| asking.answer_as(Reads::Everything, make).await)
}

/// What there is, also where it cannot be said what jobs there are.
async fn overview_page(asking: Asking) -> Response {
    let latest = with_jobs(&asking.service, |jobs| jobs.list(0, overview::SHOWN as u64));
    let latest = latest.await.unwrap_or_default();
    asking.answer_as(Reads::Everything, move |ask| overview::page(ask, &latest)).await
}

async fn host_page(Path(address): Path<String>, asking: Asking) -> Response {
    asking.answer_as(Reads::Everything, move |ask| host::page(ask, &address)).await
}

/// Goes on to the page of the address that was looked up, or of the network.
async fn look_up(asking: Asking) -> Response {
    let Asking { params, .. } = &asking;
    let address = params.get("address").map(|text| text.trim()).unwrap_or_default();
    let carried = link::carried(params);
    let to = if address.contains('/') {
        link::link("/explore", &carried, [("address", address)])
    } else {
        let mut path = "/host/".to_owned();
        link::push_encoded(&mut path, if address.is_empty() { "-" } else { address });
        link::link(&path, &carried, [])
    };
    Redirect::to(&to).into_response()
}

async fn asset(Path((version, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = assets::find(&version, &name) else {
        return Problem::not_found(format!("there is no {name} of this version")).into_response();
    };
    let tag = format!("\"{version}\"");
    let lasting = [
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (header::ETAG, tag.clone()),
        (header::CONTENT_TYPE, asset.media_type.to_owned()),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, lasting).into_response();
    }
    (lasting, asset.bytes).into_response()
}

/// Keeps whether pages are light or dark, and goes back.
async fn scheme(Query(params): Query<Parameters>) -> Response {
    let chosen = params.get("to").and_then(|name| scheme_of(name)).unwrap_or_default();
    let back = params.get("back").map_or("/", String::as_str);
    // A place of ours: whoever made the link must not send on to another site.
    let ours = back.starts_with('/') && !back[1..].starts_with(['/', '\\']);
    let ours = ours && back.chars().all(|letter| letter.is_ascii_graphic());
    let cookie = format!("{SCHEME_COOKIE}={chosen}; Path=/; Max-Age=31536000; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(if ours { back } else { "/" })).into_response()
}

fn scheme_of(name: &str) -> Option<&'static str> {
    ["light", "dark"].into_iter().find(|scheme| *scheme == name)
}

fn chosen_scheme(headers: &HeaderMap) -> Option<&'static str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    let name = pairs.find_map(|pair| pair.trim().strip_prefix(SCHEME_COOKIE)?.strip_prefix('='));
    name.and_then(scheme_of)
}
