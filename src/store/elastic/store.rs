//! The store behind the trait, for who reads.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::client::{Body, Client};
use super::snapshot::ElasticSnapshot;
use super::{LAYOUT, Location, Options};
use crate::flow::{Names, Remembered, Topic, UnixMillis};
use crate::store::{Expired, Load, Result, Snapshot, Store, StoreError, Watch, Writer};

/// Flows in an index of Elasticsearch or OpenSearch, to be read.
#[derive(Debug, Clone)]
pub struct ElasticStore(Arc<Client>);

impl ElasticStore {
    /// The flows at `location`. Nothing is reached yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] and [`StoreError::Damaged`] if the file of certificates is none.
    pub fn new(location: Location, options: &Options) -> Result<Self> {
        Ok(Self(Arc::new(Client::new(location, options)?)))
    }

    /// The store that `client` reaches.
    pub(crate) fn of(client: Arc<Client>) -> Self {
        Self(client)
    }

    fn only_read(&self, doing: &'static str, instead: &str) -> StoreError {
        self.0.refuse(doing, format!("flows in Elasticsearch are only read here; {instead}"))
    }

    /// Sees whether all that the location names is an index of flows, as they are read here.
    fn check(&self) -> Result<()> {
        let (client, place) = (&self.0, self.0.place());
        let path = format!("/{}/_mapping", client.location.index);
        let reply = client.call("read the mapping", &path, Body::Get, &Watch::default())?;
        if reply.status == 404 {
            return Err(StoreError::Missing { place });
        }
        if !reply.is_ok() {
            return Err(client.refused("read the mapping", &reply));
        }
        let mappings: Value = client.read("read the mapping", &reply)?;
        let mappings = mappings.as_object().filter(|mappings| !mappings.is_empty());
        for (index, mapping) in mappings.ok_or(StoreError::Missing { place: place.clone() })? {
            let mapping = &mapping["mappings"];
            let typed = &mapping["_doc"]["_meta"];
            let meta = if typed.is_null() { &mapping["_meta"] } else { typed };
            let found = match (meta["earlgrey"].as_u64(), meta["schema"].as_str()) {
                (None, _) => format!("the index {index} is none that flows were exported to"),
                (Some(layout), _) if layout > LAYOUT => {
                    let found = u32::try_from(layout).unwrap_or(u32::MAX);
                    return Err(StoreError::Newer { place, found, known: 1 });
                }
                (Some(_), Some("earlgrey")) => continue,
                (Some(_), schema) => format!(
                    "the documents of the index {index} are by the schema {}, which others read",
                    schema.unwrap_or("of somebody else")
                ),
            };
            return Err(StoreError::NotAStore { place, found });
        }
        Ok(())
    }
}

impl fmt::Display for ElasticStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.location.fmt(f)
    }
}

impl Store for ElasticStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        let server = self.0.server(&Watch::default())?;
        self.check()?;
        Ok(Box::new(ElasticSnapshot::take(Arc::clone(&self.0), server)?))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        Err(self.only_read("write", "load captures there with `load --to`"))
    }

    /// Nobody keeps a ledger there.
    fn loads(&self) -> Result<Vec<Load>> {
        Ok(Vec::new())
    }

    /// Documents have the names beside the numbers, where they were known; nobody keeps a list.
    fn names(&self) -> Result<Names> {
        Ok(Names::default())
    }

    fn remembered(&self, _topic: Topic) -> Result<Remembered> {
        Ok(Remembered::default())
    }

    fn expire(&self, _before: UnixMillis, _dry_run: bool) -> Result<Expired> {
        Err(self.only_read("expire", "delete old indexes there, of which there may be one a day"))
    }
}
