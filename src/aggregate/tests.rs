//! What is answered from sums is what the flows say.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{
    BinWidth, Limits, Measure, Stats, Timeline, TimelineOptions, Top, TopOptions, TopOrder, Whose,
    parse_keys,
};
use crate::flow::{Columns, FlowRecord, Protocol, Sampling, Source, TimeRange, UnixMillis};
use crate::query::Question;
use crate::query::filter::{Context, NoFiles, parse};
use crate::store::conformance::{flow, store_from};
use crate::store::embedded::{Effort, EmbeddedStore, Worth};
use crate::store::wrap::ScaledSnapshot;
use crate::store::{Plan, Reading, Region, Result, Rows, Scan, Snapshot, Store};

/// Every sum is worth its bytes.
const ALL: Worth = Worth { flows: 0, flows_a_row: 0 };
const TODAY: u64 = 20_000;
const DAY_MS: u64 = 86_400_000;
const BIN_MS: u64 = 300_000;

/// A snapshot whose sums nobody is shown.
struct FlowsOnly(Box<dyn Snapshot>);

impl Snapshot for FlowsOnly {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        self.0.regions(&Scan { rows: Rows::Flows, ..scan.clone() })
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        self.0.plan(scan)
    }

    fn flows(&self) -> Result<u64> {
        self.0.flows()
    }
}

/// What flows differ in.
#[derive(Debug, Clone)]
struct Made {
    ends: (usize, usize),
    first: u64,
    duration_ms: u32,
    counters: (u64, u64),
    ports: (u16, u16),
    protocol: u8,
    interfaces: (u32, u32),
    asn: (u32, u32),
    source: usize,
}

fn record(made: &Made) -> FlowRecord {
    const HOSTS: [&str; 4] = ["0.0.0.0", "10.0.0.1", "10.0.1.1", "255.255.255.255"];
    const HOSTS_V6: [&str; 2] = ["2001:db8::1", "2001:db8:1::1"];
    let is_v6 = made.ends.0 >= HOSTS.len();
    let host = |at: usize| if is_v6 { HOSTS_V6[at % 2] } else { HOSTS[at % 4] };
    let sampling = [(1, 0), (1, 1), (1, 100), (2, 1), (2, u32::MAX), (3, 100)][made.source];
    let source = Source {
        exporter: [192, 0, 2, sampling.0].into(),
        engine: made.source as u32,
        sampling: Sampling { mode: 0, interval: sampling.1 },
    };
    FlowRecord {
        duration_ms: made.duration_ms,
        octets: made.counters.0,
        packets: made.counters.1,
        src_port: made.ports.0,
        dst_port: made.ports.1,
        protocol: Protocol(made.protocol),
        input: made.interfaces.0,
        output: made.interfaces.1,
        src_as: made.asn.0,
        dst_as: made.asn.1,
        source,
        ..flow(host(made.ends.0), host(made.ends.1), made.first, 0)
    }
}

fn any_made() -> Made {
    Made {
        ends: (1, 2),
        first: TODAY * DAY_MS,
        duration_ms: 0,
        counters: (90, 2),
        ports: (53, 443),
        protocol: 17,
        interfaces: (1, 2),
        asn: (0, 0),
        source: 0,
    }
}

fn any_flow() -> impl Strategy<Value = FlowRecord> {
    let of_day = prop_oneof![
        0..DAY_MS,
        Just(0),
        Just(DAY_MS - 1),
        (0..288u64, -1..2i64).prop_map(|(bin, by)| (bin * BIN_MS).saturating_add_signed(by))
    ];
    let first = (0..3u64, of_day).prop_map(|(day, of_day)| (TODAY + day) * DAY_MS + of_day);
    let duration = prop_oneof![4 => 0..100_000u32, 1 => Just(u32::MAX), 1 => Just(0)];
    let counter =
        || prop_oneof![2 => Just(0), 6 => 0..5000u64, 1 => Just(u64::MAX), 1 => any::<u64>()];
    let port = || prop_oneof![Just(53), Just(443), Just(u16::MAX)];
    let few = || prop_oneof![Just(0), Just(7u32), Just(u32::MAX)];
    let rest = ((port(), port()), prop_oneof![Just(6u8), Just(17)], (few(), few()), (few(), few()));
    ((0..6usize, 0..6usize), first, duration, (counter(), counter()), rest, 0..6usize).prop_map(
        |(ends, first, duration_ms, counters, (ports, protocol, interfaces, asn), source)| {
            record(&Made {
                ends,
                first,
                duration_ms,
                counters,
                ports,
                protocol,
                interfaces,
                asn,
                source,
            })
        },
    )
}

/// What a store went through.
#[derive(Debug, Clone)]
enum Step {
    Load(Vec<FlowRecord>),
    Compact,
    Expire(u64),
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let load = || prop::collection::vec(any_flow(), 1..60).prop_map(Step::Load);
    let time = prop_oneof![
        (0..4u64).prop_map(|day| (TODAY + day) * DAY_MS),
        (0..3 * DAY_MS).prop_map(|time| TODAY * DAY_MS + time)
    ];
    let step = prop_oneof![3 => load(), 3 => Just(Step::Compact), 1 => time.prop_map(Step::Expire)];
    (load(), prop::collection::vec(step, 1..6)).prop_map(|(first, mut steps)| {
        steps.insert(0, first);
        steps.push(Step::Compact);
        steps
    })
}

fn any_window() -> impl Strategy<Value = TimeRange> {
    let edge = || {
        prop_oneof![
            (0..4u64).prop_map(|day| day * DAY_MS),
            (0..3 * 288u64).prop_map(|bin| bin * BIN_MS),
            0..3 * DAY_MS
        ]
    };
    let moment = |time: u64| UnixMillis(TODAY * DAY_MS + time);
    prop_oneof![
        Just(TimeRange::ALL),
        (edge(), edge())
            .prop_map(move |(a, b)| TimeRange { since: moment(a.min(b)), until: moment(a.max(b)) })
    ]
}

fn take(store: &EmbeddedStore, number: usize, step: &Step) {
    match step {
        Step::Load(flows) => store_from(store, number as u64 * 1000, flows),
        Step::Compact => {
            store.compact_for(Effort::Full, ALL, &AtomicBool::new(false)).unwrap();
        }
        Step::Expire(before) => {
            store.expire(UnixMillis(*before), false).unwrap();
        }
    }
}

const KEYS: [&str; 20] = [
    "src",
    "dst",
    "ip",
    "srcport",
    "dstport",
    "port",
    "port:p",
    "proto",
    "srcas",
    "dstas",
    "as",
    "input",
    "if",
    "exporter",
    "src/24",
    "ip/16/32",
    "bin:1d,proto",
    "bin:5m",
    "src,dst",
    "exporter,input,bin:1h",
];
const FILTERS: [&str; 6] =
    ["any", "proto tcp", "src net 10.0.0.0/24", "exporter ip 192.0.2.1", "port 53", "bytes > 9"];
const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Africa/Monrovia"];

/// Asks the same of the sums and of the flows; gives back what was read of the sums.
fn ask(store: &EmbeddedStore, time: TimeRange, filter: &str, scaled: bool) -> Vec<Reading> {
    let of_sums = || store.snapshot().unwrap();
    let of_flows = || Box::new(FlowsOnly(store.snapshot().unwrap())) as Box<dyn Snapshot>;
    let context = Context { zone: TimeZone::UTC, now: UnixMillis::EPOCH, files: &NoFiles };
    let filter_of = Some(parse(filter, &context).unwrap());
    let question = Question { time, filter: filter_of, ..Question::everything() };
    let mut read = Vec::new();
    let mut ask = |answer: &dyn Fn(&dyn Snapshot, &crate::query::Lookup) -> String| {
        let [sums, flows] = [of_sums(), of_flows()].map(|snapshot| {
            let lookup = question.plan_unordered(Stats::COLUMNS);
            let told = if scaled {
                let snapshot = ScaledSnapshot::new(snapshot);
                format!("{} {:?}", answer(&snapshot, &lookup), snapshot.scaled())
            } else {
                answer(&*snapshot, &lookup)
            };
            (told, lookup.reading())
        });
        assert_eq!(sums.0, flows.0, "{time:?} {filter} {scaled}");
        read.push(sums.1);
    };
    for zone in ZONES {
        let zone = TimeZone::get(zone).unwrap();
        ask(&|snapshot, lookup| format!("{:?}", Stats::of(snapshot, lookup, &zone).unwrap()));
    }
    for (number, keys) in KEYS.iter().enumerate() {
        let order = ["octets", "packets", "flows", "bps"][number % 4].parse::<TopOrder>().unwrap();
        let count = [Some(2), None][number / 4 % 2];
        let fields = parse_keys(keys).unwrap();
        let zone = TimeZone::get(ZONES[number % ZONES.len()]).unwrap();
        let options = TopOptions { fields, order, count, zone, limits: Limits::default() };
        ask(&|snapshot, lookup| {
            format!("{keys} {:?}", Top::of(snapshot, lookup.scans(), &options).unwrap())
        });
    }
    for (number, zone) in ZONES.iter().cycle().take(8).enumerate() {
        let by = Measure::ALL[number % 3];
        let (minute, day) = (60_000, 1440 * 60_000);
        let width = match number {
            0 => BinWidth::AtMost(2),
            1 => BinWidth::AtMost(300),
            2 => BinWidth::AtMost(40),
            number => BinWidth::Millis(
                NonZeroU64::new([5 * minute, minute, day, 90 * minute, 2 * day][number - 3])
                    .unwrap(),
            ),
        };
        let options = TimelineOptions { by, width, zone: TimeZone::get(zone).unwrap() };
        let options = &options;
        ask(&|snapshot, lookup| {
            let timeline = Timeline::of(snapshot, &[(Whose::All, lookup.clone())], options);
            format!("{options:?} {timeline:?}")
        });
    }
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sums_say_what_the_flows_say(
        steps in any_steps(),
        window in any_window(),
        asked_after in 0..6usize,
        filter in prop::sample::select(&FILTERS[..]),
        scaled in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::new(dir.path());
        for (number, step) in steps.iter().enumerate() {
            take(&store, number, step);
            if number == asked_after || number + 1 == steps.len() {
                ask(&store, window, filter, scaled);
            }
        }
        prop_assert_eq!(store.verify().unwrap().faults, Vec::<String>::new());
    }
}

/// Flows of three days, as many on each.
fn three_days() -> Vec<FlowRecord> {
    let of = |number: u64| Made {
        ends: (number as usize % 5, number as usize % 4),
        first: TODAY * DAY_MS + number % 3 * DAY_MS + number * 95_987 % DAY_MS,
        duration_ms: number as u32 % 70_000,
        counters: (number * 31 % 5000, number % 9),
        ports: (53, number as u16 % 9),
        protocol: [6, 17][number as usize % 2],
        interfaces: (number as u32 % 3, 7),
        asn: (number as u32 % 4, 64_500),
        source: number as usize % 6,
    };
    (0..900).map(|number| record(&of(number))).collect()
}

#[test]
fn whole_days_and_bins_are_read_from_sums_and_the_rest_from_flows() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    take(&store, 0, &Step::Load(three_days()));
    take(&store, 0, &Step::Compact);
    let begin = UnixMillis(TODAY * DAY_MS);
    let window = |since: u64, until: u64| TimeRange { since: begin + since, until: begin + until };
    let zones = ZONES.len();
    let key = |key: &str| zones + KEYS.iter().position(|&known| known == key).unwrap();
    let from = |time: TimeRange, filter: &str, at: usize| {
        let read = ask(&store, time, filter, true)[at];
        (read.sums > 0, read.sums == read.runs)
    };
    let (all, some, none) = ((true, true), (true, false), (false, false));
    for (time, filter, at, expected) in [
        (TimeRange::ALL, "any", 0, all),
        (TimeRange::ALL, "any", 1, all),
        // There clocks differed from UTC by a part of a minute in 1970.
        (TimeRange::ALL, "any", 3, none),
        (TimeRange::ALL, "any", key("src"), all),
        (TimeRange::ALL, "any", key("ip"), all),
        (TimeRange::ALL, "any", key("port:p"), all),
        (TimeRange::ALL, "any", key("if"), all),
        (TimeRange::ALL, "any", key("src/24"), all),
        (TimeRange::ALL, "any", key("src,dst"), none),
        (window(0, 2 * DAY_MS), "any", key("src"), all),
        (window(5 * BIN_MS, 2 * DAY_MS), "any", key("src"), some),
        (window(5 * BIN_MS, 2 * DAY_MS), "any", 0, all),
        (window(5 * BIN_MS + 1, 2 * DAY_MS), "any", 0, some),
        (window(5 * BIN_MS + 1, DAY_MS), "any", 0, none),
        (TimeRange::ALL, "proto tcp", 0, all),
        (TimeRange::ALL, "proto tcp", key("port:p"), all),
        (TimeRange::ALL, "proto tcp", key("src"), none),
        (TimeRange::ALL, "src net 10.0.0.0/24", key("src"), all),
        (TimeRange::ALL, "src net 10.0.0.0/24", key("dst"), none),
        (TimeRange::ALL, "exporter ip 192.0.2.1", key("exporter"), all),
        (TimeRange::ALL, "bytes > 9", 0, none),
    ] {
        assert_eq!(from(time, filter, at), expected, "{time:?} {filter} {at}");
    }
    for (time, scaled, expected) in [
        (TimeRange::ALL, false, [true, true, true, true, false, true, true, true]),
        // What is multiplied by its sampling is spread flow by flow.
        (TimeRange::ALL, true, [false; 8]),
        // So is what began on a part of a day.
        (window(DAY_MS / 2, DAY_MS), false, [false; 8]),
    ] {
        let read = ask(&store, time, "any", scaled).split_off(zones + KEYS.len());
        assert_eq!(read.iter().map(|read| read.sums > 0).collect::<Vec<_>>(), expected);
    }
    let rows = Rows::Sums { by: Columns::NONE, within_ms: 0 };
    let scan = Scan { rows, ..Scan::all(Columns::NONE) };
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.summed(&scan), (900, 900));
    assert_eq!(
        snapshot.plan(&scan).unwrap().notes,
        ["sums of flows are read in place of 6 of the runs"]
    );
}

#[test]
fn sums_of_many_pages_are_read_as_those_of_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    let host = |number: u32| IpAddr::from((0x0a00_0000 + number / 2).to_be_bytes());
    // Of two flows of a host one samples, and one in a thousand lasts for longer than a row can.
    let of = |number: u32| FlowRecord {
        src: host(number),
        first: UnixMillis(TODAY * DAY_MS + u64::from(number % 2) * (DAY_MS - 1)),
        duration_ms: if number % 1000 < 2 { u32::MAX } else { number },
        ..record(&Made { source: (number % 2 * 2) as usize, ..any_made() })
    };
    let flows: Vec<FlowRecord> = (0..18_000).map(of).collect();
    take(&store, 0, &Step::Load(flows));
    take(&store, 0, &Step::Compact);
    let read = ask(&store, TimeRange::ALL, "any", true);
    assert!(read.iter().any(|read| read.sums > 0));
    ask(&store, TimeRange::ALL, "src net 10.0.16.0/24", false);
    assert_eq!(store.verify().unwrap().faults, Vec::<String>::new());
}

/// The files of sums in the folder of `store`.
fn sums_files(store: &EmbeddedStore) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(store.dir()).unwrap().map(|entry| entry.unwrap().path());
    let is_sums = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("sums-");
    entries.filter(is_sums).collect()
}

#[test]
fn damaged_sums_are_found_and_give_no_wrong_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    take(&store, 0, &Step::Load(three_days()[..60].to_vec()));
    take(&store, 0, &Step::Compact);
    let answers = |store: &EmbeddedStore| -> Result<String> {
        let snapshot = store.snapshot()?;
        let lookup = Question::everything().plan_unordered(Stats::COLUMNS);
        let mut told = format!("{:?}", Stats::of(&*snapshot, &lookup, &TimeZone::UTC)?);
        for keys in ["ip", "port:p", "as"] {
            let fields = parse_keys(keys).unwrap();
            let (order, limits) = (TopOrder::default(), Limits::default());
            let options = TopOptions { fields, order, count: None, zone: TimeZone::UTC, limits };
            let top = Top::of(&*snapshot, lookup.scans(), &options)?;
            told = format!("{told}{top:?}");
        }
        Ok(told)
    };
    let expected = answers(&store).unwrap();
    for path in sums_files(&store).into_iter().take(4) {
        let whole = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let check = |bytes: Option<&[u8]>, what: &str| {
            match bytes {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            let store = EmbeddedStore::new(dir.path());
            match answers(&store) {
                Ok(told) => assert_eq!(told, expected, "{name}, {what}"),
                Err(error) => assert!(error.to_string().contains(name), "{name}, {what}: {error}"),
            }
            let faults = store.verify().unwrap().faults;
            assert!(faults.iter().any(|fault| fault.contains(name)), "{name}, {what}: {faults:?}");
        };
        for at in (0..whole.len()).step_by(211) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            check(Some(&damaged), &format!("byte {at}"));
        }
        check(Some(&whole[..whole.len() - 1]), "cut short");
        check(None, "gone");
        std::fs::write(&path, &whole).unwrap();
    }
    assert_eq!(answers(&EmbeddedStore::new(dir.path())).unwrap(), expected);
}

#[test]
fn sums_go_with_their_runs_and_come_where_they_pay() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    let stop = AtomicBool::new(true);
    take(&store, 0, &Step::Load(three_days()));
    // Who is told to stop leaves nothing behind.
    assert!(store.compact_for(Effort::Full, ALL, &stop).unwrap().stopped);
    assert_eq!(sums_files(&store), Vec::<PathBuf>::new());
    let bytes = |store: &EmbeddedStore| {
        let runs = store.snapshot().unwrap().size().unwrap().runs;
        runs.iter().map(|run| run.bytes).sum::<u64>()
    };
    let compact = |worth| store.compact_for(Effort::Full, worth, &AtomicBool::new(false)).unwrap();
    let usual = compact(Worth::USUAL);
    assert_eq!((sums_files(&store).len(), usual.bytes_after), (0, bytes(&store)));
    // Many are alike in something.
    compact(Worth { flows: 0, flows_a_row: 8 });
    let (files, with_sums) = (sums_files(&store).len(), bytes(&store));
    assert!((1..=12).contains(&files), "{files}");
    assert!(with_sums > usual.bytes_after, "{with_sums} {}", usual.bytes_after);
    // What was summed up is not summed up again.
    assert_eq!(compact(ALL).bytes_after, with_sums);
    let day = UnixMillis((TODAY + 1) * DAY_MS);
    store.expire(day, false).unwrap();
    assert_eq!(sums_files(&store).len(), files / 3 * 2);
    // What is left of a run when it is cut has other sums.
    store.expire(day + DAY_MS / 2, false).unwrap();
    assert_eq!(sums_files(&store).len(), files / 3);
    compact(ALL);
    assert!(sums_files(&store).len() > files / 3);
    assert_eq!(store.verify().unwrap().faults, Vec::<String>::new());
}
