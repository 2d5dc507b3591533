//! Export packets become flows: absolute times, one table of sources, and who lost how many.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::sequence::{Sequences, Span, Stream};
use super::sources::SourceTable;
use super::{DatagramId, ExportClock, FlowBatch, Source};
use crate::netflow::{ExportPacket, Records};

mod v5;

/// Turns export packets into flows, for one reader of datagrams.
///
/// It knows no file and no store: the caller tells duplicates apart, and keeps the batches. The
/// rows that [`Self::append`] adds count in [`Self::sources`]; set that on a batch before it is
/// handed over:
///
/// ```
/// use earlgrey_hbase::flow::{Batches, DatagramId, Family, FlowBatch, FlowBuilder};
/// use earlgrey_hbase::netflow::{self, v5};
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
/// v4.sources = builder.sources();
/// assert_eq!(appended.appended, 1);
/// assert_eq!(v4.record(0).octets, 1500);
/// # Ok::<(), netflow::DecodeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FlowBuilder {
    sources: SourceTable,
    sequences: Sequences,
}

/// The batches that flows are appended to, by family.
#[derive(Debug)]
pub struct Batches<'a> {
    /// Takes the flows between IPv4 addresses.
    pub v4: &'a mut FlowBatch,
    /// Takes the flows between IPv6 addresses.
    pub v6: &'a mut FlowBatch,
}

/// What became of the records of one datagram, or of many.
///
/// `records = appended + cut + before_1970 + no_room_for_source`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Records that the exporter sent.
    pub records: u64,
    /// Records that are flows of the batch now.
    pub appended: u64,
    /// Rejected: records that are not whole in the payload.
    pub cut: u64,
    /// Rejected: flows that would have begun before 1970.
    pub before_1970: u64,
    /// Rejected: flows of one source more than is told apart.
    pub no_room_for_source: u64,
    /// Flows among [`Self::appended`] whose last packet was stamped before their first: they are
    /// given no duration.
    pub clamped: u64,
}

impl Appended {
    /// The rejected records by reason; labels never change once released.
    pub fn rejected(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("cut", self.cut),
            ("before 1970", self.before_1970),
            ("too many sources", self.no_room_for_source),
        ]
        .into_iter()
        .filter(|&(_, records)| records > 0)
    }
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
        let source = Source { exporter, engine: packet.engine, sampling: packet.sampling };
        let Some(source) = self.sources.place(source) else {
            return Appended { no_room_for_source: whole, ..outcome };
        };
        let clock = ExportClock::new(packet.exported(), packet.uptime_ms);
        let (appended, clamped) = match packet.records {
            Records::V5(records) => v5::append(records, clock, source, id, to.v4),
        };
        Appended { appended, clamped, before_1970: whole - appended, ..outcome }
    }

    /// Notes the sequence number of a packet whose flows are not wanted, such as a duplicate's:
    /// what was seen before is not lost now.
    pub fn observe(&mut self, packet: &ExportPacket<'_>, exporter: IpAddr, src_port: u16) {
        let clock = ExportClock::new(packet.exported(), packet.uptime_ms);
        self.sequences.observe(
            Stream { exporter, engine: packet.engine, src_port },
            clock,
            Span { from: packet.sequence, flows: packet.len() as u32 + packet.missing },
        );
    }

    /// Every source of the flows appended so far. It only grows: a batch may be given a table that
    /// is longer than it needs.
    pub fn sources(&self) -> Arc<Vec<Source>> {
        self.sources.list()
    }

    /// How many flows are lost so far, by exporter and engine, where any are.
    pub fn lost(&self) -> BTreeMap<(IpAddr, u32), u64> {
        self.sequences.lost()
    }
}

#[cfg(test)]
mod tests;
