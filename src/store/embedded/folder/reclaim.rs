//! Deleting what no reader can reach any more (garbage collection).

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::path::Path;

use super::file_names::{Contents, manifest_path};
use super::lock::Unheld;
use super::manifest::Manifest;
use crate::store::durable;
use crate::store::{Result, StoreError};

/// Deletes the manifests before `current` that nobody holds, and the files that only they name.
///
/// # Errors
///
/// [`StoreError::Io`] if a file cannot be deleted; the rest is left for the next time.
pub(crate) fn after_commit(dir: &Path, current: &Manifest) -> Result<()> {
    let contents = Contents::of(dir)?;
    let mut older = Older::look(dir, &contents, current)?;
    older.delete(dir)?;
    let living = older.living(current);
    for name in older.dead_files.iter().filter(|name| !living.contains(name.as_str())) {
        durable::remove(&dir.join(name))?;
    }
    Ok(())
}

/// As [`after_commit`], and deletes what earlier writers left: files that they did not finish, and
/// those that no manifest names. No writer may be at work.
///
/// # Errors
///
/// As [`after_commit`].
pub(crate) fn at_start(dir: &Path, current: &Manifest) -> Result<()> {
    let contents = Contents::of(dir)?;
    let mut older = Older::look(dir, &contents, current)?;
    older.delete(dir)?;
    for name in &contents.unfinished {
        durable::remove(&dir.join(name))?;
    }
    if older.unknown_held {
        return Ok(());
    }
    let living = older.living(current);
    for name in contents.data.iter().filter(|name| !living.contains(name.as_str())) {
        durable::remove(&dir.join(name))?;
    }
    Ok(())
}

/// The manifests before the current one.
#[derive(Default)]
struct Older {
    /// Those that nobody holds.
    dead: Vec<Unheld>,
    /// The files that they name.
    dead_files: BTreeSet<String>,
    /// The files that those name which a reader holds.
    held_files: BTreeSet<String>,
    /// Whether one is held that cannot be read here: then any file may be in use.
    unknown_held: bool,
}

impl Older {
    fn look(dir: &Path, contents: &Contents, current: &Manifest) -> Result<Self> {
        let mut older = Self::default();
        for &number in contents.manifests.iter().filter(|&&number| number < current.number) {
            let unheld = Unheld::lock(dir, number)?;
            let names = match read(dir, number) {
                Ok(manifest) => manifest.file_names().map(str::to_owned).collect(),
                Err(StoreError::Damaged { .. }) => {
                    older.unknown_held |= unheld.is_none();
                    Vec::new()
                }
                Err(error) => return Err(error),
            };
            match unheld {
                Some(unheld) => {
                    older.dead.push(unheld);
                    older.dead_files.extend(names);
                }
                None => older.held_files.extend(names),
            }
        }
        if older.unknown_held {
            older.dead_files.clear();
        }
        Ok(older)
    }

    /// Deletes the dead manifests. They go before the files that they name, so that no reader ever
    /// opens one whose files are gone; files that a crash leaves behind go when the next writer
    /// starts.
    fn delete(&mut self, dir: &Path) -> Result<()> {
        if self.dead.is_empty() {
            return Ok(());
        }
        for unheld in self.dead.drain(..) {
            unheld.delete()?;
        }
        durable::sync_dir(dir)
    }

    fn living<'a>(&'a self, current: &'a Manifest) -> HashSet<&'a str> {
        current.file_names().chain(self.held_files.iter().map(String::as_str)).collect()
    }
}

fn read(dir: &Path, number: u64) -> Result<std::sync::Arc<Manifest>> {
    let path = manifest_path(dir, number);
    let file = File::open(&path).map_err(StoreError::io(&path, "open"))?;
    Manifest::read(&path, &file, number, None)
}
