//! What becomes of each datagram: its flows go into a batch, it into the accounts.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::account::{count, sum_up};
use super::exporters::{ByExporter, Exported};
use super::{Options, Progress};
use crate::capture::Datagram;
use crate::flow::{DatagramId, UnixMillis};
use crate::netflow::{DecodeError, Decoded, Decoder, ExportPacket, Fault, Held, Outcome};
use crate::normalise::{Batches, FlowBuilder};
use crate::store::{AHEAD_MS, Account, Load, StoreError, WriteBatch, Writer};

/// So many malformed datagrams are logged one by one; all of them are counted.
const MAX_LOGGED: u64 = 10;

/// A batch is handed over, however few flows it has, once what these have beyond their common
/// fields takes so many bytes.
const MAX_EXTRAS_BYTES: usize = 128 << 20;

/// All of a load but its decoder, in whose hands a datagram is.
pub(super) struct Batcher<'p> {
    pub(super) writer: &'p mut dyn Writer,
    pub(super) options: &'p Options,
    pub(super) progress: &'p Progress,
    pub(super) builder: &'p mut FlowBuilder,
    pub(super) load: &'p mut Load,
    pub(super) exporters: &'p mut ByExporter<Exported>,
    pub(super) clocks_ahead: &'p mut u64,
    /// Flows that are not handed over yet.
    pub(super) batch: &'p mut WriteBatch,
    /// What the store said when it failed.
    pub(super) failure: &'p mut Option<StoreError>,
}

impl Batcher<'_> {
    /// Decodes `datagram`, and every one that waited for a template in it. `file` is the place of
    /// the file that it is in.
    pub(super) fn take(&mut self, decoder: &mut Decoder, datagram: &Datagram<'_>, file: usize) {
        let outcome = decoder.decode(datagram, file);
        self.taken(datagram, file, outcome);
        // What waits has arrived: it is not lost as well.
        for packet in decoder.unread() {
            self.builder.observe(&packet, datagram.exporter, datagram.src_port);
        }
        self.take_ready(decoder);
    }

    /// Decodes the datagrams that need not wait any more.
    pub(super) fn take_ready(&mut self, decoder: &mut Decoder) {
        while let Some(held) = decoder.next_ready() {
            self.account().waiting_for_template -= 1;
            self.exporters.of(held.datagram().exporter).waiting -= 1;
            let outcome = decoder.decode_held(&held);
            let Held { mark, .. } = held;
            self.taken(&held.datagram(), mark, outcome);
        }
    }

    /// Hands the batch over.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut batch = std::mem::take(self.batch);
        batch.claimed.clone_from(self.builder.claimed());
        let sources = self.builder.take_sources();
        for flows in [&mut batch.v4, &mut batch.v6] {
            flows.sources = Arc::clone(&sources);
            sum_up(self.account(), flows);
        }
        *self.batch = self.writer.write(batch)?;
        Ok(())
    }

    fn account(&mut self) -> &mut Account {
        &mut self.load.account
    }

    fn exporter(&mut self, datagram: &Datagram<'_>) -> &mut Exported {
        self.exporters.of(datagram.exporter)
    }

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
                    self.builder.observe(packet, datagram.exporter, datagram.src_port);
                }
                let records = decoded.records();
                let account = self.account();
                account.duplicate_datagrams += 1;
                account.duplicate_records += records;
                account.records += records;
                self.exporter(datagram).duplicates += 1;
                self.progress.records.fetch_add(records, Relaxed);
            }
            Err(error) => *self.failure = Some(error),
        }
    }

    fn append(
        &mut self,
        datagram: &Datagram<'_>,
        file: usize,
        decoded: &Decoded<'_>,
        id: DatagramId,
    ) {
        let WriteBatch { datagrams, v4, v6, .. } = &*self.batch;
        let flows = self.batch.len().max(datagrams.len()) + decoded.records() as usize;
        let extras_bytes = v4.extras.bytes() + v6.extras.bytes();
        let is_full = flows > self.options.batch_flows
            || extras_bytes > MAX_EXTRAS_BYTES
            || self.builder.is_nearly_full();
        if is_full && self.failure.is_none() {
            *self.failure = self.write().err();
        }
        if self.batch.is_empty() {
            self.batch.usual.set_present(UnixMillis::now());
        }
        self.batch.datagrams.push(id);
        let rows = [self.batch.v4.len(), self.batch.v6.len()];
        self.account().decoded += 1;
        self.exporter(datagram).decoded += 1;
        for packet in decoded.packets() {
            if let Some(sent) = self.sent(datagram, packet) {
                self.batch.usual.enter(sent);
            }
            self.append_packet(datagram, file, packet, id);
        }
        let WriteBatch { v4, v6, usual, ahead, .. } = &mut *self.batch;
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
            self.exporter(datagram).faulty += 1;
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
        if self.options.live {
            self.builder.set_received(datagram.received);
        }
        let mut to = Batches { v4: &mut self.batch.v4, v6: &mut self.batch.v6 };
        let appended =
            self.builder.append(packet, datagram.exporter, datagram.src_port, id, &mut to);
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
        let mut rejected = 0;
        for (reason, records) in appended.rejected() {
            count(&mut account.rejected, reason, records);
            rejected += records;
        }
        let exporter = self.exporter(datagram);
        exporter.flows += appended.appended;
        exporter.rejected += rejected;
        exporter.not_believed += appended.not_believed;
        if let Some(file) = self.load.files.get_mut(file) {
            file.stored += appended.appended;
        }
        self.progress.records.fetch_add(appended.records, Relaxed);
    }

    /// When a datagram was sent, as far as that is known: when it was received. The times of a
    /// capture may be anybody's, and so may those that exporters tell; what both say counts.
    fn sent(&self, datagram: &Datagram<'_>, packet: &ExportPacket<'_>) -> Option<UnixMillis> {
        let (told, received) = (packet.exported(), datagram.received);
        let agree = (told - received).max(received - told) <= AHEAD_MS;
        (self.options.live || agree).then_some(received)
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
            *self.clocks_ahead += 1;
            if *self.clocks_ahead <= MAX_LOGGED {
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
            let file = self.load.files.last();
            tracing::warn!(
                "{}: datagram {} from {}: {error}",
                file.map_or("", |file| &file.path),
                file.map_or(0, |file| file.datagrams),
                datagram.exporter,
            );
        }
    }
}
