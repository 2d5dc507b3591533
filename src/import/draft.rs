//! A flow while what a file says of it is put together.

use std::net::IpAddr;

use crate::flow::{
    Column, ElementId, Extra, REVERSE_ENTERPRISE, Source, UnixMillis, push_extra,
    without_zeros_at_start,
};
use crate::netflow::{Counts, DataRecord, Stamp};

/// What is known of a flow so far.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) record: DataRecord,
    pub(super) source: Source,
    /// Its elements beyond the columns.
    pub(super) extras: Vec<u8>,
}

impl Default for Draft {
    fn default() -> Self {
        Self { record: DataRecord::default(), source: Source::UNKNOWN, extras: Vec::new() }
    }
}

impl Draft {
    /// Begins anew, with the room that there is.
    pub(super) fn clear(&mut self) {
        self.record = DataRecord::default();
        self.source = Source::UNKNOWN;
        self.extras.clear();
    }

    /// Begins and ends it.
    pub(super) fn lasts(&mut self, first: UnixMillis, last: UnixMillis) {
        self.record.first = Some(Stamp::Unix(first));
        self.record.last = Some(Stamp::Unix(last));
    }

    pub(super) fn number(&mut self, column: Column, number: impl Into<u64>) {
        self.record.numbers.set(column, number);
    }

    /// Keeps a number that has no column; zero says nothing.
    pub(super) fn element(&mut self, number: u16, value: u64) {
        self.number_of(ElementId::iana(number).canonical(), value);
    }

    /// Likewise of whoever's element it is.
    pub(super) fn number_of(&mut self, id: ElementId, value: u64) {
        if value != 0 {
            self.keep(id, without_zeros_at_start(&value.to_be_bytes()));
        }
    }

    /// Keeps an address that has no column.
    pub(super) fn address(&mut self, number: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.bytes(number, &address.octets()),
            IpAddr::V6(address) => self.bytes(number, &address.octets()),
        }
    }

    /// Likewise bytes, as far as there is room for them.
    pub(super) fn bytes(&mut self, number: u16, value: &[u8]) {
        self.keep(ElementId::iana(number).canonical(), value);
    }

    /// Keeps an element of whoever it is.
    pub(super) fn keep(&mut self, id: ElementId, value: &[u8]) {
        let ElementId { number, enterprise } = id;
        push_extra(&mut self.extras, 0, Extra { number, enterprise, value });
    }

    /// Keeps a number that is told of the packets that came back.
    pub(super) fn back(&mut self, number: u16, value: u64) {
        let id = ElementId { number, enterprise: REVERSE_ENTERPRISE };
        self.keep(id, without_zeros_at_start(&value.to_be_bytes()));
    }

    /// Likewise, unless it is zero, which says nothing.
    pub(super) fn back_number(&mut self, number: u16, value: u64) {
        if value != 0 {
            self.back(number, value);
        }
    }

    /// So much came back: it is a flow of its own, if it is anything.
    pub(super) fn came_back(&mut self, octets: u64, packets: u64) {
        if [octets, packets] != [0, 0] {
            self.record.counts = Some([Counts::SinceLast; 4]);
            self.back(1, octets);
            self.back(2, packets);
        }
    }
}
