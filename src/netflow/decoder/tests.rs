use proptest::prelude::*;

use super::*;
use crate::flow::Sampling;
use crate::netflow::{MAX_WAITING_BYTES, MAX_WAITING_DATAGRAMS, v5};

const SECS: u32 = 1_186_040_527;

fn datagram(payload: &[u8]) -> Datagram<'_> {
    Datagram {
        exporter: [192, 0, 2, 1].into(),
        src_port: 40_000,
        received: UnixMillis(u64::from(SECS) * 1000),
        payload,
        declared_bytes: payload.len(),
    }
}

fn shorts(shorts: &[u16]) -> Vec<u8> {
    shorts.iter().flat_map(|short| short.to_be_bytes()).collect()
}

/// A set with this id and content.
fn set(id: u16, content: &[u8]) -> Vec<u8> {
    [&shorts(&[id, content.len() as u16 + 4])[..], content].concat()
}

/// A v9 packet of source `source` with these sets; its count says one.
fn v9(source: u32, sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = shorts(&[9, 1]);
    for word in [1000, SECS, sequence, source] {
        payload.extend_from_slice(&word.to_be_bytes());
    }
    payload.extend(sets.concat());
    payload
}

/// An IPFIX message of domain `domain` with these sets.
fn ipfix(domain: u32, sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let sets = sets.concat();
    let mut payload = shorts(&[10, 16 + sets.len() as u16]);
    for word in [SECS, sequence, domain] {
        payload.extend_from_slice(&word.to_be_bytes());
    }
    payload.extend(sets);
    payload
}

/// A template of source, destination and octets.
fn template(id: u16) -> Vec<u8> {
    shorts(&[id, 3, 8, 4, 12, 4, 1, 4])
}

/// Records of that template with these octets.
fn records(octets: &[u32]) -> Vec<u8> {
    let record = |octets: &u32| [[10, 0, 0, 1], [10, 0, 0, 2], octets.to_be_bytes()].concat();
    octets.iter().flat_map(record).collect()
}

/// The octets of every flow in a datagram and in those that waited; None of one that waits.
fn decode_all(decoder: &mut Decoder, payload: &[u8]) -> Vec<Option<Vec<u64>>> {
    fn octets(outcome: Result<Outcome<'_>, DecodeError>) -> Option<Vec<u64>> {
        match outcome.unwrap() {
            Outcome::Waits => None,
            Outcome::Decoded(found) => Some(
                found
                    .packets()
                    .flat_map(|packet| match packet.records {
                        Records::Data(records, _) => records.to_vec(),
                        _ => Vec::new(),
                    })
                    .map(|record| record.octets)
                    .collect(),
            ),
        }
    }
    let mut found = vec![octets(decoder.decode(&datagram(payload), 0))];
    while let Some(held) = decoder.next_ready() {
        found.push(octets(decoder.decode_held(&held)));
    }
    found
}

#[test]
fn data_waits_for_its_template() {
    let mut decoder = Decoder::new();
    let data = |octets| v9(0, 0, &[set(256, &records(&[octets]))]);
    assert_eq!(decode_all(&mut decoder, &data(1)), [None]);
    assert_eq!(decode_all(&mut decoder, &data(2)), [None]);
    // Of another source: it says nothing of those.
    let other = v9(1, 0, &[set(0, &template(256))]);
    assert_eq!(decode_all(&mut decoder, &other), [Some(vec![])]);
    let known = v9(0, 0, &[set(0, &template(256))]);
    assert_eq!(decode_all(&mut decoder, &known), [Some(vec![]), Some(vec![1]), Some(vec![2])]);
    assert_eq!(decode_all(&mut decoder, &data(3)), [Some(vec![3])]);
}

#[test]
fn a_template_behind_its_data_in_one_datagram_is_enough() {
    let payload = ipfix(0, 0, &[set(256, &records(&[5])), set(2, &template(256))]);
    assert_eq!(decode_all(&mut Decoder::new(), &payload), [None, Some(vec![5])]);
}

#[test]
fn what_is_given_up_is_read_as_far_as_its_templates_are_known() {
    let mut decoder = Decoder::new();
    let sets = [set(2, &template(256)), set(256, &records(&[5])), set(300, &[0; 8])];
    assert_eq!(decode_all(&mut decoder, &ipfix(0, 0, &sets)), [None]);
    assert_eq!(decode_all(&mut decoder, &ipfix(0, 0, &[set(300, &[0; 8])])), [None]);
    decoder.give_up();
    let held = decoder.next_ready().unwrap();
    let Outcome::Decoded(found) = decoder.decode_held(&held).unwrap() else { panic!() };
    let packet = found.packets().next().unwrap();
    assert_eq!((packet.len(), packet.fault), (1, Some(Fault::NoTemplate { sets: 1 })));
    let held = decoder.next_ready().unwrap();
    assert!(matches!(decoder.decode_held(&held), Ok(Outcome::Waits)));
    assert!(decoder.next_ready().is_none());
}

#[test]
fn sets_are_walked_to_the_end_whatever_the_count_says() {
    let sets = [set(0, &template(256)), set(256, &records(&[1, 2])), set(256, &records(&[3]))];
    let mut payload = v9(0, 0, &sets);
    payload[3] = 1;
    payload.extend([0; 6]);
    assert_eq!(decode_all(&mut Decoder::new(), &payload), [Some(vec![1, 2, 3])]);
}

#[test]
fn a_template_that_is_withdrawn_or_defined_anew_means_that_from_then_on() {
    let mut decoder = Decoder::new();
    decode_all(&mut decoder, &ipfix(0, 0, &[set(2, &template(256))]));
    let short = shorts(&[256, 2, 8, 4, 1, 2]);
    let anew = [set(2, &short), set(256, &[10, 0, 0, 1, 0, 9])];
    assert_eq!(decode_all(&mut decoder, &ipfix(0, 0, &anew)), [Some(vec![9])]);
    for withdrawal in [[256, 0], [2, 0]] {
        decode_all(&mut decoder, &ipfix(0, 0, &[set(2, &template(256))]));
        decode_all(&mut decoder, &ipfix(0, 0, &[set(2, &shorts(&withdrawal))]));
        let data = ipfix(0, 0, &[set(256, &records(&[1]))]);
        assert_eq!(decode_all(&mut decoder, &data), [None], "{withdrawal:?}");
    }
}

#[test]
fn several_messages_in_a_datagram_are_read_and_number_their_records_on() {
    let first = ipfix(0, 7, &[set(2, &template(256)), set(256, &records(&[1, 2]))]);
    let payload = [first, ipfix(0, 9, &[set(256, &records(&[3]))])].concat();
    let mut decoder = Decoder::new();
    let Outcome::Decoded(found) = decoder.decode(&datagram(&payload), 0).unwrap() else { panic!() };
    let told: Vec<_> = found
        .packets()
        .map(|packet| (packet.first_index, packet.len(), packet.sequence.unwrap(), packet.fault))
        .collect();
    let sequence = |from, count| Sequence { from, count, unit: Unit::Records };
    assert_eq!(told, [(0, 2, sequence(7, 2), None), (2, 1, sequence(9, 1), None)]);
}

#[test]
fn lengths_that_lie_end_the_walk_and_are_told() {
    let good = [set(0, &template(256)), set(256, &records(&[1]))];
    for (what, bad, fault) in [
        ("zero", shorts(&[256, 0, 1, 1]), "length"),
        ("short", shorts(&[256, 3, 1, 1]), "length"),
        ("over-long", [&shorts(&[256, 900])[..], &records(&[2])].concat(), "length"),
        ("no template", set(0, &shorts(&[257, 0])), "template"),
        ("reserved", set(77, &[1, 2, 3, 4]), ""),
    ] {
        let mut decoder = Decoder::new();
        let payload = v9(0, 0, &[&good[..], &[bad]].concat());
        let outcome = decoder.decode(&datagram(&payload), 0).unwrap();
        let Outcome::Decoded(found) = outcome else { panic!("{what}") };
        let packet = found.packets().next().unwrap();
        assert_eq!(packet.fault.map_or("", Fault::label), fault, "{what}");
        assert!(!packet.is_empty(), "{what}");
    }
}

#[test]
fn records_that_the_capture_cut_off_are_counted() {
    let sets = [set(2, &template(256)), set(256, &records(&[1, 2, 3, 4]))];
    let payload = ipfix(0, 0, &sets);
    let cut = &payload[..payload.len() - 13];
    let cut = Datagram { declared_bytes: payload.len(), ..datagram(cut) };
    let mut decoder = Decoder::new();
    let Outcome::Decoded(found) = decoder.decode(&cut, 0).unwrap() else { panic!() };
    let packet = found.packets().next().unwrap();
    assert_eq!((packet.len(), packet.missing), (2, 2));
    assert_eq!(packet.fault, Some(Fault::Unfinished { what: "set" }));
    assert_eq!(packet.sequence.unwrap().count, 4);
}

#[test]
fn options_say_how_flows_are_sampled() {
    let mut decoder = Decoder::new();
    // An options template of v9 without a scope, as Juniper sends it, and one record of it.
    let options = [set(1, &shorts(&[300, 0, 8, 34, 4, 35, 1])), set(300, &[0, 0, 0, 100, 2])];
    assert_eq!(decode_all(&mut decoder, &v9(0, 0, &options)), [Some(vec![])]);
    let data = v9(0, 1, &[set(0, &template(256)), set(256, &records(&[1]))]);
    let Outcome::Decoded(found) = decoder.decode(&datagram(&data), 0).unwrap() else { panic!() };
    let packet = found.packets().next().unwrap();
    assert_eq!(packet.sampling, Sampling { mode: 2, interval: 100 });
}

#[test]
fn several_v5_packets_may_lie_in_a_datagram() {
    let header = v5::Header { count: 2, unix_secs: SECS, ..v5::Header::default() };
    let mut payload = Vec::new();
    for _ in 0..3 {
        v5::encode(&header, &[v5::Record::default(); 2], &mut payload);
    }
    payload.extend([7; 5]);
    let mut decoder = Decoder::new();
    let Outcome::Decoded(found) = decoder.decode(&datagram(&payload), 0).unwrap() else { panic!() };
    let told: Vec<_> =
        found.packets().map(|packet| (packet.first_index, packet.len(), packet.fault)).collect();
    let trailing = Some(Fault::Trailing { bytes: 5 });
    assert_eq!(told, [(0, 2, None), (2, 2, None), (4, 2, trailing)]);
}

#[test]
fn what_waits_is_bounded() {
    let mut decoder = Decoder::new();
    let data = v9(0, 0, &[set(256, &records(&[1; 80]))]);
    let mut given_up = 0;
    let sent = MAX_WAITING_DATAGRAMS + 100;
    for _ in 0..sent {
        given_up += decode_all(&mut decoder, &data).len() - 1;
    }
    assert!(sent - given_up <= MAX_WAITING_DATAGRAMS);
    assert!((sent - given_up) * data.len() <= MAX_WAITING_BYTES);
    assert!(given_up >= 100);
}

#[test]
fn other_content_is_no_flow_export() {
    for content in [&b""[..], b"\x00", b"\x00\x09", b"\x00\x0a\x00\x10", b"hello, world", &[0; 40]]
    {
        let error = Decoder::new().decode(&datagram(content), 0).unwrap_err();
        assert!(!error.is_flow_export(), "{content:02x?}");
    }
    // Just headers are flow export without anything in it.
    for header in [v9(0, 0, &[]), ipfix(0, 0, &[])] {
        let error = Decoder::new().decode(&datagram(&header), 0).unwrap_err();
        assert_eq!(error.label(), "empty");
    }
}

/// Bytes that begin like an export packet of some format.
fn any_export() -> impl Strategy<Value = Vec<u8>> {
    let sets = || {
        let small = prop_oneof![0..40_u16, 250..270_u16, any::<u16>()];
        prop::collection::vec(small, 0..120).prop_map(|words| shorts(&words))
    };
    prop_oneof![
        sets().prop_map(|sets| v9(0, 0, &[sets])),
        sets().prop_map(|sets| ipfix(0, 0, &[sets])),
        sets().prop_map(|sets| [&shorts(&[0, 5, 0, 1])[..], &sets].concat()),
        prop::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(
        payloads in prop::collection::vec((any_export(), 0..20_usize), 1..8),
    ) {
        let mut decoder = Decoder::new();
        for (payload, cut) in &payloads {
            let whole = datagram(payload);
            let kept = &payload[..payload.len() - cut.min(&payload.len())];
            let cut = Datagram { payload: kept, ..whole };
            for datagram in [&cut, &whole] {
                if let Ok(Outcome::Decoded(found)) = decoder.decode(datagram, 0) {
                    let records: usize = found.packets().map(ExportPacket::len).sum();
                    prop_assert!(records <= payload.len());
                }
            }
            while let Some(held) = decoder.next_ready() {
                let _ = decoder.decode_held(&held);
            }
        }
    }
}

#[test]
fn a_field_of_v9_may_have_a_variable_length_as_in_ipfix() {
    let template = shorts(&[256, 3, 8, 4, 236, 65_535, 1, 4]);
    let record = |name: &[u8], octets| [&[10, 0, 0, 1], name, &[0, 0, 0, octets]].concat();
    let records = [record(b"\x04core", 7), record(b"\0", 8)].concat();
    let payload = v9(0, 0, &[set(0, &template), set(256, &records)]);
    assert_eq!(decode_all(&mut Decoder::new(), &payload), [Some(vec![7, 8])]);
}

#[test]
fn no_datagram_takes_long_whatever_it_holds() {
    // As many templates as fit into one, and as many datagrams as may wait for others.
    let lacking: Vec<Vec<u8>> = (0..16_000).map(|at| set(20_000 + at, &[])).collect();
    let fresh: Vec<u8> = (0..8000).flat_map(|at| shorts(&[300 + at, 1, 1, 4])).collect();
    let mut decoder = Decoder::new();
    for _ in 0..120 {
        assert!(matches!(decoder.decode(&datagram(&ipfix(0, 0, &lacking)), 0), Ok(Outcome::Waits)));
    }
    // Zeros that could be padding up to the last byte.
    let mut zeros = vec![0; 65_000];
    zeros.push(1);
    // Templates of as many fields as may be.
    let wide = |id| [shorts(&[id, 1024]), (0..1024).flat_map(|at| shorts(&[at, 1])).collect()];
    let wide: Vec<u8> = (300..315).flat_map(|id| wide(id).concat()).collect();
    for (name, times, payload) in [
        ("templates", 1, ipfix(0, 0, &[set(2, &fresh)])),
        ("zeros", 8, ipfix(0, 0, &[set(2, &zeros)])),
        ("zeros of v9", 8, v9(0, 0, &[set(0, &zeros)])),
        ("fields", 8, ipfix(1, 0, &[set(2, &wide)])),
    ] {
        let start = std::time::Instant::now();
        for _ in 0..times {
            decoder.decode(&datagram(&payload), 0).unwrap();
        }
        // They took from 2 to 30 seconds when the work grew by more than their length.
        let took = start.elapsed();
        assert!(took.as_millis() < 1000, "{name}: {took:?}");
    }
}

#[test]
fn of_many_templates_that_come_at_once_each_wakes_what_lacks_it() {
    let mut decoder = Decoder::new();
    for id in [300, 301, 302, 300] {
        let payload = ipfix(0, 0, &[set(id, &records(&[id.into()]))]);
        assert_eq!(decode_all(&mut decoder, &payload), [None]);
    }
    let templates = [302, 400, 300].map(|id| set(2, &template(id)));
    assert_eq!(
        decode_all(&mut decoder, &ipfix(0, 0, &templates)),
        [Some(vec![]), Some(vec![300]), Some(vec![302]), Some(vec![300])]
    );
    let last = ipfix(0, 0, &[set(2, &template(301))]);
    assert_eq!(decode_all(&mut decoder, &last), [Some(vec![]), Some(vec![301])]);
}
