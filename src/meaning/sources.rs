//! The files that say what addresses mean, read again when they change.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use std::{fmt, fs};

use super::{AsNumbers, Meaning, MeaningError};

/// The files that say what addresses mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configured {
    /// The table of networks.
    pub networks: Option<PathBuf>,
    /// The table of hosts.
    pub hosts: Option<PathBuf>,
    /// The table of exporters and their interfaces.
    pub exporters: Option<PathBuf>,
    /// Databases, of which the first that says something holds.
    pub databases: Vec<PathBuf>,
    /// Where numbers of autonomous systems come from, if somebody said.
    pub as_numbers: Option<AsNumbers>,
}

/// What these files say. Nothing is read where none is named.
#[derive(Debug, Default)]
pub struct Sources {
    files: Configured,
    read: Mutex<Option<(Stamps, Arc<Meaning>)>>,
}

/// When each of the files was written last, and how long it is.
type Stamps = Vec<Option<(SystemTime, u64)>>;

impl Sources {
    /// What `files` say.
    pub fn new(files: Configured) -> Self {
        Self { files, read: Mutex::default() }
    }

    /// Whether a table of exporters is named.
    pub fn names_exporters(&self) -> bool {
        self.files.exporters.is_some()
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
        let meaning = Arc::new(Meaning::read(&self.files)?);
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
        let Configured { networks, hosts, exporters, databases, .. } = &self.files;
        let tables = networks.iter().chain(hosts).chain(exporters);
        tables.chain(databases).map(stamp).collect()
    }
}
