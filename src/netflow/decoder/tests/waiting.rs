//! What waits for a template: how much of it, and of whom.

use super::*;

/// The datagram as another exporter sends it, told by the last byte of its address.
fn of(exporter: u8, payload: &[u8]) -> Datagram<'_> {
    Datagram { exporter: [198, 51, 100, exporter].into(), ..datagram(payload) }
}

/// What became of all that is ready: decoded, waited to the end, given up.
fn ready(decoder: &mut Decoder) -> [usize; 3] {
    let mut became = [0; 3];
    while let Some(held) = decoder.next_ready() {
        became[match decoder.decode_held(&held).unwrap() {
            Outcome::Decoded(_) => 0,
            Outcome::Waits => 1,
            Outcome::GivenUp => 2,
        }] += 1;
    }
    became
}

#[test]
fn all_that_waited_is_there_when_a_long_template_comes() {
    let mut decoder = Decoder::new();
    let data = v9(0, 0, &[set(256, &[7; 696])]);
    assert_eq!(data.len(), 720);
    for _ in 0..MAX_WAITING_DATAGRAMS {
        assert!(matches!(decoder.decode(&datagram(&data), 0), Ok(Outcome::Waits)));
    }
    let fields: Vec<u16> = (0..64).flat_map(|number| [400 + number, 1]).collect();
    let template = v9(0, 0, &[set(0, &shorts(&[&[256, 64][..], &fields].concat()))]);
    assert!(matches!(decoder.decode(&datagram(&template), 0), Ok(Outcome::Decoded(_))));
    assert_eq!(ready(&mut decoder), [MAX_WAITING_DATAGRAMS, 0, 0]);
}

#[test]
fn who_never_sends_a_template_takes_no_room_from_those_who_wait_for_theirs() {
    let mut decoder = Decoder::new();
    let data = v9(0, 0, &[set(256, &records(&[1]))]);
    let mut given_up = 0;
    for number in 0..10 + 2 * MAX_WAITING_DATAGRAMS {
        let exporter = if number < 10 { 1 } else { 2 };
        assert!(matches!(decoder.decode(&of(exporter, &data), 0), Ok(Outcome::Waits)));
        let became = ready(&mut decoder);
        assert_eq!(became[..2], [0, 0]);
        given_up += became[2];
    }
    assert_eq!(given_up, 10 + MAX_WAITING_DATAGRAMS);
    let known = v9(0, 0, &[set(0, &template(256))]);
    decoder.decode(&of(1, &known), 0).unwrap();
    assert_eq!(ready(&mut decoder), [10, 0, 0]);
    // Of the others the newest are there.
    assert_eq!(decoder.waiting().count(), MAX_WAITING_DATAGRAMS - 10);
    decoder.decode(&of(2, &known), 0).unwrap();
    assert_eq!(ready(&mut decoder), [MAX_WAITING_DATAGRAMS - 10, 0, 0]);
}

#[test]
fn what_gives_way_is_read_as_far_as_its_templates_are_known() {
    let mut decoder = Decoder::new();
    let both = [set(2, &template(256)), set(256, &records(&[5])), set(300, &[0; 8])];
    assert_eq!(decode_all(&mut decoder, &ipfix(0, 0, &both)), [None]);
    let lacks = ipfix(0, 0, &[set(300, &[0; 8])]);
    for _ in 1..MAX_WAITING_DATAGRAMS {
        decoder.decode(&datagram(&lacks), 0).unwrap();
    }
    let held = decoder.next_ready().unwrap();
    let Outcome::Decoded(found) = decoder.decode_held(&held).unwrap() else { panic!() };
    let packet = found.packets().next().unwrap();
    assert_eq!((packet.len(), packet.fault), (1, Some(Fault::NoTemplate { sets: 1 })));
    decoder.decode(&datagram(&lacks), 0).unwrap();
    decoder.decode(&datagram(&lacks), 0).unwrap();
    assert_eq!(ready(&mut decoder), [0, 0, 1]);
    // What is left at the end has waited for as long as anything could come.
    decoder.give_up();
    assert_eq!(ready(&mut decoder), [0, MAX_WAITING_DATAGRAMS, 0]);
}

#[test]
fn a_template_that_many_keep_takes_room_once() {
    let mut decoder = Decoder::new();
    let fields: Vec<u16> = (0..1000).flat_map(|number| [number + 1, 1]).collect();
    let wide = set(0, &shorts(&[&[257, 1000][..], &fields].concat()));
    decoder.decode(&datagram(&v9(0, 0, &[wide])), 0).unwrap();
    let lacks = v9(0, 0, &[set(257, &[0; 8]), set(256, &records(&[1]))]);
    for _ in 0..MAX_WAITING_DATAGRAMS - 100 {
        decoder.decode(&datagram(&lacks), 0).unwrap();
        assert_eq!(ready(&mut decoder), [0; 3]);
    }
    decoder.decode(&datagram(&v9(0, 0, &[set(0, &template(256))])), 0).unwrap();
    assert_eq!(ready(&mut decoder), [MAX_WAITING_DATAGRAMS - 100, 0, 0]);
    // Nothing is left of what was counted.
    assert_eq!(decoder.waiting.room_taken(), (0, 0, 0));
}

#[test]
fn what_is_ready_is_bounded_where_nobody_takes_it_and_none_of_it_is_dropped() {
    let mut decoder = Decoder::new();
    let data = v9(0, 0, &[set(256, &records(&[1; 80]))]);
    let mut waits = 0;
    for _ in 0..4 * MAX_WAITING_DATAGRAMS {
        match decoder.decode(&datagram(&data), 0).unwrap() {
            Outcome::Waits => waits += 1,
            Outcome::GivenUp => {}
            Outcome::Decoded(_) => panic!("without a template"),
        }
    }
    decoder.give_up();
    let mut bytes = 0;
    while let Some(held) = decoder.next_ready() {
        bytes += held.datagram().payload.len();
        waits -= 1;
    }
    assert!(bytes <= 2 * MAX_WAITING_BYTES, "{bytes}");
    assert_eq!(waits, 0);
}
