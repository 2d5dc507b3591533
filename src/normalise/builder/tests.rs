use proptest::prelude::*;

use super::*;
use crate::flow::{
    Family, FlowBatch, FlowRecord, Protocol, SENT_BY, Sampling, UnixMillis, extra_value,
};
use crate::netflow::v5::{self, Header, Record};
use crate::netflow::{DataRecord, Stamp};
use crate::normalise::{MAX_BELIEVED_LEAD_MS, MAX_SOURCES, MAX_SOURCES_OF_EXPORTER};

mod hostile;

const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const ID: DatagramId = DatagramId { exported_secs: 1_186_040_527, hash: 42 };

/// Appends one datagram to an empty batch.
fn build(builder: &mut FlowBuilder, header: &Header, records: &[Record]) -> (Appended, FlowBatch) {
    build_from(builder, EXPORTER, header, records)
}

/// Likewise of another exporter.
fn build_from(
    builder: &mut FlowBuilder,
    exporter: IpAddr,
    header: &Header,
    records: &[Record],
) -> (Appended, FlowBatch) {
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let mut payload = Vec::new();
    v5::encode(&Header { count: records.len() as u16, ..*header }, records, &mut payload);
    let packet = crate::netflow::decode(&payload, payload.len()).unwrap();
    let mut to = Batches { v4: &mut v4, v6: &mut v6 };
    let appended = builder.append(&packet, exporter, 4000, ID, &mut to);
    v4.sources = builder.sources();
    assert!(v6.is_empty());
    (appended, v4)
}

/// Uptime 1000 s at a moment of 2007.
fn header() -> Header {
    Header {
        uptime_ms: 1_000_000,
        unix_secs: 1_186_040_527,
        unix_nsecs: 446_891_562,
        engine_type: 1,
        engine_id: 2,
        sampling_field: 0x4064,
        ..Header::default()
    }
}

fn record(first_ms: u32, last_ms: u32) -> Record {
    Record { first_ms, last_ms, ..Record::default() }
}

/// One flow by the rules, without the loops over columns.
fn expected(header: &Header, record: &Record) -> Option<(FlowRecord, bool)> {
    let exported_ms = i64::from(header.unix_secs) * 1000 + i64::from(header.unix_nsecs / 1_000_000);
    let at = |stamp_ms: u32| {
        let behind = i64::from(header.uptime_ms.wrapping_sub(stamp_ms));
        // Up to 100 s ahead is ahead, not a wrap behind.
        exported_ms - if behind >= (1 << 32) - 100_000 { behind - (1 << 32) } else { behind }
    };
    let (first, last) = (at(record.first_ms), at(record.last_ms));
    let flow = FlowRecord {
        next_hop: record.next_hop.into(),
        first: UnixMillis(u64::try_from(first).ok()?),
        duration_ms: (last - first).max(0) as u32,
        octets: record.octets.into(),
        packets: record.packets.into(),
        src_port: record.src_port,
        dst_port: record.dst_port,
        protocol: Protocol(record.protocol),
        tcp_flags: record.tcp_flags,
        tos: record.tos,
        input: record.input.into(),
        output: record.output.into(),
        src_as: record.src_as.into(),
        dst_as: record.dst_as.into(),
        src_mask: record.src_mask,
        dst_mask: record.dst_mask,
        source: Source {
            exporter: EXPORTER,
            engine: u32::from(header.engine_type) * 256 + u32::from(header.engine_id),
            sampling: Sampling {
                mode: (header.sampling_field >> 14) as u8,
                interval: u32::from(header.sampling_field & 0x3fff),
            },
        },
        ..FlowRecord::between(record.src_addr.into(), record.dst_addr.into())
    };
    Some((flow, last < first))
}

#[test]
fn a_flow_that_ended_before_it_began_has_no_duration_and_is_counted() {
    let records = [record(900_000, 899_999), record(900_000, 900_000), record(900_000, 1_000_900)];
    let (appended, batch) = build(&mut FlowBuilder::new(), &header(), &records);
    assert_eq!((appended.appended, appended.clamped), (3, 1));
    assert_eq!(batch.duration_ms, [0, 0, 100_900]);
    assert_eq!(batch.first_ms, [1_186_040_427_446; 3]);
    assert_eq!(appended.rejected().count(), 0);
}

#[test]
fn a_flow_before_1970_is_rejected_and_the_others_keep_their_identity() {
    let header = Header { unix_secs: 10, unix_nsecs: 0, uptime_ms: 20_000, ..header() };
    let records = [record(9_999, 20_000), record(10_000, 20_000), record(0, 0), record(20_000, 7)];
    let (appended, batch) = build(&mut FlowBuilder::new(), &header, &records);
    assert_eq!(appended.rejected().collect::<Vec<_>>(), [("before 1970", 2)]);
    assert_eq!((appended.records, appended.appended, appended.clamped), (4, 2, 1));
    assert_eq!(batch.first_ms, [0, 10_000]);
    assert_eq!(batch.origin, [ID.origin(1), ID.origin(3)]);
}

/// A packet of records that templates describe, which says nothing else.
fn packet_of(records: &[DataRecord]) -> ExportPacket<'_> {
    ExportPacket {
        exporter: None,
        exported_secs: 0,
        exported_nanos: 0,
        uptime_ms: None,
        engine: 0,
        sampling: Sampling::default(),
        rate_unknown: false,
        sequence: None,
        records: Records::Data(records, &[]),
        first_index: 0,
        missing: 0,
        fault: None,
    }
}

/// Appends one record of a template that an exporter sent at `exported_secs`.
fn build_record(exported_secs: u32, record: &DataRecord) -> (Appended, FlowBatch) {
    build_record_with(&mut FlowBuilder::new(), exported_secs, record)
}

fn build_record_with(
    builder: &mut FlowBuilder,
    exported_secs: u32,
    record: &DataRecord,
) -> (Appended, FlowBatch) {
    let records = [DataRecord { src: Some(EXPORTER), dst: Some(EXPORTER), ..*record }];
    let packet = ExportPacket { exported_secs, engine: 1, ..packet_of(&records) };
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let mut to = Batches { v4: &mut v4, v6: &mut v6 };
    let appended = builder.append(&packet, EXPORTER, 4000, ID, &mut to);
    (appended, v4)
}

#[test]
fn a_time_more_than_a_day_after_its_export_is_not_believed_and_is_counted() {
    const SENT: u64 = 1_760_000_000_000;
    const LEAD: u64 = MAX_BELIEVED_LEAD_MS;
    let stamp = |millis: u64| Some(Stamp::Unix(UnixMillis(millis)));
    let (end, decades) = (stamp(SENT - 1000), stamp(2_272_000_000_000));
    let all_ones = stamp(u64::MAX);
    let record = |first, last| DataRecord { first, last, ..DataRecord::default() };
    let lasted = |lasted_ms, record| DataRecord { lasted_ms: Some(lasted_ms), ..record };
    let event = |time| DataRecord { observed: Some(UnixMillis(time)), ..DataRecord::default() };
    for (what, record, (first, duration), not_believed) in [
        ("a day is possible", record(stamp(SENT + LEAD), None), (SENT + LEAD, 0), 0),
        ("a moment more is not", record(stamp(SENT + LEAD + 1), None), (SENT, 0), 1),
        ("the end takes its place", record(decades, end), (SENT - 1000, 0), 1),
        ("the end less what it lasted", lasted(300, record(decades, end)), (SENT - 1300, 300), 1),
        ("the export takes the place of both", record(decades, decades), (SENT, 0), 1),
        ("all ones say nothing", record(all_ones, all_ones), (SENT, 0), 1),
        ("an end that cannot be", record(end, all_ones), (SENT - 1000, 0), 1),
        ("its length stands for it", lasted(50, record(end, decades)), (SENT - 1000, 50), 1),
        ("an event that cannot be", event(u64::MAX), (SENT, 0), 1),
    ] {
        let (appended, batch) = build_record((SENT / 1000) as u32, &record);
        assert_eq!((batch.first_ms[0], batch.duration_ms[0]), (first, duration), "{what}");
        assert_eq!((appended.appended, appended.not_believed), (1, not_believed), "{what}");
    }
}

#[test]
fn what_was_received_tells_of_no_later_time_where_its_export_tells_none() {
    let received = UnixMillis(1_760_000_000_000);
    for (first, expected, not_believed) in [
        (received.0 + 5, received.0 + 5, 0),
        (received.0 + MAX_BELIEVED_LEAD_MS + 1, 0, 1),
        (u64::MAX, 0, 1),
    ] {
        let mut builder = FlowBuilder::new();
        builder.set_received(received);
        let first = Some(Stamp::Unix(UnixMillis(first)));
        let record = DataRecord { first, ..DataRecord::default() };
        let (appended, batch) = build_record_with(&mut builder, 0, &record);
        assert_eq!((batch.first_ms[0], appended.not_believed), (expected, not_believed));
    }
}

#[test]
fn a_flow_at_a_time_that_no_calendar_has_is_rejected_as_such() {
    let at = |millis| DataRecord {
        first: Some(Stamp::Unix(UnixMillis(millis))),
        ..DataRecord::default()
    };
    // An export that tells no time of its own can be of any.
    let (appended, batch) = build_record(0, &at(UnixMillis::LAST.0));
    assert_eq!((appended.appended, batch.first_ms[0]), (1, UnixMillis::LAST.0));
    for millis in [UnixMillis::LAST.0 + 1, u64::MAX] {
        let (appended, batch) = build_record(0, &at(millis));
        assert_eq!(appended.rejected().collect::<Vec<_>>(), [("no such time", 1)]);
        assert!(batch.is_empty());
    }
}

#[test]
fn records_that_are_cut_off_are_rejected_by_that_name() {
    let mut payload = Vec::new();
    v5::encode(&Header { count: 5, ..header() }, &[record(0, 0); 5], &mut payload);
    let packet = crate::netflow::decode(&payload[..24 + 2 * 48 + 47], payload.len()).unwrap();
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let mut to = Batches { v4: &mut v4, v6: &mut v6 };
    let appended = FlowBuilder::new().append(&packet, EXPORTER, 4000, ID, &mut to);
    assert_eq!(appended.rejected().collect::<Vec<_>>(), [("cut", 3)]);
    assert_eq!((appended.records, appended.appended), (5, 2));
}

#[test]
fn sources_are_bounded_by_exporter_and_altogether() {
    let mut builder = FlowBuilder::new();
    let exporters = (MAX_SOURCES / MAX_SOURCES_OF_EXPORTER) as u8;
    for exporter in 0..=exporters {
        for number in 0..=MAX_SOURCES_OF_EXPORTER {
            let header =
                Header { engine_type: (number >> 8) as u8, engine_id: number as u8, ..header() };
            let sender = [192, 0, 2, exporter].into();
            let (appended, _) = build_from(&mut builder, sender, &header, &[record(0, 0)]);
            let full = exporter == exporters || number == MAX_SOURCES_OF_EXPORTER;
            assert_eq!(appended.appended, u64::from(!full), "{exporter} {number}");
            let rejected = full.then_some(("too many sources", 1));
            assert_eq!(appended.rejected().collect::<Vec<_>>(), Vec::from_iter(rejected));
        }
    }
    // One that is known is taken as before.
    assert_eq!(builder.sources().len(), MAX_SOURCES);
    let known = Header { engine_type: 0, engine_id: 7, ..header() };
    let (appended, batch) = build(&mut builder, &known, &[record(0, 0)]);
    assert_eq!((appended.appended, batch.record(0).source.engine), (1, 7));
}

#[test]
fn a_sender_takes_one_share_whatever_agents_it_claims() {
    let records = [DataRecord {
        src: Some([10, 0, 0, 1].into()),
        dst: Some([10, 0, 0, 2].into()),
        ..DataRecord::default()
    }];
    let mut builder = FlowBuilder::new();
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let mut take = |sender: u8, agent: u32, engine| {
        let packet = ExportPacket {
            exporter: Some(agent.to_be_bytes().into()),
            exported_secs: 1_186_040_527,
            engine,
            ..packet_of(&records)
        };
        let mut to = Batches { v4: &mut v4, v6: &mut v6 };
        let sender = [203, 0, 113, sender].into();
        builder.append(&packet, sender, 4000, ID, &mut to).appended == 1
    };
    let taken = (0..2 * MAX_SOURCES as u32).filter(|&number| take(1, number / 9, number % 9));
    assert_eq!(taken.count(), MAX_SOURCES_OF_EXPORTER);
    // Others are taken, of this batch and of the next one.
    assert!(take(2, 7 << 24, 0) && !take(1, 8 << 24, 0));
    assert_eq!(builder.take_sources().len(), MAX_SOURCES_OF_EXPORTER + 1);
    let mut to = Batches { v4: &mut v4, v6: &mut v6 };
    let packet = ExportPacket {
        exporter: Some([9, 0, 0, 0].into()),
        exported_secs: 1_186_040_527,
        engine: 3,
        ..packet_of(&records)
    };
    let appended = builder.append(&packet, [203, 0, 113, 1].into(), 4000, ID, &mut to);
    assert_eq!((appended.appended, builder.sources().len()), (1, 1));
}

#[test]
fn exporters_that_records_name_take_a_share_of_their_sender_and_then_it_is_the_exporter() {
    let named = |number: u32| IpAddr::from((7 << 24 | number).to_be_bytes());
    let records: Vec<DataRecord> = (0..MAX_SOURCES_OF_EXPORTER as u32)
        .map(|number| DataRecord {
            src: Some([10, 0, 0, 1].into()),
            dst: Some([10, 0, 0, 2].into()),
            exporter: Some(named(number)),
            ..DataRecord::default()
        })
        .collect();
    let packet = ExportPacket { exported_secs: 1_186_040_527, ..packet_of(&records) };
    let mut builder = FlowBuilder::new();
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let mut to = Batches { v4: &mut v4, v6: &mut v6 };
    let appended = builder.append(&packet, EXPORTER, 4000, ID, &mut to);
    assert_eq!(appended.appended, records.len() as u64);
    v4.sources = builder.sources();
    let half = MAX_SOURCES_OF_EXPORTER / 2;
    assert_eq!((v4.sources.len(), builder.claimed().len()), (half + 1, half));
    let told = |row: usize| {
        let sender = extra_value(v4.extras.get(row), SENT_BY).map(<[u8]>::to_vec);
        (v4.record(row).source.exporter, sender)
    };
    let IpAddr::V4(sender) = EXPORTER else { unreachable!() };
    assert_eq!(told(half - 1), (named(half as u32 - 1), Some(sender.octets().to_vec())));
    assert_eq!(told(half), (EXPORTER, None));
    // One that names itself is who it is.
    let own = [DataRecord { exporter: Some(EXPORTER), ..records[0] }];
    let packet = ExportPacket { exported_secs: 1_186_040_527, ..packet_of(&own) };
    let mut to = Batches { v4: &mut v4, v6: &mut v6 };
    builder.append(&packet, EXPORTER, 4000, ID, &mut to);
    assert_eq!(v4.record(records.len()).source.exporter, EXPORTER);
    assert!(v4.extras.get(records.len()).is_empty());
}

#[test]
fn records_of_too_many_samplings_are_stored_with_that_of_their_packet() {
    let address = |last| Some([10, 0, 0, last].into());
    let records: Vec<DataRecord> = (0..MAX_SOURCES_OF_EXPORTER as u32)
        .map(|number| DataRecord {
            src: address(1),
            dst: address(2),
            sampling: Some(Sampling { mode: 2, interval: 1000 + number }),
            ..DataRecord::default()
        })
        .collect();
    let packet = ExportPacket {
        exported_secs: 1_186_040_527,
        engine: 7,
        sampling: Sampling { mode: 1, interval: 10 },
        ..packet_of(&records)
    };
    let mut builder = FlowBuilder::new();
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let mut to = Batches { v4: &mut v4, v6: &mut v6 };
    let appended = builder.append(&packet, EXPORTER, 4000, ID, &mut to);
    assert_eq!(appended.appended, records.len() as u64);
    v4.sources = builder.sources();
    let half = MAX_SOURCES_OF_EXPORTER / 2;
    assert_eq!(v4.sources.len(), half + 1);
    let interval = |row| v4.record(row).source.sampling.interval;
    assert_eq!([interval(half - 1), interval(half)], [1000 + half as u32 - 1, 10]);
}

proptest! {
    #[test]
    fn columns_hold_what_the_rules_say_of_each_record(
        header: [u8; v5::HEADER_BYTES],
        early: bool,
        near: bool,
        records in prop::collection::vec(any::<[u8; v5::RECORD_BYTES]>(), 1..=30),
    ) {
        let mut header = Header::read(&header);
        if early {
            header.unix_secs %= 8_000_000;
        }
        let records: Vec<Record> = records
            .iter()
            .map(|bytes| {
                let mut record = Record::read(bytes);
                if near {
                    record.first_ms = header.uptime_ms.wrapping_sub(record.first_ms % 200_000);
                    record.last_ms = header.uptime_ms.wrapping_add(record.last_ms % 200_000);
                }
                record
            })
            .collect();
        let (appended, batch) = build(&mut FlowBuilder::new(), &header, &records);
        let flows: Vec<_> =
            records.iter().filter_map(|record| expected(&header, record)).collect();
        let clamped = flows.iter().filter(|(_, clamped)| *clamped).count();
        prop_assert_eq!(appended.clamped, clamped as u64);
        prop_assert_eq!(appended.records, appended.appended + appended.before_1970);
        let flows: Vec<_> = flows.into_iter().map(|(flow, _)| flow).collect();
        prop_assert_eq!(batch.records().collect::<Vec<_>>(), flows);
    }
}
