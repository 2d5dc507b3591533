//! Many flows of one family, a vector a column.

use std::mem::swap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::record::address_bits;
use super::{
    Column, Columns, Extras, Family, FlowRecord, Origin, Protocol, Sampling, Source, UnixMillis,
};

/// Addresses of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4 addresses as numbers.
    V4(Vec<u32>),
    /// IPv6 addresses as numbers.
    V6(Vec<u128>),
}

impl Addresses {
    /// No addresses, of `family`.
    pub fn new(family: Family) -> Self {
        match family {
            Family::V4 => Self::V4(Vec::new()),
            Family::V6 => Self::V6(Vec::new()),
        }
    }

    /// Their family.
    pub fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::V4(addresses) => addresses.len(),
            Self::V6(addresses) => addresses.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The address at `row`.
    pub fn get(&self, row: usize) -> IpAddr {
        self.family().address(self.bits(row))
    }

    /// The address at `row` as a number.
    pub fn bits(&self, row: usize) -> u128 {
        match self {
            Self::V4(addresses) => addresses[row].into(),
            Self::V6(addresses) => addresses[row],
        }
    }

    /// Appends `address`, whose family must be this one.
    pub fn push(&mut self, address: IpAddr) {
        self.push_bits(address_bits(address));
    }

    /// Appends the address whose number is `bits`.
    pub(crate) fn push_bits(&mut self, bits: u128) {
        match self {
            Self::V4(addresses) => addresses.push(bits as u32),
            Self::V6(addresses) => addresses.push(bits),
        }
    }

    fn reserve(&mut self, more: usize) {
        match self {
            Self::V4(addresses) => addresses.reserve(more),
            Self::V6(addresses) => addresses.reserve(more),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::V4(addresses) => addresses.clear(),
            Self::V6(addresses) => addresses.clear(),
        }
    }

    /// Appends IPv4 addresses as numbers; these addresses must be of that family.
    pub(crate) fn extend_v4(&mut self, more: impl Iterator<Item = u32>) {
        match self {
            Self::V4(addresses) => addresses.extend(more),
            Self::V6(_) => debug_assert!(false, "IPv4 addresses for a batch of IPv6"),
        }
    }

    fn take_rows(&self, rows: &[u32]) -> Self {
        match self {
            Self::V4(addresses) => Self::V4(take(addresses, rows)),
            Self::V6(addresses) => Self::V6(take(addresses, rows)),
        }
    }

    fn extend(&mut self, other: &Self, rows: &Range<usize>) {
        match (self, other) {
            (Self::V4(to), Self::V4(from)) => extend(to, from, rows),
            (Self::V6(to), Self::V6(from)) => extend(to, from, rows),
            _ => debug_assert!(false, "batches of two families"),
        }
    }

    /// The addresses of `rows`.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Self {
        match self {
            Self::V4(addresses) => Self::V4(addresses[rows].to_vec()),
            Self::V6(addresses) => Self::V6(addresses[rows].to_vec()),
        }
    }
}

fn extend<T: Copy>(to: &mut Vec<T>, from: &[T], rows: &Range<usize>) {
    if !from.is_empty() {
        to.extend_from_slice(&from[rows.clone()]);
    }
}

fn take<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    if values.is_empty() {
        Vec::new()
    } else {
        rows.iter().map(|&row| values[row as usize]).collect()
    }
}

/// Flows of one family, a vector a column; a column that a scan did not ask for is empty.
///
/// What `load` fills, and what a scan gives back. Its rows are in key order where they come from
/// an ordered scan, else in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each column holds the field of FlowRecord of its name")]
pub struct FlowBatch {
    rows: usize,
    pub src: Addresses,
    pub dst: Addresses,
    pub next_hop: Addresses,
    pub first_ms: Vec<u64>,
    pub duration_ms: Vec<u32>,
    pub octets: Vec<u64>,
    pub packets: Vec<u64>,
    pub src_port: Vec<u16>,
    pub dst_port: Vec<u16>,
    pub protocol: Vec<u8>,
    pub tcp_flags: Vec<u8>,
    pub tos: Vec<u8>,
    pub input: Vec<u32>,
    pub output: Vec<u32>,
    pub src_as: Vec<u32>,
    pub dst_as: Vec<u32>,
    pub src_mask: Vec<u8>,
    pub dst_mask: Vec<u8>,
    /// Index into [`Self::sources`].
    pub source: Vec<u32>,
    /// What the flows have beyond the other columns.
    pub extras: Extras,
    /// The sources that `source` counts in; it may hold more than the rows use.
    pub sources: Arc<Vec<Source>>,
    /// Each flow's identity. Only batches that are to be stored have it.
    pub origin: Vec<Origin>,
}

impl FlowBatch {
    /// No rows of `family`.
    pub fn new(family: Family) -> Self {
        Self {
            rows: 0,
            src: Addresses::new(family),
            dst: Addresses::new(family),
            next_hop: Addresses::new(family),
            first_ms: Vec::new(),
            duration_ms: Vec::new(),
            octets: Vec::new(),
            packets: Vec::new(),
            src_port: Vec::new(),
            dst_port: Vec::new(),
            protocol: Vec::new(),
            tcp_flags: Vec::new(),
            tos: Vec::new(),
            input: Vec::new(),
            output: Vec::new(),
            src_as: Vec::new(),
            dst_as: Vec::new(),
            src_mask: Vec::new(),
            dst_mask: Vec::new(),
            source: Vec::new(),
            extras: Extras::default(),
            sources: Arc::default(),
            origin: Vec::new(),
        }
    }

    /// Makes room for `rows` more rows, so that appending them moves nothing.
    pub fn reserve(&mut self, rows: usize) {
        self.src.reserve(rows);
        self.dst.reserve(rows);
        self.next_hop.reserve(rows);
        self.first_ms.reserve(rows);
        self.duration_ms.reserve(rows);
        self.octets.reserve(rows);
        self.packets.reserve(rows);
        self.src_port.reserve(rows);
        self.dst_port.reserve(rows);
        self.protocol.reserve(rows);
        self.tcp_flags.reserve(rows);
        self.tos.reserve(rows);
        self.input.reserve(rows);
        self.output.reserve(rows);
        self.src_as.reserve(rows);
        self.dst_as.reserve(rows);
        self.src_mask.reserve(rows);
        self.dst_mask.reserve(rows);
        self.source.reserve(rows);
        self.origin.reserve(rows);
    }

    /// Takes every row out and keeps the room they had, for the next ones.
    pub fn clear(&mut self) {
        self.rows = 0;
        self.src.clear();
        self.dst.clear();
        self.next_hop.clear();
        self.first_ms.clear();
        self.duration_ms.clear();
        self.octets.clear();
        self.packets.clear();
        self.src_port.clear();
        self.dst_port.clear();
        self.protocol.clear();
        self.tcp_flags.clear();
        self.tos.clear();
        self.input.clear();
        self.output.clear();
        self.src_as.clear();
        self.dst_as.clear();
        self.src_mask.clear();
        self.dst_mask.clear();
        self.source.clear();
        self.extras.clear();
        self.origin.clear();
    }

    /// The family of every row.
    pub fn family(&self) -> Family {
        self.src.family()
    }

    /// How many rows there are, also where no column was read.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// States how many rows the columns hold, after they were filled directly.
    pub(crate) fn set_len(&mut self, rows: usize) {
        self.rows = rows;
    }

    /// Appends a flow whose source is the one at `source` in [`Self::sources`].
    pub fn push(&mut self, flow: &FlowRecord, source: u32, origin: Origin) {
        debug_assert_eq!(flow.family(), self.family());
        self.rows += 1;
        self.src.push(flow.src);
        self.dst.push(flow.dst);
        self.next_hop.push(flow.next_hop);
        self.first_ms.push(flow.first.0);
        self.duration_ms.push(flow.duration_ms);
        self.octets.push(flow.octets);
        self.packets.push(flow.packets);
        self.src_port.push(flow.src_port);
        self.dst_port.push(flow.dst_port);
        self.protocol.push(flow.protocol.0);
        self.tcp_flags.push(flow.tcp_flags);
        self.tos.push(flow.tos);
        self.input.push(flow.input);
        self.output.push(flow.output);
        self.src_as.push(flow.src_as);
        self.dst_as.push(flow.dst_as);
        self.src_mask.push(flow.src_mask);
        self.dst_mask.push(flow.dst_mask);
        self.source.push(source);
        self.origin.push(origin);
    }

    /// Appends a flow likewise, with what it has beyond the other columns.
    pub fn push_with(&mut self, flow: &FlowRecord, source: u32, origin: Origin, extras: &[u8]) {
        self.extras.set(self.rows, extras);
        self.push(flow, source, origin);
    }

    /// The flow at `row`. Columns that were not read are zero.
    pub fn record(&self, row: usize) -> FlowRecord {
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
        (0..self.rows).map(|row| self.record(row))
    }

    fn source_of(&self, row: usize) -> Source {
        let unknown =
            Source { exporter: Family::V4.address(0), engine: 0, sampling: Sampling::default() };
        self.source
            .get(row)
            .and_then(|&source| self.sources.get(source as usize))
            .copied()
            .unwrap_or(unknown)
    }

    /// A batch of these rows of this one, in this order.
    #[must_use]
    pub fn take_rows(&self, rows: &[u32]) -> Self {
        Self {
            rows: rows.len(),
            src: self.src.take_rows(rows),
            dst: self.dst.take_rows(rows),
            next_hop: self.next_hop.take_rows(rows),
            first_ms: take(&self.first_ms, rows),
            duration_ms: take(&self.duration_ms, rows),
            octets: take(&self.octets, rows),
            packets: take(&self.packets, rows),
            src_port: take(&self.src_port, rows),
            dst_port: take(&self.dst_port, rows),
            protocol: take(&self.protocol, rows),
            tcp_flags: take(&self.tcp_flags, rows),
            tos: take(&self.tos, rows),
            input: take(&self.input, rows),
            output: take(&self.output, rows),
            src_as: take(&self.src_as, rows),
            dst_as: take(&self.dst_as, rows),
            src_mask: take(&self.src_mask, rows),
            dst_mask: take(&self.dst_mask, rows),
            source: take(&self.source, rows),
            extras: self.extras.take_rows(rows),
            sources: Arc::clone(&self.sources),
            origin: take(&self.origin, rows),
        }
    }

    /// Appends `rows` of `other`, which has the same family and columns, and the same sources or
    /// more of them.
    pub fn append_rows(&mut self, other: &Self, rows: Range<usize>) {
        if !Arc::ptr_eq(&other.sources, &self.sources) {
            debug_assert!(other.sources.starts_with(&self.sources));
            if other.sources.len() > self.sources.len() {
                self.sources = Arc::clone(&other.sources);
            }
        }
        self.extras.extend(self.rows, &other.extras, rows.clone());
        self.rows += rows.len();
        self.src.extend(&other.src, &rows);
        self.dst.extend(&other.dst, &rows);
        self.next_hop.extend(&other.next_hop, &rows);
        extend(&mut self.first_ms, &other.first_ms, &rows);
        extend(&mut self.duration_ms, &other.duration_ms, &rows);
        extend(&mut self.octets, &other.octets, &rows);
        extend(&mut self.packets, &other.packets, &rows);
        extend(&mut self.src_port, &other.src_port, &rows);
        extend(&mut self.dst_port, &other.dst_port, &rows);
        extend(&mut self.protocol, &other.protocol, &rows);
        extend(&mut self.tcp_flags, &other.tcp_flags, &rows);
        extend(&mut self.tos, &other.tos, &rows);
        extend(&mut self.input, &other.input, &rows);
        extend(&mut self.output, &other.output, &rows);
        extend(&mut self.src_as, &other.src_as, &rows);
        extend(&mut self.dst_as, &other.dst_as, &rows);
        extend(&mut self.src_mask, &other.src_mask, &rows);
        extend(&mut self.dst_mask, &other.dst_mask, &rows);
        extend(&mut self.source, &other.source, &rows);
        extend(&mut self.origin, &other.origin, &rows);
    }

    /// This batch with `columns` taken from `other`, which has as many rows.
    #[must_use]
    pub(crate) fn with_columns_of(mut self, mut other: Self, columns: Columns) -> Self {
        debug_assert_eq!(self.rows, other.rows);
        for column in columns.iter() {
            self.swap_column(&mut other, column);
        }
        self
    }

    /// This batch with only `columns` in it.
    #[must_use]
    pub fn project(mut self, columns: Columns) -> Self {
        let mut dropped = Self::new(self.family());
        for column in Columns::ALL.without(columns).iter() {
            self.swap_column(&mut dropped, column);
        }
        self
    }

    fn swap_column(&mut self, other: &mut Self, column: Column) {
        match column {
            Column::Src => swap(&mut self.src, &mut other.src),
            Column::Dst => swap(&mut self.dst, &mut other.dst),
            Column::NextHop => swap(&mut self.next_hop, &mut other.next_hop),
            Column::First => swap(&mut self.first_ms, &mut other.first_ms),
            Column::Duration => swap(&mut self.duration_ms, &mut other.duration_ms),
            Column::Octets => swap(&mut self.octets, &mut other.octets),
            Column::Packets => swap(&mut self.packets, &mut other.packets),
            Column::SrcPort => swap(&mut self.src_port, &mut other.src_port),
            Column::DstPort => swap(&mut self.dst_port, &mut other.dst_port),
            Column::Protocol => swap(&mut self.protocol, &mut other.protocol),
            Column::TcpFlags => swap(&mut self.tcp_flags, &mut other.tcp_flags),
            Column::Tos => swap(&mut self.tos, &mut other.tos),
            Column::Input => swap(&mut self.input, &mut other.input),
            Column::Output => swap(&mut self.output, &mut other.output),
            Column::SrcAs => swap(&mut self.src_as, &mut other.src_as),
            Column::DstAs => swap(&mut self.dst_as, &mut other.dst_as),
            Column::SrcMask => swap(&mut self.src_mask, &mut other.src_mask),
            Column::DstMask => swap(&mut self.dst_mask, &mut other.dst_mask),
            Column::Source => swap(&mut self.source, &mut other.source),
            Column::Extras => swap(&mut self.extras, &mut other.extras),
        }
    }
}

fn value<T: Copy + Default>(column: &[T], row: usize) -> T {
    column.get(row).copied().unwrap_or_default()
}
