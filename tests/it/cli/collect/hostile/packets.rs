//! Export packets, written by hand.

use std::net::{IpAddr, Ipv4Addr};

use earlgrey_hbase::netflow::v5;

/// A flow as it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) src_port: u16,
    pub(super) octets: u32,
    pub(super) first_ms: u64,
}

pub(super) const LASTED_MS: u64 = 250;
const DST_PORT: u16 = 443;
const TCP: u8 = 6;
const TEMPLATE: u16 = 256;

/// Addresses, ports, protocol, counters: what all templates begin with.
const COMMON: [(u16, u16); 5] = [(7, 2), (11, 2), (4, 1), (1, 4), (2, 4)];

#[derive(Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn shorts(&mut self, shorts: &[u16]) -> &mut Self {
        self.0.extend(shorts.iter().flat_map(|short| short.to_be_bytes()));
        self
    }

    pub(super) fn words(&mut self, words: &[u32]) -> &mut Self {
        self.0.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        self
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes);
        self
    }

    fn address(&mut self, address: IpAddr) -> &mut Self {
        match address {
            IpAddr::V4(address) => self.bytes(&address.octets()),
            IpAddr::V6(address) => self.bytes(&address.octets()),
        }
    }

    /// What all records end with.
    fn common(&mut self, flow: &Told) -> &mut Self {
        self.shorts(&[flow.src_port, DST_PORT]).bytes(&[TCP]).words(&[flow.octets, 1])
    }

    /// Appends a set, whose length is then known.
    pub(super) fn set(&mut self, id: u16, content: &[u8]) -> &mut Self {
        self.shorts(&[id, 4 + content.len() as u16]).bytes(content)
    }
}

/// The content of a set that defines a template.
pub(super) fn template(id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let mut to = Bytes::default();
    to.shorts(&[id, fields.len() as u16]);
    for &(element, bytes) in fields {
        to.shorts(&[element, bytes]);
    }
    to.0
}

fn seconds(ms: u64) -> u32 {
    (ms / 1000) as u32
}

/// NetFlow v5 of an exporter that is up since `up_ms`.
pub(super) fn v5(up_ms: u64, now_ms: u64, sequence: u32, flows: &[Told]) -> Vec<u8> {
    let v4 = |address: IpAddr| match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    let records: Vec<v5::Record> = flows
        .iter()
        .map(|flow| v5::Record {
            src_addr: v4(flow.src),
            dst_addr: v4(flow.dst),
            octets: flow.octets,
            packets: 1,
            first_ms: (flow.first_ms - up_ms) as u32,
            last_ms: (flow.first_ms + LASTED_MS - up_ms) as u32,
            src_port: flow.src_port,
            dst_port: DST_PORT,
            protocol: TCP,
            ..v5::Record::default()
        })
        .collect();
    let header = v5::Header {
        count: records.len() as u16,
        uptime_ms: (now_ms - up_ms) as u32,
        unix_secs: seconds(now_ms),
        unix_nsecs: (now_ms % 1000) as u32 * 1_000_000,
        flow_sequence: sequence,
        ..v5::Header::default()
    };
    let mut payload = Vec::new();
    v5::encode(&header, &records, &mut payload);
    payload
}

/// NetFlow v9 of an exporter that is up since `up_ms`, a whole second; with its template or without.
pub(super) fn v9(up_ms: u64, now_ms: u64, sequence: u32, defines: bool, flows: &[Told]) -> Vec<u8> {
    let mut to = Bytes::default();
    // Its clock knows seconds only.
    let now_ms = now_ms / 1000 * 1000;
    to.shorts(&[9, flows.len() as u16 + u16::from(defines)]);
    to.words(&[(now_ms - up_ms) as u32, seconds(now_ms), sequence, 7]);
    if defines {
        let fields = [&[(8, 4), (12, 4), (22, 4), (21, 4)][..], &COMMON].concat();
        to.set(0, &template(TEMPLATE, &fields));
    }
    let mut records = Bytes::default();
    for flow in flows {
        records.address(flow.src).address(flow.dst);
        let first_ms = (flow.first_ms - up_ms) as u32;
        records.words(&[first_ms, first_ms + LASTED_MS as u32]).common(flow);
    }
    to.set(TEMPLATE, &records.0);
    to.0
}

/// IPFIX, exported at `now_ms`; a flow that begins at `u64::MAX` says so in all bits.
pub(super) fn ipfix(
    now_ms: u64,
    sequence: u32,
    domain: u32,
    defines: bool,
    flows: &[Told],
) -> Vec<u8> {
    let v6 = flows.iter().any(|flow| flow.src.is_ipv6());
    let addresses = if v6 { [(27, 16), (28, 16)] } else { [(8, 4), (12, 4)] };
    let mut sets = Bytes::default();
    if defines {
        let fields = [&addresses[..], &[(152, 8), (153, 8)], &COMMON].concat();
        sets.set(2, &template(TEMPLATE, &fields));
    }
    let mut records = Bytes::default();
    for flow in flows {
        records.address(flow.src).address(flow.dst);
        records.bytes(&flow.first_ms.to_be_bytes());
        records.bytes(&flow.first_ms.saturating_add(LASTED_MS).to_be_bytes()).common(flow);
    }
    sets.set(TEMPLATE, &records.0);
    ipfix_of(now_ms, sequence, domain, &sets.0)
}

/// An IPFIX message of these sets.
pub(super) fn ipfix_of(now_ms: u64, sequence: u32, domain: u32, sets: &[u8]) -> Vec<u8> {
    let mut to = Bytes::default();
    to.shorts(&[10, 16 + sets.len() as u16]).words(&[seconds(now_ms), sequence, domain]);
    to.bytes(sets);
    to.0
}

/// sFlow of an agent, with a packet sampled of each flow, one of so many.
pub(super) fn sflow(
    agent: Ipv4Addr,
    sub_agent: u32,
    up_ms: u32,
    sequence: u32,
    flows: &[(Told, u32)],
) -> Vec<u8> {
    let mut to = Bytes::default();
    to.words(&[5, 1]).bytes(&agent.octets());
    to.words(&[sub_agent, sequence, up_ms, flows.len() as u32]);
    for (number, (flow, rate)) in (0..).zip(flows) {
        // A flow sample with one record: an IPv4 packet whose header's fields are told.
        to.words(&[1, 32 + 8 + 32]).words(&[number, 1, *rate, 0, 0, 1, 2, 1]).words(&[3, 32]);
        to.words(&[flow.octets, TCP.into()]).address(flow.src).address(flow.dst);
        to.words(&[flow.src_port.into(), DST_PORT.into(), 0, 0]);
    }
    to.0
}
