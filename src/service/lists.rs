//! Files that filters may name: watch lists in a folder of the service's, by their names.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::places::allowed;
use crate::flow::Names;
use crate::meaning::{Meaning, MeaningError, Sources};
use crate::query::filter::Files;
use crate::store::Store;

/// The watch lists of a service, and the names that its store has.
#[derive(Clone)]
pub(super) struct Lists {
    pub(super) store: Arc<dyn Store>,
    /// The folder that they are in.
    pub(super) folder: PathBuf,
    /// What says what addresses mean.
    pub(super) meaning: Arc<Sources>,
}

impl Files for Lists {
    fn read(&self, name: &str, most_bytes: u64) -> io::Result<Vec<u8>> {
        // Whether a file is there that must not be read, nobody is told.
        let missing =
            || io::Error::new(io::ErrorKind::NotFound, "there is no such watch list here");
        let folders = [self.folder.clone()];
        let place = allowed(&self.folder.join(name), &folders).map_err(|_| missing())?;
        if fs::metadata(&place)?.len() > most_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read(place)
    }

    fn names(&self) -> io::Result<Names> {
        self.store.names().map_err(io::Error::other)
    }

    fn meaning(&self) -> Result<Arc<Meaning>, MeaningError> {
        self.meaning.now()
    }
}
