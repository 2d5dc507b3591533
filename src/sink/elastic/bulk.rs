//! Documents on their way, in pieces, over several connections.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::Target;
use super::piece::{Document, Piece};
use super::send::Shared;
use crate::flow::Origin;
use crate::sink::Written;
use crate::sink::identity::Content;
use crate::store::elastic::{Body, Client, Options};
use crate::store::{Result, StoreError, Watch};

/// A piece has at most so many documents, and about so many bytes.
const MAX_DOCUMENTS: usize = 5_000;
const MAX_BYTES: usize = 4 << 20;

/// The way to an index.
pub(super) struct Bulk {
    shared: Arc<Shared>,
    piece: Piece,
    to: Option<SyncSender<Piece>>,
    workers: Vec<JoinHandle<()>>,
}

impl Bulk {
    /// Starts as many connections as `options` says.
    ///
    /// # Errors
    ///
    /// [`StoreError::Thread`], and as [`Client::server`].
    pub(super) fn open(
        client: Arc<Client>,
        target: Target,
        options: &Options,
        watch: Watch,
    ) -> Result<Self> {
        let server = client.server(&watch)?;
        let shared = Arc::new(Shared {
            client,
            target,
            watch,
            server,
            recovery: options.recovery,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (to, pieces) = sync_channel(1);
        let pieces = Arc::new(Mutex::new(pieces));
        let worker = |_| {
            let (shared, pieces) = (Arc::clone(&shared), Arc::clone(&pieces));
            let thread = thread::Builder::new().name("bulk".to_owned());
            thread.spawn(move || work(&shared, &pieces)).map_err(StoreError::Thread)
        };
        let workers = (0..options.connections.max(1)).map(worker).collect::<Result<_>>()?;
        Ok(Self { shared, piece: Piece::default(), to: Some(to), workers })
    }

    /// Takes a document, which `write` appends.
    ///
    /// # Errors
    ///
    /// What an earlier one met.
    pub(super) fn push(
        &mut self,
        content: Content,
        ordinal: u32,
        origin: Option<Origin>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        let Piece { text, documents } = &mut self.piece;
        let start = text.len();
        write(text);
        documents.push(Document { content, ordinal, origin, source: start..text.len() });
        if documents.len() >= MAX_DOCUMENTS || text.len() >= MAX_BYTES {
            self.pass_on()?;
        }
        Ok(())
    }

    /// Waits until all that was taken is there, also for those who search; says what became of all
    /// documents up to now.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub(super) fn flush(&mut self) -> Result<Written> {
        self.pass_on()?;
        let idle = self.shared.changed.wait_while(self.shared.state(), |state| state.under_way > 0);
        let mut state = idle.unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        let written = state.written.clone();
        drop(state);
        let Shared { client, watch, .. } = &*self.shared;
        let path = format!("/{}/_refresh", client.location.index);
        let refreshed = client.call("refresh", &path, Body::Do, watch)?;
        // Where nothing was ever written there is no index.
        if !refreshed.is_ok() && refreshed.status != 404 {
            return Err(client.refused("refresh", &refreshed));
        }
        Ok(written)
    }

    /// What became of the documents up to now, also when not all is well.
    pub(super) fn written(&self) -> Written {
        self.shared.state().written.clone()
    }

    fn pass_on(&mut self) -> Result<()> {
        let mut state = self.shared.state();
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        if state.failed {
            return Err(self.shared.client.refuse("write", "earlier documents failed"));
        }
        if self.piece.documents.is_empty() {
            return Ok(());
        }
        state.under_way += 1;
        drop(state);
        let piece = std::mem::take(&mut self.piece);
        let sent = self.to.as_ref().map(|to| to.send(piece));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(self.shared.client.refuse("write", "no connection is left")),
        }
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        // Without a sender the workers end when they have sent what they hold.
        self.to = None;
        self.shared.state().failed = true;
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

/// Sends piece after piece.
fn work(shared: &Shared, pieces: &Mutex<Receiver<Piece>>) {
    loop {
        let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut piece) = next else { return };
        let mut written = Written::default();
        let result =
            if shared.state().failed { Ok(()) } else { shared.send(&mut piece, &mut written) };
        let mut state = shared.state();
        state.under_way -= 1;
        state.written.merge(&written);
        if let Err(error) = result {
            state.failed = true;
            state.error.get_or_insert(error);
        }
        drop(state);
        shared.changed.notify_all();
    }
}
