//! Flows as strings of bytes that are in order as the flows are: what they are sorted by, the row key,
//! and all other columns behind it.
//!
//! Flows that are equal in what they are sorted by and in their keys come in the order of their other
//! columns, so that the order is the same whoever read them first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::FlowOrder;
use crate::flow::{
    Column, Columns, Family, FlowBatch, FlowRecord, Numbers, Origin, Sampling, Source, address_bits,
};

/// How rows are packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    pub(super) order: FlowOrder,
    /// What is kept of flows.
    pub(super) columns: Columns,
}

/// The columns that are not among the others: those of the row key, which come first, and those that
/// are written in a way of their own.
const APART: Columns = Columns::of(&[
    Column::Src,
    Column::First,
    Column::Dst,
    Column::NextHop,
    Column::Source,
    Column::Extras,
]);

impl Packing {
    /// Appends `flow` behind its key, which is there.
    pub(super) fn push_rest(self, flow: &FlowRecord, extras: &[u8], to: &mut Vec<u8>) {
        to.push(u8::from(flow.family() == Family::V6));
        push_address(flow.src, to);
        to.extend_from_slice(&flow.first.0.to_be_bytes());
        push_address(flow.dst, to);
        for (column, bytes) in self.numbers() {
            to.extend_from_slice(&flow.number(column).to_be_bytes()[8 - bytes..]);
        }
        if self.columns.contains(Column::NextHop) {
            push_address(flow.next_hop, to);
        }
        if self.columns.contains(Column::Source) {
            push_source(&flow.source, to);
        }
        to.extend_from_slice(extras);
    }

    /// The columns of numbers, with how many bytes each takes.
    fn numbers(self) -> impl Iterator<Item = (Column, usize)> {
        let columns = (self.columns & Columns::ALL).without(APART);
        columns.iter().filter_map(|column| Some((column, column.kind().number_bytes()?)))
    }
}

fn push_address(address: IpAddr, to: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => to.extend_from_slice(&address.octets()),
        IpAddr::V6(address) => to.extend_from_slice(&address.octets()),
    }
}

fn push_source(source: &Source, to: &mut Vec<u8>) {
    to.push(u8::from(source.exporter.is_ipv6()));
    to.extend_from_slice(&address_bits(source.exporter).to_be_bytes());
    to.extend_from_slice(&source.engine.to_be_bytes());
    to.push(source.sampling.mode);
    to.extend_from_slice(&source.sampling.interval.to_be_bytes());
}

/// Packed rows as batches again.
#[derive(Debug)]
pub(super) struct Unpacked {
    packing: Packing,
    batch: FlowBatch,
    sources: Vec<Source>,
    places: HashMap<Source, u32>,
}

impl Unpacked {
    pub(super) fn new(packing: Packing) -> Self {
        let batch = FlowBatch::new(Family::V4);
        Self { packing, batch, sources: Vec::new(), places: HashMap::new() }
    }

    /// How many rows wait to be taken.
    pub(super) fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether `row` is of the family of those that wait.
    pub(super) fn has_room_for(&self, row: &[u8]) -> bool {
        let family = row.get(self.packing.order.key_bytes());
        self.batch.is_empty() || family == Some(&u8::from(self.batch.family() == Family::V6))
    }

    /// Appends `row`.
    pub(super) fn push(&mut self, row: &[u8]) {
        let mut fields = Fields(row);
        fields.take(self.packing.order.key_bytes());
        let family = if fields.number(1) == 0 { Family::V4 } else { Family::V6 };
        if self.batch.is_empty() {
            self.batch = FlowBatch::new(family);
        }
        let mut numbers = Numbers::default();
        let src = fields.address(family);
        numbers[Column::First] = fields.number(8);
        let dst = fields.address(family);
        for (column, bytes) in self.packing.numbers() {
            numbers[column] = fields.number(bytes);
        }
        let columns = self.packing.columns;
        let hop = columns.contains(Column::NextHop).then(|| fields.address(family));
        if columns.contains(Column::Source) {
            numbers[Column::Source] = self.place_of(fields.source()).into();
        }
        let ends = [src, dst, hop.unwrap_or_else(|| family.address(0))];
        self.batch.push_numbers(ends, &numbers, Origin(0), fields.0);
    }

    fn place_of(&mut self, source: Source) -> u32 {
        *self.places.entry(source).or_insert_with(|| {
            self.sources.push(source);
            self.sources.len() as u32 - 1
        })
    }

    /// Those that wait, with `columns`.
    pub(super) fn take(&mut self, columns: Columns) -> FlowBatch {
        let family = self.batch.family();
        let mut batch = std::mem::replace(&mut self.batch, FlowBatch::new(family));
        batch.origin.clear();
        if columns.contains(Column::Source) {
            batch.sources = Arc::new(self.sources.clone());
        }
        batch.project(columns)
    }
}

/// What of a row is not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        // A row is as long as its fields.
        let (field, rest) = self.0.split_at_checked(bytes).unwrap_or((self.0, &[]));
        self.0 = rest;
        field
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    fn bits(&mut self, bytes: usize) -> u128 {
        self.take(bytes).iter().fold(0, |number, &byte| number << 8 | u128::from(byte))
    }

    fn address(&mut self, family: Family) -> IpAddr {
        family.address(self.bits(if family == Family::V4 { 4 } else { 16 }))
    }

    fn source(&mut self) -> Source {
        let family = if self.number(1) == 0 { Family::V4 } else { Family::V6 };
        let exporter = family.address(self.bits(16));
        let engine = self.number(4) as u32;
        let sampling = Sampling { mode: self.number(1) as u8, interval: self.number(4) as u32 };
        Source { exporter, engine, sampling }
    }
}
