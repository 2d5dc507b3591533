use proptest::prelude::*;

use super::*;

/// A datagram with `records` whole records, whose header says `count`.
fn datagram(count: u16, records: u8) -> Vec<u8> {
    let header = Header { count, unix_secs: 1_186_040_527, flow_sequence: 7, ..Header::default() };
    let records: Vec<Record> = (0..records)
        .map(|index| Record { octets: u32::from(index) + 1, packets: 1, ..Record::default() })
        .collect();
    let mut payload = Vec::new();
    encode(&header, &records, &mut payload);
    payload
}

#[test]
fn what_is_whole_is_taken_and_the_rest_is_told() {
    // What, count, records there, bytes cut off by the capture, bytes by the UDP header less those
    // that were encoded; whole, missing, fault.
    for (what, count, there, cut, more, whole, missing, fault) in [
        ("just right", 30, 30, 0, 0, 30, 0, None),
        ("one", 1, 1, 0, 0, 1, 0, None),
        ("snap length", 30, 30, 1378, 0, 1, 29, Some(Fault::Cut { missing: 29 })),
        ("a byte short", 30, 30, 1, 0, 29, 1, Some(Fault::Cut { missing: 1 })),
        ("more than is there", 9, 4, 0, 0, 4, 5, Some(Fault::Cut { missing: 5 })),
        ("less than is there", 2, 3, 0, 0, 2, 0, Some(Fault::Trailing { bytes: 48 })),
        ("padded", 2, 2, 0, 2, 2, 0, Some(Fault::Trailing { bytes: 2 })),
        ("absurd", 55582, 30, 0, 0, 30, 0, Some(Fault::Count { declared: 55582, present: 30 })),
        ("large", 40, 40, 0, 0, 40, 0, Some(Fault::Count { declared: 40, present: 40 })),
        ("large, cut", 40, 40, 48, 0, 39, 1, Some(Fault::Count { declared: 40, present: 39 })),
        ("absurd, cut", 99, 30, 48, 0, 29, 1, Some(Fault::Count { declared: 99, present: 29 })),
    ] {
        let payload = datagram(count, there);
        let declared_bytes = payload.len() + more;
        let packet = decode(&payload[..payload.len() - cut], declared_bytes).unwrap();
        assert_eq!(packet.records.len(), whole, "{what}");
        assert_eq!((packet.missing, packet.fault), (missing, fault), "{what}");
        let octets: Vec<u32> = packet.records().map(|record| record.octets).collect();
        assert_eq!(octets, (1..=whole as u32).collect::<Vec<_>>(), "{what}");
    }
}

#[test]
fn a_datagram_without_a_whole_record_is_refused_and_located() {
    let whole = datagram(1, 1);
    for (available, message) in [
        (71, "datagram ends at byte 71, record at byte 24 needs 1 more"),
        (24, "datagram ends at byte 24, record at byte 24 needs 48 more"),
        (16, "datagram ends at byte 16, header at byte 0 needs 8 more"),
        (4, "datagram ends at byte 4, header at byte 0 needs 20 more"),
    ] {
        let error = decode(&whole[..available], whole.len()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.label()), (message, "cut"));
        assert!(error.is_flow_export());
    }
    let error = decode(&datagram(0, 3), 24 + 3 * 48).unwrap_err();
    assert_eq!(error.to_string(), "header declares no records");
    assert_eq!(error.label(), "record count");
}

#[test]
fn what_only_begins_like_netflow_is_no_flow_export() {
    let dns = b"\x00\x05\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x01\x00\x01";
    let tftp = b"\x00\x05\x00\x01File not found: /pub/netboot/amd64/vmlinuz\x00";
    let mut v9 = datagram(1, 1);
    v9[1] = 9;
    for payload in [&b""[..], b"\x00", b"\x00\x05", b"\x00\x05\x00\x01", dns, tftp, &v9] {
        let error = decode(payload, payload.len()).unwrap_err();
        assert_eq!(error, DecodeError::NotFlowExport, "{payload:02x?}");
        assert!(!error.is_flow_export());
    }
}

#[test]
fn an_exporter_without_a_clock_is_understood() {
    let mut payload = datagram(2, 2);
    payload[8..16].fill(0);
    assert_eq!(decode(&payload, payload.len()).unwrap().records.len(), 2);
}

#[test]
fn the_sampling_interval_has_no_mode_in_it() {
    // Fields as softflowd and a Juniper MX80 sent them.
    for (sampling_field, mode, interval) in [(0x4064, 1, 100), (0x03e8, 0, 1000), (0x8001, 2, 1)] {
        let header = Header { sampling_field, ..Header::default() };
        assert_eq!(header.sampling(), Sampling { mode, interval });
    }
}

proptest! {
    #[test]
    fn encoding_and_decoding_a_record_gives_its_bytes_again(bytes: [u8; RECORD_BYTES]) {
        prop_assert_eq!(Record::read(&bytes).to_bytes(), bytes);
    }

    #[test]
    fn encoding_and_decoding_a_datagram_gives_the_same(
        header: [u8; HEADER_BYTES],
        records in prop::collection::vec(any::<[u8; RECORD_BYTES]>(), 1..=30),
    ) {
        let header = Header { count: records.len() as u16, ..Header::read(&header) };
        let records: Vec<Record> = records.iter().map(Record::read).collect();
        let mut payload = Vec::new();
        encode(&header, &records, &mut payload);
        let packet = decode(&payload, payload.len()).unwrap();
        prop_assert_eq!(packet.header, header);
        prop_assert_eq!(packet.records().collect::<Vec<_>>(), records);
        prop_assert_eq!((packet.missing, packet.fault), (0, None));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused_and_never_more_than_there_are(
        mut payload in prop::collection::vec(any::<u8>(), 0..2000),
        count in prop_oneof![0..40_u16, any::<u16>()],
        cut in 0..100_usize,
    ) {
        for (byte, value) in payload.iter_mut().zip([0, 5, (count >> 8) as u8, count as u8]) {
            *byte = value;
        }
        if let Ok(packet) = decode(&payload, payload.len() + cut) {
            prop_assert!(!packet.records.is_empty());
            prop_assert!(packet.records.len() <= usize::from(count));
            prop_assert!(HEADER_BYTES + packet.records.len() * RECORD_BYTES <= payload.len());
        }
    }
}
