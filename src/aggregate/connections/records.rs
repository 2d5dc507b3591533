//! What hosts sent and received, host by host, in the order of time.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::conversations::{WayBack, ports};
use super::open::Told;
use super::{Joining, Timeouts};
use crate::flow::{Addresses, Column, Columns, Family, FlowBatch, Protocol, Source};
use crate::store::{FlowStream, Result};

/// What must be known of a flow.
pub(super) const COLUMNS: Columns = Columns::of(&[
    Column::Src,
    Column::First,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
    Column::Octets,
    Column::Packets,
    Column::Duration,
    Column::TcpFlags,
    Column::Tos,
    Column::Source,
    Column::Extras,
]);

/// What some hosts sent, and what they received, each in key order.
pub(super) struct Records {
    sent: Cursor,
    received: Cursor,
}

impl Records {
    pub(super) fn new(sent: FlowStream, received: FlowStream, joining: &Joining) -> Self {
        Self {
            sent: Cursor::new(sent, true, joining),
            received: Cursor::new(received, false, joining),
        }
    }

    /// The next record of the next host.
    ///
    /// # Errors
    ///
    /// What reading meets.
    pub(super) fn next(&mut self) -> Result<Option<(Family, u128, Told)>> {
        let (sent, received) = (self.sent.key()?, self.received.key()?);
        let is_sent = match (sent, received) {
            (None, None) => return Ok(None),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            // Of two that began at once, that of the lower end comes first, so that both hosts see
            // what they said to each other in one order.
            (Some(sent), Some(received)) => match sent.cmp(&received) {
                Ordering::Equal => sent.host < self.received.peer(),
                order => order.is_lt(),
            },
        };
        let cursor = if is_sent { &mut self.sent } else { &mut self.received };
        Ok(Some(cursor.take()))
    }
}

/// What a record comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    family: Family,
    host: u128,
    first_ms: u64,
}

/// One direction.
struct Cursor {
    flows: FlowStream,
    batch: FlowBatch,
    row: usize,
    by_host: bool,
    timeouts: Arc<Timeouts>,
    margin_ms: u64,
    /// Of each source of the batch: after what silence it is over, and whether it samples.
    sources: Vec<(u64, bool)>,
}

impl Cursor {
    fn new(flows: FlowStream, by_host: bool, joining: &Joining) -> Self {
        let Joining { timeouts, margin_ms, .. } = joining;
        let (batch, row, sources) = (FlowBatch::new(Family::V4), 0, Vec::new());
        let (timeouts, margin_ms) = (Arc::clone(timeouts), *margin_ms);
        Self { flows, batch, row, by_host, timeouts, margin_ms, sources }
    }

    /// What the next record comes by.
    fn key(&mut self) -> Result<Option<Key>> {
        while self.row >= self.batch.len() {
            let Some(batch) = self.flows.next() else { return Ok(None) };
            (self.batch, self.row) = (batch?, 0);
            let of = |source: &Source| {
                let gap_ms =
                    self.timeouts.active_ms(source.exporter).saturating_add(self.margin_ms);
                (gap_ms, source.sampling.interval > 1)
            };
            self.sources = self.batch.sources.iter().map(of).collect();
        }
        let (hosts, first_ms) = (self.ends().0, self.batch.first_ms[self.row]);
        Ok(Some(Key { family: self.batch.family(), host: hosts.bits(self.row), first_ms }))
    }

    /// The addresses that lead, and those at the other end.
    fn ends(&self) -> (&Addresses, &Addresses) {
        let FlowBatch { src, dst, .. } = &self.batch;
        if self.by_host { (src, dst) } else { (dst, src) }
    }

    /// The other end of the record that [`Self::key`] is of.
    fn peer(&self) -> u128 {
        self.ends().1.bits(self.row)
    }

    /// The record that [`Self::key`] is of.
    fn take(&mut self) -> (Family, u128, Told) {
        let (batch, row, by_host) = (&self.batch, self.row, self.by_host);
        let (hosts, peers) = self.ends();
        let (host, peer) = (hosts.bits(row), peers.bits(row));
        let protocol = Protocol(batch.protocol[row]);
        let back = WayBack::of(batch.extras.get(row));
        let (src_port, dst_port) =
            ports(protocol, batch.src_port[row], batch.dst_port[row], back.answers());
        let (host_port, peer_port) =
            if by_host { (src_port, dst_port) } else { (dst_port, src_port) };
        let first_ms = batch.first_ms[row];
        let source = self.sources.get(batch.source[row] as usize).copied();
        let (gap_ms, sampled) = source.unwrap_or((self.margin_ms, false));
        let told = Told {
            by_host,
            peer,
            host_port,
            peer_port,
            protocol,
            first_ms,
            last_ms: first_ms.saturating_add(batch.duration_ms[row].into()),
            octets: batch.octets[row],
            packets: batch.packets[row],
            tcp_flags: batch.tcp_flags[row],
            tos: batch.tos[row],
            host_began: back.began().map(|by_src| by_src == by_host),
            back: back.unpaired(),
            sampled,
            gap_ms,
        };
        let family = batch.family();
        self.row += 1;
        (family, host, told)
    }
}
