//! The flows of export packets, appended to batches.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::counted::Counted;
use super::sequence::{Sequences, Span, Stream, Told};
use super::sources::SourceTable;
use super::{Appended, Batches, ExportClock, Rates, data, fixed};
use crate::flow::{DatagramId, Lost, Remembered, SequenceUnit, Source, UnixMillis, canonical};
use crate::netflow::{ExportPacket, Records, v1, v5, v7};

/// Turns export packets into flows, for one reader of datagrams.
///
/// It knows no file and no store: the caller tells duplicates apart, and keeps the batches. The
/// rows that [`Self::append`] adds count in [`Self::sources`]; set what [`Self::take_sources`]
/// gives on both batches before they are handed over:
///
/// ```
/// use earlgrey_hbase::flow::{DatagramId, Family, FlowBatch};
/// use earlgrey_hbase::netflow::{self, v5};
/// use earlgrey_hbase::normalise::{Batches, FlowBuilder};
///
/// let record = v5::Record { octets: 1500, packets: 1, ..v5::Record::default() };
/// let header = v5::Header { count: 1, unix_secs: 1_186_040_527, ..v5::Header::default() };
/// let mut payload = Vec::new();
/// v5::encode(&header, &[record], &mut payload);
///
/// let exporter = [192, 0, 2, 1].into();
/// let packet = netflow::decode(&payload, payload.len())?;
/// let id = DatagramId::new(packet.exported_secs, exporter, &payload);
/// let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
/// let mut builder = FlowBuilder::new();
/// let mut batches = Batches { v4: &mut v4, v6: &mut v6 };
/// let appended = builder.append(&packet, exporter, 40_000, id, &mut batches);
/// v4.sources = builder.take_sources();
/// assert_eq!(appended.appended, 1);
/// assert_eq!(v4.record(0).octets, 1500);
/// # Ok::<(), netflow::DecodeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FlowBuilder {
    sources: SourceTable,
    sequences: Sequences,
    counted: Counted,
    rates: Rates,
    received: Option<UnixMillis>,
}

impl FlowBuilder {
    /// A builder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the flows of `packet`, which `exporter` sent from UDP port `src_port`, in export
    /// order, and notes its sequence number.
    pub fn append(
        &mut self,
        packet: &ExportPacket<'_>,
        exporter: IpAddr,
        src_port: u16,
        id: DatagramId,
        to: &mut Batches<'_>,
    ) -> Appended {
        self.observe(packet, exporter, src_port);
        let whole = packet.len() as u64;
        let missing = u64::from(packet.missing);
        let outcome = Appended { records: whole + missing, cut: missing, ..Appended::default() };
        let sender = exporter;
        let exporter = packet.exporter.map_or(sender, canonical);
        let sampling = self.rates.applied(exporter, packet.sampling);
        let source = Source { exporter, engine: packet.engine, sampling };
        let clock = ExportClock::new(packet.exported(), packet.uptime_ms.unwrap_or(0));
        if let Records::Data(records, extras) = packet.records {
            let sources = &mut self.sources;
            let received = self.received;
            let (counted, rates) = (&mut self.counted, &self.rates);
            let mut data =
                data::Data { clock, received, source, rates, sender, id, sources, counted, extras };
            return data.append(records, packet, to, outcome);
        }
        let Some(source) = self.sources.place(source, sender) else {
            return Appended { no_room_for_source: whole, ..outcome };
        };
        let at = fixed::At { clock, source, id, first_index: packet.first_index };
        let (appended, clamped) = match packet.records {
            Records::V1(records) => fixed::append(records, v1::read, at, to.v4),
            Records::V5(records) => fixed::append(records, v5::Record::read, at, to.v4),
            Records::V7(records) => fixed::append(records, v7::read, at, to.v4),
            Records::Data(..) => (0, 0),
        };
        Appended { appended, clamped, before_1970: whole - appended, ..outcome }
    }

    /// Takes what a user says of how exporters sample.
    pub fn set_rates(&mut self, rates: Rates) {
        self.rates = rates;
    }

    /// Tells when what is appended next was received. Who has it from a capture, whose times may be
    /// anybody's, does not say it.
    pub fn set_received(&mut self, received: UnixMillis) {
        self.received = Some(received);
    }

    /// Notes the sequence number of a packet whose flows are not wanted, such as a duplicate's:
    /// what was seen before is not lost now.
    pub fn observe(&mut self, packet: &ExportPacket<'_>, exporter: IpAddr, src_port: u16) {
        let Some(sequence) = packet.sequence else { return };
        let told = match packet.uptime_ms {
            Some(uptime_ms) => Told::Clock(ExportClock::new(packet.exported(), uptime_ms)),
            None => Told::Time(packet.exported()),
        };
        let sender = exporter;
        let exporter = packet.exporter.map_or(sender, canonical);
        self.sequences.observe(
            sender,
            Stream { exporter, engine: packet.engine, src_port, unit: sequence.unit },
            told,
            Span { from: sequence.from, count: sequence.count, otherwise: sequence.otherwise },
        );
    }

    /// Every source of the flows appended since [`Self::take_sources`]. It only grows: a batch may
    /// be given a table that is longer than it needs.
    pub fn sources(&self) -> Arc<Vec<Source>> {
        self.sources.list()
    }

    /// Those of [`Self::sources`] that only others than their exporters sent, as agents of sFlow
    /// do: a forger chooses these.
    pub fn claimed(&self) -> &HashSet<Source> {
        self.sources.claimed()
    }

    /// The sources of the flows appended so far, for batches that are handed over; flows appended
    /// from now on count in a new table. So nobody is refused for what was sent before.
    pub fn take_sources(&mut self) -> Arc<Vec<Source>> {
        self.sources.take()
    }

    /// The places of `sources`, each of which its exporter tells itself; None if there is no room for
    /// one of them.
    pub(crate) fn places(&mut self, sources: &[Source]) -> Option<Vec<u32>> {
        let place = |&source: &Source| self.sources.place(source, source.exporter);
        sources.iter().map(place).collect()
    }

    /// Whether batches are to be handed over, as there may be no room for the sources of one
    /// datagram more.
    pub fn is_nearly_full(&self) -> bool {
        self.sources.is_nearly_full()
    }

    /// Whose sequence numbers count something else than their format says.
    pub fn sequence_units(&self) -> Vec<SequenceUnit> {
        self.sequences.units()
    }

    /// Takes in what a store remembers of flows that are told of again and again
    /// ([`Topic::Counted`]).
    ///
    /// [`Topic::Counted`]: crate::flow::Topic::Counted
    pub fn restore(&mut self, memos: &Remembered) {
        self.counted.restore(memos);
    }

    /// What a store is to remember of these since this was asked last.
    pub fn take_memos(&mut self) -> Remembered {
        self.counted.take_memos()
    }

    /// What is lost so far, by exporter and engine, where anything is.
    pub fn lost(&self) -> Vec<Lost> {
        self.sequences.lost()
    }
}

#[cfg(test)]
mod tests;
