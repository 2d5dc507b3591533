//! The description of the API (`OpenAPI` 3.1), made of the routes and of the definitions that read
//! their parameters.

use std::sync::OnceLock;

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, RefOr, Required, Response as Described, ResponseBuilder,
};
use utoipa_axum::routes;

use super::filter::FilterParameters;
use super::flows::FlowsParameters;
use super::job_rows::{ListParameters, ResultsParameters};
use super::store::{LoadsParameters, NoParameters};
use super::sums::{ActiveFlowParameters, TimelineParameters, TopParameters};
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
        (name = "filters", description = "for who types a filter"),
        (name = "jobs", description = "questions that take long"),
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
            let others = [&mut item.post, &mut item.put, &mut item.delete];
            for operation in others.into_iter().flatten() {
                complete(operation, Vec::new());
            }
            if let Some(operation) = &mut item.get {
                complete(operation, parameters_of(path));
            }
        }
        document
    })
}

/// Adds what all operations have, and the parameters of those that read them out of the query.
fn complete(operation: &mut Operation, parameters: Vec<Parameter>) {
    if !parameters.is_empty() {
        operation.parameters.get_or_insert_default().extend(parameters.into_iter().map(RefOr::T));
    }
    // What goes wrong is told as a problem, whatever a route says of it.
    for (_, response) in operation.responses.responses.range_mut("400".to_owned()..) {
        if let RefOr::T(response) = response {
            *response = problem(&response.description);
        }
    }
    for (status, description) in [
        ("400", "a parameter means nothing: which, and where"),
        ("401", "it is not known who asks"),
        ("403", "who asks must not"),
        ("413", "the answer would be larger than answers may be"),
        ("429", "too much is asked for at once"),
        ("500", "something failed; the log says what"),
        ("503", "the store cannot be reached, or the answer took too long"),
    ] {
        let responses = &mut operation.responses.responses;
        if !responses.contains_key(status) {
            responses.insert(status.to_owned(), RefOr::T(problem(description)));
        }
    }
}

fn problem(description: &str) -> Described {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(MEDIA_TYPE, content).build()
}

fn parameters_of(path: &str) -> Vec<Parameter> {
    let all = match path.strip_prefix("/api/v1/") {
        Some("flows") => described::<FlowsParameters>(),
        Some("active-flow") => described::<ActiveFlowParameters>(),
        Some("top") => described::<TopParameters>(),
        Some("timeline") => described::<TimelineParameters>(),
        Some("stats") => described::<request::Stats>(),
        Some("loads") => described::<LoadsParameters>(),
        Some("exporters" | "names") => described::<NoParameters>(),
        Some("complete" | "validate") => described::<FilterParameters>(),
        Some("jobs") => described::<ListParameters>(),
        Some("jobs/{id}/results") => described::<ResultsParameters>(),
        _ => return Vec::new(),
    };
    if path.starts_with("/api/v1/jobs") {
        return all.iter().map(parameter).collect();
    }
    let zone = request::Described {
        name: "tz".to_owned(),
        help: "The time zone of times that are shown, and of those given without one".to_owned(),
        required: false,
        flag: false,
        values: Vec::new(),
        default: None,
        option: Some("--tz".to_owned()),
    };
    all.iter().chain([&zone]).map(parameter).collect()
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
    ParameterBuilder::new()
        .name(&described.name)
        .parameter_in(ParameterIn::Query)
        .required(if described.required { Required::True } else { Required::False })
        .description(Some(&described.help))
        .schema(Some(schema.build()))
        .build()
}
