//! `active-flow`, `top`, `diff`, `timeline`, `stats`: sums over flows.

use std::io::Write;

use axum::response::Response;
use utoipa_axum::routes;

use super::sending::Sending;
use super::{Answering, Call, Failure, Reads};
use crate::answer::{
    PairFormat, TimelineFormat, TimelineView, TopStyle, stats_json, write_diff, write_pairs,
    write_points, write_timeline, write_top, write_usage,
};
use crate::request::{self, Refused, one_of, shown, whole_number};
use crate::service::auth::Role;
use crate::service::routes::Routes;

/// The pairs that exchanged most.
#[derive(Debug, clap::Args)]
pub(super) struct ActiveFlowParameters {
    #[command(flatten)]
    pairs: request::ActiveFlow,
    /// How many pairs
    #[arg(long, value_name = "N", default_value = "10", value_parser = whole_number::<usize>,
        allow_negative_numbers = true)]
    print: usize,
    #[command(flatten)]
    output: RowsOutput,
}

/// What most of the traffic is of.
#[derive(Debug, clap::Args)]
pub(super) struct TopParameters {
    #[command(flatten)]
    top: request::Top,
    #[command(flatten)]
    output: RowsOutput,
}

/// What changed from one stretch of time to another.
#[derive(Debug, clap::Args)]
pub(super) struct DiffParameters {
    #[command(flatten)]
    diff: request::Diff,
    #[command(flatten)]
    output: RowsOutput,
}

/// How rows are written.
#[derive(Debug, clap::Args)]
pub(super) struct RowsOutput {
    /// How rows are written
    #[arg(long, value_name = "FORMAT", default_value = "json",
        value_parser = one_of::<PairFormat>(PairFormat::ALL.map(PairFormat::name)))]
    pub(super) output: PairFormat,
}

/// Traffic over time.
#[derive(Debug, clap::Args)]
pub(super) struct TimelineParameters {
    #[command(flatten)]
    traffic: request::Timeline,
    /// At most so many bins, where `bin` does not say how long they are
    #[arg(long, value_name = "N", value_parser = whole_number::<usize>, conflicts_with = "bin",
        allow_negative_numbers = true)]
    points: Option<usize>,
    /// How bins are written: series is an array of points with time, series and value, as Grafana
    /// reads them
    #[arg(long, value_name = "FORMAT", default_value = "json",
        value_parser = ["json", "ndjson", "csv", "series", "chart"])]
    output: String,
}

/// A chart is as wide as most terminals.
const CHART_COLUMNS: usize = 80;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .described(Role::Reader, routes!(active_flow))
        .described(Role::Reader, routes!(top))
        .described(Role::Reader, routes!(diff))
        .described(Role::Reader, routes!(timeline))
        .described(Role::Reader, routes!(stats))
}

/// The pairs of addresses that exchanged most, both directions together.
#[utoipa::path(get, path = "/api/v1/active-flow", tag = "sums", responses(
    (status = 200, description = "the pairs, greatest first", content(
        (serde_json::Value = "application/json"), (String = "application/x-ndjson"),
        (String = "text/csv"), (String = "text/plain"))),
    (status = 304, description = "it is the answer whose ETag was sent"),
))]
async fn active_flow(call: Call) -> Response {
    call.answer(Reads::Everything, |answering, to| {
        let given: ActiveFlowParameters = answering.read()?;
        let request = &given.pairs;
        check_rows(answering, "print", given.print)?;
        to.in_format(given.output.output.name());
        let question = request.question(&answering.surroundings())?;
        let Some(asked) = answering.ask(question, request.scaled(), to)? else { return Ok(()) };
        let limits = answering.surroundings().limits;
        let lookup = request.lookup(&asked.question);
        let pairs = request.answer(asked.snapshot(), &lookup, limits.clone(), given.print)?;
        to.count(pairs.len() as u64);
        write_pairs(&pairs, &request.options(limits), given.output.output, to)?;
        Ok(())
    })
    .await
}

/// The keys that most octets, packets or flows are of.
#[utoipa::path(get, path = "/api/v1/top", tag = "sums", responses(
    (status = 200, description = "the keys, greatest first", content(
        (serde_json::Value = "application/json"), (String = "application/x-ndjson"),
        (String = "text/csv"), (String = "text/plain"))),
    (status = 304, description = "it is the answer whose ETag was sent"),
))]
async fn top(call: Call) -> Response {
    call.answer(Reads::Everything, |answering, to| {
        let given: TopParameters = answering.read()?;
        let around = answering.surroundings();
        let request = &given.top;
        let options = request.options(&around)?;
        check_rows(answering, "count", options.count.unwrap_or(0))?;
        to.in_format(given.output.output.name());
        let question = request.question(&around)?;
        let Some(asked) = answering.ask(question, request.scaled(), to)? else { return Ok(()) };
        let lookup = request.lookup(&asked.question);
        let top = request.answer(asked.snapshot(), &lookup, &options)?;
        check_found(answering, top.entries.len())?;
        to.count(top.entries.len() as u64);
        let (zone, format) = (around.zone.zone().clone(), given.output.output);
        let of = (&asked.question, &lookup);
        let beside = request.beside(asked.snapshot(), of, (&top, &options), &around)?;
        let style = TopStyle { format, zone, plain: true, beside };
        write_top(&top, &options, &style, to)?;
        Ok(())
    })
    .await
}

/// The keys that changed most from one stretch of time to another.
#[utoipa::path(get, path = "/api/v1/diff", tag = "sums", responses(
    (status = 200, description = "the keys, greatest difference first", content(
        (serde_json::Value = "application/json"), (String = "application/x-ndjson"),
        (String = "text/csv"), (String = "text/plain"))),
    (status = 304, description = "it is the answer whose ETag was sent"),
))]
async fn diff(call: Call) -> Response {
    call.answer(Reads::Everything, |answering, to| {
        let given: DiffParameters = answering.read()?;
        let (around, request) = (answering.surroundings(), &given.diff);
        let options = request.options(&around)?;
        check_rows(answering, "count", options.top.count.unwrap_or(0))?;
        to.in_format(given.output.output.name());
        let question = request.question(&options, &around)?;
        let Some(asked) = answering.ask(question, request.scaled(), to)? else { return Ok(()) };
        let lookups = request.lookups(&asked.question, &options);
        let diff = request.answer(asked.snapshot(), &lookups, &options)?;
        check_found(answering, diff.entries.len())?;
        to.count(diff.entries.len() as u64);
        let zone = around.zone.zone().clone();
        let format = given.output.output;
        let beside = request.beside(asked.snapshot(), &lookups, &options, &around)?;
        let style = TopStyle { format, zone, plain: true, beside };
        write_diff(&diff, &options, &style, to)?;
        Ok(())
    })
    .await
}

/// How much traffic there was over time: of everybody, of an address or of a block.
#[utoipa::path(get, path = "/api/v1/timeline", tag = "sums", responses(
    (status = 200, description = "bins, in the order of time", content(
        (serde_json::Value = "application/json"), (String = "application/x-ndjson"),
        (String = "text/csv"), (String = "text/plain"))),
    (status = 304, description = "it is the answer whose ETag was sent"),
))]
async fn timeline(call: Call) -> Response {
    call.answer(Reads::Everything, |answering, to| {
        let given: TimelineParameters = answering.read()?;
        write_bins(answering, &given, to)
    })
    .await
}

fn write_bins(
    answering: &Answering,
    given: &TimelineParameters,
    to: &mut Sending,
) -> Result<(), Failure> {
    let (around, request) = (answering.surroundings(), &given.traffic);
    let most = given.points.unwrap_or(request::Timeline::USUAL_BINS);
    if most == 0 {
        return Err(Refused::of("points", "must be more than 0").into());
    }
    check_rows(answering, "points", most)?;
    let format: Option<TimelineFormat> = given.output.parse().ok();
    to.in_format(format.unwrap_or(TimelineFormat::Json).name());
    let keys = request.keys(&around)?;
    let question = request.question(&around)?;
    let usage = request.usage(&question, &around);
    let Some(asked) = answering.ask(question, request.scaled(), to)? else { return Ok(()) };
    let lookups = request.lookups(&asked.question);
    if let Some(options) = usage {
        let format = format.ok_or_else(|| Refused::of("output", "a percentile has no points"))?;
        let answer = request.answer_usage(asked.snapshot(), &lookups, keys, &options)?;
        to.count(answer.usage.entries.len() as u64);
        let (of, filter) = (request.of(), shown(asked.question.filter.as_ref()));
        let names = answering.service.store.names()?;
        let view = answer.view((&of, &filter), around.zone, &names);
        write_usage(&answer.usage, &view, format.of_rows().unwrap_or(PairFormat::Line), to)?;
        return Ok(());
    }
    let how = (&request.options(most, around.zone), keys);
    let request::TimelineAnswer { timeline, fields, keys } =
        request.answer(asked.snapshot(), &lookups, how, around.zone)?;
    to.count(timeline.starts.len() as u64);
    let beside = request.beside(asked.snapshot(), &lookups, &around)?;
    let view = TimelineView {
        of: &request.of(),
        filter: &shown(asked.question.filter.as_ref()),
        zone: around.zone.zone().clone(),
        zone_name: around.zone.name(),
        fields: &fields,
        keys: &keys,
        beside: Some(&beside),
    };
    match format {
        Some(format) => write_timeline(&timeline, &view, format, CHART_COLUMNS, to)?,
        None => write_points(&timeline, &view, to)?,
    }
    Ok(())
}

/// How much there is, in all, by protocol, by exporter and by day.
#[utoipa::path(get, path = "/api/v1/stats", tag = "sums", responses(
    (status = 200, description = "sums", content((serde_json::Value = "application/json"))),
    (status = 304, description = "it is the answer whose ETag was sent"),
))]
async fn stats(call: Call) -> Response {
    call.answer(Reads::Everything, |answering, to| {
        let request: request::Stats = answering.read()?;
        let around = answering.surroundings();
        let question = request.question(&around)?;
        let Some(asked) = answering.ask(question, request.scaled(), to)? else { return Ok(()) };
        let lookup = request.lookup(&asked.question);
        let (store, snapshot) = (&*answering.service.store, asked.snapshot());
        let found = request.answer(store, snapshot, &asked.question, &lookup, around.zone)?;
        to.count(1);
        let text = stats_json(&found.flows, &found.store, around.zone.zone());
        Ok(to.write_all(text.as_bytes())?)
    })
    .await
}

/// Sees that an answer has room for the `rows` that were found.
pub(super) fn check_found(answering: &Answering, rows: usize) -> Result<(), Failure> {
    let most = answering.service.options.limits.rows;
    if rows > most { Err(Failure::TooMany(most as u64)) } else { Ok(()) }
}

/// Refuses what would be more rows than an answer has.
pub(super) fn check_rows(
    answering: &Answering,
    parameter: &str,
    rows: usize,
) -> Result<(), Refused> {
    let most = answering.service.options.limits.rows;
    if rows > most {
        return Err(Refused::of(parameter, format!("an answer has at most {most} rows")));
    }
    Ok(())
}
