//! What happens to each datagram, and to each batch.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use xxhash_rust::xxh3::xxh3_64;

use super::{LoadError, Options, Progress, files};
use crate::capture::{self, Datagram, Input, Report, Sink};
use crate::flow::{Batches, DatagramId, FlowBatch, FlowBuilder, UnixMillis};
use crate::netflow::{DecodeError, Decoded, Decoder, ExportPacket, Fault, Held, Names, Outcome};
use crate::store::{Account, Load, LoadedFile, Store, StoreError, WriteBatch, Writer};

/// So many malformed datagrams are logged one by one; all of them are counted.
const MAX_LOGGED: u64 = 10;

/// A batch is handed over, however few flows it has, once what these have beyond their common
/// fields takes so many bytes.
const MAX_EXTRAS_BYTES: usize = 128 << 20;

/// A load under way.
pub(super) struct Pipeline<'a> {
    writer: Box<dyn Writer>,
    options: &'a Options,
    progress: &'a Progress,
    /// What is known of the exporters' templates. None while a datagram is in its hands.
    decoder: Option<Decoder>,
    /// The names that the store knows already.
    named: Names,
    builder: FlowBuilder,
    /// Flows that are not handed over yet.
    batch: WriteBatch,
    /// What was read, and what becomes of it if all goes well.
    load: Load,
    /// What the store acknowledged.
    kept: Load,
    committed: Instant,
    /// Whether a file of the present input is being read: the last of the entry.
    in_file: bool,
    /// The bytes that had been read when it began.
    file_from: u64,
    /// What the store said when it failed.
    failure: Option<StoreError>,
}

impl<'a> Pipeline<'a> {
    pub(super) fn open(
        store: &dyn Store,
        options: &'a Options,
        progress: &'a Progress,
    ) -> Result<Self, LoadError> {
        let load = new_load();
        let mut writer = store.writer().map_err(LoadError::Open)?;
        writer.record(&load).map_err(LoadError::Open)?;
        Ok(Self {
            writer,
            options,
            progress,
            decoder: Some(Decoder::new()),
            named: Names::default(),
            builder: FlowBuilder::new(),
            batch: WriteBatch::new(),
            kept: load.clone(),
            load,
            committed: Instant::now(),
            in_file: false,
            file_from: 0,
            failure: None,
        })
    }

    /// Whether nothing more is to be read.
    pub(super) fn is_over(&self) -> bool {
        self.failure.is_some() || self.options.stop.load(Relaxed)
    }

    fn go_on(&self) -> ControlFlow<()> {
        if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Reads one input to its end, or until the load is over.
    pub(super) fn read(&mut self, input: &Input) {
        let progress = self.progress;
        let before = self.load.files.len();
        self.in_file = false;
        self.file_from = progress.bytes_done.load(Relaxed);
        tracing::debug!("read {input}");
        let result = capture::read(input, &progress.bytes_done, self);
        self.end_file();
        match result {
            Ok(report) => self.note(before, &report),
            Err(error) => {
                let problem = chain(&error);
                tracing::info!("{input}: {problem}");
                files::enter_fault(&mut self.load.files, before, &input.to_string(), problem);
            }
        }
    }

    /// Makes everything durable, and closes the ledger entry.
    pub(super) fn finish(mut self) -> Result<Load, LoadError> {
        self.load.interrupted = self.options.stop.load(Relaxed);
        self.give_up_waiting();
        self.attempt(Self::make_durable);
        if self.failure.is_none() {
            self.load.finished = Some(UnixMillis::now());
            self.attempt(Self::record);
        }
        match self.failure {
            None => Ok(self.load),
            Some(source) => {
                self.kept.finished = Some(UnixMillis::now());
                self.kept.failure = Some(chain(&source));
                // The store that failed may well refuse this as well; its own error says more. One
                // that was waited for in vain is not waited for once more.
                if !matches!(source, StoreError::Unreachable { .. }) {
                    let _ = self.writer.record(&self.kept);
                }
                Err(LoadError::Stopped { kept: Box::new(self.kept), source })
            }
        }
    }

    fn account(&mut self) -> &mut Account {
        &mut self.load.account
    }

    /// Takes the counts that only the reader of the capture knows.
    fn note(&mut self, before: usize, report: &Report) {
        for fault in &report.faults {
            tracing::info!("{fault}");
        }
        files::enter_faults(&mut self.load.files, before, report);
        let account = self.account();
        account.captured_packets += report.packets;
        for (reason, packets) in report.skipped.iter() {
            *account.skipped_packets.entry(reason.to_string()).or_default() += packets;
        }
        account.faults += report.faults.len() as u64 + report.more_faults;
        account.other_files += report.other_files;
        let room = files::MAX_FILES_LISTED.saturating_sub(self.load.other_files.len());
        self.load.other_files.extend(report.other_names.iter().take(room).cloned());
    }

    /// The file being read, if any is.
    fn file_mut(&mut self) -> Option<&mut LoadedFile> {
        self.load.files.last_mut().filter(|_| self.in_file)
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
        let file = self.load.files.len().wrapping_sub(usize::from(self.in_file));
        let Some(mut decoder) = self.decoder.take() else { return };
        let outcome = decoder.decode(datagram, file);
        self.taken(datagram, file, outcome);
        self.take_ready(&mut decoder);
        self.decoder = Some(decoder);
    }

    /// Decodes the datagrams that need not wait any more.
    fn take_ready(&mut self, decoder: &mut Decoder) {
        while let Some(held) = decoder.next_ready() {
            self.account().waiting_for_template -= 1;
            let outcome = decoder.decode_held(&held);
            let Held { mark, .. } = held;
            self.taken(&held.datagram(), mark, outcome);
        }
    }

    /// What still waits is read as far as its templates are known.
    fn give_up_waiting(&mut self) {
        let Some(mut decoder) = self.decoder.take() else { return };
        if self.failure.is_none() {
            decoder.give_up();
            self.take_ready(&mut decoder);
        }
        self.decoder = Some(decoder);
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
            Ok(Outcome::Waits) => self.account().waiting_for_template += 1,
            Err(error) => self.undecoded(datagram, error),
        }
    }

    fn decoded(&mut self, datagram: &Datagram<'_>, file: usize, decoded: &Decoded<'_>) {
        let id = DatagramId::new(decoded.identity_secs, datagram.exporter, datagram.payload);
        match self.writer.admit(id) {
            Ok(true) => self.append(datagram, file, decoded, id),
            Ok(false) => {
                for packet in decoded.packets() {
                    self.builder.observe(packet, datagram.exporter, datagram.src_port);
                }
                let records = decoded.records();
                let account = self.account();
                account.duplicate_datagrams += 1;
                account.duplicate_records += records;
                account.records += records;
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
        let WriteBatch { datagrams, v4, v6 } = &self.batch;
        let flows = self.batch.len().max(datagrams.len()) + decoded.records() as usize;
        let extras_bytes = v4.extras.bytes() + v6.extras.bytes();
        if flows > self.options.batch_flows || extras_bytes > MAX_EXTRAS_BYTES {
            self.attempt(Self::write);
        }
        self.batch.datagrams.push(id);
        self.account().decoded += 1;
        for packet in decoded.packets() {
            self.append_packet(datagram, file, packet, id);
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
        let mut to = Batches { v4: &mut self.batch.v4, v6: &mut self.batch.v6 };
        let appended =
            self.builder.append(packet, datagram.exporter, datagram.src_port, id, &mut to);
        let account = self.account();
        account.records += appended.records;
        account.stored += appended.appended;
        account.clamped += appended.clamped;
        for (reason, records) in appended.rejected() {
            count(&mut account.rejected, reason, records);
        }
        if let Some(file) = self.load.files.get_mut(file) {
            file.stored += appended.appended;
        }
        self.progress.records.fetch_add(appended.records, Relaxed);
    }

    fn undecoded(&mut self, datagram: &Datagram<'_>, error: DecodeError) {
        if !error.is_flow_export() {
            self.account().not_flow_export += 1;
            return;
        }
        let malformed = count(&mut self.account().malformed, error.label(), 1);
        if malformed <= MAX_LOGGED {
            let file = self.load.files.last();
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
            flows.sources = self.builder.sources();
            sum_up(self.account(), flows);
        }
        self.batch = self.writer.write(batch)?;
        Ok(())
    }

    /// Makes what was read durable.
    fn make_durable(&mut self) -> Result<(), StoreError> {
        self.write()?;
        self.load.account.lost = self.builder.lost();
        debug_assert!(self.load.account.balances(), "{:?}", self.load.account);
        self.writer.commit()?;
        self.name()?;
        self.kept = self.load.clone();
        self.committed = Instant::now();
        Ok(())
    }

    /// Keeps what exporters call their interfaces, VRFs and applications, where that is new.
    fn name(&mut self) -> Result<(), StoreError> {
        let Some(names) = self.decoder.as_ref().map(Decoder::names) else { return Ok(()) };
        if *names != self.named {
            self.writer.name(names)?;
            self.named.clone_from(names);
        }
        Ok(())
    }

    /// Says in the ledger how the load stands.
    fn record(&mut self) -> Result<(), StoreError> {
        self.writer.record(&self.load)
    }
}

impl Sink for Pipeline<'_> {
    fn file(&mut self, name: &str) {
        self.end_file();
        tracing::debug!("capture {name}");
        files::begin(&mut self.load.files, name);
        self.in_file = true;
    }

    fn poll(&mut self) -> ControlFlow<()> {
        self.go_on()
    }

    fn idle(&mut self) -> ControlFlow<()> {
        // Where nothing came since the last commit, there is nothing to say either.
        if self.committed.elapsed() >= self.options.commit_every
            && self.load.account != self.kept.account
        {
            self.attempt(Self::make_durable);
            self.attempt(Self::record);
        }
        self.go_on()
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) -> ControlFlow<()> {
        self.progress.datagrams.fetch_add(1, Relaxed);
        self.account().datagrams += 1;
        if let Some(file) = self.file_mut() {
            file.datagrams += 1;
        }
        self.take(datagram);
        debug_assert!(
            self.failure.is_some() || self.load.account.balances(),
            "{:?}",
            self.load.account
        );
        if self.committed.elapsed() >= self.options.commit_every {
            self.attempt(Self::make_durable);
            self.attempt(Self::record);
        }
        self.go_on()
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

/// Adds to a count, and returns it.
fn count(counts: &mut BTreeMap<String, u64>, reason: &str, more: u64) -> u64 {
    if let Some(count) = counts.get_mut(reason) {
        *count += more;
        return *count;
    }
    *counts.entry(reason.to_owned()).or_insert(more)
}

/// Adds the times, octets and packets of `flows`.
fn sum_up(account: &mut Account, flows: &FlowBatch) {
    account.octets += flows.octets.iter().map(|&octets| u128::from(octets)).sum::<u128>();
    account.packets += flows.packets.iter().map(|&packets| u128::from(packets)).sum::<u128>();
    let first = flows.first_ms.iter().min().map(|&first| UnixMillis(first));
    let last = flows
        .first_ms
        .iter()
        .zip(&flows.duration_ms)
        .map(|(&first, &duration)| UnixMillis(first) + u64::from(duration))
        .max();
    // `None` is less than any time.
    account.first = account.first.into_iter().chain(first).min();
    account.last = account.last.max(last);
}

/// An error and its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
