//! The table of hosts: what single addresses are called.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::entries::Entries;
use super::lines::each_line;
use super::table::Table;
use super::{Attribute, Fault};
use crate::flow::canonical;
use crate::row::AddressRange;

/// Names by addresses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts(BTreeMap<IpAddr, Arc<str>>);

impl Hosts {
    /// Reads the table, CSV with a line of names.
    ///
    /// # Errors
    ///
    /// The first line that is wrong, and its column.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let mut hosts = BTreeMap::new();
        each_line(text, ["address", "name"], |_, [address, name]| {
            let host = address.parse().map(canonical);
            let host = host.map_err(|_| format!("column address: {address:?} is no address"))?;
            if name.is_empty() {
                return Err(format!("column name: {address} has none"));
            }
            match hosts.insert(host, name.into()) {
                Some(_) => Err(format!("column address: {address} is there twice")),
                None => Ok(()),
            }
        })?;
        Ok(Self(hosts))
    }

    /// What `address` is called.
    pub(super) fn name(&self, address: IpAddr) -> Option<&Arc<str>> {
        self.0.get(&address)
    }

    /// Addresses with their names.
    pub(super) fn table(&self) -> Table {
        let mut entries = Entries::default();
        let named =
            |(&host, name): (&IpAddr, &Arc<str>)| (AddressRange::from(host), entries.label(name));
        let found = self.0.iter().map(named).collect();
        entries.fill(found);
        entries.table(Attribute::Host)
    }
}
