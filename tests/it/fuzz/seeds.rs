//! Inputs to begin with: one of every format, container and kind of fragment.

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;

use earlgrey_hbase::answer::{AddressForm, ElementsForm, FileShape, Layout, ParquetWriter};
use earlgrey_hbase::capture::{Datagram, Input, find};
use earlgrey_hbase::flow::Naming;
use earlgrey_hbase::generate::{Format, Traffic, write};

use super::targets::{piece_of_decoder, piece_of_fragments};
use crate::capture::{Sent, containers, datagrams, fragments};
use crate::needs::captures;
use crate::reference::each_datagram;

/// Bytes of datagrams that one input is made of.
const MAX_BYTES: usize = 1 << 14;
/// Files of captures that are longer are no seeds of `capture`.
const MAX_FILE_BYTES: u64 = 1 << 16;

/// The seeds of a target that the project makes itself.
pub(super) fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "capture" => [Format::V5, Format::V9, Format::Ipfix]
            .map(generated)
            .into_iter()
            .chain(containers())
            .collect(),
        "fragments" => own_fragments(),
        "filter" => own_filters(),
        "import" => own_imports(),
        _ => own_exports(),
    }
}

/// What the captures from elsewhere add to them.
pub(super) fn of_captures(target: &str) -> Vec<Vec<u8>> {
    if matches!(target, "filter" | "import") {
        return Vec::new();
    }
    let Some(folder) = captures() else { return Vec::new() };
    let mut seeds = Vec::new();
    for input in find(&[folder]).unwrap() {
        let Input::File(path) = input else { continue };
        // An acceptance set that stays closed.
        if path.ends_with("sealed.bin") {
            continue;
        }
        if target == "capture" {
            if path.metadata().unwrap().len() <= MAX_FILE_BYTES {
                seeds.push(std::fs::read(path).unwrap());
            }
            continue;
        }
        let mut seed = Vec::new();
        each_datagram(&path, |datagram| {
            let more = if target == "decoder" {
                piece_of_decoder(sender(datagram.exporter), 0, datagram.payload)
            } else {
                in_pieces(datagram)
            };
            if seed.len() + more.len() <= MAX_BYTES {
                seed.extend(more);
            }
        });
        if !seed.is_empty() {
            seeds.push(seed);
        }
    }
    seeds
}

/// Filters with every kind of term, and lists.
fn own_filters() -> Vec<Vec<u8>> {
    let filters = [
        "src ip 10.1.2.3 and (dst port 443 or port in [80 443 1000-2000, 5..]) && not tcp",
        "net 10/8 or src net 10.1.0.0 255.255.0.0 || dst in [::1 2001:db8::/32 10.0.0.1-10.0.0.9]",
        "proto in [tcp udp 47] and flags SA or flags = 0x12 # remark\nand !icmp-type 8",
        "first seen >= 2023-11-14T22:20 and last seen < -2h or first seen in [2023..2024-01 2025..]",
        "src or dst port > 1k and src and dst as != 64500 and duration < 5min and bpp 100-200",
        "element vlanId = 5 or element 9/12235 in [1 2] or element reverseOctetDeltaCount has 3",
        "in src mac 00:00:5e:00:53:01 or vlan 7 or mpls label1 > 3 or nat ip 192.0.2.1 or ttl 3",
        "ip in @hosts.txt and port in @\"por\\\"ts\" or @include f or @'g h'",
        "10.0.0.1\n10.0.0.0/8 # x\n2001:db8::/32,1\n\"1.2.3.4\",5\n10.0.0.1-10.0.0.9",
        "router ip 192.0.2.1 and next ip 10.0.0.1 and engine-type 0 and observation domain id 7",
    ];
    filters.iter().map(|filter| filter.as_bytes().to_vec()).collect()
}

fn sender(exporter: IpAddr) -> u8 {
    match exporter {
        IpAddr::V4(address) => address.octets()[3] & 3,
        IpAddr::V6(address) => address.octets()[15] & 3 | 4,
    }
}

/// A small capture of the generator's, with damage of every kind.
fn generated(format: Format) -> Vec<u8> {
    let damage = if format == Format::V5 { 0.2 } else { 0.0 };
    let traffic =
        Traffic { flows: 120, hours: 0.1, damage, duplicates: 0.1, format, ..Traffic::default() };
    let mut file = Vec::new();
    write(&traffic, &mut file).unwrap();
    file
}

/// Sequences of exports in every format.
fn own_exports() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for format in [Format::V5, Format::V9, Format::Ipfix] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&generated(format)).unwrap();
        let mut seed = Vec::new();
        each_datagram(file.path(), |datagram| {
            let not_captured = datagram.declared_bytes - datagram.payload.len();
            let not_captured = u8::try_from(not_captured).unwrap_or(u8::MAX);
            seed.extend(piece_of_decoder(
                sender(datagram.exporter),
                not_captured,
                datagram.payload,
            ));
        });
        seed.truncate(MAX_BYTES);
        seeds.push(seed);
    }
    let one = |payloads: &[Vec<u8>]| -> Vec<u8> {
        payloads.iter().flat_map(|payload| piece_of_decoder(1, 0, payload)).collect()
    };
    seeds.push(one(&[
        fixed(1, 16, 48),
        fixed(7, 24, 52),
        [fixed(5, 24, 48), fixed(5, 24, 48)].concat(),
    ]));
    seeds.push(one(&v9_exports()));
    // Data first: it waits.
    seeds.push(one(&v9_exports().into_iter().rev().collect::<Vec<_>>()));
    seeds.push(one(&ipfix_exports()));
    seeds.push(one(&ipfix_exports().into_iter().rev().collect::<Vec<_>>()));
    seeds.push(one(&sflow_exports()));
    seeds
}

fn shorts(shorts: &[u16]) -> Vec<u8> {
    shorts.iter().flat_map(|short| short.to_be_bytes()).collect()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Two records of a format with a fixed layout; the fields count up.
fn fixed(version: u16, header_bytes: usize, record_bytes: usize) -> Vec<u8> {
    let mut payload = [shorts(&[version, 2]), words(&[60_000, 1_186_040_527])].concat();
    payload.resize(header_bytes, 0);
    payload.extend((0..2 * record_bytes).map(|at| at as u8));
    payload
}

fn set(id: u16, content: &[u8]) -> Vec<u8> {
    [&shorts(&[id, content.len() as u16 + 4])[..], content].concat()
}

const SECS: u32 = 1_186_040_527;

/// Templates, options of samplers, interfaces and names, and data; one packet each.
fn v9_exports() -> Vec<Vec<u8>> {
    let packet = |sequence, set: Vec<u8>| {
        [shorts(&[9, 1]), words(&[60_000, SECS, sequence, 1]), set].concat()
    };
    #[rustfmt::skip]
    let template = shorts(&[
        256, 12, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 21, 4, 22, 4, 48, 1, 10, 2, 89, 1,
    ]);
    let sampler = shorts(&[257, 4, 8, 1, 4, 48, 1, 34, 4]);
    let interface = shorts(&[258, 4, 8, 2, 4, 10, 2, 82, 8]);
    let flow: Vec<u8> = (1..=33).collect();
    let six = shorts(&[259, 5, 27, 16, 28, 16, 1, 8, 152, 8, 104, 300]);
    vec![
        packet(0, set(0, &template)),
        packet(1, set(1, &sampler)),
        packet(2, set(1, &interface)),
        packet(
            3,
            [set(257, &[0, 0, 0, 1, 26, 0, 0, 1, 0]), set(258, b"\0\0\0\x01\0\x16eth0\0\0\0\0")]
                .concat(),
        ),
        packet(4, [set(256, &[&flow[..], &flow].concat()), vec![0; 6]].concat()),
        packet(5, [set(0, &six), set(259, &[7; 348])].concat()),
    ]
}

/// The same for IPFIX, with variable lengths, lists, enterprise elements and withdrawal.
fn ipfix_exports() -> Vec<Vec<u8>> {
    let message = |sequence, sets: Vec<u8>| {
        let length = 16 + sets.len() as u16;
        [shorts(&[10, length]), words(&[SECS, sequence, 7]), sets].concat()
    };
    let fields =
        [8, 4, 12, 4, 150, 4, 151, 4, 1, 8, 0x8000 | 1, 4, 0, 29_305, 96, 65_535, 291, 65_535];
    let template = [shorts(&[300, 9]), shorts(&fields)].concat();
    let flow = [&[9; 28][..], b"\x04http", b"\xff\0\x09\x03\0\x08\0\x02\0\x01\0\x02"].concat();
    let frame = shorts(&[301, 3, 315, 65_535, 312, 2, 305, 4]);
    let (ethernet, packet) = ([[2; 12].as_slice(), &[8, 0]].concat(), frame_of_tcp());
    let framed = [&[54][..], &ethernet, &packet, &[0, 54], &[0, 0, 0, 100]].concat();
    let options = shorts(&[302, 3, 1, 149, 4, 160, 8, 305, 4]);
    let said = [words(&[7, 0, 60_000, 100])].concat();
    vec![
        message(0, set(2, &template)),
        message(
            0,
            [set(300, &[&flow[..], &flow].concat()), set(3, &options), set(302, &said)].concat(),
        ),
        message(3, [set(2, &frame), set(301, &framed)].concat()),
        [message(4, set(2, &shorts(&[300, 0]))), message(4, set(3, &shorts(&[3, 0])))].concat(),
        message(4, [set(300, &flow), set(2, &template)].concat()),
    ]
}

fn frame_of_tcp() -> Vec<u8> {
    let mut packet = vec![0x45, 0, 5, 220, 0, 0, 0, 0, 63, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet.extend([0, 80, 195, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x12, 0, 0, 0, 0, 0, 0]);
    packet
}

/// A flow sample and an expanded one, with every record that is read, from agents of both families.
fn sflow_exports() -> Vec<Vec<u8>> {
    let block =
        |format, content: &[u8]| [&words(&[format, content.len() as u32])[..], content].concat();
    let frame = [&[2; 12][..], &[0x81, 0, 0, 7, 8, 0], &frame_of_tcp()].concat();
    let labelled = [&[2; 12][..], &[0x88, 0x47, 0, 1, 0x41, 9], &frame_of_tcp()].concat();
    let header =
        |frame: &[u8]| block(1, &[&words(&[1, 1518, 4, frame.len() as u32])[..], frame].concat());
    let records = [
        header(&frame),
        header(&labelled),
        block(2, &words(&[64, 1, 2, 3, 4, 5])),
        block(3, &words(&[64, 6, 0x0a00_0001, 0x0a00_0002, 80, 443, 2, 0])),
        block(4, &words(&[64, 6, 1, 2, 3, 4, 5, 6, 7, 8, 80, 443, 2, 0])),
        block(1001, &words(&[7, 0, 8, 0])),
        block(1002, &words(&[1, 0x0a00_0003, 24, 16])),
        block(1003, &words(&[1, 0x0a00_0003, 1, 2, 3, 1, 2, 2, 4, 5, 0, 100])),
    ];
    let count = records.len() as u32;
    let sample = [words(&[1, 9, 512, 1000, 0, 4, 5, count]), records.concat()].concat();
    let expanded = [words(&[1, 0, 9, 512, 1000, 0, 0, 4, 0, 5, count]), records.concat()].concat();
    let samples = [block(1, &sample), block(2, &[0; 40]), block(3, &expanded)].concat();
    vec![
        [words(&[5, 1, 0x0a00_0009, 3, 77, 5000, 3]), samples.clone()].concat(),
        [words(&[5, 2, 1, 2, 3, 4, 3, 78, 6000, 3]), samples].concat(),
    ]
}

/// The fragments of a datagram, as pieces.
fn in_pieces(datagram: &Datagram<'_>) -> Vec<u8> {
    let Datagram { exporter, src_port, payload, .. } = *datagram;
    let sent = Sent { exporter, src_port, received_ms: 0, payload: payload.to_vec() };
    let packets = fragments(&sent, src_port, 8 * (1 + payload.len() % 64));
    packets.iter().flat_map(|packet| piece_of_fragments(1, packet)).collect()
}

/// Datagrams in fragments: in order, backwards, twice, overlapping, late, without an end.
fn own_fragments() -> Vec<Vec<u8>> {
    let sent = datagrams(8);
    let cut = |bytes| -> Vec<Vec<u8>> {
        sent.iter().zip(1..).flat_map(|(sent, id)| fragments(sent, id, bytes)).collect()
    };
    let (all, other) = (cut(128), cut(72));
    let pieces = |packets: &[Vec<u8>], later| -> Vec<u8> {
        packets.iter().flat_map(|packet| piece_of_fragments(later, packet)).collect()
    };
    let backwards: Vec<Vec<u8>> = all.iter().rev().cloned().collect();
    let twice: Vec<Vec<u8>> =
        all.iter().flat_map(|packet| [packet.clone(), packet.clone()]).collect();
    let mixed: Vec<Vec<u8>> =
        all.iter().zip(&other).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    let no_end: Vec<Vec<u8>> = all.iter().step_by(2).cloned().collect();
    vec![
        pieces(&all, 0),
        pieces(&backwards, 0),
        pieces(&twice, 1),
        pieces(&mixed, 0),
        pieces(&no_end, 0),
        pieces(&all, 200),
    ]
}

/// A file of each tool: texts, and nfdump's two layouts with a record each, plain and compressed.
fn own_imports() -> Vec<Vec<u8>> {
    let texts = [crate::import::SILK, crate::import::ZEEK, crate::import::ARGUS];
    let mut seeds: Vec<_> = texts.map(|text| text.as_bytes().to_vec()).into();
    let extension = |number: u16, data: &[u8]| {
        let length = 4 + data.len() as u16;
        [&number.to_le_bytes()[..], &length.to_le_bytes(), data].concat()
    };
    // Every number of an extension, longer than any is.
    let extensions: Vec<u8> =
        (1..=43).flat_map(|number| extension(number, &[number as u8; 72])).collect();
    let length = 12 + extensions.len() as u16;
    let head = [&[11, 0][..], &length.to_le_bytes(), &[43, 0, 1, 2, 1, 0, 0, 9]].concat();
    let exporter = [&[7, 0, 32, 0, 9, 0, 0, 0][..], &[0; 8], &[1, 0, 0, 10, 0, 0, 0, 0]].concat();
    let exporter = [&exporter[..], &[2, 0, 1, 0, 7, 0, 0, 0]].concat();
    // Names of two interfaces, of a VRF and of an application.
    let interfaces =
        b"\x0d\0\x24\0\x02\0\x0c\0\x08\0\0\0\x03\0\0\0eth3\0\0\0\0\x04\0\0\0eth4\0\0\0\0";
    let vrfs = b"\x0e\0\x18\0\x01\0\x0c\0\x08\0\0\0\x07\0\0\0blue\0\0\0\0";
    let applications =
        b"\x0c\0\x22\0\x01\0\x14\0\x04\0\x08\0\x08\0\x03\0\0\x50http\0\0\0\0the web\0";
    let names = [&interfaces[..], vrfs, applications].concat();
    let block = [exporter, names, head, extensions].concat();
    seeds.push(in_layout_2(0, &block));
    seeds.push(in_layout_2(3, &lz4_flex::block::compress(&block)));
    seeds.push(in_layout_2(4, &zstd::bulk::compress(&block, 1).unwrap()));
    let mut batch = earlgrey_hbase::FlowBatch::new(earlgrey_hbase::Family::V4);
    let (src, dst) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    let flow = earlgrey_hbase::FlowRecord::between(src, dst);
    batch.push(&flow, 0, earlgrey_hbase::flow::Origin(1));
    let vlan = [&[0, 58, 0, 2][..], &[0, 5]].concat();
    batch.extras.set(0, &vlan);
    let others = Layout {
        naming: Naming::Zeek,
        addresses: AddressForm::Number,
        elements: ElementsForm::Map,
        interfaces: Some(Arc::default()),
        meaning: None,
        community_id: true,
        sorted: true,
    };
    for layout in [Layout::default(), others] {
        let mut table = Vec::new();
        let shape = Arc::new(FileShape::new(layout, 1000).unwrap());
        let mut writer = ParquetWriter::of(shape, &mut table).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        seeds.push(table);
    }
    seeds
}

/// A file of nfdump with two blocks of these bytes, of five records each.
fn in_layout_2(compression: u8, block: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 40];
    file[..4].copy_from_slice(&[0x0c, 0xa5, 2, 0]);
    (file[16], file[36]) = (compression, 2);
    for _ in 0..2 {
        file.extend_from_slice(&[5, 0, 0, 0]);
        file.extend_from_slice(&(block.len() as u32).to_le_bytes());
        file.extend_from_slice(&[3, 0, 0, 0]);
        file.extend_from_slice(block);
    }
    file
}
