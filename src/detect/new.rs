//! What a host inside never used before a date: peers, ports, countries and autonomous systems of whom
//! it called and was answered by. One row a host for each of these, and none for who meets as many new
//! ones every day.

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

/// So many of a kind are told at least, beside peers.
const FEW_PORTS: usize = 2;
const FEW_COUNTRIES: usize = 1;
const FEW_SYSTEMS: usize = 3;

/// Whom a host called by which ports, and when first, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Met {
    peers: HashMap<IpAddr, u64>,
    ports: HashMap<(Protocol, u16), u64>,
    has_too_many: bool,
}

impl Met {
    /// Takes in a connection that a host inside began.
    pub(super) fn add(&mut self, connection: &Connection) {
        let is_answered = connection.outcome() == Outcome::Answered || connection.is_one_way();
        if !is_answered || self.has_too_many {
            return;
        }
        let first_ms = connection.first.0;
        earliest(&mut self.peers, connection.responder, first_ms);
        if !connection.protocol.is_icmp() {
            let port = (connection.protocol, connection.responder_port);
            earliest(&mut self.ports, port, first_ms);
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
        let Some(&known_since) = peers.values().min() else { return Vec::new() };
        if has_too_many || known_since.saturating_add(KNOWN_DAYS * DAY_MS) > since_ms {
            return Vec::new();
        }
        let called = |table: &Table| {
            let mut called: HashMap<String, u64> = HashMap::new();
            for (&peer, &first_ms) in &peers {
                let name = table.of(peer, UnixMillis(first_ms));
                if !name.is_empty() {
                    earliest(&mut called, name.to_owned(), first_ms);
                }
            }
            called
        };
        let countries = parameters.countries.as_deref().map(called).unwrap_or_default();
        let systems = parameters.systems.as_deref().map(called).unwrap_or_default();
        let ports = ports
            .iter()
            .map(|(&(protocol, port), &first_ms)| (format!("{protocol}/{port}"), first_ms));
        let peers_of = peers.iter().map(|(&peer, &first_ms)| (peer, first_ms));
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

fn earliest<K: Eq + Hash>(known: &mut HashMap<K, u64>, key: K, first_ms: u64) {
    known.entry(key).and_modify(|known| *known = (*known).min(first_ms)).or_insert(first_ms);
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
    /// The new ones of a group, by when each was met first, if they are `few` at least and more than
    /// so many times what the host met on any day before.
    fn told<T: ToString + Ord>(
        &self,
        variant: &'static str,
        few: usize,
        group: Vec<(T, u64)>,
    ) -> Option<Detection> {
        let known = group.len();
        let (mut new, old): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|(_, first_ms)| *first_ms >= self.since_ms);
        let (first_ms, last_ms) = bounds(new.iter().map(|(_, first_ms)| *first_ms))?;
        let days = (last_ms - self.since_ms) / DAY_MS + 1;
        let usual = self.usual(old.iter().map(|(_, first_ms)| *first_ms));
        let most = self.times.saturating_mul(usual).saturating_mul(days);
        if new.len() < few.max(1) || new.len() as u64 <= most {
            return None;
        }
        new.sort_unstable_by(|(one, at), (other, then)| (at, one).cmp(&(then, other)));
        let is_steady = usual == 0;
        let evidence = vec![
            ("new", Evidence::Count(new.len() as u64)),
            ("known", Evidence::Count((known - new.len()) as u64)),
            ("usualNewADay", Evidence::Count(usual)),
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
