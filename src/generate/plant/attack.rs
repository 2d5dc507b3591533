//! What stands out.

use super::super::conversation::{ACTIVE_TIMEOUT_MS, Conversation, Side, ephemeral};
use super::super::hosts::Host;
use super::{Field, Planted, side};
use crate::detect::Kind;
use crate::flow::tcp_flags::{ACK, FIN, PSH, RST, SYN};
use crate::flow::{Protocol, UnixMillis};

const MINUTE_MS: u64 = 60_000;
/// A whole exchange of TCP.
const WHOLE: u8 = FIN | SYN | PSH | ACK;

/// What becomes of a SYN that is sent to somebody.
fn probe(field: &mut Field<'_>, hosts: (Host, Host), port: u16) -> Conversation {
    let answer = match field.random.below(16) {
        0 => Some(side(2, 88, SYN | ACK)),
        1..4 => Some(side(1, 40, RST | ACK)),
        _ => None,
    };
    let ports = (ephemeral(&mut field.random, hosts.0), port);
    Conversation::short(hosts, ports, Protocol::TCP, side(1, 44, SYN), answer)
}

/// Horizontal ones from outside and inside, vertical ones, and one that takes all day.
pub(super) fn scans(field: &mut Field<'_>) {
    for number in 0..8 {
        let host = if number % 4 == 3 { field.inside() } else { field.outside() };
        let (variant, targets, gap_ms) = match number {
            0..5 => ("horizontal", field.random.between(60, 400), 50 + field.random.below(400)),
            5 | 6 => ("vertical", field.random.between(120, 1_000), 20 + field.random.below(200)),
            _ => {
                let targets = field.random.between(80, 200);
                // Until there is hardly any time left: who ends earlier has fallen silent.
                let rest_ms = (field.span_ms() / 10).min(30 * MINUTE_MS);
                ("slow", targets, ((field.span_ms() - rest_ms) / u64::from(targets)) as u32)
            }
        };
        let port = field.random.one_of(&[22, 23, 445, 1433, 3389, 5900, 6379, 8080]);
        let lasts_ms = u64::from(targets) * u64::from(gap_ms);
        let Some(first) = field.moment(lasts_ms + MINUTE_MS) else {
            field.skip(Kind::Scan, variant);
            continue;
        };
        let victim = field.inside();
        for target in 0..targets {
            let at_ms = first + u64::from(target) * u64::from(gap_ms);
            let (other, port) = match variant {
                "vertical" => (victim, 1 + (target * 61 % 65_521) as u16),
                _ => (field.inside(), port),
            };
            let talk = probe(field, (host, other), port);
            field.sow(at_ms, talk);
        }
        let is_vertical = variant == "vertical";
        field.tell(Planted {
            kind: Kind::Scan,
            variant,
            host: host.address.into(),
            peer: is_vertical.then(|| victim.address.into()),
            port: (!is_vertical).then_some(port),
            size: targets,
            first: UnixMillis(first),
            last: UnixMillis(first + lasts_ms),
        });
    }
}

/// By what hosts call home.
#[derive(Clone, Copy)]
enum Pace {
    /// By the clock, early or late.
    Clock,
    /// By how long they sleep in between, so that they are early or late ever more.
    Sleep,
}

/// Hosts that call home by the clock.
pub(super) fn beacons(field: &mut Field<'_>) {
    for period_s in [30, 60, 60, 120, 300, 300, 600, 900, 1_800, 3_600] {
        beacon(field, period_s * 1_000, Pace::Clock);
    }
}

/// Hosts that call home and sleep in between.
pub(super) fn sleepers(field: &mut Field<'_>) {
    for period_s in [60, 300, 600, 1_800, 3_600] {
        beacon(field, period_s * 1_000, Pace::Sleep);
    }
}

/// A host that calls home with a jitter of a fifth, one contact in ten lost.
fn beacon(field: &mut Field<'_>, period_ms: u64, pace: Pace) {
    let variant = match pace {
        Pace::Clock => "tcp",
        Pace::Sleep => "sleeping",
    };
    if period_ms * 16 > field.span_ms() {
        field.skip(Kind::Beacon, variant);
        return;
    }
    let (host, peer) = (field.inside(), field.outside());
    let port = field.random.one_of(&[443, 443, 443, 80, 8080, 8443, 4444]);
    let first = field.from_ms + MINUTE_MS + (period_ms as f64 * field.random.unit()) as u64;
    let contacts = ((field.until_ms - first - MINUTE_MS) / period_ms) as u32;
    let (asked, told) = (field.random.between(300, 900), field.random.between(200, 2_000));
    let mut last = first;
    let mut next = first;
    let mut made = 0;
    for contact in 0..contacts {
        // From a fifth of the period before its time to a fifth behind it.
        let jitter = period_ms as f64 * 0.4 * (field.random.unit() - 0.5);
        let at_ms = next.saturating_add_signed(jitter as i64);
        // Whoever sleeps may have become so late.
        if at_ms + MINUTE_MS > field.until_ms {
            break;
        }
        made += 1;
        next = match pace {
            Pace::Clock => first + u64::from(contact + 1) * period_ms,
            Pace::Sleep => at_ms + period_ms,
        };
        if field.random.below(10) == 0 {
            continue;
        }
        let request = side(6, 6 * 52 + asked + field.random.below(8), WHOLE);
        let answer = side(5, 5 * 52 + told + field.random.below(8), WHOLE);
        let ports = (ephemeral(&mut field.random, host), port);
        let mut talk =
            Conversation::short((host, peer), ports, Protocol::TCP, request, Some(answer));
        talk.duration_ms = field.random.between(80, 900);
        talk.export_delay_ms = field.random.below(2_000);
        field.sow(at_ms, talk);
        last = at_ms;
    }
    field.tell(Planted {
        kind: Kind::Beacon,
        variant,
        host: host.address.into(),
        peer: Some(peer.address.into()),
        port: Some(port),
        size: made,
        first: UnixMillis(first),
        last: UnixMillis(last),
    });
}

/// A connection that lasts for `length_ms`, as records that a router cut.
pub(super) fn lasting(
    field: &mut Field<'_>,
    hosts: (Host, Host),
    port: u16,
    (first, length_ms): (u64, u64),
    sides: (Side, Side),
) {
    let ports = (ephemeral(&mut field.random, hosts.0), port);
    let part_ms = u64::from(ACTIVE_TIMEOUT_MS);
    let records = length_ms / part_ms;
    for part in 0..records {
        let flags = match part {
            0 => SYN | PSH | ACK,
            _ if part + 1 == records => FIN | PSH | ACK,
            _ => PSH | ACK,
        };
        let of = |way: Side| Side { tcp_flags: flags, ..way };
        let (request, answer) = (of(sides.0), Some(of(sides.1)));
        let mut talk = Conversation::short(hosts, ports, Protocol::TCP, request, answer);
        talk.duration_ms = ACTIVE_TIMEOUT_MS - 200 - field.random.below(800);
        talk.export_delay_ms = field.random.below(1_000);
        field.sow(first + part * part_ms, talk);
    }
}

/// Connections that hardly say anything, for hours.
pub(super) fn long_ones(field: &mut Field<'_>) {
    for minutes in [270, 300, 540, 780] {
        let length_ms = minutes * MINUTE_MS;
        if length_ms + 10 * MINUTE_MS > field.span_ms() {
            field.skip(Kind::Long, "idle");
            continue;
        }
        let (host, peer) = (field.inside(), field.outside());
        let port = field.random.one_of(&[22, 443, 3389, 8443, 1194]);
        let Some(first) = field.moment(length_ms + 5 * MINUTE_MS) else { continue };
        let sides = (side(4, 240, 0), side(4, 320, 0));
        lasting(field, (host, peer), port, (first, length_ms), sides);
        field.tell(Planted {
            kind: Kind::Long,
            variant: "idle",
            host: host.address.into(),
            peer: Some(peer.address.into()),
            port: Some(port),
            size: (length_ms / MINUTE_MS) as u32,
            first: UnixMillis(first),
            last: UnixMillis(first + length_ms),
        });
    }
}

/// Hosts inside that log in to one after the other.
pub(super) fn spreads(field: &mut Field<'_>) {
    for port in [445, 3389, 22, 5985] {
        let host = field.inside();
        let targets = field.random.between(30, 90);
        let gap_ms = u64::from(field.random.between(2_000, 20_000));
        let Some(first) = field.moment(u64::from(targets) * gap_ms + 2 * MINUTE_MS) else {
            field.skip(Kind::Spread, "login");
            continue;
        };
        for target in 0..targets {
            let ports = (ephemeral(&mut field.random, host), port);
            let request = side(12, 2_400 + field.random.below(400), WHOLE);
            let answer = side(11, 3_100 + field.random.below(900), WHOLE);
            // One in four is not there.
            let (request, answer) = if field.random.below(4) == 0 {
                (side(2, 104, SYN), field.random.chance(128).then(|| side(1, 40, RST | ACK)))
            } else {
                (request, Some(answer))
            };
            let hosts = (host, field.inside());
            let mut talk = Conversation::short(hosts, ports, Protocol::TCP, request, answer);
            talk.duration_ms = field.random.between(300, 4_000);
            field.sow(first + u64::from(target) * gap_ms, talk);
        }
        field.tell(Planted {
            kind: Kind::Spread,
            variant: "login",
            host: host.address.into(),
            peer: None,
            port: Some(port),
            size: targets,
            first: UnixMillis(first),
            last: UnixMillis(first + u64::from(targets) * gap_ms),
        });
    }
}

/// Floods of 5,000 packets a second for some minutes: of SYN from made-up addresses, and of answers that
/// nobody asked for, by which others' servers amplify what they were sent.
pub(super) fn floods(field: &mut Field<'_>) {
    for (variant, minutes) in [("syn", 3), ("amplified", 4), ("udp", 2)] {
        let host = field.inside();
        let length_ms = minutes * MINUTE_MS;
        let Some(first) = field.moment(length_ms + 2 * MINUTE_MS) else {
            field.skip(Kind::Ddos, variant);
            continue;
        };
        let reflectors: Vec<Host> = (0..300).map(|_| field.outside()).collect();
        let (port, from) = match variant {
            "syn" => (443, 0),
            "amplified" => (field.random.between(1_024, 65_000) as u16, 123),
            _ => (field.random.between(1_024, 65_000) as u16, 0),
        };
        let mut sources = 0;
        for second in 0..length_ms / 1_000 {
            // As records of ten to a thousand packets, as routers have room for.
            let mut left = 5_000;
            while left > 0 {
                let packets = match variant {
                    "syn" => field.random.between(1, 40),
                    _ => field.random.between(200, 900),
                }
                .min(left);
                left -= packets;
                sources += 1;
                let at_ms = first + second * 1_000 + u64::from(field.random.below(1_000));
                let other = match variant {
                    "amplified" => reflectors[field.random.below(300) as usize],
                    "udp" => reflectors[field.random.below(12) as usize],
                    _ => field.outside(),
                };
                let own = if from > 0 { from } else { ephemeral(&mut field.random, other) };
                let (protocol, octets, flags) = match variant {
                    "syn" => (Protocol::TCP, 44, SYN),
                    "amplified" => (Protocol::UDP, 468, 0),
                    _ => (Protocol::UDP, 1_028, 0),
                };
                let request = side(packets, packets * octets, flags);
                let hosts = (other, host);
                let mut talk = Conversation::short(hosts, (own, port), protocol, request, None);
                talk.duration_ms = if packets > 1 { 900 } else { 0 };
                talk.export_delay_ms = field.random.below(2_000);
                field.sow(at_ms, talk);
            }
        }
        field.tell(Planted {
            kind: Kind::Ddos,
            variant,
            host: host.address.into(),
            peer: None,
            port: Some(port),
            size: sources,
            first: UnixMillis(first),
            last: UnixMillis(first + length_ms),
        });
    }
}

/// Hosts that talk a few times to one outside that is to be on a list: the truth tells which.
pub(super) fn listed(field: &mut Field<'_>) {
    for variant in ["answered", "answered", "silent"] {
        let (host, peer) = (field.inside(), field.outside());
        let port = field.random.one_of(&[443, 80, 8080]);
        let mut moments: Vec<u64> = (0..5).filter_map(|_| field.moment(MINUTE_MS)).collect();
        moments.sort_unstable();
        let (Some(&first), Some(&last)) = (moments.first(), moments.last()) else {
            field.skip(Kind::Indicator, variant);
            continue;
        };
        for at_ms in moments {
            let ports = (ephemeral(&mut field.random, host), port);
            let is_answered = variant == "answered";
            let answer = is_answered.then(|| side(5, 2_000 + field.random.below(9_000), WHOLE));
            let request = if is_answered {
                side(6, 700 + field.random.below(900), WHOLE)
            } else {
                side(3, 180, SYN)
            };
            let talk = Conversation::short((host, peer), ports, Protocol::TCP, request, answer);
            field.sow(at_ms, talk);
        }
        field.tell(Planted {
            kind: Kind::Indicator,
            variant,
            host: host.address.into(),
            peer: Some(peer.address.into()),
            port: Some(port),
            size: 5,
            first: UnixMillis(first),
            last: UnixMillis(last + MINUTE_MS),
        });
    }
}

/// Hosts that send two gigabytes to somebody outside within less than an hour.
pub(super) fn uploads(field: &mut Field<'_>) {
    for minutes in [30, 40, 50] {
        let length_ms = minutes * MINUTE_MS;
        let is_long = field.span_ms() >= 24 * 60 * MINUTE_MS;
        let Some(first) = field.moment(length_ms + 5 * MINUTE_MS).filter(|_| is_long) else {
            field.skip(Kind::Exfil, "upload");
            continue;
        };
        let (host, peer) = (field.inside(), field.outside());
        // What it does on other hours, so that it has a past.
        for _ in 0..40 {
            let Some(at_ms) = field.moment(MINUTE_MS) else { break };
            let ports = (ephemeral(&mut field.random, host), 443);
            let (hosts, request) = ((host, field.outside()), side(6, 1_200, WHOLE));
            let answer = Some(side(5, 2_000 + field.random.below(9_000), WHOLE));
            field.sow(at_ms, Conversation::short(hosts, ports, Protocol::TCP, request, answer));
        }
        let port = field.random.one_of(&[443, 22, 8443]);
        let octets = (2_000_000_000 / minutes) as u32;
        let sides = (side(octets / 1_400, octets, 0), side(octets / 2_800, octets / 70, 0));
        lasting(field, (host, peer), port, (first, length_ms), sides);
        field.tell(Planted {
            kind: Kind::Exfil,
            variant: "upload",
            host: host.address.into(),
            peer: Some(peer.address.into()),
            port: Some(port),
            size: minutes as u32,
            first: UnixMillis(first),
            last: UnixMillis(first + length_ms),
        });
    }
}

/// Hosts that are heard of every few minutes until they stop.
pub(super) fn silent_ones(field: &mut Field<'_>) {
    for share in [0.6, 0.75] {
        let (host, peers) = (field.idle(), [field.outside(), field.outside()]);
        if field.span_ms() < 24 * 60 * MINUTE_MS {
            field.skip(Kind::Silent, "host");
            continue;
        }
        let first = field.from_ms;
        let until_ms = first + (field.span_ms() as f64 * share) as u64;
        let (mut at_ms, mut count) = (first, 0);
        while at_ms < until_ms {
            let ports = (ephemeral(&mut field.random, host), 443);
            let hosts = (host, peers[field.random.below(2) as usize]);
            let answer = Some(side(5, 1_000 + field.random.below(9_000), WHOLE));
            let request = side(6, 500 + field.random.below(9_000), WHOLE);
            field.sow(at_ms, Conversation::short(hosts, ports, Protocol::TCP, request, answer));
            at_ms += u64::from(field.random.between(1_000, 5 * 60_000));
            count += 1;
        }
        field.tell(Planted {
            kind: Kind::Silent,
            variant: "host",
            host: host.address.into(),
            peer: None,
            port: None,
            size: count,
            first: UnixMillis(first),
            last: UnixMillis(until_ms),
        });
    }
}

/// Hosts that deal with the same few for days, and on the last day with many others.
pub(super) fn new_ones(field: &mut Field<'_>) {
    const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
    for count in [30, 60] {
        let host = field.inside();
        if field.span_ms() < 9 * DAY_MS {
            field.skip(Kind::New, "peers");
            continue;
        }
        let old: Vec<Host> = (0..8).map(|_| field.outside()).collect();
        let new: Vec<Host> = (0..count).map(|_| field.outside()).collect();
        let last_day = field.until_ms - DAY_MS;
        let until_ms = field.until_ms;
        let talk = |field: &mut Field<'_>, at_ms: u64, peer: Host| {
            let ports = (ephemeral(&mut field.random, host), 443);
            let answer = Some(side(5, 1_000 + field.random.below(9_000), WHOLE));
            let request = side(6, 500 + field.random.below(9_000), WHOLE);
            let talk = Conversation::short((host, peer), ports, Protocol::TCP, request, answer);
            field.sow(at_ms, talk);
        };
        let mut at_ms = field.from_ms;
        while at_ms < until_ms {
            let peer = old[field.random.below(8) as usize];
            talk(field, at_ms, peer);
            at_ms += u64::from(field.random.between(60_000, 4 * 3_600_000));
        }
        for &peer in &new {
            let at_ms = last_day + u64::from(field.random.below((DAY_MS - MINUTE_MS) as u32));
            talk(field, at_ms, peer);
        }
        field.tell(Planted {
            kind: Kind::New,
            variant: "peers",
            host: host.address.into(),
            peer: None,
            port: None,
            size: count,
            first: UnixMillis(last_day),
            last: UnixMillis(until_ms),
        });
    }
}
