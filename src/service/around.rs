//! What lies around every route: the account of a request, panics, what every answer carries.

use std::any::Any;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use super::Shared;
use super::account;
use super::connection::Connected;
use super::noted::Noted;
use super::page;
use super::problem::{MEDIA_TYPE, Problem};

/// What an answer says of itself, unless its route says it: no script but ours, no frame around
/// it, nothing guessed, nothing kept by whoever it passes.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // A form of ours must still say where it comes from.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What a browser keeps that has once come here encrypted: it never comes otherwise for a year.
const ENCRYPTED: &str = "max-age=31536000";

/// So much of a text that says what is wrong is read.
const MAX_TOLD_BYTES: usize = 64 << 10;

/// Puts the layers around `router`.
pub(super) fn layers(router: Router<Shared>, service: &Shared) -> Router<Shared> {
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(finish))
        .layer(from_fn_with_state(Shared::clone(service), account::keep))
}

pub(super) async fn not_found(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let told = format!("{} does not answer {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, told)
}

#[expect(clippy::needless_pass_by_value, reason = "this is how it is called")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let cause = format!("a panic: {}", text.unwrap_or_default());
    Problem::internal(cause).into_response()
}

/// Gives an answer what every answer has.
async fn finish(request: Request, next: Next) -> Response {
    let id = Noted::of(&request).map(|noted| noted.number.clone()).unwrap_or_default();
    let by_browser = is_by_browser(request.headers());
    let by_name_and_encrypted = is_by_name_and_encrypted(&request);
    let mut response = in_place_of_text(next.run(request).await).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = with_instance(response, problem, &id, by_browser);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    if by_name_and_encrypted {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ENCRYPTED));
    }
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Whether a request came encrypted, to a name that is this server's alone: `localhost` is every
/// service's of the machine.
fn is_by_name_and_encrypted(request: &Request) -> bool {
    let encrypted =
        request.extensions().get().is_some_and(|connected: &Connected| connected.encrypted);
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    encrypted && host.is_some_and(|host| !host.to_ascii_lowercase().starts_with("localhost"))
}

/// Whether a person reads the answer, who has no use for JSON.
fn is_by_browser(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accepts.is_some_and(|kinds| kinds.starts_with("text/html"))
}

/// What extractors say in plain text is a problem, too.
async fn in_place_of_text(response: Response) -> Response {
    let status = response.status();
    let is_text = |headers: &HeaderMap| {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_none_or(|kind| kind.starts_with("text/plain"))
    };
    if !(status.is_client_error() || status.is_server_error()) || !is_text(response.headers()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, MAX_TOLD_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut problem = Problem::new(status, text).into_response();
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

/// Tells the number of the request in a problem, and the log what the client is not told.
fn with_instance(response: Response, problem: Problem, id: &str, by_browser: bool) -> Response {
    if let Some(cause) = &problem.cause {
        tracing::warn!("request {id}: {cause}");
    }
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == MEDIA_TYPE.as_bytes());
    if !is_problem {
        return response;
    }
    let problem = Problem { instance: Some(format!("urn:request:{id}").into()), ..problem };
    let mut told = if by_browser {
        (response.status(), page::of_problem(&problem)).into_response()
    } else {
        problem.into_response()
    };
    for (name, value) in response.headers() {
        if ![header::CONTENT_LENGTH, header::CONTENT_TYPE].contains(name) {
            told.headers_mut().insert(name, value.clone());
        }
    }
    told.map(Body::new)
}

#[cfg(test)]
mod tests {
    use axum::http;
    use axum::routing::get;
    use tokio::runtime;
    use tower::Service as _;

    use super::*;

    /// What a route answers within the layers but for the account, by path.
    fn answer(path: &str) -> (http::response::Parts, String) {
        async fn panics() -> &'static str {
            panic!("a secret of ours")
        }
        let own = [(header::CACHE_CONTROL, "max-age=60")];
        let router: Router = Router::new()
            .route("/panics", get(panics))
            .route("/fails", get(async || Problem::internal("a secret of ours")))
            .route("/text", get(async || (StatusCode::BAD_REQUEST, "what is wrong")))
            .route("/page", get(async move || (own, "fine")))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(finish));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (parts, body) = router.clone().call(request).await.unwrap().into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            (parts, String::from_utf8(body.to_vec()).unwrap())
        })
    }

    #[test]
    fn what_fails_within_is_told_to_the_log_alone() {
        for path in ["/panics", "/fails"] {
            let (parts, body) = answer(path);
            assert_eq!(parts.status, 500, "{path}");
            assert_eq!(parts.headers[header::CONTENT_TYPE], MEDIA_TYPE, "{path}");
            assert!(!body.contains("secret") && body.contains("\"instance\":\"urn:"), "{body}");
        }
    }

    #[test]
    fn a_text_that_says_what_is_wrong_becomes_a_problem() {
        let (parts, body) = answer("/text");
        assert_eq!(
            (parts.status, &parts.headers[header::CONTENT_TYPE]),
            (StatusCode::BAD_REQUEST, &HeaderValue::from_static(MEDIA_TYPE))
        );
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["detail"], "what is wrong");
        assert_eq!(problem["title"], "Bad Request");
        let length = parts.headers.get(header::CONTENT_LENGTH);
        assert!(length.is_none_or(|length| *length == body.len().to_string()));
    }

    #[test]
    fn an_answer_keeps_what_it_says_of_itself() {
        let (parts, body) = answer("/page");
        assert_eq!((parts.status, body.as_str()), (StatusCode::OK, "fine"));
        assert_eq!(parts.headers[header::CACHE_CONTROL], "max-age=60");
        assert_eq!(parts.headers[header::X_FRAME_OPTIONS], "DENY");
    }
}
