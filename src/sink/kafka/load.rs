//! Captures, and what a collector receives, straight into a topic: what takes the place of a store.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::messages::Messages;
use super::{Format, written};
use crate::flow::{DatagramId, FlowBatch, Names, Remembered, Topic, UnixMillis};
use crate::kafka::{Location, Options, Producer};
use crate::sink::Written;
use crate::store::{Expired, Load, Result, Snapshot, Store, StoreError, WriteBatch, Writer};

/// So many datagrams of a load are remembered; the flows of one that comes again later are sent again,
/// and known by their headers.
const MAX_REMEMBERED: usize = 4_000_000;

/// A topic that captures are loaded into. It is no store: it has no ledger, and nothing is asked of it.
#[derive(Clone)]
pub struct KafkaLoader {
    location: Location,
    options: Options,
    format: Format,
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<Written>>,
}

impl KafkaLoader {
    /// The topic at `location`, of messages in `format`. Nothing is reached yet. `stop` ends what waits
    /// for a broker.
    pub fn new(
        location: Location,
        options: Options,
        format: Format,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self { location, options, format, stop, written: Arc::default() }
    }

    /// What became of the messages.
    pub fn written(&self) -> Written {
        locked(&self.written).clone()
    }

    fn no_store(&self, doing: &'static str) -> StoreError {
        let detail = "a topic is no store that can be asked".to_owned();
        StoreError::refused(self.location.to_string(), doing, detail)
    }
}

fn locked(written: &Mutex<Written>) -> MutexGuard<'_, Written> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for KafkaLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}

impl Store for KafkaLoader {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        Err(self.no_store("read"))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        let stop = Arc::clone(&self.stop);
        Ok(Box::new(TopicWriter {
            producer: Producer::open(self.location.clone(), &self.options, stop)
                .map_err(StoreError::of_topic)?,
            messages: Messages::new(self.format, Names::default()),
            before: self.written(),
            written: Arc::clone(&self.written),
            seen: HashSet::new(),
            place: self.location.to_string(),
        }))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        Ok(Vec::new())
    }

    fn names(&self) -> Result<Names> {
        Ok(Names::default())
    }

    fn remembered(&self, _topic: Topic) -> Result<Remembered> {
        Ok(Remembered::default())
    }

    fn expire(&self, _before: UnixMillis, _dry_run: bool) -> Result<Expired> {
        Err(self.no_store("delete"))
    }
}

struct TopicWriter {
    producer: Producer,
    messages: Messages,
    /// What earlier writers wrote.
    before: Written,
    written: Arc<Mutex<Written>>,
    seen: HashSet<DatagramId>,
    /// The topic's name in messages.
    place: String,
}

impl TopicWriter {
    fn push(&mut self, flows: &FlowBatch) -> Result<()> {
        for (row, (flow, origin)) in flows.records().zip(&flows.origin).enumerate() {
            let extras = flows.extras.get(row);
            let pushed = self.messages.push(&mut self.producer, origin.0, &flow, extras);
            pushed.map_err(StoreError::of_topic)?;
        }
        Ok(())
    }
}

impl Writer for TopicWriter {
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
        let flushed = self.producer.flush();
        let mut all = self.before.clone();
        all.merge(&written(self.producer.sent()));
        let before = std::mem::replace(&mut *locked(&self.written), all).retries;
        let retries = locked(&self.written).retries - before;
        if retries > 0 {
            tracing::info!("{}: sent again {retries} times", self.place);
        }
        flushed.map(drop).map_err(StoreError::of_topic)
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
