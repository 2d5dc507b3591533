//! The routers: engines that gather records into datagrams, each with its clock and its sequence.

use std::fmt;
use std::net::Ipv4Addr;

use super::conversation::Conversation;
use super::format::{TELLS_NAT, far_side};
use super::hosts::Host;
use super::random::Random;
use super::sight::{SideOfNat, Sight};
use crate::netflow::v5::{self, Header, MAX_DATAGRAM_BYTES, RECORD_BYTES, Record};

/// A record waits so long at most for others to fill its datagram.
pub(super) const FLUSH_MS: u64 = 30_000;
/// The mode of sampling in NetFlow v5's header.
const DETERMINISTIC: u16 = 1 << 14;

/// One engine of a router.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) exporter: Ipv4Addr,
    pub(super) src_port: u16,
    pub(super) id: u8,
    /// It sees one packet of so many; 0: every one.
    pub(super) sampling: u16,
    /// When it started, in ms since 1970.
    booted_ms: u64,
    sequence: u32,
    records: Vec<u8>,
    /// When the first of these records was put there.
    opened_ms: u64,
    /// How many records the next datagram shall have.
    wanted: usize,
    random: Random,
    /// How many datagrams it exported.
    pub(super) exported: u64,
    /// Whether any of them arrived so that it can be read.
    pub(super) was_seen: bool,
    /// Flows of those that did not, since the last one that did.
    pub(super) untold: u64,
}

/// A record that an engine exports, as it is to be read.
pub(super) struct Exported {
    exporter: Ipv4Addr,
    engine: u8,
    sampling: u16,
    way_out: bool,
    record: Record,
    first_ms: u64,
}

/// As a line of CSV.
impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exporter, engine, sampling, way_out, record, first_ms } = self;
        let last_ms = first_ms + u64::from(record.last_ms.wrapping_sub(record.first_ms));
        let direction = u8::from(*way_out);
        let Record { src_addr, src_port, dst_addr, dst_port, protocol, octets, packets, .. } =
            record;
        write!(
            f,
            "{exporter},{engine},{direction},{src_addr},{src_port},{dst_addr},{dst_port},{protocol},\
             {first_ms},{last_ms},{octets},{packets},{sampling}"
        )
    }
}

impl Engine {
    /// An engine that started at `booted_ms` and has exported a number of flows already.
    pub(super) fn new(exporter: Ipv4Addr, id: u8, booted_ms: u64, random: &mut Random) -> Self {
        Self {
            exporter,
            src_port: random.between(49_152, 65_535) as u16,
            id,
            sampling: 0,
            booted_ms,
            sequence: random.next() as u32,
            records: Vec::with_capacity(MAX_DATAGRAM_BYTES),
            opened_ms: 0,
            wanted: usize::from(v5::MAX_RECORDS),
            random: Random::new(random.next(), 0),
            exported: 0,
            was_seen: false,
            untold: 0,
        }
    }

    /// How many records wait.
    pub(super) fn waiting(&self) -> usize {
        self.records.len() / RECORD_BYTES
    }

    /// Whether the records that wait must go before another is put there.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        self.waiting() >= self.wanted
            || !self.records.is_empty() && now_ms > self.opened_ms + FLUSH_MS
    }

    /// Puts a `sight` of one direction of `talk` into the next datagram.
    pub(super) fn put(
        &mut self,
        talk: &Conversation,
        answer: bool,
        sight: &Sight,
        now_ms: u64,
    ) -> Exported {
        if self.records.is_empty() {
            self.opened_ms = now_ms;
        }
        let (from, to): (&Host, &Host) =
            if answer { (&talk.server, &talk.client) } else { (&talk.client, &talk.server) };
        let (src_port, dst_port) = match (answer, talk.protocol) {
            (false, _) => (talk.client_port, talk.server_port),
            // An answer by ICMP has a type and code of its own, and no ports.
            (true, 1) => (0, talk.answer_port),
            (true, _) => (talk.server_port, talk.client_port),
        };
        let [mut src, mut dst] = [(from.address.into(), src_port), (to.address.into(), dst_port)];
        if sight.side_of_nat == SideOfNat::Far {
            let client = if answer { &mut dst } else { &mut src };
            let port = talk.client_port;
            let (address, port) = far_side(client.0, port, talk.protocol);
            *client = (address, if talk.protocol == 1 { client.1 } else { port });
        }
        let uptime_ms = now_ms.wrapping_sub(self.booted_ms) as u32;
        // An answer comes a round trip later, and never after its export.
        let round_trip_ms = if answer { 1 + from.address % 64 } else { 0 };
        let delay_ms = talk.export_delay_ms.saturating_sub(round_trip_ms) + sight.early_ms;
        let last_ms = uptime_ms.wrapping_sub(delay_ms);
        let first_ms = last_ms.wrapping_sub(sight.duration_ms);
        let side = sight.side;
        let is_nat = sight.side_of_nat == SideOfNat::Both;
        let record = Record {
            src_addr: src.0,
            dst_addr: dst.0,
            next_hop: to.route.next_hop.into(),
            input: from.route.interface,
            output: to.route.interface,
            packets: side.packets,
            octets: side.octets,
            first_ms,
            last_ms,
            src_port: src.1,
            dst_port: dst.1,
            // What IPFIX has room for: the direction, and below the sampling.
            pad1: u8::from(sight.way_out) | if is_nat { TELLS_NAT } else { 0 },
            tcp_flags: side.tcp_flags,
            protocol: talk.protocol,
            tos: talk.tos,
            src_as: from.route.asn,
            dst_as: to.route.asn,
            src_mask: from.route.mask,
            dst_mask: to.route.mask,
            pad2: self.sampling,
        };
        self.records.extend_from_slice(&record.to_bytes());
        Exported {
            exporter: self.exporter,
            engine: self.id,
            sampling: self.sampling,
            way_out: sight.way_out,
            record,
            first_ms: now_ms - u64::from(uptime_ms.wrapping_sub(first_ms)),
        }
    }

    /// Takes the records that wait as a datagram exported at `now_us`: its payload is put in the
    /// place of what `payload` holds.
    pub(super) fn export(&mut self, now_us: u64, payload: &mut Vec<u8>) {
        let count = self.waiting() as u16;
        let header = Header {
            count,
            uptime_ms: (now_us / 1000).wrapping_sub(self.booted_ms) as u32,
            unix_secs: (now_us / 1_000_000) as u32,
            unix_nsecs: (now_us % 1_000_000) as u32 * 1000,
            flow_sequence: self.sequence,
            engine_type: 0,
            engine_id: self.id,
            sampling_field: if self.sampling > 0 { DETERMINISTIC | self.sampling } else { 0 },
        };
        payload.clear();
        payload.extend_from_slice(&header.to_bytes());
        payload.extend_from_slice(&self.records);
        self.records.clear();
        self.sequence = self.sequence.wrapping_add(u32::from(count));
        // Now and then a router sends what it has.
        let (random, full) = (&mut self.random, u32::from(v5::MAX_RECORDS));
        self.wanted = if random.chance(8) { random.between(1, full) } else { full } as usize;
        self.exported += 1;
    }
}
