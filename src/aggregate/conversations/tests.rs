use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::flow::{Extra, Family, FlowRecord, Origin, UnixMillis, push_extra};

fn flow(src: &str, src_port: u16, dst: &str, dst_port: u16, protocol: u8) -> FlowRecord {
    FlowRecord {
        first: UnixMillis(1_000_000),
        duration_ms: 100,
        octets: 1000,
        packets: 10,
        src_port,
        dst_port,
        protocol: Protocol(protocol),
        tcp_flags: 2,
        ..FlowRecord::between(src.parse().unwrap(), dst.parse().unwrap())
    }
}

fn joined(flows: &[(FlowRecord, Vec<u8>)], limits: &Limits) -> Vec<Conversation> {
    let mut conversations = Conversations::new(limits);
    for (flow, extras) in flows {
        let mut batch = FlowBatch::new(flow.family());
        batch.sources = Arc::new(vec![flow.source]);
        batch.push_with(flow, 0, Origin(0), extras);
        conversations.observe(&batch).unwrap();
    }
    conversations.finish().unwrap().collect::<Result<_>>().unwrap()
}

fn join(flows: &[FlowRecord]) -> Vec<Conversation> {
    let flows: Vec<_> = flows.iter().map(|flow| (*flow, Vec::new())).collect();
    joined(&flows, &Limits::default())
}

#[test]
fn both_directions_of_a_tuple_are_one_conversation() {
    let there = flow("10.0.0.9", 40_000, "10.0.0.1", 443, 6);
    let back = FlowRecord {
        first: UnixMillis(1_000_050),
        duration_ms: 5000,
        octets: u64::MAX,
        tcp_flags: 0x10,
        tos: 8,
        ..flow("10.0.0.1", 443, "10.0.0.9", 40_000, 6)
    };
    let other_port = flow("10.0.0.1", 443, "10.0.0.9", 40_001, 6);
    let conversations = join(&[back, there, back, other_port]);
    assert_eq!(conversations.len(), 2);
    let one = conversations.iter().find(|one| one.flows == 3).unwrap();
    assert_eq!((one.initiator, one.initiator_port), (there.src, 40_000));
    assert_eq!((one.responder, one.responder_port), (there.dst, 443));
    assert_eq!((one.sent.octets, one.sent.packets), (1000, 10));
    assert_eq!((one.returned.octets, one.returned.packets), (2 * u128::from(u64::MAX), 20));
    assert_eq!((one.first.0, one.duration_ms, one.flows), (1_000_000, 5050, 3));
    assert_eq!((one.tcp_flags(), one.tos), (0x12, 0));
}

#[test]
fn of_two_that_began_at_once_the_lower_port_is_the_servers() {
    let (a, b) = ("10.0.0.1", "10.0.0.2");
    for (flows, initiator) in [
        ([flow(a, 443, b, 50_000, 6), flow(b, 50_000, a, 443, 6)], b),
        ([flow(b, 443, a, 50_000, 6), flow(a, 50_000, b, 443, 6)], a),
        ([flow(a, 500, b, 500, 17), flow(b, 500, a, 500, 17)], a),
    ] {
        let conversations = join(&flows);
        assert_eq!(conversations.len(), 1);
        assert_eq!(conversations[0].initiator.to_string(), initiator);
    }
}

#[test]
fn a_flow_that_nobody_answered_is_a_conversation_of_one_direction() {
    let one = &join(&[flow("10.0.0.1", 22, "10.0.0.2", 50_000, 6)])[0];
    assert_eq!(one.initiator.to_string(), "10.0.0.1");
    assert_eq!((one.returned, one.flows), (Sent::default(), 1));
}

#[test]
fn an_answer_of_icmp_meets_its_request() {
    let later = |flow| FlowRecord { first: UnixMillis(1_000_001), ..flow };
    let request = flow("10.0.0.1", 0, "10.0.0.2", 8 << 8, 1);
    let answer = later(flow("10.0.0.2", 0, "10.0.0.1", 0, 1));
    let unreachable = flow("10.0.0.2", 0, "10.0.0.1", 3 << 8 | 1, 1);
    let conversations = join(&[answer, unreachable, request]);
    assert_eq!(conversations.len(), 2);
    let ping = conversations.iter().find(|one| one.flows == 2).unwrap();
    assert_eq!((ping.initiator.to_string().as_str(), ping.responder_port), ("10.0.0.1", 8 << 8));
    assert_eq!(ping.initiator_port, 0);
    // Answers that nobody asked for, as of spoofed requests, show what they are.
    let alone = &join(&[answer])[0];
    assert_eq!((alone.initiator, alone.initiator_port, alone.responder_port), (answer.src, 0, 0));
    let v6 = [
        flow("2001:db8::1", 0, "2001:db8::2", 128 << 8, 58),
        later(flow("2001:db8::2", 0, "2001:db8::1", 129 << 8, 58)),
    ];
    assert_eq!(join(&v6).len(), 1);
}

#[test]
fn a_biflow_is_a_conversation_by_itself() {
    let flow = flow("10.0.0.1", 40_000, "10.0.0.2", 53, 17);
    for (began, initiator) in [(1, "10.0.0.1"), (2, "10.0.0.2")] {
        let mut extras = Vec::new();
        for (number, enterprise, value) in
            [(1, 29_305, &[7, 0][..]), (2, 29_305, &[3]), (6, 29_305, &[0x10]), (239, 0, &[began])]
        {
            assert!(push_extra(&mut extras, 0, Extra { number, enterprise, value }));
        }
        let one = &joined(&[(flow, extras)], &Limits::default())[0];
        assert_eq!(one.initiator.to_string(), initiator);
        let mut counters =
            [(one.sent.octets, one.sent.packets), (one.returned.octets, one.returned.packets)];
        if began == 2 {
            counters.reverse();
        }
        assert_eq!(counters, [(1000, 10), (7 << 8, 3)]);
        assert_eq!(
            (one.flows, one.tcp_flags(), one.first.0, one.duration_ms),
            (1, 0x12, 1_000_000, 100)
        );
    }
}

fn any_flow() -> impl Strategy<Value = FlowRecord> {
    let end = || (0u128..3, 0u16..3);
    (end(), end(), 0u64..20, 0u32..50, any::<u64>(), any::<[u8; 2]>(), prop::bool::ANY).prop_map(
        |((src, src_port), (dst, dst_port), first, duration_ms, octets, [flags, tos], v6)| {
            let family = if v6 { Family::V6 } else { Family::V4 };
            FlowRecord {
                src: family.address(src),
                dst: family.address(dst),
                next_hop: family.address(0),
                first: UnixMillis(first),
                duration_ms,
                octets,
                tcp_flags: flags,
                tos,
                ..flow("10.0.0.1", src_port, "10.0.0.1", dst_port, 17)
            }
        },
    )
}

proptest! {
    // Every flow is a conversation of its own when it is written to a run with the next; so there
    // are as many runs as there can be.
    #[test]
    fn conversations_do_not_hang_on_order_or_on_memory(
        flows in prop::collection::vec(any_flow(), 0..60), held in 1usize..8, turn in 0usize..60,
    ) {
        let whole = join(&flows);
        let mut turned = flows.clone();
        turned.rotate_left(turn.min(flows.len()));
        let mut conversations = Conversations::new(&Limits::default());
        conversations.held = held;
        for flow in &turned {
            let mut batch = FlowBatch::new(flow.family());
            batch.sources = Arc::new(vec![flow.source]);
            batch.push(flow, 0, Origin(0));
            conversations.observe(&batch).unwrap();
        }
        let spilled: Vec<_> = conversations.finish().unwrap().collect::<Result<_>>().unwrap();
        prop_assert_eq!(&whole, &spilled);
        prop_assert!(whole.is_sorted_by_key(|one| one.first));
        // The slow way: sums by what both directions have in common.
        let mut sums = BTreeMap::new();
        for flow in &flows {
            let mut ends = [(flow.src, flow.src_port), (flow.dst, flow.dst_port)];
            ends.sort();
            let sum: &mut (u128, u64) = sums.entry(ends).or_default();
            sum.0 += u128::from(flow.octets);
            sum.1 += 1;
        }
        prop_assert_eq!(whole.len(), sums.len());
        for one in &whole {
            let mut ends = [(one.initiator, one.initiator_port), (one.responder, one.responder_port)];
            ends.sort();
            prop_assert_eq!((one.sent.octets + one.returned.octets, one.flows), sums[&ends]);
        }
    }
}
