//! What happens to each datagram, and to each batch.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::account::{chain, count, sum_up};
use super::exporters::Exported;
use super::session::Session;
use super::{LoadError, Options, Progress, files};
use crate::capture::{self, Datagram, Input, Report, Sink};
use crate::flow::{Batches, DatagramId, UnixMillis};
use crate::netflow::{DecodeError, Decoded, Decoder, ExportPacket, Fault, Held, Names, Outcome};
use crate::store::{AHEAD_MS, Account, Load, LoadedFile, Store, StoreError, WriteBatch, Writer};

/// So many malformed datagrams are logged one by one; all of them are counted.
const MAX_LOGGED: u64 = 10;

/// A batch is handed over, however few flows it has, once what these have beyond their common
/// fields takes so many bytes.
const MAX_EXTRAS_BYTES: usize = 128 << 20;

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

    /// Reads one input to its end, or until the load is over.
    pub(crate) fn read(&mut self, input: &Input) {
        let progress = self.progress;
        let before = self.session.load.files.len();
        self.file = None;
        self.file_from = progress.bytes_done.load(Relaxed);
        tracing::debug!("read {input}");
        let result = capture::read(input, &progress.bytes_done, self);
        self.end_file();
        match result {
            Ok(report) => self.note(before, &report),
            Err(error) => {
                let problem = chain(&error);
                tracing::info!("{input}: {problem}");
                files::enter_fault(
                    &mut self.session.load.files,
                    before,
                    &input.to_string(),
                    problem,
                );
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

    fn exporter(&mut self, datagram: &Datagram<'_>) -> &mut Exported {
        self.session.exporters.of(datagram.exporter)
    }

    /// Takes the counts that only the reader of the capture knows.
    fn note(&mut self, before: usize, report: &Report) {
        for fault in &report.faults {
            tracing::info!("{fault}");
        }
        files::enter_faults(&mut self.session.load.files, before, report);
        let account = self.account();
        account.captured_packets += report.packets;
        for (reason, packets) in report.skipped.iter() {
            *account.skipped_packets.entry(reason.to_string()).or_default() += packets;
        }
        account.faults += report.faults.len() as u64 + report.more_faults;
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

    /// Decodes `datagram`, and every one that waited for a template in it.
    fn take(&mut self, datagram: &Datagram<'_>) {
        let file = self.file.unwrap_or(usize::MAX);
        let Some(mut decoder) = self.session.decoder.take() else { return };
        let outcome = decoder.decode(datagram, file);
        self.taken(datagram, file, outcome);
        // What waits has arrived: it is not lost as well.
        for packet in decoder.unread() {
            self.session.builder.observe(&packet, datagram.exporter, datagram.src_port);
        }
        self.take_ready(&mut decoder);
        self.session.decoder = Some(decoder);
    }

    /// Decodes the datagrams that need not wait any more.
    fn take_ready(&mut self, decoder: &mut Decoder) {
        while let Some(held) = decoder.next_ready() {
            self.account().waiting_for_template -= 1;
            self.session.exporters.of(held.datagram().exporter).waiting -= 1;
            let outcome = decoder.decode_held(&held);
            let Held { mark, .. } = held;
            self.taken(&held.datagram(), mark, outcome);
        }
    }

    /// What still waits is read as far as its templates are known.
    fn give_up_waiting(&mut self) {
        let Some(mut decoder) = self.session.decoder.take() else { return };
        if self.failure.is_none() {
            decoder.give_up();
            self.take_ready(&mut decoder);
        }
        self.session.decoder = Some(decoder);
    }

    /// `file` is the place of the file that the datagram is in.
    fn taken(
        &mut self,
        datagram: &Datagram<'_>,
        file: usize,
        outcome: Result<Outcome<'_>, DecodeError>,
    ) {
        match outcome {
            Ok(Outcome::Decoded(decoded)) => self.decoded(datagram, file, &decoded),
            Ok(Outcome::Waits) => {
                self.account().waiting_for_template += 1;
                self.exporter(datagram).waiting += 1;
            }
            Ok(Outcome::GivenUp) => {
                self.account().given_up += 1;
                self.exporter(datagram).given_up += 1;
            }
            Err(error) => self.undecoded(datagram, error),
        }
    }

    fn decoded(&mut self, datagram: &Datagram<'_>, file: usize, decoded: &Decoded<'_>) {
        let id = DatagramId::new(decoded.identity_secs, datagram.exporter, datagram.payload);
        match self.writer.admit(id) {
            Ok(true) => self.append(datagram, file, decoded, id),
            Ok(false) => {
                for packet in decoded.packets() {
                    self.session.builder.observe(packet, datagram.exporter, datagram.src_port);
                }
                let records = decoded.records();
                let account = self.account();
                account.duplicate_datagrams += 1;
                account.duplicate_records += records;
                account.records += records;
                self.exporter(datagram).duplicates += 1;
                self.progress.records.fetch_add(records, Relaxed);
            }
            Err(error) => self.failure = Some(error),
        }
    }

    fn append(
        &mut self,
        datagram: &Datagram<'_>,
        file: usize,
        decoded: &Decoded<'_>,
        id: DatagramId,
    ) {
        let WriteBatch { datagrams, v4, v6, .. } = &self.batch;
        let flows = self.batch.len().max(datagrams.len()) + decoded.records() as usize;
        let extras_bytes = v4.extras.bytes() + v6.extras.bytes();
        if flows > self.options.batch_flows || extras_bytes > MAX_EXTRAS_BYTES {
            self.attempt(Self::write);
        }
        if self.batch.is_empty() {
            self.batch.usual.set_present(UnixMillis::now());
        }
        self.batch.datagrams.push(id);
        let rows = [self.batch.v4.len(), self.batch.v6.len()];
        self.account().decoded += 1;
        self.exporter(datagram).decoded += 1;
        for packet in decoded.packets() {
            let sent = if self.options.live { datagram.received } else { packet.exported() };
            self.batch.usual.enter(sent);
            self.append_packet(datagram, file, packet, id);
        }
        let WriteBatch { v4, v6, usual, ahead, .. } = &mut self.batch;
        let firsts = v4.first_ms[rows[0]..].iter().chain(&v6.first_ms[rows[1]..]);
        if firsts.max().is_some_and(|&first| usual.is_ahead(UnixMillis(first))) {
            ahead.push(id);
        }
        if let Some(fault) = decoded.packets().find_map(|packet| packet.fault) {
            let account = self.account();
            count(&mut account.faulty, fault.label(), 1);
            if let Fault::Trailing { bytes } = fault {
                account.trailing_bytes += bytes as u64;
            }
        }
    }

    fn append_packet(
        &mut self,
        datagram: &Datagram<'_>,
        file: usize,
        packet: &ExportPacket<'_>,
        id: DatagramId,
    ) {
        let rows = [self.batch.v4.len(), self.batch.v6.len()];
        let mut to = Batches { v4: &mut self.batch.v4, v6: &mut self.batch.v6 };
        let appended =
            self.session.builder.append(packet, datagram.exporter, datagram.src_port, id, &mut to);
        let by_ms = self.ahead_ms(datagram, packet);
        if by_ms > 0 {
            self.batch.v4.move_back(rows[0], by_ms);
            self.batch.v6.move_back(rows[1], by_ms);
            self.moved(datagram, by_ms, appended.appended);
        }
        let account = self.account();
        account.records += appended.records;
        account.stored += appended.appended;
        account.clamped += appended.clamped;
        account.not_believed += appended.not_believed;
        for (reason, records) in appended.rejected() {
            count(&mut account.rejected, reason, records);
        }
        self.exporter(datagram).flows += appended.appended;
        if let Some(file) = self.session.load.files.get_mut(file) {
            file.stored += appended.appended;
        }
        self.progress.records.fetch_add(appended.records, Relaxed);
    }

    /// How far the clock of `packet` is ahead of its receipt, if its flows are to be moved by that.
    fn ahead_ms(&self, datagram: &Datagram<'_>, packet: &ExportPacket<'_>) -> u64 {
        let by_ms = packet.exported() - datagram.received;
        if self.options.live && by_ms > AHEAD_MS { by_ms } else { 0 }
    }

    /// Enters that so many flows of a datagram were moved.
    fn moved(&mut self, datagram: &Datagram<'_>, by_ms: u64, flows: u64) {
        self.account().moved += flows;
        let exporter = self.exporter(datagram);
        exporter.moved += flows;
        if exporter.ahead(by_ms, datagram.received) {
            self.session.clocks_ahead += 1;
            if self.session.clocks_ahead <= MAX_LOGGED {
                tracing::warn!(
                    "{}: its clock is {} days ahead; its flows are moved to when they were received",
                    datagram.exporter,
                    by_ms / AHEAD_MS
                );
            }
        }
    }

    fn undecoded(&mut self, datagram: &Datagram<'_>, error: DecodeError) {
        if !error.is_flow_export() {
            self.account().not_flow_export += 1;
            self.exporter(datagram).not_flow_export += 1;
            return;
        }
        self.exporter(datagram).malformed += 1;
        let malformed = count(&mut self.account().malformed, error.label(), 1);
        if malformed <= MAX_LOGGED {
            let file = self.session.load.files.last();
            tracing::warn!(
                "{}: datagram {} from {}: {error}",
                file.map_or("", |file| &file.path),
                file.map_or(0, |file| file.datagrams),
                datagram.exporter,
            );
        }
    }

    /// Does a step that the store may refuse, and remembers if it does.
    fn attempt(&mut self, step: impl FnOnce(&mut Self) -> Result<(), StoreError>) {
        if self.failure.is_none() {
            self.failure = step(self).err();
        }
    }

    /// Hands the batch over.
    fn write(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.batch);
        for flows in [&mut batch.v4, &mut batch.v6] {
            flows.sources = self.session.builder.sources();
            sum_up(self.account(), flows);
        }
        self.batch = self.writer.write(batch)?;
        Ok(())
    }

    /// Makes what was read durable.
    fn make_durable(&mut self) -> Result<(), StoreError> {
        self.write()?;
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
        let names = self.session.decoder.as_ref().map(Decoder::names);
        let Some(names) = names.filter(|&names| *names != self.named) else { return };
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
        self.exporter(datagram).datagrams += 1;
        if let Some(file) = self.file_mut() {
            file.datagrams += 1;
        }
        self.take(datagram);
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
