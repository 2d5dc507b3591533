//! Each judge, by what it is to find and by what it is to leave alone.

use std::net::{IpAddr, Ipv4Addr};

use super::contact::Contact;
use super::*;
use crate::aggregate::{Connection, OneWay};
use crate::flow::{Protocol, UnixMillis};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

fn inside(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + number).into()
}

fn outside(number: u32) -> IpAddr {
    Ipv4Addr::from(0xc000_0200 + number).into()
}

/// An exchange of TCP that was answered.
fn contact(at_ms: u64, peer: IpAddr, port: u16) -> Contact {
    Contact {
        peer,
        protocol: Protocol::TCP,
        port,
        own_port: 40_000 + (at_ms / 1_000 % 20_000) as u16,
        first_ms: at_ms,
        last_ms: at_ms + 500,
        octets: 1_000,
        packets: 5,
        failed: false,
        sampled: false,
        one_way: false,
    }
}

fn try_at(at_ms: u64, peer: IpAddr, port: u16) -> Contact {
    Contact { octets: 44, packets: 1, failed: true, ..contact(at_ms, peer, port) }
}

fn scan_of(contacts: &[Contact]) -> Option<Detection> {
    scan::judge(outside(1), contacts, &Parameters::default())
}

#[test]
fn a_port_of_many_hosts_or_many_ports_of_one_are_a_scan() {
    let horizontal: Vec<_> =
        (0..60).map(|at| try_at(u64::from(at) * 100, inside(at), 22)).collect();
    let found = scan_of(&horizontal).unwrap();
    assert_eq!((found.variant, found.port, found.peer), ("horizontal", Some(22), None));
    assert_eq!(
        (found.severity, found.evidence[0].clone()),
        (Severity::Low, ("hosts", Evidence::Count(60)))
    );
    assert!(scan_of(&horizontal[..31]).is_none());
    let vertical: Vec<_> = (1..=120).map(|port| try_at(port.into(), inside(7), port)).collect();
    let found = scan_of(&vertical).unwrap();
    assert_eq!((found.variant, found.port, found.peer), ("vertical", None, Some(inside(7))));
    let slow: Vec<_> =
        (0..60).map(|at| try_at(u64::from(at) * 10 * MINUTE_MS, inside(at), 22)).collect();
    assert_eq!(scan_of(&slow).unwrap().variant, "slow");
    let both: Vec<_> = horizontal.iter().chain(&vertical).copied().collect();
    assert_eq!(scan_of(&both).unwrap().variant, "block");
}

#[test]
fn who_is_mostly_answered_scans_nobody() {
    let web = (0..400).map(|at| {
        let of = if at % 10 == 0 { try_at } else { contact };
        of(u64::from(at) * 1_000, outside(at), 443)
    });
    assert!(scan_of(&web.collect::<Vec<_>>()).is_none());
    // Peers of which half are gone, each on a port of its own.
    let peers = (0..500).map(|at| {
        let of = if at % 2 == 0 { try_at } else { contact };
        of(u64::from(at) * 1_000, outside(at), 1_025 + at as u16)
    });
    assert!(scan_of(&peers.collect::<Vec<_>>()).is_none());
}

#[test]
fn those_who_answered_a_scan_are_named() {
    let mut contacts: Vec<_> = (0..60).map(|at| try_at(at.into(), inside(at), 22)).collect();
    contacts[30] = contact(30, inside(30), 22);
    let found = scan_of(&contacts).unwrap();
    assert_eq!(found.severity, Severity::Medium);
    let named = Evidence::Text("10.0.0.30".to_owned());
    assert!(found.evidence.contains(&("answeringHosts", named)), "{found:?}");
}

#[test]
fn what_is_sampled_is_counted_and_less_sure() {
    let tries = (0..60).map(|at| Contact { sampled: true, ..try_at(at.into(), inside(at), 22) });
    let found = scan_of(&tries.collect::<Vec<_>>()).unwrap();
    assert!(found.confidence <= 0.5, "{found:?}");
    assert!(found.evidence.contains(&("answersUnseen", Evidence::Share(1.0))), "{found:?}");
}

/// A scan of so many hosts by UDP, of whose answers nothing is seen.
fn blind_scan_of(hosts: u32, dark: Option<Dark>) -> Option<Detection> {
    let heard = (0..4).map(|at| Contact { one_way: true, ..contact(at, inside(9_000), 443) });
    let tries = (0..hosts).map(|at| {
        let at_ms = 1_000 + u64::from(at);
        Contact { protocol: Protocol::UDP, ..try_at(at_ms, inside(at), 161) }
    });
    let parameters = Parameters { dark: dark.map(Into::into), ..Parameters::default() };
    scan::judge(outside(1), &heard.chain(tries).collect::<Vec<_>>(), &parameters)
}

#[test]
fn who_tries_what_nobody_has_scans_though_no_answer_can_be_seen() {
    // Another one of their network is heard.
    let heard = [inside(200), inside(9_000)];
    let used = |hosts: std::ops::Range<u32>| Some(Dark::but(hosts.map(inside).chain(heard)));
    let number = |found: &Detection, name| {
        found.evidence.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    };
    // 13 of 32 are enough, as 10 of 25 are; by counting alone 32 are wanted.
    let found = blind_scan_of(13, used(0..0)).unwrap();
    assert_eq!(number(&found, "darkHosts"), Some(Evidence::Count(13)));
    assert!(found.confidence > 0.99, "4 to the 13th to one: {found:?}");
    assert!(blind_scan_of(12, used(0..0)).is_none());
    assert!(blind_scan_of(31, None).is_none());
    assert!(blind_scan_of(31, Some(Dark::but([inside(9_000)]))).is_none(), "nobody is heard");
    // 2 dark ones are too few, and 4 of 20 among 16 that are there are no scan.
    assert!(blind_scan_of(20, used(2..20)).is_none());
    assert!(blind_scan_of(20, used(0..16)).is_some(), "the last four are 4 * 4 * 4 * 4 to one");
    assert!(
        blind_scan_of(20, used(0..17)).is_none(),
        "one more that is there, and three failures are 16 to one"
    );
    // What is counted is told as before, and is as unsure.
    let counted = blind_scan_of(40, used(0..40)).unwrap();
    assert!(counted.confidence <= 0.5 && number(&counted, "darkHosts").is_none(), "{counted:?}");
}

#[test]
fn of_sampled_tries_those_at_networks_without_anybody_count() {
    let of = |used: u32| {
        let tries =
            (0..20).map(|at| Contact { sampled: true, ..try_at(at.into(), inside(at * 256), 22) });
        let dark = Some(std::sync::Arc::new(Dark::but([inside(used)])));
        let parameters = Parameters { dark, ..Parameters::default() };
        scan::judge(outside(1), &tries.collect::<Vec<_>>(), &parameters)
    };
    // Somebody in a network far away; then another in one of those that are tried.
    assert!(of(9_000).is_some_and(|found| found.confidence > 0.99));
    let found = of(19 * 256 + 7).unwrap();
    assert!(found.evidence.contains(&("darkHosts", Evidence::Count(19))), "{found:?}");
}

#[test]
fn a_few_sampled_tries_take_nothing_from_the_others() {
    let of = |sampled: u32| {
        let tries = (0..60).map(|at| {
            let sampled = at < sampled;
            Contact { sampled, ..try_at(at.into(), inside(at), 22) }
        });
        let found = scan_of(&tries.collect::<Vec<_>>()).unwrap();
        let unseen = found.evidence.iter().find(|(name, _)| *name == "answersUnseen").cloned();
        (found.confidence > 0.99, unseen)
    };
    // 60 failures are 4^60 to one; of 1 in 60, 15 or 29 the others decide, of 30 and more their number.
    assert_eq!(of(0), (true, None));
    assert_eq!(of(1), (true, Some(("answersUnseen", Evidence::Share(1.0 / 60.0)))));
    assert_eq!(of(15), (true, Some(("answersUnseen", Evidence::Share(0.25)))));
    assert!(of(29).0 && !of(30).0);
}

#[test]
fn where_no_way_back_is_seen_silence_of_udp_says_nothing() {
    let tries = |one_way: bool| {
        let web = (0..40).map(move |at| Contact { one_way, ..contact(at, outside(9), 443) });
        let probes = (0..60).map(|at| Contact {
            protocol: Protocol::UDP,
            own_port: 50_000,
            ..try_at(at.into(), inside(at), 137)
        });
        scan_of(&web.chain(probes).collect::<Vec<_>>())
    };
    // All of few packets, 60 hosts on end, one port of theirs and of its own: y is -1.888 + 0.544 +
    // 60 × 0.0252 + 0.529 - 1.244 - 0.698 / 60 = -0.56 of UDP.
    assert!(tries(false).is_none_or(|found| found.confidence > 0.5));
    let found = tries(true).unwrap();
    assert!((found.confidence - 0.5).abs() < 1e-9, "{found:?}");
}

#[test]
fn a_clock_is_a_beacon_and_people_are_none() {
    let judge = |contacts: &[Contact]| beacon::judge(inside(1), contacts, &Parameters::default());
    let home = outside(9);
    let even: Vec<_> = (0..288).map(|at| contact(at * 5 * MINUTE_MS, home, 443)).collect();
    let found = judge(&even);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].variant, found[0].severity), ("beacon", Severity::High));
    let period = found[0].evidence.iter().find(|(name, _)| *name == "period");
    assert_eq!(period, Some(&("period", Evidence::Span(5 * MINUTE_MS))));
    // Clicks in bursts, of all sizes.
    let clicks = (0..288_u64).map(|at| {
        let within = at * at * 7_919 % 151_007;
        let octets = 400 + at * at * 31 % 90_000;
        Contact { octets, ..contact(at / 24 * HOUR_MS + within * (1 + at % 3), home, 443) }
    });
    let mut clicks: Vec<_> = clicks.collect();
    clicks.sort_by_key(|click| click.first_ms);
    assert_eq!(judge(&clicks), []);
    // Of one's own, and of clocks, nothing is said.
    let inside: Vec<_> = even.iter().map(|one| Contact { peer: inside(2), ..*one }).collect();
    assert_eq!(judge(&inside), []);
    let clock = even.iter().map(|one| Contact { protocol: Protocol::UDP, port: 123, ..*one });
    assert_eq!(judge(&clock.collect::<Vec<_>>()), []);
}

#[test]
fn who_begins_to_log_in_everywhere_spreads() {
    let judge = |contacts: &[Contact]| {
        let suspect = spread::judge(inside(1), contacts, &Parameters::default());
        suspect.map(|suspect| suspect.detection)
    };
    let worm: Vec<_> =
        (0..40).map(|at| contact(u64::from(at) * MINUTE_MS, inside(100 + at), 445)).collect();
    let found = judge(&worm).unwrap();
    assert_eq!((found.kind, found.port, found.severity), (Kind::Spread, Some(445), Severity::High));
    // An administrator does so every day.
    let usual: Vec<_> = (0..5)
        .flat_map(|day| {
            worm.iter().map(move |one| {
                let first_ms = one.first_ms + day * 24 * HOUR_MS;
                Contact { first_ms, ..*one }
            })
        })
        .collect();
    assert!(judge(&usual).is_none());
    let web: Vec<_> = worm.iter().map(|one| Contact { port: 443, ..*one }).collect();
    assert!(judge(&web).is_none());
}

#[test]
fn whom_a_host_knows_it_does_not_spread_to() {
    let judge = |contacts: &[Contact]| {
        let suspect = spread::judge(inside(1), contacts, &Parameters::default());
        suspect.map(|suspect| suspect.detection.first.0 / HOUR_MS)
    };
    let login = |minute: u64, host: u32| contact(minute * MINUTE_MS, inside(100 + host), 22);
    // 40 hosts each ten minutes all day, from the first of them on.
    let rounds = (0..144).flat_map(|round| (0..40).map(move |host| login(round * 10, host)));
    let rounds: Vec<_> = rounds.collect();
    assert_eq!(judge(&rounds), None);
    // 40 others in the thirteenth hour are another matter, though as many were logged in to before.
    let mut others: Vec<_> = rounds.clone();
    others.extend((0..40).map(|host| login(12 * 60 + u64::from(host), 500 + host)));
    others.sort_by_key(|login| login.first_ms);
    assert_eq!(judge(&others), None, "it is used to as many");
    // A worm that goes on for five hours, and comes back once to each.
    let worm = (0..200)
        .flat_map(|at| [login(u64::from(at) * 3 / 2, at), login(u64::from(at) * 3 / 2 + 20, at)]);
    let mut worm: Vec<_> = worm.collect();
    worm.sort_by_key(|login| login.first_ms);
    assert!(judge(&worm).is_some());
}

#[test]
fn what_lasts_for_hours_is_told_by_its_class() {
    let lasting = |hours: u64| Connection {
        initiator: inside(1),
        initiator_port: 40_000,
        responder: outside(1),
        responder_port: 443,
        protocol: Protocol::TCP,
        first: UnixMillis(0),
        last: UnixMillis(hours * HOUR_MS),
        sent: OneWay { records: hours as u32 * 60, ..OneWay::default() },
        returned: OneWay::default(),
        sampled: false,
    };
    let severity =
        |hours| long::judge(&lasting(hours), &Parameters::default()).map(|found| found.severity);
    assert_eq!(severity(3), None);
    assert_eq!(
        [4, 8, 12].map(severity),
        [Severity::Low, Severity::Medium, Severity::High].map(Some)
    );
}

#[test]
fn an_id_is_of_what_is_found_and_not_of_when() {
    let tries: Vec<_> = (0..60).map(|at| try_at(at.into(), inside(at), 22)).collect();
    let later: Vec<_> =
        tries.iter().map(|one| Contact { first_ms: one.first_ms + HOUR_MS, ..*one }).collect();
    let other: Vec<_> = tries.iter().map(|one| Contact { port: 23, ..*one }).collect();
    let id = |contacts: &[Contact]| scan_of(contacts).unwrap().id();
    assert_eq!(id(&tries), id(&later));
    assert_ne!(id(&tries), id(&other));
}
