//! One UDP datagram, as the decoders get it.

use std::net::IpAddr;

use crate::flow::UnixMillis;

/// One UDP datagram that an exporter sent, out of whatever it was captured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it: the source address of its IP packet.
    pub exporter: IpAddr,
    /// The UDP source port. No part of a flow's identity; it tells streams of one engine apart.
    pub src_port: u16,
    /// When the capture saw it, rounded down to the millisecond.
    pub received: UnixMillis,
    /// The UDP payload that is there: shorter than [`Self::declared_bytes`] where the capture's
    /// snap length cut it.
    pub payload: &'a [u8],
    /// The payload's length by the UDP header.
    pub declared_bytes: usize,
}
