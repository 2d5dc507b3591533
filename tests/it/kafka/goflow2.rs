//! Messages of goflow2, read as goflow2 itself tells them in JSON.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::*;
use crate::cli::{signal, until};

/// A goflow2 under way, which is killed when it is dropped.
struct Goflow2 {
    child: Child,
    port: u16,
}

impl Goflow2 {
    fn start(home: &Home, name: &str, arguments: &[&str]) -> Option<Self> {
        let program = needs::goflow2()?;
        // Nobody listens at the ports of sockets that are gone.
        let free = || UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (port, page) = (free(), free());
        let templates = home.path(&format!("{name}-templates"));
        let child = Command::new(program)
            .args(["-listen", &format!("netflow://127.0.0.1:{port}")])
            .args(["-addr", &format!("127.0.0.1:{page}"), "-templates.path"])
            .arg(&templates)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = || std::net::TcpStream::connect(("127.0.0.1", page)).is_ok();
        until("listening", answers);
        Some(Self { child, port })
    }
}

impl Drop for Goflow2 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A flow as goflow2 tells it, by our names.
fn told_by_goflow2(flow: &Value) -> Value {
    let millis = |name: &str| flow[name].as_u64().unwrap() / 1_000_000;
    let mask = |name: &str| match flow[name].as_str().unwrap().split_once('/') {
        Some((_, bits)) => bits.parse().unwrap(),
        None => 0,
    };
    let next_hop = match flow["next_hop"].as_str().unwrap() {
        "" if flow["etype"] == "IPv6" => "::",
        "" => "0.0.0.0",
        hop => hop,
    };
    json!([
        [flow["src_addr"], flow["src_port"], flow["dst_addr"], flow["dst_port"]],
        [millis("time_flow_start_ns"), millis("time_flow_end_ns")],
        [flow["bytes"], flow["packets"]],
        [flow["tcp_flags"], flow["ip_tos"], flow["in_if"], flow["out_if"]],
        [flow["src_as"], flow["dst_as"]],
        [mask("src_net"), mask("dst_net")],
        [next_hop, flow["sampler_address"], flow["sampling_rate"]],
        [flow["observation_domain_id"], flow["src_vlan"], flow["dst_vlan"]],
    ])
}

/// A flow as a query tells it, likewise.
fn told_by_us(flow: &Value) -> Value {
    let start: rskafka::chrono::DateTime<Utc> = flow["time"].as_str().unwrap().parse().unwrap();
    let start = start.timestamp_millis() as u64;
    let flags = flow["tcpFlags"]
        .as_str()
        .unwrap()
        .bytes()
        .fold(0, |flags, letter| flags << 1 | u64::from(letter != b'.'));
    let number = |name: &str| flow[name].as_u64().unwrap_or(0);
    json!([
        [flow["srcAddress"], flow["srcPort"], flow["dstAddress"], flow["dstPort"]],
        [start, start + number("duration")],
        [flow["bytes"], flow["packets"]],
        [flags, flow["tos"], flow["input"], flow["output"]],
        [flow["srcAs"], flow["dstAs"]],
        [flow["srcMask"], flow["dstMask"]],
        [flow["nextHop"], flow["exporter"], flow["sampling"]],
        [flow["engine"], number("vlanId"), number("postVlanId")],
    ])
}

fn told(text: &str, told: impl Fn(&Value) -> Value) -> Vec<String> {
    let flow = |line| told(&serde_json::from_str(line).unwrap()).to_string();
    let mut flows: Vec<String> = text.lines().map(flow).collect();
    flows.sort();
    flows
}

/// Sends the datagrams of a capture there.
fn replay(home: &Home, capture: &str, port: u16) {
    let to = format!("127.0.0.1:{port}");
    home.run(&["replay", capture, "--to", &to, "--rate", "400"]).succeeds();
}

#[test]
fn flows_of_goflow2_are_read_as_it_tells_them_itself() {
    let Some(broker) = Broker::with_topic(2) else { return };
    let home = Home::new();
    let kafka = [
        &["-format", "bin", "-transport", "kafka", "-transport.kafka.brokers", &broker.at][..],
        &["-transport.kafka.topic", &broker.topic, "-transport.kafka.flushfreq", "100ms"],
    ]
    .concat();
    let Some(to_kafka) = Goflow2::start(&home, "kafka", &kafka) else { return };
    let told_in = home.path("told.json");
    let file = ["-format", "json", "-transport", "file", "-transport.file"];
    let file = [&file[..], &[told_in.to_str().unwrap()]].concat();
    let Some(to_file) = Goflow2::start(&home, "file", &file) else { return };

    let mut captures = vec![day(&home)];
    if let Some(folder) = needs::captures() {
        let real = ["graylog-plugin-netflow/netflow9.pcap", "graylog-plugin-netflow/netflow5.pcap"];
        captures.extend(real.map(|name| folder.join(name).to_str().unwrap().to_owned()));
    }
    for capture in &captures {
        for goflow2 in [&to_kafka, &to_file] {
            replay(&home, capture, goflow2.port);
        }
    }
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let mut before = 0;
    until("told", || {
        std::thread::sleep(Duration::from_millis(500));
        let now = lines(&told_in).lines().count();
        std::mem::replace(&mut before, now) == now && now >= IN_DAY
    });
    signal(&to_file.child, "-TERM");
    signal(&to_kafka.child, "-TERM");
    let theirs = lines(&told_in);
    let count = theirs.lines().count();
    until("written", || broker.count() == count);

    let load = home.run(&["load", "--from", &broker.url()]);
    load.ends(0, &format!("messages   {count}: {count} new, 0 duplicate, 0 malformed"));
    let ours = home.run(&["query", "--where", "any", "-o", "ndjson"]).succeeds().stdout;
    let (ours, theirs) = (told(&ours, told_by_us), told(&theirs, told_by_goflow2));
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    home.run(&["load", "--from", &broker.url(), "--group", "b"])
        .ends(0, &format!("0 new, {count} duplicate"));
}
