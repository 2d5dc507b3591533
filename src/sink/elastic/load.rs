//! Captures straight into an index: what takes the place of a store in a load.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bulk::Bulk;
use super::document::Documents;
use super::{Target, template};
use crate::flow::{DatagramId, FlowBatch, Names, Remembered, Topic, UnixMillis};
use crate::sink::Written;
use crate::sink::identity::Content;
use crate::store::elastic::{Client, ElasticStore, Location, Options};
use crate::store::{Expired, Load, Result, Snapshot, Store, Watch, WriteBatch, Writer};

/// So many datagrams of a load are remembered; one that comes again later is told by its documents.
const MAX_REMEMBERED: usize = 4_000_000;

/// An index that captures are loaded into. What is there already is told by the ids of documents, so
/// nothing is kept beside them: no ledger, and nothing of what exporters told in options.
#[derive(Clone)]
pub struct ElasticLoader {
    client: Arc<Client>,
    store: ElasticStore,
    options: Options,
    target: Target,
    written: Arc<Mutex<Written>>,
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
        Ok(Self { client, store, options, target, written: Arc::default() })
    }

    /// What became of the documents.
    pub fn written(&self) -> Written {
        locked(&self.written).clone()
    }
}

fn locked(written: &Mutex<Written>) -> MutexGuard<'_, Written> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
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
        Ok(Box::new(LoadWriter {
            bulk: Bulk::open(client, self.target, &self.options, Watch::default())?,
            documents: Documents::new(self.target, Names::default()),
            before: self.written(),
            written: Arc::clone(&self.written),
            seen: HashSet::new(),
            bytes: Vec::new(),
        }))
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

struct LoadWriter {
    bulk: Bulk,
    documents: Documents,
    /// What earlier writers wrote.
    before: Written,
    written: Arc<Mutex<Written>>,
    seen: HashSet<DatagramId>,
    bytes: Vec<u8>,
}

impl LoadWriter {
    fn push(&mut self, flows: &FlowBatch) -> Result<()> {
        for (row, (flow, &origin)) in flows.records().zip(&flows.origin).enumerate() {
            let extras = flows.extras.get(row);
            let content = Content::of(&flow, extras, &mut self.bytes);
            let (documents, origin) = (&mut self.documents, Some(origin));
            self.bulk.push(content, 0, origin, |to| documents.push(to, &flow, extras, origin))?;
        }
        Ok(())
    }

    /// Tells what became of the documents up to now.
    fn tell(&self) {
        let mut written = self.before.clone();
        written.merge(&self.bulk.written());
        *locked(&self.written) = written;
    }
}

impl Writer for LoadWriter {
    fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        if self.seen.len() >= MAX_REMEMBERED {
            self.seen.clear();
        }
        Ok(self.seen.insert(datagram))
    }

    fn write(&mut self, mut batch: WriteBatch) -> Result<WriteBatch> {
        for flows in [&batch.v4, &batch.v6] {
            self.push(flows)?;
        }
        batch.clear();
        Ok(batch)
    }

    fn commit(&mut self) -> Result<()> {
        let flushed = self.bulk.flush();
        self.tell();
        flushed.map(drop)
    }

    fn record(&mut self, _load: &Load) -> Result<()> {
        Ok(())
    }

    fn name(&mut self, _names: &Names) -> Result<()> {
        Ok(())
    }

    fn remember(&mut self, _topic: Topic, _memos: &Remembered) -> Result<()> {
        Ok(())
    }
}
