//! One flow, as every part of the program behind the decoders sees it.

use std::net::IpAddr;

use super::{Addresses, Column, Family, FlowBatch, Numbers, Origin, Protocol, Source, UnixMillis};

/// One flow record. Counters are as exported: sampling is told beside them, never multiplied in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowRecord {
    /// Who sent the packets.
    pub src: IpAddr,
    /// Whom they were sent to; of the same family as `src`.
    pub dst: IpAddr,
    /// When the first packet was seen.
    pub first: UnixMillis,
    /// From the first packet to the last, in milliseconds.
    pub duration_ms: u32,
    /// Layer-3 bytes.
    pub octets: u64,
    /// Packets.
    pub packets: u64,
    /// Source port; 0 where the protocol has none.
    pub src_port: u16,
    /// Destination port; for ICMP type × 256 + code.
    pub dst_port: u16,
    /// IP protocol.
    pub protocol: Protocol,
    /// The OR of the TCP flags seen.
    pub tcp_flags: u8,
    /// Type of service, or traffic class.
    pub tos: u8,
    /// SNMP index of the interface that the packets came in by.
    pub input: u32,
    /// SNMP index of the interface that they left by.
    pub output: u32,
    /// Autonomous system of the source, or its peer, as the exporter is set.
    pub src_as: u32,
    /// Autonomous system of the destination, or its peer.
    pub dst_as: u32,
    /// Prefix length of the route to the source.
    pub src_mask: u8,
    /// Prefix length of the route to the destination.
    pub dst_mask: u8,
    /// Next hop of the route to the destination, of the flow's family; unspecified where unknown.
    pub next_hop: IpAddr,
    /// Who exported it.
    pub source: Source,
}

impl FlowRecord {
    /// A flow between these addresses of which nothing else is known: its numbers are zero, its
    /// next hop and its exporter unspecified.
    pub fn between(src: IpAddr, dst: IpAddr) -> Self {
        Self {
            src,
            dst,
            first: UnixMillis::EPOCH,
            duration_ms: 0,
            octets: 0,
            packets: 0,
            src_port: 0,
            dst_port: 0,
            protocol: Protocol(0),
            tcp_flags: 0,
            tos: 0,
            input: 0,
            output: 0,
            src_as: 0,
            dst_as: 0,
            src_mask: 0,
            dst_mask: 0,
            next_hop: Family::of(src).address(0),
            source: Source::UNKNOWN,
        }
    }

    /// The family of both ends.
    pub const fn family(&self) -> Family {
        Family::of(self.src)
    }

    /// When the last packet was seen.
    pub fn last(&self) -> UnixMillis {
        self.first + u64::from(self.duration_ms)
    }

    /// The number that it has in `column`; 0 in one that holds no numbers of the flow itself.
    #[inline]
    pub fn number(&self, column: Column) -> u64 {
        match column {
            Column::First => self.first.0,
            Column::Duration => self.duration_ms.into(),
            Column::Octets => self.octets,
            Column::Packets => self.packets,
            Column::SrcPort => self.src_port.into(),
            Column::DstPort => self.dst_port.into(),
            Column::Protocol => self.protocol.0.into(),
            Column::TcpFlags => self.tcp_flags.into(),
            Column::Tos => self.tos.into(),
            Column::Input => self.input.into(),
            Column::Output => self.output.into(),
            Column::SrcAs => self.src_as.into(),
            Column::DstAs => self.dst_as.into(),
            Column::SrcMask => self.src_mask.into(),
            Column::DstMask => self.dst_mask.into(),
            Column::Src
            | Column::Dst
            | Column::NextHop
            | Column::Source
            | Column::Extras
            | Column::Nat
            | Column::NatPort => 0,
            Column::Flows => 1,
        }
    }

    /// Its numbers by their columns, where its source has the place `source`.
    pub(crate) fn numbers(&self, source: u32) -> Numbers {
        let mut numbers = Numbers::default();
        for column in Column::ALL {
            numbers[column] = self.number(column);
        }
        numbers[Column::Source] = source.into();
        numbers
    }
}

impl FlowBatch {
    /// Appends a flow whose source is the one at `source` in [`Self::sources`].
    pub fn push(&mut self, flow: &FlowRecord, source: u32, origin: Origin) {
        self.push_with(flow, source, origin, &[]);
    }

    /// Appends a flow likewise, with what it has beyond the other columns.
    pub fn push_with(&mut self, flow: &FlowRecord, source: u32, origin: Origin, extras: &[u8]) {
        debug_assert_eq!(flow.family(), self.family());
        self.push_numbers(
            [flow.src, flow.dst, flow.next_hop],
            &flow.numbers(source),
            origin,
            extras,
        );
    }

    /// The flow at `row`. Columns that were not read are zero.
    pub fn record(&self, row: usize) -> FlowRecord {
        fn value<T: Copy + Default>(column: &[T], row: usize) -> T {
            column.get(row).copied().unwrap_or_default()
        }
        let unspecified = self.family().address(0);
        let address =
            |column: &Addresses| if column.is_empty() { unspecified } else { column.get(row) };
        FlowRecord {
            src: address(&self.src),
            dst: address(&self.dst),
            next_hop: address(&self.next_hop),
            first: UnixMillis(value(&self.first_ms, row)),
            duration_ms: value(&self.duration_ms, row),
            octets: value(&self.octets, row),
            packets: value(&self.packets, row),
            src_port: value(&self.src_port, row),
            dst_port: value(&self.dst_port, row),
            protocol: Protocol(value(&self.protocol, row)),
            tcp_flags: value(&self.tcp_flags, row),
            tos: value(&self.tos, row),
            input: value(&self.input, row),
            output: value(&self.output, row),
            src_as: value(&self.src_as, row),
            dst_as: value(&self.dst_as, row),
            src_mask: value(&self.src_mask, row),
            dst_mask: value(&self.dst_mask, row),
            source: self.source_of(row),
        }
    }

    /// Every flow as a record.
    pub fn records(&self) -> impl Iterator<Item = FlowRecord> + '_ {
        (0..self.len()).map(|row| self.record(row))
    }

    /// Who exported the flow at `row`; 0.0.0.0 where that is not known.
    pub fn source_of(&self, row: usize) -> Source {
        self.source
            .get(row)
            .and_then(|&source| self.sources.get(source as usize))
            .copied()
            .unwrap_or(Source::UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_keeps_the_number_of_every_column() {
        let mut numbers = Numbers::default();
        for (number, column) in (1..).zip(Column::ALL) {
            if column.kind().number_bytes().is_some() && column != Column::Source {
                numbers[column] = number;
            }
        }
        let ends = [1, 2, 3].map(|bits| Family::V6.address(bits));
        let mut batch = FlowBatch::new(Family::V6);
        batch.push_numbers(ends, &numbers, Origin(4), &[5]);
        let flow = batch.record(0);
        assert_eq!([flow.src, flow.dst, flow.next_hop], ends);
        assert_eq!(flow.numbers(0), numbers);
        assert_eq!((batch.origin[0], batch.extras.get(0)), (Origin(4), &[5][..]));
    }
}
