//! What a request is read in.

use std::sync::Arc;

use super::{Refused, Zone};
use crate::aggregate::Limits;
use crate::flow::UnixMillis;
use crate::meaning::{Attribute, Table};
use crate::query::filter::{Context, Files};

/// What a request leaves to whoever asks: a command's settings, or a service's.
pub struct Surroundings<'a> {
    /// The zone of times that name none, and in which days begin.
    pub zone: &'a Zone,
    /// What times such as `-2h` count from.
    pub now: UnixMillis,
    /// How much memory sums may take.
    pub limits: Limits,
    /// Where a filter's `@FILE` is read from, and what exporters call their interfaces.
    pub files: &'a dyn Files,
}

impl Surroundings<'_> {
    /// What a filter is read in.
    pub fn context(&self) -> Context<'_> {
        Context { zone: self.zone.zone().clone(), now: self.now, files: self.files }
    }

    /// All that is said of addresses.
    ///
    /// # Errors
    ///
    /// [`Refused`] if a file that says it cannot be read.
    pub fn tables(&self) -> Result<Vec<Arc<Table>>, Refused> {
        let tables = self.files.meaning().and_then(|meaning| meaning.tables());
        tables.map_err(|error| Refused::new(error.to_string()))
    }

    /// What addresses are called by `attribute`.
    ///
    /// # Errors
    ///
    /// Why that is not known.
    pub fn table(&self, attribute: Attribute) -> Result<Arc<Table>, String> {
        let table = self.files.meaning().and_then(|meaning| meaning.table(attribute));
        table.map_err(|error| error.to_string())
    }
}
