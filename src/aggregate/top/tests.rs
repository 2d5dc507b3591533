use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;
use proptest::prelude::*;

use super::counts::Kept;
use super::layout::MAX_WORDS;
use super::piece::Side;
use super::*;
use crate::flow::{
    Column, FlowBatch, FlowRecord, Origin, Protocol, Sampling, Source, TimeRange, UnixMillis,
    address_bits,
};
use crate::row::Predicate;
use crate::store::memory::MemoryStore;
use crate::store::{FlowStream, Region, SCAN_BATCH_ROWS, Store, WriteBatch};

fn any_flow() -> impl Strategy<Value = FlowRecord> {
    let few = || prop_oneof![0u128..4, (0u128..3).prop_map(|n| n << 64 | 7), Just(u128::MAX)];
    let number = || prop_oneof![0u32..3, Just(u32::MAX)];
    let counter = || prop_oneof![0u64..9, Just(u64::MAX)];
    let exporters = prop::sample::select(vec!["10.0.0.1", "9.0.0.2", "::a00:1", "2001:db8::1"]);
    (
        (any::<bool>(), few(), few(), few(), exporters),
        [number(), number(), number(), number(), number(), number()],
        (prop_oneof![0u64..4000, Just(u64::MAX - 9)], 0u32..3000),
        (counter(), counter()),
        prop::array::uniform5(prop_oneof![0u8..3, Just(33), Just(200)]),
    )
        .prop_map(
            |((is_v6, src, dst, next_hop, exporter), numbers, times, counters, bytes)| {
                let family = if is_v6 { Family::V6 } else { Family::V4 };
                let address = |bits: u128| family.address(bits);
                FlowRecord {
                    next_hop: address(next_hop),
                    first: UnixMillis(times.0),
                    duration_ms: times.1,
                    octets: counters.0,
                    packets: counters.1,
                    src_port: numbers[0] as u16,
                    dst_port: numbers[1] as u16,
                    protocol: Protocol(bytes[0]),
                    tcp_flags: bytes[1],
                    tos: bytes[2],
                    input: numbers[2],
                    output: numbers[3],
                    src_as: numbers[4],
                    dst_as: numbers[5],
                    src_mask: bytes[3].min(if is_v6 { 128 } else { 32 }),
                    dst_mask: bytes[4].min(if is_v6 { 128 } else { 32 }),
                    source: Source {
                        exporter: exporter.parse().unwrap(),
                        engine: 0,
                        sampling: Sampling::default(),
                    },
                    ..FlowRecord::between(address(src), address(dst))
                }
            },
        )
}

fn store_of(flows: &[FlowRecord]) -> MemoryStore {
    let mut batch = WriteBatch::new();
    let sources: Arc<Vec<Source>> = Arc::new(flows.iter().map(|flow| flow.source).collect());
    for family in Family::ALL {
        batch.family_mut(family).sources = Arc::clone(&sources);
    }
    for (place, flow) in flows.iter().enumerate() {
        batch.family_mut(flow.family()).push(flow, place as u32, Origin(place as u64));
    }
    let store = MemoryStore::default();
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    drop(writer);
    store
}

/// The value of a column, from the record's own field.
fn number(column: Column, flow: &FlowRecord) -> KeyValue {
    KeyValue::Number(match column {
        Column::SrcPort => flow.src_port.into(),
        Column::DstPort => flow.dst_port.into(),
        Column::SrcAs => flow.src_as.into(),
        Column::DstAs => flow.dst_as.into(),
        Column::Input => flow.input.into(),
        Column::Output => flow.output.into(),
        Column::Tos => flow.tos.into(),
        Column::Protocol => return KeyValue::Protocol(flow.protocol),
        Column::TcpFlags => return KeyValue::TcpFlags(flow.tcp_flags),
        other => panic!("no key is made of {other:?}"),
    })
}

/// The value of a field, from the record's own fields.
fn slow_value(field: &KeyField, flow: &FlowRecord, side: Side) -> KeyValue {
    fn of<T>(end: End, side: Side, src: T, dst: T) -> T {
        if end == End::Src || end == End::Any && side == Side::Src { src } else { dst }
    }
    let net = |address: IpAddr, length: u8| IpNet::new(address, length).unwrap().trunc();
    match *field {
        KeyField::Address(end, prefix) => {
            let address = of(end, side, flow.src, flow.dst);
            let (length, whole) = match address {
                IpAddr::V4(_) => (prefix.v4, 32),
                IpAddr::V6(_) => (prefix.v6, 128),
            };
            if length == whole {
                KeyValue::Address(address)
            } else {
                KeyValue::Net(net(address, length))
            }
        }
        KeyField::Route(end) => {
            KeyValue::Net(of(end, side, net(flow.src, flow.src_mask), net(flow.dst, flow.dst_mask)))
        }
        KeyField::Pair => KeyValue::Pair(flow.src.min(flow.dst), flow.src.max(flow.dst)),
        KeyField::OfEither(column) if side == Side::Dst => number(column.other_end(), flow),
        KeyField::Number(column) | KeyField::OfEither(column) => number(column, flow),
        KeyField::Exporter => KeyValue::Address(flow.source.exporter),
        KeyField::NextHop => KeyValue::Address(flow.next_hop),
        KeyField::Event(kind) => KeyValue::Event(kind, None),
        KeyField::Element(key) | KeyField::EitherElement(key, _) => {
            KeyValue::Element(key.kind, None)
        }
        KeyField::Meant(..) | KeyField::AsNumber(..) => panic!("no such key is made here"),
        KeyField::Bin(span) => KeyValue::Time(UnixMillis(flow.first.0 - flow.first.0 % span)),
    }
}

fn slow_top(flows: &[FlowRecord], options: &TopOptions) -> Top {
    let any = options.fields.iter().any(|field| field.end() == Some(End::Any));
    let sides = if any { &Side::BOTH[..] } else { &Side::BOTH[..1] };
    let mut map: BTreeMap<Vec<KeyValue>, Counts> = BTreeMap::new();
    let mut totals = Counters::default();
    for flow in flows {
        let counters =
            Counters { flows: 1, packets: flow.packets.into(), octets: flow.octets.into() };
        totals.add(counters);
        for &side in sides {
            let key = options.fields.iter().map(|field| slow_value(field, flow, side)).collect();
            let counts = map.entry(key).or_insert(Counts::NONE);
            counts.counters.add(counters);
            counts.first = counts.first.min(flow.first);
            counts.last = counts.last.max(flow.last());
        }
    }
    let keys = map.len() as u64;
    let mut entries: Vec<TopEntry> =
        map.into_iter().map(|(key, counts)| TopEntry { key, counts }).collect();
    // Keys are in order already.
    entries.sort_by_key(|entry| Reverse(entry.counts.get(options.order)));
    entries.truncate(options.count.unwrap_or(usize::MAX));
    let is_event = |flow: &&FlowRecord| (flow.packets, flow.octets) == (0, 0);
    let without_traffic = flows.iter().filter(is_event).count() as u64;
    Top { entries, keys, totals, without_traffic }
}

const KEYS: [&str; 29] = [
    "vlan",
    "element:applicationName",
    "src",
    "dst",
    "ip",
    "srcport",
    "dstport",
    "port",
    "proto",
    "pair",
    "srcas",
    "dstas",
    "as",
    "input",
    "output",
    "if",
    "exporter",
    "nexthop",
    "flags",
    "tos",
    "bin:1s",
    "bin:1d",
    "src/30/70",
    "dst/0/0",
    "ip/31/64",
    "srcnet",
    "dstnet",
    "net",
    "src/1/127",
];

fn any_options() -> impl Strategy<Value = TopOptions> {
    let fields = prop::collection::vec(prop::sample::select(&KEYS[..]), 1..6)
        .prop_filter_map("a key twice, or too long", |keys| parse_keys(&keys.join(",")).ok());
    let order = prop::sample::select(&TopOrder::ALL[..]);
    (fields, order, prop::option::of(1usize..12)).prop_map(|(fields, order, count)| TopOptions {
        fields,
        order,
        count,
        zone: TimeZone::UTC,
        limits: Limits::default(),
    })
}

proptest! {
    #[test]
    fn a_top_is_the_head_of_a_sorted_map(
        flows in prop::collection::vec(any_flow(), 0..60), options in any_options(),
    ) {
        let snapshot = store_of(&flows).snapshot().unwrap();
        let top = Top::of(&*snapshot, &[Scan::all(Columns::NONE)], &options).unwrap();
        prop_assert_eq!(top, slow_top(&flows, &options));
    }

    #[test]
    fn a_top_is_of_the_flows_that_the_scan_finds(
        flows in prop::collection::vec(any_flow(), 0..60), options in any_options(), since in 0u64..4000,
    ) {
        let time = TimeRange { since: UnixMillis(since), until: UnixMillis(since + 2000) };
        let host = Family::V4.address(1);
        let scan = Scan { time, predicate: Some(Predicate::dst(host)), ..Scan::all(Columns::NONE) };
        let found: Vec<FlowRecord> = flows
            .iter()
            .filter(|flow| time.contains(flow.first) && flow.dst == host)
            .copied()
            .collect();
        let snapshot = store_of(&flows).snapshot().unwrap();
        prop_assert_eq!(Top::of(&*snapshot, &[scan], &options).unwrap(), slow_top(&found, &options));
    }

    #[test]
    fn packed_keys_are_unpacked_and_compare_as_their_values(
        flows in prop::collection::vec(any_flow(), 2..30), options in any_options(),
    ) {
        for family in Family::ALL {
            let layout = Layout::new(&options.fields, &TimeZone::UTC, family);
            let mut batch = FlowBatch::new(family);
            batch.sources = Arc::new(flows.iter().map(|flow| flow.source).collect());
            let flows: Vec<_> = flows.iter().enumerate().filter(|(_, flow)| flow.family() == family).collect();
            for (place, flow) in &flows {
                batch.push(flow, *place as u32, Origin(0));
            }
            for &side in layout.sides() {
                let mut keys = Vec::new();
                layout.pack::<MAX_WORDS>(&batch, &(0..batch.len()), side, &mut keys);
                let values: Vec<Vec<KeyValue>> = flows
                    .iter()
                    .map(|(_, flow)| options.fields.iter().map(|field| slow_value(field, flow, side)).collect())
                    .collect();
                for (key, value) in keys.iter().zip(&values) {
                    prop_assert_eq!(&layout.unpack(key), value);
                    prop_assert_eq!(layout.pack_values(value), Some(*key));
                }
                for (keys, values) in keys.windows(2).zip(values.windows(2)) {
                    prop_assert_eq!(keys[0].cmp(&keys[1]), values[0].cmp(&values[1]));
                }
            }
        }
    }
}

#[test]
fn keys_take_as_few_words_as_they_fit() {
    for (key, v4, v6) in [
        ("src", 1, 2),
        ("src,dst", 1, 4),
        ("pair", 1, 4),
        ("srcport,dstport,proto", 1, 1),
        ("5-tuple", 2, 5),
        ("src,bin:5m", 2, 3),
        ("src/24/64,dst/24/64", 1, 2),
        ("as,tos,flags,proto", 1, 1),
        ("src/0", 0, 2),
    ] {
        let fields = parse_keys(key).unwrap();
        let words = Family::ALL.map(|family| Layout::new(&fields, &TimeZone::UTC, family).words());
        assert_eq!(words, [v4, v6], "{key}");
    }
}

#[test]
fn only_what_is_needed_is_read() {
    let columns = |key: &str| {
        let layout = Layout::new(&parse_keys(key).unwrap(), &TimeZone::UTC, Family::V4);
        layout.columns(layout.sides())
    };
    assert_eq!(columns("src"), Columns::of(&[Column::Src]));
    assert_eq!(columns("ip,proto"), Columns::of(&[Column::Src, Column::Dst, Column::Protocol]));
    assert_eq!(columns("srcnet"), Columns::of(&[Column::Src, Column::SrcMask]));
    assert_eq!(columns("bin:5m"), Columns::of(&[Column::First]));
    assert_eq!(<[u64; 1] as Kept>::COLUMNS, Columns::NONE);
}

/// A flow from `src` to `dst`, of octets that no other has.
fn numbered(number: u32) -> FlowRecord {
    FlowRecord {
        src: Family::V4.address((number % 997).into()),
        dst: Family::V4.address((number / 7).into()),
        octets: number.into(),
        packets: 1,
        first: UnixMillis(number.into()),
        ..FlowBatch::new(Family::V4).record(0)
    }
}

#[test]
fn many_winners_are_counted_as_few_are() {
    let flows: Vec<FlowRecord> = (0..20_000).map(numbered).collect();
    let snapshot = store_of(&flows).snapshot().unwrap();
    for key in ["src", "dst", "ip", "src,dst", "pair", "src/24"] {
        let fields = parse_keys(key).unwrap();
        let top = |count| {
            let (order, limits) = (TopOrder::default(), Limits::default());
            let options =
                TopOptions { fields: fields.clone(), order, count, zone: TimeZone::UTC, limits };
            Top::of(&*snapshot, &[Scan::all(Columns::NONE)], &options).unwrap()
        };
        // All kept at once; looked up by address; looked for among all flows.
        let all = top(None);
        assert_eq!(all.entries.len() as u64, all.keys);
        for count in [1, 20, 500, 30_000] {
            let mut head = all.clone();
            head.entries.truncate(count);
            assert!(top(Some(count)) == head, "{count} of {key}");
        }
    }
}

#[test]
fn a_stretch_of_time_begins_at_a_multiple_of_its_length() {
    let fields = parse_keys("bin:7m").unwrap();
    let layout = Layout::new(&fields, &TimeZone::UTC, Family::V4);
    let batch_of = |first_ms: u64| {
        let mut batch = FlowBatch::new(Family::V4);
        batch.push(&FlowRecord { first: UnixMillis(first_ms), ..numbered(0) }, 0, Origin(0));
        batch
    };
    for (first_ms, begins_ms) in [
        (0, 0),
        (419_999, 0),
        (420_000, 420_000),
        (1_186_040_939_999, 1_186_040_520_000),
        (u64::MAX, u64::MAX - u64::MAX % 420_000),
    ] {
        let mut keys = Vec::new();
        layout.pack::<1>(&batch_of(first_ms), &(0..1), Side::Src, &mut keys);
        assert_eq!(layout.unpack(&keys[0]), [KeyValue::Time(UnixMillis(begins_ms))]);
    }
}

/// How many of 2^16 keys meet another in their slot, in a table of 2^17.
#[test]
fn keys_that_share_most_of_their_bits_collide_no_more_than_others() {
    use crate::aggregate::sums::Key as _;
    type Hash = fn(u64) -> u64;
    const KEYS: u64 = 1 << 16;
    let collisions = |hash: Hash| {
        // As a table takes its slot from the hash.
        let slots = (0..KEYS).map(|number| hash(number) >> 16 & (2 * KEYS - 1));
        KEYS as usize - slots.collect::<HashSet<_>>().len()
    };
    let hashes: [(&str, Hash); 8] = [
        ("low half shared", |number| [0x2001_0db8_0000_0000 + number, 1].hash()),
        ("networks", |number| [0x2001_0db8_0000_0000 + (number << 16), 1].hash()),
        ("high half shared", |number| [0x2001_0db8_0000_0000, number].hash()),
        ("hosts far apart", |number| [0x2001_0db8_0000_0000, number << 48].hash()),
        ("both change", |number| [0x2001_0db8_0000_0000 + (number << 16), number].hash()),
        ("a port", |number| [number << 48].hash()),
        ("an address", |number| [(0x0a00_0000 + number) << 32].hash()),
        ("two ports", |number| [(number & 0xff) << 48 | (number >> 8) << 32].hash()),
    ];
    // Thrown at random, 65,536 keys take 131,072 · (1 − e^−½) slots: 13,962 meet another.
    for (name, hash) in hashes {
        let met = collisions(hash);
        assert!(met < 14_700, "{name}: {met} collisions");
    }
}

/// Flows that are made when they are read.
struct Made {
    flows: u64,
    family: Family,
    /// The source of a flow by its number.
    src: fn(u64) -> u128,
    /// The number of the flow of a source.
    number: fn(u128) -> u64,
}

impl Made {
    fn octets(number: u64) -> u64 {
        if number < 20 { 1_000_000 - number } else { number % 1000 }
    }
}

impl Snapshot for Made {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let Self { family, src, .. } = *self;
        let region =
            |numbers: Range<u64>| Box::new(MadeRegion { numbers, family, src }) as Box<dyn Region>;
        let lead = scan.lead.as_ref();
        match lead.map(|lead| (lead.lacks(self.family), lead.host())) {
            Some((true, _)) => Ok(Vec::new()),
            Some((false, Some(host))) => {
                let number = (self.number)(address_bits(host));
                Ok(vec![region(number..number + 1)])
            }
            _ => {
                let some = self.flows / 64;
                Ok((0..64).map(|part| region(part * some..(part + 1) * some)).collect())
            }
        }
    }

    fn plan(&self, _: &Scan) -> Result<crate::store::Plan> {
        unimplemented!("nobody asks")
    }

    fn flows(&self) -> Result<u64> {
        Ok(self.flows)
    }
}

struct MadeRegion {
    numbers: Range<u64>,
    family: Family,
    src: fn(u64) -> u128,
}

impl Region for MadeRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self { numbers, family, src } = *self;
        let starts = numbers.clone().step_by(SCAN_BATCH_ROWS);
        Box::new(starts.map(move |start| {
            let numbers = start..(start + SCAN_BATCH_ROWS as u64).min(numbers.end);
            let rows = (numbers.end - numbers.start) as usize;
            let mut batch = FlowBatch::new(family);
            for number in numbers {
                batch.src.push_bits(src(number));
                batch.dst.push_bits(u128::from(number % 7));
                batch.octets.push(Made::octets(number));
            }
            batch.packets.resize(rows, 1);
            batch.first_ms.resize(rows, 1_186_040_520_000);
            batch.duration_ms.resize(rows, 9);
            batch.src_port.resize(rows, 443);
            batch.dst_port.resize(rows, 50_000);
            batch.protocol.resize(rows, 6);
            batch.set_len(rows);
            Ok(batch)
        }))
    }
}

/// The most memory that this process ever had, in bytes; None where the system does not tell.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

const ODD: u32 = 0x9e37_79b1;

/// What `ODD` has to be multiplied by to be 1.
const fn inverse() -> u32 {
    let mut inverse = 1u32;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(ODD.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

/// Run it as `cargo test --release a_hundred_million_keys -- --ignored --nocapture`, alone.
#[test]
#[ignore = "takes a minute, and gigabytes of temporary files"]
fn a_hundred_million_keys_are_told_apart_in_the_memory_allowed() {
    const FLOWS: u64 = 100_000_000 / 64 * 64;
    let snapshot = Made {
        flows: FLOWS,
        family: Family::V4,
        src: |number| (number as u32).wrapping_mul(ODD).into(),
        number: |src| (src as u32).wrapping_mul(inverse()).into(),
    };
    for key in ["src", "5-tuple"] {
        let started = Instant::now();
        let options = TopOptions {
            fields: parse_keys(key).unwrap(),
            order: TopOrder::default(),
            count: Some(20),
            zone: TimeZone::UTC,
            limits: Limits::default(),
        };
        let top = Top::of(&snapshot, &[Scan::all(Columns::NONE)], &options).unwrap();
        let octets: Vec<u128> =
            top.entries.iter().map(|entry| entry.counts.counters.octets).collect();
        assert_eq!(octets, (999_981..=1_000_000).rev().collect::<Vec<u128>>());
        assert_eq!((top.keys, top.totals.flows), (FLOWS, FLOWS.into()));
        let peak = peak_bytes();
        println!("{key}: {:.1?}, at most {peak:?} bytes", started.elapsed());
        assert!(peak.is_none_or(|peak| peak < 256_000_000), "{peak:?} bytes");
    }
}

/// Run it as `cargo test --release ipv6_addresses_that_share -- --ignored --nocapture`.
#[test]
#[ignore = "takes its time, and tells it"]
fn ipv6_addresses_that_share_one_half_take_no_longer_than_others() {
    type Src = fn(u64) -> u128;
    const PREFIX: u128 = 0x2001_0db8 << 96;
    let srcs: [(&str, Src); 4] = [
        ("spread over all bits", |number| {
            u128::from(number % 2_000_000).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        }),
        ("one low half", |number| PREFIX | u128::from(number % 2_000_000) << 64 | 1),
        ("one low half, /53s", |number| PREFIX | u128::from(number % 2_000_000) << 75 | 1),
        ("one high half", |number| PREFIX | u128::from(number % 2_000_000)),
    ];
    for (name, src) in srcs {
        let snapshot = Made { flows: 20_000_000 / 64 * 64, family: Family::V6, src, number: |_| 0 };
        let started = Instant::now();
        let options = TopOptions {
            fields: parse_keys("src").unwrap(),
            order: TopOrder::default(),
            count: Some(10),
            zone: TimeZone::UTC,
            limits: Limits::default(),
        };
        let top = Top::of(&snapshot, &[Scan::all(Columns::NONE)], &options).unwrap();
        assert_eq!(top.keys, 2_000_000);
        println!("{name}: {:.2?}", started.elapsed());
    }
}
