//! From a packet of a capture to the UDP datagram in it.

use std::net::IpAddr;
use std::ops::ControlFlow;

use pcap_parser::Linktype;

use super::fragments::Fragments;
use super::ip::{self, Packet};
use super::link;
use super::live::Shared;
use super::{Datagram, Report, Skip};
use crate::flow::UnixMillis;

/// A sink that gets no datagrams is asked whether to go on about once in so many packets.
const PACKETS_PER_POLL: u64 = 4096;

/// The packets of one capture: gives their datagrams to the sink, and counts the rest.
pub(super) struct Packets<'a, 's> {
    sink: &'a Shared<'s>,
    report: &'a mut Report,
    fragments: Fragments,
}

impl<'a, 's> Packets<'a, 's> {
    pub(super) fn new(sink: &'a Shared<'s>, report: &'a mut Report) -> Self {
        Self { sink, report, fragments: Fragments::default() }
    }

    /// Takes the next packet.
    pub(super) fn packet(
        &mut self,
        link: Linktype,
        received: UnixMillis,
        frame: &[u8],
    ) -> ControlFlow<()> {
        self.report.packets += 1;
        match link::network(link, frame).and_then(ip::decode) {
            Ok(packet) if packet.fragment.is_none() => self.transport(packet, received),
            Ok(packet) => self.fragment(packet, received),
            Err(reason) => self.skip(reason),
        }
    }

    /// Counts a packet that could not even be looked at.
    pub(super) fn malformed(&mut self) {
        self.report.packets += 1;
        self.report.skipped.add(Skip::Malformed, 1);
    }

    /// Ends the capture: what still waits for fragments is counted.
    pub(super) fn finish(mut self) {
        self.fragments.finish();
        self.report.skipped.add(Skip::Joined, self.fragments.joined);
        self.report.skipped.add(Skip::Incomplete, self.fragments.incomplete);
    }

    fn fragment(&mut self, packet: Packet<'_>, received: UnixMillis) -> ControlFlow<()> {
        let Some(fragment) = packet.fragment.filter(|fragment| fragment.whole) else {
            return self.skip(Skip::Cut);
        };
        let whole = self.fragments.add(fragment, packet.protocol, packet.payload, received);
        let Some(whole) = whole else { return ControlFlow::Continue(()) };
        let upper = match packet.src {
            IpAddr::V4(_) => Ok((whole.protocol, &whole.payload[..])),
            // Extension headers may have been cut in pieces with the rest.
            IpAddr::V6(_) => ip::upper_layer(whole.protocol, &whole.payload).and_then(|upper| {
                match upper.fragment {
                    None => Ok((upper.protocol, upper.payload)),
                    Some(_) => Err(Skip::Malformed),
                }
            }),
        };
        match upper {
            Ok((protocol, payload)) => {
                self.transport(Packet { protocol, payload, fragment: None, ..packet }, received)
            }
            Err(reason) => self.skip(reason),
        }
    }

    fn transport(&mut self, packet: Packet<'_>, received: UnixMillis) -> ControlFlow<()> {
        match packet.protocol {
            ip::UDP => match ip::udp(packet.payload) {
                Ok(udp) => {
                    self.report.datagrams += 1;
                    self.sink.datagram(&Datagram {
                        exporter: packet.src,
                        src_port: udp.src_port,
                        received,
                        payload: udp.payload,
                        declared_bytes: udp.declared_bytes,
                    })
                }
                Err(reason) => self.skip(reason),
            },
            ip::TCP => self.skip(Skip::Tcp),
            ip::ICMP | ip::ICMPV6 => self.skip(Skip::Icmp),
            _ => self.skip(Skip::OtherProtocol),
        }
    }

    fn skip(&mut self, reason: Skip) -> ControlFlow<()> {
        self.report.skipped.add(reason, 1);
        if self.report.packets.is_multiple_of(PACKETS_PER_POLL) {
            return self.sink.poll();
        }
        ControlFlow::Continue(())
    }
}
