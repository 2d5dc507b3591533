//! What is answered to whoever may not use a route.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::caller::{Caller, Role};
use super::problem::Problem;

/// Where a browser is sent to that nobody knows.
pub(super) const LOGIN: &str = "/login";

/// What becomes of a request that asks for a role which its caller has not; none if he has it.
pub(super) fn refuse(role: Role, request: &Request) -> Option<Response> {
    let caller = request.extensions().get::<Caller>();
    let problem = match caller {
        Some(caller) if caller.role >= role => return None,
        Some(Caller { name, role: has, .. }) => {
            Problem::forbidden(format!("{name} is {has}, and this asks for {role}"))
        }
        None if is_browsing(request) => {
            let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
            let next: String = form_urlencoded::byte_serialize(asked.as_bytes()).collect();
            return Some(Redirect::to(&format!("{LOGIN}?next={next}")).into_response());
        }
        None => {
            let told =
                format!("this asks for a token: Authorization: Bearer egh_…, of role {role}");
            Problem::new(StatusCode::UNAUTHORIZED, told)
        }
    };
    Some(problem.into_response())
}

/// Whether a person looks at a page, and not a program at an answer.
fn is_browsing(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    request.method().is_safe() && accepts.is_some_and(|kinds| kinds.contains("text/html"))
}
