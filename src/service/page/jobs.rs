//! Jobs: what is carried out while nobody waits, how far it is, and what came of it.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::ask::{Ask, Reader};
use super::shell::Page;
use super::{Asking, parts, results};
use crate::answer::words::{bytes, grouped, seconds};
use crate::flow::UnixMillis;
use crate::request::{Parameters, Refused};
use crate::service::api::{Failure, check_owner, id_of, ordered, owned, startable, with_jobs};
use crate::service::auth::{Caller, Role};
use crate::service::jobs::{Job, Kind, NewJob, Status};
use crate::service::problem::Problem;
use crate::service::turns::Turn;
use crate::service::{Notes, Shared};

/// So many jobs are on a page, and so many results.
const ON_A_PAGE: u64 = 50;

/// A job to be, as a form has it.
#[derive(Deserialize)]
pub(super) struct Order {
    name: String,
    kind: String,
    #[serde(default)]
    parameters: String,
}

/// The page of all of them.
pub(super) async fn list(asking: Asking) -> Result<Response, Problem> {
    let offset = (asking.page_number() - 1).saturating_mul(ON_A_PAGE);
    let jobs = with_jobs(&asking.service, move |jobs| jobs.list(offset, ON_A_PAGE + 1)).await?;
    Ok(asking.answer(move |ask| Ok(Page::new("Jobs", all(ask, &jobs)).without_window())).await)
}

/// The page of one, with its results.
pub(super) async fn show(Path(id): Path<String>, asking: Asking) -> Result<Response, Problem> {
    let id = id_of(&id)?;
    let offset = (asking.page_number() - 1).saturating_mul(ON_A_PAGE);
    let found = with_jobs(&asking.service, move |jobs| {
        Ok((jobs.get(id)?, jobs.results(id, offset, ON_A_PAGE)?))
    });
    let (job, results) = found.await?;
    Ok(asking
        .answer(move |ask| {
            let title = format!("Job {}", job.id);
            Ok(Page::new(title, one(ask, &job, &results)).without_window())
        })
        .await)
}

/// Makes one, and starts it.
pub(super) async fn create(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    notes: Notes,
    Form(Order { name, kind, parameters }): Form<Order>,
) -> Result<Redirect, Problem> {
    let kind: Kind = kind.parse().map_err(|error| Problem::bad_request(format!("{error}")))?;
    let parameters = given(&parameters).map_err(|refused| Failure::from(refused).into_problem())?;
    let new = ordered(&caller, &notes, NewJob { name, kind, parameters, owner: caller.owner() })?;
    let job = with_jobs(&service, move |jobs| jobs.create_started(new));
    let id = job.await?.id.to_string();
    notes.add("job", &id);
    Ok(Redirect::to(&format!("/jobs/{id}")))
}

/// Parameters, one a line; a line without a value is one that is set.
fn given(lines: &str) -> Result<Parameters, Refused> {
    let mut given = Parameters::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once('=').unwrap_or((line, "yes"));
        let (name, value) = (name.trim(), value.trim());
        if given.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Refused::of(name, format!("{name} is given more than once")));
        }
    }
    Ok(given)
}

/// Starts, gives up or forgets one.
pub(super) async fn change(
    State(service): State<Shared>,
    _turn: Turn,
    caller: Caller,
    notes: Notes,
    Path((id, action)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let who = (&caller, &notes);
    let id = match &*action {
        "start" => startable(&service, who, &id).await?,
        _ => owned(&service, who, &id).await?.id,
    };
    let back = format!("/jobs/{id}");
    let to = match &*action {
        "start" => with_jobs(&service, move |jobs| jobs.start(id)).await.map(|_| &*back)?,
        "cancel" => with_jobs(&service, move |jobs| jobs.cancel(id)).await.map(|_| &*back)?,
        "delete" => with_jobs(&service, move |jobs| jobs.delete(id)).await.map(|()| "/jobs")?,
        _ => return Err(Problem::not_found(format!("nothing is called {action:?} here"))),
    };
    Ok(Redirect::to(to).into_response())
}

fn all(ask: &Ask<'_>, jobs: &[Job]) -> Markup {
    let number = ask.value("page", 1u64).unwrap_or(1).max(1);
    let shown = &jobs[..jobs.len().min(ON_A_PAGE as usize)];
    html! {
        div class="title" { h1 { "Jobs" } p class="faint" { "the latest first" } }
        section class="card" {
            (table(shown))
            @if number > 1 || jobs.len() > shown.len() {
                nav class="pages" aria-label="Pages of the table" {
                    @if number > 1 { a class="button" href=(ask.again([("page", &*(number - 1).to_string())])) { "‹ Before" } }
                    @if jobs.len() > shown.len() { a class="button" href=(ask.again([("page", &*number.saturating_add(1).to_string())])) { "Next ›" } }
                }
            }
        }
        @if ask.reader.may(Role::Analyst) { (order(ask)) }
    }
}

/// Jobs, a row each.
pub(super) fn table(jobs: &[Job]) -> Markup {
    if jobs.is_empty() {
        return parts::empty(
            "There are no jobs",
            "A question that takes long, a load or an export can be one.",
        );
    }
    parts::wide(
        "Jobs",
        &html! {
            table class="stack" {
                thead { tr {
                    th { "Job" } th { "Does" } th class="optional" { "Of" } th { "State" }
                    th class="number" { "Results" } th class="number optional" { "Took" }
                } }
                tbody { @for job in jobs {
                    tr data-job=[(!job.status.is_over() && job.queued.is_some()).then_some(job.id)] {
                        td {
                            a href={"/jobs/" (job.id)} class="mono" { (job.id) }
                            @if !job.name.is_empty() { " " (job.name) }
                        }
                        td { (job.kind.name()) }
                        td class="optional" { (job.owner) }
                        td { (state(job)) }
                        td class="number" data-name="results" { (grouped(job.rows)) }
                        td class="number optional" { (took(job)) }
                    }
                } }
            }
        },
    )
}

fn took(job: &Job) -> String {
    seconds(job.running_ms(UnixMillis::now()) as f64 / 1000.0)
}

fn state(job: &Job) -> Markup {
    let class = match job.status {
        Status::End => "good",
        Status::Failed | Status::Error => "wrongly",
        Status::Started => "busy",
        _ => "",
    };
    html! {
        span class={"state " (class)} { (job.status.name()) }
        @if job.status == Status::Started {
            " " progress max="100" value=(job.progress) aria-label="How far it is" {}
        }
    }
}

fn one(ask: &Ask<'_>, job: &Job, results: &[String]) -> Markup {
    let live = (!job.status.is_over() && job.queued.is_some()).then_some(job.id);
    html! {
        div class="title" data-job=[live] {
            h1 { "Job " span class="mono" { (job.id) } }
            p { (job.name) }
            p { (state(job)) }
        }
        section class="card" {
            @if !job.message.is_empty() { p class="note" { (job.message) } }
            dl class="facts" {
                dt { "Does" } dd { (job.kind.name()) }
                @for (name, value) in &job.parameters { dt { (name) } dd class="mono" { (value) } }
                dt { "Of" } dd { (job.owner) }
                dt { "Made" } dd { (parts::time(ask, job.created)) }
                @if let Some(started) = job.started { dt { "Began" } dd { (parts::time(ask, started)) } }
                @if let Some(ended) = job.ended { dt { "Ended" } dd { (parts::time(ask, ended)) ", after " (took(job)) } }
                dt { "Results" } dd { (grouped(job.rows)) ", " (bytes(job.bytes)) }
            }
            div class="actions" {
                (actions(ask, job))
                @if job.rows > 0 && job.expired.is_none() && job.kind == Kind::Export {
                    a class="button" download href={"/api/v1/jobs/" (job.id) "/file"} { "Download the file" }
                }
                @if job.rows > 0 && job.expired.is_none() {
                    a class="button" download={"job-" (job.id) ".ndjson"}
                        href={"/api/v1/jobs/" (job.id) "/results?output=ndjson"} {
                        "Download as NDJSON"
                    }
                }
            }
        }
        @if !results.is_empty() {
            section class="card" {
                header { h2 { "Results" } }
                (results::table(ask, results))
                @let number = ask.value("page", 1usize).unwrap_or(1).max(1);
                (parts::pages(ask, number, usize::try_from(job.rows.div_ceil(ON_A_PAGE)).unwrap_or(usize::MAX)))
            }
        }
    }
}

/// What the reader may do with it.
fn actions(ask: &Ask<'_>, job: &Job) -> Markup {
    let reader = ask.reader;
    let is_his = reader.caller.is_some_and(|caller| check_owner(caller, job).is_ok());
    let starts =
        kinds(reader).any(|kind| kind == job.kind) && job.status.may_become(Status::Created);
    html! {
        @if is_his && reader.may(Role::Analyst) {
            @if job.status.is_over() || job.queued.is_none() {
                @if starts { (action(ask, job, "start", if job.status.is_over() { "Run again" } else { "Start" })) }
                (action(ask, job, "delete", "Delete"))
            } @else {
                (action(ask, job, "cancel", "Cancel"))
            }
        }
    }
}

/// The kinds of jobs that a reader may have made.
fn kinds(reader: Reader<'_>) -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(move |&kind| kind != Kind::Load || reader.may(Role::Admin))
}

fn action(ask: &Ask<'_>, job: &Job, name: &str, text: &str) -> Markup {
    html! {
        form method="post" action={"/jobs/" (job.id) "/" (name)} { (parts::token(ask)) button { (text) } }
    }
}

/// The form for one more.
fn order(ask: &Ask<'_>) -> Markup {
    html! {
        section class="card" {
            h2 { "A new job" }
            form class="ask" method="post" action="/jobs/new" {
                (parts::token(ask))
                div class="row" {
                    label { "Does"
                        select name="kind" { @for kind in kinds(ask.reader) { option { (kind.name()) } } }
                    }
                    label class="grow" { "Name" input name="name" maxlength="100"; }
                }
                label { "What is asked, a parameter a line, as the API has them"
                    textarea class="mono" name="parameters" rows="4" spellcheck="false"
                        placeholder="address=10.0.0.0/8\nwhere=port 53\nsince=-7d" {}
                }
                div class="row" { button class="main" { "Start" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_an_order_counts() {
        let parameters = given(" where = src port=53 \n\nbidir\r\nlimit=5\n").unwrap();
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(pairs, [("bidir", "yes"), ("limit", "5"), ("where", "src port=53")]);
        // A slip is a parameter that there is not, which is refused when it is read.
        assert_eq!(given("since -7d").unwrap()["since -7d"], "yes");
        assert_eq!(given("limit=5\nlimit=6").unwrap_err().parameter.as_deref(), Some("limit"));
    }
}
