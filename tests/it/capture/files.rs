//! Every container, compression and link layer gives back what was sent.

use std::fs;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicU64;

use earlgrey_hbase::capture::{Datagram, Input, Sink, Skip, find, read};

use super::encode::{self, Compression, Frame, Link, Pcap, Pcapng, Sent, datagrams, frames, tar};
use super::{expected, read_bytes, read_file};

const SECOND_MS: u64 = 1000;

#[test]
fn every_link_layer_in_every_pcap_gives_what_was_sent() {
    let all = datagrams(40);
    let v4: Vec<Sent> = all.iter().filter(|sent| sent.exporter.is_ipv4()).cloned().collect();
    for link in Link::ALL {
        // Link type 228 holds IPv4 only.
        let sent = if link.number() == 228 { &v4 } else { &all };
        for (big_endian, nanoseconds, modified) in [
            (false, false, false),
            (false, true, false),
            (true, false, false),
            (true, true, false),
            (false, false, true),
        ] {
            let pcap = Pcap { big_endian, nanoseconds, modified };
            let file = pcap.file(link.number(), &frames(sent, link));
            let (got, report) = read_bytes(&file);
            assert_eq!(got.datagrams, expected(sent), "{link:?} {pcap:?}");
            assert_eq!(report.faults, [], "{link:?} {pcap:?}");
            assert_eq!(report.skipped.total(), 0, "{link:?} {pcap:?}");
            assert_eq!(got.files, ["input"]);
        }
    }
}

#[test]
fn pcapng_sections_may_differ_in_byte_order_interfaces_link_types_and_clocks() {
    let sent = datagrams(60);
    let mut file = Vec::new();
    for (big_endian, sent) in [(false, &sent[..30]), (true, &sent[30..])] {
        let ng = Pcapng { big_endian };
        let offset = |seconds: i64| {
            if big_endian { seconds.to_be_bytes() } else { seconds.to_le_bytes() }
        };
        file.extend(ng.section());
        file.extend(ng.interface(1, &[(2, b"eth0")]));
        file.extend(ng.interface(113, &[(9, &[9])]));
        file.extend(ng.interface(101, &[(9, &[0x80 | 0x14]), (14, &offset(1_000_000))]));
        file.extend(ng.interface(276, &[(9, &[3])]));
        // A name resolution block, and one that nobody knows.
        file.extend(ng.block(4, &[0; 8]));
        file.extend(ng.block(0x0bad_cafe, &vec![7; 3_000_001]));
        for (index, sent) in sent.iter().enumerate() {
            let ms = sent.received_ms;
            let links = [Link::QinQ, Link::Sll, Link::Raw(101), Link::Sll2];
            let interface = index % 4;
            let frame = Frame::new(ms, links[interface].frame(&encode::packet(sent)));
            let ticks = match interface {
                0 => ms * 1000 + 500,
                1 => ms * 1_000_000 + 500,
                // Rounded up, so that it is rounded down to the millisecond again.
                2 => ((ms - 1_000_000 * SECOND_MS) << 20).div_ceil(1000),
                _ => ms,
            };
            file.extend(if index % 7 == 0 {
                ng.obsolete(interface as u16, ticks, &frame)
            } else {
                ng.enhanced(interface as u32, ticks, &frame)
            });
        }
    }
    let (got, report) = read_bytes(&file);
    assert_eq!(got.datagrams, expected(&sent));
    assert_eq!(report.faults, []);
    assert_eq!((report.packets, report.captures), (60, 1));
}

#[test]
fn simple_packets_have_no_time_and_packets_of_no_interface_are_counted() {
    let sent = datagrams(4);
    let ng = Pcapng { big_endian: false };
    let frames = frames(&sent, Link::Ethernet);
    let mut file = [ng.section(), ng.simple(&frames[0]), ng.interface(1, &[])].concat();
    file.extend(ng.simple(&frames[1]));
    file.extend(ng.enhanced(1, 0, &frames[2]));
    file.extend(ng.enhanced(0, 3000, &frames[3]));
    let (got, report) = read_bytes(&file);
    let times: Vec<u64> = got.datagrams.iter().map(|got| got.received_ms).collect();
    assert_eq!(times, [0, 3]);
    assert_eq!(got.datagrams[0].payload, sent[1].payload);
    assert_eq!((report.packets, report.skipped.get(Skip::Malformed)), (4, 2));
}

#[test]
fn every_compression_is_read_whole_also_in_several_members() {
    let sent = datagrams(300);
    let file = Pcap::PLAIN.file(1, &frames(&sent, Link::Ethernet));
    for compression in Compression::ALL {
        for packed in [compression.compress(&file), compression.compress_in_two(&file)] {
            let (got, report) = read_bytes(&packed);
            assert_eq!(got.datagrams, expected(&sent), "{compression:?}");
            assert_eq!(report.faults, [], "{compression:?}");
        }
    }
}

#[test]
fn archives_may_be_compressed_and_hold_compressed_captures_and_archives() {
    let sent = datagrams(250);
    let part =
        |range: std::ops::Range<usize>| Pcap::PLAIN.file(1, &frames(&sent[range], Link::Ethernet));
    let inner = tar(&[("in/side.pcap", &part(200..250))]);
    let long_name = format!("{}/nf001.pcap", ["directory"; 30].join("/"));
    for compression in Compression::ALL {
        let archive = tar(&[
            ("nf000.pcap", &part(0..100)),
            ("README", b"about these captures"),
            (&long_name, &compression.compress(&part(100..200))),
            ("empty", b""),
            ("inner", &compression.compress(&inner)),
        ]);
        for file in [compression.compress(&archive), archive] {
            let (got, report) = read_bytes(&file);
            assert_eq!(got.datagrams, expected(&sent), "{compression:?}");
            assert_eq!(report.faults, [], "{compression:?}");
            assert_eq!(
                got.files,
                ["input/nf000.pcap", &format!("input/{long_name}"), "input/inner/in/side.pcap"]
            );
            assert_eq!(report.other_files, 2);
        }
    }
}

#[test]
fn a_directory_gives_its_captures_in_name_order_and_names_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let sent = datagrams(90);
    let part =
        |range: std::ops::Range<usize>| Pcap::PLAIN.file(1, &frames(&sent[range], Link::Ethernet));
    fs::create_dir(folder.path().join("more")).unwrap();
    let archive = Compression::Bzip2.compress(&tar(&[("nf000.pcap", &part(30..60))]));
    for (name, contents) in [
        ("a.txt", part(0..30)),
        ("more/netflow000.tar.bz2", archive),
        ("more/notes.pcap", b"no capture at all".to_vec()),
        ("z", Compression::Xz.compress(&part(60..90))),
    ] {
        fs::write(folder.path().join(name), contents).unwrap();
    }
    let mut datagrams = Vec::new();
    let mut others = Vec::new();
    for input in find(&[folder.path().to_owned()]).unwrap() {
        let Input::File(path) = input else { panic!("{input}") };
        let (got, report) = read_file(&path);
        datagrams.extend(got.datagrams);
        others.extend(report.other_names);
        assert_eq!(report.faults, []);
    }
    assert_eq!(datagrams, expected(&sent));
    assert_eq!(others, [folder.path().join("more/notes.pcap").display().to_string()]);
}

#[test]
fn fragments_are_put_together_in_any_order() {
    let sent = datagrams(60);
    let mut orders: Vec<Vec<Frame>> = vec![Vec::new(), Vec::new(), Vec::new()];
    for (index, sent) in sent.iter().enumerate() {
        let fragments = encode::fragments(sent, index as u16, 256);
        let frame = |packet: &Vec<u8>| Frame::new(sent.received_ms, Link::Ethernet.frame(packet));
        orders[0].extend(fragments.iter().map(frame));
        orders[1].extend(fragments.iter().rev().map(frame));
        // Each first fragment last, and the others twice.
        orders[2].extend(fragments.iter().skip(1).chain(fragments.iter().skip(1)).map(frame));
        orders[2].extend(fragments.iter().take(1).map(frame));
    }
    for (name, frames) in ["in order", "reversed", "first last"].iter().zip(&orders) {
        let (got, report) = read_bytes(&Pcap::PLAIN.file(1, frames));
        assert_eq!(got.datagrams, expected(&sent), "{name}");
        assert_eq!(report.skipped.get(Skip::Joined), frames.len() as u64 - 60, "{name}");
    }
    // The last datagram of several fragments loses its last one.
    orders[0].pop();
    let (got, report) = read_bytes(&Pcap::PLAIN.file(1, &orders[0]));
    assert_eq!(got.datagrams, expected(&sent[..59]));
    let lost = encode::fragments(&sent[59], 0, 256).len() as u64 - 1;
    assert!(lost > 0);
    assert_eq!(report.skipped.get(Skip::Incomplete), lost);
}

#[test]
fn what_is_no_udp_datagram_is_counted_by_reason() {
    let sent = &datagrams(1)[0];
    let udp = &encode::packet(sent)[20..];
    let quote = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &encode::packet(sent)].concat();
    let v4 = |protocol, payload: &[u8]| encode::v4([10, 0, 0, 9], 7, 0, protocol, payload);
    let ethernet = |packet: &[u8]| Link::Ethernet.frame(packet);
    let arp = [&[2; 12][..], &[8, 6], &[0; 28]].concat();
    let quote6 = encode::v6([0xfe; 16], 58, &[&[1, 4, 0, 0, 0, 0, 0, 0][..], udp].concat());
    let cases = [
        (Skip::Icmp, ethernet(&v4(1, &quote))),
        (Skip::Icmp, ethernet(&quote6)),
        (Skip::Tcp, ethernet(&v4(6, &[0; 20]))),
        (Skip::OtherProtocol, ethernet(&v4(47, &[0; 20]))),
        (Skip::NotIp, arp),
        (Skip::Cut, ethernet(&v4(17, udp))[..30].to_vec()),
        (Skip::Malformed, ethernet(&v4(17, &[0; 8]))),
        (Skip::Incomplete, ethernet(&encode::v4([10, 0, 0, 9], 7, 0x2000, 17, &[0; 8]))),
    ];
    let frames: Vec<Frame> = cases.iter().map(|(_, bytes)| Frame::new(0, bytes.clone())).collect();
    let (got, report) = read_bytes(&Pcap::PLAIN.file(1, &frames));
    assert_eq!(got.datagrams, []);
    for (reason, _) in &cases {
        let expected = cases.iter().filter(|(other, _)| other == reason).count();
        assert_eq!(report.skipped.get(*reason), expected as u64, "{reason}");
    }
    let (_, report) = read_bytes(&Pcap::PLAIN.file(105, &frames));
    assert_eq!(report.skipped.get(Skip::LinkType), cases.len() as u64);
}

#[test]
fn a_short_snap_length_gives_cut_payloads_with_their_true_lengths() {
    let sent = datagrams(20);
    let mut frames = frames(&sent, Link::Ethernet);
    for frame in &mut frames {
        frame.bytes.truncate(128);
    }
    let ng = Pcapng { big_endian: true };
    let mut pcapng = [ng.section(), ng.interface(1, &[])].concat();
    for frame in &frames {
        pcapng.extend(ng.enhanced(0, frame.ms * 1000, frame));
    }
    for file in [Pcap::PLAIN.file(1, &frames), pcapng] {
        let (got, report) = read_bytes(&file);
        assert_eq!(report.datagrams, 20);
        for (got, sent) in got.datagrams.iter().zip(&sent) {
            let kept = 128 - 14 - if sent.exporter.is_ipv4() { 28 } else { 48 };
            assert_eq!(got.payload, sent.payload[..kept.min(sent.payload.len())]);
            assert_eq!(got.declared_bytes, sent.payload.len());
        }
    }
}

#[test]
fn a_sink_that_has_enough_ends_the_reading() {
    let sent = datagrams(100);
    let file = Pcap::PLAIN.file(1, &frames(&sent, Link::Ethernet));
    let archive = tar(&[("a", &file), ("b", &file)]);
    let folder = tempfile::tempdir().unwrap();
    for bytes in [file.clone(), Compression::Gzip.compress(&file), archive] {
        let path = folder.path().join("input");
        fs::write(&path, bytes).unwrap();
        let mut left = 30;
        let mut sink = |_: &Datagram<'_>| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let report = read(&Input::File(path), &AtomicU64::new(0), &mut sink).unwrap();
        assert!(report.stopped);
        assert_eq!(report.datagrams, 30);
        assert_eq!(report.faults, []);
    }
}

#[test]
fn a_sink_that_gets_nothing_can_end_the_reading_too() {
    struct Impatient;
    impl Sink for Impatient {
        fn poll(&mut self) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
        fn datagram(&mut self, _: &Datagram<'_>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }
    let frames: Vec<Frame> = (0..20_000).map(|ms| Frame::new(ms, vec![2; 60])).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, Pcap::PLAIN.file(1, &frames)).unwrap();
    let report = read(&Input::File(path), &AtomicU64::new(0), &mut Impatient).unwrap();
    assert!(report.stopped);
    assert_eq!((report.packets, report.skipped.get(Skip::NotIp)), (4096, 4096));
}

/// Not a test: what the next one runs with a capture on its standard input.
#[test]
#[ignore = "reads standard input"]
fn child_that_reads_standard_input() {
    let mut datagrams = 0;
    let mut sink = |_: &Datagram<'_>| {
        datagrams += 1;
        ControlFlow::Continue(())
    };
    read(&Input::Stdin, &AtomicU64::new(0), &mut sink).unwrap();
    assert_eq!(datagrams, 200);
}

#[test]
fn standard_input_is_read_to_its_end() {
    let sent = datagrams(200);
    let file = Pcap::PLAIN.file(1, &frames(&sent, Link::Ethernet));
    let archive = tar(&[("a.xz", &Compression::Xz.compress(&file))]);
    for bytes in [file.clone(), Compression::Zstd.compress(&archive)] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("input"), bytes).unwrap();
        let input = fs::File::open(folder.path().join("input")).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "capture::files::child_that_reads_standard_input"])
            .stdin(Stdio::from(input))
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    }
}
