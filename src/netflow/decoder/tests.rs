use crate::flow::Column;
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::flow::Sampling;
use crate::netflow::{
    DataRecord, MAX_FIELDS, MAX_LAYOUTS, MAX_WAITING_BYTES, MAX_WAITING_DATAGRAMS, v5,
};
use crate::normalise::FlowBuilder;

mod waiting;

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
            Outcome::Waits | Outcome::GivenUp => None,
            Outcome::Decoded(found) => Some(
                found
                    .packets()
                    .flat_map(|packet| match packet.records {
                        Records::Data(records, _) => records.to_vec(),
                        _ => Vec::new(),
                    })
                    .map(|record| record.numbers[Column::Octets])
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
fn a_packet_that_waits_is_not_lost_too() {
    let (mut decoder, mut builder) = (Decoder::new(), FlowBuilder::new());
    let exporter = datagram(&[]).exporter;
    for sequence in [0, 1, 2, 3] {
        let known = set(0, &template(256));
        let sets = if sequence == 1 || sequence == 2 { set(300, &[0; 8]) } else { known };
        let payload = v9(0, sequence, &[sets]);
        match decoder.decode(&datagram(&payload), 0).unwrap() {
            Outcome::Decoded(found) => {
                found.packets().for_each(|packet| builder.observe(packet, exporter, 1));
            }
            Outcome::Waits | Outcome::GivenUp => {
                for packet in decoder.unread() {
                    assert!(packet.is_empty());
                    builder.observe(&packet, exporter, 1);
                }
            }
        }
    }
    assert_eq!((decoder.unread().count(), builder.lost()), (0, vec![]));
    // How many records wait is not known.
    let waits = decode_all(&mut decoder, &ipfix(0, 9, &[set(300, &[0; 8])]));
    assert_eq!(waits, [None]);
    assert_eq!(decoder.unread().map(|packet| packet.sequence).collect::<Vec<_>>(), [None]);
}

#[test]
fn a_template_behind_its_data_in_one_datagram_is_enough() {
    let payload = ipfix(0, 0, &[set(256, &records(&[5])), set(2, &template(256))]);
    assert_eq!(decode_all(&mut Decoder::new(), &payload), [None, Some(vec![5])]);
}

#[test]
fn zeros_to_the_end_of_a_set_are_padding_however_many_they_are() {
    let known = |id| set(id, &template(256));
    for (zeros, octets, expected) in [
        (3, &[5][..], &[5][..]),
        (12, &[5], &[5]),
        (25, &[5, 0, 6], &[5, 0, 6]),
        // A set has one record at least.
        (40, &[], &[0]),
    ] {
        // A record of which all is zero, between others, is one.
        let record = |&octets: &u32| if octets == 0 { vec![0; 12] } else { records(&[octets]) };
        let mut content: Vec<u8> = octets.iter().flat_map(record).collect();
        content.resize(content.len() + zeros, 0);
        let data = set(256, &content);
        let expected = [Some(expected.to_vec())];
        let payload = v9(0, 0, &[known(0), data.clone()]);
        assert_eq!(decode_all(&mut Decoder::new(), &payload), expected, "v9, {zeros}");
        let payload = ipfix(0, 0, &[known(2), data]);
        assert_eq!(decode_all(&mut Decoder::new(), &payload), expected, "IPFIX, {zeros}");
    }
}

#[test]
fn padding_is_not_numbered() {
    let options = [&shorts(&[257, 2, 1, 144, 4, 34, 4])[..], &[0; 2]].concat();
    let padded = |content: &[u8]| [content, &[0; 20]].concat();
    let data = [set(256, &padded(&records(&[5]))), set(257, &padded(&[1; 8]))];
    let sets = [&[set(2, &template(256)), set(3, &options)][..], &data].concat();
    let mut decoder = Decoder::new();
    let payload = ipfix(0, 0, &sets);
    let datagram = datagram(&payload);
    let Ok(Outcome::Decoded(found)) = decoder.decode(&datagram, 0) else { panic!("it waits") };
    let counts: Vec<_> = found.packets().map(|packet| packet.sequence.unwrap().count).collect();
    assert_eq!(counts, [2]);
}

/// A template of destination, source and octets: as [`template`], with the ends the other way
/// round.
fn turned(id: u16) -> Vec<u8> {
    shorts(&[id, 3, 12, 4, 8, 4, 1, 4])
}

/// The last byte of every source in a datagram and in those that waited; None of one that waits.
fn sources(decoder: &mut Decoder, payload: &[u8]) -> Vec<Option<Vec<u8>>> {
    fn ends(outcome: Result<Outcome<'_>, DecodeError>) -> Option<Vec<u8>> {
        let Outcome::Decoded(found) = outcome.unwrap() else { return None };
        let records = found.packets().flat_map(|packet| match packet.records {
            Records::Data(records, _) => records.to_vec(),
            _ => Vec::new(),
        });
        let last = |record: DataRecord| match record.src {
            Some(IpAddr::V4(ip)) => ip.octets()[3],
            _ => 0,
        };
        Some(records.map(last).collect())
    }
    let mut found = vec![ends(decoder.decode(&datagram(payload), 0))];
    while let Some(held) = decoder.next_ready() {
        found.push(ends(decoder.decode_held(&held)));
    }
    found
}

#[test]
fn a_datagram_that_waited_does_not_bring_an_old_template_back() {
    let mut decoder = Decoder::new();
    let old = [set(2, &template(256)), set(300, &records(&[1]))];
    assert_eq!(sources(&mut decoder, &ipfix(0, 0, &old)), [None]);
    sources(&mut decoder, &ipfix(0, 1, &[set(2, &turned(256))]));
    let known = ipfix(0, 1, &[set(2, &template(300))]);
    assert_eq!(sources(&mut decoder, &known), [Some(vec![]), Some(vec![1])]);
    let data = ipfix(0, 1, &[set(256, &records(&[2]))]);
    assert_eq!(sources(&mut decoder, &data), [Some(vec![2])]);
}

#[test]
fn a_datagram_that_waited_does_not_withdraw_what_was_defined_since() {
    let mut decoder = Decoder::new();
    decode_all(&mut decoder, &ipfix(0, 0, &[set(2, &template(256))]));
    let old = [set(2, &shorts(&[256, 0])), set(300, &records(&[1]))];
    assert_eq!(decode_all(&mut decoder, &ipfix(0, 0, &old)), [None]);
    decode_all(&mut decoder, &ipfix(0, 1, &[set(2, &template(256))]));
    decode_all(&mut decoder, &ipfix(0, 1, &[set(2, &template(300))]));
    let data = ipfix(0, 1, &[set(256, &records(&[2]))]);
    assert_eq!(decode_all(&mut decoder, &data), [Some(vec![2])]);
}

/// The interval that goes for a flow of source 0 now.
fn interval(decoder: &mut Decoder) -> u32 {
    let data = v9(0, 1, &[set(0, &template(256)), set(256, &records(&[1]))]);
    let Outcome::Decoded(found) = decoder.decode(&datagram(&data), 0).unwrap() else { panic!() };
    found.packets().next().unwrap().sampling.interval
}

#[test]
fn a_datagram_that_waited_does_not_bring_old_options_back() {
    let layout = shorts(&[301, 0, 4, 34, 4]);
    let said = |interval: u32| set(301, &interval.to_be_bytes());
    // Whether the options' own template is known when the old options come, or not.
    for first in [&[set(1, &layout)][..], &[]] {
        let mut decoder = Decoder::new();
        let old = [first, &[said(100), set(300, &records(&[1]))]].concat();
        assert_eq!(decode_all(&mut decoder, &v9(0, 0, &old)), [None]);
        decode_all(&mut decoder, &v9(0, 1, &[set(1, &layout), said(1000)]));
        let known = v9(0, 2, &[set(0, &template(300))]);
        assert_eq!(decode_all(&mut decoder, &known), [Some(vec![]), Some(vec![1])]);
        assert_eq!(interval(&mut decoder), 1000);
    }
}

#[test]
fn options_that_waited_count_where_none_were_told_since() {
    let mut decoder = Decoder::new();
    let said = v9(0, 0, &[set(301, &100_u32.to_be_bytes())]);
    assert_eq!(decode_all(&mut decoder, &said), [None]);
    let known = v9(0, 1, &[set(1, &shorts(&[301, 0, 4, 34, 4]))]);
    assert_eq!(decode_all(&mut decoder, &known), [Some(vec![]), Some(vec![])]);
    assert_eq!(interval(&mut decoder), 100);
}

#[test]
fn data_is_read_by_the_template_that_held_when_it_came() {
    let mut decoder = Decoder::new();
    decode_all(&mut decoder, &ipfix(0, 0, &[set(2, &template(256))]));
    let both = [set(256, &records(&[1])), set(300, &records(&[2]))];
    assert_eq!(sources(&mut decoder, &ipfix(0, 0, &both)), [None]);
    sources(&mut decoder, &ipfix(0, 2, &[set(2, &turned(256))]));
    let known = ipfix(0, 2, &[set(2, &template(300))]);
    assert_eq!(sources(&mut decoder, &known), [Some(vec![]), Some(vec![1, 1])]);
}

#[test]
fn data_is_read_by_the_first_template_that_came_for_it() {
    let mut decoder = Decoder::new();
    let both = [set(256, &records(&[1])), set(300, &records(&[2]))];
    assert_eq!(sources(&mut decoder, &ipfix(0, 0, &both)), [None]);
    sources(&mut decoder, &ipfix(0, 2, &[set(2, &template(256)), set(2, &turned(256))]));
    let known = ipfix(0, 2, &[set(2, &template(300))]);
    assert_eq!(sources(&mut decoder, &known), [Some(vec![]), Some(vec![1, 1])]);
}

#[test]
fn a_datagram_of_many_templates_waits_for_the_last_of_them() {
    let mut decoder = Decoder::new();
    let ids = 256..268;
    let sets: Vec<_> = ids.clone().map(|id| set(id, &records(&[id.into()]))).collect();
    assert_eq!(decode_all(&mut decoder, &ipfix(0, 0, &sets)), [None]);
    for id in ids.clone() {
        let found = decode_all(&mut decoder, &ipfix(0, 12, &[set(2, &template(id))]));
        let expected = (id == 267).then(|| Some(ids.clone().map(u64::from).collect()));
        assert_eq!(found[1..], Vec::from_iter(expected), "{id}");
    }
}

#[test]
fn a_datagram_that_lacks_more_templates_than_any_has_does_not_wait() {
    let mut decoder = Decoder::new();
    let ids = 257..258 + MAX_LAYOUTS as u16;
    let lacking: Vec<_> = ids.map(|id| set(id, &[0; 8])).collect();
    assert_eq!(decode_all(&mut decoder, &ipfix(0, 0, &lacking)), [None]);
    let known = [set(2, &template(256)), set(256, &records(&[1]))];
    let payload = ipfix(0, 0, &[&known[..], &lacking].concat());
    assert_eq!(decode_all(&mut decoder, &payload), [Some(vec![1])]);
    decoder.give_up();
    assert!(decoder.next_ready().is_none());
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
fn an_export_with_a_forged_clock_does_not_make_templates_forgotten() {
    let mut decoder = Decoder::new();
    decode_all(&mut decoder, &v9(0, 0, &[set(0, &template(256))]));
    let data = v9(0, 1, &[set(256, &records(&[1]))]);
    let mut forged = data.clone();
    forged[8..12].copy_from_slice(&(SECS + 31 * 86_400).to_be_bytes());
    assert_eq!(decode_all(&mut decoder, &forged), [Some(vec![1])]);
    assert_eq!(decode_all(&mut decoder, &data), [Some(vec![1])]);
    // As long afterwards by the clock of who receives them.
    let late = UnixMillis(u64::from(SECS + 31 * 86_400) * 1000);
    let late = Datagram { received: late, ..datagram(&data) };
    assert!(matches!(decoder.decode(&late, 0), Ok(Outcome::Decoded(_))));
    assert!(matches!(decoder.decode(&late, 0), Ok(Outcome::Waits)));
}

#[test]
fn a_packet_with_a_damaged_time_makes_no_templates_forgotten() {
    let mut decoder = Decoder::new();
    decode_all(&mut decoder, &v9(0, 0, &[set(0, &template(256))]));
    let data = v9(0, 1, &[set(256, &records(&[1]))]);
    let day = u64::from(SECS) + 86_400;
    // One in 2106, now and then: of the exporter itself, or of another one.
    for (exporter, secs) in
        [(1, day), (1, u32::MAX.into()), (1, day), (2, u32::MAX.into()), (1, day)]
    {
        let received = UnixMillis(secs * 1000);
        let told = Datagram { exporter: [192, 0, 2, exporter].into(), received, ..datagram(&data) };
        let waits = matches!(decoder.decode(&told, 0), Ok(Outcome::Waits));
        assert_eq!(waits, exporter == 2, "{secs}");
    }
}

#[test]
fn two_messages_of_one_packet_do_not_confirm_its_time() {
    let mut decoder = Decoder::new();
    decode_all(&mut decoder, &ipfix(0, 0, &[set(2, &template(256))]));
    let data = ipfix(0, 0, &[set(256, &records(&[1])), set(256, &records(&[2]))]);
    let both = [&data[..], &data].concat();
    let late = UnixMillis(u64::from(u32::MAX) * 1000);
    let late = Datagram { received: late, ..datagram(&both) };
    let Ok(Outcome::Decoded(found)) = decoder.decode(&late, 0) else { panic!("it waits") };
    assert_eq!(found.records(), 4);
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
    let sequence = |from, count| Sequence { from, count, unit: Unit::Records, otherwise: Some(1) };
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
fn options_that_the_capture_cut_off_are_no_flows_that_are_missing() {
    let layout = shorts(&[300, 2, 1, 144, 4, 34, 4]);
    let payload = ipfix(0, 0, &[set(3, &layout), set(300, &[0; 24])]);
    let cut = Datagram { declared_bytes: payload.len(), ..datagram(&payload[..payload.len() - 9]) };
    let mut decoder = Decoder::new();
    let Outcome::Decoded(found) = decoder.decode(&cut, 0).unwrap() else { panic!() };
    let packet = found.packets().next().unwrap();
    assert_eq!((packet.missing, packet.sequence.unwrap().count), (0, 3));
    assert_eq!(packet.fault.map(Fault::label), Some("cut"));
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
fn an_interval_of_zero_in_a_record_says_nothing() {
    let mut decoder = Decoder::new();
    let options = [set(1, &shorts(&[300, 0, 8, 302, 1, 34, 4])), set(300, &[1, 0, 0, 0, 100])];
    decode_all(&mut decoder, &v9(0, 0, &options));
    let layout = shorts(&[256, 4, 8, 4, 12, 4, 34, 1, 48, 1]);
    for (own, sampler, expected) in [(0, 1, 100), (9, 1, 9), (0, 0, 0)] {
        let record = [10, 0, 0, 1, 10, 0, 0, 2, own, sampler];
        let data = v9(0, 1, &[set(0, &layout), set(256, &record)]);
        let found = decoder.decode(&datagram(&data), 0).unwrap();
        let Outcome::Decoded(found) = found else { panic!() };
        let Records::Data(records, _) = found.packets().next().unwrap().records else { panic!() };
        assert_eq!(records[0].sampling.unwrap().interval, expected, "{own} {sampler}");
    }
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
fn hostile_datagrams_take_no_longer_than_others() {
    let mut zeros = vec![0; 64_000];
    zeros.push(1);
    let many = |first: u16| {
        let fields = (0..MAX_FIELDS as u16).flat_map(|number| [first + number, 1]);
        shorts(&[&[256, MAX_FIELDS as u16][..], &fields.collect::<Vec<_>>()].concat())
    };
    let anew: Vec<u8> = (1000..1015).flat_map(many).collect();
    for (what, payload) in
        [("zeros", v9(0, 0, &[set(0, &zeros)])), ("fields", v9(0, 0, &[set(0, &anew)]))]
    {
        let mut decoder = Decoder::new();
        let began = std::time::Instant::now();
        for _ in 0..100 {
            let _ = decoder.decode(&datagram(&payload), 0);
        }
        assert!(began.elapsed().as_secs() < 4, "{what}: {:?}", began.elapsed());
    }
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
        assert!(matches!(
            decoder.decode(&datagram(&ipfix(0, 0, &lacking)), 0),
            Ok(Outcome::GivenUp)
        ));
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
        // They took up to 30 seconds, and more without optimisation, when the work grew by more than their
        // length; the bound leaves room for a slow day.
        let took = start.elapsed();
        assert!(took.as_secs() < 10, "{name}: {took:?}");
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
        [Some(vec![]), Some(vec![302]), Some(vec![300]), Some(vec![300])]
    );
    let last = ipfix(0, 0, &[set(2, &template(301))]);
    assert_eq!(decode_all(&mut decoder, &last), [Some(vec![]), Some(vec![301])]);
}

#[test]
fn a_start_that_was_told_before_goes_for_another_decoder() {
    // The start, in milliseconds, of a process; then a flow that began at an uptime.
    let layout = set(3, &shorts(&[300, 2, 1, 144, 4, 160, 8]));
    let started = u64::from(SECS) * 1000 - 5000;
    let told = set(300, &[&[0; 4][..], &started.to_be_bytes()].concat());
    let mut decoder = Decoder::new();
    decoder.decode(&datagram(&ipfix(3, 0, &[layout, told])), 0).unwrap();
    let memos = decoder.take_memos();
    let (_, name, memo) = memos.iter().next().unwrap();
    assert_eq!(
        (memos.len(), name, memo.value["started"].as_u64()),
        (1, "ipfix/3/started", Some(started))
    );
    let mut other = Decoder::new();
    other.restore(&memos);
    let mut uptime = |domain| {
        let known = ipfix(domain, 0, &[set(2, &template(256))]);
        let Outcome::Decoded(found) = other.decode(&datagram(&known), 0).unwrap() else { panic!() };
        found.packets().next().unwrap().uptime_ms
    };
    assert_eq!([3, 4].map(&mut uptime), [Some(5000), None]);
    assert!(other.take_memos().is_empty());
}

/// The octets of the flows in a datagram from this port.
fn octets_from(decoder: &mut Decoder, src_port: u16, payload: &[u8]) -> Vec<u64> {
    let datagram = Datagram { src_port, ..datagram(payload) };
    let Outcome::Decoded(found) = decoder.decode(&datagram, 0).unwrap() else { return vec![] };
    let records = found.packets().flat_map(|packet| match packet.records {
        Records::Data(records, _) => records,
        _ => &[],
    });
    records.map(|record| record.numbers[Column::Octets]).collect()
}

#[test]
fn what_a_port_sends_is_read_by_its_own_template_else_by_the_newest() {
    type Message = fn(u32, u32, &[Vec<u8>]) -> Vec<u8>;
    // Octets last, and octets first.
    let layouts = [template(256), shorts(&[256, 3, 1, 4, 12, 4, 8, 4])];
    for (message, of_templates) in [(v9 as Message, 0), (ipfix as Message, 2)] {
        let mut decoder = Decoder::new();
        let data =
            message(0, 0, &[set(256, &[[0, 0, 0, 5], [10, 0, 0, 2], [0, 0, 0, 7]].concat())]);
        for (port, layout, conflicts) in [(1, 0, 0), (2, 1, 1), (1, 0, 0), (2, 1, 0)] {
            let known = message(0, 0, &[set(of_templates, &layouts[layout])]);
            octets_from(&mut decoder, port, &known);
            assert_eq!(decoder.conflicts(), conflicts);
        }
        let found = [1, 2, 3].map(|port| octets_from(&mut decoder, port, &data));
        assert_eq!(found, [[7], [5], [5]]);
        assert_eq!(decoder.conflicts(), 0);
    }
    // IPFIX withdraws what is its port's own (RFC 7011 §8.1), one template or all.
    for withdrawal in [shorts(&[256, 0]), shorts(&[2, 0])] {
        let mut decoder = Decoder::new();
        let data = ipfix(0, 0, &[set(256, &[[0, 0, 0, 5], [10, 0, 0, 2], [0, 0, 0, 7]].concat())]);
        for (port, layout) in [(1, 0), (2, 1)] {
            octets_from(&mut decoder, port, &ipfix(0, 0, &[set(2, &layouts[layout])]));
        }
        octets_from(&mut decoder, 1, &ipfix(0, 0, &[set(2, &withdrawal)]));
        let found = [1, 2, 3].map(|port| octets_from(&mut decoder, port, &data));
        assert_eq!(found, [[5], [5], [5]]);
    }
}

/// Of every format and kind: enterprises, lengths that the record tells, scopes.
#[test]
fn templates_that_are_kept_are_those_that_were_told() {
    let plain = shorts(&[256, 3, 8, 4, 12, 4, 1, 4]);
    let wide = shorts(&[257, 3, 8, 4, 0x8001, 4, 0, 29305, 82, 65535]);
    let v9_options = shorts(&[258, 8, 4, 1, 4, 2, 4, 34, 4]);
    let ipfix_options = shorts(&[258, 3, 1, 149, 4, 34, 4, 82, 65535]);
    let mut decoder = Decoder::new();
    for (port, payload) in [
        (1, v9(7, 0, &[set(0, &plain), set(1, &v9_options)])),
        (1, ipfix(7, 0, &[set(2, &plain), set(2, &wide), set(3, &ipfix_options)])),
        (2, ipfix(7, 0, &[set(2, &shorts(&[256, 3, 1, 4, 12, 4, 8, 4]))])),
    ] {
        octets_from(&mut decoder, port, &payload);
    }
    let kept = decoder.templates();
    assert_eq!(kept.len(), 6);
    let mut other = Decoder::new();
    for template in &kept {
        let read = template.datagram();
        assert_eq!(read.received, datagram(&[]).received);
        assert!(matches!(other.decode(&read, 0), Ok(Outcome::Decoded(_))));
    }
    let payloads = |decoder: &Decoder| -> Vec<(u16, Vec<u8>)> {
        let kept = decoder.templates();
        kept.iter()
            .map(|kept| (kept.datagram().src_port, kept.datagram().payload.to_vec()))
            .collect()
    };
    assert_eq!(payloads(&other), payloads(&decoder));
    assert_eq!(other.templates_known(), decoder.templates_known());
    let mut third = Decoder::new();
    third.take_templates(other);
    let data = ipfix(7, 0, &[set(256, &[[0, 0, 0, 5], [10, 0, 0, 2], [0, 0, 0, 7]].concat())]);
    assert_eq!([1, 2, 3].map(|port| octets_from(&mut third, port, &data)), [[7], [5], [5]]);
}

#[test]
fn templates_that_are_too_old_are_not_kept() {
    let mut decoder = Decoder::new();
    let known = |id| v9(0, 0, &[set(0, &template(id))]);
    let lifetime = u64::from(crate::netflow::TEMPLATE_LIFETIME_SECS) * 1000;
    for (id, received) in [(256, 0), (257, lifetime / 2), (257, lifetime), (258, lifetime + 1)] {
        let received = UnixMillis(1_186_040_527_000 + received);
        let revision = decoder.templates_revision();
        let payload = known(id);
        decoder.decode(&Datagram { received, ..datagram(&payload) }, 0).unwrap();
        let is_new = decoder.templates_revision() != revision;
        assert_eq!(is_new, received.0 < 1_186_040_527_000 + lifetime || id == 258);
    }
    let kept: Vec<u64> =
        decoder.templates().iter().map(|kept| kept.datagram().received.0).collect();
    assert_eq!(kept, [lifetime, lifetime + 1].map(|after| 1_186_040_527_000 + after));
}
