//! A connection, and what became of it.

use std::net::IpAddr;

use super::super::conversations::{Conversation, Outcome, Sent};
use crate::flow::tcp_flags::ACK;
use crate::flow::{Protocol, UnixMillis};

/// Records of one 5-tuple, in both directions, that follow on each other.
///
/// The initiator is the end that says so (RFC 5103); else the one that sent a SYN and no ACK; else
/// the one that was seen first; of two that were seen at once, the one with the higher port.
/// Where one end only was seen, and it sent from a port below 1024 to one above, it is taken for the
/// one that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Who began it.
    pub initiator: IpAddr,
    /// Its port; 0 where the protocol has none.
    pub initiator_port: u16,
    /// Who was spoken to.
    pub responder: IpAddr,
    /// Its port; for ICMP type × 256 + code of what the initiator sent.
    pub responder_port: u16,
    /// IP protocol.
    pub protocol: Protocol,
    /// When the first packet of either end was seen.
    pub first: UnixMillis,
    /// When the last one was.
    pub last: UnixMillis,
    /// What the initiator sent.
    pub sent: OneWay,
    /// What the responder sent.
    pub returned: OneWay,
    /// Whether some of it was exported by a router that samples packets: then packets are missing.
    pub sampled: bool,
}

/// What one end of a connection sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OneWay {
    /// Layer-3 bytes; the greatest number where there are more.
    pub octets: u64,
    /// Packets, likewise.
    pub packets: u64,
    /// As how many records it was exported.
    pub records: u32,
    /// How long these lasted, in milliseconds.
    pub active_ms: u64,
    /// The OR of the TCP flags of these.
    pub tcp_flags: u8,
    /// Type of service of the first of them.
    pub tos: u8,
}

impl Connection {
    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        Conversation::from(self).outcome()
    }

    /// Whether it was answered by a way that no router told of: nothing of it is there, but TCP
    /// acknowledges something.
    pub fn is_one_way(&self) -> bool {
        self.protocol == Protocol::TCP
            && self.outcome() == Outcome::Silent
            && self.sent.tcp_flags & ACK != 0
    }

    /// How long it lasted, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.last.0.saturating_sub(self.first.0)
    }
}

impl From<&Connection> for Conversation {
    fn from(connection: &Connection) -> Self {
        let Connection { sent, returned, .. } = connection;
        let of = |way: &OneWay| Sent {
            octets: way.octets.into(),
            packets: way.packets.into(),
            tcp_flags: way.tcp_flags,
        };
        Self {
            initiator: connection.initiator,
            initiator_port: connection.initiator_port,
            responder: connection.responder,
            responder_port: connection.responder_port,
            protocol: connection.protocol,
            first: connection.first,
            duration_ms: connection.duration_ms(),
            sent: of(sent),
            returned: of(returned),
            tos: if sent.records > 0 { sent.tos } else { returned.tos },
            flows: u64::from(sent.records) + u64::from(returned.records),
        }
    }
}
