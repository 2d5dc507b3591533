//! `report`: what was used of a month.

use axum::response::Response;
use utoipa_axum::routes;

use super::Call;
use super::sums::{RowsOutput, check_found, check_rows};
use crate::answer::write_usage;
use crate::request::{self, shown};
use crate::service::auth::Role;
use crate::service::routes::Routes;
use crate::service::turns::Reads;

/// What was used of a month.
#[derive(Debug, clap::Args)]
pub(super) struct ReportParameters {
    #[command(flatten)]
    report: request::Report,
    #[command(flatten)]
    output: RowsOutput,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.described(Role::Reader, routes!(report))
}

/// What each interface, network or customer used of a month, as it is billed.
#[utoipa::path(get, path = "/api/v1/report", tag = "sums", responses(
    (status = 200, description = "the keys, that of most octets first, and all others", content(
        (serde_json::Value = "application/json"), (String = "application/x-ndjson"),
        (String = "text/csv"), (String = "text/plain"))),
    (status = 304, description = "it is the answer whose ETag was sent"),
))]
async fn report(call: Call) -> Response {
    call.answer(Reads::Everything, |answering, to| {
        let given: ReportParameters = answering.read()?;
        let (around, request) = (answering.surroundings(), &given.report);
        let options = request.options(&around)?;
        check_rows(answering, "count", options.keys.count.unwrap_or(0))?;
        to.in_format(given.output.output.name());
        let question = request.question(&options, &around)?;
        let Some(asked) = answering.ask(question, request.scaled(), to)? else { return Ok(()) };
        let lookup = request.lookup(&asked.question);
        let answer = request.answer(asked.snapshot(), &lookup, &options)?;
        check_found(answering, answer.usage.entries.len())?;
        to.count(answer.usage.entries.len() as u64);
        let filter = shown(asked.question.filter.as_ref());
        let names = answering.service.store.names()?;
        let view = answer.view(("", &filter), around.zone, &names);
        write_usage(&answer.usage, &view, given.output.output, to)?;
        Ok(())
    })
    .await
}
