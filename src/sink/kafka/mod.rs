//! Flows to a topic of Kafka, a message each.
//!
//! The key of a message is the source address of the flow, as text: what a host sent is in one partition,
//! in the order in which it came. The header [`HEADER`](crate::kafka::HEADER) says whose record it is, so
//! that a message that was sent twice is known by who reads it.

mod goflow2;
mod load;
mod messages;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use load::KafkaLoader;

use super::identity::{Content, Ordinals};
use super::{Sink, SinkError, Written};
use crate::flow::{FlowBatch, Names};
use crate::kafka::{KafkaError, Location, Options, Producer, Sent};
use crate::store::StoreError;
use messages::Messages;

/// What a message holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// An object in JSON, as `query -o ndjson` prints it.
    #[default]
    Json,
    /// The message of goflow2, with its length before it.
    Protobuf,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Json, Self::Protobuf];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|format| format.name() == text);
        named.ok_or_else(|| format!("{text:?} is neither json nor protobuf"))
    }
}

impl From<KafkaError> for SinkError {
    fn from(error: KafkaError) -> Self {
        Self::Store(StoreError::of_topic(error))
    }
}

/// The sink. What is exported once more is sent once more, with the same header.
pub struct KafkaSink {
    producer: Producer,
    messages: Messages,
    ordinals: Ordinals,
    /// Room for what a flow is.
    bytes: Vec<u8>,
}

impl KafkaSink {
    /// Opens `location` for messages in `format`. They tell what exporters call their interfaces as
    /// `names` has it. `stop` ends it.
    ///
    /// # Errors
    ///
    /// [`SinkError::Store`] if it cannot be reached, or there is no such topic.
    pub fn open(
        location: Location,
        options: &Options,
        format: Format,
        names: Names,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, SinkError> {
        Ok(Self {
            producer: Producer::open(location, options, stop)?,
            messages: Messages::new(format, names),
            ordinals: Ordinals::default(),
            bytes: Vec::new(),
        })
    }
}

impl Sink for KafkaSink {
    /// Equal flows are told apart where they come among flows of their own time, as they do in key order.
    fn write(&mut self, flows: &FlowBatch) -> Result<(), SinkError> {
        for (row, flow) in flows.records().enumerate() {
            let extras = flows.extras.get(row);
            let content = Content::of(&flow, extras, &mut self.bytes);
            let id = content.number(self.ordinals.next(&content));
            self.messages.push(&mut self.producer, id, &flow, extras)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written, SinkError> {
        Ok(written(self.producer.flush()?))
    }
}

/// What became of flows that were sent.
fn written(sent: Sent) -> Written {
    let Sent { messages, bytes, retries } = sent;
    Written { flows: messages, bytes, retries, ..Written::default() }
}
