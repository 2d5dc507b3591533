//! Flows to Elasticsearch and OpenSearch, a document each.
//!
//! The id of a document follows from the flow, and a document that is there is left as it is
//! (`create`), so what is sent again makes no second one. `document` and `ecs` what
//! is sent, `bulk` sends it over several connections, and `answer` takes each answer apart.

// What comes from outside is never narrowed without a word. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod answer;
mod bulk;
mod document;
mod ecs;
mod known;
mod load;
mod piece;
mod send;
mod template;

use std::str::FromStr;
use std::sync::Arc;

pub use load::ElasticLoader;

use super::{Sink, SinkError, Written};
use crate::flow::{FlowBatch, Names, Naming};
use crate::meaning::Ends;
use crate::sink::identity::{Content, Ordinals};
use crate::store::elastic::{Client, Location, Options};
use crate::store::{Result, Watch};
use bulk::Bulk;
use document::Documents;

/// In how many indexes documents are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum By {
    /// One index.
    #[default]
    Index,
    /// One for each day on which flows began, in UTC, and an alias for all of them.
    Day,
    /// A data stream, whose indexes the server begins and deletes by its own rules.
    Stream,
}

/// What documents look like, and how they lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Target {
    /// In how many indexes they are.
    pub by: By,
    /// Whose names their fields have: ours, or those of [`Naming::Ecs`].
    pub schema: Naming,
}

impl By {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Index, Self::Day, Self::Stream];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Day => "day",
            Self::Stream => "stream",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Index => "one index",
            Self::Day => "an alias of several indexes",
            Self::Stream => "a data stream",
        }
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let by = Self::ALL.into_iter().find(|by| by.name() == text);
        by.ok_or_else(|| format!("{text:?} is neither index nor day nor stream"))
    }
}

/// The sink.
pub struct ElasticSink {
    bulk: Bulk,
    documents: Documents,
    ordinals: Ordinals,
    /// Room for what a flow is.
    bytes: Vec<u8>,
}

impl ElasticSink {
    /// Opens `location` for documents as `target` says, and makes what is missing there. They tell what
    /// exporters call their interfaces and what ends mean, as `told` has it. `watch` ends it.
    ///
    /// # Errors
    ///
    /// [`SinkError::Store`] if it cannot be reached, or has something else of that name.
    pub fn open(
        location: Location,
        options: &Options,
        target: Target,
        told: (Names, Ends),
        watch: Watch,
    ) -> Result<Self, SinkError> {
        let client = Arc::new(Client::new(location, options)?);
        template::ensure(&client, target)?;
        Ok(Self {
            bulk: Bulk::open(client, target, options, watch)?,
            documents: Documents::new(target, told.0, told.1),
            ordinals: Ordinals::default(),
            bytes: Vec::new(),
        })
    }
}

impl Sink for ElasticSink {
    /// Of equal flows those count as one that do not come among flows of their own time alone, as they
    /// do in key order.
    fn write(&mut self, flows: &FlowBatch) -> Result<(), SinkError> {
        for (row, flow) in flows.records().enumerate() {
            let extras = flows.extras.get(row);
            let content = Content::of(&flow, extras, &mut self.bytes);
            let ordinal = self.ordinals.next(&content);
            let documents = &mut self.documents;
            self.bulk.push(content, ordinal, None, |to| documents.push(to, &flow, extras, None))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written, SinkError> {
        Ok(self.bulk.flush()?)
    }
}
