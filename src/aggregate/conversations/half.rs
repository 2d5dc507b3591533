//! One direction of a conversation.

use crate::flow::{Extra, FlowRecord, REVERSE_ENTERPRISE, extras, unsigned};

/// What one end sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Half {
    pub(super) octets: u128,
    pub(super) packets: u128,
    pub(super) flows: u64,
    /// When its first flow began; the greatest number where it has none of its own, but only the
    /// counters of the other's.
    pub(super) first_ms: u64,
    /// When its last packet was seen.
    pub(super) last_ms: u64,
    pub(super) tcp_flags: u8,
    /// Of the flow that began first.
    pub(super) tos: u8,
}

impl Default for Half {
    fn default() -> Self {
        Self {
            octets: 0,
            packets: 0,
            flows: 0,
            first_ms: u64::MAX,
            last_ms: 0,
            tcp_flags: 0,
            tos: 0,
        }
    }
}

impl Half {
    fn add(&mut self, other: &Self) {
        // Which is taken must not hang on the order, also of flows that began at once.
        let is_earlier = (other.first_ms, other.tos) < (self.first_ms, self.tos);
        if other.flows > 0 && (self.flows == 0 || is_earlier) {
            self.tos = other.tos;
        }
        self.octets += other.octets;
        self.packets += other.packets;
        self.flows += other.flows;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.tcp_flags |= other.tcp_flags;
    }
}

/// Takes `other` into `halves`.
pub(super) fn merge(halves: &mut [Half; 2], other: &[Half; 2]) {
    for (half, other) in halves.iter_mut().zip(other) {
        half.add(other);
    }
}

/// What `flow`, of this direction, says of both: its own counters, and those of its way back if it
/// is a biflow (RFC 5103), or counts initiator and responder.
pub(super) fn halves_of(flow: &FlowRecord, elements: &[u8], direction: usize) -> [Half; 2] {
    let mut halves = [Half::default(); 2];
    let last_ms = flow.first.0.saturating_add(flow.duration_ms.into());
    halves[direction] = Half {
        octets: flow.octets.into(),
        packets: flow.packets.into(),
        flows: 1,
        first_ms: flow.first.0,
        last_ms,
        tcp_flags: flow.tcp_flags,
        tos: flow.tos,
    };
    if !elements.is_empty() {
        let back = WayBack::of(elements);
        let [own, other] = [direction, 1 - direction];
        halves[other].octets = back.octets.into();
        halves[other].packets = back.packets.into();
        halves[other].tcp_flags = back.tcp_flags;
        if back.began {
            halves[other].first_ms = halves[own].first_ms;
            halves[own].first_ms = u64::MAX;
        }
    }
    halves
}

/// What a flow says of its way back.
#[derive(Default)]
struct WayBack {
    octets: u64,
    packets: u64,
    tcp_flags: u8,
    /// Whether that was the first to be seen.
    began: bool,
}

impl WayBack {
    fn of(elements: &[u8]) -> Self {
        let mut back = Self::default();
        for Extra { number, enterprise, value } in extras(elements) {
            let value = unsigned(value);
            match (number, enterprise) {
                // Deltas, totals, or what firewalls call the responder's; whichever comes first.
                (1 | 85, REVERSE_ENTERPRISE) | (232, 0) if back.octets == 0 => back.octets = value,
                (2 | 86, REVERSE_ENTERPRISE) | (299, 0) if back.packets == 0 => {
                    back.packets = value;
                }
                (6, REVERSE_ENTERPRISE) => back.tcp_flags = value as u8,
                // IANA's biflowDirection: reverseInitiator.
                (239, 0) => back.began = value == 2,
                _ => {}
            }
        }
        back
    }
}
