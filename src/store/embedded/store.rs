//! The embedded store as a place that is read: its snapshots, and what is known of it already.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::folder::lock::Held;
use super::folder::manifest::{Manifest, Run, RunFile as FileEntry};
use super::folder::run_columns::RunColumns;
use super::run::file::RunFile;
use super::run::schema::Shape;
use super::run::writer::WrittenFile;
use super::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::flow::Family;
use crate::store::Result;

/// A store in a folder of its own. Cheap to make: nothing is read before it is needed.
#[derive(Debug, Clone)]
pub struct EmbeddedStore {
    dir: PathBuf,
    known: Arc<Mutex<Known>>,
}

/// What was read before, kept as long as it is good.
#[derive(Debug, Default)]
struct Known {
    manifest: Option<Arc<Manifest>>,
    files: HashMap<String, Arc<RunFile>>,
}

impl EmbeddedStore {
    /// The store in `dir`; there need not be one yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), known: Arc::default() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn open(&self) -> Result<EmbeddedSnapshot> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let held = Held::open(&self.dir, known.manifest.as_ref())?;
        known.manifest = Some(Arc::clone(held.manifest()));
        let mut before = std::mem::take(&mut known.files);
        let mut runs = Vec::with_capacity(held.manifest().runs.len());
        for entry in &held.manifest().runs {
            let open = |file: &FileEntry, columns: &RunColumns| {
                let open = || open_file(&self.dir, entry.family, file, columns);
                let opened = before.remove(&file.name).unwrap_or_else(open);
                known.files.insert(file.name.clone(), Arc::clone(&opened));
                opened
            };
            runs.push(open_files(entry.clone(), open));
        }
        Ok(EmbeddedSnapshot::new(&self.dir, held, runs))
    }
}

/// The run `entry`, whose files are in `dir`.
pub(super) fn open_run(dir: &Path, entry: Run) -> OpenRun {
    let family = entry.family;
    open_files(entry, |file, columns| open_file(dir, family, file, columns))
}

fn open_files(
    entry: Run,
    mut open: impl FnMut(&FileEntry, &RunColumns) -> Arc<RunFile>,
) -> OpenRun {
    let files = entry.files.iter().map(|file| open(file, &entry.columns)).collect();
    let sums = entry.sums.iter().flatten().map(|sums| open(&sums.file, &sums.columns)).collect();
    OpenRun { entry, files, sums }
}

fn open_file(dir: &Path, family: Family, file: &FileEntry, columns: &RunColumns) -> Arc<RunFile> {
    let written = WrittenFile {
        bytes: file.bytes,
        tail_offset: file.tail_offset,
        tail_hash: file.tail_hash.0,
    };
    let shape = Shape::new(family, columns);
    Arc::new(RunFile::new(dir.join(&file.name), file.order, shape, written))
}

impl fmt::Display for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dir.display().fmt(f)
    }
}
