//! Watch lists, by the commands: what is hit is what Python finds among the flows that `query` prints.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::Home;
use crate::needs::tool;

/// Prints what flows, a line of JSON each, come to by the indicators of a list, as `watch show` tells
/// it. Of indicators that hold an address the narrowest is hit, that with the port first.
const LOOK: &str = r"
import ipaddress, json, sys
from datetime import datetime, timedelta
flows, entries = open(sys.argv[1]), [line.strip() for line in open(sys.argv[2])]
since = sys.argv[3] if len(sys.argv) > 3 else ''
known = {}
for entry in entries:
    host, _, port = entry.partition(':') if entry.count(':') == 1 else (entry, '', '')
    network = ipaddress.ip_network(host)
    known[network, int(port or -1)] = entry
lengths = sorted({network.prefixlen for network, _ in known}, reverse=True)
def find(address, port):
    for length in lengths:
        network = ipaddress.ip_network((address, length), strict=False)
        for port_asked in (port, -1):
            if (network, port_asked) in known: return known[network, port_asked]
def add(sums, first, last, flow):
    begin, end, count, packets, octets = sums or (first, last, 0, 0, 0)
    return (min(begin, first), max(end, last), count + 1, packets + flow['packets'], octets + flow['bytes'])
def shown(sums):
    return dict(zip(('first', 'last', 'flows', 'packets', 'octets'), sums))
hits = {}
for line in flows:
    flow = json.loads(line)
    first = flow['time']
    if first < since: continue
    end = datetime.fromisoformat(first) + timedelta(milliseconds=flow['duration'])
    last = end.strftime('%Y-%m-%dT%H:%M:%S.') + f'{end.microsecond // 1000:03}Z'
    src = find(flow['srcAddress'], flow['srcPort'])
    dst = find(flow['dstAddress'], flow['dstPort'])
    for entry, other in ((src, 'dstAddress'), (dst if dst != src else None, 'srcAddress')):
        if entry is None: continue
        sums, others = hits.setdefault(entry, [None, {}])
        hits[entry][0] = add(sums, first, last, flow)
        others[flow[other]] = add(others.get(flow[other]), first, last, flow)
for entry, (sums, others) in sorted(hits.items()):
    others = [dict(address=a, **shown(s)) for a, s in
        sorted(others.items(), key=lambda other: ipaddress.ip_address(other[0]))]
    print(json.dumps(dict(indicator=entry, listed=True, **shown(sums), others=others)))
";

/// Prints indicators among the addresses of flows: hosts, ports of hosts, and networks around some.
const CHOOSE: &str = r"
import ipaddress, json, sys
hosts = {}
for line in open(sys.argv[1]):
    flow = json.loads(line)
    for end in ('src', 'dst'): hosts[flow[end + 'Address']] = flow[end + 'Port']
for number, (host, port) in enumerate(sorted(hosts.items())):
    if number % 40 == 0: print(host)
    if number % 90 == 0 or number % 200 == 0: print(f'{host}:{port}')
    if number % 300 == 0: print(ipaddress.ip_network((host, 22), strict=False))
print('192.0.2.77')
";

/// A home with two captures, `one.pcap` and `two.pcap`, whose flows differ.
fn home() -> Home {
    let home = Home::new();
    for (name, seed, flows) in [("one.pcap", "1", "20000"), ("two.pcap", "2", "10000")] {
        let made = ["generate", name, "--flows", flows, "--seed", seed, "--hours", "2"];
        home.run(&made).succeeds();
    }
    home
}

fn python(script: &str, arguments: &[&str]) -> Option<String> {
    tool("python3", &[&["-c", script], arguments].concat())
}

/// All flows of the store, in a file.
fn flows(home: &Home, name: &str) -> String {
    home.file(
        name,
        home.run(&["query", "--where", "any", "-o", "ndjson"]).succeeds().stdout.as_bytes(),
    )
}

/// What Python finds, by indicator.
fn looked(arguments: &[&str]) -> Option<Vec<Value>> {
    let found = python(LOOK, arguments)?;
    Some(found.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// What the command tells, by indicator.
fn shown(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let mut hits = home.run(&[arguments, &["-o", "json"]].concat()).succeeds().json();
    let hits = hits.as_array_mut().unwrap();
    assert!(hits.is_sorted_by_key(|hit| std::cmp::Reverse(hit["flows"].as_u64().unwrap())));
    hits.sort_by_key(|hit| hit["indicator"].as_str().unwrap().to_owned());
    std::mem::take(hits)
}

#[test]
fn what_is_hit_is_what_python_finds_in_history_and_in_what_comes() {
    let home = home();
    home.run(&["load", "one.pcap"]).succeeds();
    let one = flows(&home, "one.ndjson");
    let Some(list) = python(CHOOSE, &[&one]) else { return };
    let list = home.file("bad.txt", list.as_bytes());
    let test = ["watch", "test", "bad", "@bad.txt"];
    let expected = looked(&[&one, &list]).unwrap();
    assert!(expected.len() > 30, "{}", expected.len());
    assert_eq!(shown(&home, &test), expected);
    let since = expected[0]["last"].as_str().unwrap();
    let late = looked(&[&one, &list, since]).unwrap();
    assert!(!late.is_empty() && late.len() < expected.len());
    assert_eq!(shown(&home, &[&test[..], &["--since", since]].concat()), late);
    home.run(&["watch", "show", "bad"]).ends(2, "there is no watch list bad");

    let added = home.run(&["watch", "add", "bad", "@bad.txt"]).succeeds();
    assert!(added.stderr.contains("bad.txt: ") && added.stderr.contains(" hit by "));
    assert_eq!(shown(&home, &["watch", "show", "bad"]), expected);
    let load = home.run(&["load", "two.pcap"]).succeeds();
    let both = flows(&home, "both.ndjson");
    let of_both = looked(&[&both, &list]).unwrap();
    assert_eq!(shown(&home, &["watch", "show", "bad"]), of_both);
    let count = |hits: &[Value]| hits.iter().map(|hit| hit["flows"].as_u64().unwrap()).sum::<u64>();
    let new = count(&of_both) - count(&expected);
    let told = load.stderr.lines().find(|line| line.contains("new hits")).unwrap();
    assert_eq!(
        told.replace(',', ""),
        format!("  watched    {new} new hits; see earlgrey-hbase watch list")
    );

    // Again, merged, and with a newer file of the same: nothing counts twice.
    assert!(!home.run(&["load", "one.pcap", "two.pcap"]).succeeds().stderr.contains("new hits"));
    home.run(&["compact"]).succeeds();
    home.run(&["watch", "add", "bad", "bad.txt"]).succeeds();
    assert_eq!(shown(&home, &["watch", "show", "bad"]), of_both);
    home.run(&["verify"]).succeeds();
    let lists = home.run(&["watch", "list", "-o", "json"]).succeeds().json();
    assert_eq!((&lists[0]["name"], &lists[0]["flows"]), (&"bad".into(), &count(&of_both).into()));
    // What is hit stays when flows are deleted.
    home.run(&["expire", "--before", "2100-01-01", "--yes"]).succeeds();
    assert_eq!(shown(&home, &["watch", "show", "bad"]), of_both);
    let csv = home.run(&["watch", "show", "bad", "-o", "csv", "-n", "1"]).succeeds().stdout;
    assert!(csv.starts_with("indicator,note,listed,first,last,flows,packets,octets,others\n"));
    home.run(&["watch", "remove", "bad"]).succeeds();
    home.run(&["watch", "remove", "bad"]).ends(2, "there is no watch list bad");
}

#[test]
fn a_load_that_is_killed_anywhere_loses_no_hit_and_counts_none_twice() {
    let home = home();
    home.run(&["load", "two.pcap"]).succeeds();
    let two = flows(&home, "two.ndjson");
    let Some(list) = python(CHOOSE, &[&two]) else { return };
    let list = home.file("bad.txt", list.as_bytes());
    home.run(&["watch", "add", "bad", "bad.txt"]).succeeds();
    let load = ["load", "one.pcap", "--batch-flows", "1000"];
    let mut wait = Duration::from_millis(40);
    for _ in 0..12 {
        let mut killed = home.command(&load).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        std::thread::sleep(wait);
        killed.kill().unwrap();
        killed.wait().unwrap();
        let all = flows(&home, "all.ndjson");
        assert_eq!(shown(&home, &["watch", "show", "bad"]), looked(&[&all, &list]).unwrap());
        wait += began.elapsed() / 20 + Duration::from_millis(11);
    }
    home.run(&load).succeeds();
    let all = flows(&home, "all.ndjson");
    assert_eq!(all_lines(&home, "all.ndjson"), 30_000);
    assert_eq!(shown(&home, &["watch", "show", "bad"]), looked(&[&all, &list]).unwrap());
}

fn all_lines(home: &Home, name: &str) -> usize {
    std::fs::read_to_string(home.path(name)).unwrap().lines().count()
}

#[test]
fn a_list_that_is_none_is_refused_and_what_is_no_address_is_told() {
    let home = Home::with_store();
    home.file("mixed.txt", b"192.0.2.1\nexample.org\n");
    let added = home.run(&["watch", "add", "mixed", "mixed.txt"]).succeeds();
    let told = "mixed.txt: 1 indicator (plain); of 1 more entry nothing is watched for: 1 no address (line 2)";
    assert!(added.stderr.contains(told), "{}", added.stderr);
    home.file("none.txt", b"example.org\n");
    home.run(&["watch", "add", "none", "none.txt"])
        .ends(1, "none.txt: no address in it: 1 no address (line 1)");
    home.run(&["watch", "add", "../x", "mixed.txt"]).ends(2, "is no name of a watch list");
    home.run(&["watch", "add", "new", "absent.txt"]).ends(1, "absent.txt: No such file");
}
