use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::flow::{Extra, Family, FlowRecord, Origin, Protocol, push_extra};

/// An event or a flow of a NAT behind 203.0.113.7, as a row has it.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// 100.64.0.x
    inside: u8,
    at: u64,
    duration_ms: u32,
    port: u16,
    /// The last port of a block that begins with `port`.
    last: Option<u16>,
    /// 198.51.100.x; none is unspecified.
    outside: Option<u8>,
    nat_event: u16,
    firewall_event: u16,
}

const NO_EVENT: Row = Row {
    inside: 1,
    at: 0,
    duration_ms: 0,
    port: 40_000,
    last: None,
    outside: None,
    nat_event: 0,
    firewall_event: 0,
};

fn event(nat_event: u16, inside: u8, at: u64) -> Row {
    Row { inside, at, nat_event, ..NO_EVENT }
}

fn batch(rows: &[Row]) -> FlowBatch {
    let mut batch = FlowBatch::new(Family::V4);
    for (number, row) in rows.iter().enumerate() {
        let mut extras = Vec::new();
        let mut push = |number, value: &[u8]| {
            push_extra(&mut extras, 0, Extra { number, enterprise: 0, value });
        };
        push(225, &[203, 0, 113, 7]);
        match row.last {
            None => push(227, &row.port.to_be_bytes()),
            Some(last) => {
                push(361, &row.port.to_be_bytes());
                push(362, &last.to_be_bytes());
            }
        }
        push(230, &row.nat_event.to_be_bytes());
        push(233, &row.firewall_event.to_be_bytes());
        let outside = row.outside.map_or([0; 4], |host| [198, 51, 100, host]);
        let flow = FlowRecord {
            first: UnixMillis(row.at),
            duration_ms: row.duration_ms,
            protocol: Protocol::UDP,
            src_port: 5000,
            dst_port: 53,
            ..FlowRecord::between([100, 64, 0, row.inside].into(), outside.into())
        };
        batch.push_with(&flow, 0, Origin(number as u64), &extras);
    }
    batch
}

fn end(port: Option<u16>) -> NatEnd {
    NatEnd { addresses: IpAddr::from([203, 0, 113, 7]).into(), port }
}

/// Who held port 40,000 at that moment: the inside host, from when, and for how long.
fn holders(rows: &[Row], at: u64) -> Vec<(u8, u64, u32)> {
    told(rows, at).0
}

fn told(rows: &[Row], at: u64) -> (Vec<(u8, u64, u32)>, Held) {
    // Rows come in the order of time.
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.at);
    let halves = rows.split_at(rows.len() / 2);
    let batches = [halves.0, halves.1].map(batch).into_iter().filter(|batch| !batch.is_empty());
    let held = Held::at(Box::new(batches.map(Ok)), &end(Some(40_000)), UnixMillis(at)).unwrap();
    let flows = held.flows.iter().flat_map(FlowBatch::records).map(|flow| {
        let IpAddr::V4(src) = flow.src else { panic!("{flow:?}") };
        (src.octets()[3], flow.first.0, flow.duration_ms)
    });
    (flows.collect(), held)
}

#[test]
fn a_port_is_held_from_its_event_to_its_release() {
    for (taken, released) in [(1, 2), (4, 5), (6, 7), (8, 9), (10, 11)] {
        let rows = [event(taken, 1, 10), event(released, 1, 20), event(taken, 2, 30)];
        for (at, expected) in [
            (9, vec![]),
            (10, vec![(1, 10, 10)]),
            (20, vec![(1, 10, 10)]),
            (21, vec![]),
            (30, vec![(2, 30, 0)]),
            (999, vec![(2, 30, 0)]),
        ] {
            assert_eq!(holders(&rows, at), expected, "event {taken} at {at}");
        }
    }
}

#[test]
fn blocks_of_ports_hold_each_of_their_ports() {
    let block = |nat_event, inside, at, port, last| Row {
        port,
        last: Some(last),
        ..event(nat_event, inside, at)
    };
    let rows = [
        block(16, 1, 10, 39_936, 40_447),
        block(16, 9, 11, 40_448, 40_959),
        block(17, 1, 50, 39_936, 40_447),
        block(16, 2, 60, 40_000, 40_000),
    ];
    for (at, expected) in [(9, None), (11, Some((1, 10, 40))), (55, None), (60, Some((2, 60, 0)))] {
        assert_eq!(holders(&rows, at), Vec::from_iter(expected), "at {at}");
    }
}

#[test]
fn who_gets_a_port_has_it_whether_its_release_was_told_or_not() {
    let rows = [event(4, 1, 10), event(4, 2, 30), event(5, 2, 40)];
    let (found, held) = told(&rows, 35);
    assert_eq!((found, held.replaced), (vec![(2, 30, 10)], 1));
    assert_eq!(holders(&rows, 50), []);
    // Where it was told, both had it: for other ends outside.
    let rows = [&rows[..], &[event(5, 1, 70)]].concat();
    assert_eq!(holders(&rows, 35), [(1, 10, 60), (2, 30, 10)]);
    assert_eq!(holders(&rows, 50), [(1, 10, 60)]);
    // Sessions of one host share a port, and one of them is told of.
    let to = |outside, row: Row| Row { outside: Some(outside), ..row };
    let rows = [to(1, event(4, 1, 10)), to(2, event(4, 1, 20)), to(2, event(5, 1, 25))];
    assert_eq!(holders(&rows, 22), [(1, 20, 5)]);
    assert_eq!(holders(&rows, 30), [(1, 10, 0)]);
}

#[test]
fn a_release_alone_tells_who_had_it_unless_something_is_known_before_it() {
    let (found, held) = told(&[event(2, 1, 20)], 20);
    assert_eq!((found, held.since_unknown), (vec![(1, 20, 0)], 1));
    assert_eq!(holders(&[event(2, 1, 20)], 15), [(1, 20, 0)]);
    assert_eq!(holders(&[event(2, 1, 20)], 21), []);
    assert_eq!(holders(&[event(1, 2, 18), event(2, 1, 20)], 15), []);
    assert_eq!(holders(&[event(1, 2, 10), event(2, 1, 20)], 15), [(2, 10, 0)]);
}

#[test]
fn a_session_that_begins_and_ends_in_one_moment_is_over() {
    let rows = [event(4, 1, 10), event(5, 1, 10), event(4, 2, 10), event(5, 2, 12)];
    assert_eq!(holders(&rows, 11), [(2, 10, 2)]);
    assert_eq!(holders(&rows[..2], 11), []);
}

#[test]
fn flows_hold_it_as_long_as_they_last_and_what_a_firewall_tells_of_one_connection_is_one() {
    let flow = Row { at: 10, duration_ms: 20, ..NO_EVENT };
    for (at, expected) in [(9, 0), (10, 1), (30, 1), (31, 0)] {
        assert_eq!(holders(&[flow], at).len(), expected, "at {at}");
    }
    let of = |firewall_event, duration_ms| Row { duration_ms, firewall_event, ..flow };
    let rows = [of(1, 0), of(5, 60), of(5, 120), of(2, 125)];
    assert_eq!(holders(&rows, 50), [(1, 10, 125)]);
    assert_eq!(holders(&rows[3..], 50), [(1, 10, 125)]);
    assert_eq!(holders(&rows, 136), []);
    assert_eq!(holders(&[of(3, 0)], 10), []);
    // What a NAT says of its pools is no use of an address.
    assert_eq!(holders(&[event(12, 1, 10), event(13, 1, 10), event(18, 1, 10)], 10), []);
}

#[test]
fn without_a_port_each_of_them_has_its_holder() {
    let rows = [
        event(4, 1, 10),
        Row { port: 50_000, ..event(4, 2, 11) },
        Row { port: 50_000, ..event(4, 3, 12) },
    ];
    let stream = Box::new([batch(&rows)].into_iter().map(Ok));
    let held = Held::at(stream, &end(None), UnixMillis(20)).unwrap();
    let ports: Vec<IpAddr> = held.flows[0].records().map(|flow| flow.src).collect();
    assert_eq!(ports, [[100, 64, 0, 1], [100, 64, 0, 3]].map(IpAddr::from));
}

proptest! {
    /// Where every event is told, hosts take turns, and the one whose turn it is has it.
    #[test]
    fn it_is_held_by_whose_turn_it_is(
        turns in prop::collection::vec((1..5u8, 1..9u64, 1..9u64), 1..20), at in 0..200u64,
    ) {
        let (mut rows, mut expected, mut now) = (Vec::new(), Vec::new(), 1);
        for (inside, pause, length) in turns {
            let (from, until) = (now + pause, now + pause + length);
            rows.extend([event(8, inside, from), event(9, inside, until)]);
            if (from..=until).contains(&at) {
                expected.push((inside, from, length as u32));
            }
            now = until;
        }
        prop_assert_eq!(holders(&rows, at), expected);
    }
}
