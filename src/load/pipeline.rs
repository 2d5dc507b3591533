//! A load under way: what is read, and when it is made durable.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::account::chain;
use super::batcher::Batcher;
use super::session::Session;
use super::{LoadError, Options, Progress, files};
use crate::capture::{self, Datagram, Fault, FaultKind, Input, Report, Sink};
use crate::flow::{Names, UnixMillis};
use crate::netflow::Decoder;
use crate::store::{Account, Load, LoadedFile, Store, StoreError, WriteBatch, Writer};

/// What could not be read to its end, and why: there may be more in it, to be read another time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

/// A load under way.
pub(crate) struct Pipeline<'a> {
    writer: Box<dyn Writer>,
    options: &'a Options,
    progress: &'a Progress,
    session: Session,
    /// The session as of the last commit: what the store acknowledged.
    kept: Session,
    /// The names that the store was given.
    named: Names,
    /// Flows that are not handed over yet.
    batch: WriteBatch,
    committed: Instant,
    /// The place in the entry of the file of the present input that is being read.
    file: Option<usize>,
    /// The bytes that had been read when it began.
    file_from: u64,
    /// What the store said when it failed.
    failure: Option<StoreError>,
}

impl<'a> Pipeline<'a> {
    /// Goes on with `session`, with a new writer to `store`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be opened, or takes no entry in its ledger.
    pub(crate) fn open(
        store: &dyn Store,
        session: Session,
        options: &'a Options,
        progress: &'a Progress,
    ) -> Result<Self, StoreError> {
        let mut writer = store.writer()?;
        writer.record(&session.load)?;
        Ok(Self {
            writer,
            options,
            progress,
            kept: session.clone(),
            session,
            named: Names::default(),
            batch: WriteBatch::new(),
            committed: Instant::now(),
            file: None,
            file_from: 0,
            failure: None,
        })
    }

    /// Whether nothing more is to be read.
    pub(crate) fn is_over(&self) -> bool {
        self.failure.is_some() || self.options.stop.load(Relaxed)
    }

    fn go_on(&self) -> ControlFlow<()> {
        if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Reads one input to its end, or until the load is over. What is wrong with it is noted in the
    /// entry.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] where the system did not give all of it; what it gave was taken.
    pub(crate) fn read(&mut self, input: &Input) -> Result<(), Unreadable> {
        let progress = self.progress;
        let before = self.session.load.files.len();
        self.file = None;
        self.file_from = progress.bytes_done.load(Relaxed);
        tracing::debug!("read {input}");
        let result = capture::read(input, &progress.bytes_done, self);
        self.end_file();
        match result {
            Ok(report) => {
                self.note(before, &report);
                report.unreadable().map_or(Ok(()), |fault| Err(Unreadable(fault.in_file())))
            }
            Err(error) => {
                let problem = chain(&error);
                tracing::info!("{input}: {problem}");
                if !self.session.reads_again {
                    let files = &mut self.session.load.files;
                    files::enter_fault(files, before, &input.to_string(), problem.clone());
                }
                Err(Unreadable(problem))
            }
        }
    }

    /// Makes everything durable, and closes the ledger entry.
    pub(super) fn finish(mut self) -> Result<Load, LoadError> {
        self.session.load.interrupted = self.options.stop.load(Relaxed);
        // What is stored in part now would be a duplicate when the load is run again; the template
        // that it lacks may stand in what was not read.
        if !self.session.load.interrupted {
            self.give_up_waiting();
        }
        self.end()
    }

    /// As [`Self::finish`], and what waits for a template goes on waiting.
    pub(crate) fn end(mut self) -> Result<Load, LoadError> {
        self.attempt(Self::make_durable);
        if self.failure.is_none() {
            self.session.load.finished = Some(UnixMillis::now());
            self.attempt(Self::record);
        }
        match self.failure {
            None => Ok(self.session.load),
            Some(source) => {
                let mut kept = self.kept.load;
                kept.finished = Some(UnixMillis::now());
                kept.failure = Some(chain(&source));
                // The store that failed may well refuse this as well; its own error says more. One
                // that was waited for in vain is not waited for once more.
                if !matches!(source, StoreError::Unreachable { .. }) {
                    let _ = self.writer.record(&kept);
                }
                Err(LoadError::Stopped { kept: Box::new(kept), source })
            }
        }
    }

    /// Makes durable what was read. After an error, nothing more can be done with this, and
    /// [`Self::kept`] is where another goes on.
    ///
    /// # Errors
    ///
    /// What the store met, now or while inputs were read.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.attempt(Self::make_durable);
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Enters in the ledger how the load stands, and has the store put its files in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the ledger cannot be written.
    pub(crate) fn record_and_tidy(&mut self) -> Result<(), StoreError> {
        self.writer.tidy();
        self.record()
    }

    /// The session as of the last commit.
    pub(crate) fn kept(&self) -> &Session {
        &self.kept
    }

    fn account(&mut self) -> &mut Account {
        &mut self.session.load.account
    }

    /// Takes the counts that only the reader of the capture knows.
    fn note(&mut self, before: usize, report: &Report) {
        for fault in &report.faults {
            tracing::info!("{fault}");
        }
        let reads_again = self.session.reads_again;
        let final_one = |fault: &&Fault| !reads_again || fault.kind == FaultKind::Damaged;
        let faults = report.faults.iter().filter(final_one);
        files::enter_faults(&mut self.session.load.files, before, faults.clone());
        let account = self.account();
        account.faults += faults.count() as u64 + report.more_faults;
        account.captured_packets += report.packets;
        for (reason, packets) in report.skipped.iter() {
            *account.skipped_packets.entry(reason.to_string()).or_default() += packets;
        }
        account.other_files += report.other_files;
        let room = files::MAX_FILES_LISTED.saturating_sub(self.session.load.other_files.len());
        self.session.load.other_files.extend(report.other_names.iter().take(room).cloned());
    }

    /// The file being read, if any is.
    fn file_mut(&mut self) -> Option<&mut LoadedFile> {
        self.session.load.files.get_mut(self.file?)
    }

    /// What was read since the file began, or since the archive that it is in, is its own.
    fn end_file(&mut self) {
        let done = self.progress.bytes_done.load(Relaxed);
        let from = self.file_from;
        if let Some(file) = self.file_mut() {
            file.bytes += done - from;
            self.file_from = done;
        }
    }

    /// What still waits is read as far as its templates are known.
    fn give_up_waiting(&mut self) {
        if self.failure.is_none() {
            let (decoder, mut batcher) = self.split();
            decoder.give_up();
            batcher.take_ready(decoder);
        }
    }

    /// The decoder, and what takes that which it decodes.
    fn split(&mut self) -> (&mut Decoder, Batcher<'_>) {
        let Session { decoder, builder, load, exporters, clocks_ahead, .. } = &mut self.session;
        let batcher = Batcher {
            writer: &mut *self.writer,
            options: self.options,
            progress: self.progress,
            builder,
            load,
            exporters,
            clocks_ahead,
            batch: &mut self.batch,
            failure: &mut self.failure,
        };
        (decoder, batcher)
    }

    /// Does a step that the store may refuse, and remembers if it does.
    fn attempt(&mut self, step: impl FnOnce(&mut Self) -> Result<(), StoreError>) {
        if self.failure.is_none() {
            self.failure = step(self).err();
        }
    }

    /// Makes what was read durable.
    fn make_durable(&mut self) -> Result<(), StoreError> {
        self.split().1.write()?;
        self.session.load.account.lost = self.session.builder.lost();
        self.session.load.account.ahead = self.session.exporters.ahead();
        debug_assert!(self.session.load.account.balances(), "{:?}", self.session.load.account);
        self.writer.commit()?;
        self.kept = self.session.clone();
        self.committed = Instant::now();
        self.name();
        Ok(())
    }

    /// Keeps what exporters call their interfaces, VRFs and applications, where that is new. The
    /// flows are worth more than their names: without these a load goes on.
    fn name(&mut self) {
        let names = self.session.decoder.names();
        if *names == self.named {
            return;
        }
        if let Err(error) = self.writer.name(names) {
            tracing::warn!("names of interfaces are not kept: {}", chain(&error));
        }
        self.named.clone_from(names);
    }

    /// Says in the ledger how the load stands.
    fn record(&mut self) -> Result<(), StoreError> {
        self.writer.record(&self.session.load)
    }
}

impl Sink for Pipeline<'_> {
    fn file(&mut self, name: &str) {
        self.end_file();
        tracing::debug!("capture {name}");
        if !self.session.one_file {
            files::begin(&mut self.session.load.files, name);
        }
        let last = self.session.load.files.len().checked_sub(1);
        self.file = if self.session.one_file { Some(0) } else { last };
    }

    fn poll(&mut self) -> ControlFlow<()> {
        self.go_on()
    }

    fn idle(&mut self) -> ControlFlow<()> {
        // Where nothing came since the last commit, there is nothing to say either.
        if self.committed.elapsed() >= self.options.commit_every
            && self.session.load.account != self.kept.load.account
        {
            self.attempt(Self::make_durable);
            self.attempt(Self::record);
        }
        self.go_on()
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) -> ControlFlow<()> {
        self.progress.datagrams.fetch_add(1, Relaxed);
        self.account().datagrams += 1;
        self.session.exporters.of(datagram.exporter).datagrams += 1;
        if let Some(file) = self.file_mut() {
            file.datagrams += 1;
        }
        let file = self.file.unwrap_or(usize::MAX);
        let (decoder, mut batcher) = self.split();
        batcher.take(decoder, datagram, file);
        debug_assert!(
            self.failure.is_some() || self.session.load.account.balances(),
            "{:?}",
            self.session.load.account
        );
        if self.committed.elapsed() >= self.options.commit_every {
            self.attempt(Self::make_durable);
            self.attempt(Self::record);
        }
        self.go_on()
    }
}
