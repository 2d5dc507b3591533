//! What stands out, against what the generator planted.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::Home;
use crate::needs::captures;

/// The customers' networks of the generator.
const INSIDE: [&str; 8] = [
    "--inside",
    "122.166.0.0/16",
    "--inside",
    "122.167.0.0/16",
    "--inside",
    "122.171.0.0/16",
    "--inside",
    "117.200.0.0/16",
];

/// A home whose store has a day with all that can be planted, and what was.
fn planted(options: &[&str]) -> (Home, Vec<Value>) {
    let home = Home::new();
    let made = [
        "generate",
        "day.pcap",
        "--flows",
        "300000",
        "--plant",
        "all",
        "--planted",
        "planted.json",
    ];
    home.run(&[&made[..], options].concat()).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    let planted = std::fs::read(home.path("planted.json")).unwrap();
    let planted: Vec<Value> = serde_json::from_slice(&planted).unwrap();
    (home, planted)
}

fn detected(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let run = home.run(&[&["detect"], arguments, &INSIDE[..], &["-o", "ndjson"]].concat());
    run.succeeds().lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a plant and a detection of it have in common.
fn key(row: &Value) -> (String, String, Option<String>) {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    let kind = text("kind").unwrap();
    // A scan or a flood is of a host, whatever it was done to.
    let peer = if matches!(&*kind, "beacon" | "long" | "indicator" | "exfil") {
        text("peer")
    } else {
        None
    };
    (kind, text("host").unwrap(), peer)
}

/// Has the store of `home` watch for those that were planted to be on a list.
fn watch(home: &Home, planted: &[Value]) {
    let listed = planted.iter().filter(|row| row["kind"] == "indicator");
    let listed: Vec<&str> = listed.map(|row| row["peer"].as_str().unwrap()).collect();
    std::fs::write(home.path("bad.txt"), listed.join("\n")).unwrap();
    home.run(&["watch", "add", "bad", "@bad.txt"]).succeeds();
}

/// What of a list is told is what is asked for: of the time, of the filter, and by the list's own word.
#[test]
fn dealings_with_a_list_are_those_that_are_asked_for() {
    let home = Home::new();
    home.run(&["generate", "hour.pcap", "--flows", "3000", "--hours", "1"]).succeeds();
    home.run(&["load", "hour.pcap"]).succeeds();
    let flows = home.run(&["query", "--where", "any", "-o", "ndjson"]).succeeds();
    let flows: Vec<Value> =
        flows.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |flow: &Value, end: &str| flow[end].as_str().unwrap().to_owned();
    let (bad, unsure) = (of(&flows[0], "dstAddress"), of(&flows[100], "dstAddress"));
    assert_ne!(bad, unsure);
    let object = |address: &str, confidence: u8| {
        serde_json::json!({"type": "indicator", "pattern_type": "stix", "confidence": confidence,
            "name": "home of a worm", "pattern": format!("[ipv4-addr:value = '{address}']")})
    };
    let bundle =
        serde_json::json!({"type": "bundle", "objects": [object(&bad, 85), object(&unsure, 20)]});
    std::fs::write(home.path("bad.json"), bundle.to_string()).unwrap();
    home.run(&["watch", "add", "cert", "@bad.json"]).succeeds();
    // Each pair with how many flows and octets each way, from the flows themselves.
    let mut expected = std::collections::BTreeMap::new();
    for flow in &flows {
        let ends = [of(flow, "srcAddress"), of(flow, "dstAddress")];
        for (place, listed) in ends.iter().enumerate() {
            if [&bad, &unsure].contains(&listed) {
                let sums: &mut [u64; 3] =
                    expected.entry((ends[1 - place].clone(), listed.clone())).or_default();
                sums[0] += 1;
                sums[1 + place] += flow["bytes"].as_u64().unwrap();
            }
        }
    }
    let told = |arguments: &[&str]| {
        let rows = detected(&home, &[&["indicator"], arguments].concat());
        let each = rows.iter().map(|row| {
            crate::schema::check("detection", row);
            let listed = of(row, "peer");
            let severity = if listed == bad { "high" } else { "low" };
            assert_eq!((&row["severity"], &row["attack"]), (&severity.into(), &"T1071".into()));
            assert_eq!(row["evidence"]["lists"], "cert");
            assert_eq!(row["evidence"]["notes"], "home of a worm");
            let number = |name: &str| row["evidence"][name].as_u64().unwrap();
            (
                (of(row, "host"), listed),
                [number("flows"), number("receivedBytes"), number("sentBytes")],
            )
        });
        each.collect::<std::collections::BTreeMap<_, _>>()
    };
    assert!(expected.len() > 1);
    assert_eq!(told(&[]), expected);
    expected.retain(|(_, listed), _| *listed == unsure);
    assert_eq!(told(&["--where", &format!("ip {unsure}")]), expected);
    assert_eq!(told(&["--since", "2020-01-01"]), [].into());
}

/// Who did it is told by name where a table has one.
#[test]
fn hosts_and_peers_are_told_by_name() {
    let home = Home::new();
    home.run(&["generate", "hour.pcap", "--flows", "3000", "--hours", "1"]).succeeds();
    home.run(&["load", "hour.pcap"]).succeeds();
    let flows = home.run(&["query", "--where", "any", "-o", "ndjson", "--limit", "1"]).succeeds();
    let flow: Value = serde_json::from_str(flows.lines()[0]).unwrap();
    let [src, dst] = ["srcAddress", "dstAddress"].map(|end| flow[end].as_str().unwrap().to_owned());
    std::fs::write(home.path("bad.txt"), &dst).unwrap();
    home.run(&["watch", "add", "bad", "@bad.txt"]).succeeds();
    std::fs::write(home.path("hosts.csv"), format!("address,name\n{src},till-7\n")).unwrap();
    let hosts = home.path("hosts.csv");
    let named = ["indicator", "--hosts", hosts.to_str().unwrap()];
    let rows = detected(&home, &named);
    let row = rows.iter().find(|row| row["host"] == *src).unwrap();
    crate::schema::check("detection", row);
    assert_eq!((&row["hostName"], &row["peerName"]), (&"till-7".into(), &Value::Null));
    let text = home.run(&[&["detect"][..], &named].concat()).succeeds();
    assert!(text.stdout.contains(&format!("{src} (till-7) -> {dst}")), "{}", text.stdout);
}

#[test]
fn what_was_planted_is_found_and_nothing_else() {
    let (home, planted) = planted(&["--seed", "3"]);
    watch(&home, &planted);
    let planted: BTreeSet<_> = planted.iter().map(key).collect();
    let found = detected(&home, &["all"]);
    let told: BTreeSet<_> = found.iter().map(key).collect();
    let missed: Vec<_> = planted.difference(&told).collect();
    // Whoever else deals with what is on the list is told rightly.
    let is_listed = |peer: &Option<String>| {
        planted.iter().any(|(kind, _, listed)| kind == "indicator" && listed == peer)
    };
    let falsely = told.difference(&planted);
    let falsely: Vec<_> =
        falsely.filter(|(kind, _, peer)| kind != "indicator" || !is_listed(peer)).collect();
    assert!(planted.len() > 20, "{planted:?}");
    assert!(missed.is_empty() && falsely.is_empty(), "missed {missed:#?}, falsely {falsely:#?}");
    for row in &found {
        crate::schema::check("detection", row);
        let question = row["where"].as_str().unwrap();
        let (since, until) = (row["first"].as_str().unwrap(), row["last"].as_str().unwrap());
        let count = home
            .run(&["query", "--count", "--where", question, "--since", since, "--until", until]);
        assert!(count.succeeds().lines()[0].parse::<u64>().unwrap() > 1, "{row}");
    }
}

/// What is found in real traces is little, and each of it has its reason.
#[test]
fn real_traces_are_quiet() {
    let Some(captures) = captures() else { return };
    let detect = |file: &str, inside: &str| {
        let home = Home::new();
        home.run(&["load", captures.join(file).to_str().unwrap()]);
        let run = home.run(&["detect", "all", "--inside", inside, "-o", "ndjson"]).succeeds();
        let read = |line: &str| key(&serde_json::from_str(line).unwrap());
        run.lines().into_iter().map(read).collect::<Vec<_>>()
    };
    // 73 seconds of a provider's network in August 2007, with two worms of that year in it: one host tries
    // port 2967 of 339 others (Symantec's antivirus), and one gets into 27 others by ports 139 and 445.
    let of = |kind: &str, host: &str| (kind.to_owned(), host.to_owned(), None);
    let worms = [of("scan", "122.166.218.170"), of("spread", "122.166.83.153")];
    assert_eq!(detect("overflowd/netflow_mini.pcap.gz", "122.166.0.0/16"), worms);
    // 127 hours of an office behind a provider: people at work.
    assert_eq!(detect("derived/nfreplay-v5-nfcapd-large.pcap", "10.0.0.0/8"), []);
}

/// What decides comes from the command, else from the configuration.
#[test]
fn what_decides_can_be_set() {
    let home = Home::new();
    let made = ["generate", "day.pcap", "--flows", "3000", "--hours", "1"];
    let planted = ["--plant", "scan", "--planted", "planted.json"];
    home.run(&[&made[..], &planted].concat()).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    let config = home.path("some.toml");
    let detect = |text: &str, more: &[&str]| {
        std::fs::write(&config, text).unwrap();
        let named = ["detect", "scan", "--config", config.to_str().unwrap()];
        home.run(&[&named[..], &INSIDE, more].concat())
    };
    let finds = |text: &str, more: &[&str]| detect(text, more).succeeds().stdout.contains("scan");
    // Scans of up to a thousand are planted. What a command says weighs more.
    let none = "[detect]\nscan_hosts = 100000\nscan_ports = 100000\n";
    assert!(finds("", &[]) && !finds(none, &[]) && finds(none, &["--scan-hosts", "32"]));
    let wrong = detect("[detect]\nbeacon_score = 5\n", &[]);
    assert!(
        wrong.stderr.contains("some.toml:2") && wrong.stderr.contains("from 0 to 1"),
        "{}",
        wrong.stderr
    );
}

/// A capture of what one router exports of what comes in: who asks for SNMP twenty addresses that nobody
/// has, and talks to three that are there; what another one of their network sent on each of six days
/// before, and of four before these; and what the twenty sent three weeks before.
fn from_outside(home: &Home) {
    use earlgrey_hbase::netflow::v5;
    let export = |unix_secs: u32, records: &[v5::Record]| {
        let count = records.len() as u16;
        let header = v5::Header { count, uptime_ms: 600_000, unix_secs, ..v5::Header::default() };
        let mut payload = Vec::new();
        v5::encode(&header, records, &mut payload);
        payload
    };
    let flow = |src: [u8; 4], dst: [u8; 4], (protocol, dst_port, tcp_flags): (u8, u16, u8)| {
        let at_ms = 1_000 * u32::from(dst[3]);
        v5::Record {
            src_addr: src.into(),
            dst_addr: dst.into(),
            octets: 100,
            packets: 2,
            first_ms: at_ms,
            last_ms: at_ms + 10,
            src_port: 40_000,
            dst_port,
            protocol,
            tcp_flags,
            ..v5::Record::default()
        }
    };
    let scanner = [192, 0, 2, 9];
    // SYN, PSH and ACK: they were answered by a way that nobody exports.
    let talk = (1..=3).map(|host| flow(scanner, [10, 0, 0, host], (6, 443, 0x1a)));
    let tries = (1..=20).map(|host| flow(scanner, [10, 0, 1, host], (17, 161, 0)));
    let now = 1_186_040_520;
    let records: Vec<v5::Record> = talk.chain(tries).collect();
    home.file("day.pcap", &crate::cli::capture(&[export(now, &records)]));
    let sent = (1..=20).map(|host| flow([10, 0, 1, host], scanner, (17, 53, 0)));
    let sent = export(now - 21 * 86_400, &sent.collect::<Vec<_>>());
    home.file("twenty.pcap", &crate::cli::capture(&[sent]));
    for (name, days) in [("six.pcap", 1..=6), ("four.pcap", 7..=10)] {
        let one = [flow([10, 0, 1, 200], scanner, (17, 53, 0))];
        let each: Vec<_> = days.map(|day| export(now - day * 86_400, &one)).collect();
        home.file(name, &crate::cli::capture(&each));
    }
}

#[test]
fn dark_space_is_learnt_from_what_the_store_has_of_the_days_before() {
    let home = Home::new();
    from_outside(&home);
    home.run(&["load", "day.pcap"]).succeeds();
    let scans = |more: &[&str]| {
        let asked = ["detect", "scan", "--inside", "10.0.0.0/8", "--since", "2007-08-01"];
        let run = home.run(&[&asked[..], more, &["-o", "ndjson"]].concat()).succeeds();
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        run.lines().into_iter().map(read).collect::<Vec<_>>()
    };
    assert_eq!(scans(&[]), Vec::<Value>::new(), "of a day it is not known who ever sends");
    home.run(&["load", "six.pcap"]).succeeds();
    assert_eq!(scans(&[]), Vec::<Value>::new(), "nor of six");
    home.run(&["load", "four.pcap"]).succeeds();
    let found = scans(&[]);
    assert_eq!(found.len(), 1, "{found:?}");
    crate::schema::check("detection", &found[0]);
    assert_eq!((&found[0]["host"], &found[0]["port"]), (&"192.0.2.9".into(), &161.into()));
    assert_eq!(
        (&found[0]["evidence"]["darkHosts"], &found[0]["evidence"]["hosts"]),
        (&20.into(), &20.into())
    );
    assert!(found[0]["confidence"].as_f64() > Some(0.99), "{found:?}");

    home.run(&["load", "twenty.pcap"]).succeeds();
    assert_eq!(scans(&[]), Vec::<Value>::new(), "they sent something 21 days before");
    assert_eq!(
        scans(&["--where", "proto tcp or port 161"]),
        Vec::<Value>::new(),
        "whatever is asked"
    );
    assert_eq!(scans(&["--dark-days", "14"]).len(), 1);
    assert_eq!(scans(&["--dark-days", "0"]), Vec::<Value>::new(), "nobody asks for it");
}
