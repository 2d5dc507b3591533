//! What addresses mean at the time of a question: whose they are, and where.
//!
//! Nothing of it is stored. Networks come from a table of the user's own, countries, cities and
//! names of autonomous systems from databases; each becomes a [`Table`], ranges of addresses with
//! what they are called, which filters turn into sets of addresses, and keys into labels.

mod attribute;
mod database;
mod entries;
mod mmdb;
mod networks;
mod ranges;
mod sources;
mod table;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

pub use attribute::Attribute;
pub use sources::Sources;
pub use table::Table;

use networks::Networks;

/// What the files say that are configured. Tables are made when they are first asked for.
#[derive(Debug, Default)]
pub struct Meaning {
    networks: Option<Networks>,
    databases: Vec<PathBuf>,
    tables: Mutex<HashMap<Attribute, Arc<Table>>>,
}

/// Why it is not known what addresses mean.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeaningError {
    /// No file that would say it is configured.
    #[error("nothing says which {} addresses are of; {}", .0.word(), .0.hint())]
    Unknown(Attribute),
    /// None of the databases has it.
    #[error("none of the databases has the {} of addresses", .0.word())]
    Lacking(Attribute),
    /// A file cannot be read.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of a file is wrong.
    #[error("{}:{line}: {problem}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column, and what is wrong with it.
        problem: String,
    },
}

/// What is wrong with a line of a table.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: u64,
    problem: String,
}

impl Meaning {
    /// What the table of networks and the databases say, the first of them before the others.
    ///
    /// # Errors
    ///
    /// [`MeaningError`] if the table of networks cannot be read, or has a wrong line.
    pub fn read(networks: Option<&Path>, databases: &[PathBuf]) -> Result<Self, MeaningError> {
        let networks = networks.map(|file| {
            let fault = |Fault { line, problem }| MeaningError::Line {
                file: file.to_owned(),
                line,
                problem,
            };
            Networks::parse(&read(file)?).map_err(fault)
        });
        Ok(Self {
            networks: networks.transpose()?,
            databases: databases.to_vec(),
            tables: Mutex::default(),
        })
    }

    /// What addresses are called by `attribute`.
    ///
    /// # Errors
    ///
    /// [`MeaningError`] if nothing says it, or a file that would cannot be read.
    pub fn table(&self, attribute: Attribute) -> Result<Arc<Table>, MeaningError> {
        // Whoever asks at the same time waits for the one table.
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(&attribute) {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new(self.made(attribute)?);
        tables.insert(attribute, Arc::clone(&table));
        Ok(table)
    }

    /// All that is said of addresses; nothing where nothing is configured.
    ///
    /// # Errors
    ///
    /// [`MeaningError`] if a file cannot be read.
    pub fn tables(&self) -> Result<Vec<Arc<Table>>, MeaningError> {
        let known =
            Attribute::ALL.into_iter().filter_map(|attribute| match self.table(attribute) {
                Err(MeaningError::Unknown(_) | MeaningError::Lacking(_)) => None,
                table => Some(table),
            });
        known.collect()
    }

    fn made(&self, attribute: Attribute) -> Result<Table, MeaningError> {
        let unknown = || MeaningError::Unknown(attribute);
        if attribute.is_of_networks() {
            return Ok(self.networks.as_ref().ok_or_else(unknown)?.table(attribute));
        }
        if self.databases.is_empty() {
            return Err(unknown());
        }
        let mut entries = entries::Entries::default();
        for file in &self.databases {
            database::add(&mut entries, attribute, file, read(file)?)?;
        }
        if entries.is_empty() {
            return Err(MeaningError::Lacking(attribute));
        }
        Ok(entries.table(attribute))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, MeaningError> {
    fs::read(file).map_err(|source| MeaningError::File { file: file.to_owned(), source })
}
