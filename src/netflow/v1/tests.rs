use super::*;

/// A record whose every field tells where it was read from.
fn record() -> RecordBytes {
    std::array::from_fn(|at| at as u8)
}

/// A datagram of two records whose header says `count`.
fn datagram(count: u16) -> Vec<u8> {
    let mut payload = vec![0, 1];
    payload.extend_from_slice(&count.to_be_bytes());
    for word in [1000_u32, 1_186_040_527, 5_000_000] {
        payload.extend_from_slice(&word.to_be_bytes());
    }
    payload.extend_from_slice(&record());
    payload.extend_from_slice(&record());
    payload
}

#[test]
fn protocol_tos_and_flags_stand_in_the_order_of_version_1() {
    let record = read(&record());
    assert_eq!((record.protocol, record.tos, record.tcp_flags), (38, 39, 40));
    assert_eq!((record.src_port, record.dst_port), (0x2021, 0x2223));
    assert_eq!((record.packets, record.octets), (0x1011_1213, 0x1415_1617));
}

#[test]
fn a_datagram_gives_its_whole_records() {
    for (count, cut, whole, missing) in [(2, 0, 2, 0), (2, 1, 1, 1), (1, 0, 1, 0), (9, 0, 2, 7)] {
        let payload = datagram(count);
        let packet = decode(&payload[..payload.len() - cut], payload.len()).unwrap();
        assert_eq!((packet.len(), packet.missing), (whole, missing), "{count} {cut}");
        assert_eq!(packet.exported_secs, 1_186_040_527);
    }
    let zero = datagram(0);
    assert_eq!(decode(&zero, zero.len()), Err(DecodeError::Count));
    // A binding request of STUN, whose transaction could be a time.
    let stun = b"\x00\x01\x00\x08\x21\x12\xa4\x42\x46\xb1\x8b\x4f\x00\x00\x00\x07\x00\x00\x00\x01\x00\x04\0\0\0\0";
    assert_eq!(decode(stun, stun.len()), Err(DecodeError::NotFlowExport));
    // A request of TFTP.
    let tftp = b"\x00\x01GET / HTTP/1.0\x00octet\x00";
    assert_eq!(decode(tftp, tftp.len()), Err(DecodeError::NotFlowExport));
}
