//! Jobs as they are listed, and their results: page by page, or all of these.

use std::io::Write;

use axum::http::StatusCode;
use axum::response::Response;
use utoipa_axum::routes;

use super::job_view::JobView;
use super::jobs::id_of;
use super::sending::Sending;
use super::{Answering, Call, Failure};
use crate::request::{Refused, whole_number};
use crate::service::auth::Role;
use crate::service::jobs::{Job, JobsError};
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::Reads;

/// A page has so many rows where nobody says how many.
const USUAL_PAGE: u64 = 100;
/// So many rows are read at once: no more of an answer than that is in memory.
const AT_ONCE: u64 = 1_000;

/// Which jobs.
#[derive(Debug, clap::Args)]
pub(super) struct ListParameters {
    /// How many are passed over
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    offset: u64,
    /// At most so many
    #[arg(long, value_name = "N", default_value = "100", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    limit: u64,
}

/// Which results.
#[derive(Debug, clap::Args)]
pub(super) struct ResultsParameters {
    /// How many are passed over
    #[arg(long, value_name = "N", default_value = "0", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    offset: u64,
    /// At most so many; without it 100, or with output=ndjson all
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    limit: Option<u64>,
    /// How they are written: json is an array, ndjson a line for each
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = ["json", "ndjson"])]
    output: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.described(Role::Reader, routes!(list)).described(Role::Reader, routes!(results))
}

/// Jobs, the latest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", responses(
    (status = 200, description = "the jobs", body = Vec<JobView>),
))]
async fn list(call: Call) -> Response {
    call.answer(Reads::Jobs, |answering, to| {
        let ListParameters { offset, limit } = answering.read()?;
        check_limit(answering, limit)?;
        let jobs = answering.service.jobs();
        let read = |offset, limit| jobs.list(offset, limit);
        let mut written = Written::array(to);
        in_pages(answering, offset, limit, read, |job| {
            let job = serde_json::to_string(&JobView::new(&job, answering.zone()))
                .map_err(Problem::internal)?;
            written.push(&job)
        })?;
        written.finish()
    })
    .await
}

/// Results of a job, in their order.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/results", tag = "jobs",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "a JSON object for each; where there are more, `Link` says \
            where the next page is", content(
            (Vec<serde_json::Value> = "application/json"),
            (String = "application/x-ndjson"),
        )),
        (status = 404, description = "there is none", body = Problem),
        (status = 410, description = "they went, to make room for others", body = Problem),
    ))]
async fn results(axum::extract::Path(id): axum::extract::Path<String>, call: Call) -> Response {
    call.answer(Reads::Jobs, move |answering, to| {
        let job = answering.service.jobs().get(id_of(&id)?)?;
        write_results(answering, &job, &format!("/api/v1/jobs/{id}/results"), to, |row| row)
    })
    .await
}

/// Writes the results of `job` that are asked for at `path`, each as `shown` has it.
pub(super) fn write_results(
    answering: &Answering,
    job: &Job,
    path: &str,
    to: &mut Sending,
    shown: impl Fn(String) -> String,
) -> Result<(), Failure> {
    let ResultsParameters { offset, limit, output } = answering.read()?;
    let is_array = output == "json";
    let limit = match limit {
        None if is_array => USUAL_PAGE,
        None => u64::MAX,
        Some(limit) => limit,
    };
    if is_array {
        check_limit(answering, limit)?;
    }
    if let Some(expired) = job.expired {
        let told = format!("its results went at {expired}, to make room for others");
        return Err(Problem::new(StatusCode::GONE, told).into());
    }
    let end = offset.saturating_add(limit);
    if job.rows > end && limit > 0 {
        to.with_next(&format!("{path}?offset={end}&limit={limit}&output={output}"));
    }
    let read = |offset, limit| answering.service.jobs().results(job.id, offset, limit);
    let mut written = if is_array { Written::array(to) } else { Written::lines(to) };
    let rows = in_pages(answering, offset, limit, read, |row| written.push(&shown(row)))?;
    // Somebody may delete it, or start it once more, while it is read.
    if job.status.is_over() && rows < job.rows.min(end).saturating_sub(offset) {
        let told = "its results went while they were read";
        return Err(Problem::new(StatusCode::GONE, told).into());
    }
    written.finish()
}

fn check_limit(answering: &Answering, limit: u64) -> Result<(), Refused> {
    let most = answering.service.options.limits.rows as u64;
    if limit > most {
        return Err(Refused::of("limit", format!("an answer has at most {most} rows")));
    }
    Ok(())
}

/// Has `each` take the rows that `read` finds: `limit` of them behind the first `offset`. Gives how
/// many there were.
fn in_pages<T>(
    answering: &Answering,
    offset: u64,
    limit: u64,
    read: impl Fn(u64, u64) -> Result<Vec<T>, JobsError>,
    mut each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut done = 0;
    while done < limit {
        answering.watch.check()?;
        let most = AT_ONCE.min(limit - done);
        let rows = read(offset.saturating_add(done), most)?;
        let found = rows.len() as u64;
        rows.into_iter().try_for_each(&mut each)?;
        done += found;
        if found < most {
            break;
        }
    }
    Ok(done)
}

/// JSON objects, on their way to a client.
struct Written<'a> {
    to: &'a mut Sending,
    is_array: bool,
    rows: u64,
}

impl<'a> Written<'a> {
    fn array(to: &'a mut Sending) -> Self {
        Self { to, is_array: true, rows: 0 }
    }

    fn lines(to: &'a mut Sending) -> Self {
        to.of_type("application/x-ndjson");
        Self { to, is_array: false, rows: 0 }
    }

    fn push(&mut self, row: &str) -> Result<(), Failure> {
        let (before, after) = match (self.is_array, self.rows) {
            (true, 0) => ("[", ""),
            (true, _) => (",\n", ""),
            (false, _) => ("", "\n"),
        };
        write!(self.to, "{before}{row}{after}")?;
        self.rows += 1;
        self.to.count(1);
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        match (self.is_array, self.rows) {
            (true, 0) => writeln!(self.to, "[]")?,
            (true, _) => writeln!(self.to, "]")?,
            (false, _) => {}
        }
        Ok(())
    }
}
