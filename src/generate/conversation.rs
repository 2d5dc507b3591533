//! What two hosts say to each other: by which protocol and ports, and how much goes each way.

use super::hosts::Host;
use super::random::{Random, scale};
use crate::flow::Protocol;
use crate::flow::tcp_flags::{ACK, FIN, PSH, RST, SYN};

/// Routers cut a flow that lasts longer than this, and begin its next record.
pub(super) const ACTIVE_TIMEOUT_MS: u32 = 60_000;
/// Routers export a flow that says no more after this time.
const INACTIVE_TIMEOUT_MS: u32 = 15_000;

/// The most packets that a flow has: what a busy line carries within the active timeout.
const MAX_PACKETS: f64 = 1_000_000.0;

/// One flow of a conversation, as far as it does not follow from the hosts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) packets: u32,
    pub(super) octets: u32,
    pub(super) tcp_flags: u8,
}

/// A conversation, or the part of a long one that is exported at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conversation {
    /// Which customer's it is.
    pub(super) customer: u32,
    pub(super) client: Host,
    pub(super) server: Host,
    pub(super) client_port: u16,
    pub(super) server_port: u16,
    pub(super) protocol: u8,
    pub(super) tos: u8,
    /// What the client sends.
    pub(super) request: Side,
    /// What the server sends, if it answers. Of ICMP it has `answer_port` for its type and code.
    pub(super) answer: Option<Side>,
    pub(super) answer_port: u16,
    pub(super) duration_ms: u32,
    /// How long after its last packet it is exported.
    pub(super) export_delay_ms: u32,
}

impl Conversation {
    /// One datagram each way, or one that nobody answers.
    pub(super) fn short(
        hosts: (Host, Host),
        ports: (u16, u16),
        protocol: Protocol,
        request: Side,
        answer: Option<Side>,
    ) -> Self {
        Self {
            customer: 0,
            client: hosts.0,
            server: hosts.1,
            client_port: ports.0,
            server_port: ports.1,
            protocol: protocol.0,
            tos: 0,
            request,
            answer,
            answer_port: ports.0,
            duration_ms: 0,
            export_delay_ms: INACTIVE_TIMEOUT_MS,
        }
    }

    /// Whether the router cut it, so that more of it follows.
    pub(super) fn goes_on(&self) -> bool {
        self.duration_ms >= ACTIVE_TIMEOUT_MS
    }

    /// What of it the router exports an active timeout later: as much again, or its end.
    pub(super) fn next_part(mut self, random: &mut Random) -> Self {
        let ends = random.chance(64);
        let share = if ends { random.between(1, 200) } else { random.between(180, 330) };
        for side in [Some(&mut self.request), self.answer.as_mut()].into_iter().flatten() {
            side.shrink(share);
            if self.protocol == Protocol::TCP.0 {
                side.tcp_flags = if ends { FIN | PSH | ACK } else { PSH | ACK };
            }
        }
        if ends {
            self.duration_ms = self.duration_ms * share / 256;
            self.export_delay_ms = random.below(2000);
        }
        self
    }
}

impl Side {
    pub(super) const fn new(packets: u32, octets: u32) -> Self {
        Self { packets, octets, tcp_flags: 0 }
    }

    /// `share` 256ths of it, one packet at least, with packets as large as before.
    fn shrink(&mut self, share: u32) {
        let packets = self.packets;
        let scaled = u64::from(packets) * u64::from(share) / 256;
        self.packets = scaled.clamp(1, MAX_PACKETS as u64) as u32;
        let octets = u64::from(self.octets) * u64::from(self.packets) / u64::from(packets);
        self.octets = octets as u32;
    }
}

/// A port of the range that the client's system takes them from.
pub(super) fn ephemeral(random: &mut Random, client: Host) -> u16 {
    match client.address % 8 {
        0..4 => random.between(49_152, 65_535) as u16,
        4..7 => random.between(32_768, 60_999) as u16,
        _ => random.between(1025, 65_535) as u16,
    }
}

fn tos(random: &mut Random) -> u8 {
    if random.chance(240) { 0 } else { random.one_of(&[0x28, 0x48, 0x88, 0x02, 0x08, 0x20, 0x68]) }
}

/// How long `packets` take, in ms: round trips, and often a wait at the end.
fn duration(random: &mut Random, packets: u32) -> u32 {
    let round_trip = random.between(4, 180);
    let trips = 2 + (f64::from(packets).sqrt() as u32) * 2;
    let wait = match random.below(8) {
        0 => random.one_of(&[5000, 10_000, 15_000, 30_000, 60_000, 65_000]),
        1 | 2 => random.below(4000),
        _ => 0,
    };
    (round_trip * trips + wait).min(ACTIVE_TIMEOUT_MS)
}

/// A TCP conversation, most of it sent by the server.
pub(super) fn web(random: &mut Random, client: Host, server: Host, port: u16) -> Conversation {
    let (hosts, ports) = ((client, server), (ephemeral(random, client), port));
    match random.below(64) {
        0..4 => refused(random, hosts, ports),
        4..16 => idle(random, hosts, ports),
        _ => exchange(random, hosts, ports),
    }
}

/// Nobody is there, or it refuses.
fn refused(random: &mut Random, hosts: (Host, Host), ports: (u16, u16)) -> Conversation {
    let packets = random.between(1, 3);
    let request = Side { packets, octets: packets * random.one_of(&[52, 60]), tcp_flags: SYN };
    let refusal = Side { packets: 1, octets: 40, tcp_flags: RST | ACK };
    let answer = random.chance(128).then_some(refusal);
    let mut refused = Conversation::short(hosts, ports, Protocol::TCP, request, answer);
    refused.duration_ms = 3000 * (packets - 1);
    refused
}

/// A connection kept alive, or closed long after its last word.
fn idle(random: &mut Random, hosts: (Host, Host), ports: (u16, u16)) -> Conversation {
    let tcp_flags = random.one_of(&[ACK, FIN | ACK, RST | ACK, PSH | ACK]);
    let word = Side { packets: 1, octets: random.one_of(&[40, 52]), tcp_flags };
    let answer = random.chance(64).then_some(word);
    Conversation::short(hosts, ports, Protocol::TCP, word, answer)
}

fn exchange(random: &mut Random, hosts: (Host, Host), ports: (u16, u16)) -> Conversation {
    let data = (random.heavy_tail() * 1.4).min(MAX_PACKETS - 3.0) as u32;
    // A server gives the same few things to all, and is asked for them in much the same words.
    let thing = Random::new(u64::from(hosts.1.address), u64::from(random.below(4))).next();
    let last_packet = 52 + scale(thing >> 32, 1448);
    let mut answer = Side::new(data + 2, (data - 1) * 1500 + last_packet + 2 * 52);
    let acknowledgements = data.div_ceil(2) + 2;
    let asked = 80 + scale(thing & 0xffff_ffff, 600) + random.below(12);
    let mut request = Side::new(acknowledgements + 1, acknowledgements * 52 + asked);
    // Some send more than they get.
    if random.chance(16) {
        (request, answer) = (answer, request);
    }
    let mut exchange = Conversation::short(hosts, ports, Protocol::TCP, request, Some(answer));
    exchange.duration_ms = duration(random, data);
    let all = SYN | PSH | ACK;
    let flags = if exchange.goes_on() {
        exchange.export_delay_ms = random.below(1000);
        all
    } else {
        exchange.export_delay_ms = random.below(2000);
        random.one_of(&[FIN | all, FIN | all, FIN | all, FIN | all, FIN | all, all | RST])
    };
    exchange.request.tcp_flags = flags;
    exchange.answer = exchange.answer.map(|side| Side { tcp_flags: flags & !RST, ..side });
    exchange.tos = tos(random);
    exchange
}

/// A DNS question.
pub(super) fn lookup(random: &mut Random, client: Host, server: Host) -> Conversation {
    let asked = 28 + 12 + 5 + random.between(6, 20) + random.below(20);
    let answered = asked + 16 * random.between(0, 4) + random.one_of(&[0, 0, 11, 28, 75, 212]);
    let answer = (!random.chance(12)).then_some(Side::new(1, answered));
    let ports = (random.between(1025, 65_535) as u16, 53);
    Conversation::short((client, server), ports, Protocol::UDP, Side::new(1, asked), answer)
}

pub(super) fn clock_time(random: &mut Random, client: Host, server: Host) -> Conversation {
    let own = if random.chance(128) { 123 } else { ephemeral(random, client) };
    let side = Side::new(1, 76);
    let answer = (!random.chance(8)).then_some(side);
    Conversation::short((client, server), (own, 123), Protocol::UDP, side, answer)
}

pub(super) fn quic(random: &mut Random, client: Host, server: Host) -> Conversation {
    let mut quic = web(random, client, server, 443);
    quic.protocol = Protocol::UDP.0;
    quic.export_delay_ms = quic.export_delay_ms.max(INACTIVE_TIMEOUT_MS);
    for side in [Some(&mut quic.request), quic.answer.as_mut()].into_iter().flatten() {
        side.tcp_flags = 0;
        side.octets = side.octets.max(side.packets * 61);
    }
    quic
}

pub(super) fn peer_to_peer(random: &mut Random, own: Host, other: Host) -> Conversation {
    let (client, server) = if random.chance(128) { (own, other) } else { (other, own) };
    let port = 6881 + (server.address.wrapping_mul(0x9e37_79b9) >> 18) as u16;
    if random.chance(40) {
        return web(random, client, server, port);
    }
    let packets = (random.heavy_tail() as u32).min(5000);
    let octets = random.one_of(&[46, 46, 46, 48, 49, 53, 53, 58, 92, 92, 95, 126, 129, 131, 401]);
    let request = Side::new(packets, packets * octets);
    let answers = packets.div_ceil(2);
    let octets = random.one_of(&[46, 48, 60, 81, 126, 129, 345, 1400]);
    let answer = random.chance(110).then_some(Side::new(answers, answers * octets));
    let ports = (6881 + (client.address.wrapping_mul(0x9e37_79b9) >> 18) as u16, port);
    let mut talk = Conversation::short((client, server), ports, Protocol::UDP, request, answer);
    talk.duration_ms = if packets > 1 { duration(random, packets) } else { 0 };
    talk
}

/// Somebody outside tries a port of somebody inside.
pub(super) fn scan(random: &mut Random, client: Host, server: Host) -> Conversation {
    let port = random.one_of(&[22, 23, 23, 80, 445, 445, 1433, 3306, 3389, 5900, 6379, 8080, 8291]);
    let request = Side { packets: 1, octets: random.one_of(&[40, 40, 44, 60]), tcp_flags: SYN };
    let answer = match random.below(16) {
        0 => Some(Side { packets: 2, octets: 88, tcp_flags: SYN | ACK }),
        1..4 => Some(Side { packets: 1, octets: 40, tcp_flags: RST | ACK }),
        _ => None,
    };
    let ports = (ephemeral(random, client), port);
    Conversation::short((client, server), ports, Protocol::TCP, request, answer)
}

pub(super) fn ping(random: &mut Random, client: Host, server: Host) -> Conversation {
    let echo = !random.chance(64);
    let packets = if echo { random.one_of(&[1, 1, 1, 2, 3, 4, 4, 5, 60]) } else { 1 };
    let octets = if echo { random.one_of(&[28, 60, 84, 84, 84, 92, 1500]) } else { 56 };
    let side = Side::new(packets, packets * octets);
    // Echo request; else unreachable: a host, a port, or by prohibition.
    let kind = if echo { 0x0800 } else { random.one_of(&[0x0301, 0x0303, 0x0303, 0x030d, 0x0b00]) };
    let answer = (echo && !random.chance(48)).then_some(side);
    let mut ping = Conversation::short((client, server), (0, kind), Protocol::ICMP, side, answer);
    ping.answer_port = 0x0000;
    ping.duration_ms = ((packets - 1) * 1000).min(ACTIVE_TIMEOUT_MS - 1);
    ping
}

/// Voice: fifty packets of 200 octets a second, both ways.
pub(super) fn call(random: &mut Random, client: Host, server: Host) -> Conversation {
    let duration_ms = random.between(2000, 90_000).min(ACTIVE_TIMEOUT_MS);
    let packets = duration_ms / 20 + 1;
    let side = Side::new(packets, packets * 200);
    let mut port = || random.between(5000, 16_000) as u16 * 2;
    let ports = (port(), port());
    let mut call = Conversation::short((client, server), ports, Protocol::UDP, side, Some(side));
    call.tos = 0xb8;
    call.duration_ms = duration_ms;
    if call.goes_on() {
        call.export_delay_ms = random.below(1000);
    }
    call
}

/// A tunnel that always carries something.
pub(super) fn tunnel(random: &mut Random, client: Host, server: Host) -> Conversation {
    let protocol = Protocol(random.one_of(&[47, 50, 50, 50]));
    let mut side = || {
        let packets = ((random.heavy_tail() * 40.0) as u32).min(200_000);
        Side::new(packets, packets * random.between(90, 1400))
    };
    let (request, answer) = (side(), Some(side()));
    let mut tunnel = Conversation::short((client, server), (0, 0), protocol, request, answer);
    tunnel.duration_ms = ACTIVE_TIMEOUT_MS;
    tunnel.export_delay_ms = random.below(1000);
    tunnel
}
