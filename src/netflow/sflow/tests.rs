use super::*;
use crate::flow::Column;

const RECEIVED: UnixMillis = UnixMillis(1_186_040_527_123);

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Content behind its format and its length.
fn block(format: u32, content: &[u8]) -> Vec<u8> {
    [&words(&[format, content.len() as u32])[..], content].concat()
}

/// A datagram of agent 10.0.0.9 with these samples.
fn datagram(samples: &[Vec<u8>]) -> Vec<u8> {
    let header = words(&[5, 1, 0x0a00_0009, 3, 77, 5_000, samples.len() as u32]);
    [header, samples.concat()].concat()
}

/// A flow sample of these records: one of 512 packets, from interface 4 to several.
fn sample(records: &[Vec<u8>]) -> Vec<u8> {
    let head = words(&[1, 9, 512, 1000, 0, 4, 0x8000_0002, records.len() as u32]);
    block(1, &[head, records.concat()].concat())
}

/// A sampled header of Ethernet.
fn header(frame: &[u8]) -> Vec<u8> {
    let head = words(&[1, 1518, 4, frame.len() as u32]);
    block(1, &[&head[..], frame].concat())
}

/// An Ethernet frame up to its type.
const ETHERNET: [u8; 12] = [0, 0, 0x5e, 0, 0x53, 2, 0, 0, 0x5e, 0, 0x53, 1];
/// TCP from 10.0.0.1:80 to 10.0.0.2:50000, 1500 octets, SYN and ACK.
const IPV4_TCP: [u8; 34] = [
    0x45, 0x10, 0x05, 0xdc, 0, 0, 0, 0, 63, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0xc3, 0x50,
    0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x12,
];

/// Numbers and values of elements.
type Kept = Vec<(u16, Vec<u8>)>;

fn read_all(payload: &[u8]) -> (Header, Vec<DataRecord>, Kept) {
    let (mut records, mut bytes) = (Vec::new(), Vec::new());
    let header = read(payload, RECEIVED, &mut records, &mut bytes).unwrap();
    let kept = crate::flow::extras(&bytes).map(|extra| (extra.number, extra.value.to_vec()));
    let kept = kept.collect();
    (header, records, kept)
}

#[test]
fn a_sampled_frame_is_a_flow_of_one_packet() {
    let frame = [&ETHERNET[..], &[8, 0], &IPV4_TCP].concat();
    let (head, records, kept) = read_all(&datagram(&[sample(&[header(&frame)])]));
    assert_eq!((head.agent, head.sub_agent, head.sequence), ([10, 0, 0, 9].into(), 3, 77));
    let record = records[0];
    assert_eq!(record.src, Some([10, 0, 0, 1].into()));
    assert_eq!(record.dst, Some([10, 0, 0, 2].into()));
    assert_eq!((record.numbers[Column::SrcPort], record.numbers[Column::DstPort]), (80, 50_000));
    assert_eq!(
        (
            record.numbers[Column::Protocol],
            record.numbers[Column::TcpFlags],
            record.numbers[Column::Tos]
        ),
        (6, 0x12, 0x10)
    );
    assert_eq!((record.numbers[Column::Packets], record.numbers[Column::Octets]), (1, 1500));
    assert_eq!((record.numbers[Column::Input], record.numbers[Column::Output]), (4, 0));
    assert_eq!(record.sampling, Some(Sampling { mode: 2, interval: 512 }));
    assert_eq!(kept[0], (56, ETHERNET[6..].to_vec()));
    assert_eq!(kept[1..], [(80, ETHERNET[..6].to_vec()), (192, vec![63])]);
}

#[test]
fn tags_and_labels_are_taken_off_and_kept() {
    for (between, expected) in [
        (&[0x81, 0, 0x20, 7, 8, 0][..], &[(243, vec![7])][..]),
        (&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 8, 0], &[(243, vec![7]), (245, vec![8])]),
        (
            &[0x88, 0x47, 0, 1, 0x40, 9, 0, 2, 0x41, 9],
            &[(70, vec![0, 1, 0x40]), (71, vec![0, 2, 0x41])],
        ),
        (&[0x88, 0x64, 0x11, 0, 0, 1, 0, 40, 0, 0x21], &[]),
    ] {
        let frame = [&ETHERNET[..], between, &IPV4_TCP].concat();
        let (_, records, kept) = read_all(&datagram(&[sample(&[header(&frame)])]));
        assert_eq!(records[0].numbers[Column::DstPort], 50_000, "{between:02x?}");
        assert_eq!(kept[2..kept.len() - 1], *expected, "{between:02x?}");
    }
}

#[test]
fn a_network_of_vxlan_is_kept_with_the_outer_flow() {
    let mut packet = IPV4_TCP[..20].to_vec();
    packet[9] = 17;
    packet.extend([0xc0, 0, 0x12, 0xb5, 0, 99, 0, 0, 8, 0, 0, 0, 0, 1, 0x23, 0]);
    let frame = [&ETHERNET[..], &[8, 0], &packet].concat();
    let (_, records, kept) = read_all(&datagram(&[sample(&[header(&frame)])]));
    assert_eq!(
        (records[0].numbers[Column::Protocol], records[0].numbers[Column::DstPort]),
        (17, 4789)
    );
    assert_eq!(kept.last(), Some(&(351, vec![1, 0x23])));
}

#[test]
fn extension_headers_of_ipv6_are_passed_over() {
    let mut packet = vec![0x62, 0x80, 0, 5, 0, 24, 0, 64];
    packet.extend([0x20; 16]);
    packet.extend([0x21; 16]);
    packet.extend([17, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend([0, 53, 0, 99, 0, 16, 0, 0]);
    let frame = [&ETHERNET[..], &[0x86, 0xdd], &packet].concat();
    let (_, records, kept) = read_all(&datagram(&[sample(&[header(&frame)])]));
    let record = records[0];
    assert_eq!(
        (
            record.numbers[Column::Octets],
            record.numbers[Column::Protocol],
            record.numbers[Column::Tos]
        ),
        (64, 17, 0x28)
    );
    assert_eq!((record.numbers[Column::SrcPort], record.numbers[Column::DstPort]), (53, 99));
    assert_eq!(record.src, Some([0x2020_u16; 8].into()));
    assert_eq!(kept.last(), Some(&(31, vec![5])));
}

#[test]
fn a_header_begins_as_its_protocol_says() {
    let ipv6 = [&[0x60, 0, 0, 0, 0, 0, 59, 64][..], &[0x20; 16], &[0x21; 16]].concat();
    let label = [0, 1, 0x41, 9];
    for (protocol, before, packet) in [
        // PPP, with and without what HDLC adds, and with a protocol of one byte.
        (7, &[0xff, 0x03, 0, 0x21][..], &IPV4_TCP[..]),
        (7, &[0, 0x21], &IPV4_TCP),
        (7, &[0x21], &IPV4_TCP),
        (7, &[0xff, 0x03, 0x57], &ipv6),
        (7, &[&[0xff, 0x03, 0x02, 0x81][..], &label].concat(), &IPV4_TCP),
        (10, &[], &IPV4_TCP),
        (10, &[], &ipv6),
        (11, &[], &IPV4_TCP),
        (12, &[], &ipv6),
        (13, &label, &ipv6),
        (14, &[0xff, 0x03, 0, 0x21], &IPV4_TCP),
    ] {
        let frame = [before, packet].concat();
        let head = words(&[protocol, 1518, 4, frame.len() as u32]);
        let header = block(1, &[&head[..], &frame].concat());
        let (_, records, _) = read_all(&datagram(&[sample(&[header])]));
        let expected: IpAddr =
            if packet == ipv6 { [0x2020_u16; 8].into() } else { [10, 0, 0, 1].into() };
        assert_eq!(records[0].src, Some(expected), "{protocol} {before:?}");
    }
    // Of other link layers only the size of the frame is known: 802.5, FDDI, 802.11.
    for protocol in [3, 4, 15, 99] {
        let head = words(&[protocol, 1518, 4, 34]);
        let header = block(1, &[&head[..], &IPV4_TCP].concat());
        let (_, records, _) = read_all(&datagram(&[sample(&[header])]));
        assert_eq!((records[0].src, records[0].numbers[Column::Octets]), (None, 1518));
    }
}

#[test]
fn routes_are_told_by_records_of_their_own() {
    let router = block(1002, &words(&[1, 0x0a00_00fe, 24, 16]));
    let gateway = block(1003, &words(&[1, 0x0a00_00fd, 100, 0, 200, 1, 2, 2, 300, 400, 0, 0]));
    let ip = block(3, &words(&[1500, 6, 0x0a00_0001, 0x0a00_0002, 80, 81, 2, 0]));
    let (_, records, kept) = read_all(&datagram(&[sample(&[ip, router, gateway])]));
    let record = records[0];
    assert_eq!(
        (
            record.numbers[Column::Octets],
            record.numbers[Column::SrcPort],
            record.numbers[Column::TcpFlags]
        ),
        (1500, 80, 2)
    );
    assert_eq!(record.next_hop, Some([10, 0, 0, 254].into()));
    assert_eq!((record.numbers[Column::SrcMask], record.numbers[Column::DstMask]), (24, 16));
    assert_eq!((record.numbers[Column::SrcAs], record.numbers[Column::DstAs]), (100, 400));
    assert_eq!(kept, [(18, vec![10, 0, 0, 253]), (129, vec![200]), (128, vec![1, 44])]);
}

/// A text behind its length, filled up to words.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = [&words(&[text.len() as u32])[..], text.as_bytes()].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn what_is_said_beside_the_header_is_kept_under_names_of_iana() {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let v6 = [words(&[2]), vec![0x20; 16]].concat();
    let wlan = [text("guest"), vec![0; 12]].concat();
    for (format, content, expected) in [
        (
            1004,
            [words(&[106]), text("alice"), words(&[106]), text("")].concat(),
            vec![(371, bytes("alice"))],
        ),
        (
            1004,
            [words(&[106]), text(""), words(&[106]), text("bob")].concat(),
            vec![(371, bytes("bob"))],
        ),
        (
            1005,
            [words(&[1]), text("GET /a HTTP/1.1"), text("h.example")].concat(),
            vec![
                (459, bytes("GET")),
                (461, bytes("/a")),
                (462, bytes("HTTP/1.1")),
                (460, bytes("h.example")),
            ],
        ),
        (1005, [words(&[2]), text("/a%20b"), text("")].concat(), vec![(461, bytes("/a%20b"))]),
        (
            1006,
            words(&[1, 0xc633_6401, 2, 0x0001_4009, 0x0002_4109, 1, 0x0003_4109]),
            vec![(47, vec![198, 51, 100, 1]), (70, vec![0, 1, 0x40]), (71, vec![0, 2, 0x41])],
        ),
        (1006, [v6.clone(), words(&[0, 0])].concat(), vec![(140, vec![0x20; 16])]),
        (
            1007,
            words(&[1, 0xcb00_7107, 1, 0xc633_6409]),
            vec![(225, vec![203, 0, 113, 7]), (226, vec![198, 51, 100, 9])],
        ),
        (1007, [v6.clone(), v6].concat(), vec![(281, vec![0x20; 16]), (282, vec![0x20; 16])]),
        (1007, words(&[0, 1, 0xc633_6409]), vec![(226, vec![198, 51, 100, 9])]),
        (1009, [text("vc"), words(&[77, 0])].concat(), vec![(249, vec![77])]),
        (1012, words(&[2, 0x88a8_0007, 0x8100_2008]), vec![(243, vec![7]), (245, vec![8])]),
        (
            1014,
            [&wlan[..], &words(&[11]), &[0; 20]].concat(),
            vec![(147, bytes("guest")), (146, vec![11])],
        ),
        (
            1015,
            [&wlan[..], &[1; 12], &words(&[6]), &[0; 12]].concat(),
            vec![(147, bytes("guest")), (146, vec![6])],
        ),
        (1020, words(&[6000, 53]), vec![(227, vec![0x17, 0x70]), (228, vec![53])]),
        (1029, words(&[0x0001_2300]), vec![(351, vec![1, 0x23, 0])]),
        (1030, words(&[5]), vec![(351, vec![5])]),
        (1021, vec![0; 24], vec![]),
    ] {
        let (_, _, kept) = read_all(&datagram(&[sample(&[block(format, &content)])]));
        assert_eq!(kept, expected, "{format}");
        // What is not all there, or says that it is longer than it is, says nothing.
        for cut in 0..content.len() {
            let (_, records, kept) =
                read_all(&datagram(&[sample(&[block(format, &content[..cut])])]));
            assert_eq!((records.len(), kept), (1, vec![]), "{format} {cut}");
        }
    }
    let endless = block(1012, &words(&[u32::MAX, 1]));
    assert_eq!(read_all(&datagram(&[sample(&[endless])])).2, vec![]);
}

#[test]
fn expanded_samples_are_read_and_counters_are_passed_over() {
    let ip = block(3, &words(&[1500, 6, 0x0a00_0001, 0x0a00_0002, 80, 81, 2, 0]));
    let head = words(&[1, 0, 9, 512, 1000, 0, 0, 70_000, 0, 0x3fff_ffff, 1]);
    let expanded = block(3, &[head, ip].concat());
    let others = [block(2, &[0; 40]), block(4, &[0; 44]), block(5, &[0; 8])];
    let samples = [&others[..], &[expanded]].concat();
    let (header, records, _) = read_all(&datagram(&samples));
    assert_eq!((records.len(), header.fault), (1, None));
    assert_eq!(
        (records[0].numbers[Column::Input], records[0].numbers[Column::Output]),
        (70_000, 0)
    );
}

#[test]
fn a_sample_too_short_for_what_it_says_is_one_of_a_wrong_length() {
    let short = block(1, &words(&[1, 9, 512]));
    let (header, records, _) = read_all(&datagram(&[short]));
    assert_eq!((records.len(), header.missing), (0, 1));
    assert_eq!(header.fault.map(Fault::label), Some("length"));
}

#[test]
fn a_datagram_that_is_cut_gives_its_whole_samples() {
    let frame = [&ETHERNET[..], &[8, 0], &IPV4_TCP].concat();
    let payload = datagram(&[sample(&[header(&frame)]), sample(&[header(&frame)])]);
    for cut in 1..payload.len() {
        let (mut records, mut bytes) = (Vec::new(), Vec::new());
        match read(&payload[..cut], RECEIVED, &mut records, &mut bytes) {
            Ok(header) => {
                assert_eq!(header.fault.map(Fault::label), Some("cut"), "{cut}");
                assert!(records.len() <= 2, "{cut}");
            }
            Err(error) => assert!(cut < 28 && records.is_empty(), "{cut}: {error}"),
        }
    }
}
