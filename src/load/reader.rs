//! The reader of captures: what is in them goes into a feed, and what is wrong with them into the
//! accounts.

use std::fs::File;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering::Relaxed;

use super::feed::Feed;
use super::imports::Imports;
use super::session::Session;
use super::{LoadError, Options, Progress, chain};
use crate::capture::{self, Datagram, Input, Sink, Wanted};
use crate::import::{self, Import};
use crate::store::{Load, Store, StoreError};

/// What could not be read to its end, and why: there may be more in it, to be read another time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

/// Reads captures into a store.
pub(crate) struct Reader<'a> {
    feed: Feed,
    options: &'a Options,
    progress: &'a Progress,
    /// The bytes that had been read when the present file began.
    file_from: u64,
    /// What the store said when it failed.
    failure: Option<StoreError>,
    /// Reads the file of another tool that is being read, if one is.
    import: Option<Box<dyn Import>>,
}

impl<'a> Reader<'a> {
    /// Goes on with `session`, with a new writer to `store`.
    ///
    /// # Errors
    ///
    /// As [`Feed::open`].
    pub(crate) fn open(
        store: &dyn Store,
        session: Session,
        options: &'a Options,
        progress: &'a Progress,
    ) -> Result<Self, StoreError> {
        let feed = Feed::open(store, session, options)?;
        Ok(Self { feed, options, progress, file_from: 0, failure: None, import: None })
    }

    /// Whether nothing more is to be read.
    pub(crate) fn is_over(&self) -> bool {
        self.failure.is_some() || self.options.stop.load(Relaxed)
    }

    /// Reads one input to its end, or until the load is over. What is wrong with it is noted in the
    /// entry.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] where the system did not give all of it; what it gave was taken.
    pub(crate) fn read(&mut self, input: &Input) -> Result<(), Unreadable> {
        let progress = self.progress;
        let before = self.feed.accounts().load.files.len();
        self.feed.accounts().leave_file();
        self.file_from = progress.bytes_done.load(Relaxed);
        tracing::debug!("read {input}");
        let result = capture::read(input, &progress.bytes_done, self);
        self.end_file();
        // What of it was not handed over is read another time.
        self.import = None;
        match result {
            Ok(report) => {
                self.feed.accounts().note(before, &report);
                report.unreadable().map_or(Ok(()), |fault| Err(Unreadable(fault.in_file())))
            }
            Err(error) => {
                let problem = chain(&error);
                self.feed.accounts().note_unopened(before, input, &problem);
                Err(Unreadable(problem))
            }
        }
    }

    /// Makes everything durable, and closes the ledger's entry.
    ///
    /// # Errors
    ///
    /// As [`Feed::end`].
    pub(super) fn finish(mut self) -> Result<Load, LoadError> {
        let interrupted = self.options.stop.load(Relaxed);
        self.feed.accounts().load.interrupted = interrupted;
        // What is stored in part now would be a duplicate when the load is run again; the template
        // that it lacks may stand in what was not read.
        if !interrupted {
            self.attempt(Feed::give_up_waiting);
        }
        self.end()
    }

    /// As [`Self::finish`], and what waits for a template goes on waiting.
    ///
    /// # Errors
    ///
    /// As [`Feed::end`].
    pub(crate) fn end(self) -> Result<Load, LoadError> {
        match self.failure {
            None => self.feed.end(),
            Some(failure) => Err(self.feed.stopped(failure)),
        }
    }

    /// Makes durable what was read.
    ///
    /// # Errors
    ///
    /// What the store met, now or while inputs were read.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.attempt(Feed::commit);
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Enters in the ledger how the load stands, and has the store put its files in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the ledger cannot be written.
    pub(crate) fn record_and_tidy(&mut self) -> Result<(), StoreError> {
        self.feed.tidy();
        self.feed.record()
    }

    /// The session as of the last commit.
    pub(crate) fn kept(&self) -> &Session {
        self.feed.kept()
    }

    /// Does a step that the store may refuse, and remembers if it does.
    fn attempt(&mut self, step: impl FnOnce(&mut Feed) -> Result<(), StoreError>) {
        if self.failure.is_none() {
            let before = self.feed.accounts().load.account.records;
            self.failure = step(&mut self.feed).err();
            let records = self.feed.accounts().load.account.records - before;
            self.progress.records.fetch_add(records, Relaxed);
        }
    }

    /// Has the file of another tool read on, if one is being read.
    fn step_import(
        &mut self,
        step: impl FnOnce(Option<&mut (dyn Import + 'static)>, &mut Imports<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut to = Imports {
            feed: &mut self.feed,
            options: self.options,
            progress: self.progress,
            failure: &mut self.failure,
        };
        step(self.import.as_deref_mut(), &mut to)?;
        self.attempt(Feed::commit_if_due);
        self.poll()
    }

    /// What files of other tools do not say.
    fn imported(&self) -> import::Options {
        let Options { exporter, rates, .. } = self.options;
        import::Options { exporter: *exporter, rates: rates.clone() }
    }

    /// What was read since the file began, or since the archive that it is in, is its own.
    fn end_file(&mut self) {
        let done = self.progress.bytes_done.load(Relaxed);
        if let Some(file) = self.feed.accounts().file_mut() {
            file.bytes += done - self.file_from;
            self.file_from = done;
        }
    }
}

impl Sink for Reader<'_> {
    fn file(&mut self, name: &str) {
        self.end_file();
        tracing::debug!("capture {name}");
        self.feed.accounts().begin_file(name);
    }

    fn other(&mut self, start: &[u8]) -> Wanted {
        let Some(format) = import::tell(start) else { return Wanted::Not };
        self.import = import::begin(format, &self.imported());
        if format.needs_file() { Wanted::File } else { Wanted::Bytes }
    }

    fn whole(&mut self, file: File) -> ControlFlow<()> {
        let options = self.imported();
        self.step_import(|_, to| import::read_file(file, &options, to))
    }

    fn bytes(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.step_import(|import, to| match import {
            Some(import) => import.bytes(bytes, to),
            None => ControlFlow::Continue(()),
        })
    }

    fn end(&mut self) -> ControlFlow<()> {
        let mut ended = self.import.take();
        self.step_import(|_, to| match &mut ended {
            Some(import) => import.end(to),
            None => ControlFlow::Continue(()),
        })
    }

    fn poll(&mut self) -> ControlFlow<()> {
        if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn idle(&mut self) -> ControlFlow<()> {
        self.attempt(Feed::commit_if_due);
        self.poll()
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) -> ControlFlow<()> {
        self.progress.datagrams.fetch_add(1, Relaxed);
        self.attempt(|feed| feed.push(datagram).and_then(|()| feed.commit_if_due()));
        self.poll()
    }
}
