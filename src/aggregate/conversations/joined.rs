//! A 5-tuple in either direction, and what was sent in both.

use std::cmp::Ordering;

use super::Conversation;
use super::half::Half;
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
    /// The tuple of `flow`, and which of its directions the flow is; where a record told both of
    /// them, whether it is the one that `answers`.
    pub(super) fn of(flow: &FlowRecord, answers: bool) -> (Self, usize) {
        let FlowRecord { protocol, src_port, dst_port, .. } = *flow;
        let (src_port, dst_port) = ports(protocol, src_port, dst_port, answers);
        let (src, dst) = ((address_bits(flow.src), src_port), (address_bits(flow.dst), dst_port));
        let direction = usize::from(src > dst || src == dst && answers);
        let ends = if direction == 0 { [src, dst] } else { [dst, src] };
        (Self { family: flow.family(), protocol: flow.protocol.0, ends }, direction)
    }
}

/// The ports of a flow by which both directions meet. What answers a request of ICMP has the
/// request's type and code, as from the port that it was sent to. So has what nothing answers, where
/// it `answers`.
pub(in super::super) fn ports(
    protocol: Protocol,
    src_port: u16,
    dst_port: u16,
    answers: bool,
) -> (u16, u16) {
    match protocol.icmp_request(dst_port) {
        Some(request) => (request, 0),
        None if protocol.is_icmp() && answers => (dst_port, 0),
        None if protocol.is_icmp() => (0, dst_port),
        None => (src_port, dst_port),
    }
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
            (request, 0) if protocol.is_icmp() => {
                (0, protocol.icmp_answer(request).unwrap_or(request))
            }
            ports => ports,
        };
        let (own, other) = (&self.halves[initiator], &self.halves[responder]);
        // A flow of each direction that tell of each other are one that was exported.
        let twice = own.paired.flows.min(other.paired.flows);
        let first_ms = self.first_ms();
        Conversation {
            initiator: address(initiator),
            initiator_port,
            responder: address(responder),
            responder_port,
            protocol,
            first: UnixMillis(first_ms),
            duration_ms: own.last_ms.max(other.last_ms).saturating_sub(first_ms),
            sent: own.sent(),
            returned: other.sent(),
            tos: if own.flows > 0 { own.tos } else { other.tos },
            flows: own.flows + other.flows - twice,
        }
    }
}
