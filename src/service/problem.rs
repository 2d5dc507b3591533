//! What a client is told when a request comes to nothing: `application/problem+json` (RFC 9457).

use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of problems.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not answered. The status and the text are the client's, the cause is the log's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind it is, as a URI; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind for people to read.
    pub title: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// What is the matter with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub detail: Option<Box<str>>,
    /// The number of the request, under which the log has more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub instance: Option<Box<str>>,
    /// What is wrong with which parameter, and where in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// After how many seconds to try again.
    #[serde(skip)]
    pub retry_secs: Option<u32>,
    /// What happened, for the log alone.
    #[serde(skip)]
    pub cause: Option<Box<str>>,
}

/// What is wrong with a parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// The name of the parameter.
    pub parameter: String,
    /// Where in its value, in characters from 1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// How many characters of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// What should stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// A word that is known, and may have been meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// What to write instead, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of which the status says what kind it is.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Unknown"),
            status: status.as_u16(),
            detail: Some(detail.into().into()),
            instance: None,
            errors: Vec::new(),
            retry_secs: None,
            cause: None,
        }
    }

    /// The request cannot mean anything.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Who asks must not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Too much is asked for at once.
    pub fn too_many(detail: impl Into<String>, retry_after: Duration) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, detail);
        Self { retry_secs: Some(retry_after.as_secs_f64().ceil().max(1.0) as u32), ..problem }
    }

    /// Something of ours failed: the client learns that, and the log `cause`.
    pub fn internal(cause: impl Display) -> Self {
        let detail = "the server could not answer; its log says why, under this request's number";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
        Self { cause: Some(format!("{cause:#}").into()), ..problem }
    }

    /// As [`Self::internal`], where it may work later.
    pub fn unavailable(detail: impl Into<String>, cause: impl Display) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { cause: Some(format!("{cause:#}").into()), ..problem }
    }

    /// With what is wrong with parameters.
    #[must_use]
    pub fn with_errors(self, errors: Vec<Fault>) -> Self {
        Self { errors, ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(secs) = self.retry_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"earlgrey-hbase\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        // What lies around it adds the request's number, and tells the log.
        response.extensions_mut().insert(self);
        response
    }
}
