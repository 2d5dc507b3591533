//! The files that say what addresses mean, read again when they change.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use std::{fmt, fs};

use super::{Meaning, MeaningError};

/// Which files say what addresses mean. Nothing is read where none is named.
#[derive(Debug, Default)]
pub struct Sources {
    networks: Option<PathBuf>,
    databases: Vec<PathBuf>,
    read: Mutex<Option<(Stamps, Arc<Meaning>)>>,
}

/// When each of the files was written last, and how long it is.
type Stamps = Vec<Option<(SystemTime, u64)>>;

impl Sources {
    /// The table of networks, and the databases, of which the first that says something holds.
    pub fn new(networks: Option<PathBuf>, databases: Vec<PathBuf>) -> Self {
        Self { networks, databases, read: Mutex::default() }
    }

    /// What the files say as they are now.
    ///
    /// # Errors
    ///
    /// As [`Meaning::read`].
    pub fn now(&self) -> Result<Arc<Meaning>, MeaningError> {
        let stamps = self.stamps();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, meaning)) = &*read
            && *of == stamps
        {
            return Ok(Arc::clone(meaning));
        }
        let meaning = Arc::new(Meaning::read(self.networks.as_deref(), &self.databases)?);
        *read = Some((stamps, Arc::clone(&meaning)));
        Ok(meaning)
    }

    /// What tells the files as they are now from what they were.
    pub fn state(&self) -> impl fmt::Debug + use<> {
        self.stamps()
    }

    fn stamps(&self) -> Stamps {
        let stamp = |file: &PathBuf| {
            let metadata = fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        self.networks.iter().chain(&self.databases).map(stamp).collect()
    }
}
