//! Real captures, against other tools' decodings of them.

use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU64;

use earlgrey_hbase::capture::{self, Datagram, Input};
use earlgrey_hbase::flow::{DatagramId, Family, FlowBatch, FlowRecord};
use earlgrey_hbase::netflow::{self, v5};
use earlgrey_hbase::normalise::{Batches, FlowBuilder};

use super::interop::collect;
use super::needs::{captures, nfdump};

/// One file of the manifest that has NetFlow v5 in it.
struct Case {
    path: String,
    packets: u64,
    records: u64,
    reference: PathBuf,
}

/// The files whose v5 records another tool decoded.
fn cases(folder: &Path) -> Vec<Case> {
    let manifest = fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut lines = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let place = |name: &str| names.iter().position(|known| *known == name).unwrap();
    let (path, versions) = (place("path"), place("versions"));
    let (records, reference) = (place("flow_records"), place("reference"));
    let v5 = |cell: &str| -> Option<u64> {
        cell.split(';').find_map(|part| part.strip_prefix("v5=")).map(|n| n.parse().unwrap())
    };
    lines
        .filter_map(|row| {
            let reference = row[reference]
                .split(';')
                .find(|file| file.trim_end_matches(".gz").ends_with(".v5.tsv"))?;
            Some(Case {
                path: row[path].to_owned(),
                packets: v5(row[versions]).unwrap(),
                records: v5(row[records]).unwrap(),
                reference: folder.join(reference),
            })
        })
        .collect()
}

fn text_of(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

/// Reads a capture's datagrams to the end.
pub(crate) fn each_datagram(path: &Path, mut take: impl FnMut(&Datagram<'_>)) {
    let mut sink = |datagram: &Datagram<'_>| {
        take(datagram);
        ControlFlow::Continue(())
    };
    capture::read(&Input::File(path.to_owned()), &AtomicU64::new(0), &mut sink).unwrap();
}

/// A record and its header as a row of the reference has them, but for the number of the frame and
/// the UDP port that it went to, which a datagram does not tell.
fn row(datagram: &Datagram<'_>, header: &v5::Header, record: &v5::Record) -> String {
    let sampling = header.sampling();
    [
        datagram.received.0.to_string(),
        datagram.exporter.to_string(),
        datagram.src_port.to_string(),
        v5::VERSION.to_string(),
        header.count.to_string(),
        header.uptime_ms.to_string(),
        header.unix_secs.to_string(),
        header.unix_nsecs.to_string(),
        header.flow_sequence.to_string(),
        header.engine_type.to_string(),
        header.engine_id.to_string(),
        sampling.mode.to_string(),
        sampling.interval.to_string(),
    ]
    .into_iter()
    .chain(common_cells(record))
    .chain(route_cells(record))
    .collect::<Vec<_>>()
    .join("\t")
}

/// What a record of every version has, as the references write it.
pub(crate) fn common_cells(record: &v5::Record) -> [String; 14] {
    [
        record.src_addr.to_string(),
        record.dst_addr.to_string(),
        record.next_hop.to_string(),
        record.input.to_string(),
        record.output.to_string(),
        record.packets.to_string(),
        record.octets.to_string(),
        record.first_ms.to_string(),
        record.last_ms.to_string(),
        record.src_port.to_string(),
        record.dst_port.to_string(),
        record.tcp_flags.to_string(),
        record.protocol.to_string(),
        record.tos.to_string(),
    ]
}

/// What it has of the route, which v1 does not tell.
pub(crate) fn route_cells(record: &v5::Record) -> [String; 4] {
    [record.src_as, record.dst_as, record.src_mask.into(), record.dst_mask.into()]
        .map(|number| number.to_string())
}

/// The reference's rows in the same form.
fn expected_rows(reference: &str) -> impl Iterator<Item = String> + '_ {
    reference.lines().skip(1).map(|line| {
        let mut cells: Vec<&str> = line.split('\t').collect();
        let (secs, nanos) = cells[1].split_once('.').unwrap();
        let received = format!("{secs}{}", &nanos[..3]);
        cells[1] = &received;
        cells.remove(4);
        cells[1..].join("\t")
    })
}

#[test]
fn every_v5_record_is_what_the_reference_says() {
    let Some(folder) = captures() else { return };
    let cases = cases(&folder);
    assert!(cases.len() >= 20, "the manifest names {} files", cases.len());
    for case in cases {
        let reference = text_of(&case.reference);
        let mut expected = expected_rows(&reference);
        let (mut packets, mut records) = (0, 0);
        each_datagram(&folder.join(&case.path), |datagram| {
            let Ok(packet) = v5::decode(datagram.payload, datagram.declared_bytes) else { return };
            packets += 1;
            for record in packet.records() {
                records += 1;
                let row = row(datagram, &packet.header, &record);
                assert_eq!(Some(row), expected.next(), "{}: record {records}", case.path);
            }
        });
        assert_eq!(expected.next(), None, "{}: more rows", case.path);
        assert_eq!((packets, records), (case.packets, case.records), "{}", case.path);
        println!("{}: {records} records", case.path);
    }
}

/// Appends every flow of a capture; gives them, and the flows that its sequence numbers miss.
fn build(path: &Path) -> (FlowBatch, Vec<u64>) {
    let mut builder = FlowBuilder::new();
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    each_datagram(path, |datagram| {
        let Ok(packet) = netflow::decode(datagram.payload, datagram.declared_bytes) else { return };
        let id = DatagramId::new(packet.exported_secs, datagram.exporter, datagram.payload);
        let mut to = Batches { v4: &mut v4, v6: &mut v6 };
        builder.append(&packet, datagram.exporter, datagram.src_port, id, &mut to);
    });
    v4.sources = builder.sources();
    (v4, builder.lost().into_iter().map(|lost| lost.count).collect())
}

#[test]
fn streams_are_told_apart_so_that_nothing_seems_lost() {
    let Some(folder) = captures() else { return };
    for (path, flows, sources) in [
        // Two engines of one exporter, each with its own sequence and uptime.
        ("overflowd/netflow_mini.pcap.gz", 39_331, 2),
        // Two processes on one host with the same engine, told apart by UDP port.
        ("derived/mixed-exporters-v5-v9-ipfix.pcap", 657, 1),
        // Every datagram but its first record is cut off; the sequence goes on all the same.
        ("derived/softflowd-v5-gnutella-snap128.pcap", 32, 1),
        ("derived/nfreplay-v5-nfcapd-large.pcap", 56_470, 1),
    ] {
        let (batch, lost) = build(&folder.join(path));
        assert_eq!((lost, batch.len(), batch.sources.len()), (vec![], flows, sources), "{path}");
    }
}

/// Source, its port but of ICMP, destination, first packet, duration in ms.
type When = (String, u16, String, String, u64);

/// What nfdump says of the flows in these payloads.
fn by_nfdump(payloads: &[Vec<u8>]) -> Vec<When> {
    let folder = tempfile::tempdir().unwrap();
    collect(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>(), folder.path());
    let output = Command::new("nfdump")
        .env("TZ", "UTC")
        .args(["-q", "-N", "-o", "fmt:%sa;%sp;%da;%ts;%td;%pr", "-R"])
        .arg(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.contains(';')).map(when_by_nfdump).collect()
}

fn when_by_nfdump(line: &str) -> When {
    let cells: Vec<&str> = line.split(';').map(str::trim).collect();
    let port = if cells[5] == "ICMP" { 0 } else { cells[1].parse().unwrap() };
    // `0.003` or `00:00:00.003`, by version.
    let duration_ms = cells[4]
        .rsplit(':')
        .map(|part| part.replace('.', "").parse::<u64>().unwrap())
        .zip([1, 60_000, 3_600_000])
        .map(|(number, unit_ms)| number * unit_ms)
        .sum();
    (cells[0].to_owned(), port, cells[2].to_owned(), cells[3].to_owned(), duration_ms)
}

fn when(flow: &FlowRecord) -> When {
    let port = if flow.protocol.is_icmp() { 0 } else { flow.src_port };
    let first = flow.first.to_string().replace('T', " ").replace('Z', "");
    (flow.src.to_string(), port, flow.dst.to_string(), first, flow.duration_ms.into())
}

#[test]
fn flows_lie_in_time_where_nfdump_puts_them() {
    let Some(folder) = captures() else { return };
    if !nfdump() {
        return;
    }
    for path in [
        "wrapped/goflow2/v5.pcap",
        "wrapped/logstash-codec-netflow/netflow5_juniper_mx80.pcap",
        "wrapped/telegraf/netflow_v5_example.pcap",
        "derived/fprobe-v5-manyproto.pcap",
        // First and Last have nothing to do with the uptime.
        "derived/softflowd-v5-echo.pcap",
        // Flows that began before the uptime wrapped.
        "derived/nfreplay-v5-nfcapd-large.pcap",
    ] {
        let path = folder.join(path);
        let mut payloads = Vec::new();
        each_datagram(&path, |datagram| payloads.push(datagram.payload.to_vec()));
        let mut expected = by_nfdump(&payloads);
        let mut got: Vec<When> = build(&path).0.records().map(|flow| when(&flow)).collect();
        expected.sort();
        got.sort();
        assert!(expected == got, "{}: {:?}", path.display(), first_other(&got, &expected));
    }
}

fn first_other<'a>(got: &'a [When], expected: &'a [When]) -> Option<(&'a When, &'a When)> {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).find(|(got, expected)| got != expected)
}
