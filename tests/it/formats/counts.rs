//! Every capture holds as many export packets and flow records as the manifest says.

use std::collections::{BTreeMap, HashMap};

use super::files::{Read, manifest, read};
use crate::needs::captures;

/// Where we find more than the manifest says: format, packets and records that we find, and why.
const MORE: [(&str, &str, u64, u64, &str); 12] = [
    ("akvorado/netflow/data+templates.pcap", "v9", 1, 21, DATA_FIRST),
    ("graylog2-server/data-datatemplate.pcap", "ipfix", 2, 4, DATA_FIRST),
    ("graylog2-server/fgt300d-netflow9.pcap", "v9", 10, 146, DATA_FIRST),
    ("traffic-reproducer/pcap_processing/ipfix-bgp.pcap", "ipfix", 36, 32, DATA_FIRST),
    ("traffic-reproducer/pcap_processing/ipfix-bmp.pcap", "ipfix", 42, 47, DATA_FIRST),
    ("traffic-reproducer/pcap_processing/ipfix-vmware.pcap", "ipfix", 1159, 1317, DATA_FIRST),
    ("wrapped/fluent/v9.pcap", "v9", 3, 2, DATA_FIRST),
    ("wrapped/python-netflow/v9_mixed.pcap", "v9", 2, 20, DATA_FIRST),
    ("wrapped/graylog2/v5.pcap", "v5", 13, 60, SEVERAL),
    ("wrapped/logstash-codec-netflow/ipfix.pcap", "ipfix", 3, 12, SEVERAL),
    ("wrapped/logstash-codec-netflow/netflow5.pcap", "v5", 12, 30, SEVERAL),
    ("wrapped/logstash-codec-netflow/netflow9_h3c_varstring.pcap", "v9", 2, 1, VARIABLE),
];
const DATA_FIRST: &str = "data that comes before its template waits for it here";
const VARIABLE: &str = "a field of v9 has a variable length, which its specification does not have";
const SEVERAL: &str = "the datagram holds several packets, and the manifest counts the first";

/// Packets and records that the manifest says, by format.
fn expected(row: &HashMap<String, String>) -> BTreeMap<&str, (u64, u64)> {
    let numbers = |cell| -> Vec<(&str, u64)> {
        let cell: &str = &row[cell];
        cell.split(';')
            .filter_map(|part| part.split_once('='))
            .map(|(format, count)| {
                let digits = count.split(|c: char| !c.is_ascii_digit()).next().unwrap();
                let format = if format == "sflow5" { "sflow" } else { format };
                (format, digits.parse().unwrap())
            })
            .collect()
    };
    let records: BTreeMap<_, _> = numbers("flow_records").into_iter().collect();
    numbers("versions")
        .into_iter()
        .map(|(format, packets)| (format, (packets, records.get(format).copied().unwrap_or(0))))
        .collect()
}

#[test]
fn every_capture_holds_as_many_flows_as_the_manifest_says() {
    let Some(folder) = captures() else { return };
    let (mut files, mut more) = (0, 0);
    for row in manifest(&folder) {
        let kinds = ["capture", "derived", "wrapped-payload", "traffic"];
        if !kinds.contains(&row["kind"].as_str()) {
            continue;
        }
        files += 1;
        let path = row["path"].as_str();
        let found = read(&folder.join(path));
        let mut expected = expected(&row);
        for (_, format, packets, records, why) in MORE.iter().filter(|more| more.0 == path) {
            assert!(expected[format].1 < *records, "{path}: {why}");
            expected.insert(format, (*packets, *records));
            more += 1;
        }
        check(path, &found, expected);
    }
    assert!(files > 100 && more == MORE.len(), "{files} files, {more} with more");
}

/// A datagram that never gets a template counts as waiting here, and as a packet without records
/// in the manifest.
fn check(path: &str, found: &Read, mut expected: BTreeMap<&str, (u64, u64)>) {
    for (format, (packets, _)) in &found.counts {
        if let Some(expected) = expected.get_mut(format) {
            let short = expected.0.saturating_sub(*packets);
            assert!(short <= found.waiting, "{path}: {format}");
            expected.0 -= short;
        }
    }
    let alone = found.counts.is_empty() && found.waiting > 0;
    if alone {
        assert!(
            expected.values().all(|&(packets, records)| (packets, records) == (found.waiting, 0))
        );
    } else {
        assert_eq!(found.counts, expected, "{path}");
    }
}
