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
    let peer = if matches!(&*kind, "beacon" | "long") { text("peer") } else { None };
    (kind, text("host").unwrap(), peer)
}

#[test]
fn what_was_planted_is_found_and_nothing_else() {
    let (home, planted) = planted(&["--seed", "3"]);
    let planted: BTreeSet<_> = planted.iter().map(key).collect();
    let found = detected(&home, &["all"]);
    let told: BTreeSet<_> = found.iter().map(key).collect();
    let missed: Vec<_> = planted.difference(&told).collect();
    let falsely: Vec<_> = told.difference(&planted).collect();
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
