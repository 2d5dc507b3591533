//! Messages of a queue: an object in JSON as `query -o ndjson` prints one, or several of these, a line
//! each; and what goflow2 writes, in protobuf. Which of them one is, is told by how it begins.

pub(crate) mod goflow2;
mod json;
pub(crate) mod wire;

use super::draft::Draft;
use super::text::{Wrong, wrong};
use crate::flow::{Source, saturated_u32};
use crate::netflow::DataRecord;

/// So many flows are in a message at most: as many as records in a datagram.
const MAX_FLOWS: usize = 65_536;

/// Reads messages, one after the other.
#[derive(Default)]
pub(crate) struct Messages {
    draft: Draft,
    /// The flows of the last message.
    records: Vec<(DataRecord, Source)>,
    /// What these have beyond the common fields.
    extras: Vec<u8>,
    /// What it says and nobody knows.
    unknown: Vec<String>,
}

impl Messages {
    /// Reads a message, whose flows are there until the next one is read.
    ///
    /// # Errors
    ///
    /// [`Wrong`] if it is none; none of its flows is kept.
    pub(crate) fn read(&mut self, value: &[u8]) -> Result<(), Wrong> {
        self.records.clear();
        self.extras.clear();
        self.unknown.clear();
        let read = if json::is_told_by(value) {
            json::each(value, |line| {
                self.draft.clear();
                json::take(line, &mut self.draft, &mut self.unknown)?;
                self.keep()
            })
        } else {
            goflow2::each(value, |message| {
                self.draft.clear();
                goflow2::take(message, &mut self.draft)?;
                self.keep()
            })
        };
        match read {
            Ok(()) if self.records.is_empty() => Err(wrong("empty message", "it holds nothing")),
            Err(error) => {
                self.records.clear();
                Err(error)
            }
            read => read,
        }
    }

    /// The flows of the message that was read last, and whose they are as far as it says.
    pub(crate) fn flows(&self) -> &[(DataRecord, Source)] {
        &self.records
    }

    /// The elements of these flows.
    pub(crate) fn extras(&self) -> &[u8] {
        &self.extras
    }

    /// The names of members that are not kept, as nobody knows them.
    pub(crate) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    fn keep(&mut self) -> Result<(), Wrong> {
        let Draft { record, source, extras } = &self.draft;
        if record.src.is_none() && record.dst.is_none() {
            return Err(wrong("no addresses", "it names no host"));
        }
        if self.records.len() >= MAX_FLOWS {
            return Err(wrong("too many flows", format!("it has more than {MAX_FLOWS}")));
        }
        let from = saturated_u32(self.extras.len());
        self.extras.extend_from_slice(extras);
        let extras = (from, saturated_u32(self.extras.len()));
        self.records.push((DataRecord { extras, ..*record }, *source));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
