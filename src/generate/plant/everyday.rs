//! What is often mistaken for something else: clocks, updates, monitoring, resolvers, checks of health,
//! backups, long downloads, and peers.

use super::super::conversation::{Conversation, ephemeral};
use super::super::hosts::Host;
use super::attack::lasting;
use super::{Field, side};
use crate::flow::Protocol;
use crate::flow::tcp_flags::{ACK, FIN, PSH, RST, SYN};

const HOUR_MS: u64 = 3_600_000;
const WHOLE: u8 = FIN | SYN | PSH | ACK;

pub(super) fn sow(field: &mut Field<'_>) {
    clocks(field);
    updates(field);
    monitoring(field);
    resolvers(field);
    health_checks(field);
    downloads(field);
    backups(field);
    peers(field);
}

/// Has `contact` sow what is said each `period_ms`, with the moment of it.
fn each(field: &mut Field<'_>, period_ms: u64, mut contact: impl FnMut(&mut Field<'_>, u64)) {
    let mut at_ms = field.from_ms + (period_ms as f64 * field.random.unit()) as u64;
    while at_ms < field.until_ms {
        contact(field, at_ms);
        at_ms += period_ms + u64::from(field.random.below(200));
    }
}

/// A whole exchange of TCP of so many octets each way.
fn exchange(
    field: &mut Field<'_>,
    hosts: (Host, Host),
    port: u16,
    octets: (u32, u32),
) -> Conversation {
    let ports = (ephemeral(&mut field.random, hosts.0), port);
    let of = |octets: u32| side(4 + octets / 1_000, octets + 4 * 52, WHOLE);
    let answer = Some(of(octets.1));
    let mut talk = Conversation::short(hosts, ports, Protocol::TCP, of(octets.0), answer);
    talk.duration_ms = field.random.between(30, 600);
    talk.export_delay_ms = field.random.below(2_000);
    talk
}

/// Hosts that ask for the time, each one of three servers.
fn clocks(field: &mut Field<'_>) {
    let servers = [field.outside(), field.outside(), field.outside()];
    for number in 0..60 {
        let (host, server) = (field.inside(), servers[number % 3]);
        let period_ms = 1_000 * field.random.one_of(&[64, 128, 256, 512, 1_024]);
        let own = if number % 2 == 0 { 123 } else { ephemeral(&mut field.random, host) };
        each(field, period_ms, |field, at_ms| {
            let hosts = (host, server);
            let answer = (field.random.below(50) != 0).then(|| side(1, 76, 0));
            let talk =
                Conversation::short(hosts, (own, 123), Protocol::UDP, side(1, 76, 0), answer);
            field.sow(at_ms, talk);
        });
    }
}

/// Many hosts that ask one server whether there is anything new.
fn updates(field: &mut Field<'_>) {
    let servers = [field.outside(), field.outside()];
    for number in 0..400 {
        let (host, server) = (field.inside(), servers[number % 2]);
        each(field, HOUR_MS / 2, |field, at_ms| {
            let talk = exchange(field, (host, server), 443, (700, 3_000));
            field.sow(at_ms, talk);
        });
    }
}

/// A host inside that looks each minute whether servers are there, three of which are not.
fn monitoring(field: &mut Field<'_>) {
    let monitor = field.inside();
    for number in 0..60 {
        let server = field.inside();
        each(field, 60_000, |field, at_ms| {
            let talk = if number < 3 {
                dead(field, (monitor, server), 443)
            } else {
                exchange(field, (monitor, server), 443, (200, 400))
            };
            field.sow(at_ms, talk);
        });
    }
}

/// Nobody is there, or it refuses.
fn dead(field: &mut Field<'_>, hosts: (Host, Host), port: u16) -> Conversation {
    let ports = (ephemeral(&mut field.random, hosts.0), port);
    let answer = field.random.chance(100).then(|| side(1, 40, RST | ACK));
    let mut talk = Conversation::short(hosts, ports, Protocol::TCP, side(3, 180, SYN), answer);
    talk.duration_ms = 3_000;
    talk
}

/// Hosts inside that ask name servers all over the world.
fn resolvers(field: &mut Field<'_>) {
    for _ in 0..2 {
        let resolver = field.inside();
        let servers: Vec<Host> = (0..1_500).map(|_| field.outside()).collect();
        each(field, 2_000, |field, at_ms| {
            let server = servers[field.random.below(1_500) as usize];
            let answer = (field.random.below(16) != 0).then(|| side(1, 200, 0));
            let ports = (ephemeral(&mut field.random, resolver), 53);
            let hosts = (resolver, server);
            let talk = Conversation::short(hosts, ports, Protocol::UDP, side(1, 72, 0), answer);
            field.sow(at_ms, talk);
        });
    }
}

/// A host outside that looks whether servers inside answer.
fn health_checks(field: &mut Field<'_>) {
    let checker = field.outside();
    for number in 0..50 {
        let server = field.inside();
        each(field, 30_000, |field, at_ms| {
            let talk = if number < 2 {
                dead(field, (checker, server), 443)
            } else {
                exchange(field, (checker, server), 443, (160, 500))
            };
            field.sow(at_ms, talk);
        });
    }
}

/// Downloads of an hour, and a backup, which routers cut each minute.
fn downloads(field: &mut Field<'_>) {
    for _ in 0..6 {
        let length_ms = (HOUR_MS * 3 / 4).min(field.span_ms() / 2);
        let (host, server) = (field.inside(), field.outside());
        let Some(first) = field.moment(length_ms) else { continue };
        let sides = (side(20_000, 1_040_000, 0), side(40_000, 60_000_000, 0));
        lasting(field, (host, server), 443, (first, length_ms), sides);
    }
    let (host, server) = (field.inside(), field.inside());
    let length_ms = (HOUR_MS * 3 / 4).min(field.span_ms() / 2);
    let Some(first) = field.moment(length_ms) else { return };
    let sides = (side(60_000, 90_000_000, 0), side(30_000, 1_560_000, 0));
    lasting(field, (host, server), 873, (first, length_ms), sides);
}

/// Hosts that send what is new of them to a store of backups every four hours, as much as they have.
fn backups(field: &mut Field<'_>) {
    for _ in 0..3 {
        let (host, store) = (field.inside(), field.outside());
        each(field, 4 * HOUR_MS, |field, at_ms| {
            let octets = 25_000_000 + field.random.below(15_000_000);
            let sides = (side(octets / 1_400, octets, 0), side(octets / 2_800, octets / 70, 0));
            lasting(field, (host, store), 443, (at_ms, HOUR_MS / 2), sides);
        });
    }
}

/// Hosts inside that look for peers, half of which are gone.
fn peers(field: &mut Field<'_>) {
    for _ in 0..4 {
        let host = field.inside();
        for _ in 0..500 {
            let peer = field.outside();
            let port = field.random.between(1_025, 65_535) as u16;
            let Some(at_ms) = field.moment(60_000) else { return };
            let talk = if field.random.chance(128) {
                dead(field, (host, peer), port)
            } else {
                exchange(field, (host, peer), port, (2_000, 40_000))
            };
            field.sow(at_ms, talk);
        }
    }
}
