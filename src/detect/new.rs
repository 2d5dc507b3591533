//! What a host inside never used before a date: peers, ports, countries and autonomous systems of whom
//! it called and was answered by. One row a host for each of these, and none for who meets as many new
//! ones every day, or of whom too little was seen to say so.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::mem::take;
use std::net::IpAddr;

use super::several::list;
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::aggregate::{Aggregate, Connection, Outcome, over};
use crate::flow::{Column, Columns, FlowBatch, Protocol, UnixMillis};
use crate::meaning::Table;
use crate::query::Question;
use crate::store::{Result, Snapshot};

const DAY_MS: u64 = 86_400_000;

/// Of a host that is known for fewer days everything is new.
const KNOWN_DAYS: u64 = 7;

/// So many peers of a host are told apart: whoever has more meets new ones all the time.
const MAX_PEERS: usize = 1 << 18;

/// What may come by chance more often than this is not told.
const UNLIKELY: f64 = 1e-3;

/// So many of a kind are told at least, beside peers.
const FEW_PORTS: usize = 2;
const FEW_COUNTRIES: usize = 1;
const FEW_SYSTEMS: usize = 3;

/// Whom a host called, and by which ports.
#[derive(Debug, Default)]
pub(super) struct Met {
    peers: HashMap<IpAddr, Seen>,
    ports: HashMap<(Protocol, u16), Seen>,
    has_too_many: bool,
}

/// When something was called first, in milliseconds, and how often before and since the date.
#[derive(Debug, Clone, Copy)]
struct Seen {
    first_ms: u64,
    before: u32,
    since: u32,
}

impl Seen {
    fn join(&mut self, other: Self) {
        self.first_ms = self.first_ms.min(other.first_ms);
        self.before = self.before.saturating_add(other.before);
        self.since = self.since.saturating_add(other.since);
    }
}

impl Met {
    /// Takes in a connection that a host inside began; what it meets since `since_ms` may be new.
    pub(super) fn add(&mut self, connection: &Connection, since_ms: u64) {
        let is_answered = connection.outcome() == Outcome::Answered || connection.is_one_way();
        if !is_answered || self.has_too_many {
            return;
        }
        let first_ms = connection.first.0;
        let is_since = first_ms >= since_ms;
        let seen = Seen { first_ms, before: u32::from(!is_since), since: u32::from(is_since) };
        see(&mut self.peers, connection.responder, seen);
        if !connection.protocol.is_icmp() {
            let port = (connection.protocol, connection.responder_port);
            see(&mut self.ports, port, seen);
        }
        self.has_too_many = self.peers.len() > MAX_PEERS;
    }

    /// What `host` met that is new since `since_ms`; what is kept is forgotten.
    pub(super) fn judge(
        &mut self,
        host: IpAddr,
        since_ms: u64,
        parameters: &Parameters,
    ) -> Vec<Detection> {
        let Self { peers, ports, has_too_many } = take(self);
        let firsts = peers.values().map(|seen| seen.first_ms);
        let Some(known_since) = firsts.min() else { return Vec::new() };
        if has_too_many || known_since.saturating_add(KNOWN_DAYS * DAY_MS) > since_ms {
            return Vec::new();
        }
        let called = |table: &Table| {
            let mut called: HashMap<String, Seen> = HashMap::new();
            for (&peer, &seen) in &peers {
                let name = table.of(peer, UnixMillis(seen.first_ms));
                if !name.is_empty() {
                    see(&mut called, name.to_owned(), seen);
                }
            }
            called
        };
        let countries = parameters.countries.as_deref().map(called).unwrap_or_default();
        let systems = parameters.systems.as_deref().map(called).unwrap_or_default();
        let ports =
            ports.iter().map(|(&(protocol, port), &seen)| (format!("{protocol}/{port}"), seen));
        let peers_of = peers.iter().map(|(&peer, &seen)| (peer, seen));
        let past = Past { host, known_since, since_ms, times: parameters.new_times };
        let of = |variant, few, group| past.told(variant, few, group);
        [
            past.told("peers", parameters.new_peers, peers_of.collect()),
            of("ports", FEW_PORTS, ports.collect()),
            of("countries", FEW_COUNTRIES, countries.into_iter().collect()),
            of("systems", FEW_SYSTEMS, systems.into_iter().collect()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn see<K: Eq + Hash>(known: &mut HashMap<K, Seen>, key: K, seen: Seen) {
    known.entry(key).and_modify(|known| known.join(seen)).or_insert(seen);
}

/// How likely so many new ones are at most to come among what is called since, after Good and Turing: the
/// next call is of a new one about as often as what was called before was called once only. Half of one
/// is added to these, as none of a few says little. The bound is Chernoff's of Poisson's distribution.
fn chance<'a>(seen: impl Iterator<Item = &'a Seen>, new: usize) -> f64 {
    let (mut before, mut once, mut since) = (0_u64, 0_u64, 0_u64);
    for seen in seen {
        before += u64::from(seen.before);
        once += u64::from(seen.before == 1);
        since += u64::from(seen.since);
    }
    let mean = since as f64 * (once as f64 + 0.5) / (before as f64 + 1.0);
    let new = new as f64;
    if new <= mean { 1.0 } else { (new - mean - new * (new / mean).ln()).exp() }
}

/// What is known of a host.
#[derive(Debug, Clone, Copy)]
struct Past {
    host: IpAddr,
    known_since: u64,
    since_ms: u64,
    times: u64,
}

impl Past {
    /// The new ones of a group, by when each was met first, if they are `few` at least, more than so
    /// many times what the host met on any day before, and not to be expected of what it met.
    fn told<T: ToString + Ord>(
        &self,
        variant: &'static str,
        few: usize,
        group: Vec<(T, Seen)>,
    ) -> Option<Detection> {
        let known = group.len();
        let is_new = |seen: &Seen| seen.first_ms >= self.since_ms;
        let count = group.iter().filter(|(_, seen)| is_new(seen)).count();
        let chance = chance(group.iter().map(|(_, seen)| seen), count);
        let firsts = group.into_iter().map(|(one, seen)| (one, seen.first_ms));
        let (mut new, old): (Vec<_>, Vec<_>) =
            firsts.partition(|(_, first_ms)| *first_ms >= self.since_ms);
        let (first_ms, last_ms) = bounds(new.iter().map(|(_, first_ms)| *first_ms))?;
        let days = (last_ms - self.since_ms) / DAY_MS + 1;
        let usual = self.usual(old.iter().map(|(_, first_ms)| *first_ms));
        let most = self.times.saturating_mul(usual).saturating_mul(days);
        if count < few.max(1) || count as u64 <= most || chance >= UNLIKELY {
            return None;
        }
        new.sort_unstable_by(|(one, at), (other, then)| (at, one).cmp(&(then, other)));
        let is_steady = usual == 0;
        let evidence = vec![
            ("new", Evidence::Count(new.len() as u64)),
            ("known", Evidence::Count((known - new.len()) as u64)),
            ("usualNewADay", Evidence::Count(usual)),
            ("chance", Evidence::Chance(chance)),
            ("knownFor", Evidence::Span(self.since_ms - self.known_since)),
            ("since", Evidence::Text(UnixMillis(self.since_ms).to_string())),
            ("examples", Evidence::Text(list(new.iter().map(|(one, _)| one.to_string())))),
        ];
        Some(Detection {
            kind: Kind::New,
            variant,
            host: self.host,
            peer: None,
            protocol: None,
            port: None,
            first: UnixMillis(first_ms),
            last: UnixMillis(last_ms),
            severity: if is_steady { Severity::Medium } else { Severity::Low },
            confidence: (1.0 - (usual * days) as f64 / new.len() as f64).clamp(0.0, 1.0),
            evidence,
        })
    }

    /// The most that it met on a day before, but for its first, on which all was new.
    fn usual(&self, firsts: impl Iterator<Item = u64>) -> u64 {
        let mut by_day: BTreeMap<u64, u64> = BTreeMap::new();
        for first_ms in firsts.filter(|&first_ms| first_ms >= self.known_since + DAY_MS) {
            *by_day.entry((self.since_ms - 1 - first_ms) / DAY_MS).or_default() += 1;
        }
        by_day.into_values().max().unwrap_or(0)
    }
}

fn bounds(times: impl Iterator<Item = u64>) -> Option<(u64, u64)> {
    times.fold(None, |known, time| match known {
        None => Some((time, time)),
        Some((first, last)) => Some((time.min(first), time.max(last))),
    })
}

/// When the last of some flows began, in milliseconds.
#[derive(Debug, Default)]
struct Latest(u64);

impl Aggregate for Latest {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        self.0 = flows.first_ms.iter().copied().fold(self.0, u64::max);
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.0 = self.0.max(other.0);
        Ok(())
    }
}

/// Since when something is new, where nobody says: a day before the last of the flows began.
pub(super) fn since(
    snapshot: &dyn Snapshot,
    question: &Question,
    now: UnixMillis,
) -> Result<UnixMillis> {
    let lookup = question.plan_unordered(Columns::of(&[Column::First]));
    let Latest(latest) = over(snapshot, lookup.scans(), Latest::default)?;
    Ok(UnixMillis(latest.min(now.0).saturating_sub(DAY_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(before: u32, since: u32) -> Seen {
        Seen { first_ms: 0, before, since }
    }

    #[test]
    fn the_more_was_seen_and_the_less_of_it_once_the_less_is_new_by_chance() {
        // Five that were called twenty times each and twice since, and three new ones, called twice,
        // once and once: among 14 calls m = 14 * 0.5 / 101. By Python: exp(3 - m - 3 log(3 / m)) is 2.311e-4,
        // and what it bounds, 1 - exp(-m) (1 + m + m^2 / 2), is 5.268e-5.
        let known = [seen(20, 2); 5];
        let of = |more: &[Seen]| chance(known.iter().chain(more), 3);
        let new = [seen(0, 2), seen(0, 1), seen(0, 1)];
        assert!((of(&new) / 2.311e-4 - 1.0).abs() < 1e-3, "{:e}", of(&new));
        // Five more that were called once before.
        let once = [seen(1, 0); 5];
        let more: Vec<Seen> = new.iter().chain(&once).copied().collect();
        assert!(of(&more) > 100.0 * of(&new));
        // Of one call nothing can be said.
        assert!(chance([seen(1, 0), seen(0, 1)].iter(), 1) > 0.5);
    }
}
