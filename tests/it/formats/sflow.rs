//! Sampled packets of sFlow, as tshark takes them apart while the test runs.

use std::path::Path;

use earlgrey_hbase::FlowBatch;
use earlgrey_hbase::flow::FlowRecord;
use serde_json::Value;

use super::files::{manifest, read};
use super::tshark::number;
use crate::needs::{captures, tool};

/// Ends, protocol, ports, octets, interfaces, sampling interval.
type Sampled = (String, String, u64, [u64; 2], u64, [u64; 2], u64);

fn ours(flow: &FlowRecord) -> Sampled {
    // Of ICMP, type and code stand in the port's place.
    let ports = if flow.protocol.is_icmp() { [0, 0] } else { [flow.src_port, flow.dst_port] };
    (
        flow.src.to_string(),
        flow.dst.to_string(),
        flow.protocol.0.into(),
        ports.map(u64::from),
        flow.octets,
        [flow.input, flow.output].map(u64::from),
        flow.source.sampling.interval.into(),
    )
}

/// The first of what may be several of one name: of packets in each other, the outer one.
fn outer(value: &Value) -> &Value {
    value.as_array().and_then(|values| values.first()).unwrap_or(value)
}

/// The object below `value`, at any depth, that has `name`.
fn with<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    if value.get(name).is_some() {
        return Some(value);
    }
    let below = value.as_object().into_iter().flat_map(|object| object.values());
    below.chain(value.as_array().into_iter().flatten()).find_map(|value| with(value, name))
}

/// The packet that a sample tells; None if it is not one of IP.
fn theirs(sample: &Value) -> Option<Sampled> {
    let field = |name: &str| with(sample, name).map_or(&Value::Null, |value| outer(&value[name]));
    let text = |name: &str| field(name).as_str().map(ToString::to_string);
    let count = |name: &str| number(field(name)).unwrap_or(0);
    let interface = |way: &str| {
        // The words of a sample say the format and the index in one, those of an expanded one apart.
        let value = |name: &str| number(field(&format!("sflow.flow_sample.{way}_interface{name}")));
        let format = value("_format").unwrap_or(0);
        let index = value("_value").or_else(|| value("")).unwrap_or(0);
        let is_known = format == 0 && index != 0x3fff_ffff && index != u64::from(u32::MAX);
        if is_known { index } else { 0 }
    };
    let interfaces = [interface("input"), interface("output")];
    let interval = count("sflow.flow_sample.sampling_rate");
    let layers = with(sample, "sflow_245.header_tree").map(|it| &it["sflow_245.header_tree"]);
    let layer = |name: &str| layers.and_then(|layers| layers.get(name)).map(outer);
    if let Some(ip) = layer("ip") {
        let get = |name: &str| number(outer(&ip[name]));
        let (src, dst) = (ip["ip.src"].as_str()?, ip["ip.dst"].as_str()?);
        let protocol = get("ip.proto")?;
        let (ports, octets) = (ports(&layer, protocol), get("ip.len")?);
        return Some((src.into(), dst.into(), protocol, ports, octets, interfaces, interval));
    }
    if let Some(ip) = layer("ipv6") {
        let (src, dst) = (ip["ipv6.src"].as_str()?, ip["ipv6.dst"].as_str()?);
        let protocol = number(outer(&ip["ipv6.nxt"]))?;
        let (ports, octets) = (ports(&layer, protocol), number(outer(&ip["ipv6.plen"]))? + 40);
        return Some((src.into(), dst.into(), protocol, ports, octets, interfaces, interval));
    }
    // An IPv4 packet whose header's fields are told one by one.
    let (src, dst) = (text("sflow_245.ipv4_src")?, text("sflow_245.ipv4_dst")?);
    let ports = [count("sflow.flow_sample.source_port"), count("sflow.flow_sample.dest_port")];
    let octets = count("sflow.flow_sample.packet_length");
    Some((src, dst, count("sflow.flow_sample.ip_protocol"), ports, octets, interfaces, interval))
}

/// Source and destination port of the layer that has some.
fn ports<'a>(layer: &impl Fn(&str) -> Option<&'a Value>, protocol: u64) -> [u64; 2] {
    let name = match protocol {
        6 => "tcp",
        17 => "udp",
        132 => "sctp",
        _ => return [0, 0],
    };
    let get = |end: &str| {
        layer(name).and_then(|layer| number(outer(&layer[format!("{name}.{end}")]))).unwrap_or(0)
    };
    [get("srcport"), get("dstport")]
}

/// The flow samples of a file that are packets of IP.
fn by_tshark(path: &Path) -> Option<Vec<Sampled>> {
    let path = path.to_str().unwrap();
    let json =
        tool("tshark", &["-n", "-T", "json", "--no-duplicate-keys", "-Y", "sflow", "-r", path])?;
    let packets: Value = serde_json::from_str(&json).unwrap();
    let mut samples = Vec::new();
    for packet in packets.as_array().unwrap() {
        for (name, value) in packet["_source"]["layers"]["sflow"].as_object().into_iter().flatten()
        {
            if name.to_lowercase().contains("flow sample") {
                let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                samples.extend(several.iter().filter_map(theirs));
            }
        }
    }
    samples.sort();
    Some(samples)
}

#[test]
fn every_packet_that_tshark_shows_in_a_flow_sample_is_a_flow() {
    let Some(folder) = captures() else { return };
    let (mut files, mut samples) = (0, 0);
    let mut wrong = Vec::new();
    for row in manifest(&folder) {
        let path = row["path"].as_str();
        if !row["versions"].contains("sflow5=") {
            continue;
        }
        let Some(theirs) = by_tshark(&folder.join(path)) else { return };
        let found = read(&folder.join(path));
        let records = found.flows.iter().flat_map(FlowBatch::records);
        let mut ours: Vec<Sampled> = records.map(|flow| ours(&flow)).collect();
        ours.sort();
        (files, samples) = (files + 1, samples + theirs.len());
        if ours != theirs {
            println!("{path}:\n ours {ours:#?}\n theirs {theirs:#?}");
            wrong.push(path.to_owned());
        }
    }
    println!("{samples} samples of {files} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files > 10 && samples > 30, "{files} files, {samples} samples");
}
