//! `detect`: what stands out.

use axum::response::Response;
use utoipa_axum::routes;

use super::Call;
use super::sums::check_found;
use crate::answer::{FoundFormat, write_found};
use crate::request::{self, one_of};
use crate::service::auth::Role;
use crate::service::detecting;
use crate::service::routes::Routes;
use crate::service::turns::Reads;

/// What stands out.
#[derive(Debug, clap::Args)]
pub(super) struct DetectParameters {
    #[command(flatten)]
    detect: request::Detect,
    /// How detections are written: ocsf is a Detection Finding of OCSF a line
    #[arg(long, value_name = "FORMAT", default_value = "json",
        value_parser = one_of::<FoundFormat>(FoundFormat::ALL.map(FoundFormat::name)))]
    output: FoundFormat,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.described(Role::Reader, routes!(detect))
}

/// What stands out, the gravest first, without what is suppressed.
///
/// What was looked at, how many detections were suppressed and what could not be told is said in fields
/// `Earlgrey-Note`, and in the last item of JSON where not all is told.
#[utoipa::path(get, path = "/api/v1/detect", tag = "sums", responses(
    (status = 200, description = "the detections", content(
        (serde_json::Value = "application/json"), (String = "application/x-ndjson"),
        (String = "text/plain"))),
))]
async fn detect(call: Call) -> Response {
    call.answer(Reads::Everything, |answering, to| {
        let DetectParameters { detect, output } = answering.read()?;
        let (around, service) = (answering.surroundings(), &answering.service);
        let parameters = detect.parameters(&service.options.deciding, &around)?;
        to.in_format(output.name());
        // It hangs on lists and suppressions as well, so no ETag tells that it is what it was.
        let asked = answering.ask_anew(detect.question(&around)?, true)?;
        let place = (&*service.store, &*service.options.folder);
        let told = detecting::find(&detect, (&asked, &parameters), place, &around)?;
        check_found(answering, told.found.detections.len())?;
        to.count(told.found.detections.len() as u64);
        to.with_notes(&told.notes());
        let how = (output, around.zone.zone().clone());
        write_found(&told.found, &told.called, how, to)?;
        Ok(())
    })
    .await
}
