//! What a load knows from one datagram to the next.

use std::fmt;
use std::time::Instant;

use xxhash_rust::xxh3::xxh3_64;

use super::exporters::{ByExporter, Exported};
use crate::capture::Datagram;
use crate::flow::UnixMillis;
use crate::netflow::Decoder;
use crate::normalise::FlowBuilder;
use crate::store::{Account, Load, LoadedFile};

/// What exporters told, what was read, and what became of it. It outlives a writer: where a store
/// fails, the load can go on with a new one from where it stood when the store acknowledged last.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// What is known of the exporters' templates.
    pub(super) decoder: Decoder,
    pub(super) builder: FlowBuilder,
    /// What was read, and what becomes of it if all goes well.
    pub(super) load: Load,
    pub(super) exporters: ByExporter<Exported>,
    /// How many of them have a clock that runs ahead.
    pub(super) clocks_ahead: u64,
    /// Whether all that is read counts as one file, the entry's first.
    pub(super) one_file: bool,
    /// Whether what cannot be read is read again, so that it is no fault of the load.
    pub(super) reads_again: bool,
}

impl Session {
    /// A session that has read nothing.
    pub(super) fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            builder: FlowBuilder::new(),
            load: new_load(),
            exporters: ByExporter::default(),
            clocks_ahead: 0,
            one_file: false,
            reads_again: false,
        }
    }

    /// A session of which the ledger lists the one source `name`, whatever files it is read from,
    /// and however often one of them is tried until it can be read.
    pub(crate) fn of(name: impl fmt::Display) -> Self {
        let mut session = Self::new();
        session.load.files = vec![LoadedFile { path: name.to_string(), ..LoadedFile::default() }];
        session.one_file = true;
        session.reads_again = true;
        session
    }

    /// The ledger's entry.
    pub(crate) fn load(&self) -> &Load {
        &self.load
    }

    /// What came from whom.
    pub(crate) fn exporters(&self) -> &ByExporter<Exported> {
        &self.exporters
    }

    /// The datagrams that wait for their templates.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.decoder.waiting()
    }
}

fn new_load() -> Load {
    let started = UnixMillis::now();
    // Two loads of one store never run at once, but one may be copied into the ledger of another.
    let seed = format!("{started} {} {:?}", std::process::id(), Instant::now());
    Load {
        id: format!(
            "{}-{:08x}",
            started.timestamp().strftime("%Y%m%dT%H%M%SZ"),
            xxh3_64(seed.as_bytes()) as u32
        ),
        started,
        finished: None,
        interrupted: false,
        failure: None,
        files: Vec::new(),
        other_files: Vec::new(),
        account: Account::default(),
    }
}
