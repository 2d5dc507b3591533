//! The same filters on the same flows, by nfdump.

use std::path::Path;

use earlgrey_hbase::FlowRecord;
use earlgrey_hbase::Store;
use earlgrey_hbase::query::Question;
use earlgrey_hbase::store::memory::MemoryStore;

use super::expression::{self, Random, Spelling};
use super::parsed;
use super::traffic::{exports, flows, store_of};
use crate::interop::{collect, counts};
use crate::needs::{nfdump, tool};

/// How many flows nfdump finds in what nfcapd wrote into `folder`; None if it takes the filter for
/// wrong.
fn by_nfdump(folder: &Path, filter: &str) -> Option<usize> {
    let folder = folder.to_str().unwrap();
    let output = tool("nfdump", &["-R", folder, "-q", "-o", "fmt:%ts", filter]).unwrap();
    if output.contains("No matching flows") {
        return Some(0);
    }
    // Each flow is the line of its time.
    let found = output.lines().filter(|line| line.trim_start().starts_with("20")).count();
    (found > 0).then_some(found)
}

fn by_us(store: &MemoryStore, filter: &str) -> usize {
    let question = Question { filter: Some(parsed(filter)), ..Question::everything() };
    question.plan_count().count(&*store.snapshot().unwrap()).unwrap() as usize
}

/// Filters as people write them, one for each kind of term and more.
const BY_HAND: [&str; 54] = [
    "any",
    "src ip 10.0.0.1",
    "ip 10.0.0.1",
    "host 10.0.0.1",
    "SRC IP 10.0.0.1",
    "dst host 8.8.8.8",
    "net 10.1.0.0/16",
    "src net 10.1.0.0 255.255.0.0",
    "dst net 10.0.0.0/8",
    "ip in [10.0.0.1 10.0.0.2]",
    "ip in [10.1.0.0/16, 8.8.8.8]",
    "proto tcp",
    "proto 17",
    "proto gre",
    "flags S",
    "flags SA",
    "flags AFRPU",
    "flags 2",
    "flags > 2",
    "flags X",
    "flags SF and not flags A",
    "port 443",
    "src port 443",
    "port > 1023",
    "dst port < 1024",
    "port in [80 443]",
    "src port in [80, 443]",
    "bytes > 1k",
    "bytes = 40",
    "packets 1",
    "packets >= 0x10",
    "duration > 1000",
    "duration 0",
    "pps > 10",
    "bps > 8000",
    "bpp > 100",
    "bpp 40",
    "in if 8",
    "out if 8",
    "if 8",
    "tos 16",
    "src tos 32",
    "icmp-type 8",
    "icmp-code 1",
    "ipv4",
    "ipv6",
    "next ip 10.0.0.1",
    "router ip 127.0.0.1",
    "not port 443",
    "! port 443 and not proto udp",
    "port 80 or port 443 and proto tcp",
    "(port 80 or port 443) and proto tcp",
    "in bytes > 100 and in packets > 1",
    "proto tcp # remark\nand port 22",
];

#[test]
fn nfdump_finds_as_many_flows() {
    if !nfdump() {
        return;
    }
    let mut random = Random(7);
    let flows = flows(&mut random, 3000, false);
    let folder = tempfile::tempdir().unwrap();
    let payloads = exports(&flows);
    collect(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>(), folder.path());
    assert_eq!(counts(folder.path())("Flows"), 3000, "nfcapd did not receive everything");
    let store = store_of(&flows);

    let mut compared = 0;
    for filter in BY_HAND {
        let theirs = by_nfdump(folder.path(), filter);
        assert_eq!(Some(by_us(&store, filter)), theirs, "{filter}");
        compared += 1;
    }
    while compared < 300 {
        let expression = expression::any(&mut random, 3, Spelling::OfNfdump);
        let filter = expression.text(&mut random, Spelling::OfNfdump);
        let ours = by_us(&store, &filter);
        assert_eq!(ours, flows.iter().filter(|flow| expression.passes(flow)).count(), "{filter}");
        assert_eq!(Some(ours), by_nfdump(folder.path(), &filter), "{filter}");
        compared += 1;
    }
    differences(&flows, &store, folder.path());
}

/// Filters that mean something else to nfdump, or nothing, and how many flows they are to find.
fn differences(flows: &[FlowRecord], store: &MemoryStore, folder: &Path) {
    type Passes = fn(&FlowRecord) -> bool;
    let cases: [(&str, Passes, &str); 9] = [
        (
            "flags S and not flags AFRPU",
            |flow| flow.protocol.0 == 6 && flow.tcp_flags & 2 != 0 && flow.tcp_flags & 0x3d != 0x3d,
            "1.7.1 takes `not` for none of them, 1.7.8 for not all of them",
        ),
        ("flags = S", |flow| flow.protocol.0 == 6 && flow.tcp_flags == 2, "1.7.1 rejects it"),
        ("flags s", |flow| flow.protocol.0 == 6 && flow.tcp_flags & 2 != 0, "it wants capitals"),
        ("flows > 0", |_| true, "1.7.8 finds nothing"),
        ("vlan 0", |_| false, "1.7.1 takes 0 for a VLAN that there is not"),
        ("fwdstat 0", |_| false, "it takes 0 for a status that there is not"),
        ("flowdir ingress", |_| false, "it takes 0 for a direction that there is not"),
        ("src mask 24", |flow| flow.src_mask == 24, "1.7.8 does not read masks of v5"),
        ("src as 64500", |flow| flow.src_as == 64_500, "1.7.1 wants a database of places"),
    ];
    for (filter, passes, why) in cases {
        let expected = flows.iter().filter(|flow| passes(flow)).count();
        assert_eq!(by_us(store, filter), expected, "{filter}");
        println!("{filter}: {expected} flows; nfdump: {:?}; {why}", by_nfdump(folder, filter));
    }
}
