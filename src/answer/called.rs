//! What the addresses of detections are called: by the tables of hosts and of networks, and by the
//! autonomous system that a database tells.

use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::UnixMillis;
use crate::meaning::{Attribute, Meaning, MeaningError, Table};

/// What says it, as far as anything does.
#[derive(Debug, Default)]
pub struct Called(Vec<Arc<Table>>);

impl Called {
    /// By what `meaning` knows.
    ///
    /// # Errors
    ///
    /// [`MeaningError`] if a file that says it cannot be read.
    pub fn by(meaning: &Meaning) -> Result<Self, MeaningError> {
        let mut tables = Vec::new();
        for attribute in [Attribute::Host, Attribute::Network, Attribute::AsName] {
            match meaning.table(attribute) {
                Err(MeaningError::Unknown(_) | MeaningError::Lacking(_)) => {}
                table => tables.push(table?),
            }
        }
        Ok(Self(tables))
    }

    /// What `address` was called then: its name, its network, its system; None where nothing says it.
    pub(super) fn of(&self, address: IpAddr, time: UnixMillis) -> Option<String> {
        let said = self.0.iter().map(|table| table.of(address, time));
        let said: Vec<&str> = said.filter(|text| !text.is_empty()).collect();
        (!said.is_empty()).then(|| said.join(", "))
    }
}
