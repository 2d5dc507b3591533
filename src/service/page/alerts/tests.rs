//! Pages of alerts by themselves, of a store in memory and a keeper in a file.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::ask::Ask;
use super::super::tests::{FLOWS, Flow, TEN, markup, store_of, text_of};
use super::super::{Fault, Page};
use super::evidence::{limits, parts, steps, targets};
use super::list::{self, Lookers};
use super::{one, suppress};
use crate::aggregate::{Connection, Limits, Measure, OneWay, Series, Timeline, Whose};
use crate::alert::{Alert, Alerts, Kept, Options, Source, State, Verdict, keeper, suppressions};
use crate::detect::{Kind, Parameters, Severity, Suppression};
use crate::flow::{Protocol, TimeRange, UnixMillis};
use crate::query::filter::NoFiles;
use crate::request::{Surroundings, Zone};
use crate::store::memory::MemoryStore;

const NASTY: &str = "<script>alert(1)</script>\"'&";
const MINUTE: u64 = 60_000;

fn alert(id: &str, name: &str, severity: Severity) -> Alert {
    Alert {
        id: id.to_owned(),
        source: Source::Detection,
        name: name.to_owned(),
        severity,
        title: format!("{name}: 10.0.0.1 -> 10.0.0.2"),
        first: UnixMillis(TEN),
        last: UnixMillis(TEN + 10 * MINUTE),
        filter: "ip 10.0.0.1 and ip 10.0.0.2".to_owned(),
        attack: Some("T1071".to_owned()),
        document: json!({ "host": "10.0.0.1", "peer": "10.0.0.2", "variant": name }),
    }
}

fn some() -> (TempDir, Alerts) {
    let folder = tempfile::tempdir().unwrap();
    let alerts = Alerts::new(keeper(None, folder.path()).unwrap(), &[], Options::default());
    for (number, (id, name, severity)) in [
        ("a1", "beacon", Severity::High),
        ("a2", "scan", Severity::Low),
        ("a3", "scan", Severity::High),
        ("a4", "long", Severity::Medium),
    ]
    .into_iter()
    .enumerate()
    {
        let now = UnixMillis(TEN + number as u64 * MINUTE);
        alerts.raise(&alert(id, name, severity), now).unwrap();
    }
    let verdict = Verdict { by: "ann".to_owned(), at: UnixMillis(TEN), note: String::new() };
    alerts.judge("a2", State::Seen, &verdict).unwrap();
    alerts.judge("a4", State::Closed, &verdict).unwrap();
    (folder, alerts)
}

fn nobody() -> Lookers {
    Lookers { detections: None, rules: 0, lists: Ok(0) }
}

fn listed(alerts: &Alerts, question: &str) -> (u16, String) {
    let store = MemoryStore::default();
    markup(&store, "/alerts", question, |ask| list::page(ask, alerts, nobody))
}

#[test]
fn filters_give_the_right_ones_in_the_right_order() {
    let (_folder, alerts) = some();
    for (question, expected) in [
        ("", &["a3", "a1"][..]),
        ("state=any", &["a4", "a3", "a2", "a1"]),
        ("state=seen", &["a2"]),
        ("state=closed", &["a4"]),
        ("state=any&severity=medium", &["a4", "a3", "a1"]),
        ("state=any&name=scan", &["a3", "a2"]),
        ("state=any&name=scan&severity=high", &["a3"]),
        ("source=rule", &[]),
        ("since=2007-07-26T10:01", &["a3"]),
        ("state=any&after=2007-07-26T10:02:00.000Z,a3", &["a2", "a1"]),
    ] {
        let (status, page) = listed(&alerts, question);
        assert_eq!(status, 200, "{page}");
        let links = page.split("href=\"/alerts/a").skip(1);
        let shown: Vec<String> = links.map(|rest| format!("a{}", &rest[..1])).collect();
        assert_eq!(shown, expected, "{question}");
        // Two are open, both high, whatever is listed.
        for (count, times) in [(">2 open</a>", 1), (">0 open</a>", 2)] {
            assert_eq!(page.matches(count).count(), times, "{question}: {count}");
        }
    }
    for (question, says) in [
        ("severity=grave", "is no severity"),
        ("state=gone", "is no state"),
        ("after=x", "no place"),
    ] {
        let (status, page) = listed(&alerts, question);
        assert!(status == 400 && page.contains(says), "{question}: {page}");
    }
}

#[test]
fn more_than_are_counted_are_never_told_as_fewer() {
    let (_folder, alerts) = some();
    let of = |most| {
        let counts = list::open(&alerts, most).unwrap();
        counts.into_iter().map(|(_, count)| count).collect::<Vec<_>>()
    };
    // Two high ones are open. Two low ones came later, so that these are the last ones.
    for id in ["b1", "b2"] {
        let later = UnixMillis(TEN + 60 * MINUTE);
        alerts.raise(&alert(id, "long", Severity::Low), later).unwrap();
    }
    assert_eq!(of(4), [Some(2), Some(0), Some(2)]);
    assert_eq!(of(2), [Some(2), Some(0), None]);
    assert_eq!(of(1), [None, None, None]);
}

#[test]
fn a_long_list_has_pages_and_each_alert_is_on_one_of_them() {
    let (_folder, alerts) = some();
    for number in 0..100 {
        let now = UnixMillis(TEN + 60 * MINUTE + number / 2);
        alerts.raise(&alert(&format!("b{number:03}"), "long", Severity::Low), now).unwrap();
    }
    let (mut question, mut seen) = (String::new(), Vec::new());
    loop {
        let (_, page) = listed(&alerts, &question);
        let links = page.split("href=\"/alerts/").skip(1);
        seen.extend(links.map(|rest| rest[..4].to_owned()).filter(|id| id.starts_with('b')));
        let Some((_, next)) = page.split_once("rel=\"next\" href=\"/alerts?") else { break };
        question = next.split('"').next().unwrap().to_owned();
    }
    assert_eq!(seen.len(), 100);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 100);
}

#[test]
fn where_nothing_is_open_it_is_said_who_would_raise_something() {
    let folder = tempfile::tempdir().unwrap();
    let alerts = Alerts::new(keeper(None, folder.path()).unwrap(), &[], Options::default());
    let store = MemoryStore::default();
    let page = |lookers: Lookers| {
        text_of(&store, "/alerts", "", |ask| list::page(ask, &alerts, || lookers)).1
    };
    let told = page(nobody());
    for says in ["|Nothing stands out|", "are on no schedule", "There are none"] {
        assert!(told.contains(says), "{says} in {told}");
    }
    let detections = Some((vec![Kind::Scan, Kind::Beacon], 3_600_000));
    let told = page(Lookers { detections, rules: 1, lists: Ok(2) });
    for says in ["scan, beacon, every 1 h", "1 rule, whenever flows come", "2 lists"] {
        assert!(told.contains(says), "{says} in {told}");
    }
    let told = page(Lookers { lists: Err("store: away".to_owned()), ..nobody() });
    assert!(told.contains("store: away") && told.matches("There are none").count() == 1, "{told}");
    let none = text_of(&store, "/alerts", "severity=high", |ask| list::page(ask, &alerts, nobody));
    assert!(none.1.contains("|No such alerts|"), "{}", none.1);
}

fn shown(store: &MemoryStore, alert: &Alert) -> String {
    let kept = Kept::new(alert, UnixMillis(TEN), &[]);
    let page = |ask: &Ask<'_>| -> Result<Page, Fault> {
        Ok(one::page(ask, &kept, &Parameters::default(), &[]))
    };
    let (status, page) = markup(store, &format!("/alerts/{}", alert.id), "", page);
    assert_eq!(status, 200, "{page}");
    page
}

#[test]
fn what_others_say_is_no_markup() {
    let store = store_of(&FLOWS);
    let evidence = json!({ "notes": NASTY, "triedPorts": NASTY, NASTY: NASTY });
    let document = json!({
        "host": NASTY, "hostName": NASTY, "peer": NASTY, "peerName": NASTY, "protocol": NASTY,
        "port": NASTY, "variant": NASTY, "evidence": evidence, "list": NASTY, "indicator": NASTY,
        "note": NASTY, "others": [NASTY], "key": { NASTY: NASTY }, "measure": NASTY,
        "usual": { "mean": NASTY }, "above": { "amount": NASTY }, "from": NASTY, "until": NASTY,
    });
    for source in Source::ALL {
        for name in Kind::ALL.map(Kind::name).into_iter().chain([NASTY]) {
            let page = shown(
                &store,
                &Alert {
                    source,
                    name: name.to_owned(),
                    title: NASTY.to_owned(),
                    attack: Some(NASTY.to_owned()),
                    document: document.clone(),
                    ..alert("a<b", name, Severity::High)
                },
            );
            assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;"), "{page}");
            assert!(page.contains("There is no picture") || page.contains("<svg"), "{page}");
        }
    }
    let page =
        shown(&store, &Alert { filter: "port".to_owned(), ..alert("a", "scan", Severity::Low) });
    assert!(page.contains("class=\"wrong\""), "a filter that is none any more: {page}");
}

#[test]
fn the_numbers_are_told_with_what_they_are_compared_with() {
    let store = store_of(&FLOWS);
    let with = |name: &str, variant: &str, evidence: Value| {
        let document = json!({
            "host": "10.0.0.1", "variant": variant, "confidence": 0.957, "evidence": evidence,
            "protocol": "TCP", "port": 443,
        });
        let alert = Alert { document, ..alert("a1", name, Severity::High) };
        let kept = Kept::new(&alert, UnixMillis(TEN), &[]);
        let page = |ask: &Ask<'_>| Ok(one::page(ask, &kept, &Parameters::default(), &[]));
        text_of(&store, "/alerts/a1", "", page).1
    };
    for (name, variant, evidence, says) in [
        ("scan", "horizontal", json!({ "hosts": 1_234, "failed": 0.957 }), "|1,234|32 that do not"),
        ("scan", "horizontal", json!({ "failed": 0.957 }), "|96 %|50 % at least|"),
        ("beacon", "beacon", json!({ "medianInterval": 61_000 }), "|1 min 1 s|"),
        (
            "beacon",
            "beacon",
            json!({ "chance": 3.2e-9 }),
            "|3e-9|less than 0.001, or 0.005 where scores and sizes are 0.85|",
        ),
        ("ddos", "syn", json!({ "bitsPerSecond": 8_000_000 }), "|8 Mbit/s|"),
        ("ddos", "syn", json!({ "synPackets": 1.0 }), "|100 %|50 % at least|"),
        ("exfil", "upload", json!({ "sentBytes": 1_010_000_000 }), "|1.0 GB|500 MB at least|"),
        ("new", "ports", json!({ "new": 3 }), "|3|2 at least|"),
        ("new", "peers", json!({ "new": 12 }), "|12|10 at least|"),
        (
            "silent",
            "host",
            json!({ "silence": 7_200_000 }),
            "|2 h 0 min|60 min at least, and 4 times",
        ),
        ("spread", "login", json!({ "hosts": 57 }), "|57|20 at least|"),
        ("long", "connection", json!({ "duration": 46_800_000 }), "|13 h 0 min|4 h at least|"),
        ("long", "connection", json!({ "oddNumber": 5 }), "|Odd number|5|"),
    ] {
        let page = with(name, variant, evidence);
        assert!(page.contains(says), "{says} in {page}");
        for says in ["|Sure|96 %|", "|T1071| Application Layer Protocol|", "port 443", "|https|"] {
            assert!(page.contains(says), "{says} in {page}");
        }
    }
}

#[test]
fn a_beacon_is_drawn_call_by_call() {
    // Eleven calls a minute apart, with answers.
    let ends =
        [(("10.0.0.1", 50_000), ("10.0.0.2", 443)), (("10.0.0.2", 443), ("10.0.0.1", 50_000))];
    let call = |minute: u64| ends.map(|(src, dst)| (src, dst, minute, 100));
    let flows: Vec<Flow> = (0..11)
        .flat_map(|minute| {
            let port = 50_000 + minute as u16;
            call(minute).map(|(src, dst, minute, octets)| {
                let own =
                    |end: (&'static str, u16)| if end.1 == 50_000 { (end.0, port) } else { end };
                (own(src), own(dst), minute, octets)
            })
        })
        .collect();
    let store = store_of(&flows);
    let evidence = json!({ "contacts": 11, "period": MINUTE });
    let document = json!({ "host": "10.0.0.1", "peer": "10.0.0.2", "evidence": evidence });
    let page = shown(&store, &Alert { document, ..alert("a1", "beacon", Severity::High) });
    // In both widths, a mark each.
    assert_eq!(page.matches("h1.6v").count(), 22, "{page}");
    assert!(page.contains("11 calls, each line is"), "{page}");
    assert!(page.contains("1 min 0 s") && page.contains("10 pauses"), "{page}");
}

fn connection(responder: [u8; 4], port: u16, answered: bool) -> Connection {
    let way = OneWay { packets: 1, records: 1, tcp_flags: 2, ..OneWay::default() };
    Connection {
        initiator: [10, 0, 0, 1].into(),
        initiator_port: 40_000,
        responder: responder.into(),
        responder_port: port,
        protocol: Protocol::TCP,
        first: UnixMillis(TEN),
        last: UnixMillis(TEN),
        sent: way,
        returned: if answered { OneWay { tcp_flags: 18, ..way } } else { OneWay::default() },
        sampled: false,
    }
}

#[test]
fn targets_are_told_together_as_narrowly_as_a_fan_has_room() {
    let names = |connections: &[Connection]| -> Vec<(String, u64, u64)> {
        let parts = parts(&targets(connections)).into_iter();
        parts.map(|part| (part.name, part.tried, part.answered)).collect()
    };
    let hosts = |nets: u8| -> Vec<Connection> {
        (0..nets)
            .flat_map(|net| (0..3).map(move |host| connection([10, 1, net, host], 80, host == 2)))
            .collect()
    };
    let expected = [("10.1.0.0/24".to_owned(), 3, 1), ("10.1.1.0/24".to_owned(), 3, 1)];
    assert_eq!(names(&hosts(2)), expected);
    // Thirty nets are two of 4,096 addresses: 16 and 14 of them.
    let expected = [("10.1.0.0/20".to_owned(), 48, 16), ("10.1.16.0/20".to_owned(), 42, 14)];
    assert_eq!(names(&hosts(30)), expected);
    // A hundred nets of 16,777,216 are too many: the others are one.
    let wide: Vec<_> = (1..=100).map(|net| connection([net, 0, 0, 1], 80, false)).collect();
    let told = names(&wide);
    assert_eq!((told.len(), &told[13]), (14, &("87 others".to_owned(), 87, 0)));
    // One host alone is told by its ports.
    let ports: Vec<_> = (1..=100).map(|port| connection([10, 1, 1, 1], port, port == 22)).collect();
    let told = names(&ports);
    assert_eq!(told.len(), 7);
    assert_eq!(told[1], ("16–31".to_owned(), 16, 1));
}

#[test]
fn what_bins_have_is_in_its_step_and_rules_have_their_limits() {
    let timeline = Timeline {
        by: Measure::Octets,
        bin_ms: MINUTE,
        starts: vec![UnixMillis(TEN - MINUTE), UnixMillis(TEN), UnixMillis(TEN + 2 * MINUTE)],
        until: UnixMillis(TEN + 3 * MINUTE),
        series: vec![Series { whose: Whose::All, values: vec![9, 1, 5] }],
    };
    let time = TimeRange { since: UnixMillis(TEN), until: UnixMillis(TEN + 4 * MINUTE) };
    assert_eq!(steps(&timeline, time, MINUTE), [1.0, 0.0, 5.0, 0.0]);
    let of = |above: Value, usual: Value| limits(&json!({ "above": above, "usual": usual }));
    let line = |name: &str, value: f64| (name.to_owned(), value);
    assert_eq!(of(json!({ "amount": 500 }), Value::Null), [line("too much above", 500.0)]);
    // Three times a mean of 40; and a median of 10 with six deviations of 2.
    assert_eq!(
        of(json!({ "percent": 300 }), json!({ "mean": 40.0 })),
        [line("too much above", 120.0), line("mean", 40.0)]
    );
    assert_eq!(
        of(json!({ "z": 6.0 }), json!({ "median": 10.0, "deviation": 2.0 })),
        [line("too much above", 22.0), line("median", 10.0)]
    );
}

#[test]
fn a_filter_of_ones_own_must_hold_of_the_alert() {
    let zone = Zone::parse("UTC").unwrap();
    let limits = Limits::default();
    let now = UnixMillis(TEN);
    let around = Surroundings { zone: &zone, now, limits, files: &NoFiles };
    let beacon = alert("a1", "beacon", Severity::High);
    let document = json!({
        "host": "10.0.0.1", "peer": "10.0.0.2", "protocol": "TCP", "port": 443,
    });
    let beacon = Alert { document, ..beacon };
    for (filter, expected) in [
        ("src ip 10.0.0.1 and dst port 443", true),
        ("src net 10.0.0.0/8 and proto tcp", true),
        ("src ip 10.0.0.2", false),
        ("dst port 80", false),
        ("proto udp", false),
        ("packets < 10", false),
    ] {
        let suppression = Suppression {
            number: 0,
            kinds: vec![Kind::Beacon],
            id: None,
            written: Some(filter.to_owned()),
            reason: "ours".to_owned(),
            by: "ann".to_owned(),
            added: now,
            until: None,
        };
        assert_eq!(suppress::holds(&suppression, &beacon, &around), expected, "{filter}");
        let scans = Suppression { kinds: vec![Kind::Scan], ..suppression };
        assert!(!suppress::holds(&scans, &beacon, &around), "{filter}");
    }
}

#[test]
fn suppressions_are_listed_with_all_that_they_say() {
    let (folder, store) = (tempfile::tempdir().unwrap(), MemoryStore::default());
    let page =
        || text_of(&store, "/alerts/suppressed", "", |ask| suppress::page(ask, folder.path()));
    assert!(page().1.contains("|Nothing is suppressed|"));
    let suppression = Suppression {
        number: 0,
        kinds: vec![Kind::Scan, Kind::Beacon],
        id: Some("00aa".to_owned()),
        written: Some(NASTY.to_owned()),
        reason: NASTY.to_owned(),
        by: NASTY.to_owned(),
        added: UnixMillis(TEN),
        until: Some(UnixMillis(TEN + MINUTE)),
    };
    crate::alert::suppress(folder.path(), suppression).unwrap();
    assert_eq!(suppressions(folder.path()).unwrap().len(), 1);
    let (_, told) = page();
    for says in ["|scan, beacon |", "|00aa|", "&lt;script&gt;", "|2007-07-26 10:01:00|", "|over|"] {
        assert!(told.contains(says), "{says} in {told}");
    }
    // Who may not remove it does not see how.
    assert!(!told.contains("Remove"), "{told}");
}
