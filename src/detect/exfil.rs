//! Hosts inside that send far more to the outside within an hour than they are used to.
//!
//! What counts is what a host sent by connections that it began, so that a server of which others
//! fetch much is none. Hours in which that is much are told by the look at hosts; whether it is unusual,
//! by a second look at the same host's past: the robust z of Iglewicz and Hoaglin, *How to Detect and
//! Handle Outliers*, 1993, against the same hour of other weeks where there are enough of them, else
//! against all other hours.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use super::several::list;
use super::spans::{Run, Spans};
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::aggregate::{CONNECTION_COLUMNS, Connection, HostPart, HostVisitor, Joining, each_host};
use crate::flow::{Protocol, TimeRange, UnixMillis};
use crate::query::Question;
use crate::store::{Result, Snapshot};

const HOUR_MS: u64 = 3_600_000;
const HOURS_OF_WEEK: u64 = 7 * 24;

/// So many weeks before the window are looked at.
const WEEKS: u64 = 5;

/// Of so many weeks the same hour, and the ones beside it, are compared.
const FEW_WEEKS: u64 = 3;

/// From so few hours nothing is told.
const FEW_HOURS: usize = 12;
/// After so many hours of a past, what came later says nothing of what was usual.
const KNOWN_HOURS: usize = 24;

/// Iglewicz and Hoaglin: 0.6745 makes of the median deviation what the standard deviation is of normal
/// values, and from 3.5 on a value is an outlier.
const NORMAL: f64 = 0.6745;

/// Of hours that are all alike the deviation is taken for this share of what is much.
const LEAST_DEVIATION: f64 = 0.01;

/// A host that has sent as much, or a third of it, some other time, does so as a matter of course; that
/// is another time from so many hours on.
const USUAL_SHARE: f64 = 3.0;
const BESIDE_HOURS: u64 = 3;

/// So many peers of a host are told apart within the hours that stand out.
const MAX_PEERS: usize = 1 << 16;

/// So many ports of a peer are told apart, the first ones.
const MAX_PORTS: usize = 64;

/// A peer that received so much of it is the one.
const MOST_OF_IT: f64 = 0.5;

/// What a host inside sent to the outside, hour by hour.
#[derive(Debug)]
pub(super) struct Hours(Spans);

impl Default for Hours {
    fn default() -> Self {
        Self(Spans::new(HOUR_MS))
    }
}

/// A host, and hours on end in each of which it sent much.
#[derive(Debug)]
pub(super) struct Much {
    host: IpAddr,
    from: u64,
    /// The hour behind the last.
    to: u64,
    /// The most of an hour.
    octets: u64,
}

/// The greatest has the least.
pub(super) type MuchRank = (Reverse<u64>, IpAddr, u64);

impl Much {
    pub(super) fn rank(&self) -> MuchRank {
        (Reverse(self.octets), self.host, self.from)
    }
}

/// Protocols that carry what others send (IPv4 and IPv6 in IP, GRE, ESP, AH): a tunnel from site to site is
/// no host's upload, and is as full one night as it was empty before.
const TUNNELS: [Protocol; 5] =
    [Protocol(4), Protocol(41), Protocol(47), Protocol(50), Protocol(51)];

/// Whether `connection` leads out.
fn leads_out(connection: &Connection, parameters: &Parameters) -> bool {
    parameters.inside.has(connection.initiator)
        && !parameters.inside.has(connection.responder)
        && !TUNNELS.contains(&connection.protocol)
}

impl Hours {
    /// Counts a connection that the host began.
    pub(super) fn add(&mut self, connection: &Connection, parameters: &Parameters) {
        if leads_out(connection, parameters) && connection.sent.octets > 0 {
            let sent = connection.sent;
            self.0.add((connection.first.0, connection.last.0), sent.packets, sent.octets);
        }
    }

    /// How many connections there was no room for.
    pub(super) fn left_out(&self) -> u64 {
        self.0.left_out
    }

    /// Where `host` sent much; what is kept is forgotten.
    pub(super) fn judge(&mut self, host: IpAddr, parameters: &Parameters) -> Vec<Much> {
        let mut runs = self.0.take();
        runs.retain(|run| run.octets >= parameters.exfil_octets as f64);
        let much = |runs: &[Run]| Much {
            host,
            from: runs[0].from,
            to: runs[runs.len() - 1].end(),
            octets: runs.iter().map(|run| run.octets as u64).max().unwrap_or(0),
        };
        let all: Vec<Much> = runs.chunk_by(|one, next| next.from == one.end()).map(much).collect();
        // Most of a host that sends much again and again are excused by one before, without a look.
        let (mut suspect, mut beside, mut greatest) = (Vec::new(), VecDeque::new(), 0);
        for much in all {
            while let Some(&(to, octets)) = beside.front()
                && to + BESIDE_HOURS <= much.from + 1
            {
                greatest = greatest.max(octets);
                beside.pop_front();
            }
            beside.push_back((much.to, much.octets));
            if (greatest as f64) * USUAL_SHARE < much.octets as f64 {
                suspect.push(much);
            }
        }
        suspect
    }
}

/// The past of one host.
struct Past<'a> {
    parameters: &'a Parameters,
    much: &'a Much,
    sent: Spans,
    received: Spans,
    /// What each peer was sent by connections that began in the hours that stand out, and which were
    /// sent something before.
    peers: HashMap<IpAddr, (u64, HashSet<u16>)>,
    known: HashSet<IpAddr>,
    first_ms: u64,
    last_ms: u64,
}

impl HostVisitor for Past<'_> {
    fn take(&mut self, part: &HostPart) -> Result<()> {
        let (begin, end) = (self.much.from * HOUR_MS, self.much.to * HOUR_MS);
        for connection in &part.connections {
            // What is of a clock that runs ahead would make hours up to then.
            let is_ahead = connection.last > self.parameters.now;
            if is_ahead
                || connection.initiator != part.host
                || !leads_out(connection, self.parameters)
            {
                continue;
            }
            let Connection { first, last, sent, returned, responder, .. } = *connection;
            let time = (first.0, last.0);
            self.sent.add(time, sent.packets, sent.octets);
            self.received.add(time, returned.packets, returned.octets);
            self.first_ms = self.first_ms.min(first.0);
            self.last_ms = self.last_ms.max(last.0);
            let has_room = self.peers.len() < MAX_PEERS || self.peers.contains_key(&responder);
            if last.0 >= begin && first.0 < end && has_room {
                let (octets, ports) = self.peers.entry(responder).or_default();
                *octets = octets.saturating_add(sent.octets);
                if ports.len() < MAX_PORTS {
                    ports.insert(connection.responder_port);
                }
            } else if last.0 < begin && self.known.len() < MAX_PEERS {
                self.known.insert(responder);
            }
        }
        Ok(())
    }
}

/// Those of `much` that are unusual.
pub(super) fn confirmed(
    snapshot: &dyn Snapshot,
    question: &Question,
    parameters: &Parameters,
    joining: &Joining,
    much: Vec<Much>,
) -> Result<Vec<Detection>> {
    let mut confirmed = Vec::new();
    for much in much {
        let weeks_ms = WEEKS * HOURS_OF_WEEK * HOUR_MS;
        let since = UnixMillis((much.from * HOUR_MS).saturating_sub(weeks_ms));
        let time = TimeRange { since: since.min(question.time.since), ..question.time };
        let question = Question { addresses: Some(much.host.into()), time, ..question.clone() };
        let lookup = question.plan_hosts(CONNECTION_COLUMNS);
        let make = || Past {
            parameters,
            much: &much,
            sent: Spans::new(HOUR_MS),
            received: Spans::new(HOUR_MS),
            peers: HashMap::new(),
            known: HashSet::new(),
            first_ms: u64::MAX,
            last_ms: 0,
        };
        // One of the visitors has seen the host.
        let pasts = each_host(snapshot, &lookup, joining, make)?;
        confirmed.extend(pasts.into_iter().filter(|past| past.last_ms > 0).find_map(Past::told));
    }
    Ok(confirmed)
}

/// What is usual for an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usual {
    median: f64,
    deviation: f64,
    hours: usize,
    of_weeks: bool,
}

impl Past<'_> {
    fn told(mut self) -> Option<Detection> {
        let sent = by_bin(&self.sent.take());
        let received = by_bin(&self.received.take());
        let (first, last) = (self.first_ms / HOUR_MS, self.last_ms / HOUR_MS);
        let Much { host, from, to, .. } = *self.much;
        let of = |bins: &BTreeMap<u64, f64>, hour| bins.get(&hour).copied().unwrap_or(0.0);
        let hour = (from..to).max_by(|one, other| of(&sent, *one).total_cmp(&of(&sent, *other)))?;
        let (octets, back) = (of(&sent, hour), of(&received, hour));
        let is_beside = |other: u64| other + BESIDE_HOURS > from && other < to + BESIDE_HOURS;
        let others: Vec<(u64, f64)> = (first..=last)
            .filter(|&other| !is_beside(other))
            .map(|other| (other, of(&sent, other)))
            .collect();
        // Of two uploads the second one excuses not the first, where enough is known of the time before.
        let is_known = others.iter().filter(|(other, _)| *other < from).count() >= KNOWN_HOURS;
        let before = others.iter().filter(|(other, _)| *other < from || !is_known);
        let greatest = before.map(|(_, octets)| *octets).fold(0.0, f64::max);
        let usual = usual(&others, hour)?;
        let narrow = self.parameters.exfil_octets as f64 * LEAST_DEVIATION;
        let z = NORMAL * (octets - usual.median) / usual.deviation.max(narrow);
        let is_usual = greatest * USUAL_SHARE >= octets;
        let is_outwards = octets >= back * self.parameters.exfil_ratio;
        if z <= self.parameters.exfil_z || is_usual || !is_outwards {
            return None;
        }
        let all: u64 = self.peers.values().map(|(octets, _)| octets).sum();
        let (peer, (most, ports)) =
            self.peers.iter().max_by_key(|(peer, (octets, _))| (*octets, Reverse(**peer)))?;
        let is_one = *most as f64 >= MOST_OF_IT * all as f64;
        let is_new = is_one && !self.known.contains(peer);
        let mut ports: Vec<u16> = ports.iter().copied().collect();
        ports.sort_unstable();
        let evidence = vec![
            ("sentBytes", Evidence::Count(octets as u64)),
            ("receivedBytes", Evidence::Count(back as u64)),
            ("z", Evidence::Number(z)),
            ("usualBytes", Evidence::Count(usual.median as u64)),
            ("deviation", Evidence::Count(usual.deviation as u64)),
            ("greatestBefore", Evidence::Count(greatest as u64)),
            ("comparedHours", Evidence::Count(usual.hours as u64)),
            ("comparedWith", Evidence::Text(compared(usual).to_owned())),
            ("peers", Evidence::Count(self.peers.len() as u64)),
            ("peerIs", Evidence::Text(if is_new { "new" } else { "known" }.to_owned())),
            ("peerPorts", Evidence::Text(list(ports.iter()))),
        ];
        Some(Detection {
            kind: Kind::Exfil,
            variant: "upload",
            host,
            peer: is_one.then_some(*peer),
            protocol: None,
            port: None,
            first: UnixMillis(from * HOUR_MS),
            last: UnixMillis(to * HOUR_MS - 1),
            severity: if is_new { Severity::High } else { Severity::Medium },
            confidence: 1.0 - (greatest / octets).min(1.0),
            evidence,
        })
    }
}

const fn compared(usual: Usual) -> &'static str {
    if usual.of_weeks { "the same hour of other weeks" } else { "all other hours" }
}

fn by_bin(runs: &[Run]) -> BTreeMap<u64, f64> {
    runs.iter().flat_map(|run| (run.from..run.end()).map(|bin| (bin, run.octets))).collect()
}

/// What is usual for `hour` by others of the same host; None where too little is known.
fn usual(others: &[(u64, f64)], hour: u64) -> Option<Usual> {
    // The hours beside it count as the same, as clocks change and people are late.
    let place =
        |other: u64| (other + HOURS_OF_WEEK * 100 + 1 - hour % HOURS_OF_WEEK) % HOURS_OF_WEEK;
    let weeks: HashSet<u64> = others
        .iter()
        .filter(|(other, _)| place(*other) == 1)
        .map(|(other, _)| other / HOURS_OF_WEEK)
        .collect();
    let of_weeks = weeks.len() as u64 >= FEW_WEEKS;
    let compared = others.iter().filter(|(other, _)| !of_weeks || place(*other) <= 2);
    let values: Vec<f64> = compared.map(|(_, octets)| *octets).collect();
    let hours = values.len();
    if !of_weeks && hours < FEW_HOURS {
        return None;
    }
    let median = median(values.clone());
    let deviation = self::median(values.iter().map(|value| (value - median).abs()).collect());
    Some(Usual { median, deviation, hours, of_weeks })
}

/// The middle of `values`, or between the two that are; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_much_again_and_again_is_looked_at_for_the_first_time_alone() {
        let mut hours = Hours::default();
        let mut send = |hour: u64, megabytes: u64| {
            let time = (hour * HOUR_MS, hour * HOUR_MS + HOUR_MS / 2);
            hours.0.add(time, 1, megabytes * 1_000_000);
        };
        for day in 0..300 {
            send(100 + day * 10, 600);
        }
        // Three times as much, and some of it beside what is greater still.
        send(4_000, 1_801);
        send(4_002, 6_000);
        let suspect = hours.judge([10, 0, 0, 1].into(), &Parameters::default());
        let found: Vec<(u64, u64)> = suspect.iter().map(|much| (much.from, much.to)).collect();
        assert_eq!(found, [(100, 101), (4_000, 4_001), (4_002, 4_003)]);
    }

    #[test]
    fn what_is_usual_is_of_the_same_hour_where_there_are_weeks_of_it() {
        // Octets 10, 11, 12, 10, 11, 12 …, of which the median is 11 and the median deviation 1.
        let hours: Vec<(u64, f64)> = (0..24).map(|hour| (hour, 10.0 + (hour % 3) as f64)).collect();
        let found = usual(&hours, 500).unwrap();
        assert_eq!((found.hours, found.of_weeks), (24, false));
        assert!((found.median - 11.0).abs() < 1e-9 && (found.deviation - 1.0).abs() < 1e-9);
        assert_eq!(usual(&hours[..11], 500), None);
        // Four weeks: 5 each hour, but 90, 100 and 110 on each Friday's hour and beside it.
        let hour = 4 * HOURS_OF_WEEK + 100;
        let weeks: Vec<(u64, f64)> = (0..4 * HOURS_OF_WEEK)
            .map(|at| match at % HOURS_OF_WEEK {
                99 => (at, 90.0),
                100 => (at, 100.0),
                101 => (at, 110.0),
                _ => (at, 5.0),
            })
            .collect();
        let found = usual(&weeks, hour).unwrap();
        assert_eq!((found.hours, found.of_weeks), (12, true));
        // Of four times 90, 100 and 110 the deviations are 10, 0 and 10.
        assert!((found.median - 100.0).abs() < 1e-9 && (found.deviation - 10.0).abs() < 1e-9);
    }
}
