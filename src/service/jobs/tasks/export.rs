//! Exports, to files in the folder for them.

use std::fs::{self, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Given, Results, WorkError};
use crate::answer::AnswerError;
use crate::meaning::Ends;
use crate::request::{Export, Refused};
use crate::store::StoreError;
use crate::store::durable::{self, NewFile};

/// Who may read them, as far as the umask lets.
const FILE_MODE: u32 = 0o640;

/// Where the file is to be. Only its name can be said, so there is no way out of the folder.
pub(super) fn place(given: &Given<'_>, export: &Export) -> Result<PathBuf, Refused> {
    let name = &export.target()?.path;
    let mut parts = name.components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
        // A path is equal to itself with a slash behind it; a name is not.
        && name.file_name() == Some(name.as_os_str())
        && !name.as_os_str().as_encoded_bytes().starts_with(b".");
    if !is_name {
        let name = name.display();
        let problem =
            format!("{name} is no name of a file; it is written to the folder for exports");
        return Err(Refused::of("to", problem));
    }
    let place = given.tasks.exports.join(name);
    if !export.force && place.symlink_metadata().is_ok() {
        let problem =
            format!("there is a file {} already; say force to replace it", name.display());
        return Err(Refused::of("to", problem));
    }
    Ok(place)
}

pub(super) fn export(given: &Given<'_>, results: &mut Results<'_>) -> Result<String, WorkError> {
    let request: Export = given.read()?;
    let place = place(given, &request)?;
    let asked = given.ask(request.flows.question(&given.around())?, request.flows.scaled())?;
    let target = request.target()?;
    let flows = asked.question.plan(target.columns()).run(asked.snapshot())?;
    durable::create_dir(&given.tasks.exports)?;
    let mut file = NewFile::create_for(&place, FILE_MODE)?;
    let failed = |error: std::io::Error| StoreError::io(&place, "write")(error);
    let mut to = BufWriter::new(&mut file);
    let names = || given.tasks.store.names();
    let zone = given.zone.zone().clone();
    let written = target.write(flows, &mut to, zone, names, (None, Ends::default()));
    let flows = match written {
        Err(AnswerError::Output(error)) => return Err(failed(error).into()),
        written => written?,
    };
    to.flush().map_err(failed)?;
    drop(to);
    given.watch.check()?;
    let bytes = file.bytes()?;
    results.count_bytes(bytes)?;
    // Somebody may have made one meanwhile.
    if request.force {
        file.finish()?;
    } else {
        file.finish_new()?;
    }
    durable::sync_dir(&given.tasks.exports)?;
    let metadata = place.symlink_metadata()?;
    results.push(&Exported {
        file: target.path.display().to_string(),
        format: target.format().to_string(),
        flows,
        bytes,
        written: written_at(&metadata)?,
    })?;
    Ok(String::new())
}

/// What is told of an export.
#[derive(Serialize, Deserialize)]
struct Exported {
    file: String,
    format: String,
    flows: u64,
    bytes: u64,
    /// When the file was written, by which it is known from one that took its place.
    written: String,
}

fn written_at(metadata: &Metadata) -> io::Result<String> {
    let written = jiff::Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)?;
    Ok(written.to_string())
}

/// The file in `folder` that the export wrote whose first result is `told`; none where it went, or
/// another took its place.
pub(in crate::service) fn file_of(folder: &Path, told: &str) -> Option<PathBuf> {
    let told: Exported = serde_json::from_str(told).ok()?;
    let name = Path::new(&told.file);
    let path = (name.file_name() == Some(name.as_os_str())).then(|| folder.join(name))?;
    let metadata = path.symlink_metadata().ok()?;
    let is_it = metadata.is_file()
        && metadata.len() == told.bytes
        && written_at(&metadata).is_ok_and(|written| written == told.written);
    is_it.then_some(path)
}

/// Removes what exports left in `folder` that were on their way when their process ended.
pub(super) fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().ends_with(durable::TEMP_SUFFIX.as_bytes()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
