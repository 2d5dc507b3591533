//! Pages by themselves, of a store in memory.

use super::*;
use crate::aggregate::Limits;
use crate::flow::{FlowRecord, Origin, Protocol, UnixMillis};
use crate::query::filter::NoFiles;
use crate::request::Zone;
use crate::store::memory::MemoryStore;
use crate::store::{Store, WriteBatch};

/// 2007-07-26T10:00Z.
pub(super) const TEN: u64 = 1_185_444_000_000;

/// A flow: source and port, destination and port, minutes after ten, octets.
pub(super) type Flow = ((&'static str, u16), (&'static str, u16), u64, u64);

pub(super) fn store_of(flows: &[Flow]) -> MemoryStore {
    let mut batch = WriteBatch::new();
    for (number, &((src, src_port), (dst, dst_port), minute, octets)) in flows.iter().enumerate() {
        let flow = FlowRecord {
            first: UnixMillis(TEN + minute * 60_000),
            duration_ms: 1000,
            octets,
            packets: 1,
            src_port,
            dst_port,
            protocol: Protocol::TCP,
            ..FlowRecord::between(src.parse().unwrap(), dst.parse().unwrap())
        };
        batch.family_mut(flow.family()).push(&flow, 0, Origin(number as u64));
    }
    let store = MemoryStore::default();
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    drop(writer);
    store
}

pub(super) const FLOWS: [Flow; 6] = [
    (("10.0.0.1", 50_000), ("10.0.0.2", 443), 0, 1000),
    (("10.0.0.2", 443), ("10.0.0.1", 50_000), 0, 9000),
    (("10.0.0.3", 50_001), ("10.0.0.1", 22), 5, 300),
    (("10.0.0.1", 22), ("10.0.0.3", 50_001), 5, 700),
    (("2001:db8::1", 50_002), ("2001:db8::2", 53), 9, 60),
    (("10.0.0.1", 50_003), ("10.0.0.4", 80), 600, 5),
];

/// What a page says, without its markup.
fn text(
    store: &MemoryStore,
    path: &str,
    question: &str,
    page: fn(&Ask<'_>) -> Result<Page, Fault>,
) -> (u16, String) {
    text_of(store, path, question, page)
}

/// As [`text`], of a page that hangs on more.
pub(super) fn text_of(
    store: &MemoryStore,
    path: &str,
    question: &str,
    page: impl FnOnce(&Ask<'_>) -> Result<Page, Fault>,
) -> (u16, String) {
    let (status, page) = markup(store, path, question, page);
    let (mut text, mut in_tag) = (String::new(), false);
    for letter in page.chars() {
        match letter {
            '<' => (in_tag, text) = (true, text + "|"),
            '>' => in_tag = false,
            letter if !in_tag => text.push(letter),
            _ => {}
        }
    }
    while text.contains("||") {
        text = text.replace("||", "|");
    }
    (status, text)
}

/// A page as it is sent.
pub(super) fn markup(
    store: &MemoryStore,
    path: &str,
    question: &str,
    page: impl FnOnce(&Ask<'_>) -> Result<Page, Fault>,
) -> (u16, String) {
    let params = form_urlencoded::parse(question.as_bytes()).into_owned().collect();
    let (ask, fine) = Ask::new((store, &NoFiles), path, params, (&Zone::utc(), &Limits::default()));
    let made = fine.and_then(|()| page(&ask));
    let (status, page) = match made {
        Ok(page) => (if page.is_refused { 400 } else { 200 }, shell::whole(&ask, &page)),
        Err(fault) => {
            (if matches!(fault, Fault::Refused(_)) { 400 } else { 503 }, shell::fault(&ask, &fault))
        }
    };
    (status, page.into_string())
}

fn of_host(ask: &Ask<'_>) -> Result<Page, Fault> {
    host::page(ask, ask.path.trim_start_matches("/host/"))
}

#[test]
fn a_host_is_told_in_both_directions() {
    let store = store_of(&FLOWS);
    let (status, page) = text(&store, "/host/10.0.0.1", "", of_host);
    assert_eq!(status, 200);
    for told in [
        "|Sent|1.7 kB|3 packets|",
        "|Received|9.3 kB|2 packets|",
        "|Peers|3|",
        "|Conversations|3|5 flows|",
        "|First seen|2007-07-26|10:00:00|",
        "|private|",
        // It serves ssh, and uses https elsewhere.
        "|TCP 22 |ssh|700 B|300 B|",
        "|TCP 443 |https|1 kB|9 kB|",
        "|10.0.0.2|1 kB|9 kB|",
        "|2007-07-26 20:00:00|",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    let (_, page) = text(&store, "/host/10.0.0.1", "since=2007-07-26T13:00&tz=%2B02:00", of_host);
    assert!(page.contains("|Conversations|1|1 flows|"), "{page}");
    assert!(page.contains("|2007-07-26 22:00:00|"), "{page}");
    let (_, page) = text(&store, "/host/10.9.9.9", "", of_host);
    assert!(page.contains("10.9.9.9 was never seen"), "{page}");
    let (_, page) = text(&store, "/host/10.0.0.3", "since=2007-07-27", of_host);
    assert!(page.contains("This host has no flows in the window"), "{page}");
    for (address, told) in [("10.0.0", "is no address"), ("10.0.0.0/8", "a page is of one host")] {
        let path = format!("/host/{address}");
        let (status, page) = text(&store, &path, "", of_host);
        assert!(status == 400 && page.contains(told), "{page}");
    }
}

#[test]
fn what_changed_is_told_by_keys() {
    let store = store_of(&FLOWS);
    let asked = "key=dstport&window=2007-07-26&against=day&count=2";
    let (status, page) = text(&store, "/diff", asked, changes::page);
    assert_eq!(status, 200);
    for told in [
        "|443 |https|-|",
        "|came|",
        "earlgrey-hbase diff dstport --against=day --count=2 --window=2007-07-26|",
        "/api/v1/diff?against=day&amp;count=2&amp;key=dstport&amp;window=2007-07-26|",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    let (status, page) = text(&store, "/diff", "", changes::page);
    assert!(status == 200 && !page.contains("The same elsewhere"), "{page}");
    let none = "key=src&window=2001-01-01&against=week";
    let (_, page) = text(&store, "/diff", none, changes::page);
    assert!(page.contains("No flows"), "{page}");
    for (asked, told) in [
        ("key=scr&window=today&against=day", "did you mean src?"),
        ("key=src&window=soon&against=day", "is no stretch of time"),
        ("key=src&window=today&against=day&count=0", "from 1 to 1,000"),
        ("key=src&window=today", "against must be given"),
    ] {
        let (status, page) = text(&store, "/diff", asked, changes::page);
        assert!(status == 400 && page.contains(told), "{told} in {page}");
    }
}

#[test]
fn the_same_question_is_explored_and_told_for_elsewhere() {
    let store = store_of(&FLOWS);
    let asked = "key=dstport&count=2&since=2007-07-26T10:00Z&until=2007-07-26T10:10Z&bin=10m";
    let (status, page) = text(&store, "/explore", asked, explore::page);
    assert_eq!(status, 200);
    for told in [
        "|50000|120 bit/s|120 bit/s|120 bit/s|120 bit/s|120 bit/s|9 kB|",
        "|443 |https|",
        "|others|",
        "|Together|",
        "earlgrey-hbase timeline --bin=10m --count=2 --key=dstport --since=2007-07-26T10:00Z --until=2007-07-26T10:10Z|",
        "/api/v1/timeline?bin=10m&amp;count=2&amp;key=dstport&amp;since=2007-07-26T10:00Z&amp;until=2007-07-26T10:10Z|",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    let (status, page) = text(&store, "/explore", "where=prot+53&key=src", explore::page);
    assert!(status == 400 && page.contains("|prot| 53|"), "{page}");
    for (asked, told) in [
        ("shape=pie", "write stacked, lines or sankey"),
        ("key=scr", "did you mean src?"),
        ("key=src,dst,proto,srcport", "at most 3 keys"),
        ("since=soon", "is no time"),
        ("tz=Mars", "is no time zone"),
        ("count=0&key=src", "from 1 to 100"),
    ] {
        let (status, page) = text(&store, "/explore", asked, explore::page);
        assert!(status == 400 && page.contains(told), "{asked}: {page}");
    }
}

#[test]
fn a_sankey_of_an_address_is_of_what_it_sent_and_received() {
    let store = store_of(&FLOWS);
    let window = "since=2007-07-26T10:00Z&until=2007-07-26T10:10Z&shape=sankey&key=dst";
    for (asked, rows, most, filter) in [
        // Whom 10.0.0.2 sent to, and who sent to it.
        ("address=10.0.0.2", ["|10.0.0.1|", "|10.0.0.2|"], "|9 kB|", "ip 10.0.0.2"),
        ("address=10.0.0.2&direction=dst", ["|10.0.0.2|"; 2], "|1 kB|", "dst ip 10.0.0.2"),
        (
            "address=10.0.0.0/30&direction=src",
            ["|10.0.0.1|", "|10.0.0.2|"],
            "|9.3 kB|",
            "src net 10.0.0.0/30",
        ),
    ] {
        let (status, page) = text(&store, "/explore", &format!("{window}&{asked}"), explore::page);
        assert_eq!(status, 200, "{page}");
        for told in rows.into_iter().chain([most]) {
            assert!(page.contains(told), "{told} in {page}");
        }
        let command = format!(
            "earlgrey-hbase top dst --count=30 --since=2007-07-26T10:00Z \
             --until=2007-07-26T10:10Z --where='{filter}'|"
        );
        assert!(page.contains(&command), "{command} in {page}");
    }
    let filtered = format!("{window}&address=10.0.0.2&where=tcp+or+udp");
    let (_, page) = text(&store, "/explore", &filtered, explore::page);
    assert!(page.contains("--where='ip 10.0.0.2 and (tcp or udp)'"), "{page}");
}

#[test]
fn what_is_told_for_elsewhere_has_the_zone_the_window_and_the_bins_of_the_page() {
    let store = store_of(&FLOWS);
    let asked = "tz=Europe/Zurich&since=2007-07-26&until=2007-07-27&alive=no";
    let (status, page) = text(&store, "/explore", asked, explore::page);
    assert_eq!(status, 200, "{page}");
    for told in [
        "timeline --bin=5min --since=2007-07-26 --tz=Europe/Zurich --until=2007-07-27|",
        "timeline?bin=5min&amp;since=2007-07-26&amp;tz=Europe/Zurich&amp;until=2007-07-27|",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    let (_, page) = text(&store, "/explore", &asked.replace("=no", "=yes"), explore::page);
    assert!(page.contains("earlgrey-hbase timeline --alive --bin=5min"), "{page}");
    let (_, page) = text(&store, "/explore", &format!("{asked}&previous=no"), explore::page);
    assert!(!page.contains(", dashed: the same time before"), "{page}");
}

#[test]
fn a_report_is_made_on_a_page() {
    let store = store_of(&FLOWS);
    let asked = "month=2007-07&by=src&count=2&percentile=100";
    let (status, page) = text(&store, "/report", asked, bill::page);
    assert_eq!(status, 200, "{page}");
    // 9,000 octets and 1,705 in one bin or several: 240 bit/s in 300 s, 26 and more.
    for told in [
        "|July 2007|",
        "|10.0.0.2|",
        "|Out|9 kB|0 bit/s|240 bit/s|240 bit/s|2007-07-26 10:00|240 bit/s|",
        "|10.0.0.1|",
        "|others|",
        "|CSV|",
        "|JSON|",
        "earlgrey-hbase report --by=src --count=2 --month=2007-07 --percentile=100|",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    let (status, page) = text(&store, "/report", "", bill::page);
    assert!(status == 200 && !page.contains("The same elsewhere"), "{page}");
    let (_, page) = text(&store, "/report", "month=2001-01&by=src", bill::page);
    assert!(page.contains("No flows"), "{page}");
    for (asked, told) in [
        ("month=2007-07&by=scr", "did you mean src?"),
        ("month=soon&by=src", "is no stretch of time"),
        ("month=2007-07&by=src&count=0", "from 1 to 1,000"),
    ] {
        let (status, page) = text(&store, "/report", asked, bill::page);
        assert!(status == 400 && page.contains(told), "{asked}: {page}");
    }
}

#[test]
fn a_look_at_many_flows_goes_on_where_it_was_cut() {
    let many = |minute: u64, count: usize| {
        std::iter::repeat_n((("10.0.0.1", 1), ("10.0.0.2", 2), minute, 1), count)
    };
    // The cut falls among the flows of one millisecond.
    let flows: Vec<Flow> = many(0, 49_990).chain(many(1, 30)).chain(many(2, 5)).collect();
    let store = store_of(&flows);
    let (_, first) = text(&store, "/host/10.0.0.1", "", of_host);
    assert!(first.contains("|Conversations|1|49,990 flows|"), "{first}");
    assert!(first.contains("up to |2007-07-26 10:01:00|"), "{first}");
    let rest = "since=2007-07-26T10:01:00.000Z";
    let (_, second) = text(&store, "/host/10.0.0.1", rest, of_host);
    assert!(second.contains("|35 flows|"), "{second}");
}

#[test]
fn an_exporter_that_fell_silent_is_told() {
    let store = store_of(&FLOWS);
    let (_, page) = text(&store, "/exporters", "since=2007-07-27", exporters::page);
    assert!(!page.contains("No exporter sent anything"), "{page}");
    assert!(page.contains("|2007-07-26 20:00:01|"), "{page}");
}

#[test]
fn a_store_of_nothing_has_an_overview_that_says_what_to_do() {
    let (status, page) = text(&MemoryStore::default(), "/", "", |ask| overview::page(ask, &[]));
    assert!(status == 200 && page.contains("There are no flows yet"), "{page}");
    for make in [exporters::page, loads::page] {
        assert_eq!(text(&MemoryStore::default(), "/", "", make).0, 200);
    }
}

#[test]
fn a_host_was_first_and_last_seen_when_its_flows_say_so() {
    let host = "10.0.0.1".parse().unwrap();
    // One of the year before, many of one hour, more than are read at once, and a last one.
    let many = (0..5000).map(|flow| ("10.0.0.1", 3_000_000 + flow / 100));
    let of_host = [("10.0.0.1", 0), ("10.0.0.1", 3_000_061)].into_iter().chain(many);
    let others = [("10.0.0.9", 3_000_500)];
    let flows: Vec<Flow> =
        of_host.chain(others).map(|(src, minute)| ((src, 1), ("10.0.0.2", 2), minute, 1)).collect();
    let at = |minute: u64| UnixMillis(TEN + minute * 60_000);
    let (first, last) = (Some(at(0)), Some(at(3_000_061)));
    let snapshot = store_of(&flows).snapshot().unwrap();
    for newest in [3_000_061, 3_000_062, 3_000_500, 4_000_000, 90_000_000] {
        let seen = seen::Seen::of(&*snapshot, host, Some(at(newest))).unwrap();
        assert_eq!(seen, seen::Seen { first, last }, "{newest}");
    }
    let without_last = store_of(&flows[..1]).snapshot().unwrap();
    let seen = seen::Seen::of(&*without_last, host, Some(at(9_000_000))).unwrap();
    assert_eq!(seen, seen::Seen { first, last: first });
    let nobody = "10.7.7.7".parse().unwrap();
    let seen = seen::Seen::of(&*snapshot, nobody, Some(at(9))).unwrap();
    assert_eq!(seen, seen::Seen { first: None, last: None });
}
