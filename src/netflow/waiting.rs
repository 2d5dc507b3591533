//! Datagrams that came before their templates: kept for a while, in bounded room.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use super::layouts::Layouts;
use super::scope::Scope;
use super::template::Template;
use crate::capture::Datagram;
use crate::flow::{Seldom, UnixMillis};

/// So many datagrams wait at most. For a new one the oldest of the exporter gives way of which
/// most is kept: who never sends templates takes no room from others who wait for theirs.
pub const MAX_WAITING_DATAGRAMS: usize = 8192;
/// So many bytes they take at most, with what is remembered of them: 2 KiB each, so that as many
/// may wait as fill an Ethernet frame.
pub const MAX_WAITING_BYTES: usize = 16 << 20;
/// A datagram counts as so many bytes at least.
const MIN_HELD_BYTES: usize = MAX_WAITING_BYTES / MAX_WAITING_DATAGRAMS;
/// What it takes to find a datagram by a template that it lacks, or that others have, too.
const LAYOUT_BYTES: usize = 128;

/// Said when datagrams give way.
static FULL: Seldom = Seldom::new();

/// A datagram that waited.
#[derive(Debug, Clone)]
pub struct Held {
    exporter: IpAddr,
    src_port: u16,
    received: UnixMillis,
    /// Shared, as a session is cloned at every commit.
    payload: Arc<[u8]>,
    declared_bytes: usize,
    /// What the caller told it by.
    pub mark: usize,
    /// What its data is read by.
    layouts: Layouts,
    /// Whether there was no room for it to wait on.
    gave_way: bool,
}

impl Held {
    fn new(datagram: &Datagram<'_>, mark: usize, layouts: Layouts) -> Self {
        Self {
            exporter: datagram.exporter,
            src_port: datagram.src_port,
            received: datagram.received,
            payload: datagram.payload.into(),
            declared_bytes: datagram.declared_bytes,
            mark,
            layouts,
            gave_way: false,
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

    /// Whether it did not wait to the end, for want of room.
    pub(super) fn gave_way(&self) -> bool {
        self.gave_way
    }

    fn is_complete(&self) -> bool {
        self.layouts.lacking().next().is_none()
    }

    /// What it takes, but for the templates that it has.
    fn bytes(&self) -> usize {
        let layouts = self.layouts.bytes() + self.layouts.len() * LAYOUT_BYTES;
        (size_of::<Self>() + self.payload.len() + layouts).max(MIN_HELD_BYTES)
    }
}

/// How much some datagrams take.
#[derive(Debug, Clone, Default)]
struct Room {
    bytes: usize,
    /// Where the templates lie that they keep from being freed, and how many of them do. Each
    /// takes room once, however many share it.
    templates: HashMap<usize, usize>,
}

impl Room {
    fn enter(&mut self, held: &Held) {
        self.bytes += held.bytes();
        for template in held.layouts.templates() {
            let users = self.templates.entry(place(template)).or_default();
            *users += 1;
            if *users == 1 {
                self.bytes += template.bytes();
            }
        }
    }

    fn leave(&mut self, held: &Held) {
        self.bytes -= held.bytes();
        for template in held.layouts.templates() {
            let Some(users) = self.templates.get_mut(&place(template)) else { continue };
            *users -= 1;
            if *users == 0 {
                self.templates.remove(&place(template));
                self.bytes -= template.bytes();
            }
        }
    }
}

fn place(template: &Arc<Template>) -> usize {
    Arc::as_ptr(template).addr()
}

/// Those of one exporter that wait.
#[derive(Debug, Clone, Default)]
struct Share {
    /// By their numbers, which rise as they come.
    held: BTreeMap<u64, Held>,
    /// The numbers of those that lack a template, rising.
    lacking: HashMap<(Scope, u16), VecDeque<u64>>,
    room: Room,
}

impl Share {
    fn hold(&mut self, number: u64, held: Held) {
        for lacking in held.layouts.lacking() {
            self.lacking.entry(lacking).or_default().push_back(number);
        }
        self.room.enter(&held);
        self.held.insert(number, held);
    }

    /// Gives those that lack nothing any more.
    fn define(&mut self, scope: Scope, id: u16, template: &Arc<Template>) -> Vec<Held> {
        let mut complete = Vec::new();
        for number in self.lacking.remove(&(scope, id)).into_iter().flatten() {
            let Some(mut held) = self.held.remove(&number) else { continue };
            self.room.leave(&held);
            held.layouts.define(scope, id, template);
            if held.is_complete() {
                complete.push(held);
            } else {
                self.room.enter(&held);
                self.held.insert(number, held);
            }
        }
        complete
    }

    fn take_oldest(&mut self) -> Option<Held> {
        let (number, held) = self.held.pop_first()?;
        self.room.leave(&held);
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
        Some(held)
    }
}

/// Those that wait, and those that need not any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    shares: HashMap<IpAddr, Share>,
    /// The exporters by how much is kept of each.
    by_bytes: BTreeSet<(usize, IpAddr)>,
    /// Of all that wait.
    bytes: usize,
    next_number: u64,
    ready: VecDeque<Held>,
    ready_room: Room,
}

impl Waiting {
    /// Keeps `datagram` until all the templates are known that its data has. Says whether it does:
    /// not where nobody takes those that are ready, of which none is dropped.
    pub(super) fn hold(&mut self, datagram: &Datagram<'_>, mark: usize, layouts: Layouts) -> bool {
        // All that wait may become ready at once, which makes twice as much.
        if self.ready_room.bytes >= MAX_WAITING_BYTES {
            return false;
        }
        let held = Held::new(datagram, mark, layouts);
        if held.is_complete() {
            self.make_ready(held);
        } else {
            let number = self.next_number;
            self.next_number += 1;
            self.with_share(datagram.exporter, |share| share.hold(number, held));
            self.make_room();
        }
        true
    }

    /// Takes `template` for the one that those lack that wait for `id` of `scope`; makes those
    /// ready that lack nothing else.
    pub(super) fn define(&mut self, scope: Scope, id: u16, template: &Arc<Template>) {
        if !self.shares.contains_key(&scope.exporter) {
            return;
        }
        for held in self.with_share(scope.exporter, |share| share.define(scope, id, template)) {
            self.make_ready(held);
        }
        self.make_room();
    }

    /// Those that wait, the one that has waited longest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        in_order(self.shares.values().flat_map(|share| &share.held).collect())
    }

    /// Gives all of them up.
    pub(super) fn give_up(&mut self) {
        let shares = std::mem::take(&mut self.shares);
        self.by_bytes.clear();
        self.bytes = 0;
        for held in in_order(shares.into_values().flat_map(|share| share.held).collect()) {
            self.make_ready(held);
        }
    }

    /// The next one that is to be decoded.
    pub(super) fn next_ready(&mut self) -> Option<Held> {
        let held = self.ready.pop_front()?;
        self.ready_room.leave(&held);
        Some(held)
    }

    /// Lets `change` add to what is kept of `exporter`, or take of it.
    fn with_share<T>(&mut self, exporter: IpAddr, change: impl FnOnce(&mut Share) -> T) -> T {
        let share = self.shares.entry(exporter).or_default();
        let before = share.room.bytes;
        let changed = change(share);
        let after = share.room.bytes;
        self.bytes = self.bytes - before + after;
        self.by_bytes.remove(&(before, exporter));
        if share.held.is_empty() {
            self.shares.remove(&exporter);
        } else {
            self.by_bytes.insert((after, exporter));
        }
        changed
    }

    fn make_room(&mut self) {
        while self.bytes > MAX_WAITING_BYTES {
            let Some(&(_, most)) = self.by_bytes.last() else { return };
            let Some(mut held) = self.with_share(most, Share::take_oldest) else { return };
            held.gave_way = true;
            self.make_ready(held);
            if let Some(times) = FULL.again(1) {
                tracing::warn!(
                    "no room for more datagrams that wait for a template: {times} gave way, now \
                     one of {most}, of which most wait"
                );
            }
        }
    }

    /// Bytes of those that wait and that are ready, and exporters.
    #[cfg(test)]
    pub(super) fn room_taken(&self) -> (usize, usize, usize) {
        (self.bytes, self.ready_room.bytes, self.by_bytes.len().max(self.shares.len()))
    }

    fn make_ready(&mut self, held: Held) {
        self.ready_room.enter(&held);
        self.ready.push_back(held);
    }
}

/// By their numbers.
fn in_order<N: Ord + Copy, H>(mut numbered: Vec<(N, H)>) -> impl Iterator<Item = H> {
    numbered.sort_unstable_by_key(|&(number, _)| number);
    numbered.into_iter().map(|(_, held)| held)
}
