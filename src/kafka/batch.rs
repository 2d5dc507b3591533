//! Messages that are sent together.

use std::ops::Range;

use rskafka::chrono::{DateTime, Utc};
use rskafka::record::Record;

use super::HEADER;

/// A batch has at most so many messages.
const MAX_MESSAGES: usize = 5_000;

/// Messages, as bytes in a row: what the client wants for each of them is made when it is sent, and
/// made again when it is sent again.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    messages: Vec<Parts>,
}

/// Where the parts of a message lie.
#[derive(Debug)]
struct Parts {
    key: Range<usize>,
    value_end: usize,
    id: u64,
}

impl Batch {
    /// Adds a message, whose value `write` appends.
    pub(super) fn push(&mut self, key: &[u8], id: u64, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let key = start..self.bytes.len();
        write(&mut self.bytes);
        self.messages.push(Parts { key, value_end: self.bytes.len(), id });
    }

    /// Whether it has so many bytes, or as many messages as there may be.
    pub(super) fn is_full(&self, bytes: usize) -> bool {
        self.bytes.len() >= bytes || self.messages.len() >= MAX_MESSAGES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The bytes of the messages at these places.
    pub(super) fn bytes_of(&self, places: Range<usize>) -> u64 {
        let messages = self.messages.get(places).unwrap_or_default();
        let start = messages.first().map_or(0, |first| first.key.start);
        messages.last().map_or(0, |last| (last.value_end - start) as u64)
    }

    /// The messages at these places, as of now.
    pub(super) fn records(&self, places: Range<usize>) -> Vec<Record> {
        let timestamp: DateTime<Utc> = std::time::SystemTime::now().into();
        let messages = self.messages.get(places).unwrap_or_default().iter();
        let record = |message: &Parts| Record {
            key: Some(self.bytes[message.key.clone()].to_vec()),
            value: Some(self.bytes[message.key.end..message.value_end].to_vec()),
            headers: [(HEADER.to_owned(), format!("{:016x}", message.id).into_bytes())].into(),
            timestamp,
        };
        messages.map(record).collect()
    }
}
