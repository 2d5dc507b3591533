//! Exports, to files in the folder for them.

use std::io::{BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use super::{Given, Results, WorkError};
use crate::answer::AnswerError;
use crate::request::{Export, Refused};
use crate::store::StoreError;
use crate::store::durable::{self, NewFile};

/// Who may read them, as far as the umask lets.
const FILE_MODE: u32 = 0o640;

/// Where the file is to be. Only its name can be said, so there is no way out of the folder.
pub(super) fn place(given: &Given<'_>, export: &Export) -> Result<PathBuf, Refused> {
    let name = &export.to.path;
    let mut parts = name.components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
        && Path::new(name.file_name().unwrap_or_default()) == name
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
    let asked = given.ask(request.question(&given.around())?, request.scaled())?;
    let flows = request.lookup(&asked.question).run(asked.snapshot())?;
    durable::create_dir(&given.tasks.exports)?;
    let mut file = NewFile::create_for(&place, FILE_MODE)?;
    let failed = |error: std::io::Error| StoreError::io(&place, "write")(error);
    let mut to = BufWriter::new(&mut file);
    let names = || given.tasks.store.names();
    let written = request.write(flows, &mut to, given.zone.zone().clone(), names);
    let flows = match written {
        Err(AnswerError::Output(error)) => return Err(failed(error).into()),
        written => written?,
    };
    to.flush().map_err(failed)?;
    drop(to);
    given.watch.check()?;
    let bytes = file.bytes()?;
    // Somebody may have made one meanwhile.
    if request.force {
        file.finish()?;
    } else {
        file.finish_new()?;
    }
    durable::sync_dir(&given.tasks.exports)?;
    let (name, format) = (request.to.path.display().to_string(), request.to.format());
    results.push(&serde_json::json!({
        "file": name, "format": format, "flows": flows, "bytes": bytes,
    }))?;
    Ok(String::new())
}
