//! The description of the API (`OpenAPI` 3.1), made of the routes and of the definitions that read
//! their parameters.

use std::sync::OnceLock;

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, RefOr, Required, Response as Described, ResponseBuilder,
};
use utoipa_axum::routes;

use super::detections::DetectParameters;
use super::filter::FilterParameters;
use super::flows::FlowsParameters;
use super::job_rows::{ListParameters, ResultsParameters};
use super::store::LoadsParameters;
use super::sums::{ActiveFlowParameters, DiffParameters, TimelineParameters, TopParameters};
use super::usage::ReportParameters;
use crate::request::{self, described};
use crate::service::auth::Role;
use crate::service::problem::{Fault, MEDIA_TYPE, Problem};
use crate::service::routes::Routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "earlgrey-hbase",
        description = "Flows of a store, and sums over them. Parameters are those of the commands.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, Fault)),
    tags(
        (name = "flows", description = "flows, in the order of the row key"),
        (name = "sums", description = "sums over flows"),
        (name = "store", description = "what there is beside flows"),
        (name = "watch", description = "lists of addresses that are watched for"),
        (name = "filters", description = "for who types a filter"),
        (name = "jobs", description = "questions that take long"),
        (name = "admin", description = "for admins alone"),
        (name = "predecessor", description = "for clients of the system before this one"),
    )
)]
struct Head;

fn head() -> OpenApi {
    Head::openapi()
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.described(Role::Reader, routes!(document))
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "store", responses(
    (status = 200, description = "the description of this API, OpenAPI 3.1", body = serde_json::Value),
))]
async fn document() -> Response {
    Json(of_service()).into_response()
}

/// The description of all routes.
pub(in crate::service) fn of_service() -> &'static OpenApi {
    static DOCUMENT: OnceLock<OpenApi> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut document = head();
        document.merge(crate::service::routes().document().clone());
        for (path, item) in &mut document.paths.paths {
            let others = [&mut item.post, &mut item.delete];
            for operation in others.into_iter().flatten() {
                complete(path, operation, changed_by(path));
            }
            if let Some(operation) = &mut item.put {
                complete(path, operation, put_by(path));
            }
            if let Some(operation) = &mut item.get {
                complete(path, operation, parameters_of(path));
            }
        }
        secure(&mut document);
        document
    })
}

/// How it is said who asks. Who asks from this machine may need to say nothing.
fn secure(document: &mut OpenApi) {
    let mut token = Http::new(HttpAuthScheme::Bearer);
    token.description = Some("a token: egh_…".to_owned());
    let session = ApiKeyValue::with_description("earlgrey_session", "of a login at /login");
    let schemes = &mut document.components.get_or_insert_default().security_schemes;
    schemes.insert("token".to_owned(), SecurityScheme::Http(token).into());
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(session));
    schemes.insert("session".to_owned(), session.into());
    let by = |name: &str| SecurityRequirement::new(name, [""; 0]);
    document.security = Some(vec![by("token"), by("session"), SecurityRequirement::default()]);
}

/// Adds what all operations have, and the parameters of those that read them out of the query.
fn complete(path: &str, operation: &mut Operation, parameters: Vec<Parameter>) {
    if !parameters.is_empty() {
        operation.parameters.get_or_insert_default().extend(parameters.into_iter().map(RefOr::T));
    }
    let has_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    // What goes wrong is told as a problem, whatever a route says of it.
    for (_, response) in responses.range_mut("400".to_owned()..) {
        if let RefOr::T(response) = response {
            *response = problem(path, &response.description);
        }
    }
    for (status, description) in [
        ("400", "a parameter means nothing: which, and where"),
        ("401", "it is not known who asks"),
        ("403", "who asks must not"),
        ("413", "the answer, or the body, would be larger than it may be"),
        ("429", "too much is asked for at once"),
        ("500", "something failed; the log says what"),
        ("503", "the store cannot be reached, or the answer took too long"),
        ("505", "a long answer is sent over HTTP/1.1 alone"),
    ] {
        let told = || RefOr::T(problem(path, description));
        responses.entry(status.to_owned()).or_insert_with(told);
    }
    if has_body {
        let told = || RefOr::T(problem(path, "the body took too long to come"));
        responses.entry("408".to_owned()).or_insert_with(told);
    }
    let has_tag = responses.contains_key("304");
    for (status, field, description) in [
        ("200", "ETag", "by what the answer is known, where the store can tell"),
        ("201", "Location", "where it is"),
        ("429", "Retry-After", "after how many seconds to ask again"),
    ] {
        let is_told = field != "ETag" || has_tag;
        if let Some(RefOr::T(response)) = responses.get_mut(status).filter(|_| is_told) {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let header = HeaderBuilder::new().schema(Some(text)).description(Some(description));
            response.headers.insert(field.to_owned(), header.build().into());
        }
    }
}

fn problem(path: &str, description: &str) -> Described {
    let of = |name| ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
    let response = ResponseBuilder::new().description(description);
    let response = response.content(MEDIA_TYPE, of("Problem"));
    // Clients of the predecessor are told in its words, once it is known who they are.
    if path.starts_with("/api/") {
        response.build()
    } else {
        response.content("application/json", of("Told")).build()
    }
}

/// The parameters of what changes something.
fn changed_by(path: &str) -> Vec<Parameter> {
    if path == "/api/v1/expire" { vec![parameter(&zone())] } else { Vec::new() }
}

fn zone() -> request::Described {
    described_by(
        "tz",
        "The time zone of times that are shown, and of those given without one",
        "--tz",
    )
}

fn described_by(name: &str, help: &str, option: &str) -> request::Described {
    request::Described {
        name: name.to_owned(),
        help: help.to_owned(),
        required: false,
        flag: false,
        several: false,
        values: Vec::new(),
        default: None,
        option: Some(option.to_owned()),
    }
}

/// The parameters of what puts something in its place.
fn put_by(path: &str) -> Vec<Parameter> {
    if path != "/api/v1/watch/{name}" {
        return Vec::new();
    }
    described::<request::ListKind>().iter().chain([&zone()]).map(parameter).collect()
}

fn parameters_of(path: &str) -> Vec<Parameter> {
    let mut all = match path.strip_prefix("/api/v1/") {
        Some("flows") => described::<FlowsParameters>(),
        Some("active-flow") => described::<ActiveFlowParameters>(),
        Some("top") => described::<TopParameters>(),
        Some("diff") => described::<DiffParameters>(),
        Some("timeline") => described::<TimelineParameters>(),
        Some("report") => described::<ReportParameters>(),
        Some("stats") => described::<request::Stats>(),
        Some("detect") => described::<DetectParameters>(),
        Some("loads") => described::<LoadsParameters>(),
        Some("complete" | "validate") => described::<FilterParameters>(),
        Some("jobs") => described::<ListParameters>(),
        Some("jobs/{id}/results") => described::<ResultsParameters>(),
        None if path == "/FlowQueries/{id}/results" => described::<ResultsParameters>(),
        Some("exporters" | "tokens" | "jobs/{id}" | "watch" | "watch/{name}") => Vec::new(),
        _ => return Vec::new(),
    };
    for (name, option) in [("from", "since"), ("to", "until")] {
        if all.iter().any(|known| known.name == option) {
            let help = format!("What {option} says, by another name");
            all.push(described_by(name, &help, &format!("--{option}")));
        }
    }
    // Results are in the zone that their job was asked in.
    if !path.ends_with("/results") {
        all.push(zone());
    }
    all.iter().map(parameter).collect()
}

fn parameter(described: &request::Described) -> Parameter {
    let mut schema = ObjectBuilder::new().schema_type(Type::String);
    let flag = ["yes", "no", "true", "false", "1", "0", ""].map(str::to_owned);
    let values = if described.flag { &flag[..] } else { &described.values };
    // A list of names that are offered is no list of all that may be written.
    if !values.is_empty() && described.name != "output" {
        schema = schema.enum_values(Some(values.iter().cloned()));
    }
    if let Some(default) = described.default.as_ref().filter(|_| !described.flag) {
        schema = schema.default(Some(default.clone().into()));
    }
    let parameter = ParameterBuilder::new()
        .name(&described.name)
        .parameter_in(ParameterIn::Query)
        .required(if described.required { Required::True } else { Required::False })
        .description(Some(&described.help));
    if described.several {
        // One after the other, with commas between them.
        let schema = ArrayBuilder::new().items(schema.build()).build();
        let parameter = parameter.schema(Some(schema)).style(Some(ParameterStyle::Form));
        return parameter.explode(Some(false)).build();
    }
    parameter.schema(Some(schema.build())).build()
}
