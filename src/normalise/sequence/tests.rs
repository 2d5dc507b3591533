use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::runs::MAX_RUNS;
use super::*;
use crate::flow::UnixMillis;

const START_MS: u64 = 1_186_040_527_000;
const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn stream(engine: u32, src_port: u16) -> Stream {
    Stream { exporter: SENDER, engine, src_port, unit: Unit::Flows }
}

/// The clock of an exporter that was started at `started_ms` after the test's beginning.
fn clock(started_ms: u64, now_ms: u64) -> Told {
    let exported = UnixMillis(START_MS + now_ms);
    Told::Clock(ExportClock::new(exported, (now_ms - started_ms) as u32))
}

/// Flows lost by one engine that was never restarted, of whom `(sequence, flows)` were seen.
fn lost(seen: &[(u32, u32)]) -> u64 {
    let mut sequences = Sequences::default();
    for (&(from, flows), now_ms) in seen.iter().zip(0..) {
        sequences.observe(
            SENDER,
            stream(0, 2055),
            clock(0, now_ms),
            Span { from, count: flows, otherwise: None },
        );
    }
    sequences.lost().iter().map(|lost| lost.count).sum()
}

#[test]
fn gaps_are_lost_and_what_comes_late_or_twice_is_not() {
    const TOP: u32 = u32::MAX;
    for (what, seen, expected) in [
        ("nothing missing", &[(100, 30), (130, 30), (160, 5), (165, 30)][..], 0),
        ("one missing", &[(0, 30), (60, 30)], 30),
        ("two gaps", &[(0, 30), (60, 30), (100, 10)], 40),
        ("the first one seen is not the first one sent", &[(1_000_000, 30)], 0),
        ("swapped", &[(0, 30), (60, 30), (30, 30), (90, 30)], 0),
        ("reversed", &[(90, 30), (60, 30), (30, 30), (0, 30)], 0),
        ("late, in part", &[(0, 10), (60, 30), (20, 10), (90, 30)], 40),
        ("late and twice", &[(0, 30), (60, 30), (30, 30), (30, 30)], 0),
        ("twice", &[(0, 30), (0, 30), (30, 30), (30, 30), (60, 30)], 0),
        ("over the wrap", &[(TOP - 29, 30), (0, 30), (30, 30)], 0),
        ("gap over the wrap", &[(TOP - 39, 30), (20, 30)], 30),
        ("never increments", &[(0, 30), (0, 12), (0, 30), (0, 1)], 0),
        ("counts datagrams", &[(0, 30), (1, 30), (2, 30), (3, 7), (4, 30)], 0),
        ("absurd leap", &[(0, 30), (4_000_000_000, 30), (4_000_000_030, 30)], 0),
        ("one damaged number", &[(0, 30), (5_000_000, 30), (60, 30), (90, 30)], 30),
        ("long loss", &[(0, 30), (5_000_000, 30), (5_000_030, 30)], 4_999_970),
        ("files in no order", &[(50_000, 30), (50_030, 30), (0, 25_030), (25_030, 24_970)], 0),
    ] {
        assert_eq!(lost(seen), expected, "{what}");
    }
}

#[test]
fn a_restart_loses_nothing_and_what_was_before_it_is_kept() {
    let mut sequences = Sequences::default();
    let mut observe = |started_ms, now_ms, from| {
        let span = Span { from, count: 30, otherwise: None };
        sequences.observe(SENDER, stream(0, 2055), clock(started_ms, now_ms), span);
        sequences.lost().iter().map(|lost| lost.count).sum::<u64>()
    };
    assert_eq!(observe(0, 1_000_000, 1000), 0);
    assert_eq!(observe(0, 1_001_000, 1060), 30);
    // Up again, from a number that lies behind; and later one that lies before.
    assert_eq!(observe(1_100_000, 1_100_500, 0), 30);
    assert_eq!(observe(1_100_000, 1_101_000, 60), 60);
    assert_eq!(observe(3_000_000, 3_000_001, 2000), 60);
    // One from before the last restart comes late and fills its gap.
    assert_eq!(observe(1_100_000, 1_100_700, 30), 30);
    assert_eq!(observe(3_000_000, 3_000_002, 2030), 30);
}

#[test]
fn two_clocks_may_share_a_sequence() {
    let mut sequences = Sequences::default();
    for datagram in 0..20 {
        let clock = clock(u64::from(datagram % 3 / 2) * 519_900, 1_000_000);
        let lost_one = u32::from(datagram >= 10) * 30;
        let span = Span { from: datagram * 30 + lost_one, count: 30, otherwise: None };
        sequences.observe(SENDER, stream(0, 2055), clock, span);
    }
    assert_eq!(sequences.lost().iter().map(|lost| lost.count).sum::<u64>(), 30);
}

#[test]
fn the_wrap_of_the_uptime_is_no_restart() {
    let mut sequences = Sequences::default();
    for (step, from) in [(0_u32, 0), (2000, 60)] {
        let uptime_ms = (u32::MAX - 1000).wrapping_add(step);
        let exported = UnixMillis(START_MS + u64::from(step));
        let clock = Told::Clock(ExportClock::new(exported, uptime_ms));
        sequences.observe(
            SENDER,
            stream(0, 2055),
            clock,
            Span { from, count: 30, otherwise: None },
        );
    }
    assert_eq!(sequences.lost().iter().map(|lost| lost.count).sum::<u64>(), 30);
}

#[test]
fn engines_and_ports_count_each_for_themselves() {
    let mut sequences = Sequences::default();
    for (engine, src_port, from) in [
        (1, 4000, 0),
        (2, 4000, 7000),
        (1, 5000, 300),
        (1, 4000, 40),
        (2, 4000, 7030),
        (1, 5000, 335),
    ] {
        let span = Span { from, count: 30, otherwise: None };
        sequences.observe(SENDER, stream(engine, src_port), clock(0, 1), span);
    }
    let exporter = [192, 0, 2, 1].into();
    assert_eq!(sequences.lost(), [Lost { exporter, engine: 1, unit: Unit::Flows, count: 15 }]);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut sequences = Sequences::default();
    for number in 0..MAX_STREAMS as u32 + 10 {
        let span = Span { from: 0, count: 1, otherwise: None };
        sequences.observe(SENDER, stream(number, 1), clock(0, 0), span);
        assert!(sequences.streams.len() <= MAX_STREAMS);
    }
    for gap in 0..1000 {
        sequences.observe(
            SENDER,
            stream(0, 1),
            clock(0, 0),
            Span { from: gap * 2, count: 1, otherwise: None },
        );
    }
    for restart in 0..1000 {
        let clock = clock(restart * 100_000, restart * 100_000);
        let from = restart as u32 * 10_000;
        sequences.observe(SENDER, stream(1, 1), clock, Span { from, count: 1, otherwise: None });
        sequences.observe(
            SENDER,
            stream(1, 1),
            clock,
            Span { from: from + 2, count: 1, otherwise: None },
        );
    }
    let runs = |engine| &sequences.streams[&stream(engine, 1)].runs;
    let (gaps, restarts) = (runs(0), runs(1));
    assert_eq!((gaps.runs[0].gaps.len(), gaps.lost()), (MAX_GAPS, 999));
    assert_eq!((restarts.runs.len(), restarts.lost()), (MAX_RUNS, 1000));
}

/// What is lost of `exporter`.
fn lost_of(sequences: &Sequences, exporter: IpAddr) -> u64 {
    sequences.lost().iter().filter(|lost| lost.exporter == exporter).map(|lost| lost.count).sum()
}

#[test]
fn who_sends_from_every_port_hides_no_gap_of_others() {
    let other = IpAddr::from([198, 51, 100, 7]);
    let quiet = Stream { exporter: other, ..stream(0, 2055) };
    let mut sequences = Sequences::default();
    sequences.observe(other, quiet, clock(0, 0), Span { from: 0, count: 30, otherwise: None });
    for number in 0..4 * MAX_STREAMS as u32 {
        let port = stream(number >> 16, number as u16);
        sequences.observe(SENDER, port, clock(0, 0), Span { from: 0, count: 1, otherwise: None });
    }
    sequences.observe(other, quiet, clock(0, 1), Span { from: 60, count: 30, otherwise: None });
    assert_eq!(lost_of(&sequences, other), 30);
    // One that was not heard of before counts as well.
    let new = Stream { engine: 1, ..quiet };
    for from in [0, 40] {
        sequences.observe(other, new, clock(0, 2), Span { from, count: 30, otherwise: None });
    }
    assert_eq!(lost_of(&sequences, other), 40);
}

#[test]
fn agents_that_are_only_claimed_take_the_room_of_their_sender() {
    let other = IpAddr::from([198, 51, 100, 7]);
    let quiet = Stream { exporter: other, ..stream(0, 2055) };
    let mut sequences = Sequences::default();
    sequences.observe(other, quiet, clock(0, 0), Span { from: 0, count: 30, otherwise: None });
    for agent in 0..2 * MAX_STREAMS as u32 {
        let forged = Stream { exporter: agent.to_be_bytes().into(), ..quiet };
        sequences.observe(SENDER, forged, clock(0, 0), Span { from: 0, count: 1, otherwise: None });
    }
    sequences.observe(other, quiet, clock(0, 1), Span { from: 60, count: 30, otherwise: None });
    assert_eq!(lost_of(&sequences, other), 30);
}

#[test]
fn an_exporter_that_changes_its_port_for_months_goes_on_telling_what_is_lost() {
    let mut sequences = Sequences::default();
    let ports = 3 * MAX_STREAMS as u32;
    for number in 0..ports {
        let port = stream(7, number as u16);
        let at = u64::from(number) * 1_000_000;
        for from in [0, 20] {
            sequences.observe(
                SENDER,
                port,
                clock(at, at),
                Span { from, count: 10, otherwise: None },
            );
        }
        assert!(sequences.streams.len() <= MAX_STREAMS);
    }
    assert_eq!(lost_of(&sequences, SENDER), u64::from(ports) * 10);
}

#[test]
fn what_is_told_of_streams_that_were_forgotten_is_bounded() {
    let other = IpAddr::from([198, 51, 100, 7]);
    let mut sequences = Sequences::default();
    for from in [0, 20] {
        let quiet = Stream { exporter: other, ..stream(0, 1) };
        sequences.observe(other, quiet, clock(0, 0), Span { from, count: 10, otherwise: None });
    }
    for engine in 0..4 * MAX_STREAMS as u32 {
        for from in [0, 2] {
            sequences.observe(
                SENDER,
                stream(engine, 1),
                clock(0, 0),
                Span { from, count: 1, otherwise: None },
            );
        }
    }
    assert!(sequences.before.len() <= MAX_STREAMS && sequences.lost().len() <= 2 * MAX_STREAMS);
    assert_eq!(lost_of(&sequences, other), 10);
}

proptest! {
    /// However few arrive, and in whatever order within what is remembered: what is lost is what
    /// was sent between the first and the last that arrived, less what arrived.
    #[test]
    fn lost_is_what_lies_between_and_did_not_arrive(
        sizes in prop::collection::vec(1..=30_u32, 2..60),
        first: u32,
        arrives in prop::collection::vec(any::<bool>(), 60),
        order in any::<prop::sample::Index>(),
        twice in prop::collection::vec(any::<bool>(), 60),
    ) {
        let mut sent = Vec::new();
        let mut from = first;
        for &size in &sizes {
            sent.push((from, size));
            from = from.wrapping_add(size);
        }
        let mut arrived: Vec<_> = (0..sent.len()).filter(|&place| arrives[place]).collect();
        prop_assume!(!arrived.is_empty());
        let span = arrived[0]..=arrived[arrived.len() - 1];
        let expected: u32 = span.filter(|&place| !arrives[place]).map(|place| sizes[place]).sum();
        arrived.extend((0..sent.len()).filter(|&place| arrives[place] && twice[place]));
        let turn = order.index(arrived.len());
        arrived.rotate_left(turn);
        let seen: Vec<_> = arrived.into_iter().map(|place| sent[place]).collect();
        prop_assert_eq!(lost(&seen), u64::from(expected));
    }
}

#[test]
fn an_exporter_that_does_not_tell_its_uptime_may_begin_again() {
    let mut sequences = Sequences::default();
    let stream = Stream { unit: Unit::Records, ..stream(7, 4739) };
    let mut observe = |secs: u64, from| {
        let told = Told::Time(UnixMillis(START_MS + secs * 1000));
        sequences.observe(SENDER, stream, told, Span { from, count: 10, otherwise: None });
        sequences.lost().iter().map(|lost| lost.count).sum::<u64>()
    };
    assert_eq!(observe(0, 50_000), 0);
    assert_eq!(observe(60, 55_000), 4990);
    // Exported before, and so from before.
    assert_eq!(observe(30, 52_000), 4980);
    // Begun again.
    assert_eq!(observe(90, 0), 4980);
    assert_eq!(observe(120, 20), 4990);
    assert_eq!(sequences.lost()[0].unit, Unit::Records);
}

/// Has one engine, whose format says that its numbers count `unit`, send packets with the given
/// `(number, records)`; gives what is lost, and whose numbers count otherwise.
fn learnt(unit: Unit, packets: &[(u32, u32)]) -> (Vec<(Unit, u64)>, Vec<Unit>) {
    let mut sequences = Sequences::default();
    let stream = Stream { unit, ..stream(0, 2055) };
    for (&(from, records), now_ms) in packets.iter().zip(0..) {
        let (count, otherwise) = if unit == Unit::Packets { (1, records) } else { (records, 1) };
        let span = Span { from, count, otherwise: Some(otherwise) };
        sequences.observe(SENDER, stream, clock(0, now_ms), span);
    }
    let lost = sequences.lost().iter().map(|lost| (lost.unit, lost.count)).collect();
    (lost, sequences.units().iter().map(|told| told.unit).collect())
}

#[test]
fn what_numbers_count_is_told_by_their_steps() {
    use Unit::{Flows, Packets, Records};
    let every_20 = [(1, 20), (21, 20), (41, 20), (61, 20)];
    let uneven = [(7, 20), (27, 3), (30, 1), (31, 24), (55, 2)];
    for (what, unit, packets, lost, counts) in [
        ("flows in v9", Packets, &every_20[..], &[][..], &[Flows][..]),
        ("flows in v9, as many as come", Packets, &uneven, &[], &[Flows]),
        (
            "and 40 that never came",
            Packets,
            &[(1, 20), (21, 20), (41, 20), (101, 20), (121, 20)],
            &[(Flows, 40)],
            &[Flows],
        ),
        (
            "packets in v9",
            Packets,
            &[(1, 20), (2, 1), (3, 24), (6, 7), (7, 2)],
            &[(Packets, 2)],
            &[],
        ),
        (
            "two lost between packets of two",
            Packets,
            &[(1, 2), (3, 2), (4, 2), (5, 2)],
            &[(Packets, 1)],
            &[],
        ),
        (
            "packets in v5",
            Flows,
            &[(0, 30), (1, 30), (2, 7), (3, 30), (9, 30)],
            &[(Packets, 5)],
            &[Packets],
        ),
        (
            "packets in IPFIX",
            Records,
            &[(5, 9), (6, 1), (7, 9), (8, 9), (10, 9)],
            &[(Packets, 1)],
            &[Packets],
        ),
        ("records in IPFIX", Records, &[(0, 9), (9, 1), (10, 9), (21, 9)], &[(Records, 2)], &[]),
        ("one record each", Records, &[(0, 1), (1, 1), (2, 1), (4, 1)], &[(Records, 1)], &[]),
        (
            "a late one",
            Packets,
            &[(1, 20), (41, 20), (21, 20), (61, 20), (81, 20), (101, 20)],
            &[],
            &[Flows],
        ),
    ] {
        assert_eq!(learnt(unit, packets), (lost.to_vec(), counts.to_vec()), "{what}");
    }
}
