//! What a load knows from one datagram to the next.

use std::fmt;

use super::accounts::Accounts;
use super::exporters::{ByExporter, Exported};
use crate::capture::Datagram;
use crate::netflow::Decoder;
use crate::normalise::FlowBuilder;
use crate::store::Load;

/// What exporters told, what was read, and what became of it. It outlives a writer: where a store
/// fails, the load can go on with a new one from where it stood when the store acknowledged last.
#[derive(Debug, Clone)]
pub struct Session {
    /// What is known of the exporters' templates.
    pub(super) decoder: Decoder,
    pub(super) builder: FlowBuilder,
    pub(super) accounts: Accounts,
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
        Self { decoder: Decoder::new(), builder: FlowBuilder::new(), accounts }
    }

    /// The ledger's entry.
    pub fn load(&self) -> &Load {
        &self.accounts.load
    }

    /// What came from whom.
    pub(crate) fn exporters(&self) -> &ByExporter<Exported> {
        &self.accounts.exporters
    }

    /// The datagrams that wait for their templates.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.decoder.waiting()
    }
}
