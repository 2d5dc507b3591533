//! The file that an export wrote, sent as it is read.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::task::spawn_blocking;
use utoipa_axum::routes;

use super::jobs::{id_of, with_jobs};
use crate::service::Shared;
use crate::service::auth::Role;
use crate::service::jobs::{JobsError, Kind, file_of};
use crate::service::problem::Problem;
use crate::service::routes::Routes;
use crate::service::turns::Turn;

/// So much of it is read at once.
const PIECE_BYTES: usize = 256 << 10;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.described(Role::Reader, routes!(file))
}

/// The file that an export wrote.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/file", tag = "jobs",
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, description = "the file", content((Vec<u8> = "application/octet-stream"))),
        (status = 404, description = "there is no such job, or it wrote no file", body = Problem),
        (status = 410, description = "it went, or another took its place", body = Problem),
    ))]
async fn file(
    State(service): State<Shared>,
    turn: Turn,
    version: Version,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    if version < Version::HTTP_11 {
        let told = "a file is sent over HTTP/1.1, which tells where it ends";
        return Err(Problem::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, told));
    }
    let (id, exports) = (id_of(&id)?, service.options.exports());
    let found = with_jobs(&service, move |jobs| {
        let job = jobs.get(id)?;
        let first = (job.kind == Kind::Export).then(|| jobs.results(id, 0, 1)).transpose()?;
        let first = first.and_then(|first| first.into_iter().next());
        let expired = job.expired.is_some();
        Ok::<_, JobsError>((expired, first.map(|first| file_of(&exports, &first))))
    });
    let gone = || Problem::new(StatusCode::GONE, format!("the file of job {id} is gone"));
    let path = match found.await? {
        (true, _) | (_, Some(None)) => return Err(gone()),
        (_, None) => return Err(Problem::not_found(format!("job {id} wrote no file"))),
        (_, Some(Some(path))) => path,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let opened = spawn_blocking(move || File::open(path)).await;
    let opened = opened.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let mut response =
        Body::from_stream(stream::unfold(Some((opened, turn)), piece)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(disposition) = HeaderValue::from_str(&attached(&name)) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

type Left = Option<(File, Turn)>;

/// The next piece, and what is left behind it.
async fn piece(left: Left) -> Option<(io::Result<Bytes>, Left)> {
    let (mut file, turn) = left?;
    let read = spawn_blocking(move || {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        Ok((file, piece))
    });
    match read.await.map_err(io::Error::other).flatten() {
        Ok((_, piece)) if piece.is_empty() => None,
        Ok((file, piece)) => Some((Ok(piece.into()), Some((file, turn)))),
        // The client sees that it is not whole.
        Err(error) => Some((Err(error), None)),
    }
}

/// That it is to be kept under this name (RFC 6266).
fn attached(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                encoded.push(byte.into());
            }
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    format!("attachment; filename*=UTF-8''{encoded}")
}
