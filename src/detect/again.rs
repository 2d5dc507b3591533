//! What a second look at the store decides, by stores of a few flows.

use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::aggregate::{Limits, Timeouts, USUAL_MARGIN_MS};
use crate::flow::{Family, FlowRecord, Origin, Protocol, Source, TimeRange, UnixMillis};
use crate::store::memory::MemoryStore;
use crate::store::{Store, WriteBatch};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Some moment.
const START_MS: u64 = 1_700_000_000_000;

pub(super) fn inside(number: u16) -> IpAddr {
    [10, 0, (number >> 8) as u8, number as u8].into()
}

pub(super) fn outside(number: u16) -> IpAddr {
    [198, 51, (number >> 8) as u8, number as u8].into()
}

/// A record of half a second that begins so long after the start.
pub(super) fn record(
    at_ms: u64,
    (src, src_port): (IpAddr, u16),
    (dst, dst_port): (IpAddr, u16),
    protocol: Protocol,
) -> FlowRecord {
    FlowRecord {
        first: UnixMillis(START_MS + at_ms),
        duration_ms: 500,
        octets: 500,
        packets: 5,
        src_port,
        dst_port,
        protocol,
        tcp_flags: if protocol == Protocol::TCP { 0x1b } else { 0 },
        ..FlowRecord::between(src, dst)
    }
}

/// What of `kind` is found in a store of these flows, of those that began in `time`.
pub(super) fn found(flows: &[FlowRecord], kind: Kind, time: TimeRange) -> Vec<Detection> {
    let mut sources: Vec<Source> = flows.iter().map(|flow| flow.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut batch = WriteBatch::new();
    batch.family_mut(Family::V4).sources = Arc::new(sources.clone());
    for (number, flow) in flows.iter().enumerate() {
        let source = sources.binary_search(&flow.source).unwrap() as u32;
        batch.family_mut(Family::V4).push(flow, source, Origin(number as u64));
    }
    let store = MemoryStore::default();
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    drop(writer);
    let timeouts = Arc::new(Timeouts::given(60_000));
    let joining = Joining { timeouts, margin_ms: USUAL_MARGIN_MS, limits: Limits::default() };
    let question = Question { time, ..Question::everything() };
    let lookup = plan(&question);
    let (kinds, parameters) = (&[kind], &Parameters::default());
    let search = Search { kinds, parameters, joining: Some(&joining), lists: None };
    let snapshot = store.snapshot().unwrap();
    detect(&*snapshot, &question, &lookup, search).unwrap().detections
}

/// A host of which another is asked by UDP for half a day, always from one port.
fn called(from: (IpAddr, u16), to: (IpAddr, u16), pace_ms: u64) -> Vec<FlowRecord> {
    let calls = 720 * MINUTE_MS / pace_ms;
    (0..calls).map(|at| record(at * pace_ms, from, to, Protocol::UDP)).collect()
}

#[test]
fn even_calls_by_one_port_of_udp_are_a_beacon() {
    let (host, home) = ((inside(1), 50_000), (outside(1), 8_443));
    let detections = found(&called(host, home, 50_000), Kind::Beacon, TimeRange::ALL);
    assert_eq!(detections.len(), 1, "{detections:?}");
    let Detection { host: from, peer, port, .. } = &detections[0];
    assert_eq!((*from, *peer, *port), (host.0, Some(home.0), Some(8_443)));
    let number = |name| detections[0].evidence.iter().find(|(known, _)| *known == name).cloned();
    // Of the windows in which it is as even the last hour: from 39,550 to 43,150 seconds.
    assert_eq!(number("contacts").unwrap().1, Evidence::Count(73));
    assert_eq!(number("medianInterval").unwrap().1, Evidence::Span(50_000));
    // A router that cuts each minute makes records of that pace out of whatever goes on.
    assert_eq!(found(&called(host, home, MINUTE_MS), Kind::Beacon, TimeRange::ALL), []);
    // A call that goes on, and which a router cuts each minute, is none; and neither is a clock.
    let mut lasting = called(host, home, 50_000);
    for record in &mut lasting {
        record.duration_ms = 49_000;
    }
    assert_eq!(found(&lasting, Kind::Beacon, TimeRange::ALL), []);
    assert_eq!(found(&called(host, (home.0, 123), 50_000), Kind::Beacon, TimeRange::ALL), []);
}

#[test]
fn whom_a_host_knows_from_before_the_window_it_does_not_spread_to() {
    let host = (inside(1), 50_000);
    let logins = |at_ms: u64, hosts: std::ops::Range<u16>| {
        hosts.flat_map(move |number| {
            let (at_ms, peer) = (at_ms + u64::from(number) * 10_000, (inside(100 + number), 22));
            let asked = record(at_ms, host, peer, Protocol::TCP);
            [asked, record(at_ms + 1, peer, host, Protocol::TCP)]
        })
    };
    let time = TimeRange { since: UnixMillis(START_MS + 10 * DAY_MS), ..TimeRange::ALL };
    let hosts = |flows: Vec<FlowRecord>| {
        let detections = found(&flows, Kind::Spread, time);
        detections.iter().map(|found| found.evidence[..2].to_vec()).collect::<Vec<_>>()
    };
    let day = 10 * DAY_MS + HOUR_MS;
    let told = |hosts, known| {
        vec![vec![("hosts", Evidence::Count(hosts)), ("knownHosts", Evidence::Count(known))]]
    };
    // 60 hosts, of which it knows none, 30 or 50 from the week before.
    assert_eq!(hosts(logins(day, 0..60).collect()), told(60, 0));
    assert_eq!(hosts(logins(DAY_MS, 0..30).chain(logins(day, 0..60)).collect()), told(30, 30));
    assert_eq!(hosts(logins(DAY_MS, 0..50).chain(logins(day, 0..60)).collect()), [] as [Vec<_>; 0]);
}

/// What a host inside sends to one outside each hour, in megabytes, at half past.
fn uploads(megabytes: impl Iterator<Item = (u64, u64)>) -> Vec<FlowRecord> {
    let (host, usual) = ((inside(1), 50_000), (outside(1), 443));
    let upload = |(hour, megabytes)| FlowRecord {
        octets: megabytes * 1_000_000,
        ..record(hour * HOUR_MS + HOUR_MS / 2, host, usual, Protocol::TCP)
    };
    megabytes.map(upload).collect()
}

#[test]
fn far_more_than_a_host_is_used_to_send_is_told() {
    // 10, 11 and 12 MB an hour in turn, of which the median is 11 and the median deviation 1.
    let usual = |hours: u64| (0..hours).map(|hour| (hour, 10 + hour % 3));
    let mut flows = uploads(usual(48));
    assert_eq!(found(&flows, Kind::Exfil, TimeRange::ALL), []);
    // A gigabyte to somebody new in the 31st hour; the start is no whole hour.
    flows.push(FlowRecord {
        octets: 1_000_000_000,
        ..record(
            30 * HOUR_MS + 40 * MINUTE_MS,
            (inside(1), 50_001),
            (outside(9), 443),
            Protocol::TCP,
        )
    });
    let detections = found(&flows, Kind::Exfil, TimeRange::ALL);
    assert_eq!(detections.len(), 1, "{detections:?}");
    let Detection { host, peer, severity, evidence, .. } = &detections[0];
    assert_eq!((*host, *peer, *severity), (inside(1), Some(outside(9)), Severity::High));
    let of = |name| evidence.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    assert_eq!(of("sentBytes"), Evidence::Count(1_010_000_000));
    assert_eq!(
        (of("usualBytes"), of("greatestBefore")),
        (Evidence::Count(11_000_000), Evidence::Count(12_000_000),)
    );
    // 0.6745 × (1010 - 11) / 5: a hundredth of 500 MB, as the deviation is less.
    let Evidence::Number(z) = of("z") else { panic!("{evidence:?}") };
    assert!((z - 0.6745 * 999.0 / 5.0).abs() < 0.01, "{z}");
    // By a tunnel (GRE) it is others' traffic.
    let mut tunnel = flows.clone();
    if let Some(upload) = tunnel.last_mut() {
        (upload.protocol, upload.src_port, upload.dst_port) = (Protocol(47), 0, 0);
    }
    assert_eq!(found(&tunnel, Kind::Exfil, TimeRange::ALL), []);
    // Whoever did as much before, or gets as much back, does so as a matter of course.
    let before = uploads([(10, 400)].into_iter());
    let again: Vec<_> = flows.iter().copied().chain(before).collect();
    assert_eq!(found(&again, Kind::Exfil, TimeRange::ALL), []);
    flows.push(FlowRecord {
        octets: 600_000_000,
        ..record(
            30 * HOUR_MS + 40 * MINUTE_MS + 1,
            (outside(9), 443),
            (inside(1), 50_001),
            Protocol::TCP,
        )
    });
    assert_eq!(found(&flows, Kind::Exfil, TimeRange::ALL), []);
    // The past before the window counts.
    let time = TimeRange { since: UnixMillis(START_MS + 40 * HOUR_MS), ..TimeRange::ALL };
    let late = uploads(usual(48).chain([(47, 2_000)]));
    assert_eq!(found(&late, Kind::Exfil, time).len(), 1);
}

#[test]
fn who_stopped_is_told_and_an_exporter_as_one() {
    // Two hosts each five minutes, of which one stops in the 20th hour of 30.
    let sight = |host: u16, at: u64| {
        record(
            at * 5 * MINUTE_MS,
            (inside(host), 50_000 + at as u16),
            (outside(1), 443),
            Protocol::TCP,
        )
    };
    let flows: Vec<_> =
        (0..240).map(|at| sight(1, at)).chain((0..360).map(|at| sight(2, at))).collect();
    let detections = found(&flows, Kind::Silent, TimeRange::ALL);
    assert_eq!(detections.len(), 1, "{detections:?}");
    let Detection { variant, host, evidence, .. } = &detections[0];
    assert_eq!((*variant, *host), ("host", inside(1)));
    // The last flows end half a second after 19:55 and 29:55.
    assert_eq!(
        evidence[..2],
        [
            ("silence", Evidence::Span(10 * HOUR_MS)),
            ("longestGap", Evidence::Span(5 * MINUTE_MS - 500)),
        ]
    );
    assert_eq!(detections[0].filter(), format!("ip {}", inside(1)));
    // As exporters: two routers, told by their addresses.
    let exported: Vec<_> = flows
        .into_iter()
        .map(|flow| FlowRecord {
            src: inside(9),
            source: Source { exporter: flow.src, ..Source::UNKNOWN },
            ..flow
        })
        .collect();
    let detections = found(&exported, Kind::Silent, TimeRange::ALL);
    assert_eq!(detections.len(), 1, "{detections:?}");
    assert_eq!((detections[0].variant, detections[0].host), ("exporter", inside(1)));
    assert_eq!(detections[0].filter(), "exporter ip 10.0.0.1");
}

#[test]
fn what_a_host_never_used_before_is_told_in_one_row() {
    // Each day for ten days the same five peers, and so many others that are met once.
    let days = |host: u16, others: u16| {
        (0..10_u16).flat_map(move |day| {
            let of_day = (0..5).chain(100 + day * others..100 + (day + 1) * others);
            of_day.flat_map(move |peer| {
                let at_ms = u64::from(day) * DAY_MS + u64::from(peer) * MINUTE_MS;
                talk(at_ms, inside(host), outside(peer), 443)
            })
        })
    };
    let last_day = |host: u16, count: u16| {
        (0..count).flat_map(move |peer| {
            talk(
                9 * DAY_MS + HOUR_MS * 12 + u64::from(peer),
                inside(host),
                outside(5_000 + peer),
                22,
            )
        })
    };
    let flows: Vec<_> = days(1, 0)
        .chain(last_day(1, 12))
        .chain(days(2, 4).chain(last_day(2, 12)))
        .chain(days(3, 4).chain(last_day(3, 40)))
        // It is new itself.
        .chain(last_day(4, 40))
        .collect();
    let detections = found(&flows, Kind::New, TimeRange::ALL);
    // The last flow begins on the tenth day; the second host meets 12 and 4 others on it, the third 40
    // and 4, and on other days 4: more than 12, both. Before, 36 of 81 calls were of peers that were
    // called once, so among 21 calls 9 new ones are to be expected, and 16 come three times in a
    // hundred; among 49 calls 22, and 44 twice in a hundred thousand.
    let told = |variant: &str| {
        let of = detections.iter().filter(|found| found.variant == variant);
        let mut told: Vec<_> =
            of.map(|found| (found.host, found.evidence[0].1.clone(), found.severity)).collect();
        told.sort_by_key(|(host, ..)| *host);
        told
    };
    assert_eq!(
        told("peers"),
        [
            (inside(1), Evidence::Count(12), Severity::Medium),
            (inside(3), Evidence::Count(44), Severity::Low),
        ]
    );
    // One port more is too few, and no database says which countries these are in.
    assert_eq!(detections.len(), 2, "{detections:?}");
    // Of whom 6 are met on every day, 16 are no more than three times as many.
    let quiet: Vec<_> = days(5, 6).chain(last_day(5, 10)).collect();
    assert_eq!(found(&quiet, Kind::New, TimeRange::ALL), []);
}

/// A call that was answered.
fn talk(at_ms: u64, host: IpAddr, peer: IpAddr, port: u16) -> [FlowRecord; 2] {
    let (own, other) = ((host, 50_000), (peer, port));
    let asked = record(at_ms, own, other, Protocol::TCP);
    [asked, record(at_ms + 1, other, own, Protocol::TCP)]
}
