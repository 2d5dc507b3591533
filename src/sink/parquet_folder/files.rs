//! The files of a folder: where they are before and after they are whole.

use std::collections::HashSet;
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::days::folder_of;
use super::list::{LIST, List};
use crate::sink::SinkError;
use crate::store::durable::{TEMP_SUFFIX, sync_dir};

/// Where files are before they are whole; others pass over what begins like this.
pub(super) const UNFINISHED: &str = "_unfinished";
/// What their names end with there, so that also who looks into every folder passes over them.
const SUFFIX: &str = ".part";

/// Whether there is nothing in `dir` that others would read.
pub(super) fn is_empty(dir: &Path) -> Result<bool, SinkError> {
    let seen = |entry: DirEntry| !entry.file_name().to_string_lossy().starts_with(['_', '.']);
    Ok(!entries(dir)?.into_iter().any(seen))
}

/// Removes what a killed run left of the list.
pub(super) fn remove_temporaries(dir: &Path) -> Result<(), SinkError> {
    for entry in entries(dir)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(LIST) && name.ends_with(TEMP_SUFFIX) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Begins the file of this name.
pub(super) fn create(dir: &Path, name: &str) -> Result<(PathBuf, File), SinkError> {
    let folder = dir.join(UNFINISHED);
    fs::create_dir_all(&folder).map_err(SinkError::io(&folder, "make the folder"))?;
    let path = folder.join(format!("{name}{SUFFIX}"));
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    file.map(|file| (path.clone(), file)).map_err(SinkError::io(&path, "create"))
}

/// Makes the folder what `list` says: files that are whole are moved to their place, others removed. A
/// day that lacks a file is to be written anew.
pub(super) fn settle(dir: &Path, list: &mut List) -> Result<(), SinkError> {
    let dates: Vec<String> = list.days.keys().cloned().collect();
    for date in dates {
        settle_day(dir, list, &date)?;
        let is_whole = list.days.get(&date).is_none_or(|entry| {
            let folder = dir.join(folder_of(&date));
            let bytes = |name: &str| fs::metadata(folder.join(name)).map(|file| file.len());
            entry.files.iter().all(|file| bytes(&file.name).is_ok_and(|bytes| bytes == file.bytes))
        });
        if let Some(entry) = list.days.get_mut(&date).filter(|_| !is_whole) {
            entry.lacking = true;
        }
    }
    remove_gone(dir, list)?;
    let unfinished = dir.join(UNFINISHED);
    for entry in entries(&unfinished)? {
        remove(&entry.path())?;
    }
    Ok(())
}

/// Moves the files of a day to their place, those that are not there yet.
pub(super) fn settle_day(dir: &Path, list: &List, date: &str) -> Result<(), SinkError> {
    let (folder, unfinished) = (dir.join(folder_of(date)), dir.join(UNFINISHED));
    let mut moved = false;
    for file in list.days.get(date).into_iter().flat_map(|entry| &entry.files) {
        let (from, to) =
            (unfinished.join(format!("{}{SUFFIX}", file.name)), folder.join(&file.name));
        if !from.exists() {
            continue;
        }
        fs::create_dir_all(&folder).map_err(SinkError::io(&folder, "make the folder"))?;
        fs::rename(&from, &to).map_err(SinkError::io(&to, "rename"))?;
        moved = true;
    }
    if moved {
        // The day's folder, and those above it, which may be new.
        for above in folder.ancestors().take_while(|above| above.starts_with(dir)) {
            sync(above)?;
        }
    }
    Ok(())
}

/// Removes what is no part of the export any more, and folders in which nothing is left.
pub(super) fn remove_gone(dir: &Path, list: &mut List) -> Result<(), SinkError> {
    let mut folders = HashSet::new();
    for path in std::mem::take(&mut list.gone) {
        let path = dir.join(path);
        remove(&path)?;
        folders.extend(path.parent().map(Path::to_owned));
    }
    for folder in folders {
        // Only those that are empty go.
        for above in folder.ancestors().take_while(|above| *above != dir) {
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Makes the names in `folder` durable.
pub(super) fn sync(folder: &Path) -> Result<(), SinkError> {
    sync_dir(folder)
        .map_err(|error| SinkError::io(folder, "make names durable in")(error.into_io()))
}

fn remove(path: &Path) -> Result<(), SinkError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(SinkError::io(path, "remove")(error))
        }
        _ => Ok(()),
    }
}

/// What is in `folder`; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<DirEntry>, SinkError> {
    match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(SinkError::io(folder, "read")),
    }
}
