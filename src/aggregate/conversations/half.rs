//! One direction of a conversation.

use super::Sent;
use crate::flow::{
    BIFLOW_DIRECTION, Extra, FlowRecord, INITIATOR, REVERSE_ENTERPRISE, REVERSE_INITIATOR, extras,
    saturated_u8, unsigned,
};

/// What one end sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Half {
    /// Of flows that tell nothing of the other direction, or have no flow of their own there.
    pub(super) octets: u128,
    pub(super) packets: u128,
    /// Of flows of which each stands beside one of the way back.
    pub(super) paired: Counted,
    /// What those of the other direction tell of this one. That is the same again, but where the
    /// flows of one direction only were asked for.
    pub(super) told: Counted,
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

/// What flows count that are told in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) octets: u64,
    pub(super) packets: u64,
    pub(super) flows: u64,
}

impl Counted {
    fn add(&mut self, other: &Self) {
        self.octets = self.octets.saturating_add(other.octets);
        self.packets = self.packets.saturating_add(other.packets);
        self.flows += other.flows;
    }
}

impl Default for Half {
    fn default() -> Self {
        Self {
            octets: 0,
            packets: 0,
            paired: Counted::default(),
            told: Counted::default(),
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
        self.paired.add(&other.paired);
        self.told.add(&other.told);
        self.flows += other.flows;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.tcp_flags |= other.tcp_flags;
    }

    /// All that was sent.
    pub(super) fn sent(&self) -> Sent {
        let Self { paired, told, .. } = self;
        Sent {
            octets: self.octets + u128::from(paired.octets.max(told.octets)),
            packets: self.packets + u128::from(paired.packets.max(told.packets)),
            tcp_flags: self.tcp_flags,
        }
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
pub(super) fn halves_of(flow: &FlowRecord, back: &WayBack, direction: usize) -> [Half; 2] {
    let mut halves = [Half::default(); 2];
    let last_ms = flow.first.0.saturating_add(flow.duration_ms.into());
    let [own, other] = [direction, 1 - direction];
    halves[own] = Half {
        octets: flow.octets.into(),
        packets: flow.packets.into(),
        flows: 1,
        first_ms: flow.first.0,
        last_ms,
        tcp_flags: flow.tcp_flags,
        tos: flow.tos,
        ..Half::default()
    };
    let Counted { octets, packets, .. } = back.told;
    if back.is_paired() {
        halves[own].paired = Counted { octets: flow.octets, packets: flow.packets, flows: 1 };
        (halves[own].octets, halves[own].packets) = (0, 0);
        halves[other].told = back.told;
    } else {
        (halves[other].octets, halves[other].packets) = (octets.into(), packets.into());
    }
    halves[other].tcp_flags = back.tcp_flags;
    if back.answers() {
        // Whoever began did so no later than what is seen of either of them.
        halves[other].first_ms = back.first_ms.unwrap_or(flow.first.0).min(flow.first.0);
        halves[own].first_ms = u64::MAX;
    }
    halves
}

/// What a flow says of its way back.
#[derive(Default)]
pub(in super::super) struct WayBack {
    told: Counted,
    tcp_flags: u8,
    /// When it began, where that is told.
    first_ms: Option<u64>,
    /// Who began.
    direction: Option<u64>,
    is_told: bool,
}

impl WayBack {
    pub(in super::super) fn of(elements: &[u8]) -> Self {
        let mut back = Self { told: Counted { flows: 1, ..Counted::default() }, ..Self::default() };
        let [mut octets, mut packets] = [None; 2];
        for Extra { number, enterprise, value } in extras(elements) {
            let value = unsigned(value);
            match (number, enterprise) {
                // Deltas, totals, or what firewalls call the responder's; whichever comes first.
                (1 | 85, REVERSE_ENTERPRISE) | (232, 0) => octets = octets.or(Some(value)),
                (2 | 86, REVERSE_ENTERPRISE) | (299, 0) => packets = packets.or(Some(value)),
                (6, REVERSE_ENTERPRISE) => back.tcp_flags = saturated_u8(value & 0xff),
                (152, REVERSE_ENTERPRISE) => back.first_ms = Some(value),
                (BIFLOW_DIRECTION, 0) => back.direction = Some(value),
                _ => {}
            }
        }
        back.is_told = octets.or(packets).is_some();
        back.told.octets = octets.unwrap_or(0);
        back.told.packets = packets.unwrap_or(0);
        back
    }

    /// Whether the flow itself answers, and the other end began.
    pub(in super::super) fn answers(&self) -> bool {
        self.direction == Some(REVERSE_INITIATOR)
    }

    /// Whether the flow's source began, where it says who did. What tells of a way back that is no
    /// flow of its own was sent by who began.
    pub(in super::super) fn began(&self) -> Option<bool> {
        match self.direction {
            Some(INITIATOR) => Some(true),
            Some(REVERSE_INITIATOR) => Some(false),
            _ => self.unpaired().map(|_| true),
        }
    }

    /// The octets and packets of a way back that is no flow of its own.
    pub(in super::super) fn unpaired(&self) -> Option<(u64, u64)> {
        let Counted { octets, packets, .. } = self.told;
        (self.is_told && !self.is_paired()).then_some((octets, packets))
    }

    /// Whether the way back is a flow of its own. It is none in stores that were loaded before it
    /// became one: those do not say who began.
    fn is_paired(&self) -> bool {
        self.is_told && self.direction.is_some()
    }
}
