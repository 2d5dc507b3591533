//! Honest exporters beside hostile ones: whatever these send, those find their flows in the store,
//! each once, and what is lost is told of who lost it.
//!
//! The long run, `EARLGREY_LONG=1`, takes a minute in place of ten seconds.

mod packets;
mod senders;
mod sessions;

use self::packets::{Told, v5};
use self::senders::{
    AGENTS, ALL_ONES, Flows, HONEST, HOSTILE, IN_1970, IN_2042, NO_TEMPLATE, PORTS, Sent,
    TEMPLATES, is_honest, now_ms,
};
use super::*;
use crate::crash::is_long;

const DAY_MS: u64 = 86_400_000;
/// Days before today of which flows are in the store from the beginning, and how many of each.
const OLD_DAYS: u64 = 5;
const OLD_FLOWS: u32 = 3000;
/// Of which net they are.
const OLD_NET: &str = "11.0.0.0/8";

/// The collector's memory: tables at their limits, a commit's datagrams and its flows.
const MEMORY_KB: u64 = 400_000;
/// `waiting.pcap`: 16 MiB of datagrams, 8,192 of them at most, with their headers.
const WAITING_BYTES: u64 = 17 << 20;

/// A store with flows of some days before today.
fn home_with_old_days() -> Home {
    let home = Home::new();
    let today = now_ms() / DAY_MS * DAY_MS;
    let mut payloads = Vec::new();
    for ago in 1..=OLD_DAYS {
        let noon = today - ago * DAY_MS + DAY_MS / 2;
        let flows: Vec<Told> = (0..OLD_FLOWS)
            .map(|number| Told {
                src: [11, ago as u8, (number >> 8) as u8, number as u8].into(),
                dst: [11, 0, (number * 7) as u8, 9].into(),
                src_port: number as u16,
                octets: 1000 + number.wrapping_mul(0x9e37) % 65_536,
                first_ms: noon + u64::from(number) * 100,
            })
            .collect();
        for (place, flows) in (0..).zip(flows.chunks(30)) {
            let sequence = (ago as u32 * OLD_FLOWS) + place * 30;
            payloads.push(v5(noon - 1000, noon + DAY_MS / 4, sequence, flows));
        }
    }
    let path = home.file("old.pcap", &capture(&payloads));
    home.run(&["load", &path]).ends(0, &format!("{} stored", grouped(OLD_DAYS * 3000)));
    home
}

fn grouped(number: u64) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}

/// The flows in the store of who keeps to what is right, and how many there are of each.
fn honest_flows(home: &Home) -> Flows {
    let mut found = Flows::new();
    for net in ["10.0.0.0/8", "2001:db8::/32"] {
        let lines = home.run(&["query", net, "-o", "ndjson"]).succeeds().stdout;
        for line in lines.lines() {
            let flow: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| flow[name].as_str().unwrap().to_owned();
            let number = |name: &str| flow[name].as_u64().unwrap();
            let exporter = text("exporter");
            assert!(is_honest(&exporter), "{line}");
            // sFlow does not tell when a flow began.
            let first = (exporter != "127.0.0.14").then(|| milliseconds(&text("time")));
            let (octets, port) = (number("bytes") as u32, number("srcPort") as u16);
            let key = (exporter, text("srcAddress"), port, text("dstAddress"), octets, first);
            *found.entry(key).or_default() += 1;
        }
    }
    found
}

fn milliseconds(text: &str) -> u64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64
}

/// Sees that each honest flow is in the store, once.
#[track_caller]
fn has_all(home: &Home, sent: &Flows, after: &str) {
    let found = honest_flows(home);
    let missing: Vec<_> =
        sent.iter().filter(|(key, n)| found.get(*key) != Some(n)).take(5).collect();
    let strange: Vec<_> =
        found.iter().filter(|(key, _)| !sent.contains_key(*key)).take(5).collect();
    assert!(
        missing.is_empty() && strange.is_empty(),
        "{after}: of {} flows there are {}; missing {missing:?}, strange {strange:?}",
        sent.len(),
        found.len()
    );
}

/// What a file of a store holds behind its first line.
fn body(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    serde_json::from_str(text.split_once('\n').unwrap().1).unwrap()
}

/// What became of what everybody sent.
struct Scene {
    home: Home,
    sent: Vec<(&'static str, Sent)>,
    status: Value,
    load: Value,
    /// The most memory that the collector had, in kB.
    memory_kb: u64,
    waiting_bytes: u64,
}

impl Scene {
    /// All senders send to one collector, side by side.
    fn play() -> Self {
        let home = home_with_old_days();
        let collecting = home.collects_every("0.2", &["-o", "json"]);
        let time = Duration::from_secs(if is_long() { 60 } else { 10 });
        let senders = HONEST.iter().chain(&HOSTILE);
        let threads: Vec<_> =
            senders.map(|sender| (sender.address, sender.start(collecting.to(), time))).collect();
        let sent: Vec<_> = threads
            .into_iter()
            .map(|(address, thread)| (address, thread.join().unwrap()))
            .collect();
        let all: u64 = sent.iter().map(|(_, sent)| sent.datagrams).sum();
        home.status_says("loaded", |status| {
            status["sockets"][0]["datagrams"].as_u64().unwrap() == all
                && status["spool"]["segments"] == 0
                && status["exporters"].as_array().unwrap().len() >= sent.len()
        });
        let status = home.status();
        assert_eq!(status["sockets"][0]["kernelDrops"], 0, "{status}");
        let memory_kb = memory_kb(&collecting);
        let load = collecting.ends("-TERM").succeeds().json()["load"].clone();
        let waiting = home.path("data/earlgrey-hbase/store.spool/waiting.pcap");
        let waiting_bytes = fs::metadata(waiting).map_or(0, |file| file.len());
        Self { home, sent, status, load, memory_kb, waiting_bytes }
    }

    fn flows(&self) -> Flows {
        self.sent.iter().flat_map(|(_, sent)| sent.flows.clone()).collect()
    }

    /// What the status says of a sender.
    fn of(&self, address: &str) -> &Value {
        exporter(&self.status, address)
    }

    fn number(&self, address: &str, name: &str) -> u64 {
        self.of(address)[name].as_u64().unwrap_or_else(|| panic!("{name}: {}", self.of(address)))
    }

    fn count(&self, net: &str) -> u64 {
        self.home.run(&["query", net, "--count"]).succeeds().stdout.trim().parse().unwrap()
    }

    fn manifest(&self) -> Value {
        manifest_of(&self.home)
    }
}

/// The manifest that counts.
fn manifest_of(home: &Home) -> Value {
    let files = files_in(&home.store());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let newest = files
        .iter()
        .filter(|path| name(path).starts_with("manifest-"))
        .max_by_key(|path| name(path))
        .unwrap();
    body(newest)
}

/// The most memory that a collector had so far, in kB.
fn memory_kb(collecting: &Collecting) -> u64 {
    let process = fs::read_to_string(format!("/proc/{}/status", collecting.child.id())).unwrap();
    let most = process.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    most.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn what_one_exporter_sends_costs_no_other_a_flow() {
    let scene = Scene::play();
    everything_is_accounted_for(&scene);
    what_is_wrong_is_told_of_who_is(&scene);
    all_is_within_bounds(&scene);
    the_store_can_be_kept_in_order(&scene);
}

fn everything_is_accounted_for(scene: &Scene) {
    for (address, sent) in &scene.sent {
        let told = scene.of(address);
        let number = |name| scene.number(address, name);
        assert_eq!(number("datagrams"), sent.datagrams, "{told}");
        let names = ["decoded", "duplicates", "malformed", "waiting", "givenUp", "notFlowExport"];
        let became: u64 = names.into_iter().map(number).sum();
        assert_eq!(became, sent.datagrams, "{told}");
        if is_honest(address) {
            assert_eq!(number("decoded"), sent.datagrams, "{told}");
            assert_eq!(number("flows"), sent.flows.len() as u64, "{told}");
            let lost = &told["lost"];
            assert_eq!(lost["flows"].as_u64().unwrap_or(0), sent.lost, "{told}");
            assert!(lost.as_object().unwrap().len() <= 1, "{told}");
            for name in ["rejected", "faulty", "notBelieved", "moved"] {
                assert_eq!(number(name), 0, "{name}: {told}");
            }
            assert!(told["clockAhead"].is_null(), "{told}");
        }
    }
    has_all(&scene.home, &scene.flows(), "collected");
    assert_eq!(scene.count(OLD_NET), OLD_DAYS * u64::from(OLD_FLOWS));
}

fn what_is_wrong_is_told_of_who_is(scene: &Scene) {
    let sent = |address: &str| scene.sent.iter().find(|one| one.0 == address).unwrap().1.datagrams;
    let number = |address, name| scene.number(address, name);

    let flows = sent(IN_2042) * 10;
    assert_eq!((number(IN_2042, "flows"), number(IN_2042, "moved")), (flows, flows));
    assert!(scene.of(IN_2042)["clockAhead"]["byMs"].as_u64().unwrap() > 10 * 365 * DAY_MS);
    let ahead = scene.load["ahead"].as_array().unwrap();
    assert_eq!((ahead.len(), &ahead[0]["exporter"]), (1, &IN_2042.into()));

    // What is behind may be a capture that is sent again: it stays where it is.
    assert_eq!(number(IN_1970, "flows"), sent(IN_1970) * 10);
    assert_eq!(scene.count("172.22.0.0/16"), sent(IN_1970) * 10);

    // The flow is there, without a beginning that nobody can have meant.
    assert_eq!(number(ALL_ONES, "flows"), sent(ALL_ONES) * 10);
    assert_eq!(number(ALL_ONES, "notBelieved"), sent(ALL_ONES) * 5);
    assert_eq!(scene.load["notBelieved"], sent(ALL_ONES) * 5);

    assert_eq!(number(TEMPLATES, "decoded"), sent(TEMPLATES));
    assert_eq!(number(NO_TEMPLATE, "decoded"), 0);
    assert_eq!(number(NO_TEMPLATE, "givenUp"), sent(NO_TEMPLATE) - number(NO_TEMPLATE, "waiting"));
    assert!(number(NO_TEMPLATE, "givenUp") > 0, "{}", scene.of(NO_TEMPLATE));
    assert_eq!(scene.load["givenUp"], number(NO_TEMPLATE, "givenUp"));
    assert_eq!(number(PORTS, "flows"), sent(PORTS));

    let refused = scene.load["rejected"]["too many sources"].as_u64().unwrap_or(0);
    assert_eq!(number(AGENTS, "rejected"), refused);
    assert!(refused > 0, "{}", scene.load);
    assert_eq!(number(AGENTS, "flows") + refused, sent(AGENTS) * 40);
}

fn all_is_within_bounds(scene: &Scene) {
    assert!(scene.memory_kb < MEMORY_KB, "{} kB", scene.memory_kb);
    assert!(scene.waiting_bytes < WAITING_BYTES, "{}", scene.waiting_bytes);
    let names = body(&scene.home.store().join("names.json"));
    let names = names["interfaces"].as_array().unwrap().len();
    assert!((1..=32_768).contains(&names), "{names}");
    let manifest = scene.manifest();
    let sources = manifest["sources"].as_array().unwrap().len();
    // Of one that claims to speak for others there are so many.
    assert!(sources <= earlgrey_hbase::normalise::MAX_CLAIMED_SOURCES + 16, "{sources}");
    let runs = manifest["runs"].as_array().unwrap().len();
    assert!(runs < 100, "{runs}");
}

fn the_store_can_be_kept_in_order(scene: &Scene) {
    let (home, sent) = (&scene.home, scene.flows());
    home.run(&["compact"]).succeeds();
    home.run(&["verify"]).succeeds();
    has_all(home, &sent, "compacted");
    // Of each family one a day, should this day have ended meanwhile, and one for what lies elsewhere.
    let runs = scene.manifest()["runs"].as_array().unwrap().len() as u64;
    assert!(runs <= OLD_DAYS + 2 * (2 + 2), "{runs}");

    // What is too old goes, and that was only what a clock put there that was never set.
    home.run(&["expire", "--keep", "30d", "--yes"]).succeeds();
    assert_eq!(scene.count("172.22.0.0/16"), 0);
    assert_eq!(scene.count(OLD_NET), OLD_DAYS * u64::from(OLD_FLOWS));

    // Where a little is too much, the oldest day goes, and no more.
    let bytes = home.run(&["verify", "-o", "json"]).succeeds().json()["bytes"].as_u64().unwrap();
    home.run(&["expire", "--max-size", &(bytes - 1).to_string(), "--yes"]).succeeds();
    assert_eq!(scene.count(OLD_NET), (OLD_DAYS - 1) * u64::from(OLD_FLOWS));
    home.run(&["verify"]).succeeds();
    has_all(home, &sent, "expired");

    // When all flows are gone, those who exported them are of no interest either.
    let tomorrow = jiff::Timestamp::from_millisecond((now_ms() + DAY_MS) as i64).unwrap();
    home.run(&["expire", "--before", &tomorrow.to_string(), "--yes"]).succeeds();
    home.run(&["load", &home.file("one.pcap", &capture(&[exports(0, &FLOWS)]))]).succeeds();
    let sources = scene.manifest()["sources"].as_array().unwrap().len();
    assert!(sources <= 16, "{sources}");
    home.run(&["verify"]).succeeds();
}
