//! The generator's captures.

use std::collections::{BTreeMap, HashSet};
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::atomic::AtomicU64;

use earlgrey_hbase::capture::{self, Datagram, Input};
use earlgrey_hbase::flow::{DatagramId, Family, FlowBatch, FlowRecord, UnixMillis};
use earlgrey_hbase::generate::{
    Damage, EXAMPLE_HOST, Format, Made, Sights, Traffic, write, write_telling,
};
use earlgrey_hbase::netflow::{self, DecodeError, v5};
use earlgrey_hbase::normalise::{Batches, FlowBuilder};
use xxhash_rust::xxh3::xxh3_64;

fn make(traffic: &Traffic) -> (Vec<u8>, Made) {
    let mut capture = Vec::new();
    let made = write(traffic, &mut capture).unwrap();
    assert_eq!(made.bytes, capture.len() as u64);
    (capture, made)
}

fn small() -> Traffic {
    Traffic { flows: 20_000, hours: 2.0, ..Traffic::default() }
}

/// What a reader finds in a capture.
#[derive(Default)]
struct Found {
    flows: Vec<FlowRecord>,
    datagrams: u64,
    duplicates: u64,
    duplicate_flows: u64,
    cut: u64,
    malformed: BTreeMap<&'static str, u64>,
    faulty: BTreeMap<&'static str, u64>,
    lost: BTreeMap<(std::net::IpAddr, u32), u64>,
    received: Vec<UnixMillis>,
}

fn each_datagram(capture: &[u8], mut take: impl FnMut(&Datagram<'_>)) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(capture).unwrap();
    let mut sink = |datagram: &Datagram<'_>| {
        take(datagram);
        ControlFlow::Continue(())
    };
    let input = Input::File(file.path().to_owned());
    let report = capture::read(&input, &AtomicU64::new(0), &mut sink).unwrap();
    assert_eq!((report.packets, report.faults.len()), (report.datagrams, 0));
}

fn find(capture: &[u8]) -> Found {
    let mut found = Found::default();
    let mut builder = FlowBuilder::new();
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let mut seen = HashSet::new();
    each_datagram(capture, |datagram| {
        found.datagrams += 1;
        found.received.push(datagram.received);
        let packet = match netflow::decode(datagram.payload, datagram.declared_bytes) {
            Ok(packet) => packet,
            Err(error) => {
                *found.malformed.entry(error.label()).or_default() += 1;
                return;
            }
        };
        let id = DatagramId::new(packet.exported_secs, datagram.exporter, datagram.payload);
        if !seen.insert(id) {
            builder.observe(&packet, datagram.exporter, datagram.src_port);
            found.duplicates += 1;
            found.duplicate_flows += packet.len() as u64;
            return;
        }
        if let Some(fault) = packet.fault {
            *found.faulty.entry(fault.label()).or_default() += 1;
        }
        let mut to = Batches { v4: &mut v4, v6: &mut v6 };
        let appended = builder.append(&packet, datagram.exporter, datagram.src_port, id, &mut to);
        assert_eq!((appended.clamped, appended.before_1970), (0, 0));
        found.cut += appended.cut;
    });
    v4.sources = builder.sources();
    found.flows = v4.records().collect();
    found.lost =
        builder.lost().into_iter().map(|lost| ((lost.exporter, lost.engine), lost.count)).collect();
    found
}

fn octets(flows: &[FlowRecord]) -> u64 {
    flows.iter().map(|flow| flow.octets).sum()
}

fn packets(flows: &[FlowRecord]) -> u64 {
    flows.iter().map(|flow| flow.packets).sum()
}

#[test]
fn a_seed_always_makes_the_same_capture() {
    let damaged = Traffic { loss: 0.05, duplicates: 0.05, damage: 0.1, ..small() };
    let hashes = [small(), Traffic { seed: 2, ..small() }, damaged].map(|traffic| {
        let (capture, made) = make(&traffic);
        assert_eq!(make(&traffic), (capture.clone(), made));
        xxh3_64(&capture)
    });
    // Where these change, so does what every stored benchmark and example was made from.
    assert_eq!(
        hashes,
        [1_496_736_833_770_078_583, 10_490_879_493_969_800_429, 9_114_183_331_711_630_198]
    );
}

#[test]
fn every_flow_is_there_and_no_sequence_number_is_missing() {
    let traffic = Traffic { exporters: 3, engines: 2, ..small() };
    let (capture, made) = make(&traffic);
    let found = find(&capture);
    assert_eq!((made.flows, made.readable, made.lost_flows()), (20_000, 20_000, 0));
    assert_eq!(found.flows.len(), 20_000);
    assert_eq!((octets(&found.flows), packets(&found.flows)), (made.octets, made.packets));
    assert_eq!((found.datagrams, found.duplicates), (made.datagrams, 0));
    assert!(found.lost.is_empty() && found.malformed.is_empty() && found.faulty.is_empty());
    let sources: HashSet<_> = found.flows.iter().map(|flow| flow.source).collect();
    assert_eq!(sources.len(), 6);
}

#[test]
fn flows_ended_before_they_were_exported_in_the_order_of_time() {
    let (capture, _) = make(&Traffic { hours: 0.5, ..small() });
    let (mut before, mut full, mut wrapped) = (UnixMillis::EPOCH, 0, false);
    let mut uptimes: BTreeMap<(std::net::IpAddr, u8), u32> = BTreeMap::new();
    let mut datagrams = 0;
    each_datagram(&capture, |datagram| {
        let packet = v5::decode(datagram.payload, datagram.declared_bytes).unwrap();
        assert!(before <= datagram.received);
        before = datagram.received;
        let header = packet.header;
        assert_eq!(u64::from(header.unix_secs), before.0 / 1000);
        let uptime_ms = uptimes.insert((datagram.exporter, header.engine_id), header.uptime_ms);
        wrapped |= uptime_ms.is_some_and(|earlier| earlier > header.uptime_ms);
        datagrams += 1;
        full += u64::from(header.count == v5::MAX_RECORDS);
        for record in packet.records() {
            let ended_before_ms = header.uptime_ms.wrapping_sub(record.last_ms);
            let lasted_ms = record.last_ms.wrapping_sub(record.first_ms);
            assert!(ended_before_ms < 60_000 && lasted_ms <= 60_000, "{record:?}");
            assert!(lasted_ms == 0 || record.packets > 1, "{record:?}");
        }
    });
    assert!(wrapped, "no uptime wrapped");
    assert!(full * 10 > datagrams * 8, "{full} of {datagrams} datagrams are full");
}

#[test]
fn what_was_lost_doubled_or_damaged_is_what_a_reader_finds() {
    for (loss, duplicates, damage) in
        [(0.02, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.2), (0.1, 0.1, 0.3), (0.0, 1.0, 0.0)]
    {
        let traffic = Traffic { loss, duplicates, damage, ..small() };
        let (capture, made) = make(&traffic);
        let found = find(&capture);
        let what = format!("{traffic:?}\n{made:?}");
        assert_eq!(
            made.flows,
            made.readable + made.cut + made.lost_flows() + made.untold,
            "{what}"
        );
        assert_eq!(found.datagrams, made.datagrams, "{what}");
        assert_eq!(found.flows.len() as u64, made.readable, "{what}");
        assert_eq!(octets(&found.flows), made.octets, "{what}");
        assert_eq!(packets(&found.flows), made.packets, "{what}");
        assert_eq!(found.lost, made.lost, "{what}");
        assert_eq!(found.cut, made.cut, "{what}");
        assert_eq!(found.duplicates, made.duplicate_datagrams, "{what}");
        assert_eq!(found.duplicate_flows, made.duplicate_flows, "{what}");
        let damaged = |kind| made.damaged.get(&kind).copied().unwrap_or(0);
        let counted = |counts: &BTreeMap<&str, u64>, label| counts.get(label).copied().unwrap_or(0);
        for (label, kind) in [
            (DecodeError::NotFlowExport.label(), Damage::Version),
            (DecodeError::Count.label(), Damage::CountZero),
            ("cut", Damage::Stub),
        ] {
            assert_eq!(counted(&found.malformed, label), damaged(kind), "{kind:?} {what}");
        }
        for (label, kind) in [
            ("record count", Damage::CountTooLarge),
            ("cut", Damage::CutByCapture),
            ("trailing bytes", Damage::Trailing),
        ] {
            assert_eq!(counted(&found.faulty, label), damaged(kind), "{kind:?} {what}");
        }
        assert!(loss == 0.0 || made.lost_flows() > 0, "{what}");
        assert!(damage == 0.0 || made.damaged.len() == Damage::ALL.len(), "{what}");
    }
}

#[test]
fn the_same_flows_meet_all_fates() {
    let plain: HashSet<_> = find(&make(&small()).0).flows.iter().map(key).collect();
    let lossy = find(&make(&Traffic { loss: 0.3, ..small() }).0).flows;
    assert!(lossy.len() < 16_000);
    assert!(lossy.iter().all(|flow| plain.contains(&key(flow))));
}

fn key(flow: &FlowRecord) -> (std::net::IpAddr, std::net::IpAddr, u64, u16, u16, u64) {
    (flow.src, flow.dst, flow.first.0, flow.src_port, flow.dst_port, flow.octets)
}

#[test]
fn the_traffic_looks_like_traffic() {
    let (capture, _) = make(&Traffic { flows: 100_000, ..Traffic::default() });
    let flows = find(&capture).flows;
    let share = |test: &dyn Fn(&FlowRecord) -> bool| {
        flows.iter().filter(|flow| test(flow)).count() as f64 / flows.len() as f64
    };
    for (what, test, low, high) in [
        ("TCP", (|flow| flow.protocol.0 == 6) as fn(&FlowRecord) -> bool, 0.5, 0.9),
        ("UDP", |flow| flow.protocol.0 == 17, 0.1, 0.4),
        ("ICMP", |flow| flow.protocol.0 == 1, 0.005, 0.05),
        ("GRE and ESP", |flow| [47, 50].contains(&flow.protocol.0), 0.001, 0.05),
        ("to a web server", |flow| flow.dst_port == 443, 0.15, 0.5),
        ("from a web server", |flow| flow.src_port == 443, 0.15, 0.5),
        ("DNS", |flow| flow.dst_port == 53, 0.05, 0.2),
        ("few packets", |flow| flow.packets <= 10, 0.6, 0.95),
        ("many packets", |flow| flow.packets > 1000, 0.0001, 0.02),
        ("one packet", |flow| flow.packets == 1, 0.15, 0.6),
        ("a SYN and nothing else", |flow| flow.tcp_flags == 2, 0.01, 0.2),
        ("cut by the active timeout", |flow| flow.duration_ms == 60_000, 0.005, 0.2),
        (
            "the example host",
            |flow| [flow.src, flow.dst].contains(&EXAMPLE_HOST.into()),
            0.001,
            0.01,
        ),
    ] {
        let share = share(&test);
        assert!((low..high).contains(&share), "{what}: {share}");
    }
    for flow in &flows {
        let mean = flow.octets / flow.packets;
        assert!((28..=1500).contains(&mean), "{flow:?}");
    }
    // The answer to a flow is one, too.
    let talks: HashSet<_> =
        flows.iter().map(|flow| (flow.src, flow.dst, flow.src_port, flow.dst_port)).collect();
    let answered = share(&|flow| {
        flow.protocol.0 != 1 && talks.contains(&(flow.dst, flow.src, flow.dst_port, flow.src_port))
    });
    assert!(answered > 0.8, "{answered}");
    let at_night = share(&|flow| (2..6).contains(&(flow.first.0 / 3_600_000 % 24)));
    let at_evening = share(&|flow| (17..21).contains(&(flow.first.0 / 3_600_000 % 24)));
    assert!(at_evening > 3.0 * at_night, "{at_night} {at_evening}");
}

#[test]
fn the_example_host_is_in_every_capture() {
    for seed in 0..5 {
        let flows = find(&make(&Traffic { flows: 10_000, seed, ..small() }).0).flows;
        let sent = flows.iter().filter(|flow| flow.src == std::net::IpAddr::from(EXAMPLE_HOST));
        assert!(sent.count() >= 5, "{seed}");
    }
}

#[test]
fn what_cannot_be_made_is_refused() {
    for (what, traffic) in [
        ("no exporter", Traffic { exporters: 0, ..small() }),
        ("no engine", Traffic { engines: 0, ..small() }),
        ("too many engines", Traffic { exporters: 4096, engines: 2, ..small() }),
        ("no share", Traffic { loss: -0.1, ..small() }),
        ("no number", Traffic { damage: f64::NAN, ..small() }),
        ("more than all", Traffic { loss: 0.6, duplicates: 0.6, ..small() }),
        ("no time", Traffic { hours: 0.0, ..small() }),
        ("for ever", Traffic { hours: f64::INFINITY, ..small() }),
        ("too early", Traffic { start: UnixMillis(1000), ..small() }),
        ("too late", Traffic { start: UnixMillis(4_294_967_000_000), ..small() }),
    ] {
        let error = write(&traffic, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{what}: {error}");
    }
    let nothing = make(&Traffic { flows: 0, ..small() });
    assert_eq!((nothing.0.len(), nothing.1.datagrams), (24, 0));
    let most = Traffic { exporters: 4096, engines: 1, ..small() };
    assert_eq!(make(&most).1.readable, 20_000);
}

#[test]
fn tshark_decodes_the_same() {
    if !crate::needs::tools(&["tshark"]) {
        return;
    }
    let (capture, made) = make(&small());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&capture).unwrap();
    let fields = ["ip.checksum.status", "cflow.srcaddr", "cflow.octets", "cflow.packets"];
    let output = Command::new("tshark")
        .args(["-n", "-d", "udp.port==2055,cflow", "-o", "ip.check_checksum:TRUE"])
        .args(["-T", "fields", "-E", "occurrence=a"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(file.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let sum = |cell: &str| cell.split(',').map(|n| n.parse::<u64>().unwrap()).sum::<u64>();
    let (mut datagrams, mut addresses, mut octets, mut packets) = (0, Vec::new(), 0, 0);
    for line in text.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        assert_eq!(cells[0], "1", "the header's checksum is right");
        datagrams += 1;
        addresses.extend(cells[1].split(',').map(str::to_owned));
        octets += sum(cells[2]);
        packets += sum(cells[3]);
    }
    assert_eq!((datagrams, octets, packets), (made.datagrams, made.octets, made.packets));
    let ours: Vec<String> = find(&capture).flows.iter().map(|flow| flow.src.to_string()).collect();
    assert_eq!(addresses, ours);
}

#[test]
fn what_several_routers_see_of_a_flow_is_told_beside_the_capture() {
    let sights = Sights { routers: 3, jitter_ms: 500, sampling: 16, ..Sights::default() };
    let traffic = Traffic { exporters: 4, loss: 0.05, sights, ..small() };
    let tell = || {
        let (mut capture, mut truth) = (Vec::new(), Vec::new());
        write_telling(&traffic, &mut capture, Some(&mut truth)).unwrap();
        (capture, String::from_utf8(truth).unwrap())
    };
    let (capture, truth) = tell();
    assert!(tell() == (capture.clone(), truth.clone()));
    // Each record that can be read has its line, with what is read of it.
    let mut read: Vec<String> = Vec::new();
    for flow in find(&capture).flows {
        let FlowRecord { src, dst, src_port, dst_port, octets, packets, source, .. } = flow;
        let (exporter, engine, protocol) = (source.exporter, source.engine, flow.protocol.0);
        read.push(format!(
            "{exporter},{engine},0,{src},{src_port},{dst},{dst_port},{protocol},{},{},{octets},\
             {packets},{}",
            flow.first.0,
            flow.last().0,
            source.sampling.interval
        ));
    }
    let lines = truth.lines().skip(1).map(|line| line.split_once(',').unwrap());
    let mut told: Vec<String> = lines.clone().map(|(_, record)| record.to_owned()).collect();
    read.sort_unstable();
    told.sort_unstable();
    assert!(read == told);
    // The second router and the fourth sample, and no flow has more records than routers.
    let mut of_flow = BTreeMap::<&str, usize>::new();
    let mut of_router = BTreeMap::<&str, usize>::new();
    for (flow, record) in lines {
        *of_flow.entry(flow).or_default() += 1;
        *of_router.entry(record.split(',').next().unwrap()).or_default() += 1;
    }
    assert_eq!(of_flow.values().max(), Some(&3));
    let of_router: Vec<usize> = of_router.into_values().collect();
    assert_eq!(of_router.len(), 4);
    assert!(of_router[1] < of_router[0] / 2 && of_router[3] < of_router[2] / 2, "{of_router:?}");
}

#[test]
fn sights_that_a_format_cannot_tell_are_refused() {
    for (sights, format) in [
        (Sights { routers: 3, ..Sights::default() }, Format::V5),
        (Sights { routers: 0, ..Sights::default() }, Format::V5),
        (Sights { sampling: 16, ..Sights::default() }, Format::V9),
        (Sights { sampling: u16::MAX, ..Sights::default() }, Format::V5),
        (Sights { in_and_out: true, ..Sights::default() }, Format::V5),
        (Sights { behind_nat: true, ..Sights::default() }, Format::V9),
    ] {
        let error = write(&Traffic { sights, format, ..small() }, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sights:?}");
    }
}

#[test]
fn what_is_planted_ends_within_the_capture_and_what_does_not_fit_is_told() {
    use earlgrey_hbase::detect::Kind;
    for (hours, seed) in [(0.05, 1), (0.2, 2), (1.0, 3), (6.0, 4)] {
        let plants = Kind::ALL.to_vec();
        let traffic = Traffic { flows: 1_000, hours, seed, plants, ..Traffic::default() };
        let (_, made) = make(&traffic);
        let until = UnixMillis(traffic.start.0 + (hours * 3_600_000.0) as u64);
        for planted in &made.planted {
            assert!(
                planted.first >= traffic.start && planted.last <= until,
                "{hours}: {planted:?}"
            );
        }
        // Of the scans there are eight, of beacons ten by the clock and five that sleep, of long
        // connections and of spreads four, three floods, three that deal with what is listed, three
        // uploads, and two hosts that stop, and two that meet others.
        for (kind, count) in [
            (Kind::Scan, 8),
            (Kind::Beacon, 15),
            (Kind::Long, 4),
            (Kind::Spread, 4),
            (Kind::Ddos, 3),
            (Kind::Indicator, 3),
            (Kind::Exfil, 3),
            (Kind::Silent, 2),
            (Kind::New, 2),
        ] {
            let planted = made.planted.iter().filter(|planted| planted.kind == kind).count();
            let skipped = made.skipped.iter().filter(|skipped| skipped.kind == kind).count();
            assert_eq!(planted + skipped, count, "{hours}: {kind}");
        }
        // A connection of four and a half hours fits into six, and into none of the others.
        let is_long = made.planted.iter().any(|planted| planted.kind == Kind::Long);
        assert_eq!(is_long, hours > 4.5);
    }
}
