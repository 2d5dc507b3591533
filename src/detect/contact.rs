//! A connection as its initiator's judges keep it.

use std::net::IpAddr;

use crate::aggregate::{Connection, Outcome};
use crate::flow::{Protocol, UnixMillis};

/// A connection that a host began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contact {
    pub(super) peer: IpAddr,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
    pub(super) own_port: u16,
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    /// What was sent.
    pub(super) octets: u64,
    pub(super) packets: u64,
    /// Whether nobody answered, or TCP's RST.
    pub(super) failed: bool,
    pub(super) sampled: bool,
    /// Whether it was answered by a way that no router told of.
    pub(super) one_way: bool,
}

/// Whether a service is asked again and again by its nature: DNS and NTP.
pub(super) fn is_polled(protocol: Protocol, port: u16) -> bool {
    matches!((protocol, port), (Protocol::UDP | Protocol::TCP, 53) | (Protocol::UDP, 123))
}

/// Of what nobody answers, more packets are no try: somebody sends, and wants no answer.
const MOST_TRIED_PACKETS: u64 = 8;

impl From<&Connection> for Contact {
    fn from(connection: &Connection) -> Self {
        let Connection { protocol, first, last, sent, sampled, .. } = *connection;
        let failed = match connection.outcome() {
            Outcome::Answered => false,
            Outcome::Refused => true,
            Outcome::Silent if connection.is_one_way() => false,
            // Of sampled ones the packets are multiplied.
            Outcome::Silent => sampled || sent.packets <= MOST_TRIED_PACKETS,
        };
        let (UnixMillis(first_ms), UnixMillis(last_ms)) = (first, last);
        Self {
            peer: connection.responder,
            protocol,
            port: connection.responder_port,
            own_port: connection.initiator_port,
            first_ms,
            last_ms,
            octets: sent.octets,
            packets: sent.packets,
            failed,
            sampled,
            one_way: connection.is_one_way(),
        }
    }
}
