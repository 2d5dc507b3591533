//! The flows of each datagram go into a batch, and full batches to the store.

#[cfg(feature = "kafka")]
use std::slice;
use std::sync::Arc;

use super::Options;
use super::accounts::Accounts;
use crate::capture::Datagram;
use crate::flow::{DatagramId, UnixMillis};
#[cfg(feature = "kafka")]
use crate::flow::{Origin, Source, canonical};
use crate::import::Piece;
#[cfg(feature = "kafka")]
use crate::import::{self, message::Messages};
use crate::netflow::{DecodeError, Decoded, Decoder, ExportPacket, Held, Outcome};
#[cfg(feature = "kafka")]
use crate::normalise::Appended;
use crate::normalise::{Batches, FlowBuilder};
use crate::store::{AHEAD_MS, StoreError, WriteBatch, Writer};

/// A batch is handed over, however few flows it has, once what these have beyond their common
/// fields takes so many bytes.
const MAX_EXTRAS_BYTES: usize = 128 << 20;

/// Fills batches, but for the decoder, in whose hands a datagram is.
pub(super) struct Batcher {
    pub(super) writer: Box<dyn Writer>,
    pub(super) options: Options,
    pub(super) builder: FlowBuilder,
    pub(super) accounts: Accounts,
    /// Flows that are not handed over yet.
    pub(super) batch: WriteBatch,
}

impl Batcher {
    /// Decodes `datagram`, and every one that waited for a template in it.
    ///
    /// # Errors
    ///
    /// What the store met, as with all that follows.
    pub(super) fn take(
        &mut self,
        decoder: &mut Decoder,
        datagram: &Datagram<'_>,
    ) -> Result<(), StoreError> {
        let file = self.accounts.enter(datagram);
        let outcome = decoder.decode(datagram, file);
        self.taken(datagram, file, outcome)?;
        self.accounts.conflicts(datagram, decoder.conflicts());
        // What waits has arrived: it is not lost as well.
        for packet in decoder.unread() {
            self.builder.observe(&packet, datagram.exporter, datagram.src_port);
        }
        self.take_ready(decoder)
    }

    /// Decodes the datagrams that need not wait any more.
    pub(super) fn take_ready(&mut self, decoder: &mut Decoder) -> Result<(), StoreError> {
        while let Some(held) = decoder.next_ready() {
            self.accounts.waits_no_more(&held.datagram());
            let outcome = decoder.decode_held(&held);
            let Held { mark, .. } = held;
            self.taken(&held.datagram(), mark, outcome)?;
        }
        Ok(())
    }

    /// Hands the batch over.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.claimed.clone_from(self.builder.claimed());
        let sources = self.builder.take_sources();
        for flows in [&mut batch.v4, &mut batch.v6] {
            flows.sources = Arc::clone(&sources);
            self.accounts.sum_up(flows);
        }
        self.batch = self.writer.write(batch)?;
        Ok(())
    }

    fn taken(
        &mut self,
        datagram: &Datagram<'_>,
        file: usize,
        outcome: Result<Outcome<'_>, DecodeError>,
    ) -> Result<(), StoreError> {
        match outcome {
            Ok(Outcome::Decoded(decoded)) => return self.decoded(datagram, file, &decoded),
            Ok(Outcome::Waits) => self.accounts.waits(datagram),
            Ok(Outcome::GivenUp) => self.accounts.given_up(datagram),
            Err(error) => self.accounts.undecoded(datagram, error),
        }
        Ok(())
    }

    fn decoded(
        &mut self,
        datagram: &Datagram<'_>,
        file: usize,
        decoded: &Decoded<'_>,
    ) -> Result<(), StoreError> {
        let id = DatagramId::new(decoded.identity_secs, datagram.exporter, datagram.payload);
        if self.writer.admit(id)? {
            return self.append(datagram, file, decoded, id);
        }
        for packet in decoded.packets() {
            self.builder.observe(packet, datagram.exporter, datagram.src_port);
        }
        self.accounts.duplicate(datagram, decoded.records());
        Ok(())
    }

    fn append(
        &mut self,
        datagram: &Datagram<'_>,
        file: usize,
        decoded: &Decoded<'_>,
        id: DatagramId,
    ) -> Result<(), StoreError> {
        if self.is_full(decoded.records() as usize) {
            self.write()?;
        }
        if self.batch.is_empty() {
            self.batch.usual.set_present(UnixMillis::now());
        }
        self.batch.datagrams.push(id);
        let rows = [self.batch.v4.len(), self.batch.v6.len()];
        for packet in decoded.packets() {
            if let Some(sent) = self.sent(datagram, packet) {
                self.batch.usual.enter(sent);
            }
            self.append_packet(datagram, file, packet, id);
        }
        let WriteBatch { v4, v6, usual, ahead, .. } = &mut self.batch;
        let firsts = v4.first_ms[rows[0]..].iter().chain(&v6.first_ms[rows[1]..]);
        if firsts.max().is_some_and(|&first| usual.is_ahead(UnixMillis(first))) {
            ahead.push(id);
        }
        self.accounts.decoded(datagram, decoded.packets().find_map(|packet| packet.fault));
        Ok(())
    }

    /// Takes a piece, unless it was met before.
    ///
    /// # Errors
    ///
    /// What the store met.
    pub(super) fn take_piece(&mut self, piece: Piece) -> Result<(), StoreError> {
        if !self.writer.admit(piece.id)? {
            self.accounts.duplicate_piece(&piece);
            return Ok(());
        }
        self.accounts.piece(&piece);
        let flows = piece.v4.len() + piece.v6.len();
        let places =
            if self.is_full(flows) { None } else { self.builder.places(&piece.v4.sources) };
        let places = if let Some(places) = places {
            places
        } else {
            self.write()?;
            // A table that begins anew has room for the sources of a piece.
            self.builder.take_sources();
            self.builder.places(&piece.v4.sources).unwrap_or_default()
        };
        if self.batch.is_empty() {
            self.batch.usual.set_present(UnixMillis::now());
        }
        self.batch.datagrams.push(piece.id);
        let WriteBatch { v4, v6, usual, ahead, .. } = &mut self.batch;
        let firsts = piece.v4.first_ms.iter().chain(&piece.v6.first_ms);
        if firsts.max().is_some_and(|&first| usual.is_ahead(UnixMillis(first))) {
            ahead.push(piece.id);
        }
        for (flows, mut of_piece) in [(v4, piece.v4), (v6, piece.v6)] {
            for source in &mut of_piece.source {
                *source = places.get(*source as usize).copied().unwrap_or(0);
            }
            // All rows of the batch count in one table, which it gets when it is handed over.
            of_piece.sources = Arc::clone(&flows.sources);
            flows.append_rows(&of_piece, 0..of_piece.len());
        }
        Ok(())
    }

    /// Takes a message of a topic, unless it was met before: the flows that `of` was read to. That of
    /// a message that tells whose record it is has `origin`.
    ///
    /// # Errors
    ///
    /// What the store met.
    #[cfg(feature = "kafka")]
    pub(super) fn take_message(
        &mut self,
        id: DatagramId,
        origin: Option<Origin>,
        of: &Messages,
    ) -> Result<(), StoreError> {
        let flows = of.flows();
        if !self.writer.admit(id)? {
            self.accounts.duplicate_message(flows.len() as u64);
            return Ok(());
        }
        if self.is_full(flows.len()) {
            self.write()?;
        }
        if self.batch.is_empty() {
            self.batch.usual.set_present(UnixMillis::now());
        }
        self.batch.datagrams.push(id);
        let WriteBatch { v4, v6, usual, ahead, .. } = &mut self.batch;
        let rows = [v4.len(), v6.len()];
        let mut appended = Appended::default();
        for (index, (record, source)) in flows.iter().enumerate() {
            let told = canonical(source.exporter);
            let ours = self.options.exporter.map(canonical).filter(|_| told.is_unspecified());
            let source = Source { exporter: ours.unwrap_or(told), ..*source };
            let packet = import::packet(source, slice::from_ref(record), of.extras(), index);
            let mut to = Batches { v4: &mut *v4, v6: &mut *v6 };
            appended.add(&self.builder.append(&packet, source.exporter, 0, id, &mut to));
        }
        if let (Some(origin), 1) = (origin, appended.appended + appended.reverse) {
            let mut new = v4.origin[rows[0]..].iter_mut().chain(&mut v6.origin[rows[1]..]);
            new.by_ref().for_each(|row| *row = origin);
        }
        let firsts = v4.first_ms[rows[0]..].iter().chain(&v6.first_ms[rows[1]..]);
        if firsts.max().is_some_and(|&first| usual.is_ahead(UnixMillis(first))) {
            ahead.push(id);
        }
        self.accounts.message(&appended);
        Ok(())
    }

    /// Whether the batch is to be handed over before so many flows more.
    fn is_full(&self, flows: usize) -> bool {
        let WriteBatch { datagrams, v4, v6, .. } = &self.batch;
        self.batch.len().max(datagrams.len()) + flows > self.options.batch_flows
            || v4.extras.bytes() + v6.extras.bytes() > MAX_EXTRAS_BYTES
            || self.builder.is_nearly_full()
    }

    fn append_packet(
        &mut self,
        datagram: &Datagram<'_>,
        file: usize,
        packet: &ExportPacket<'_>,
        id: DatagramId,
    ) {
        let WriteBatch { v4, v6, .. } = &mut self.batch;
        let rows = [v4.len(), v6.len()];
        if self.options.live {
            self.builder.set_received(datagram.received);
        }
        let mut to = Batches { v4, v6 };
        let appended =
            self.builder.append(packet, datagram.exporter, datagram.src_port, id, &mut to);
        let by_ms = self.ahead_ms(datagram, packet);
        if by_ms > 0 {
            self.batch.v4.move_back(rows[0], by_ms);
            self.batch.v6.move_back(rows[1], by_ms);
            self.accounts.moved(datagram, by_ms, appended.appended + appended.reverse);
        } else if let Some(ahead_ms) = clock_off(datagram, packet) {
            self.accounts.clock_off(datagram, ahead_ms);
        }
        self.accounts.before_rate(datagram, packet.engine, appended.before_rate);
        self.accounts.appended(datagram, file, &appended);
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
}

/// How far the clock of `packet` is ahead of its receipt, or, where that is negative, behind it, if
/// that is more than a day. Who received it at the beginning of 1970 had no clock either.
fn clock_off(datagram: &Datagram<'_>, packet: &ExportPacket<'_>) -> Option<i64> {
    let (told, received) = (packet.exported(), datagram.received);
    let is_off = (told - received).max(received - told) > AHEAD_MS && received.day() > 0;
    is_off.then(|| told.0.cast_signed().saturating_sub(received.0.cast_signed()))
}
