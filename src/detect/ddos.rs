//! Floods: what a host receives by minute, far above its usual minutes.
//!
//! Packets of a connection are spread over its time, as counting them where it ends is what most false
//! alarms come from. Which minutes are too much is told by the sums; what makes a flood of them, by a
//! second look at what the host received then.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use super::spans::{Run, Spans};
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::aggregate::{Aggregate, Connection, OneWay, over};
use crate::flow::tcp_flags::{ACK, SYN};
use crate::flow::{Column, Columns, FlowBatch, Protocol, TimeRange, UnixMillis};
use crate::query::{Direction, Question};
use crate::store::{Result, Snapshot};

const MINUTE_MS: u64 = 60_000;
const SECONDS: u64 = MINUTE_MS / 1_000;

/// Ports of services that answer with more than they were asked: QOTD, `CharGEN`, DNS, NTP, SNMP, CLDAP,
/// RIP, SSDP, WS-Discovery, ARMS, memcached.
const AMPLIFIERS: [u16; 11] = [17, 19, 53, 123, 161, 389, 520, 1900, 3702, 3283, 11_211];

/// What one host received, by minute.
#[derive(Debug)]
pub(super) struct Minutes(Spans);

impl Default for Minutes {
    fn default() -> Self {
        Self(Spans::new(MINUTE_MS))
    }
}

/// Minutes of which a host received too much.
#[derive(Debug)]
pub(super) struct Flood {
    host: IpAddr,
    /// The first minute, and the one behind the last.
    from: u64,
    to: u64,
    /// The most of a minute.
    packets: u64,
    octets: u64,
    /// What it receives in half of its minutes, in packets.
    usual: u64,
}

impl Minutes {
    pub(super) fn add(&mut self, host: IpAddr, connection: &Connection) {
        let received =
            if connection.initiator == host { connection.returned } else { connection.sent };
        let OneWay { packets, octets, .. } = received;
        if packets > 0 {
            self.0.add((connection.first.0, connection.last.0), packets, octets);
        }
    }

    /// How many connections there was no room for.
    pub(super) fn left_out(&self) -> u64 {
        self.0.left_out
    }

    /// The stretches of minutes that are too much for `host`; what is kept is forgotten.
    pub(super) fn judge(&mut self, host: IpAddr, parameters: &Parameters) -> Vec<Flood> {
        let minutes = self.0.take();
        let least = parameters.flood_packets.saturating_mul(SECONDS);
        let (more, less): (Vec<Run>, Vec<Run>) =
            minutes.into_iter().partition(|run| run.packets >= least as f64);
        if more.is_empty() {
            return Vec::new();
        }
        let usual = usual_of(&less, &more);
        let most = least.max(usual.saturating_mul(parameters.flood_times));
        let flooded: Vec<Run> = more.into_iter().filter(|run| run.packets >= most as f64).collect();
        let stretch = |runs: &[Run]| Flood {
            host,
            from: runs[0].from,
            to: runs[runs.len() - 1].end(),
            packets: greatest(runs.iter().map(|run| run.packets)),
            octets: greatest(runs.iter().map(|run| run.octets)),
            usual,
        };
        flooded.chunk_by(|one, next| next.from - one.end() <= 1).map(stretch).collect()
    }
}

/// What a host receives in half of its usual minutes: of those `less` than what a flood has at least,
/// if there are some of them; else of `more`, where it has been so for an hour. Nothing where little is
/// known.
fn usual_of(less: &[Run], more: &[Run]) -> u64 {
    let length = |runs: &[Run]| runs.iter().map(|run| run.bins).sum::<u64>();
    match (length(less), length(more)) {
        (minutes @ FEW_MINUTES.., _) => middle(less, minutes),
        (_, minutes @ AN_HOUR..) => middle(more, minutes),
        _ => 0,
    }
}

/// What half of so many minutes have less than.
fn middle(runs: &[Run], minutes: u64) -> u64 {
    let mut runs = runs.to_vec();
    runs.sort_unstable_by(|one, other| one.packets.total_cmp(&other.packets));
    let mut passed = 0;
    let is_middle = |run: &&Run| {
        passed += run.bins;
        passed > minutes / 2
    };
    runs.iter().find(is_middle).map_or(0, |run| run.packets as u64)
}

/// From so many minutes is told what is usual, and so many are an hour.
const FEW_MINUTES: u64 = 10;
const AN_HOUR: u64 = 60;

fn greatest(sums: impl Iterator<Item = f64>) -> u64 {
    sums.fold(0.0, f64::max) as u64
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

/// What is known of the packets that a host received, or sent.
#[derive(Debug, Default)]
struct Sums {
    /// By source, by source port where that amplifies, and by protocol and port.
    by_source: HashMap<IpAddr, u64>,
    by_amplifier: HashMap<u16, u64>,
    by_port: HashMap<(u8, u16), u64>,
    packets: u64,
    syns: u64,
}

/// So many sources are told apart.
const MAX_SOURCES: usize = 1 << 18;

impl Sums {
    const COLUMNS: Columns = Columns::of(&[
        Column::Src,
        Column::Protocol,
        Column::SrcPort,
        Column::DstPort,
        Column::Packets,
        Column::TcpFlags,
    ]);

    fn share(&self, packets: u64) -> f64 {
        packets as f64 / self.packets.max(1) as f64
    }

    /// What the source sent that sent most.
    fn greatest(&self) -> u64 {
        self.by_source.values().copied().max().unwrap_or(0)
    }

    fn has_room_for(&self, source: IpAddr) -> bool {
        self.by_source.len() < MAX_SOURCES || self.by_source.contains_key(&source)
    }
}

impl Aggregate for Sums {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        for row in 0..flows.len() {
            let (packets, protocol) = (flows.packets[row], flows.protocol[row]);
            let source = flows.src.get(row);
            if self.has_room_for(source) {
                add(self.by_source.entry(source).or_default(), packets);
            }
            let port = flows.src_port[row];
            if Protocol(protocol) == Protocol::UDP && AMPLIFIERS.contains(&port) {
                add(self.by_amplifier.entry(port).or_default(), packets);
            }
            add(self.by_port.entry((protocol, flows.dst_port[row])).or_default(), packets);
            add(&mut self.packets, packets);
            if Protocol(protocol) == Protocol::TCP && flows.tcp_flags[row] & (SYN | ACK) == SYN {
                add(&mut self.syns, packets);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        for (source, packets) in other.by_source {
            if self.has_room_for(source) {
                add(self.by_source.entry(source).or_default(), packets);
            }
        }
        for (port, packets) in other.by_amplifier {
            add(self.by_amplifier.entry(port).or_default(), packets);
        }
        for (port, packets) in other.by_port {
            add(self.by_port.entry(port).or_default(), packets);
        }
        add(&mut self.packets, other.packets);
        add(&mut self.syns, other.syns);
        Ok(())
    }
}

/// Those of `floods` that are some, by a look at what was received and sent in their minutes: a
/// download, however large, is none.
pub(super) fn confirmed(
    snapshot: &dyn Snapshot,
    question: &Question,
    parameters: &Parameters,
    floods: Vec<Flood>,
) -> Result<Vec<Detection>> {
    let mut confirmed = Vec::new();
    for flood in floods {
        // What began a minute before may have gone on.
        let since = UnixMillis(flood.first().0.saturating_sub(MINUTE_MS));
        let time = TimeRange { since, until: flood.last() }.and(question.time);
        let sums = |direction| {
            let addresses = Some(flood.host.into());
            let question = Question { addresses, direction, time, limit: None, ..question.clone() };
            let lookup = question.plan_unordered(Sums::COLUMNS);
            over(snapshot, lookup.scans(), Sums::default)
        };
        let (received, returned) = (sums(Direction::Dst)?, sums(Direction::Src)?);
        confirmed.extend(flood.told(&received, &returned, parameters));
    }
    Ok(confirmed)
}

/// The greatest has the least.
pub(super) type FloodRank = (Reverse<u64>, IpAddr, u64);

impl Flood {
    pub(super) fn rank(&self) -> FloodRank {
        (Reverse(self.packets), self.host, self.from)
    }

    fn first(&self) -> UnixMillis {
        UnixMillis(self.from * MINUTE_MS)
    }

    fn last(&self) -> UnixMillis {
        UnixMillis(self.to * MINUTE_MS)
    }

    /// Which kind of a flood it is by what was received and what was returned, if it is one.
    fn variant(
        &self,
        received: &Sums,
        returned: &Sums,
        parameters: &Parameters,
    ) -> Option<&'static str> {
        let sources = received.by_source.len();
        let is_unanswered = returned.packets as f64 <= UNANSWERED * received.packets as f64;
        let is_shared = received.share(received.greatest()) < FROM_ONE;
        let amplified = received.by_amplifier.values().copied().max().unwrap_or(0);
        if received.share(received.syns) >= MOST_OF_IT {
            Some("syn")
        } else if received.share(amplified) >= MOST_OF_IT && sources > 1 && is_unanswered {
            Some("amplified")
        } else if is_shared && sources >= FEW_SOURCES && is_unanswered {
            Some("distributed")
        } else {
            // Of a host whose usual minutes are not known, many clients are no flood.
            let is_unusual = self.usual > 0 && sources >= parameters.flood_sources;
            (is_shared && is_unusual).then_some("distributed")
        }
    }

    fn told(&self, received: &Sums, returned: &Sums, parameters: &Parameters) -> Option<Detection> {
        let variant = self.variant(received, returned, parameters)?;
        let ports = &received.by_port;
        let (&(protocol, port), &most) = ports.iter().max_by_key(|&(port, sum)| (*sum, *port))?;
        let is_one = received.share(most) >= MOST_OF_IT;
        let Self { host, packets, octets, usual, .. } = *self;
        let mut evidence = vec![
            ("packetsPerSecond", Evidence::Count(packets / SECONDS)),
            ("usualPacketsPerSecond", Evidence::Count(usual / SECONDS)),
            ("bitsPerSecond", Evidence::Count((octets / SECONDS).saturating_mul(8))),
            ("sources", Evidence::Count(received.by_source.len() as u64)),
            ("greatestSource", Evidence::Share(received.share(received.greatest()))),
            ("synPackets", Evidence::Share(received.share(received.syns))),
            ("answered", Evidence::Share(received.share(returned.packets).min(1.0))),
        ];
        let amplifiers = received.by_amplifier.iter();
        if let Some((&port, _)) = amplifiers.max_by_key(|&(port, packets)| (*packets, *port))
            && variant == "amplified"
        {
            evidence.push(("sourcePort", Evidence::Count(port.into())));
        }
        Some(Detection {
            kind: Kind::Ddos,
            variant,
            host,
            peer: None,
            protocol: is_one.then_some(Protocol(protocol)),
            port: is_one.then_some(port),
            first: self.first(),
            last: self.last(),
            severity: Severity::High,
            confidence: 1.0 - (usual as f64 / packets.max(1) as f64).min(1.0),
            evidence,
        })
    }
}

/// So large a share makes it what it is called after.
const MOST_OF_IT: f64 = 0.5;

/// So many sources are enough where hardly anything is answered.
const FEW_SOURCES: usize = 5;
const UNANSWERED: f64 = 0.1;

/// So large a share from one source, and it is a transfer.
const FROM_ONE: f64 = 0.5;
