//! Captures, and what a collector receives, straight into a topic: what takes the place of a store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::messages::Messages;
use super::{Format, written};
use crate::flow::{FlowRecord, Names, Origin, Remembered, Topic, UnixMillis};
use crate::kafka::{Location, Options, Producer};
use crate::sink::Written;
use crate::sink::load::{Account, LoadWriter, Outlet};
use crate::store::{Expired, Load, Result, Snapshot, Store, StoreError, Writer};

/// A topic that captures are loaded into. It is no store: it has no ledger, and nothing is asked of it.
#[derive(Clone)]
pub struct KafkaLoader {
    location: Location,
    options: Options,
    format: Format,
    stop: Arc<AtomicBool>,
    account: Account,
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
        Self { location, options, format, stop, account: Account::default() }
    }

    /// What became of the messages.
    pub fn written(&self) -> Written {
        self.account.written()
    }

    fn no_store(&self, doing: &'static str) -> StoreError {
        let detail = "a topic is no store that can be asked".to_owned();
        StoreError::refused(self.location.to_string(), doing, detail)
    }
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
        let producer = Producer::open(self.location.clone(), &self.options, stop)
            .map_err(StoreError::of_topic)?;
        let messages = Messages::new(self.format, Names::default());
        let outlet = TopicOutlet { producer, messages };
        Ok(Box::new(LoadWriter::new(outlet, self.to_string(), &self.account)))
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

struct TopicOutlet {
    producer: Producer,
    messages: Messages,
}

impl Outlet for TopicOutlet {
    fn push(&mut self, flow: &FlowRecord, extras: &[u8], origin: Origin) -> Result<()> {
        let pushed = self.messages.push(&mut self.producer, origin.0, flow, extras);
        pushed.map_err(StoreError::of_topic)
    }

    fn flush(&mut self) -> Result<()> {
        self.producer.flush().map(drop).map_err(StoreError::of_topic)
    }

    fn written(&self) -> Written {
        written(self.producer.sent())
    }
}
