//! Hosts inside that begin to log in to many others inside.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::contact::Contact;
use super::several::{counted, list};
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::aggregate::{Aggregate, over};
use crate::flow::{Column, Columns, FlowBatch, Protocol, TimeRange, UnixMillis};
use crate::query::{Direction, Question};
use crate::store::{Result, Snapshot};

/// By which people and worms get from host to host: SSH, Telnet, RPC, NetBIOS, SMB, RDP, VNC, WinRM.
const LOGIN_PORTS: [u16; 9] = [22, 23, 135, 139, 445, 3389, 5900, 5985, 5986];

const HOUR_MS: u64 = 3_600_000;

/// A host that has done as much, or a third of it, in another hour, does it as a matter of course.
const USUAL_SHARE: usize = 3;

/// So far back a host is known to have talked to another, in milliseconds.
const KNOWN_MS: u64 = 30 * 24 * HOUR_MS;

/// A host that may spread, and to whom.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) detection: Detection,
    /// How many hosts it logs in to in any other hour.
    usual: usize,
    /// Whom it logged in to within the hour, and whom it did not know of what was looked at.
    fresh: HashSet<IpAddr>,
}

/// Where `host`, which is inside, may have spread: in the hour in which it logged in to most others for
/// the first time. `contacts` are by when they began.
pub(super) fn judge(
    host: IpAddr,
    contacts: &[Contact],
    parameters: &Parameters,
) -> Option<Suspect> {
    if contacts.len() < parameters.spread_hosts || !parameters.inside.has(host) {
        return None;
    }
    let (logins, is_first) = logins(contacts, parameters);
    let firsts: Vec<&Contact> = logins
        .iter()
        .zip(&is_first)
        .filter(|(_, first)| **first)
        .map(|(login, _)| *login)
        .collect();
    let (from, to, most) = busiest_hour(&firsts)?;
    if most < parameters.spread_hosts {
        return None;
    }
    let within = &firsts[from..=to];
    let (begin, end) = (within[0].first_ms, within[within.len() - 1].first_ms);
    let usual = usual_hosts(&logins, &is_first, (begin, end));
    if usual * USUAL_SHARE >= most {
        return None;
    }
    let ports = counted(within.iter().map(|login| login.port));
    let is_one = ports.len() == 1;
    let detection = Detection {
        kind: Kind::Spread,
        variant: "login",
        host,
        peer: None,
        protocol: Some(Protocol::TCP),
        port: is_one.then(|| ports[0].0),
        first: UnixMillis(begin),
        last: UnixMillis(end),
        severity: Severity::High,
        confidence: 1.0 - usual as f64 / most as f64,
        evidence: vec![
            ("usualHosts", Evidence::Count(usual as u64)),
            ("ports", Evidence::Text(list(ports.iter().map(|(port, _)| port)))),
        ],
    };
    let fresh = within.iter().map(|login| login.peer).collect();
    Some(Suspect { detection, usual, fresh })
}

/// Whoever logs in sends more packets than one who only tries whether somebody is there, and breaks off.
const LOGIN_PACKETS: u64 = 4;

/// The logins among `contacts`, and of each whether it is the first to its peer.
fn logins<'a>(contacts: &'a [Contact], parameters: &Parameters) -> (Vec<&'a Contact>, Vec<bool>) {
    let is_login = |contact: &&Contact| {
        contact.protocol == Protocol::TCP
            && LOGIN_PORTS.contains(&contact.port)
            && !contact.failed
            // Of what is sampled, how many there were is not known.
            && (contact.packets >= LOGIN_PACKETS || contact.sampled)
            && parameters.inside.has(contact.peer)
    };
    let logins: Vec<&Contact> = contacts.iter().filter(is_login).collect();
    let mut known = HashSet::new();
    let is_first = logins.iter().map(|login| known.insert(login.peer)).collect();
    (logins, is_first)
}

/// In so many hours a host is come back to by whoever looks after it.
const LOOKED_AFTER_HOURS: usize = 3;

/// To how many hosts it logs in in its busiest hour beside the affair that goes on from `begin` to
/// `end`. Of what goes on before and after it without a gap, those hosts count to which it comes back in
/// three hours: who looks after the same hosts all day does nothing else in its first hour, but whoever
/// comes back once to what it broke into is not used to it.
fn usual_hosts(logins: &[&Contact], is_first: &[bool], (begin, end): (u64, u64)) -> usize {
    let times: Vec<u64> = logins.iter().map(|login| login.first_ms).collect();
    let from = times.partition_point(|&time| time < begin);
    let to = times.partition_point(|&time| time <= end).max(1) - 1;
    let goes_on = |pair: &[u64]| pair[1] - pair[0] <= HOUR_MS;
    let ahead = times[..=from].windows(2).rev().take_while(|pair| goes_on(pair)).count();
    let behind = times[to..].windows(2).take_while(|pair| goes_on(pair)).count();
    let affair = from - ahead..=to + behind;
    let mut by_hour: HashMap<u64, HashSet<IpAddr>> = HashMap::new();
    let mut by_host: HashMap<IpAddr, HashSet<u64>> = HashMap::new();
    for (place, login) in logins.iter().enumerate() {
        let hour = login.first_ms / HOUR_MS;
        if !affair.contains(&place) {
            by_hour.entry(hour).or_default().insert(login.peer);
        } else if !(from..=to).contains(&place) && !is_first[place] {
            by_host.entry(login.peer).or_default().insert(hour);
        }
    }
    let beside = by_hour.values().map(HashSet::len).max().unwrap_or(0);
    let looked_after = by_host.values().filter(|hours| hours.len() >= LOOKED_AFTER_HOURS).count();
    beside.max(looked_after)
}

/// Fewer packets are a try, and whom a host tried it does not know.
const TALK_PACKETS: u64 = 3;

/// Of those to which a host spread, the ones that it sent something to before.
struct Known<'a> {
    fresh: &'a HashSet<IpAddr>,
    known: HashSet<IpAddr>,
}

impl Aggregate for Known<'_> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let talks = (0..flows.len()).filter(|&row| flows.packets[row] >= TALK_PACKETS);
        let peers = talks.map(|row| flows.dst.get(row));
        self.known.extend(peers.filter(|peer| self.fresh.contains(peer)));
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.known.extend(other.known);
        Ok(())
    }
}

/// Those of `suspects` that spread, by a look at whom they talked to before, whatever is asked for: what
/// a host sent to one that it knew is nothing new.
pub(super) fn confirmed(
    snapshot: &dyn Snapshot,
    parameters: &Parameters,
    suspects: Vec<Suspect>,
) -> Result<Vec<Detection>> {
    let mut confirmed = Vec::new();
    for Suspect { mut detection, usual, fresh } in suspects {
        // What led to it is no acquaintance.
        let until = UnixMillis(detection.first.0.saturating_sub(HOUR_MS));
        let time = TimeRange { since: UnixMillis(until.0.saturating_sub(KNOWN_MS)), until };
        let (addresses, direction) = (Some(detection.host.into()), Direction::Src);
        let question = Question { addresses, direction, time, ..Question::everything() };
        let lookup = question.plan_unordered(Columns::of(&[Column::Dst, Column::Packets]));
        let make = || Known { fresh: &fresh, known: HashSet::new() };
        let known = over(snapshot, lookup.scans(), make)?.known.len();
        let most = fresh.len() - known;
        if most < parameters.spread_hosts || usual * USUAL_SHARE >= most {
            continue;
        }
        detection.evidence.insert(0, ("hosts", Evidence::Count(most as u64)));
        detection.evidence.insert(1, ("knownHosts", Evidence::Count(known as u64)));
        detection.confidence = 1.0 - usual as f64 / most as f64;
        confirmed.push(detection);
    }
    Ok(confirmed)
}

/// The first and the last of the logins that lie within an hour and are to the most hosts, and how many
/// these are.
fn busiest_hour(logins: &[&Contact]) -> Option<(usize, usize, usize)> {
    let mut within: HashMap<IpAddr, usize> = HashMap::new();
    let (mut from, mut best) = (0, None);
    for (to, login) in logins.iter().enumerate() {
        *within.entry(login.peer).or_default() += 1;
        while login.first_ms - logins[from].first_ms > HOUR_MS {
            let first = logins[from].peer;
            if let Some(count) = within.get_mut(&first) {
                *count -= 1;
                if *count == 0 {
                    within.remove(&first);
                }
            }
            from += 1;
        }
        if best.is_none_or(|(_, _, most)| within.len() > most) {
            best = Some((from, to, within.len()));
        }
    }
    best
}
