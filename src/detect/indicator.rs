//! Who dealt with what a watch list has: each host with each listed address once.
//!
//! The hits that a store keeps are sums over all of time; here flows are looked through again, as only
//! those count that are asked for.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::several::list;
use super::{Detection, Evidence, Kind, Severity};
use crate::flow::{FlowBatch, UnixMillis};
use crate::query::Question;
use crate::store::watchlist::{self, Indicator, Matcher, WatchList, WatchLists};
use crate::store::{Result, Snapshot};

/// So many pairs of a host and a listed address are kept, the least ones.
const MAX_PAIRS: usize = 1 << 17;

/// A pair may be hits of a block and of an address in it, on several lists: so many are told.
const MOST_TOLD: usize = 8;

/// A list's word of how sure it is, from which on it is called high and medium: STIX 2.1, appendix A.
const HIGH: u8 = 70;
const MEDIUM: u8 = 30;

/// What a host and a listed address had to do with each other.
#[derive(Debug, Default)]
struct Contact {
    lists: BTreeSet<String>,
    indicators: BTreeSet<String>,
    notes: BTreeSet<String>,
    /// The surest word of a list.
    sure: Option<u8>,
    first_ms: u64,
    last_ms: u64,
    /// By the lists, which may have the same address.
    sums: BTreeMap<String, Sums>,
}

/// Flows with what is on a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Sums {
    flows: u64,
    /// What the host sent, and what it received.
    sent: u64,
    received: u64,
}

/// All contacts with lists.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    pairs: BTreeMap<(IpAddr, IpAddr), Contact>,
    /// How many flows are of pairs that are not kept.
    flows_left_out: u64,
}

/// Of what `question` asks for, the flows with an address of any list.
pub(super) fn contacts(
    snapshot: &dyn Snapshot,
    question: &Question,
    lists: &dyn WatchLists,
) -> Result<Contacts> {
    let contacts = Mutex::new(Contacts::default());
    let lookup = question.plan_unordered(watchlist::COLUMNS);
    for name in lists.list_names()? {
        // One is in memory at a time.
        let Some(list) = lists.list(&name)? else { continue };
        let matcher = Matcher::new(Arc::new(list));
        for scan in lookup.scans() {
            watchlist::hunt_each(snapshot, &matcher, scan, &|batch, found| {
                let mut contacts = contacts.lock().unwrap_or_else(PoisonError::into_inner);
                // A list may have an address and its block: it is one flow.
                let mut rows = HashSet::new();
                for hit in found {
                    let is_first = rows.insert((hit.row, hit.by_src));
                    contacts.add(matcher.list(), batch, hit, is_first);
                }
                Ok(())
            })?;
        }
    }
    Ok(contacts.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Contacts {
    fn add(&mut self, list: &WatchList, batch: &FlowBatch, hit: &watchlist::Found, is_first: bool) {
        let watchlist::Found { place, row, by_src, other } = *hit;
        let bad = if by_src { batch.src.get(row) } else { batch.dst.get(row) };
        let (first_ms, octets) = (batch.first_ms[row], batch.octets[row]);
        let last_ms = first_ms.saturating_add(batch.duration_ms[row].into());
        let contact = match self.pairs.entry((other, bad)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(Contact { first_ms, last_ms, ..Contact::default() })
            }
        };
        contact.first_ms = contact.first_ms.min(first_ms);
        contact.last_ms = contact.last_ms.max(last_ms);
        contact.tell(&list.name, &list.indicators[place as usize]);
        if is_first {
            let sums = contact.sums.entry(list.name.clone()).or_default();
            sums.flows += 1;
            let sum = if by_src { &mut sums.received } else { &mut sums.sent };
            *sum = sum.saturating_add(octets);
        }
        // The least ones have always been among those that are kept, so nothing of them is missing.
        if self.pairs.len() > MAX_PAIRS
            && let Some((_, contact)) = self.pairs.pop_last()
        {
            self.flows_left_out += contact.most().flows;
        }
    }

    /// Each as a detection, and how many flows were with others.
    pub(super) fn finish(self) -> (impl Iterator<Item = Detection>, u64) {
        let told = |((host, peer), contact): (_, Contact)| contact.told(host, peer);
        (self.pairs.into_iter().map(told), self.flows_left_out)
    }
}

impl Contact {
    /// Takes note of what `list` says.
    fn tell(&mut self, list: &str, indicator: &Indicator) {
        if !self.lists.contains(list) {
            self.lists.insert(list.to_owned());
        }
        self.sure = self.sure.max(indicator.confidence);
        if self.indicators.len() < MOST_TOLD {
            self.indicators.insert(indicator.to_string());
        }
        if let Some(note) = indicator.note.as_deref().filter(|_| self.notes.len() < MOST_TOLD) {
            self.notes.insert(note.to_owned());
        }
    }

    /// The flows with what is on the list of which there are most.
    fn most(&self) -> Sums {
        self.sums.values().copied().max().unwrap_or_default()
    }

    /// By the list's own word, else by whether both talked, one was called, or one was only sent
    /// something.
    fn severity(&self) -> Severity {
        let Sums { sent, received, .. } = self.most();
        let talked = match (sent > 0, received > 0) {
            (true, true) => Severity::High,
            (true, false) => Severity::Medium,
            (false, _) => Severity::Low,
        };
        self.sure.map_or(talked, |sure| match sure {
            HIGH.. => Severity::High,
            MEDIUM.. => Severity::Medium,
            _ => Severity::Low,
        })
    }

    fn told(self, host: IpAddr, peer: IpAddr) -> Detection {
        let (severity, sums) = (self.severity(), self.most());
        let confidence = match (self.sure, severity) {
            (Some(sure), _) => f64::from(sure.min(100)) / 100.0,
            (None, Severity::High) => 0.9,
            (None, Severity::Medium) => 0.7,
            (None, Severity::Low) => 0.5,
        };
        let mut evidence = vec![
            ("lists", Evidence::Text(list(self.lists.iter()))),
            ("indicators", Evidence::Text(list(self.indicators.iter()))),
            ("flows", Evidence::Count(sums.flows)),
            ("sentBytes", Evidence::Count(sums.sent)),
            ("receivedBytes", Evidence::Count(sums.received)),
        ];
        if !self.notes.is_empty() {
            evidence.push(("notes", Evidence::Text(list(self.notes.iter()))));
        }
        Detection {
            kind: Kind::Indicator,
            variant: "indicator",
            host,
            peer: Some(peer),
            protocol: None,
            port: None,
            first: UnixMillis(self.first_ms),
            last: UnixMillis(self.last_ms),
            severity,
            confidence,
            evidence,
        }
    }
}
