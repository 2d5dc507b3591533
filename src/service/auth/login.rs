//! Login and logout of browsers.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Json};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use utoipa_axum::routes;

use super::accounts;
use super::sessions::{LASTS, Login};
use crate::service::Shared;
use crate::service::assets;
use crate::service::caller::{Caller, Role};
use crate::service::connection::Connected;
use crate::service::noted::Noted;
use crate::service::problem::Problem;
use crate::service::refusal::LOGIN;
use crate::service::routes::{Least, Routes};

/// The cookie of a session; where it is for encrypted connections alone, no other service of this
/// host can set one of that name.
const COOKIE: &str = "earlgrey_session";
const SECURE_COOKIE: &str = "__Host-earlgrey_session";

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(Least::Anybody, LOGIN, get(form).post(log_in))
        .route(Least::Anybody, "/logout", post(log_out))
        .described(Role::Reader, routes!(me))
}

/// Who asks.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "server",
    responses((status = 200, description = "Who asks, and what he may do", body = Caller))
)]
async fn me(caller: Caller) -> Json<Caller> {
    Json(caller)
}

/// Where to go after the login.
#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn form(caller: Option<Extension<Caller>>, Query(Next { next }): Query<Next>) -> Markup {
    page(caller.as_deref(), &next, None)
}

/// The page with the form; `wrong` says why it is there again. Who is known already, as everybody
/// on this machine may be, sends the token of a form with this one, too.
fn page(caller: Option<&Caller>, next: &str, wrong: Option<&str>) -> Markup {
    let csrf = caller.and_then(|caller| caller.csrf.as_deref());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Log in – earlgrey-hbase" }
                link rel="stylesheet" href=(assets::address("style.css"));
                link rel="icon" type="image/svg+xml" href=(assets::address("icon.svg"));
            }
            body {
                main class="login card" {
                    h1 { "Log in" }
                    @if let Some(wrong) = wrong { p class="wrong" role="alert" { (wrong) } }
                    form method="post" action=(LOGIN) {
                        @if let Some(csrf) = csrf { input type="hidden" name="csrf" value=(csrf); }
                        input type="hidden" name="next" value=(next);
                        p {
                            label for="name" { "Name" }
                            input #name name="name" autocomplete="username" autofocus;
                        }
                        p {
                            label for="password" { "Password, or a token without a name" }
                            input #password name="password" type="password" required
                                autocomplete="current-password";
                        }
                        button class="main" { "Log in" }
                    }
                }
            }
        }
    }
}

async fn log_in(
    State(service): State<Shared>,
    Extension(connected): Extension<Connected>,
    Extension(noted): Extension<Arc<Noted>>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    Form(Given { name, password, next }): Form<Given>,
) -> Result<Response, Problem> {
    let (guard, limiter) = (&service.guard, &service.limiter);
    let peer = connected.peer.ip();
    // A token that was written in the wrong place is nobody's to read.
    noted.names(if accounts::is_token(name.trim()) { "a token" } else { &name });
    let login = if name.is_empty() {
        let token = guard.proofs.token(&password, peer, limiter).await?;
        token.map(|(id, token)| Login::Token { id, hash: token.hash })
    } else {
        let hash = guard.proofs.password(&name, &password, peer, limiter).await?;
        hash.map(|hash| Login::User { name, hash })
    };
    let Some(login) = login else {
        let told = "The name or the password is wrong.";
        return Ok(
            (StatusCode::UNAUTHORIZED, page(caller.as_deref(), &next, Some(told))).into_response()
        );
    };
    // Whoever logs in again leaves what he had.
    if let Some(secret) = cookie(&headers, is_secure(&headers, &connected)) {
        guard.sessions.end(secret);
    }
    let secret = guard.sessions.begin(login, Instant::now()).map_err(Problem::internal)?;
    let set = set_cookie(&secret, LASTS.as_secs(), &headers, connected)?;
    Ok(([(header::SET_COOKIE, set)], Redirect::to(within(&next))).into_response())
}

async fn log_out(
    State(service): State<Shared>,
    Extension(connected): Extension<Connected>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(secret) = cookie(&headers, is_secure(&headers, &connected)) {
        service.guard.sessions.end(secret);
    }
    let set = set_cookie("", 0, &headers, connected)?;
    Ok(([(header::SET_COOKIE, set)], Redirect::to(LOGIN)).into_response())
}

fn set_cookie(
    secret: &str,
    lasts_secs: u64,
    headers: &HeaderMap,
    connected: Connected,
) -> Result<HeaderValue, Problem> {
    let is_secure = is_secure(headers, &connected);
    let (name, secure) = if is_secure { (SECURE_COOKIE, "; Secure") } else { (COOKIE, "") };
    // A link from elsewhere finds the session; a form or a script from elsewhere does not.
    let set =
        format!("{name}={secret}; Path=/; Max-Age={lasts_secs}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&set).map_err(Problem::internal)
}

/// Whether a browser talks to this over an encrypted connection, here or before a proxy.
pub(super) fn is_secure(headers: &HeaderMap, connected: &Connected) -> bool {
    let by_https = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    connected.encrypted || by_https
}

/// The secret of the session that a request is part of.
pub(super) fn cookie(headers: &HeaderMap, is_secure: bool) -> Option<&str> {
    let name = if is_secure { SECURE_COOKIE } else { COOKIE };
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// A place of ours: whoever made the link must not send on to another site.
fn within(next: &str) -> &str {
    let ours = next.starts_with('/') && !next[1..].starts_with(['/', '\\']);
    let plain = next.chars().all(|c| c.is_ascii_graphic());
    if ours && plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_on_within_this_server_only() {
        for (next, to) in [
            ("/host/10.0.0.1?since=-1d", "/host/10.0.0.1?since=-1d"),
            ("", "/"),
            ("host", "/"),
            ("https://evil.example", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("/a\r\nSet-Cookie: x=y", "/"),
            ("/é", "/"),
        ] {
            assert_eq!(within(next), to, "{next:?}");
        }
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let cookies = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::COOKIE, HeaderValue::from_static(value));
            }
            cookie(&headers, false).map(str::to_owned)
        };
        let found = Some("abc".to_owned());
        assert_eq!(cookies(&["earlgrey_session=abc"]), found);
        assert_eq!(cookies(&["a=b; earlgrey_session=abc;c=d"]), found);
        assert_eq!(cookies(&["a=b", "earlgrey_session=abc"]), found);
        assert_eq!(cookies(&["earlgrey_session2=x; not_earlgrey_session=y"]), None);
        assert_eq!(cookies(&[]), None);
    }
}
