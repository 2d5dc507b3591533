//! Flows, datagrams and batches to try a store with.

use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::{
    Column, DatagramId, Family, FlowBatch, FlowRecord, Numbers, Origin, Protocol, Sampling, Source,
    UnixMillis,
};
use crate::store::{Store, WriteBatch, Writer};

/// A source of numbers that look random and are the same every time (`SplitMix64`).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number less than `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn source(engine: u32) -> Source {
    let exporter = if engine.is_multiple_of(2) { "192.0.2.1" } else { "2001:db8::e" };
    Source { exporter: address(exporter), engine, sampling: Sampling { mode: 1, interval: engine } }
}

/// A flow between these addresses, whose other fields all differ and follow from `number`.
pub(crate) fn flow(src: &str, dst: &str, first: u64, number: u32) -> FlowRecord {
    let (src, dst) = (address(src), address(dst));
    let next_hop = Family::of(src).address(u128::from(number) + 12);
    FlowRecord {
        first: UnixMillis(first),
        duration_ms: number * 7,
        octets: u64::from(number) * 1000 + 1,
        packets: u64::from(number) + 2,
        src_port: number as u16 + 3,
        dst_port: number as u16 + 4,
        protocol: Protocol(number as u8 + 5),
        tcp_flags: number as u8 + 6,
        tos: number as u8 + 7,
        input: number + 8,
        output: number + 9,
        src_as: number + 10,
        dst_as: number + 11,
        src_mask: number as u8 % 32 + 1,
        dst_mask: number as u8 % 31 + 2,
        source: source(number % 3),
        ..of_numbers([src, dst, next_hop], |column| u64::from(number) + 13 + column as u64)
    }
}

/// A flow with these addresses, and the number that `number` gives in every column.
pub(super) fn of_numbers(ends: [IpAddr; 3], number: impl Fn(Column) -> u64) -> FlowRecord {
    let mut numbers = Numbers::default();
    for column in Column::ALL {
        numbers.set(column, number(column));
    }
    let mut batch = FlowBatch::new(Family::of(ends[0]));
    batch.push_numbers(ends, &numbers, Origin(0), &[]);
    batch.record(0)
}

pub(super) fn datagram(number: u64) -> DatagramId {
    let exported_secs = 1_700_000_000 + (number / 100) as u32;
    DatagramId { exported_secs, hash: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
}

/// Adds a datagram with these flows to `batch`.
pub(super) fn put(batch: &mut WriteBatch, datagram: DatagramId, flows: &[FlowRecord]) {
    batch.datagrams.push(datagram);
    for (index, flow) in flows.iter().enumerate() {
        let to = batch.family_mut(flow.family());
        let source = source_index(to, flow.source);
        to.push(flow, source, datagram.origin(index as u16));
    }
}

fn source_index(batch: &mut FlowBatch, source: Source) -> u32 {
    let known = batch.sources.iter().position(|known| *known == source);
    known.unwrap_or_else(|| {
        Arc::make_mut(&mut batch.sources).push(source);
        batch.sources.len() - 1
    }) as u32
}

/// Writes the datagram with these flows if `writer` takes it; whether it did.
pub(super) fn offer(writer: &mut dyn Writer, datagram: DatagramId, flows: &[FlowRecord]) -> bool {
    let admitted = writer.admit(datagram).unwrap();
    if admitted {
        let mut batch = WriteBatch::new();
        put(&mut batch, datagram, flows);
        writer.write(batch).unwrap();
    }
    admitted
}

/// Commits these flows to `store`, in datagrams of 30 numbered from `first_datagram` on.
pub(crate) fn store_from(store: &dyn Store, first_datagram: u64, flows: &[FlowRecord]) {
    let mut writer = store.writer().unwrap();
    let mut batch = WriteBatch::new();
    for (number, flows) in flows.chunks(30).enumerate() {
        let datagram = datagram(first_datagram + number as u64);
        assert!(writer.admit(datagram).unwrap(), "a datagram is new");
        put(&mut batch, datagram, flows);
    }
    writer.write(batch).unwrap();
    writer.commit().unwrap();
}

/// Commits these flows to a new store.
pub(super) fn store_of(open: super::Open<'_>, flows: &[FlowRecord]) -> Box<dyn Store> {
    let store = open();
    store_from(store.as_ref(), 0, flows);
    store
}

/// Flows between few hosts of both families, at few moments, so that every part of the key decides
/// somewhere; `count` of them.
pub(super) fn mixed_flows(seed: u64, count: usize) -> Vec<FlowRecord> {
    let hosts = [
        &["0.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.1.0", "192.0.2.255", "255.255.255.255"][..],
        &["::", "::ffff:10.0.0.1", "2001:db8::1", "2001:db8::2", "2001:db8:1::"],
    ];
    let mut random = Random::new(seed);
    (0..count)
        .map(|number| {
            let hosts = random.pick(&hosts);
            let first = random.pick(&[0, 1, 1000, 86_399_999, 86_400_000, 1_700_000_000_000]);
            flow(random.pick(hosts), random.pick(hosts), first, number as u32 % 200)
        })
        .collect()
}
