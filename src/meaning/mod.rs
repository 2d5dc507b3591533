//! What addresses mean at the time of a question: whose they are, and where.
//!
//! Nothing of it is stored. Networks and hosts come from tables of the user's own, countries, cities
//! and names of autonomous systems from databases; each becomes a [`Table`], ranges of addresses
//! with what they are called, which filters turn into sets of addresses, and keys into labels. What
//! exporters and their interfaces are called is in a table of its own.

mod asns;
mod attribute;
mod database;
mod ends;
mod entries;
mod exporters;
mod hosts;
mod lines;
mod mmdb;
mod networks;
mod ranges;
mod said;
mod sources;
mod table;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{fs, io};

pub use asns::{AsNumbers, Asns};
pub use attribute::Attribute;
pub use ends::Ends;
pub use exporters::{Exporters, Link};
pub use said::Said;
pub use sources::{Configured, Sources};
pub use table::Table;

use ends::SaidAsns;
use hosts::Hosts;
use mmdb::Database;
use networks::Networks;

/// What the files say that are configured. Tables are made when they are first asked for.
#[derive(Debug, Default)]
pub struct Meaning {
    networks: Option<Networks>,
    hosts: Option<Hosts>,
    exporters: Option<Exporters>,
    databases: Vec<PathBuf>,
    as_numbers: Option<AsNumbers>,
    tables: Mutex<HashMap<Attribute, Arc<Table>>>,
    /// The databases themselves, for questions about single addresses; nothing in it where one of
    /// them is ranges, which must become a table in any case.
    opened: OnceLock<Option<Vec<Arc<Database>>>>,
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

impl MeaningError {
    /// The file that cannot be read, or has a wrong line.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File { file, .. } | Self::Line { file, .. } => Some(file),
            Self::Unknown(_) | Self::Lacking(_) => None,
        }
    }
}

/// What is wrong with a line of a table.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: u64,
    problem: String,
}

impl Meaning {
    /// What the files say, of databases the first before the others.
    ///
    /// # Errors
    ///
    /// [`MeaningError`] if a table of the user's own cannot be read, or has a wrong line.
    pub fn read(files: &Configured) -> Result<Self, MeaningError> {
        Ok(Self {
            networks: parsed(files.networks.as_deref(), Networks::parse)?,
            hosts: parsed(files.hosts.as_deref(), Hosts::parse)?,
            exporters: parsed(files.exporters.as_deref(), Exporters::parse)?,
            databases: files.databases.clone(),
            as_numbers: files.as_numbers,
            tables: Mutex::default(),
            opened: OnceLock::new(),
        })
    }

    /// What exporters and their interfaces are called, if a table says it.
    pub fn exporters(&self) -> Option<&Exporters> {
        self.exporters.as_ref()
    }

    /// What a host is called; nothing where no table says it.
    pub fn host(&self, address: IpAddr) -> Option<&Arc<str>> {
        self.hosts.as_ref()?.name(address)
    }

    /// Whether a table says what hosts are called.
    pub fn names_hosts(&self) -> bool {
        self.hosts.is_some()
    }

    /// The table of `attribute`, if it is made already.
    fn known(&self, attribute: Attribute) -> Option<Arc<Table>> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.get(&attribute).cloned()
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

    /// Whether something is configured that may say `attribute` of addresses.
    pub fn may_say(&self, attribute: Attribute) -> bool {
        match attribute {
            Attribute::Host => self.hosts.is_some(),
            of_networks if of_networks.is_of_networks() => self.networks.is_some(),
            _ => !self.databases.is_empty(),
        }
    }

    /// What single addresses are called by `attribute`. None where nothing is configured that may
    /// say it.
    ///
    /// # Errors
    ///
    /// [`MeaningError`] if a file cannot be read.
    pub fn said(&self, attribute: Attribute) -> Result<Option<Said>, MeaningError> {
        let known = self.known(attribute);
        if known.is_none()
            && attribute.is_of_databases()
            && let Some(databases) = self.opened()?
        {
            let some = !databases.is_empty();
            return Ok(some.then(|| Said::of_databases(attribute, databases.to_vec())));
        }
        match known.map_or_else(|| self.table(attribute), Ok) {
            Ok(table) => Ok(Some(Said::of_table(table))),
            Err(MeaningError::Unknown(_)) => Ok(None),
            // Of other files it would not be known before they are looked through.
            Err(MeaningError::Lacking(_)) => Ok(Some(Said::of_databases(attribute, Vec::new()))),
            Err(error) => Err(error),
        }
    }

    /// What single flows are told with: what their ends are called by `attributes`, and numbers of
    /// autonomous systems where these are asked for.
    ///
    /// # Errors
    ///
    /// As [`Self::said`].
    pub fn ends(&self, attributes: &[Attribute], asns: bool) -> Result<Ends, MeaningError> {
        let said = attributes.iter().filter_map(|&attribute| self.said(attribute).transpose());
        let asns = if asns { self.said_asns()? } else { None };
        Ok(Ends { said: said.collect::<Result<_, _>>()?, asns })
    }

    /// The numbers of autonomous systems that databases have, where these are to count. Where nobody
    /// said so they do if there are any, after those of exporters.
    ///
    /// # Errors
    ///
    /// [`MeaningError`] if they are to count, and there are none or they cannot be read.
    pub fn asns(&self) -> Result<Option<Arc<Asns>>, MeaningError> {
        let exported_first = match self.as_numbers {
            Some(AsNumbers::Exported) => return Ok(None),
            None if self.databases.is_empty() => return Ok(None),
            Some(AsNumbers::Database) => false,
            Some(AsNumbers::Either) | None => true,
        };
        match self.table(Attribute::Asn) {
            Ok(table) => Ok(Some(Arc::new(Asns::new(table, exported_first)))),
            Err(MeaningError::Lacking(_)) if self.as_numbers.is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`Self::asns`], for single flows.
    fn said_asns(&self) -> Result<Option<SaidAsns>, MeaningError> {
        if self.as_numbers == Some(AsNumbers::Exported) {
            return Ok(None);
        }
        let exported_first = self.as_numbers != Some(AsNumbers::Database);
        let said = self.said(Attribute::Asn)?;
        if said.is_none() && self.as_numbers.is_some() {
            // Who asks for what databases have is told that there is none, as by keys.
            self.table(Attribute::Asn)?;
        }
        Ok(said.map(|said| SaidAsns { said, exported_first }))
    }

    fn opened(&self) -> Result<Option<&[Arc<Database>]>, MeaningError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened.as_deref());
        }
        let open = |file: &PathBuf| {
            let bytes = read(file)?;
            let is_one = mmdb::is_one(&bytes);
            is_one.then(|| Database::open(file, bytes).map(Arc::new)).transpose()
        };
        let opened = self.databases.iter().map(open).collect::<Result<Option<Vec<_>>, _>>()?;
        Ok(self.opened.get_or_init(|| opened).as_deref())
    }

    fn made(&self, attribute: Attribute) -> Result<Table, MeaningError> {
        let unknown = || MeaningError::Unknown(attribute);
        if attribute.is_of_networks() {
            return Ok(self.networks.as_ref().ok_or_else(unknown)?.table(attribute));
        }
        if attribute == Attribute::Host {
            return Ok(self.hosts.as_ref().ok_or_else(unknown)?.table());
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

/// What `parse` makes of a file, if there is one.
fn parsed<T>(
    file: Option<&Path>,
    parse: fn(&[u8]) -> Result<T, Fault>,
) -> Result<Option<T>, MeaningError> {
    let Some(file) = file else { return Ok(None) };
    let fault =
        |Fault { line, problem }| MeaningError::Line { file: file.to_owned(), line, problem };
    parse(&read(file)?).map(Some).map_err(fault)
}

fn read(file: &Path) -> Result<Vec<u8>, MeaningError> {
    fs::read(file).map_err(|source| MeaningError::File { file: file.to_owned(), source })
}
