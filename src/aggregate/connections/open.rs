//! The connections of one host that may go on.

use std::collections::HashMap;
use std::mem::take;

use super::connection::{Connection, OneWay};
use crate::flow::tcp_flags::{ACK, FIN, RST, SYN};
use crate::flow::{Family, Protocol, UnixMillis};

/// What a host sent or received, as one record tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Whether the host sent it.
    pub(super) by_host: bool,
    pub(super) peer: u128,
    pub(super) host_port: u16,
    pub(super) peer_port: u16,
    pub(super) protocol: Protocol,
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    pub(super) octets: u64,
    pub(super) packets: u64,
    pub(super) tcp_flags: u8,
    pub(super) tos: u8,
    /// Who began, where a record says so: whether it was the host.
    pub(super) host_began: Option<bool>,
    /// What it says of the other direction, which has no record of its own.
    pub(super) back: Option<(u64, u64)>,
    pub(super) sampled: bool,
    /// A record that begins so long after the last one of its connection belongs to another one, in
    /// milliseconds.
    pub(super) gap_ms: u64,
}

/// The other end of a connection of the host, and both ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Tuple {
    peer: u128,
    host_port: u16,
    peer_port: u16,
    protocol: Protocol,
}

/// A connection that may go on.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    /// What the host sent, and its peer.
    ways: [Way; 2],
    host_began: Option<bool>,
    sampled: bool,
    /// Of its last record.
    gap_ms: u64,
}

/// What was sent in one direction.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    sum: OneWay,
    /// Of its records.
    first_ms: u64,
    last_ms: u64,
}

impl Way {
    fn add(&mut self, told: &Told) {
        let is_first = self.sum.records == 0;
        if is_first || told.first_ms < self.first_ms {
            self.first_ms = told.first_ms;
            self.sum.tos = told.tos;
        }
        self.last_ms = self.last_ms.max(told.last_ms);
        self.sum.records = self.sum.records.saturating_add(1);
        let lasted = told.last_ms.saturating_sub(told.first_ms);
        self.sum.active_ms = self.sum.active_ms.saturating_add(lasted);
        self.sum.tcp_flags |= told.tcp_flags;
        self.count(told.octets, told.packets);
    }

    fn count(&mut self, octets: u64, packets: u64) {
        self.sum.octets = self.sum.octets.saturating_add(octets);
        self.sum.packets = self.sum.packets.saturating_add(packets);
    }
}

/// A table keeps room for so many connections from one host to the next.
const KEPT_ROOM: usize = 256;

/// The connections of one host that may go on, and those that are over.
#[derive(Default)]
pub(super) struct Host {
    open: HashMap<Tuple, Open>,
    over: Vec<Connection>,
}

impl Host {
    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.open.len() + self.over.len()
    }

    /// Takes in a record of `host`; those of one 5-tuple come by when they began.
    pub(super) fn take(&mut self, family: Family, host: u128, told: &Told) {
        let mut tuple = Tuple {
            peer: told.peer,
            host_port: told.host_port,
            peer_port: told.peer_port,
            protocol: told.protocol,
        };
        let mut side = usize::from(!told.by_host);
        // A host that speaks to itself is at both ends of each record.
        if tuple.peer == host && tuple.host_port > tuple.peer_port {
            (tuple.host_port, tuple.peer_port) = (tuple.peer_port, tuple.host_port);
            side = 1 - side;
        }
        let open = self.open.entry(tuple).or_default();
        if open.is_over_before(told, side) {
            let over = take(open);
            self.over.push(over.connection(family, host, &tuple));
        }
        open.ways[side].add(told);
        if let Some((octets, packets)) = told.back {
            open.ways[1 - side].count(octets, packets);
        }
        open.host_began = open.host_began.or(told.host_began);
        open.sampled |= told.sampled;
        open.gap_ms = told.gap_ms;
    }

    /// Ends those that a record which begins at `now_ms` cannot go on with, and if more than `most`
    /// are left then, those that were silent for longest.
    pub(super) fn settle(&mut self, family: Family, host: u128, now_ms: u64, most: usize) {
        let mut silent_since = None;
        let goes_on = |open: &Open| open.last_ms().saturating_add(open.gap_ms) >= now_ms;
        let going_on = self.open.values().filter(|open| goes_on(open));
        let mut last: Vec<u64> = going_on.map(Open::last_ms).collect();
        if last.len() > most {
            // Also where many ended at once, some go.
            let at = last.len() - most;
            silent_since = Some(*last.select_nth_unstable(at).1);
        }
        let over =
            self.open.extract_if(|_, open| !goes_on(open) || Some(open.last_ms()) <= silent_since);
        self.over.extend(over.map(|(tuple, open)| open.connection(family, host, &tuple)));
    }

    /// Ends all of them.
    pub(super) fn end(&mut self, family: Family, host: u128) {
        let over = self.open.drain();
        self.over.extend(over.map(|(tuple, open)| open.connection(family, host, &tuple)));
        // A table is emptied in the time that its room takes, and few hosts need much.
        if self.open.capacity() > KEPT_ROOM {
            self.open = HashMap::new();
        }
    }

    /// Those that are over, by when they began; those that began at once, by their ends.
    pub(super) fn take_over(&mut self) -> Vec<Connection> {
        let mut over = take(&mut self.over);
        over.sort_unstable_by_key(|over| {
            let ends = (over.responder, over.responder_port, over.initiator, over.initiator_port);
            (over.first, over.protocol, ends, over.last)
        });
        over
    }
}

impl Open {
    fn records(&self) -> u32 {
        self.ways[0].sum.records.saturating_add(self.ways[1].sum.records)
    }

    fn last_ms(&self) -> u64 {
        self.ways[0].last_ms.max(self.ways[1].last_ms)
    }

    /// Whether what is told, of this side, is of another connection.
    fn is_over_before(&self, told: &Told, side: usize) -> bool {
        if self.records() == 0 || told.first_ms <= self.last_ms() {
            return false;
        }
        let [own, other] = [&self.ways[side].sum, &self.ways[1 - side].sum];
        let was_ended = (own.tcp_flags | other.tcp_flags) & (FIN | RST) != 0;
        let begins = told.protocol == Protocol::TCP && told.tcp_flags & SYN != 0;
        let is_new = begins && was_ended && own.records > 0;
        is_new || told.first_ms - self.last_ms() > told.gap_ms
    }

    /// Whether the host began it.
    fn host_began(&self, is_lower: bool, tuple: &Tuple) -> bool {
        if let Some(told) = self.host_began {
            return told;
        }
        let [host, peer] = &self.ways;
        let began = |way: &Way| way.sum.tcp_flags & (SYN | ACK) == SYN;
        if tuple.protocol == Protocol::TCP && began(host) != began(peer) {
            return began(host);
        }
        let (host_port, peer_port) = (tuple.host_port, tuple.peer_port);
        match [host.sum.records > 0, peer.sum.records > 0] {
            [true, false] => !answers(host_port, peer_port) || began(host),
            [false, true] => answers(peer_port, host_port) && !began(peer),
            _ if host.first_ms != peer.first_ms => host.first_ms < peer.first_ms,
            // ICMP has its type where the port of who is asked would be.
            _ if tuple.protocol.is_icmp() && host_port != peer_port => host_port < peer_port,
            _ if host_port != peer_port => host_port > peer_port,
            _ => is_lower,
        }
    }

    fn connection(&self, family: Family, host: u128, tuple: &Tuple) -> Connection {
        let host_began = self.host_began(host < tuple.peer, tuple);
        let mut ends = [(host, tuple.host_port), (tuple.peer, tuple.peer_port)];
        let [mut sent, mut returned] = [self.ways[0].sum, self.ways[1].sum];
        if !host_began {
            ends.reverse();
            (sent, returned) = (returned, sent);
        }
        let [(initiator, initiator_port), (responder, responder_port)] = ends;
        let (mut initiator_port, mut responder_port) = (initiator_port, responder_port);
        if tuple.protocol.is_icmp() && responder_port == 0 && initiator_port != 0 {
            // Nobody asked: what is seen are answers.
            let answer = tuple.protocol.icmp_answer(initiator_port);
            (initiator_port, responder_port) = (0, answer.unwrap_or(initiator_port));
        }
        let seen = self.ways.iter().filter(|way| way.sum.records > 0);
        Connection {
            initiator: family.address(initiator),
            initiator_port,
            responder: family.address(responder),
            responder_port,
            protocol: tuple.protocol,
            first: UnixMillis(seen.map(|way| way.first_ms).min().unwrap_or_default()),
            last: UnixMillis(self.last_ms()),
            sent,
            returned,
            sampled: self.sampled,
        }
    }
}

/// Whether who sends from `port` to `other` is, by these, one that answers.
fn answers(port: u16, other: u16) -> bool {
    (1..1024).contains(&port) && other >= 1024
}
