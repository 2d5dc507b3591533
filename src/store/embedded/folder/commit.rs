//! Replacing the manifest. Whoever commits takes his turn, and goes on from what the last one left:
//! so a load, and the deletion of old flows beside it, do not undo each other's work (a transaction
//! on the manifest).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file_names::{COMMIT_LOCK, Contents, manifest_path};
use super::lock::{Held, Turn};
use super::manifest::Manifest;
use super::reclaim;
use crate::store::{Result, StoreError};

/// A commit that failed.
#[derive(Debug)]
pub(crate) struct NotCommitted {
    /// Why.
    pub(crate) error: StoreError,
    /// Whether the new manifest has its name already, so that the commit may have taken place. Else
    /// the store is as it was.
    pub(crate) unsure: bool,
}

/// What is to be the next manifest. While it lives, nobody else commits.
#[derive(Debug)]
pub(crate) struct Draft {
    dir: PathBuf,
    base: Arc<Manifest>,
    /// As yet with the contents of the last one.
    pub(crate) manifest: Manifest,
    turn: Turn,
}

impl Draft {
    /// Waits for a turn, and goes on from the manifest that counts then; `known` saves reading it
    /// again where it is that one.
    ///
    /// # Errors
    ///
    /// As [`Held::open`], and [`StoreError::Io`](crate::StoreError::Io) where the folder cannot be
    /// written.
    pub(crate) fn begin(dir: &Path, known: Option<&Arc<Manifest>>) -> Result<Self> {
        let turn = Turn::wait(dir, COMMIT_LOCK)?;
        // Its files stay without its being held: only a commit can do away with them.
        let newest = Contents::of(dir)?.newest(dir)?;
        let base = match known.filter(|known| Some(known.number) == newest) {
            Some(known) => Arc::clone(known),
            None => Arc::clone(Held::open(dir, None)?.manifest()),
        };
        let manifest = Manifest { number: base.number + 1, ..Manifest::clone(&base) };
        Ok(Self { dir: dir.to_owned(), base, manifest, turn })
    }

    /// The manifest that it is made from, which counts until the commit.
    pub(crate) fn base(&self) -> &Arc<Manifest> {
        &self.base
    }

    /// Makes this the store, durably, and deletes what no reader can reach any more. The files that
    /// it names must be finished; that their names are durable is seen to here.
    ///
    /// # Errors
    ///
    /// [`NotCommitted`] with the file's name.
    pub(crate) fn commit(mut self) -> Result<Arc<Manifest>, NotCommitted> {
        self.turn.check().map_err(|error| NotCommitted { error, unsure: false })?;
        if let Err(error) = self.manifest.write(&self.dir) {
            // Asked as long as nobody else can commit, who might delete it.
            let path = manifest_path(&self.dir, self.manifest.number);
            return Err(NotCommitted { error, unsure: path.try_exists().unwrap_or(true) });
        }
        let Self { dir, manifest, .. } = &self;
        reclaim_if_possible(dir, manifest);
        Ok(Arc::new(std::mem::take(&mut self.manifest)))
    }

    /// Leaves the store as it is, and deletes what no reader can reach any more.
    pub(crate) fn give_up(self) -> Arc<Manifest> {
        reclaim_if_possible(&self.dir, &self.base);
        self.base
    }
}

fn reclaim_if_possible(dir: &Path, current: &Manifest) {
    if let Err(error) = reclaim::after_commit(dir, current) {
        // The commit stands. The next one, or the next writer, tries again.
        tracing::warn!(%error, "old files stay");
    }
}
