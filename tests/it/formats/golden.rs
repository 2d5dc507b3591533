//! Flows as two other collectors have them in their golden files: those of `NetGauze` and of telegraf.

use std::collections::HashMap;
use std::path::Path;

use earlgrey_hbase::FlowBatch;
use earlgrey_hbase::flow::FlowRecord;
use serde_json::Value;

use super::files::{Read, read};
use crate::needs::captures;

/// What both sides tell of a flow: ends, ports, octets, packets.
type Told = (String, String, u64, u64, u64, u64);

fn told(flow: &FlowRecord) -> Told {
    // Type and code of ICMP stand in the port's place here.
    let dst_port = if flow.protocol.is_icmp() { 0 } else { flow.dst_port.into() };
    let (src, dst) = (flow.src.to_string(), flow.dst.to_string());
    (src, dst, flow.src_port.into(), dst_port, flow.octets, flow.packets)
}

fn ours(found: &Read) -> Vec<Told> {
    let mut flows: Vec<Told> =
        found.flows.iter().flat_map(FlowBatch::records).map(|flow| told(&flow)).collect();
    flows.sort();
    flows
}

/// Checks that both, which are sorted, are the same.
fn assert_same(ours: &[Told], theirs: &[Told], what: &str) {
    let other = ours.iter().zip(theirs).find(|(ours, theirs)| ours != theirs);
    assert_eq!(other, None, "{what}");
    assert_eq!(ours.len(), theirs.len(), "{what}");
}

/// A data record of `NetGauze` as a flow; None for one of options.
fn of_netgauze(record: &Value) -> Option<Told> {
    // Of an element that comes twice the first one is that of the outer packet.
    let fields: Vec<(&str, &Value)> = record["fields"]
        .as_array()?
        .iter()
        .flat_map(|field| field.as_object().into_iter().flatten())
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    let get =
        |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    if record["scope_fields"].as_array().is_some_and(|scopes| !scopes.is_empty()) {
        return None;
    }
    let number = |name| get(name).and_then(Value::as_u64).unwrap_or(0);
    let address = |v4, v6| {
        let texts = || {
            let ours = fields.iter().filter(|(name, _)| [v4, v6].contains(name));
            ours.filter_map(|(_, value)| value.as_str())
        };
        let known = texts().find(|text| !["0.0.0.0", "::"].contains(text));
        known.or(texts().next()).map(ToString::to_string)
    };
    let is_icmp = get("protocolIdentifier").is_some_and(|protocol| {
        protocol.as_str().is_some_and(|name| name.to_uppercase().contains("ICMP"))
    });
    let dst_port = number("destinationTransportPort");
    Some((
        address("sourceIPv4Address", "sourceIPv6Address")?,
        address("destinationIPv4Address", "destinationIPv6Address")?,
        number("sourceTransportPort"),
        if is_icmp { 0 } else { dst_port },
        number("octetDeltaCount"),
        number("packetDeltaCount"),
    ))
}

fn collect(value: &Value, flows: &mut Vec<Told>) {
    if value["fields"].is_array() {
        flows.extend(of_netgauze(value));
        return;
    }
    for value in value.as_array().into_iter().flatten() {
        collect(value, flows);
    }
    for (_, value) in value.as_object().into_iter().flatten() {
        collect(value, flows);
    }
}

/// The messages of one of `NetGauze`'s golden files.
fn messages(golden: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(golden).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn flows_are_those_of_netgauze() {
    let Some(folder) = captures() else { return };
    let tests = [
        ("100-IPFIXv10-CISCO", "traffic-00"),
        ("101-NFv9-CISCO-cust_primitives", "traffic-00"),
        ("104-IPFIXv10-IPv6-CISCO-sampling_option", "traffic-00"),
        ("111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources", "traffic-00"),
        ("400-IPFIXv10-BMP-CISCO-SRv6-multiple-sources", "traffic-00"),
        ("400-IPFIXv10-BMP-CISCO-SRv6-multiple-sources", "traffic-01"),
        ("403-IPFIXv10-BMP-IPv6-CISCO-locrib-peerdown-vrf", "traffic-00"),
        ("500-IPFIXv10-BGP-CISCO-SRv6", "traffic-00"),
        ("502-IPFIXv10-BGP-IPv6-CISCO-SRv6-lcomms", "traffic-00"),
    ];
    let of_pmacct = tests.map(|(test, traffic)| {
        let golden = format!("NetGauze/pmacct-tests/{test}/{traffic}-flow.json");
        (golden, format!("pmacct/{test}/{traffic}.pcap"))
    });
    let own = [(SRV6_GOLDEN.to_owned(), SRV6.to_owned())];
    let mut flows = 0;
    for (golden, capture) in of_pmacct.into_iter().chain(own) {
        let mut expected = Vec::new();
        for message in messages(&folder.join(golden)) {
            collect(&message, &mut expected);
        }
        expected.sort();
        assert_same(&ours(&read(&folder.join(&capture))), &expected, &capture);
        flows += expected.len();
    }
    assert!(flows > 1000, "{flows}");
}

/// An exporter whose times count from its start, which its options tell.
const SRV6: &str = "NetGauze/flow/srv6/srv6.pcap";
const SRV6_GOLDEN: &str = "NetGauze/flow/srv6/srv6-flow.json";

/// A time as `NetGauze` writes it, in milliseconds since 1970.
fn calendar_ms(value: &Value) -> Option<u64> {
    let time: jiff::Timestamp = value.as_str()?.parse().unwrap();
    Some(time.as_millisecond() as u64)
}

#[test]
fn uptimes_count_from_the_start_that_options_tell() {
    let Some(folder) = captures() else { return };
    let (mut started_ms, mut expected) = (None, Vec::new());
    for message in messages(&folder.join(SRV6_GOLDEN)) {
        let exported_ms = calendar_ms(&message["IPFIX"]["export_time"]).unwrap();
        let sets = message["IPFIX"]["sets"].as_array().unwrap().iter();
        let records = sets.flat_map(|set| set["Data"]["records"].as_array().into_iter().flatten());
        for record in records {
            let field =
                |name: &str| record["fields"].as_array()?.iter().find_map(|field| field.get(name));
            started_ms = field("systemInitTimeMilliseconds").map_or(started_ms, calendar_ms);
            let uptime = |name| field(name).and_then(Value::as_u64);
            let uptimes = uptime("flowStartSysUpTime").zip(uptime("flowEndSysUpTime"));
            expected.extend(uptimes.map(|(first, last)| match started_ms {
                Some(started_ms) => (started_ms + first, started_ms + last),
                // By design: what nothing relates to the calendar yet ended at its export.
                None => (exported_ms - (last - first), exported_ms),
            }));
        }
    }
    let found = read(&folder.join(SRV6));
    let all = found.flows.iter().flat_map(FlowBatch::records);
    let mut ours: Vec<(u64, u64)> = all.map(|flow| (flow.first.0, flow.last().0)).collect();
    ours.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ours, expected);
    assert_eq!(ours.len(), 86);
}

/// The fields of a line of telegraf's.
fn fields(line: &str) -> HashMap<&str, &str> {
    let (_, fields) = line.split_once(' ').unwrap_or_default();
    // A time may stand at the end.
    let fields = match fields.rsplit_once(' ') {
        Some((fields, time)) if time.bytes().all(|byte| byte.is_ascii_digit()) => fields,
        _ => fields,
    };
    fields
        .split(',')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name, value.trim_end_matches('u').trim_matches('"')))
        .collect()
}

fn of_telegraf(line: &str) -> Option<Told> {
    let fields = fields(line);
    let number = |names: &[&str]| names.iter().find_map(|name| fields.get(name)?.parse().ok());
    let is_icmp = fields.get("protocol").is_some_and(|name| name.contains("icmp"));
    let dst_port = number(&["dst_port"]).unwrap_or(0);
    Some((
        (*fields.get("src")?).to_owned(),
        (*fields.get("dst")?).to_owned(),
        number(&["src_port"]).unwrap_or(0),
        if is_icmp { 0 } else { dst_port },
        number(&["in_bytes", "in_total_bytes"]).unwrap_or(0),
        number(&["in_packets", "in_total_packets"]).unwrap_or(0),
    ))
}

/// What came back, where a line of telegraf's has counters of that: RFC 5103's, which it does not
/// know by name and writes in hexadecimal.
fn way_back_of_telegraf(line: &str) -> Option<Told> {
    let fields = fields(line);
    let counter = |element: &str| {
        let digits = fields.get(element)?.strip_prefix("0x")?;
        u64::from_str_radix(digits, 16).ok().filter(|&counter| counter > 0)
    };
    let (src, dst, src_port, dst_port, ..) = of_telegraf(line)?;
    let [octets, packets] = ["type_29305_85", "type_29305_86"].map(counter);
    Some((dst, src, dst_port, src_port, octets?, packets?))
}

#[test]
fn flows_are_those_of_telegraf() {
    let Some(folder) = captures() else { return };
    for (name, count) in [
        // Of 29 records 27 tell what came back, too.
        ("ipfix_example", 29 + 27),
        ("ipfix_pen_35632", 2),
        ("issue_13305", 2),
        ("netflow_v5_example", 8),
        ("netflow_v9_example", 8),
        // Counters of interfaces, and a packet that was dropped: no flows.
        ("sflow_v5_example", 0),
        ("sflow_issue_15375", 0),
    ] {
        let golden: &Path = &folder.join(format!("telegraf/{name}/expected.out"));
        let text = std::fs::read_to_string(golden).unwrap();
        let mut expected: Vec<Told> = text.lines().filter_map(of_telegraf).collect();
        expected.extend(text.lines().filter_map(way_back_of_telegraf));
        expected.sort();
        let found = read(&folder.join(format!("wrapped/telegraf/{name}.pcap")));
        assert_same(&ours(&found), &expected, name);
        assert_eq!(expected.len(), count, "{name}");
    }
}
