//! `flows`: what `query` answers.

use std::io::Write;
use std::slice;

use axum::response::{IntoResponse, Response};
use utoipa_axum::routes;

use super::sending::Sending;
use super::{Answering, Call, Failure, Reads};
use crate::answer::{FlowWriter, Format, write_conversations};
use crate::flow::Names;
use crate::query::{Asked, Lookup, POSITION_COLUMNS, Position, Question};
use crate::request::{Flows, FormatParser, Found, Refused, Surroundings};
use crate::service::auth::Role;
use crate::service::routes::Routes;
use crate::store::FlowStream;

/// A page has so many flows where nobody says how many.
const USUAL_PAGE: u64 = 1_000;
/// So many flows are few.
const FEW_FLOWS: u64 = 10_000;

/// What can be said of it.
#[derive(Debug, clap::Args)]
pub(super) struct FlowsParameters {
    #[command(flatten)]
    flows: Flows,
    /// Flows behind this place in the answer: `next` of the page before, whose other parameters are
    /// the same
    #[arg(long, value_name = "POSITION", conflicts_with_all = ["bidir", "connections", "count", "at", "sort"])]
    after: Option<Position>,
    /// How flows are written: json is a page with `next`, where the next one begins; ndjson, csv and
    /// the layouts of text are the whole answer, as it is found
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = FormatParser)]
    output: Format,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.described(Role::Reader, routes!(flows))
}

/// Flows of a host or a network, or that pass a filter, in the order of the row key.
#[utoipa::path(
    get,
    path = "/api/v1/flows",
    tag = "flows",
    responses(
        (status = 200, description = "a page of flows with `next`, if there are more; with another \
            `output` all of them; with `count` their number", content(
            (serde_json::Value = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
            (String = "text/plain"),
        )),
        (status = 304, description = "it is the answer whose ETag was sent"),
    ),
)]
async fn flows(call: Call) -> Response {
    let given: FlowsParameters = match call.answering.read() {
        Ok(given) => given,
        Err(refused) => return Failure::from(refused).into_problem().into_response(),
    };
    let reads = given.reads(&call.answering.surroundings());
    call.answer(reads, move |answering, to| write(answering, &given, to)).await
}

impl FlowsParameters {
    /// What is read for the answer, as far as can be told before.
    fn reads(&self, around: &Surroundings<'_>) -> Reads {
        let Self { flows, output, .. } = self;
        let usual = if *output == Format::Json { USUAL_PAGE } else { u64::MAX };
        if flows.joins() || flows.counts() || flows.holds() || flows.sorts() {
            Reads::Everything
        } else if flows.limit().unwrap_or(usual) <= FEW_FLOWS && flows.is_of_few(around) {
            Reads::Little
        } else {
            Reads::Flows
        }
    }
}

fn write(answering: &Answering, given: &FlowsParameters, to: &mut Sending) -> Result<(), Failure> {
    let around = answering.surroundings();
    let (request, format) = (&given.flows, &given.output);
    if request.joins() {
        format.check_for_conversations().map_err(|problem| Refused::of("output", problem))?;
    }
    to.in_format(format.name());
    let mut question = request.question(&around)?;
    let most = answering.service.options.limits.rows as u64;
    let is_page = *format == Format::Json && !request.joins() && !request.counts();
    let limit = match question.limit {
        // A number is one row, whatever it counts.
        Some(limit) if limit > most && !request.counts() => {
            let told = format!("an answer has at most {most} rows");
            return Err(Refused::of("limit", told).into());
        }
        Some(limit) => limit,
        None if is_page && !request.holds() => USUAL_PAGE.min(most),
        None => most,
    };
    if is_page && !request.holds() {
        // One more, to see whether there are more.
        question.limit = Some(limit.saturating_add(1));
    }
    if given.after.is_some() && !format.has_places() {
        let told = "pages are for output=json, ndjson and csv";
        return Err(Refused::of("after", told).into());
    }
    let Some(asked) = answering.ask(question, request.scaled(), to)? else { return Ok(()) };
    let mut lookup = lookup(given, &asked.question);
    if let Some(after) = given.after {
        lookup = lookup.after(after);
    }
    let found = request.answer(asked.snapshot(), &lookup, format, &around)?;
    if !is_page {
        to.with_notes(&found.notes);
    }
    match found.found {
        Found::Count(flows) if format.is_json() => Ok(writeln!(to, "{{\"flows\":{flows}}}")?),
        Found::Count(flows) => Ok(writeln!(to, "{flows}")?),
        Found::Flows(flows) if is_page => {
            let next = page(answering, &lookup, flows, (given.after, limit), to)?;
            // Places are told in the order of keys only.
            let next = next.filter(|_| !request.sorts()).map(|next| next.to_string());
            let end = serde_json::json!({ "next": next, "notes": found.notes }).to_string();
            // The object that the flows began goes on.
            Ok(writeln!(to, ",{}", end.trim_start_matches('{'))?)
        }
        Found::Flows(flows) => all(answering, format, &asked, flows, most, to),
        Found::Conversations(conversations) => {
            // One more than there may be, to see whether there are more.
            let conversations = conversations.take(answering.service.options.limits.rows + 1);
            let zone = around.zone.zone().clone();
            let style = crate::answer::Style::default();
            let written = write_conversations(conversations, &mut *to, format, style, zone)?;
            to.count(written.flows);
            if written.flows > most { Err(Failure::TooMany(most)) } else { Ok(()) }
        }
    }
}

fn lookup(given: &FlowsParameters, question: &Question) -> Lookup {
    let lookup = given.flows.lookup(question, &given.output);
    if given.output.has_places() { lookup.reading_also(POSITION_COLUMNS) } else { lookup }
}

/// Begins a JSON object with a page of flows, as they are found; gives the place where the next one
/// begins, behind `limit` flows.
fn page(
    answering: &Answering,
    lookup: &Lookup,
    flows: FlowStream,
    (after, limit): (Option<Position>, u64),
    to: &mut Sending,
) -> Result<Option<Position>, Failure> {
    write!(to, "{{\"flows\":")?;
    let zone = answering.zone().zone().clone();
    let names = answering.service.store.names()?;
    let ends = answering.surroundings().ends(&Format::Json)?;
    let rows = to.rows();
    let writer = FlowWriter::new(to, &Format::Json, zone).with_names(names);
    let mut writer = writer.with_ends(ends);
    let (mut left, mut end, mut next) = (limit, after, None);
    for batch in flows {
        let mut batch = batch?;
        let is_more = batch.len() as u64 > left;
        if is_more {
            batch = batch.take_rows(&(0..left as u32).collect::<Vec<_>>());
        }
        end = Position::last(lookup, slice::from_ref(&batch), end).or(end);
        left -= batch.len() as u64;
        rows.add(batch.len() as u64);
        let is_enough = writer.write(&batch)?.is_break();
        if is_more {
            next = end;
        }
        if is_more || is_enough {
            break;
        }
    }
    writer.finish()?;
    Ok(next)
}

/// All flows, as they are found.
fn all(
    answering: &Answering,
    format: &Format,
    asked: &Asked,
    flows: FlowStream,
    most: u64,
    to: &mut Sending,
) -> Result<(), Failure> {
    let zone = answering.zone().zone().clone();
    let asks = format.is_json() || matches!(format, Format::Own(_));
    let names = if asks { answering.service.store.names()? } else { Names::default() };
    let ends = answering.surroundings().ends(format)?;
    let rows = to.rows();
    let writer = FlowWriter::new(to, format, zone).with_names(names);
    let mut writer = writer.with_ends(ends);
    let mut written = 0;
    for batch in flows {
        let batch = batch?;
        written += batch.len() as u64;
        if written > most && asked.question.limit.is_none() {
            return Err(Failure::TooMany(most));
        }
        rows.add(batch.len() as u64);
        if writer.write(&batch)?.is_break() {
            return Ok(());
        }
    }
    writer.finish()?;
    Ok(())
}
