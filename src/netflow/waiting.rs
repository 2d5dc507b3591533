//! Datagrams that came before their templates: kept for a while, in bounded room.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use super::layouts::Layouts;
use super::template::Template;
use super::templates::Scope;
use crate::capture::Datagram;
use crate::flow::UnixMillis;

/// So many datagrams wait at most; the one that has waited longest is given up for a new one.
pub const MAX_WAITING_DATAGRAMS: usize = 8192;
/// So many bytes they have at most, with what is remembered of them.
pub const MAX_WAITING_BYTES: usize = 8 << 20;
/// So many times that much may be ready: more only where nobody takes it, and then the oldest is
/// dropped.
const MAX_READY_TIMES: usize = 2;
/// What it takes to find a datagram by a template that it lacks.
const LACKING_BYTES: usize = 128;

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
    /// What its data is read by.
    layouts: Layouts,
}

impl Held {
    fn new(datagram: &Datagram<'_>, mark: usize, layouts: Layouts) -> Self {
        Self {
            exporter: datagram.exporter,
            src_port: datagram.src_port,
            received: datagram.received,
            payload: datagram.payload.to_vec(),
            declared_bytes: datagram.declared_bytes,
            mark,
            layouts,
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

    pub(super) fn layouts(&self) -> &Layouts {
        &self.layouts
    }

    fn is_complete(&self) -> bool {
        self.layouts.lacking().next().is_none()
    }

    fn bytes(&self) -> usize {
        let lacking = self.layouts.lacking().count() * LACKING_BYTES;
        size_of::<Self>() + self.payload.len() + self.layouts.bytes() + lacking
    }
}

/// Those that wait, and those that need not any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    /// By their numbers, which rise as they come.
    held: BTreeMap<u64, Held>,
    /// The numbers of those that lack a template, rising.
    lacking: HashMap<(Scope, u16), VecDeque<u64>>,
    next_number: u64,
    /// Of those that are held.
    bytes: usize,
    ready: VecDeque<Held>,
    ready_bytes: usize,
}

impl Waiting {
    /// Keeps `datagram` until all the templates are known that its data has.
    pub(super) fn hold(&mut self, datagram: &Datagram<'_>, mark: usize, layouts: Layouts) {
        let held = Held::new(datagram, mark, layouts);
        if held.is_complete() {
            return self.make_ready(held);
        }
        let number = self.next_number;
        self.next_number += 1;
        for lacking in held.layouts.lacking() {
            self.lacking.entry(lacking).or_default().push_back(number);
        }
        self.bytes += held.bytes();
        self.held.insert(number, held);
        self.make_room();
    }

    /// Takes `template` for the one that those lack that wait for `id` of `scope`; makes those
    /// ready that lack nothing else.
    pub(super) fn define(&mut self, scope: Scope, id: u16, template: &Arc<Template>) {
        for number in self.lacking.remove(&(scope, id)).into_iter().flatten() {
            let Some(mut held) = self.held.remove(&number) else { continue };
            self.bytes -= held.bytes();
            held.layouts.define(scope, id, template);
            if held.is_complete() {
                self.make_ready(held);
            } else {
                self.bytes += held.bytes();
                self.held.insert(number, held);
            }
        }
        self.make_room();
    }

    /// Those that wait, the one that has waited longest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    /// Gives all of them up.
    pub(super) fn give_up(&mut self) {
        while self.give_up_oldest() {}
    }

    /// The next one that is to be decoded.
    pub(super) fn next_ready(&mut self) -> Option<Held> {
        let held = self.ready.pop_front()?;
        self.ready_bytes -= held.bytes();
        Some(held)
    }

    fn make_room(&mut self) {
        while self.held.len() > MAX_WAITING_DATAGRAMS || self.bytes > MAX_WAITING_BYTES {
            if !self.give_up_oldest() {
                return;
            }
        }
    }

    /// Says whether there was one.
    fn give_up_oldest(&mut self) -> bool {
        let Some((number, held)) = self.held.pop_first() else { return false };
        self.bytes -= held.bytes();
        for lacking in held.layouts.lacking() {
            let Some(numbers) = self.lacking.get_mut(&lacking) else { continue };
            // The oldest of all is the first one everywhere.
            if numbers.front() == Some(&number) {
                numbers.pop_front();
            }
            if numbers.is_empty() {
                self.lacking.remove(&lacking);
            }
        }
        self.make_ready(held);
        true
    }

    fn make_ready(&mut self, held: Held) {
        self.ready_bytes += held.bytes();
        self.ready.push_back(held);
        while self.ready.len() > MAX_READY_TIMES * MAX_WAITING_DATAGRAMS
            || self.ready_bytes > MAX_READY_TIMES * MAX_WAITING_BYTES
        {
            if self.next_ready().is_none() {
                return;
            }
        }
    }
}
