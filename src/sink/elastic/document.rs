//! Flows as documents.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ecs::Ecs;
use super::{By, Target};
use crate::answer::Objects;
use crate::flow::{Family, FlowRecord, Names, Naming, Origin};
use crate::meaning::Ends;

/// Writes documents.
pub(super) struct Documents {
    names: NamesOf,
    /// Whether they have `@timestamp`, which data streams are in the order of.
    stamped: bool,
    base64: String,
}

/// Whose names the fields have.
enum NamesOf {
    Ours(Box<Objects>),
    Ecs(Box<Ecs>),
}

impl Documents {
    pub(super) fn new(target: Target, names: Names, ends: Ends) -> Self {
        Self {
            names: match target.schema {
                Naming::Ecs => NamesOf::Ecs(Box::new(Ecs::new(names, ends))),
                _ => NamesOf::Ours(Box::new(Objects::new(names, ends))),
            },
            stamped: target.by == By::Stream,
            base64: String::new(),
        }
    }

    /// Appends the document of a flow, which came by the record `origin` where that is known.
    pub(super) fn push(
        &mut self,
        to: &mut Vec<u8>,
        flow: &FlowRecord,
        extras: &[u8],
        origin: Option<Origin>,
    ) {
        let Self { names, stamped, base64 } = self;
        match names {
            NamesOf::Ecs(ecs) => ecs.push_open(to, flow, extras),
            NamesOf::Ours(objects) => {
                objects.push_open(to, flow, extras);
                // Writing to memory cannot fail.
                let _ = write!(to, ",\"protocolNumber\":{}", flow.protocol.0);
                if flow.family() == Family::V6 {
                    to.extend_from_slice(b",\"ipv6\":true");
                }
                let mode = flow.source.sampling.mode;
                if mode != 0 {
                    let _ = write!(to, ",\"samplingMode\":{mode}");
                }
                if !extras.is_empty() {
                    base64.clear();
                    STANDARD.encode_string(extras, base64);
                    let _ = write!(to, ",\"extras\":\"{base64}\"");
                }
                if *stamped {
                    let _ = write!(to, ",\"@timestamp\":\"{}\"", flow.first);
                }
            }
        }
        if let Some(Origin(origin)) = origin {
            let _ = write!(to, ",\"origin\":\"{origin:016x}\"");
        }
        to.push(b'}');
    }
}
