use super::*;

#[test]
fn a_record_is_one_of_version_5_with_a_router_behind_it() {
    let record: RecordBytes = std::array::from_fn(|at| at as u8);
    let fields = read(&record);
    assert_eq!((fields.tcp_flags, fields.protocol, fields.tos), (37, 38, 39));
    assert_eq!((fields.src_as, fields.dst_mask), (0x2829, 45));
    assert_eq!(bypassed_router(&record), 0x3031_3233);
}

#[test]
fn the_sequence_counts_flows() {
    let mut payload = vec![0, 7, 0, 3];
    for word in [1000_u32, 1_186_040_527, 0, 77, 0] {
        payload.extend_from_slice(&word.to_be_bytes());
    }
    payload.resize(HEADER_BYTES + 3 * RECORD_BYTES, 1);
    let packet = decode(&payload, payload.len()).unwrap();
    assert_eq!(
        packet.sequence,
        Some(Sequence { from: 77, count: 3, unit: Unit::Flows, otherwise: Some(1) })
    );
    let packet = decode(&payload[..HEADER_BYTES + RECORD_BYTES], payload.len()).unwrap();
    assert_eq!((packet.len(), packet.missing), (1, 2));
    assert_eq!(packet.sequence.unwrap().count, 3);
}
