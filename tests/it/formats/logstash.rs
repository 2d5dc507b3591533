//! Flows as the golden events of logstash's codec have them.

use std::collections::BTreeSet;

use earlgrey_hbase::FlowBatch;
use earlgrey_hbase::flow::FlowRecord;
use serde_json::Value;

use super::files::{manifest, read};
use crate::needs::captures;

/// Where the codec says something else than we do: its test, what of a flow it says otherwise (of
/// times, by how many milliseconds), and why.
const OTHERWISE: [(&str, &[&str], &str); 10] = [
    ("Netflow 5 valid 01", &["first +4294967296", "last +1000"], WRAP),
    ("Netflow5 Juniper MX80", LATE, SECOND),
    ("Netflow 9 valid 01", LATE, SECOND),
    ("Netflow 9 H3C Netstream with varstring", LATE, SECOND),
    ("Netflow 9 Cisco ASR 9000 series template 260", LATE, SECOND),
    ("Netflow 9 Palo Alto 1 flowset in large zero filled packet", LATE, SECOND),
    ("Netflow 9 Ubiquiti Edgerouter with MPLS labels", LATE, SECOND),
    ("Netflow 9 field layer2segmentid", LATE, SECOND),
    (
        "Netflow 9 Fortigate FortiOS 5.2.1",
        &["first +4294968296", "last +4294968296"],
        "the times lie far after the export, so they are from before the wrap of the uptime",
    ),
    (
        "Netflow 9 Cisco ASA",
        &["destination port"],
        "type and code of ICMP, in fields of their own, are the destination port here",
    ),
];
const LATE: &[&str] = &["first +1000", "last +1000"];
const SECOND: &str = "the codec adds a second where it makes an absolute time of an uptime";
const WRAP: &str =
    "the uptime wrapped after the first packet, which the codec takes for one after the export";

/// The names that the codec gives, in v5 and v9 and in IPFIX, to one thing.
const SRC: [&str; 3] = ["ipv4_src_addr", "sourceIPv4Address", "sourceIPv6Address"];
const DST: [&str; 3] = ["ipv4_dst_addr", "destinationIPv4Address", "destinationIPv6Address"];
type Counter = (&'static str, [&'static str; 3], fn(&FlowRecord) -> u64);
const COUNTERS: [Counter; 9] = [
    ("source port", ["l4_src_port", "sourceTransportPort", ""], |flow| flow.src_port.into()),
    ("destination port", ["l4_dst_port", "destinationTransportPort", ""], |flow| {
        flow.dst_port.into()
    }),
    ("octets", ["in_bytes", "octetDeltaCount", "in_permanent_bytes"], |flow| flow.octets),
    ("packets", ["in_pkts", "packetDeltaCount", "packetTotalCount"], |flow| flow.packets),
    ("protocol", ["protocol", "protocolIdentifier", ""], |flow| flow.protocol.0.into()),
    ("input", ["input_snmp", "ingressInterface", ""], |flow| flow.input.into()),
    ("output", ["output_snmp", "egressInterface", ""], |flow| flow.output.into()),
    ("source AS", ["src_as", "bgpSourceAsNumber", ""], |flow| flow.src_as.into()),
    ("destination AS", ["dst_as", "bgpDestinationAsNumber", ""], |flow| flow.dst_as.into()),
];
type Time = (&'static str, [&'static str; 3], fn(&FlowRecord) -> u64);
const TIMES: [Time; 2] = [
    ("first", ["first_switched", "flowStartMilliseconds", "flowStartSeconds"], |flow| flow.first.0),
    ("last", ["last_switched", "flowEndMilliseconds", "flowEndSeconds"], |flow| flow.last().0),
];

/// What of `event` is otherwise than in `flow`.
fn otherwise(event: &Value, flow: &FlowRecord) -> Vec<String> {
    let get = |names: [&str; 3]| names.into_iter().find_map(|name| event.get(name));
    let mut other = Vec::new();
    for (name, names, ours) in [("source", SRC, flow.src), ("destination", DST, flow.dst)] {
        // Of two families the one counts that is not zero.
        let theirs = names.into_iter().filter_map(|name| event.get(name)?.as_str());
        if theirs.clone().count() > 0 && !theirs.clone().any(|theirs| theirs == ours.to_string()) {
            other.push(name.to_owned());
        }
    }
    for (name, names, ours) in COUNTERS {
        if get(names).is_some_and(|theirs| theirs.as_u64() != Some(ours(flow))) {
            other.push(name.to_owned());
        }
    }
    for (name, names, ours) in TIMES {
        let Some(theirs) = get(names).and_then(Value::as_str) else { continue };
        // It did not fill its own template in where it knows more than milliseconds.
        let theirs = theirs.replace("#{micros}", "").replace("#{nanos}", "");
        let theirs: jiff::Timestamp = theirs.parse().unwrap();
        if theirs.as_millisecond() as u64 != ours(flow) {
            other.push(format!("{name} {:+}", theirs.as_millisecond() - ours(flow) as i64));
        }
    }
    other
}

#[test]
fn every_event_of_a_flow_that_logstash_shows_is_read_with_the_same_fields() {
    let Some(folder) = captures() else { return };
    let golden =
        std::fs::read(folder.join("REF/logstash-codec-netflow.golden.given.json")).unwrap();
    let golden: Value = serde_json::from_slice(&golden).unwrap();
    let rows = manifest(&folder);
    let (mut events, mut named, mut wrong) = (0, 0, Vec::new());
    for (name, test) in golden.as_object().unwrap() {
        let files: BTreeSet<&str> =
            test["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let row = rows.iter().find(|row| {
            let paths = row["upstream_path"].split(',');
            let files_of_row: BTreeSet<&str> =
                paths.filter_map(|path| path.rsplit('/').next()).collect();
            row["path"].starts_with("wrapped/logstash-codec-netflow/") && files_of_row == files
        });
        let path = folder.join(&row.unwrap()["path"]);
        let ours = read(&path);
        let mut left: Vec<FlowRecord> = ours.flows.iter().flat_map(FlowBatch::records).collect();
        for event in test["events"].as_array().unwrap() {
            let event = &event["netflow"];
            if SRC.iter().all(|name| event.get(name).is_none()) {
                continue;
            }
            events += 1;
            let known = OTHERWISE.iter().find(|it| it.0 == name);
            let expected = known.map_or(&[][..], |it| it.1);
            named += usize::from(known.is_some());
            let all = left.iter().map(|flow| otherwise(event, flow));
            match all.enumerate().min_by_key(|(_, other)| other.len()) {
                Some((place, other)) if other == expected => {
                    left.swap_remove(place);
                }
                other => wrong.push(format!("{name}: {other:?}: {event:#}")),
            }
        }
    }
    println!("{events} events, {named} otherwise");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(events > 20 && named > OTHERWISE.len(), "{events} events, {named} otherwise");
}
