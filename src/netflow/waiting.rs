//! Datagrams that came before their templates: kept for a while, in bounded room.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use super::templates::Scope;
use crate::capture::Datagram;
use crate::flow::UnixMillis;

/// So many datagrams wait at most; the one that has waited longest is given up for a new one.
pub const MAX_WAITING_DATAGRAMS: usize = 8192;
/// So many bytes of payload they have at most.
pub const MAX_WAITING_BYTES: usize = 8 << 20;

/// A datagram is tried so often; one that defines and withdraws what it needs itself would be for
/// ever.
const MAX_TRIES: u8 = 8;

/// A datagram waits for so many templates at most: one that lacks more is tried when one of the
/// first of them comes.
const MAX_NEEDS: usize = 64;

/// A datagram that waited.
#[derive(Debug, Clone)]
pub struct Held {
    exporter: IpAddr,
    src_port: u16,
    received: UnixMillis,
    payload: Vec<u8>,
    declared_bytes: usize,
    /// What the caller told it by.
    pub mark: usize,
    /// Whether it is given up: what has a template now is read, the rest is not.
    pub last: bool,
    /// How often it was decoded in vain.
    tries: u8,
    /// The templates that it lacks.
    needs: Vec<(Scope, u16)>,
}

impl Held {
    /// How often it was decoded in vain.
    pub(super) fn tries(&self) -> u8 {
        self.tries
    }

    fn new(datagram: &Datagram<'_>, mark: usize, tries: u8, needs: Vec<(Scope, u16)>) -> Self {
        Self {
            exporter: datagram.exporter,
            src_port: datagram.src_port,
            received: datagram.received,
            payload: datagram.payload.to_vec(),
            declared_bytes: datagram.declared_bytes,
            mark,
            last: false,
            tries,
            needs,
        }
    }

    /// The datagram as it came.
    pub fn datagram(&self) -> Datagram<'_> {
        Datagram {
            exporter: self.exporter,
            src_port: self.src_port,
            received: self.received,
            payload: &self.payload,
            declared_bytes: self.declared_bytes,
        }
    }
}

/// Those that wait, in the order in which they came, and those that need not any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    held: VecDeque<Held>,
    /// How many of them lack which template: nearly all templates that come are none of these.
    wanted: HashMap<(Scope, u16), u32>,
    /// Of their payloads.
    bytes: usize,
    ready: VecDeque<Held>,
}

impl Waiting {
    /// Keeps `datagram`, which was decoded in vain `tries` times before, until one of the templates
    /// that it lacks comes.
    pub(super) fn hold(
        &mut self,
        datagram: &Datagram<'_>,
        mark: usize,
        tries: u8,
        needs: &[(Scope, u16)],
    ) {
        let held = Held::new(datagram, mark, tries + 1, first_of(needs));
        for &need in &held.needs {
            *self.wanted.entry(need).or_default() += 1;
        }
        self.bytes += held.payload.len();
        self.held.push_back(held);
        while self.held.len() > MAX_WAITING_DATAGRAMS || self.bytes > MAX_WAITING_BYTES {
            self.give_up_oldest();
        }
    }

    /// Makes those ready that lack one of the templates `fresh`, which are known now.
    pub(super) fn wake(&mut self, fresh: &[(Scope, u16)]) {
        // One datagram may bring thousands, so each that waits is looked at once for all of them.
        let fresh: HashSet<&(Scope, u16)> =
            fresh.iter().filter(|template| self.wanted.contains_key(template)).collect();
        if fresh.is_empty() {
            return;
        }
        for held in std::mem::take(&mut self.held) {
            if held.needs.iter().any(|need| fresh.contains(need)) {
                let last = held.tries >= MAX_TRIES;
                self.make_ready(Held { last, ..held });
            } else {
                self.held.push_back(held);
            }
        }
    }

    /// Those that wait, the one that has waited longest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    /// Gives all of them up.
    pub(super) fn give_up(&mut self) {
        while !self.held.is_empty() {
            self.give_up_oldest();
        }
    }

    fn give_up_oldest(&mut self) {
        if let Some(held) = self.held.pop_front() {
            self.make_ready(Held { last: true, ..held });
        }
    }

    /// Puts `held`, which was taken out of those that wait, among those that are ready.
    fn make_ready(&mut self, held: Held) {
        self.bytes -= held.payload.len();
        for need in &held.needs {
            if let Some(count) = self.wanted.get_mut(need) {
                *count -= 1;
                if *count == 0 {
                    self.wanted.remove(need);
                }
            }
        }
        self.ready.push_back(held);
    }

    /// The next one that is to be decoded.
    pub(super) fn next_ready(&mut self) -> Option<Held> {
        self.ready.pop_front()
    }
}

/// The first [`MAX_NEEDS`] of `needs` that are not the same.
fn first_of(needs: &[(Scope, u16)]) -> Vec<(Scope, u16)> {
    let mut first = Vec::new();
    for need in needs {
        if first.len() < MAX_NEEDS && !first.contains(need) {
            first.push(*need);
        }
    }
    first
}
