//! The output formats against nfdump's.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{self, ErrorKind, Write};
use std::net::IpAddr;

use earlgrey_hbase::aggregate::{ActivePairs, Aggregate, Measure, PairOptions};
use earlgrey_hbase::answer::{Format, write_flows};
use earlgrey_hbase::flow::{FlowBatch, FlowRecord, Origin, Protocol, Sampling, Source};
use earlgrey_hbase::{Family, StoreError, UnixMillis};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::Value;

fn any_source() -> Source {
    Source { exporter: [10, 0, 0, 1].into(), engine: 0, sampling: Sampling::default() }
}

/// Batches of one family each, in the order of `flows`.
fn batches(flows: &[FlowRecord]) -> Vec<FlowBatch> {
    flows
        .chunk_by(|a, b| a.family() == b.family())
        .map(|flows| {
            let mut batch = FlowBatch::new(flows[0].family());
            batch.sources = std::sync::Arc::new(flows.iter().map(|flow| flow.source).collect());
            for (row, flow) in flows.iter().enumerate() {
                batch.push(flow, row as u32, Origin(0));
            }
            batch
        })
        .collect()
}

/// `flows` in `format`, out of batches that have only the columns of the format.
fn text(flows: &[FlowRecord], format: &Format) -> String {
    let mut text = Vec::new();
    let columns = format.columns();
    let batches = batches(flows).into_iter().map(|batch| Ok(batch.project(columns)));
    let written = write_flows(batches, &mut text, format, TimeZone::UTC).unwrap();
    assert_eq!(written.flows, flows.len() as u64);
    String::from_utf8(text).unwrap()
}

/// One of nfdump's outputs.
fn golden(name: &str) -> Option<String> {
    Some(std::fs::read_to_string(crate::needs::golden()?.join(name)).unwrap())
}

/// The flows of `csv-fast.txt`: counted, af, first and last in ms, proto, addresses and ports, …
fn golden_flows() -> Option<Vec<FlowRecord>> {
    let text = golden("csv-fast.txt")?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let flow = |row: csv::StringRecord| {
        let number = |at: usize| row[at].parse::<u64>().unwrap();
        let first = number(2);
        FlowRecord {
            first: UnixMillis(first),
            duration_ms: (number(3) - first) as u32,
            octets: number(16),
            packets: number(15),
            src_port: number(6) as u16,
            dst_port: number(8) as u16,
            protocol: Protocol(number(4) as u8),
            tcp_flags: row[13].bytes().fold(0, |bits, letter| bits << 1 | u8::from(letter != b'.')),
            tos: number(14) as u8,
            input: number(11) as u32,
            output: number(12) as u32,
            src_as: number(9) as u32,
            dst_as: number(10) as u32,
            next_hop: [10, 0, 0, 254].into(),
            source: any_source(),
            ..FlowRecord::between(row[5].parse().unwrap(), row[7].parse().unwrap())
        }
    };
    Some(reader.records().map(|row| flow(row.unwrap())).collect())
}

#[test]
fn every_line_is_the_one_that_nfdump_prints() {
    let Some(flows) = golden_flows() else { return };
    assert_eq!(flows.len(), 2000);
    for (format, name) in [
        (Format::Line, "line.txt"),
        (Format::Long, "long.txt"),
        (Format::Extended, "extended.txt"),
        (Format::Biline, "biline.txt"),
        (Format::Bilong, "bilong.txt"),
    ] {
        let Some(expected) = golden(name) else { return };
        let ours = text(&flows, &format);
        // The golden files are without header.
        for (ours, expected) in ours.lines().skip(1).zip(expected.lines()) {
            assert_eq!(ours, expected, "{format}");
        }
        assert_eq!(ours.lines().count(), 1 + expected.lines().count(), "{format}");
    }
    for (format, name) in [(Format::Csv, "csv.txt"), (Format::CsvFast, "csv-fast.txt")] {
        let Some(expected) = golden(name) else { return };
        assert_eq!(text(&flows, &format), expected, "{format}");
    }
}

#[test]
fn every_field_of_raw_is_as_nfdump_prints_it() {
    let (Some(flows), Some(expected)) = (golden_flows(), golden("raw.txt")) else { return };
    // What is about nfdump's own file, and its count of records, which begins with 2 there.
    let of_the_file = |line: &&str| {
        let name = line.split('=').next().unwrap_or_default().trim();
        ["RecordCount", "Ident", "Flags", "Elements", "size", "export sysid", "received at"]
            .contains(&name)
    };
    let ours = text(&flows, &Format::Raw);
    let mut lines = 0;
    let pairs = ours.lines().filter(|line| !of_the_file(line));
    for (ours, expected) in pairs.zip(expected.lines().filter(|line| !of_the_file(line))) {
        assert_eq!(ours, expected, "line {lines}");
        lines += 1;
    }
    assert_eq!(lines, expected.lines().filter(|line| !of_the_file(line)).count());
    assert!(
        ours.contains(
            "\n  RecordCount  =                  1\n  Flags        =               0x00 "
        )
    );
}

#[test]
fn json_says_what_nfdump_says() {
    let (Some(flows), Some(expected)) = (golden_flows(), golden("ndjson.txt")) else { return };
    let ours = text(&flows, &Format::Ndjson);
    let names = [
        ("srcAddress", "src4_addr"),
        ("dstAddress", "dst4_addr"),
        ("srcPort", "src_port"),
        ("dstPort", "dst_port"),
        ("bytes", "in_bytes"),
        ("packets", "in_packets"),
        ("tcpFlags", "tcp_flags"),
        ("tos", "src_tos"),
        ("input", "input_snmp"),
        ("output", "output_snmp"),
        ("srcAs", "src_as"),
        ("dstAs", "dst_as"),
        ("nextHop", "ip4_next_hop"),
        ("exporter", "ip4_router"),
        ("sampling", "sampled"),
    ];
    assert_eq!(ours.lines().count(), expected.lines().count());
    for (ours, expected) in ours.lines().zip(expected.lines()) {
        let ours: Value = serde_json::from_str(ours).unwrap();
        let expected: Value = serde_json::from_str(expected).unwrap();
        for (our_name, name) in names {
            // nfdump leaves the ports of ICMP out.
            if let Some(value) = expected.get(name) {
                assert_eq!(&ours[our_name], value, "{our_name}: {expected}");
            }
        }
        let time = ours["time"].as_str().unwrap();
        assert_eq!(time.strip_suffix('Z'), expected["first"].as_str());
    }
}

#[test]
fn the_most_active_pairs_are_those_of_nfdump() {
    // nfdump -s record/bytes -A srcip,dstip: a header, then the pairs, then a summary.
    let (Some(flows), Some(expected)) = (golden_flows(), golden("top_pairs.txt")) else { return };
    let options = PairOptions { by: Measure::Octets, directed: true, ..PairOptions::default() };
    let mut pairs = ActivePairs::new(&options);
    for batch in batches(&flows) {
        pairs.observe(&batch).unwrap();
    }
    let ours: Vec<_> = pairs
        .top(10)
        .unwrap()
        .iter()
        .map(|pair| (pair.first.to_string(), pair.second.to_string(), pair.value.to_string()))
        .collect();
    let expected: Vec<_> = expected
        .lines()
        .skip(2)
        .take(10)
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            (fields[3].to_owned(), fields[4].to_owned(), fields[6].to_owned())
        })
        .collect();
    assert_eq!(ours, expected);
}

#[test]
fn the_header_is_nfdumps() {
    // The lines that nfdump 1.7.8 prints, and no flow: the header is all there is.
    for (format, header) in [
        (
            Format::Line,
            "Date first seen         Duration         Proto      Src IP Addr:Port          Dst IP Addr:Port   Packets    Bytes Flows\n",
        ),
        (
            Format::Long,
            "Date first seen         Duration         Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags  Tos  Packets    Bytes Flows\n",
        ),
        (
            Format::Extended,
            "Date first seen         Duration         Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags  Tos  Packets    Bytes      pps      bps    Bpp Flows\n",
        ),
        (
            Format::Bilong,
            "Date first seen         Duration         Proto      Src IP Addr:Port           Dst IP Addr:Port     Flags  Tos  Out Pkt   In Pkt Out Byte  In Byte Flows\n",
        ),
        (
            "line6".parse().unwrap(),
            "Date first seen         Duration         Proto                             Src IP Addr:Port                                 Dst IP Addr:Port   Packets    Bytes Flows\n",
        ),
        (Format::Raw, ""),
        (Format::Null, ""),
        (Format::Json, "[]\n"),
        (Format::Earlgrey, "[]\n"),
        (Format::Ndjson, ""),
    ] {
        assert_eq!(text(&[], &format), header, "{format}");
    }
}

const DAY: u32 = 86_400_000;

/// Source, destination, first, duration, octets, packets, ports, protocol, flags, tos; and the
/// line that nfdump 1.7.1 printed for a NetFlow v9 record of them (`line`; `extended` with the
/// type of service one column wider, as 1.7.8 has it).
#[test]
fn rare_values_are_shown_as_nfdump_shows_them() {
    let last = 1_699_999_998_766;
    let flow = |src: &str, dst: &str, duration_ms: u32, octets, packets, ports, protocol, bits| {
        let (src_port, dst_port) = ports;
        let (tcp_flags, tos) = bits;
        FlowRecord {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            first: UnixMillis(last - u64::from(duration_ms)),
            duration_ms,
            octets,
            packets,
            src_port,
            dst_port,
            protocol: Protocol(protocol),
            tcp_flags,
            tos,
            next_hop: Family::of(src.parse().unwrap()).address(0),
            ..golden_like()
        }
    };
    let (a, b, c) = ("1.2.3.4", "4.3.2.1", "255.255.255.255");
    let cases = [
        (
            flow("10.0.0.1", "10.0.0.2", 0, 999_999, 999_999, (1, 2), 6, (0xff, 255)),
            "2023-11-14 22:13:18.766     00:00:00.000 TCP           10.0.0.1:1     ->         10.0.0.2:2     CEUAPRSF  255   999999   999999        0        0      1     1",
        ),
        (
            flow("10.0.0.1", "10.0.0.2", 1, 1_000_000, 1_000_000, (65535, 65535), 17, (16, 1)),
            "2023-11-14 22:13:18.765     00:00:00.001 UDP           10.0.0.1:65535 ->         10.0.0.2:65535 ........    1    1.0 M    1.0 M    1.0 G    8.0 G      1     1",
        ),
        (
            flow(a, c, DAY, 999_949_999, 12_345_678, (0, 0), 1, (0, 0)),
            "2023-11-13 22:13:18.766  1d 00:00:00.000 ICMP           1.2.3.4:0     ->  255.255.255.255:0.0   ........    0   12.3 M  999.9 M      142    92587     80     1",
        ),
        (
            flow(a, c, DAY - 1, 999_950_000, 1_050_000, (0, 0), 1, (0, 0)),
            "2023-11-13 22:13:18.767     23:59:59.999 ICMP           1.2.3.4:0     ->  255.255.255.255:0.0   ........    0    1.1 M 1000.0 M       12    92587    952     1",
        ),
        (
            flow(a, b, 3 * DAY + 3_723_004, 1_000_000_000, 1, (0, 0), 47, (0, 0)),
            "2023-11-11 21:11:15.762  3d 01:02:03.004 GRE            1.2.3.4:0     ->          4.3.2.1:0     ........    0        1    1.0 G        0    30427 1000000000     1",
        ),
        (
            flow(a, b, 40 * DAY, 12_345_678_901, 3, (0, 0), 99, (0, 0)),
            "2023-10-05 22:13:18.766 40d 00:00:00.000 99             1.2.3.4:0     ->          4.3.2.1:0     ........    0        3   12.3 G        0    28577 4115226300     1",
        ),
        (
            flow(a, b, 7, 999_999_999_999, 0, (0, 0), 132, (0, 0)),
            "2023-11-14 22:13:18.759     00:00:00.007 SCTP           1.2.3.4:0     ->          4.3.2.1:0     ........    0        0 1000.0 G        0 1142.9 T      0     1",
        ),
        (
            flow(a, b, 1, 1 << 50, 1 << 40, (0, 0), 136, (0, 0)),
            "2023-11-14 22:13:18.765     00:00:00.001 UDP-L          1.2.3.4:0     ->          4.3.2.1:0     ........    0    1.1 T 1125.9 T 1099.5 T 9007199.3 T   1024     1",
        ),
        (
            flow(a, b, 7, 7, 7, (0, 0), 255, (0, 0)),
            "2023-11-14 22:13:18.759     00:00:00.007 255            1.2.3.4:0     ->          4.3.2.1:0     ........    0        7        7     1000     8000      1     1",
        ),
        (
            flow(
                "2001:db8::1",
                "2001:620:1000:cafe:20e:35ff:fec0:fed5",
                10,
                1500,
                1,
                (443, 50000),
                6,
                (0x12, 0),
            ),
            "2023-11-14 22:13:18.756     00:00:00.010 TCP        2001:db8::1.443   -> 2001:62..c0:fed5.50000 ...A..S.    0        1     1500      100    1.2 M   1500     1",
        ),
        (
            flow("::", "::1", 10, 1500, 1, (443, 50000), 17, (0x12, 8)),
            "2023-11-14 22:13:18.756     00:00:00.010 UDP                 ::.443   ->              ::1.50000 ........    8        1     1500      100    1.2 M   1500     1",
        ),
        (
            flow("::1.2.3.4", "::ffff:1.2.3.4", 10, 1500, 1, (0, 0), 58, (0, 0)),
            "2023-11-14 22:13:18.756     00:00:00.010 ICMP6        ::1.2.3.4.0     ->   ::ffff:1.2.3.4.0.0   ........    0        1     1500      100    1.2 M   1500     1",
        ),
        (
            flow("2001:db8::12:3456", "2001:db8::123:4567", 10, 1500, 1, (443, 50000), 50, (0, 0)),
            "2023-11-14 22:13:18.756     00:00:00.010 ESP   2001:db..12:3456.443   -> 2001:db..23:4567.50000 ........    0        1     1500      100    1.2 M   1500     1",
        ),
    ];
    for (flow, extended) in cases {
        assert_eq!(text(&[flow], &Format::Extended).lines().nth(1), Some(extended));
    }
}

#[test]
fn a_number_that_nfdump_wraps_is_shown_whole() {
    let flow = FlowRecord { octets: u64::MAX, packets: 1, duration_ms: 1, ..golden_like() };
    let line = text(&[flow], &Format::Extended);
    assert_eq!(line.split_whitespace().nth_back(1), Some("18446744073709551615"));
    assert!(line.contains(" 147573952589.7 T "), "{line}");
}

fn golden_like() -> FlowRecord {
    FlowRecord {
        first: UnixMillis(1_185_488_138_007),
        protocol: Protocol::UDP,
        source: any_source(),
        ..FlowRecord::between([10, 0, 0, 1].into(), [10, 0, 0, 2].into())
    }
}

#[test]
fn the_earlgrey_format_has_nine_fields_and_whole_seconds() {
    let flow = FlowRecord { src_port: 53, octets: 76, packets: 1, ..golden_like() };
    assert_eq!(
        text(&[flow, flow], &Format::Earlgrey),
        "[\n\
         {\"srcAddress\":\"10.0.0.1\",\"srcPort\":53,\"dstAddress\":\"10.0.0.2\",\"dstPort\":0,\
         \"protocol\":\"UDP\",\"time\":\"2007-07-26-22:15:38\",\"duration\":0,\"bytes\":76,\"packets\":1},\n\
         {\"srcAddress\":\"10.0.0.1\",\"srcPort\":53,\"dstAddress\":\"10.0.0.2\",\"dstPort\":0,\
         \"protocol\":\"UDP\",\"time\":\"2007-07-26-22:15:38\",\"duration\":0,\"bytes\":76,\"packets\":1}\n\
         ]\n"
    );
}

#[test]
fn times_are_shown_in_the_zone_that_was_asked_for() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    for (format, shown) in [
        (Format::Line, "2007-07-27 00:15:38.007 "),
        (Format::Csv, "2007-07-27 00:15:38.007,"),
        (Format::Json, "\"2007-07-27T00:15:38.007+02:00\""),
        (Format::Earlgrey, "\"2007-07-27-00:15:38\""),
    ] {
        let mut text = Vec::new();
        let batch = batches(&[golden_like()]).remove(0);
        write_flows([Ok(batch)].into_iter(), &mut text, &format, zone.clone()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(shown), "{text}");
    }
}

/// Takes so many bytes, then says what a closed pipe says, or a full disk.
struct Ends {
    left: usize,
    with: ErrorKind,
}

impl Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(self.with.into());
        }
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_ends_the_reading_and_is_no_error_but_a_full_disk_is() {
    let batch = batches(&vec![golden_like(); 10_000]).remove(0);
    let mut read = 0;
    let flows = std::iter::repeat_with(|| Ok(batch.clone())).inspect(|_| read += 1).take(100);
    let to = Ends { left: 100_000, with: ErrorKind::BrokenPipe };
    let written = write_flows(flows, to, &Format::Json, TimeZone::UTC).unwrap();
    assert!(written.closed);
    assert_eq!(read, 1, "nothing is read for a reader that is gone");

    let to = Ends { left: 100_000, with: ErrorKind::StorageFull };
    let error = write_flows([Ok(batch)].into_iter(), to, &Format::Json, TimeZone::UTC).unwrap_err();
    assert_eq!(error.to_string(), "write the answer");
}

#[test]
fn what_was_found_before_an_error_is_printed() {
    let batch = batches(&[golden_like()]).remove(0);
    let flows = [Ok(batch), Err(StoreError::Injected { at: "read" })].into_iter();
    let mut text = Vec::new();
    let error = write_flows(flows, &mut text, &Format::Ndjson, TimeZone::UTC).unwrap_err();
    assert_eq!(error.to_string(), "injected fault at read");
    assert_eq!(String::from_utf8(text).unwrap().lines().count(), 1);
}

fn any_address(family: Family) -> impl Strategy<Value = IpAddr> {
    (any::<u128>(), 0u32..128).prop_map(move |(bits, shift)| family.address(bits >> shift))
}

fn any_flow() -> impl Strategy<Value = FlowRecord> {
    prop_oneof![Just(Family::V4), Just(Family::V6)].prop_flat_map(|family| {
        let address = || any_address(family);
        let numbers = (any::<u64>(), any::<u64>(), any::<u32>(), 0u64..253_402_207_199_000);
        let bytes = any::<[u8; 5]>();
        let words = any::<[u32; 6]>();
        (
            address(),
            address(),
            address(),
            any_address(Family::V6),
            numbers,
            bytes,
            words,
            any::<[u16; 2]>(),
        )
            .prop_map(|(src, dst, next_hop, exporter, numbers, bytes, words, ports)| {
                let (octets, packets, duration_ms, first) = numbers;
                let sampling = Sampling { mode: 1, interval: words[4] };
                FlowRecord {
                    first: UnixMillis(first),
                    duration_ms,
                    octets,
                    packets,
                    src_port: ports[0],
                    dst_port: ports[1],
                    protocol: Protocol(bytes[0]),
                    tcp_flags: bytes[1],
                    tos: bytes[2],
                    input: words[0],
                    output: words[1],
                    src_as: words[2],
                    dst_as: words[3],
                    src_mask: bytes[3],
                    dst_mask: bytes[4],
                    next_hop,
                    source: Source { exporter, engine: words[5], sampling },
                    ..FlowRecord::between(src, dst)
                }
            })
    })
}

fn address(value: &Value) -> IpAddr {
    value.as_str().unwrap().parse().unwrap()
}

fn number<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &Value) -> T {
    T::try_from(value.as_u64().unwrap()).unwrap()
}

fn protocol(value: &Value) -> Protocol {
    let text = value.as_str().unwrap();
    let number = (0..=255).find(|&number| Protocol(number).to_string() == text);
    Protocol(number.unwrap())
}

/// The flow that a JSON object tells of.
fn parsed(json: &Value) -> FlowRecord {
    let time: jiff::Timestamp = json["time"].as_str().unwrap().parse().unwrap();
    let flags = json["tcpFlags"].as_str().unwrap();
    FlowRecord {
        first: UnixMillis(time.as_millisecond() as u64),
        duration_ms: number(&json["duration"]),
        octets: number(&json["bytes"]),
        packets: number(&json["packets"]),
        src_port: number(&json["srcPort"]),
        dst_port: number(&json["dstPort"]),
        protocol: protocol(&json["protocol"]),
        tcp_flags: flags.bytes().fold(0, |bits, letter| bits << 1 | u8::from(letter != b'.')),
        tos: number(&json["tos"]),
        input: number(&json["input"]),
        output: number(&json["output"]),
        src_as: number(&json["srcAs"]),
        dst_as: number(&json["dstAs"]),
        src_mask: number(&json["srcMask"]),
        dst_mask: number(&json["dstMask"]),
        next_hop: address(&json["nextHop"]),
        source: Source {
            exporter: address(&json["exporter"]),
            engine: number(&json["engine"]),
            sampling: Sampling { mode: 1, interval: number(&json["sampling"]) },
        },
        ..FlowRecord::between(address(&json["srcAddress"]), address(&json["dstAddress"]))
    }
}

proptest! {
    #[test]
    fn json_is_read_back_as_the_same_flows(mut flows in prop::collection::vec(any_flow(), 0..20)) {
        for flow in &mut flows {
            // Two protocols have one short name.
            if flow.protocol == Protocol(38) {
                flow.protocol = Protocol(35);
            }
        }
        let array: Vec<Value> = serde_json::from_str(&text(&flows, &Format::Json)).unwrap();
        prop_assert_eq!(&array.iter().map(parsed).collect::<Vec<_>>(), &flows);
        let lines = text(&flows, &Format::Ndjson);
        let objects: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(&objects, &array);
        let short: Vec<Value> = serde_json::from_str(&text(&flows, &Format::Earlgrey)).unwrap();
        for (short, long) in short.iter().zip(&array) {
            let short = short.as_object().unwrap();
            prop_assert_eq!(short.len(), 9);
            prop_assert!(short.iter().all(|(name, value)| name == "time" || value == &long[name]));
        }
    }

    #[test]
    fn csv_is_read_back_as_the_same_flows(flows in prop::collection::vec(any_flow(), 0..20)) {
        let text = text(&flows, &Format::Csv);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(rows.len(), flows.len());
        for (row, flow) in rows.iter().zip(&flows) {
            prop_assert_eq!(UnixMillis::parse(&row[0], &TimeZone::UTC, UnixMillis(0)), Ok(flow.first));
            prop_assert_eq!(row[1].replace('.', "").parse(), Ok(flow.duration_ms));
            prop_assert_eq!(row[2].parse(), Ok(flow.protocol.0));
            prop_assert_eq!(row[3].parse(), Ok(flow.src));
            prop_assert_eq!(row[4].parse(), Ok(flow.src_port));
            prop_assert_eq!(row[5].parse(), Ok(flow.dst));
            let port = match row[6].split_once('.') {
                Some((kind, code)) => kind.parse::<u16>().unwrap() << 8 | code.parse::<u16>().unwrap(),
                None => row[6].parse().unwrap(),
            };
            prop_assert_eq!(port, flow.dst_port);
            prop_assert_eq!(row[7].parse(), Ok(flow.packets));
            prop_assert_eq!(row[8].parse(), Ok(flow.octets));
            prop_assert_eq!(&row[9], "1");
        }
    }

    #[test]
    fn lines_have_their_columns_whatever_the_values(flows in prop::collection::vec(any_flow(), 1..20)) {
        for format in [Format::Line, Format::Long, Format::Extended] {
            let text = text(&flows, &format);
            prop_assert_eq!(text.lines().count(), 1 + flows.len());
            for line in text.lines().skip(1) {
                prop_assert_eq!(line.matches(" -> ").count(), 1);
                prop_assert!(line.ends_with("     1"));
            }
        }
    }
}
