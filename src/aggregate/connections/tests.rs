use super::super::Outcome;
use super::*;
use crate::flow::{FlowRecord, Origin, Protocol, UnixMillis};
use crate::query::Question;
use crate::query::filter::{Context, NoFiles, parse};
use crate::store::memory::MemoryStore;
use crate::store::{Store, WriteBatch};

const CLIENT: (&str, u16) = ("10.0.0.9", 40_000);
const SERVER: (&str, u16) = ("192.0.2.1", 443);

/// Flags of TCP.
const SYN: u8 = 0x02;
const OPEN: u8 = 0x12;
const WHOLE: u8 = 0x1b;
const REFUSAL: u8 = 0x14;

/// A record of a second and ten packets that begins at `second`.
fn record(second: u64, from: (&str, u16), to: (&str, u16), tcp_flags: u8) -> FlowRecord {
    FlowRecord {
        first: UnixMillis(1_000_000 + second * 1_000),
        duration_ms: 1_000,
        octets: 1_000,
        packets: 10,
        src_port: from.1,
        dst_port: to.1,
        protocol: Protocol::TCP,
        tcp_flags,
        ..FlowRecord::between(from.0.parse().unwrap(), to.0.parse().unwrap())
    }
}

fn store(flows: &[FlowRecord]) -> MemoryStore {
    let mut batch = WriteBatch::new();
    for (number, flow) in flows.iter().enumerate() {
        batch.family_mut(flow.family()).push(flow, 0, Origin(number as u64));
    }
    let store = MemoryStore::default();
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    drop(writer);
    store
}

/// Joined where records may be 120 s apart.
fn of(flows: &[FlowRecord], question: &Question, memory_bytes: usize) -> Vec<Connection> {
    let timeouts = Arc::new(Timeouts::given(60_000));
    let limits = Limits { memory_bytes, ..Limits::default() };
    let joining = Joining { timeouts, margin_ms: USUAL_MARGIN_MS, limits };
    let lookup = question.plan_hosts(CONNECTION_COLUMNS);
    let snapshot = store(flows).snapshot().unwrap();
    let connections = Connections::of(&*snapshot, &lookup, &joining).unwrap();
    connections.collect::<Result<_>>().unwrap()
}

fn all(flows: &[FlowRecord]) -> Vec<Connection> {
    of(flows, &Question::everything(), 1 << 20)
}

/// Who began, and how many records each end sent.
fn told(connection: &Connection) -> (String, u32, u32) {
    let Connection { initiator, sent, returned, .. } = connection;
    (initiator.to_string(), sent.records, returned.records)
}

#[test]
fn records_that_follow_on_each_other_are_one_connection() {
    // Cut each minute, in both directions; and after two minutes and a second it is another one.
    let mut flows = Vec::new();
    for second in [0, 60, 180, 360, 482] {
        let flags = if second == 0 { SYN } else { OPEN };
        flows.push(record(second, CLIENT, SERVER, flags));
        flows.push(record(second, SERVER, CLIENT, OPEN));
    }
    let connections = all(&flows);
    let starts: Vec<u64> = connections.iter().map(|one| one.first.0 / 1_000 - 1_000).collect();
    assert_eq!(starts, [0, 360, 482]);
    let first = &connections[0];
    assert_eq!(told(first), (CLIENT.0.to_owned(), 3, 3));
    assert_eq!((first.initiator_port, first.responder_port), (40_000, 443));
    assert_eq!((first.sent.octets, first.sent.packets), (3_000, 30));
    assert_eq!((first.duration_ms(), first.outcome()), (181_000, Outcome::Answered));
}

#[test]
fn a_port_that_is_used_again_begins_another() {
    let flows = [
        record(0, CLIENT, SERVER, WHOLE),
        record(0, SERVER, CLIENT, WHOLE),
        record(5, CLIENT, SERVER, WHOLE),
        record(5, SERVER, CLIENT, WHOLE),
    ];
    assert_eq!(all(&flows).len(), 2);
    // Of a connection that goes on, no record begins with a SYN but the first of each end.
    let cut = flows.map(|flow| FlowRecord { tcp_flags: OPEN, ..flow });
    assert_eq!(all(&cut).len(), 1);
}

#[test]
fn the_initiator_is_told_by_flags_then_by_time_then_by_ports() {
    let began = |flows: &[FlowRecord]| {
        let connections = all(flows);
        assert_eq!(connections.len(), 1, "{connections:?}");
        connections[0].initiator.to_string()
    };
    let back = |second| record(second, SERVER, CLIENT, OPEN);
    for (case, flows, initiator) in [
        ("a SYN without ACK", vec![record(1, CLIENT, SERVER, SYN), back(0)], CLIENT.0),
        ("seen first", vec![record(1, CLIENT, SERVER, OPEN), back(0)], SERVER.0),
        ("the higher port", vec![record(0, CLIENT, SERVER, OPEN), back(0)], CLIENT.0),
        ("one end, which answers", vec![back(0)], CLIENT.0),
        ("one end, which scans from a low port", vec![record(0, SERVER, CLIENT, SYN)], SERVER.0),
        ("one end", vec![record(0, CLIENT, SERVER, OPEN)], CLIENT.0),
    ] {
        assert_eq!(began(&flows), initiator, "{case}");
    }
}

#[test]
fn what_became_of_it() {
    let syn = record(0, CLIENT, SERVER, SYN);
    let outcome = |flows: &[FlowRecord]| all(flows)[0].outcome();
    assert_eq!(outcome(&[syn]), Outcome::Silent);
    assert_eq!(outcome(&[syn, record(0, SERVER, CLIENT, REFUSAL)]), Outcome::Refused);
    assert_eq!(outcome(&[syn, record(0, SERVER, CLIENT, OPEN)]), Outcome::Answered);
    let udp = |flow: FlowRecord| FlowRecord { protocol: Protocol::UDP, tcp_flags: 0, ..flow };
    let answer = udp(record(0, SERVER, CLIENT, 0));
    assert_eq!(outcome(&[udp(syn), answer]), Outcome::Answered);
}

#[test]
fn an_echo_and_its_reply_are_one() {
    let icmp = |from, to, message: u16| FlowRecord {
        protocol: Protocol::ICMP,
        tcp_flags: 0,
        ..record(0, (from, 0), (to, message), 0)
    };
    let flows = [icmp(CLIENT.0, SERVER.0, 8 << 8), icmp(SERVER.0, CLIENT.0, 0)];
    let connections = all(&flows);
    assert_eq!(connections.len(), 1);
    assert_eq!(told(&connections[0]), (CLIENT.0.to_owned(), 1, 1));
    assert_eq!(connections[0].responder_port, 8 << 8);
    let alone = all(&flows[1..]);
    assert_eq!((alone[0].initiator_port, alone[0].responder_port), (0, 0));
}

#[test]
fn each_comes_once_whoever_is_asked_for() {
    let other = ("10.0.0.8", 50_000);
    let flows = [
        record(0, CLIENT, SERVER, WHOLE),
        record(0, SERVER, CLIENT, WHOLE),
        record(1, CLIENT, (other.0, 22), WHOLE),
        record(1, (other.0, 22), CLIENT, WHOLE),
        record(2, other, (CLIENT.0, 80), SYN),
        record(3, CLIENT, (CLIENT.0, 80), SYN),
        record(3, (CLIENT.0, 80), CLIENT, REFUSAL),
        record(4, ("2001:db8::1", 40_000), ("2001:db8::2", 53), SYN),
    ];
    let asked = |addresses: &str| {
        let addresses = crate::query::parse_addresses(addresses).unwrap();
        let connections = of(&flows, &Question::about(addresses), 1 << 20);
        connections.iter().map(|one| one.first.0 / 1_000 - 1_000).collect::<Vec<_>>()
    };
    let everything: Vec<u64> = all(&flows).iter().map(|one| one.first.0 / 1_000 - 1_000).collect();
    assert_eq!(everything, [2, 0, 1, 3, 4], "by who began them");
    assert_eq!(asked(CLIENT.0), [0, 1, 2, 3]);
    assert_eq!(asked(SERVER.0), [0]);
    assert_eq!(asked("10.0.0.0/24"), [2, 0, 1, 3]);
    assert_eq!(asked("2001:db8::/32"), [4]);
}

#[test]
fn a_filter_is_of_records() {
    let flows = [record(0, CLIENT, SERVER, WHOLE), record(0, SERVER, CLIENT, WHOLE)];
    let (zone, now) = (jiff::tz::TimeZone::UTC, UnixMillis(0));
    let context = Context { zone, now, files: &NoFiles };
    for (filter, records) in [("port 443", (1, 1)), ("src port 443", (0, 1)), ("udp", (0, 0))] {
        let filter = Some(parse(filter, &context).unwrap());
        let found = of(&flows, &Question { filter, ..Question::everything() }, 1 << 20);
        let told = found.first().map_or((0, 0), |one| (one.sent.records, one.returned.records));
        assert_eq!(told, records);
        assert!(found.iter().all(|one| one.initiator.to_string() == CLIENT.0));
    }
}

#[test]
fn a_host_with_very_many_has_them_in_parts() {
    let port = |number: u64| 1_024 + (number % 60_000) as u16;
    let flows: Vec<FlowRecord> =
        (0..20_000).map(|number| record(number, (CLIENT.0, port(number)), SERVER, SYN)).collect();
    let connections = of(&flows, &Question::everything(), 0);
    assert_eq!(connections.len(), 20_000);
    assert!(connections.is_sorted_by_key(|one| one.first));
}

#[test]
fn every_host_is_shown_to_one_visitor_with_all_it_did() {
    #[derive(Default)]
    struct Seen(Vec<(IpAddr, usize, bool)>);
    impl HostVisitor for Seen {
        fn take(&mut self, part: &HostPart) -> Result<()> {
            self.0.push((part.host, part.connections.len(), part.is_last));
            Ok(())
        }
    }
    let flows = [
        record(0, CLIENT, SERVER, WHOLE),
        record(0, SERVER, CLIENT, WHOLE),
        record(1, CLIENT, ("192.0.2.2", 80), SYN),
    ];
    let timeouts = Arc::new(Timeouts::given(60_000));
    let joining = Joining { timeouts, margin_ms: 0, limits: Limits::default() };
    let lookup = Question::everything().plan_hosts(CONNECTION_COLUMNS);
    let snapshot = store(&flows).snapshot().unwrap();
    let visitors = each_host(&*snapshot, &lookup, &joining, Seen::default).unwrap();
    let mut seen: Vec<_> = visitors.into_iter().flat_map(|seen| seen.0).collect();
    seen.sort_unstable();
    let expected = [("10.0.0.9", 2), ("192.0.2.1", 1), ("192.0.2.2", 1)];
    assert_eq!(seen, expected.map(|(host, count)| (host.parse().unwrap(), count, true)));
}
