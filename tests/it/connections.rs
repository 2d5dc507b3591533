//! `query --connections`: against connections that Python joins from the flows.

use serde_json::Value;

use crate::cli::Home;
use crate::needs::duckdb;

/// Joins the flows of an NDJSON file by the published rule, and prints each connection as its initiator,
/// its responder, both ports, protocol, when it began and ended, and counters of both ways.
const JOIN: &str = r#"
import sys, json, collections, ipaddress
from datetime import datetime
GAP = int(sys.argv[2]) * 1000 + 60_000
FIN, SYN, RST, ACK = 1, 2, 4, 16
ms = lambda text: round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
number = lambda text: (":" in text, int(ipaddress.ip_address(text)))
def flags(text):
    return sum(bit for bit, letter in zip((1, 2, 4, 8, 16, 32, 64, 128), "FSRPAUEC") if letter in text)
tuples = collections.defaultdict(list)
for line in open(sys.argv[1]):
    flow = json.loads(line)
    one = (flow["srcAddress"], flow["srcPort"])
    other = (flow["dstAddress"], flow["dstPort"])
    if flow["protocol"] == "ICMP":
        kind, code = divmod(flow["dstPort"], 256)
        answered = {0: 8, 14: 13, 16: 15, 18: 17, 10: 9}.get(kind)
        one, other = (one[0], 0), (other[0], flow["dstPort"])
        if answered is not None:
            one, other = (one[0], answered * 256 + code), (other[0], 0)
    first = ms(flow["time"])
    tuples[(frozenset((one, other)), flow["protocol"])].append(
        (first, number(one[0]), first + flow["duration"], one, other, flags(flow["tcpFlags"]),
         flow["bytes"], flow["packets"]))
for (ends, protocol), records in tuples.items():
    records.sort(key=lambda record: record[:2])
    groups = []
    for record in records:
        first, one, tcp = record[0], record[3], record[5]
        if groups:
            group = groups[-1]
            last = max(before[2] for before in group)
            was_over = any(before[5] & (FIN | RST) for before in group)
            again = any(before[3] == one for before in group)
            if first > last and (protocol == "TCP" and tcp & SYN and was_over and again or first - last > GAP):
                groups.append([])
        else:
            groups.append([])
        groups[-1].append(record)
    for group in groups:
        ways = collections.defaultdict(list)
        for record in group:
            ways[record[3]].append(record)
        one, other = sorted({record[3] for record in group} | {record[4] for record in group},
            key=lambda end: (number(end[0]), end[1])) if len(ends) == 2 else (list(ends) * 2)
        ored = lambda end: __import__("functools").reduce(lambda a, b: a | b[5], ways[end], 0)
        opens = [protocol == "TCP" and ored(end) & (SYN | ACK) == SYN for end in (one, other)]
        began = [min((record[0] for record in ways[end]), default=None) for end in (one, other)]
        if opens[0] != opens[1]:
            initiator = one if opens[0] else other
        elif None in began:
            seen, unseen = (one, other) if began[1] is None else (other, one)
            answers = 0 < seen[1] < 1024 <= unseen[1] and not ored(seen) & (SYN | ACK) == SYN
            initiator = unseen if answers else seen
        elif began[0] != began[1]:
            initiator = one if began[0] < began[1] else other
        elif protocol == "ICMP":
            initiator = min((one, other), key=lambda end: end[1])
        elif one[1] != other[1]:
            initiator = max((one, other), key=lambda end: end[1])
        else:
            initiator = one
        responder = other if initiator == one else one
        sums = [sum(record[at] for record in ways[end]) for end in (initiator, responder) for at in (6, 7)]
        print(initiator[0], responder[0], initiator[1], responder[1], protocol, group[0][0],
            max(record[2] for record in group), *sums)
"#;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// What is printed of a connection, as the script has it.
fn told(line: &str) -> String {
    let row: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let first = text("time").parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64;
    let numbers = ["initiatorBytes", "initiatorPackets", "responderBytes", "responderPackets"]
        .map(|name| number(&row[name]).to_string());
    let ports = ["initiatorPort", "responderPort"].map(|name| number(&row[name]).to_string());
    format!(
        "{} {} {} {} {} {}",
        text("initiatorAddress"),
        text("responderAddress"),
        ports.join(" "),
        text("protocol"),
        format_args!("{first} {}", first + number(&row["duration"])),
        numbers.join(" ")
    )
}

#[test]
fn connections_are_those_that_python_joins() {
    let Some(python) = duckdb() else { return };
    let home = Home::new();
    home.run(&["generate", "day.pcap", "--flows", "40000", "--hours", "3"]).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    let flows = home.run(&["query", "--where", "any", "-o", "ndjson"]).succeeds();
    std::fs::write(home.path("flows.ndjson"), flows.lines().join("\n")).unwrap();
    let file = home.path("flows.ndjson");
    for active in ["60", "1"] {
        let expected = python(JOIN, &[file.to_str().unwrap(), active]);
        let mut expected: Vec<&str> = expected.lines().collect();
        let arguments = [
            "query",
            "--where",
            "any",
            "--connections",
            "-o",
            "ndjson",
            "--active-timeout",
            active,
        ];
        let found = home.run(&arguments).succeeds();
        let mut found: Vec<String> = found.lines().iter().map(|line| told(line)).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert!(found.len() > 10_000, "{} connections", found.len());
        let differs = found.iter().zip(&expected).find(|(found, expected)| found != *expected);
        assert_eq!((found.len(), differs), (expected.len(), None), "{active}");
    }
}
