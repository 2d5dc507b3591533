//! Flows as messages.

use super::{Format, goflow2};
use crate::answer::{Objects, push_address};
use crate::flow::{FlowRecord, Names, UnixMillis};
use crate::kafka::{KafkaError, Producer};
use crate::meaning::Ends;

/// Writes messages.
pub(super) struct Messages {
    format: Format,
    objects: Objects,
    key: Vec<u8>,
}

impl Messages {
    pub(super) fn new(format: Format, names: Names) -> Self {
        Self { format, objects: Objects::new(names, Ends::default()), key: Vec::new() }
    }

    /// Hands the message of a flow over.
    pub(super) fn push(
        &mut self,
        to: &mut Producer,
        id: u64,
        flow: &FlowRecord,
        extras: &[u8],
    ) -> Result<(), KafkaError> {
        let Self { format, objects, key } = self;
        key.clear();
        push_address(key, flow.src);
        to.push(key, id, |to| match format {
            Format::Json => {
                objects.push_open(to, flow, extras);
                to.push(b'}');
            }
            Format::Protobuf => goflow2::push(to, flow, extras, UnixMillis::now()),
        })
    }
}
