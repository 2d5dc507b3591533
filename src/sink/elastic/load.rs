//! Captures straight into an index: what takes the place of a store in a load.

use std::fmt;
use std::sync::Arc;

use super::bulk::Bulk;
use super::document::Documents;
use super::{Target, template};
use crate::flow::{FlowRecord, Names, Origin, Remembered, Topic, UnixMillis};
use crate::meaning::Ends;
use crate::sink::Written;
use crate::sink::identity::Content;
use crate::sink::load::{Account, LoadWriter, Outlet};
use crate::store::elastic::{Client, ElasticStore, Location, Options};
use crate::store::{Expired, Load, Result, Snapshot, Store, Watch, Writer};

/// An index that captures are loaded into. What is there already is told by the ids of documents, so
/// nothing is kept beside them: no ledger, and nothing of what exporters told in options.
#[derive(Clone)]
pub struct ElasticLoader {
    client: Arc<Client>,
    store: ElasticStore,
    options: Options,
    target: Target,
    account: Account,
}

impl ElasticLoader {
    /// The index at `location`, of documents as `target` says. Nothing is reached yet.
    ///
    /// # Errors
    ///
    /// As [`ElasticStore::new`].
    pub fn new(location: Location, options: Options, target: Target) -> Result<Self> {
        let client = Arc::new(Client::new(location, &options)?);
        let store = ElasticStore::of(Arc::clone(&client));
        Ok(Self { client, store, options, target, account: Account::default() })
    }

    /// What became of the documents.
    pub fn written(&self) -> Written {
        self.account.written()
    }
}

impl fmt::Display for ElasticLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl Store for ElasticLoader {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        self.store.snapshot()
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        template::ensure(&self.client, self.target)?;
        let client = Arc::clone(&self.client);
        let outlet = IndexOutlet {
            bulk: Bulk::open(client, self.target, &self.options, Watch::default())?,
            documents: Documents::new(self.target, Names::default(), Ends::default()),
            bytes: Vec::new(),
        };
        Ok(Box::new(LoadWriter::new(outlet, self.to_string(), &self.account)))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        self.store.loads()
    }

    fn names(&self) -> Result<Names> {
        self.store.names()
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        self.store.remembered(topic)
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        self.store.expire(before, dry_run)
    }
}

struct IndexOutlet {
    bulk: Bulk,
    documents: Documents,
    /// Room for what a flow is.
    bytes: Vec<u8>,
}

impl Outlet for IndexOutlet {
    fn push(&mut self, flow: &FlowRecord, extras: &[u8], origin: Origin) -> Result<()> {
        let content = Content::of(flow, extras, &mut self.bytes);
        let (documents, origin) = (&mut self.documents, Some(origin));
        self.bulk.push(content, 0, origin, |to| documents.push(to, flow, extras, origin))
    }

    fn flush(&mut self) -> Result<()> {
        self.bulk.flush().map(drop)
    }

    fn written(&self) -> Written {
        self.bulk.written()
    }
}
