//! What single addresses are called. Of a database only what is asked for is read: for the addresses
//! of a few flows it becomes no table.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::mmdb::Database;
use super::{Attribute, MeaningError, Table};
use crate::flow::UnixMillis;

/// So many records of databases are kept in words.
const MAX_RECORDS: usize = 1 << 16;

/// What single addresses are called by one attribute.
#[derive(Debug)]
pub struct Said {
    /// What it is that it tells.
    pub attribute: Attribute,
    by: By,
}

#[derive(Debug)]
enum By {
    Table(Arc<Table>),
    Databases(Databases),
}

/// Databases, of which the first that says something holds.
#[derive(Debug)]
struct Databases {
    all: Vec<Arc<Database>>,
    /// Records by the database and the place that they are in: many addresses share one.
    records: HashMap<(usize, usize), Arc<str>>,
    /// The last address, and what it is called: flows of one mostly follow each other.
    last: Option<IpAddr>,
    text: Arc<str>,
    /// What could not be read.
    fault: Option<MeaningError>,
}

impl Said {
    pub(super) fn of_table(table: Arc<Table>) -> Self {
        Self { attribute: table.attribute, by: By::Table(table) }
    }

    pub(super) fn of_databases(attribute: Attribute, all: Vec<Arc<Database>>) -> Self {
        let (records, text) = (HashMap::new(), Arc::from(""));
        let by = By::Databases(Databases { all, records, last: None, text, fault: None });
        Self { attribute, by }
    }

    /// What `address` is called of a flow that began at `first`; empty where nothing says it.
    pub fn of(&mut self, address: IpAddr, first: UnixMillis) -> &str {
        match &mut self.by {
            By::Table(table) => table.of(address, first),
            By::Databases(databases) => databases.of(self.attribute, address),
        }
    }

    pub(super) fn fault(&mut self) -> Option<MeaningError> {
        match &mut self.by {
            By::Table(_) => None,
            By::Databases(databases) => databases.fault.take(),
        }
    }
}

impl Databases {
    fn of(&mut self, attribute: Attribute, address: IpAddr) -> &str {
        if self.last != Some(address) {
            self.text = self.find(attribute, address);
            self.last = Some(address);
        }
        &self.text
    }

    fn find(&mut self, attribute: Attribute, address: IpAddr) -> Arc<str> {
        if self.records.len() >= MAX_RECORDS {
            self.records.clear();
        }
        for (place, database) in self.all.iter().enumerate() {
            let found = database.find(address).and_then(|found| {
                let Some((record, at)) = found else { return Ok(Arc::default()) };
                if let Some(known) = self.records.get(&(place, at)) {
                    return Ok(Arc::clone(known));
                }
                let text = record.said(attribute)?.into();
                self.records.insert((place, at), Arc::clone(&text));
                Ok(text)
            });
            match found {
                Ok(text) if !text.is_empty() => return text,
                Ok(_) => {}
                Err(error) => self.fault = Some(database.damaged(error)),
            }
        }
        Arc::from("")
    }
}
