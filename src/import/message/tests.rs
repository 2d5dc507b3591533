use super::*;
use crate::flow::{Column, ElementId, UnixMillis, extra_value};
use crate::netflow::Stamp;

/// A message by the fields of protobuf, as `protoc --decode_raw` names them: number, value.
fn protobuf(fields: &[(u32, &[u8])], numbers: &[(u32, u64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (field, value) in fields {
        wire::push_bytes(&mut bytes, *field, value);
    }
    for (field, value) in numbers {
        wire::push(&mut bytes, *field, *value);
    }
    bytes
}

fn sized(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::push_number(&mut bytes, message.len() as u64);
    [bytes, message.to_vec()].concat()
}

#[test]
fn numbers_are_written_as_protobuf_says() {
    // The examples of the description of the encoding.
    let mut bytes = Vec::new();
    wire::push(&mut bytes, 1, 150);
    wire::push_bytes(&mut bytes, 2, b"testing");
    assert_eq!(bytes, *b"\x08\x96\x01\x12\x07testing");
    let mut rest = &bytes[..];
    assert_eq!(wire::field(&mut rest), Some((1, wire::Value::Number(150))));
    assert_eq!(wire::field(&mut rest), Some((2, wire::Value::Bytes(b"testing"))));
    assert!(rest.is_empty());
}

#[test]
fn goflow2s_messages_are_read_with_their_lengths_and_without() {
    let one = protobuf(
        &[(6, &[10, 0, 0, 1]), (7, &[10, 0, 0, 2]), (11, &[192, 0, 2, 1])],
        &[
            (1, 3),
            (3, 100),
            (9, 1500),
            (10, 2),
            (20, 1),
            (27, 0x0000_5e00_5301),
            (30, 0x0800),
            (31, 8),
            (33, 7),
            (70, 5),
            (81, 16),
            (110, 1_186_040_600_000_000_000),
            (111, 1_186_040_520_001_000_000),
            (112, 1_186_040_520_251_000_000),
        ],
    );
    let mut messages = Messages::default();
    for value in [one.clone(), sized(&one), [sized(&one), sized(&one)].concat()] {
        messages.read(&value).unwrap();
        let (record, source) = messages.flows()[0];
        assert_eq!(record.src, Some([10, 0, 0, 1].into()));
        assert_eq!(record.first, Some(Stamp::Unix(UnixMillis(1_186_040_520_001))));
        assert_eq!(record.last, Some(Stamp::Unix(UnixMillis(1_186_040_520_251))));
        let numbers =
            [Column::Octets, Column::Packets, Column::DstPort].map(|column| record.numbers[column]);
        assert_eq!(numbers, [1500, 2, 8 << 8]);
        assert_eq!(source.exporter, std::net::IpAddr::from([192, 0, 2, 1]));
        assert_eq!((source.engine, source.sampling.interval), (5, 100));
        let (from, until) = record.extras;
        let extras = &messages.extras()[from as usize..until as usize];
        let element = |number| extra_value(extras, ElementId::iana(number));
        assert_eq!(element(56), Some(&[0, 0, 0x5e, 0, 0x53, 1][..]));
        assert_eq!((element(58), element(256)), (Some(&[7][..]), None));
        assert_eq!(element(70), Some(&[0, 1, 0][..]));
    }
    assert_eq!(messages.flows().len(), 2);
}

#[test]
fn what_is_no_message_is_told_by_its_reason() {
    let mut messages = Messages::default();
    let no_time = protobuf(&[(6, &[10, 0, 0, 1])], &[(9, 1)]);
    let no_host = protobuf(&[], &[(111, 1)]);
    let half = protobuf(&[(6, &[10, 0, 0])], &[(111, 1)]);
    for (value, reason) in [
        (&b""[..], "empty message"),
        (b"{\"srcAddress\":\"10.0.0.1\"", "malformed JSON"),
        (b"{\"srcAddress\":\"10.0.0\"}", "malformed JSON"),
        (b"{\"time\":\"2007-08-02T07:42:00Z\",\"srcPort\":65536}", "malformed JSON"),
        (b"{\"srcAddress\":\"10.0.0.1\"}", "malformed JSON"),
        (b"{\"time\":\"2007-08-02T07:42:00Z\"}", "no addresses"),
        (b"hello", "malformed protobuf"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "malformed protobuf"),
        (&no_time, "no time"),
        (&no_host, "no addresses"),
        (&half, "malformed address"),
    ] {
        let wrong = messages.read(value).unwrap_err();
        assert_eq!(wrong.reason, reason, "{value:?}: {}", wrong.detail);
        assert!(messages.flows().is_empty());
    }
    let known =
        b"{\"time\":\"2007-08-02T07:42:00Z\",\"srcAddress\":\"10.0.0.1\",\"new\":{\"a\":1}}\n";
    messages.read(known).unwrap();
    assert_eq!((messages.flows().len(), messages.unknown()), (1, &["new".to_owned()][..]));
    messages.read(&[&known[..], known].concat()).unwrap();
    assert_eq!(messages.flows().len(), 2);
}
