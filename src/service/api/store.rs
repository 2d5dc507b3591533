//! What there is beside flows: loads, exporters, names.

use axum::response::Response;
use serde::Serialize;
use std::io::Write;
use utoipa_axum::routes;

use super::sending::Sending;
use super::{Call, Failure, Reads};
use crate::request::{LoadView, whole_number};
use crate::service::auth::Role;
use crate::service::exporters;
use crate::service::routes::Routes;

/// Which loads are told.
#[derive(Debug, clap::Args)]
pub(super) struct LoadsParameters {
    /// How many, the latest first
    #[arg(long, value_name = "N", default_value = "100", value_parser = whole_number::<usize>,
        allow_negative_numbers = true)]
    limit: usize,
}

/// For what takes no parameters.
#[derive(Debug, clap::Args)]
pub(super) struct NoParameters {}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .described(Role::Reader, routes!(loads))
        .described(Role::Reader, routes!(exporters))
        .described(Role::Reader, routes!(names))
}

/// What was loaded when, from which files, with which counts: the latest first.
#[utoipa::path(get, path = "/api/v1/loads", tag = "store", responses(
    (status = 200, description = "the loads", body = Vec<serde_json::Value>),
))]
async fn loads(call: Call) -> Response {
    call.answer(Reads::Little, |answering, to| {
        let given: LoadsParameters = answering.read()?;
        let loads = answering.service.store.loads()?;
        let latest = loads.iter().rev().take(given.limit);
        let views: Vec<LoadView<'_>> =
            latest.map(|load| LoadView::new(load, None, answering.zone())).collect();
        to.count(views.len() as u64);
        write_json(&views, to)
    })
    .await
}

/// Exporters: what came from each, what of it was lost, and when the last of it came.
#[utoipa::path(get, path = "/api/v1/exporters", tag = "store", responses(
    (status = 200, description = "the exporters, by address", body = Vec<exporters::Exporter>),
))]
async fn exporters(call: Call) -> Response {
    call.answer(Reads::Everything, |answering, to| {
        let NoParameters {} = answering.read()?;
        let exporters = exporters::all(&answering.service, &answering.watch, answering.zone())?;
        to.count(exporters.len() as u64);
        write_json(&exporters, to)
    })
    .await
}

/// What exporters call their interfaces, VRFs and applications.
#[utoipa::path(get, path = "/api/v1/names", tag = "store", responses(
    (status = 200, description = "the names, by exporter and id", body = serde_json::Value),
))]
async fn names(call: Call) -> Response {
    call.answer(Reads::Little, |answering, to| {
        let NoParameters {} = answering.read()?;
        let names = answering.service.store.names()?;
        write_json(&names, to)
    })
    .await
}

pub(super) fn write_json(value: &impl Serialize, to: &mut Sending) -> Result<(), Failure> {
    serde_json::to_writer(&mut *to, value).map_err(std::io::Error::from)?;
    Ok(writeln!(to)?)
}
