//! What a load knows from one datagram to the next.

use std::fmt;

use super::accounts::Accounts;
use super::chain;
use super::exporters::{ByExporter, Exported};
use crate::capture::Datagram;
use crate::flow::Topic;
use crate::netflow::{Decoder, KeptTemplate};
use crate::normalise::FlowBuilder;
use crate::store::{Load, Store, StoreError};

/// What exporters told, what was read, and what became of it. It outlives a writer: where a store
/// fails, the load can go on with a new one from where it stood when the store acknowledged last.
#[derive(Debug, Clone)]
pub struct Session {
    /// What is known of the exporters' templates.
    pub(super) decoder: Decoder,
    pub(super) builder: FlowBuilder,
    pub(super) accounts: Accounts,
    /// Whether it knows what the store remembers.
    pub(super) begun: bool,
}

impl Session {
    /// A session that has read nothing, and lists every file that it reads.
    pub(super) fn new() -> Self {
        Self::with(Accounts::new())
    }

    /// A session of which the ledger lists the one source `name`, whatever files it is read from,
    /// and however often one of them is tried until it can be read.
    pub fn of(name: impl fmt::Display) -> Self {
        Self::with(Accounts::of(name))
    }

    fn with(accounts: Accounts) -> Self {
        Self { decoder: Decoder::new(), builder: FlowBuilder::new(), accounts, begun: false }
    }

    /// The session with what `store` remembers of loads before, if it is a new one.
    pub(super) fn begun_with(mut self, store: &dyn Store) -> Result<Self, StoreError> {
        if self.begun {
            return Ok(self);
        }
        for topic in Topic::ALL {
            match (store.remembered(topic), topic) {
                (Ok(memos), Topic::Options) => self.decoder.restore(&memos),
                (Ok(memos), Topic::Counted) => self.builder.restore(&memos),
                // Flows are worth more; `verify` tells it, too.
                (Err(error @ StoreError::Damaged { .. }), _) => {
                    tracing::warn!("what was told before is not known: {}", chain(&error));
                }
                (Err(error), _) => return Err(error),
            }
        }
        self.begun = true;
        Ok(self)
    }

    /// The ledger's entry.
    pub fn load(&self) -> &Load {
        &self.accounts.load
    }

    /// What came from whom.
    pub(crate) fn exporters(&self) -> &ByExporter<Exported> {
        &self.accounts.exporters
    }

    /// Datagrams that define the templates that are known.
    pub(crate) fn templates(&self) -> Vec<KeptTemplate> {
        self.decoder.templates()
    }

    /// Is another number when other templates are known.
    pub(crate) fn templates_revision(&self) -> u64 {
        self.decoder.templates_revision()
    }

    /// Begins with the templates that `decoder` knows.
    pub(crate) fn take_templates(&mut self, decoder: Decoder) {
        self.decoder.take_templates(decoder);
    }

    /// The datagrams that wait for their templates.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.decoder.waiting()
    }
}
