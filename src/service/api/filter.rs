//! `complete` and `validate`: for whoever types a filter.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::store::write_json;
use super::{Call, Failure, Reads};
use crate::query::filter::{self, complete, parse};
use crate::request::Refused;
use crate::service::auth::Role;
use crate::service::problem::Fault;
use crate::service::routes::Routes;

/// A filter.
#[derive(Debug, clap::Args)]
pub(super) struct FilterParameters {
    /// The filter, as far as it is typed
    #[arg(long = "where", value_name = "EXPR")]
    expression: String,
}

/// How a filter may go on.
#[derive(Debug, Serialize, ToSchema)]
struct Completed {
    /// From which character of the text on the words are offered for it, from 0.
    from: usize,
    /// What may stand there.
    words: Vec<CompletedWord>,
    /// What must stand there, where it cannot be listed.
    expected: Option<String>,
    /// What is wrong before that place.
    error: Option<Fault>,
}

/// A word that may stand there.
#[derive(Debug, Serialize, ToSchema)]
struct CompletedWord {
    /// As it is written.
    text: String,
    /// What it is: field, operator, join or value.
    kind: &'static str,
}

/// What a filter means.
#[derive(Debug, Serialize, ToSchema)]
struct Valid {
    /// The filter in its normal form.
    filter: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .described(Role::Reader, routes!(complete_filter))
        .described(Role::Reader, routes!(validate))
}

/// How a filter that is being typed may go on: columns, operators, values.
#[utoipa::path(get, path = "/api/v1/complete", tag = "filters", responses(
    (status = 200, description = "what may follow", body = Completed),
))]
async fn complete_filter(call: Call) -> Response {
    call.answer(Reads::Little, |answering, to| {
        let given: FilterParameters = answering.read()?;
        let text = &given.expression;
        let found = complete(text, &answering.surroundings().context());
        to.count(found.words.len() as u64);
        let error = found.error.map(|error| fault(text, &error));
        let words = found.words.into_iter();
        let words = words.map(|word| CompletedWord { text: word.text, kind: word.kind.name() });
        let completed = Completed {
            from: text[..found.from].chars().count(),
            words: words.collect(),
            expected: found.expected,
            error,
        };
        write_json(&completed, to)
    })
    .await
}

/// Whether a filter is one: its normal form, or what is wrong with it, and where.
#[utoipa::path(get, path = "/api/v1/validate", tag = "filters", responses(
    (status = 200, description = "it is one", body = Valid),
))]
async fn validate(call: Call) -> Response {
    call.answer(Reads::Little, |answering, to| {
        let given: FilterParameters = answering.read()?;
        let text = &given.expression;
        let predicate = parse(text, &answering.surroundings().context())
            .map_err(|error| Refused::of_filter("where", text, &error))?;
        write_json(&Valid { filter: predicate.to_string() }, to)
    })
    .await
}

fn fault(text: &str, error: &filter::ParseFilterError) -> Fault {
    let refused = Failure::from(Refused::of_filter("where", text, error)).into_problem();
    refused.errors.into_iter().next().unwrap_or_default()
}
