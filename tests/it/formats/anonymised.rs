//! Datagrams with other addresses say the same of flows, but for what is left out.

use std::net::IpAddr;

use earlgrey_hbase::anonymise::{AnonymiseKey, Anonymiser, PayloadAnonymiser};
use earlgrey_hbase::capture::Datagram;
use earlgrey_hbase::flow::{FlowBatch, FlowRecord, Source, extras};

use super::files::{manifest, read_twice};
use crate::needs::captures;

fn without_exporter(flow: FlowRecord) -> FlowRecord {
    let exporter = IpAddr::from([0, 0, 0, 0]);
    FlowRecord { source: Source { exporter, ..flow.source }, ..flow }
}

/// Compares flows whose addresses are replaced with those of datagrams whose addresses were.
fn check(path: &str, expected: &FlowBatch, found: &FlowBatch) {
    assert_eq!(found.len(), expected.len(), "{path}");
    for row in 0..found.len() {
        let [expected_flow, flow] = [expected, found].map(|batch| batch.record(row));
        // A sender has the address that the network says.
        assert_eq!(without_exporter(flow), without_exporter(expected_flow), "{path}, {row}");
        for extra in extras(expected.extras.get(row)) {
            let is_there = extras(found.extras.get(row)).any(|other| other == extra);
            assert!(is_there, "{path}, {row}: {extra:?}");
        }
    }
}

#[test]
fn datagrams_of_other_addresses_say_the_same_of_flows() {
    let Some(folder) = captures() else { return };
    let (mut files, mut flows) = (0, 0);
    for row in manifest(&folder) {
        let kinds = ["capture", "derived", "wrapped-payload", "traffic"];
        if !kinds.contains(&row["kind"].as_str()) {
            continue;
        }
        let by = Anonymiser::new(&AnonymiseKey::new([7; 32]), &[]);
        let mut payloads = PayloadAnonymiser::new(&by);
        let rewrite = |datagram: &Datagram<'_>| payloads.payload(datagram);
        let [plain, other] = read_twice(&folder.join(&row["path"]), rewrite);
        assert_eq!(other.counts, plain.counts, "{}", row["path"]);
        for (plain, other) in plain.flows.into_iter().zip(&other.flows) {
            let expected = by.batch(plain);
            check(&row["path"], &expected, other);
            flows += other.len();
        }
        files += 1;
    }
    assert!(files > 100 && flows > 10_000, "{files} files, {flows} flows");
}
