//! A 5-tuple in either direction, and what was sent in both.

use std::cmp::Ordering;

use super::half::Half;
use super::{Conversation, Sent};
use crate::flow::{Family, FlowRecord, Protocol, UnixMillis, address_bits};

/// Two ends and a protocol, the lesser end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tuple {
    pub(super) family: Family,
    pub(super) protocol: u8,
    /// Addresses as numbers, with their ports.
    pub(super) ends: [(u128, u16); 2],
}

/// What conversations are sorted by: when they began, or nothing, and then their tuple.
pub(super) type Key = (u64, Tuple);

/// A conversation while it is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) tuple: Tuple,
    /// What the lesser end sent, and the other one.
    pub(super) halves: [Half; 2],
}

impl From<(Tuple, [Half; 2])> for Joined {
    fn from((tuple, halves): (Tuple, [Half; 2])) -> Self {
        Self { tuple, halves }
    }
}

impl Tuple {
    /// The tuple of `flow`, and which of its directions the flow is.
    pub(super) fn of(flow: &FlowRecord) -> (Self, usize) {
        let (src_port, dst_port) = ports(flow);
        let (src, dst) = ((address_bits(flow.src), src_port), (address_bits(flow.dst), dst_port));
        let direction = usize::from(src > dst);
        let ends = if direction == 0 { [src, dst] } else { [dst, src] };
        (Self { family: flow.family(), protocol: flow.protocol.0, ends }, direction)
    }
}

/// The ports of `flow`. What answers a request of ICMP has the request's type and code, as from the
/// port that it was sent to; so the two meet.
fn ports(flow: &FlowRecord) -> (u16, u16) {
    match request(flow.protocol, flow.dst_port) {
        Some(request) => (request, 0),
        None if flow.protocol.is_icmp() => (0, flow.dst_port),
        None => (flow.src_port, flow.dst_port),
    }
}

/// Types of ICMP that answer, and what they answer: echo, router, timestamp, information and mask
/// (RFC 792, 950, 1256).
const ANSWERS: [(u8, u8); 5] = [(0, 8), (9, 10), (14, 13), (16, 15), (18, 17)];
/// The same of ICMP for IPv6: echo, router and neighbour (RFC 4443, 4861).
const ANSWERS_V6: [(u8, u8); 3] = [(129, 128), (134, 133), (136, 135)];

fn answers(protocol: Protocol) -> &'static [(u8, u8)] {
    match protocol {
        Protocol::ICMP => &ANSWERS,
        Protocol::ICMP6 => &ANSWERS_V6,
        _ => &[],
    }
}

/// Type and code of what this answers, if it is an answer.
fn request(protocol: Protocol, kind_and_code: u16) -> Option<u16> {
    let [kind, code] = kind_and_code.to_be_bytes();
    let (_, request) = answers(protocol).iter().find(|(answer, _)| *answer == kind)?;
    Some(u16::from_be_bytes([*request, code]))
}

/// Type and code of what answers this; itself, if nothing does.
fn answer(protocol: Protocol, kind_and_code: u16) -> u16 {
    let [kind, code] = kind_and_code.to_be_bytes();
    let known = answers(protocol).iter().find(|(_, request)| *request == kind);
    known.map_or(kind_and_code, |(answer, _)| u16::from_be_bytes([*answer, code]))
}

impl Joined {
    /// Brings the parts of a conversation together.
    pub(super) fn by_tuple(&self) -> Key {
        (0, self.tuple)
    }

    /// By the beginning.
    pub(super) fn by_time(&self) -> Key {
        (self.first_ms(), self.tuple)
    }

    fn first_ms(&self) -> u64 {
        self.halves[0].first_ms.min(self.halves[1].first_ms)
    }

    /// Which end began.
    fn initiator(&self) -> usize {
        let [(_, port), (_, other_port)] = self.tuple.ends;
        match self.halves[0].first_ms.cmp(&self.halves[1].first_ms) {
            Ordering::Less => 0,
            Ordering::Greater => 1,
            // ICMP has its type where the port of who is asked would be, so there it is the other
            // way round.
            Ordering::Equal if Protocol(self.tuple.protocol).is_icmp() => {
                usize::from(port > other_port)
            }
            Ordering::Equal => usize::from(port < other_port),
        }
    }

    pub(super) fn conversation(&self) -> Conversation {
        let initiator = self.initiator();
        let responder = 1 - initiator;
        let protocol = Protocol(self.tuple.protocol);
        let address = |end: usize| self.tuple.family.address(self.tuple.ends[end].0);
        let port = |end: usize| self.tuple.ends[end].1;
        let (initiator_port, responder_port) = match (port(initiator), port(responder)) {
            // Nobody asked: what is seen are answers.
            (request, 0) if protocol.is_icmp() => (0, answer(protocol, request)),
            ports => ports,
        };
        let (own, other) = (&self.halves[initiator], &self.halves[responder]);
        let sent = |half: &Half| Sent { octets: half.octets, packets: half.packets };
        let first_ms = self.first_ms();
        Conversation {
            initiator: address(initiator),
            initiator_port,
            responder: address(responder),
            responder_port,
            protocol,
            first: UnixMillis(first_ms),
            duration_ms: own.last_ms.max(other.last_ms).saturating_sub(first_ms),
            sent: sent(own),
            returned: sent(other),
            tcp_flags: own.tcp_flags | other.tcp_flags,
            tos: if own.flows > 0 { own.tos } else { other.tos },
            flows: own.flows + other.flows,
        }
    }
}
