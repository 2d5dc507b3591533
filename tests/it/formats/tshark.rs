//! Flows of v9 and IPFIX field by field, as tshark shows them.
//!
//! It shows fewer than are read here: it stops at the count of v9's header, and nothing waits for
//! its template there. Where it and we differ by design: of ICMP we make type and code the
//! destination port where a field of their own tells them, and of flags in two bytes we keep the
//! low one.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

use earlgrey_hbase::flow::{FlowBatch, FlowRecord, extras};
use earlgrey_hbase::normalise::MAX_LEAD_MS;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::files::{manifest, read};
use crate::needs::captures;

/// A field of tshark's, and what we have in its place.
type Field = (&'static str, fn(&FlowRecord) -> u64);

const FIELDS: [Field; 10] = [
    ("cflow.protocol", |flow| flow.protocol.0.into()),
    ("cflow.srcport", |flow| flow.src_port.into()),
    ("cflow.inputint", |flow| flow.input.into()),
    ("cflow.outputint", |flow| flow.output.into()),
    ("cflow.tos", |flow| flow.tos.into()),
    ("cflow.srcmask", |flow| flow.src_mask.into()),
    ("cflow.dstmask", |flow| flow.dst_mask.into()),
    ("cflow.srcas", |flow| flow.src_as.into()),
    ("cflow.dstas", |flow| flow.dst_as.into()),
    ("cflow.packets", |flow| flow.packets),
];

/// A field of tshark's, and the element that we keep of it.
const ELEMENTS: [(&str, u16); 8] = [
    ("cflow.vlanid", 58),
    ("cflow.post_vlanid", 59),
    ("cflow.direction", 61),
    ("cflow.flow_end_reason", 136),
    ("cflow.sampler_id", 48),
    ("cflow.ingress_vrfid", 234),
    ("cflow.post_naptsource_transport_port", 227),
    ("cflow.firewall_event", 233),
];

/// What the header of an export says of its time, kept with each of its flows here.
const EXPORTED: &str = "cflow.timestamp";
const EXPORTED_UPTIME: &str = "cflow.sysuptime";

/// `17` or `0x11` as a number.
pub(super) fn number(value: &Value) -> Option<u64> {
    let text = value.as_str()?;
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A time of the calendar as tshark writes it, in milliseconds since 1970.
fn calendar_ms(value: &Value) -> Option<i64> {
    let time = DateTime::strptime("%b %e, %Y %H:%M:%S%.f UTC", value.as_str()?).unwrap();
    Some(TimeZone::UTC.to_timestamp(time).unwrap().as_millisecond())
}

/// Seconds with a fraction, in milliseconds.
fn millis(value: &Value) -> Option<i64> {
    Some((value.as_str()?.parse::<f64>().unwrap() * 1000.0).round() as i64)
}

/// When the first or the last packet of a flow was: as tshark shows it, or from the uptimes that
/// it shows. None where it shows neither, or no uptime of the export to relate them to.
fn time_of(flow: &Value, calendar: &str, uptime: &str) -> Option<i64> {
    let tree = &flow["cflow.timedelta_tree"];
    let get = |name: &str| flow.get(name).or_else(|| tree.get(name)).unwrap_or(&Value::Null);
    let uptime = match calendar_ms(get(calendar)) {
        // That is how it shows an uptime of zero.
        Some(0) => 0,
        Some(known) => return Some(known),
        None => millis(get(uptime))?,
    };
    let before = millis(&flow[EXPORTED_UPTIME])? - uptime;
    // An uptime counts modulo 2³² ms; one that is a little ahead of the export is just that.
    let before = if before < -i64::from(MAX_LEAD_MS) { before + (1 << 32) } else { before };
    Some(calendar_ms(&flow[EXPORTED])? - before)
}

/// Whether `ours` lasted from when to when tshark says.
fn is_same_time(theirs: &Value, ours: &FlowRecord) -> bool {
    let first = time_of(theirs, "cflow.abstimestart", "cflow.timestart");
    let last = time_of(theirs, "cflow.abstimeend", "cflow.timeend");
    let (our_first, our_last) = (ours.first.0 as i64, ours.last().0 as i64);
    first.is_none_or(|first| first == our_first) && last.is_none_or(|last| last == our_last)
}

/// The address of either family that is not zero, if one is not.
fn address(flow: &Value, v4: &str, v6: &str) -> Option<IpAddr> {
    let addresses = [v4, v6].map(|name| flow[name].as_str().and_then(|text| text.parse().ok()));
    let known = addresses.iter().flatten().find(|address: &&IpAddr| !address.is_unspecified());
    known.or(addresses.iter().flatten().next()).copied()
}

/// Whether `ours` at `row` is the flow that tshark shows.
fn is_same(theirs: &Value, batch: &FlowBatch, row: usize) -> bool {
    let ours = batch.record(row);
    let kept = |element| {
        let mut all = extras(batch.extras.get(row));
        let found = all.find(|extra| (extra.number, extra.enterprise) == (element, 0))?;
        Some(found.value.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte)))
    };
    let src = address(theirs, "cflow.srcaddr", "cflow.srcaddrv6");
    let dst = address(theirs, "cflow.dstaddr", "cflow.dstaddrv6");
    let same_ends = src.is_none_or(|src| src == ours.src || src.is_unspecified())
        && dst.is_none_or(|dst| dst == ours.dst || dst.is_unspecified());
    let octets =
        number(&theirs["cflow.octets"]).or_else(|| number(&theirs["cflow.permanent_octets"]));
    let same_port = number(&theirs["cflow.dstport"])
        .is_none_or(|port| port == u64::from(ours.dst_port) || ours.protocol.is_icmp());
    // tshark shows the low byte of two as well.
    let same_flags = number(&theirs["cflow.tcpflags"])
        .is_none_or(|flags| flags & 0xff == u64::from(ours.tcp_flags));
    let same_duration = theirs["cflow.timedelta"].as_str().is_none_or(|text| {
        let ms = (text.parse::<f64>().unwrap() * 1000.0).round();
        ms < 0.0 || ms as u64 == u64::from(ours.duration_ms)
    });
    same_ends
        && same_port
        && same_flags
        && same_duration
        && is_same_time(theirs, &ours)
        && octets.is_none_or(|octets| octets == ours.octets)
        && FIELDS
            .iter()
            .all(|(name, field)| number(&theirs[*name]).is_none_or(|n| n == field(&ours)))
        && ELEMENTS.iter().all(|(name, element)| {
            number(&theirs[*name]).is_none_or(|theirs| kept(*element) == Some(theirs))
        })
}

/// The flows that tshark shows of a file: what has an address is one, the rest are options.
fn flows_of(reference: &Path) -> Vec<Value> {
    let bytes = std::fs::read(reference).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    let packets: Value = serde_json::from_str(&text).unwrap();
    let mut flows = Vec::new();
    for packet in packets.as_array().unwrap() {
        let export = &packet["_source"]["layers"]["cflow"];
        let before = flows.len();
        collect(export, &mut flows);
        for flow in &mut flows[before..] {
            for name in [EXPORTED, EXPORTED_UPTIME] {
                flow[name] = export[name].clone();
            }
        }
    }
    flows
}

fn collect(value: &Value, flows: &mut Vec<Value>) {
    if let Some(list) = value.as_array() {
        for value in list {
            collect(value, flows);
        }
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let is_flow = address(value, "cflow.srcaddr", "cflow.srcaddrv6").is_some();
        if name.starts_with("Flow ") && is_flow {
            flows.push(value.clone());
        } else if name.starts_with("FlowSet ") {
            collect(value, flows);
        }
    }
}

#[test]
fn every_flow_that_tshark_shows_is_read_with_the_same_fields() {
    let Some(folder) = captures() else { return };
    let (mut files, mut flows) = (0, 0);
    let mut wrong = Vec::new();
    for row in manifest(&folder) {
        let references = row["reference"].split(';');
        let Some(reference) = references.into_iter().find(|file| file.ends_with(".tshark.json.gz"))
        else {
            continue;
        };
        let theirs = flows_of(&folder.join(reference));
        if theirs.is_empty() {
            continue;
        }
        let path = row["path"].as_str();
        let ours = read(&folder.join(path));
        let mut left: Vec<(&FlowBatch, usize)> = ours
            .flows
            .iter()
            .flat_map(|batch| (0..batch.len()).map(move |row| (batch, row)))
            .collect();
        let mut other = 0;
        for flow in &theirs {
            if let Some(place) = left.iter().position(|&(batch, row)| is_same(flow, batch, row)) {
                left.swap_remove(place);
            } else {
                other += 1;
                println!("{path}: {flow:#}");
            }
        }
        if other > 0 {
            wrong.push(format!("{path}: {other} of {} are otherwise", theirs.len()));
        }
        (files, flows) = (files + 1, flows + theirs.len());
    }
    println!("{flows} flows of {files} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files > 20 && flows > 700, "{files} files, {flows} flows");
}
