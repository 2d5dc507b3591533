//! Who sends to the collector: five exporters that keep to what is right, and seven that do not.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::packets::{Bytes, Told, ipfix, ipfix_of, sflow, template, v5, v9};

/// All of them look at their clocks so often.
const TICK: Duration = Duration::from_millis(10);
/// Flows of each datagram, but of those that are few or many of purpose.
const FLOWS: u32 = 10;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// 2042-06-01, as one of the clocks has it.
const IN_2042_MS: u64 = 2_285_193_600_000;

/// What is told apart of flows: exporter, source, its port, destination, octets, and the beginning
/// where it is told.
pub(super) type Key = (String, String, u16, String, u32, Option<u64>);

/// How often each flow is there.
pub(super) type Flows = BTreeMap<Key, usize>;

/// What a sender did.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) datagrams: u64,
    pub(super) flows: Flows,
    /// Flows that were lost on the way.
    pub(super) lost: u64,
}

/// A sender: its address, and its datagrams of a tick.
pub(super) struct Sender {
    pub(super) address: &'static str,
    send: fn(&mut Sending),
}

pub(super) const HONEST: [Sender; 5] = [
    Sender { address: "127.0.0.11", send: honest_v5 },
    Sender { address: "127.0.0.12", send: honest_v9 },
    Sender { address: "127.0.0.13", send: honest_ipfix },
    Sender { address: "127.0.0.14", send: honest_sflow },
    Sender { address: "127.0.0.15", send: honest_ipfix_v6 },
];

pub(super) const IN_2042: &str = "127.0.0.21";
pub(super) const IN_1970: &str = "127.0.0.22";
pub(super) const ALL_ONES: &str = "127.0.0.23";
pub(super) const TEMPLATES: &str = "127.0.0.24";
pub(super) const AGENTS: &str = "127.0.0.25";
pub(super) const NO_TEMPLATE: &str = "127.0.0.26";
pub(super) const PORTS: &str = "127.0.0.27";

pub(super) const HOSTILE: [Sender; 7] = [
    Sender { address: IN_2042, send: in_2042 },
    Sender { address: IN_1970, send: in_1970 },
    Sender { address: ALL_ONES, send: all_ones },
    Sender { address: TEMPLATES, send: endless_templates },
    Sender { address: AGENTS, send: forged_agents },
    Sender { address: NO_TEMPLATE, send: without_template },
    Sender { address: PORTS, send: streams_by_port },
];

pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64
}

impl Sender {
    /// Sends for `time`, on a thread of its own.
    pub(super) fn start(&self, to: SocketAddr, time: Duration) -> thread::JoinHandle<Sent> {
        let mut sending = Sending {
            address: self.address,
            socket: UdpSocket::bind((self.address, 0)).unwrap(),
            to,
            up_ms: (now_ms() - HOUR_MS) / 1000 * 1000,
            number: 0,
            sequence: 0,
            tick: 0,
            late: (time.as_millis() / TICK.as_millis() * 9 / 10) as u32,
            sent: Sent::default(),
        };
        let send = self.send;
        thread::spawn(move || {
            let begun = Instant::now();
            while begun.elapsed() < time {
                send(&mut sending);
                sending.tick += 1;
                thread::sleep((TICK * sending.tick).saturating_sub(begun.elapsed()));
            }
            sending.sent
        })
    }
}

/// A sender under way.
struct Sending {
    address: &'static str,
    socket: UdpSocket,
    to: SocketAddr,
    /// Since when the exporter is up.
    up_ms: u64,
    /// Of the next flow.
    number: u32,
    /// Of the next datagram.
    sequence: u32,
    tick: u32,
    /// When the hostile ones have filled what they can, honest ones do what takes room: even.
    late: u32,
    sent: Sent,
}

impl Sending {
    fn send(&mut self, payload: &[u8]) {
        self.socket.send_to(payload, self.to).unwrap();
        self.sent.datagrams += 1;
        self.sequence += 1;
    }

    /// New flows that begin at `first_ms`, from `net`.1.0.0 on: those of each sender by themselves.
    fn flows(&mut self, net: u8, first_ms: u64) -> Vec<Told> {
        let last = self.address.rsplit('.').next().unwrap().parse().unwrap();
        let flows = self.number..self.number + FLOWS;
        self.number += FLOWS;
        flows
            .map(|number| {
                let [_, high, middle, low] = number.to_be_bytes();
                Told {
                    src: Ipv4Addr::new(net, last, high, 1).into(),
                    dst: Ipv4Addr::new(net, last, middle, low).into(),
                    src_port: 1024 + (number % 50_000) as u16,
                    octets: 1000 + number,
                    first_ms,
                }
            })
            .collect()
    }

    /// New flows that are to be in the store, each once.
    fn kept(&mut self, first_ms: u64, v6: bool, has_times: bool) -> Vec<Told> {
        let mut flows = self.flows(10, first_ms);
        for flow in flows.iter_mut().filter(|_| v6) {
            let bits = u128::from(flow.octets);
            flow.src = Ipv6Addr::from_bits((0x2001_0db8 << 96) | (bits >> 8)).into();
            flow.dst = Ipv6Addr::from_bits((0x2001_0db8 << 96) | (1 << 64) | bits).into();
        }
        for flow in &flows {
            let (src, dst) = (flow.src.to_string(), flow.dst.to_string());
            let first = has_times.then_some(flow.first_ms);
            let key = (self.address.to_owned(), src, flow.src_port, dst, flow.octets, first);
            *self.sent.flows.entry(key).or_default() += 1;
        }
        flows
    }

    /// Whether an honest exporter sends in this tick, and it is time for its template.
    fn is_due(&self) -> Option<bool> {
        self.tick.is_multiple_of(2).then(|| self.sequence.is_multiple_of(20))
    }
}

/// Changes its port late, and loses a datagram after that.
fn honest_v5(to: &mut Sending) {
    if to.tick == to.late {
        to.socket = UdpSocket::bind((to.address, 0)).unwrap();
    }
    if to.tick == to.late + 40 {
        to.sent.lost += to.flows(10, 0).len() as u64;
        return;
    }
    if to.is_due().is_some() {
        let (now, sequence) = (now_ms(), to.number);
        let flows = to.kept(now - 5000, false, true);
        to.send(&v5(to.up_ms, now, sequence, &flows));
    }
}

fn honest_v9(to: &mut Sending) {
    if let Some(defines) = to.is_due() {
        let now = now_ms();
        let flows = to.kept(now - 5000, false, true);
        to.send(&v9(to.up_ms, now, to.sequence, defines, &flows));
    }
}

/// Has a new observation domain late.
fn honest_ipfix(to: &mut Sending) {
    if let Some(defines) = to.is_due() {
        let (now, sequence) = (now_ms(), to.number);
        let flows = to.kept(now - 5000, false, true);
        let domain = if to.tick < to.late { 7 } else { 8 };
        to.send(&ipfix(now, sequence, domain, defines || to.tick == to.late, &flows));
    }
}

/// Defines its template late.
fn honest_ipfix_v6(to: &mut Sending) {
    if let Some(defines) = to.is_due() {
        let (now, sequence) = (now_ms(), to.number);
        let flows = to.kept(now - 5000, true, true);
        to.send(&ipfix(now, sequence, 7, defines && to.tick >= to.late, &flows));
    }
}

fn honest_sflow(to: &mut Sending) {
    if to.is_due().is_some() {
        let now = now_ms();
        let flows: Vec<_> = to.kept(now, false, false).into_iter().map(|flow| (flow, 64)).collect();
        let agent = to.address.parse().unwrap();
        to.send(&sflow(agent, 0, (now - to.up_ms) as u32, to.sequence, &flows));
    }
}

/// A clock that says 2042.
fn in_2042(to: &mut Sending) {
    if let Some(defines) = to.is_due() {
        let now = IN_2042_MS + now_ms() % DAY_MS;
        let sequence = to.number;
        let flows = to.flows(172, now - 5000);
        to.send(&ipfix(now, sequence, 7, defines, &flows));
    }
}

/// A clock that was never set, and jumps: each datagram is of another day from 1970 on.
fn in_1970(to: &mut Sending) {
    if to.is_due().is_some() {
        let day = 4 + u64::from(to.number) * 37 % 18_000;
        let (now, sequence) = (day * DAY_MS + now_ms() % DAY_MS, to.number);
        let flows = to.flows(172, now - 5000);
        to.send(&v5(now - HOUR_MS, now, sequence, &flows));
    }
}

/// Every second flow begins when all bits are set.
fn all_ones(to: &mut Sending) {
    if let Some(defines) = to.is_due() {
        let (now, sequence) = (now_ms(), to.number);
        let mut flows = to.flows(172, now - 5000);
        for flow in flows.iter_mut().step_by(2) {
            flow.first_ms = u64::MAX;
        }
        to.send(&ipfix(now, sequence, 7, defines, &flows));
    }
}

/// New templates in new domains without end, and new names of interfaces.
fn endless_templates(to: &mut Sending) {
    for _ in 0..2 {
        let fields: Vec<(u16, u16)> = (0..40).map(|field| (1 + field, 4)).collect();
        let mut sets = Bytes::default();
        for place in 0..4 {
            let id = 300 + (to.sequence * 4 + place) % 60_000;
            sets.set(2, &template(id as u16, &fields));
        }
        // Options: of an interface (10), its name (82).
        let options = [256, 2, 1, 10, 4, 82, 8].map(u16::to_be_bytes).concat();
        sets.set(3, &options);
        let mut names = Bytes::default();
        for place in 0..20 {
            let interface = to.sequence * 20 + place;
            names.words(&[interface]).bytes(format!("{interface:08}").as_bytes());
        }
        sets.set(256, &names.0);
        to.send(&ipfix_of(now_ms(), 0, to.sequence % 3000, &sets.0));
    }
}

/// Datagrams of agents that are not there, with samples of ever new rates.
fn forged_agents(to: &mut Sending) {
    for _ in 0..4 {
        let [_, _, high, low] = to.sequence.to_be_bytes();
        let flows: Vec<_> = (0..4).flat_map(|_| to.flows(172, 0)).collect();
        let rates = (0..).map(|place| 1 + to.sequence * 40 + place);
        let flows: Vec<_> = flows.into_iter().zip(rates).collect();
        let agent = Ipv4Addr::new(172, 31, high, low);
        to.send(&sflow(agent, to.sequence, 1000, to.sequence, &flows));
    }
}

/// Data of templates that never come.
fn without_template(to: &mut Sending) {
    for _ in 0..10 {
        let mut packet = Bytes::default();
        packet.shorts(&[9, 1]).words(&[60_000, (now_ms() / 1000) as u32, to.sequence, 7]);
        packet.set(400 + (to.sequence % 100) as u16, &[to.sequence as u8; 700]);
        to.send(&packet.0);
    }
}

/// Each datagram from another port, with a sequence number of its own.
fn streams_by_port(to: &mut Sending) {
    for _ in 0..20 {
        to.socket = UdpSocket::bind((to.address, 0)).unwrap();
        let now = now_ms();
        let flows = to.flows(172, now - 5000);
        let sequence = to.sequence.wrapping_mul(0x9e37_79b9);
        to.send(&v5(to.up_ms, now, sequence, &flows[..1]));
    }
}

/// Whether it is an address of a sender that keeps to what is right.
pub(super) fn is_honest(exporter: &str) -> bool {
    let exporter: IpAddr = exporter.parse().unwrap();
    HONEST.iter().any(|honest| honest.address.parse() == Ok(exporter))
}
