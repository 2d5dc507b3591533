//! The same flows as another format's export packets.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use super::random::Random;
use crate::netflow::v5::{HEADER_BYTES, Header, RECORD_BYTES, Record, RecordBytes};

/// The format of the exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// NetFlow v5.
    #[default]
    V5,
    /// NetFlow v9.
    V9,
    /// IPFIX.
    Ipfix,
    /// The events that a carrier's NAT logs of the flows, in IPFIX.
    Nat,
}

/// The template is in the first packet of an engine, and in each one so many packets later.
const TEMPLATE_EVERY: u64 = 20;
/// Its id.
const TEMPLATE: u16 = 256;

/// Elements and bytes of v9's records: those of v5's records as they lie.
#[rustfmt::skip]
const V9_FIELDS: [(u16, u16); 20] = [
    (8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2),
    (210, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (210, 2),
];
/// Of IPFIX's: the same, but for times since 1970.
const IPFIX_FIELDS: [(u16, u16); 20] = ipfix_fields(210, 210);
/// Likewise of routers that say how they see a flow: its direction, and their sampling.
const IPFIX_SIGHT_FIELDS: [(u16, u16); 20] = ipfix_fields(61, 34);

/// Likewise of a NAT, with what it makes of the source.
const IPFIX_NAT_FIELDS: [(u16, u16); 22] = nat_fields();

/// Of an event of a NAT: both ends, what the inside one became outside, the event, and its time.
const NAT_FIELDS: [(u16, u16); 9] =
    [(8, 4), (7, 2), (12, 4), (11, 2), (4, 1), (230, 1), (225, 4), (227, 2), (323, 8)];
/// The first of the public addresses, which are so many.
const POOL: u32 = 0xc612_0000;
const POOL_ADDRESSES: u64 = 4_096;

/// The fields of IPFIX's records, with the elements that lie where v5 pads.
#[rustfmt::skip]
const fn ipfix_fields(pad1: u16, pad2: u16) -> [(u16, u16); 20] {
    [
        (8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (152, 8), (153, 8), (7, 2),
        (11, 2), (pad1, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (pad2, 2),
    ]
}

const fn nat_fields() -> [(u16, u16); 22] {
    let mut fields = [(225, 4); 22];
    let mut place = 0;
    while place < IPFIX_SIGHT_FIELDS.len() {
        fields[place] = IPFIX_SIGHT_FIELDS[place];
        place += 1;
    }
    fields[21] = (227, 2);
    fields
}

/// In the byte of a record's direction: its source is told with what a NAT makes of it.
pub(super) const TELLS_NAT: u8 = 2;

/// What a NAT makes of a client's address and port. He has one public address, and his sessions have
/// ports of it.
pub(super) fn far_side(inside: Ipv4Addr, port: u16, protocol: u8) -> (Ipv4Addr, u16) {
    let public = Random::new(u32::from(inside).into(), 3).next();
    let session = u64::from(port) << 8 | u64::from(protocol);
    let port = Random::new(public ^ session, 4).next() % (65_536 - 1_024);
    ((POOL + (public % POOL_ADDRESSES) as u32).into(), 1_024 + port as u16)
}

/// What exports say beyond the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    Nothing,
    /// In which direction and how sampled it was seen.
    Sight,
    /// That, and what a NAT made of its source.
    Nat,
}

impl Format {
    /// The v5 packet in `payload`, the `packet`-th of its engine, as one of this format, which says
    /// what it `tells` as far as it can.
    pub(super) fn encode(self, payload: &[u8], packet: u64, tells: Tells) -> Vec<u8> {
        let Some((header, body)) = payload.split_first_chunk::<HEADER_BYTES>() else {
            return Vec::new();
        };
        let header = Header::read(header);
        let (records, _) = body.as_chunks::<RECORD_BYTES>();
        let with_template = packet.is_multiple_of(TEMPLATE_EVERY);
        match self {
            Self::V5 => payload.to_vec(),
            Self::V9 => v9(&header, records, packet as u32, with_template),
            Self::Ipfix => {
                let (fields, put): (&[_], PutFlow) = match tells {
                    Tells::Nothing => (&IPFIX_FIELDS, put_flow),
                    Tells::Sight => (&IPFIX_SIGHT_FIELDS, put_flow),
                    Tells::Nat => (&IPFIX_NAT_FIELDS, put_translated),
                };
                ipfix(&header, records, with_template.then_some(fields), put)
            }
            Self::Nat => ipfix(&header, records, with_template.then_some(&NAT_FIELDS), put_event),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V5 => "v5",
            Self::V9 => "v9",
            Self::Ipfix => "ipfix",
            Self::Nat => "nat",
        })
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::V5, Self::V9, Self::Ipfix, Self::Nat]
            .into_iter()
            .find(|format| format.to_string() == text)
            .ok_or_else(|| "there are v5, v9, ipfix and nat".to_owned())
    }
}

fn v9(header: &Header, records: &[RecordBytes], packet: u32, with_template: bool) -> Vec<u8> {
    let mut to = Vec::with_capacity(1600);
    put_shorts(&mut to, &[9, header.count + u16::from(with_template)]);
    put_words(&mut to, &[header.uptime_ms, header.unix_secs, packet, header.engine()]);
    if with_template {
        put_template(&mut to, 0, &V9_FIELDS);
    }
    put_shorts(&mut to, &[TEMPLATE, 4 + (records.len() * RECORD_BYTES) as u16]);
    to.extend_from_slice(records.as_flattened());
    to
}

/// A message with a record that `put` makes of each of `records`, and perhaps a template of them.
fn ipfix(
    header: &Header,
    records: &[RecordBytes],
    template: Option<&[(u16, u16)]>,
    put: impl Fn(&mut Vec<u8>, &RecordBytes, &dyn Fn(u32) -> u64),
) -> Vec<u8> {
    let mut to = Vec::with_capacity(1800);
    put_shorts(&mut to, &[10, 0]);
    put_words(&mut to, &[header.unix_secs, header.flow_sequence, header.engine()]);
    if let Some(fields) = template {
        put_template(&mut to, 2, fields);
    }
    let set = to.len();
    put_shorts(&mut to, &[TEMPLATE, 0]);
    let exported_ms = u64::from(header.unix_secs) * 1000 + u64::from(header.unix_nsecs / 1_000_000);
    let at = |uptime_ms: u32| exported_ms - u64::from(header.uptime_ms.wrapping_sub(uptime_ms));
    for bytes in records {
        put(&mut to, bytes, &at);
    }
    for from in [set, 0] {
        let length = (to.len() - from) as u16;
        to[from + 2..from + 4].copy_from_slice(&length.to_be_bytes());
    }
    to
}

/// Appends a record to a message, with its times since 1970 by the last argument.
type PutFlow = fn(&mut Vec<u8>, &RecordBytes, &dyn Fn(u32) -> u64);

/// A flow, with its times since 1970 by `at`.
fn put_flow(to: &mut Vec<u8>, bytes: &RecordBytes, at: &dyn Fn(u32) -> u64) {
    let record = Record::read(bytes);
    to.extend_from_slice(&bytes[..24]);
    to.extend_from_slice(&at(record.first_ms).to_be_bytes());
    to.extend_from_slice(&at(record.last_ms).to_be_bytes());
    to.extend_from_slice(&bytes[32..]);
}

/// A flow likewise, and what a NAT makes of its source, where its direction says that this is told.
fn put_translated(to: &mut Vec<u8>, bytes: &RecordBytes, at: &dyn Fn(u32) -> u64) {
    let mut record = Record::read(bytes);
    let tells = record.pad1 & TELLS_NAT != 0;
    record.pad1 &= !TELLS_NAT;
    put_flow(to, &record.to_bytes(), at);
    let (address, port) = if tells {
        far_side(record.src_addr, record.src_port, record.protocol)
    } else {
        (Ipv4Addr::UNSPECIFIED, 0)
    };
    to.extend_from_slice(&address.octets());
    put_shorts(to, &[port]);
}

/// The event that a flow is to a NAT: of one that comes from inside the creation of its session, of one
/// that goes back there the end.
fn put_event(to: &mut Vec<u8>, bytes: &RecordBytes, at: &dyn Fn(u32) -> u64) {
    let record = Record::read(bytes);
    let src = (record.src_addr, record.src_port);
    let dst = (record.dst_addr, record.dst_port);
    let (event, (inside, outside), time) = if src.1 >= dst.1 {
        (4, (src, dst), at(record.first_ms))
    } else {
        (5, (dst, src), at(record.last_ms))
    };
    for (address, port) in [inside, outside] {
        to.extend_from_slice(&address.octets());
        put_shorts(to, &[port]);
    }
    to.extend_from_slice(&[record.protocol, event]);
    let (address, port) = far_side(inside.0, inside.1, record.protocol);
    to.extend_from_slice(&address.octets());
    put_shorts(to, &[port]);
    to.extend_from_slice(&time.to_be_bytes());
}

fn put_template(to: &mut Vec<u8>, set: u16, fields: &[(u16, u16)]) {
    put_shorts(to, &[set, 8 + fields.len() as u16 * 4, TEMPLATE, fields.len() as u16]);
    for &(element, bytes) in fields {
        put_shorts(to, &[element, bytes]);
    }
}

fn put_shorts(to: &mut Vec<u8>, shorts: &[u16]) {
    to.extend(shorts.iter().flat_map(|short| short.to_be_bytes()));
}

fn put_words(to: &mut Vec<u8>, words: &[u32]) {
    to.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}
