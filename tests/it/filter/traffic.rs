//! Flows of few hosts, ports and so on, so that every filter finds some; as records, as a store,
//! and as exports of NetFlow v5.

use std::sync::Arc;

use earlgrey_hbase::flow::{DatagramId, FlowRecord, Protocol, Sampling, Source};
use earlgrey_hbase::netflow::v5;
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::{Family, Store, UnixMillis, WriteBatch};

use super::expression::Random;

/// When the exporter of the v5 flows started.
pub(super) const STARTED_MS: u64 = 1_185_488_000_000;
pub(super) const HOSTS: [u32; 6] =
    [0x0a00_0001, 0x0a00_0002, 0x0a01_0003, 0x0a01_0004, 0xc0a8_0105, 0x0808_0808];
pub(super) const PORTS: [u16; 8] = [0, 22, 53, 80, 443, 1023, 1024, 50_000];
pub(super) const PROTOCOLS: [u8; 6] = [1, 6, 6, 17, 47, 58];
pub(super) const ICMP: [(u8, u8); 4] = [(0, 0), (8, 0), (3, 1), (3, 3)];

/// `count` flows; some of IPv6 where `v6` says so.
pub(super) fn flows(random: &mut Random, count: usize, v6: bool) -> Vec<FlowRecord> {
    (0..count).map(|_| flow(random, v6)).collect()
}

fn flow(random: &mut Random, v6: bool) -> FlowRecord {
    let family = if v6 && random.below(4) == 0 { Family::V6 } else { Family::V4 };
    let high = if family == Family::V6 { 0x2001_0db8 << 96 } else { 0 };
    let host = |random: &mut Random| family.address(high | u128::from(random.pick(&HOSTS)));
    let protocol = Protocol(random.pick(&PROTOCOLS));
    let (icmp_type, icmp_code) = random.pick(&ICMP);
    let (src_port, dst_port) = match protocol.0 {
        1 | 58 => (0, u16::from(icmp_type) << 8 | u16::from(icmp_code)),
        6 | 17 => (random.pick(&PORTS), random.pick(&PORTS)),
        _ => (0, 0),
    };
    let duration_ms = random.pick(&[0, 1, 250, 1000, 1001, 60_000]);
    let (src, dst) = (host(random), host(random));
    FlowRecord {
        first: UnixMillis(STARTED_MS + 1000 * random.below(100)),
        duration_ms,
        octets: random.pick(&[40, 100, 1000, 1001, 1500, 100_000]),
        packets: random.pick(&[1, 2, 10, 16, 17]),
        src_port,
        dst_port,
        protocol,
        tcp_flags: if protocol == Protocol::TCP {
            random.pick(&[0, 2, 16, 18, 24, 27, 4, 63])
        } else {
            0
        },
        tos: random.pick(&[0, 16, 32, 184]),
        input: random.pick(&[0, 1, 2, 8]),
        output: random.pick(&[0, 1, 2, 8]),
        src_as: random.pick(&[0, 64_500, 64_501]),
        dst_as: random.pick(&[0, 64_500, 64_501]),
        src_mask: random.pick(&[0, 8, 24]),
        dst_mask: random.pick(&[0, 8, 24]),
        next_hop: family.address(high | u128::from(random.pick(&HOSTS[..2]))),
        source: Source {
            exporter: [127, 0, 0, 1].into(),
            engine: 0,
            sampling: Sampling::default(),
        },
        ..FlowRecord::between(src, dst)
    }
}

/// A store that holds `flows`.
pub(super) fn store_of(flows: &[FlowRecord]) -> MemoryStore {
    let store = MemoryStore::default();
    let mut batch = WriteBatch::new();
    for (number, flow) in flows.iter().enumerate() {
        let to = batch.family_mut(flow.family());
        if to.sources.is_empty() {
            Arc::make_mut(&mut to.sources).push(flow.source);
        }
        to.push(flow, 0, DatagramId { exported_secs: 0, hash: number as u64 }.origin(0));
    }
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    store
}

/// The exports of `flows`, 30 to a datagram.
pub(super) fn exports(flows: &[FlowRecord]) -> Vec<Vec<u8>> {
    let v4 = |address| match address {
        std::net::IpAddr::V4(v4) => v4,
        std::net::IpAddr::V6(_) => panic!("v5 has no IPv6"),
    };
    let record = |flow: &FlowRecord| v5::Record {
        src_addr: v4(flow.src),
        dst_addr: v4(flow.dst),
        next_hop: v4(flow.next_hop),
        input: flow.input as u16,
        output: flow.output as u16,
        packets: flow.packets as u32,
        octets: flow.octets as u32,
        first_ms: (flow.first.0 - STARTED_MS) as u32,
        last_ms: (flow.first.0 - STARTED_MS) as u32 + flow.duration_ms,
        src_port: flow.src_port,
        dst_port: flow.dst_port,
        tcp_flags: flow.tcp_flags,
        protocol: flow.protocol.0,
        tos: flow.tos,
        src_as: flow.src_as as u16,
        dst_as: flow.dst_as as u16,
        src_mask: flow.src_mask,
        dst_mask: flow.dst_mask,
        ..v5::Record::default()
    };
    let datagram = |(number, flows): (usize, &[FlowRecord])| {
        let header = v5::Header {
            count: flows.len() as u16,
            uptime_ms: 200_000,
            unix_secs: (STARTED_MS / 1000) as u32 + 200,
            flow_sequence: 30 * number as u32,
            ..v5::Header::default()
        };
        let records: Vec<v5::Record> = flows.iter().map(record).collect();
        let mut payload = Vec::new();
        v5::encode(&header, &records, &mut payload);
        payload
    };
    flows.chunks(30).enumerate().map(datagram).collect()
}
