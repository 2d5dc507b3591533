//! Which records are of one flow, and which of them counts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::iter::once;

use crate::flow::FlowBatch;
use crate::store::mix::Seeded;

/// So far apart, in milliseconds, are stamps at most that routers give one moment.
pub(super) const JITTER_MS: u64 = 1000;

/// So many 5-tuples under way are kept in mind at most; of more, those that began in the last second.
const MAX_OPEN: usize = 1 << 18;
/// Before there are so many, none is looked for that is over.
const MIN_OPEN: usize = 1 << 10;
/// So many flows of one 5-tuple are kept in mind at most, and so many places of one flow. One sender
/// can have any number of them at once; a flow behind the first ones counts for itself, and from a
/// place behind them nothing counts in the second that the flow began in.
const MAX_OF_ONE: usize = 256;

/// What all records of a flow have in common: addresses, ports and protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tuple {
    pub(super) src: u128,
    pub(super) dst: u128,
    pub(super) ports: [u16; 2],
    pub(super) protocol: u8,
}

impl Tuple {
    /// That of the record at `row`.
    pub(super) fn of(batch: &FlowBatch, row: usize) -> Self {
        Self {
            src: batch.src.bits(row),
            dst: batch.dst.bits(row),
            ports: [batch.src_port[row], batch.dst_port[row]],
            protocol: batch.protocol[row],
        }
    }
}

impl Hash for Tuple {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.src);
        state.write_u128(self.dst);
        let [src, dst] = self.ports.map(u64::from);
        state.write_u64(src << 24 | dst << 8 | u64::from(self.protocol));
    }
}

/// Where a record is of. One place has several records of a 5-tuple only if these are of several flows,
/// or of one that it has cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the exporter and its engine.
    pub(super) engine: u32,
    pub(super) interfaces: [u32; 2],
    /// As IANA's flowDirection has it: 0 on the way in, 1 on the way out.
    pub(super) direction: u8,
}

/// Where a row is: the number of its batch, and its place in it.
pub(super) type At = (u64, u32);

/// A record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting {
    pub(super) place: Place,
    /// The number of the stretch of rows in the order of time that it is in.
    pub(super) stretch: u64,
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    /// One packet of so many was seen.
    pub(super) sampling: u32,
    /// As they were exported.
    pub(super) octets: u64,
    pub(super) at: At,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts, as far as is known.
    Stays,
    /// It does not count.
    Falls,
    /// It counts in place of another one.
    Replaces(At),
}

/// A flow.
#[derive(Debug)]
struct Flow {
    /// When its first record began.
    began_ms: u64,
    /// The record that counts.
    best: Sighting,
    /// Where the others were made.
    others: Vec<Place>,
}

/// The flows of a 5-tuple, in the order in which they began.
#[derive(Debug)]
struct Flows {
    oldest: Flow,
    /// Seldom any.
    more: Vec<Flow>,
}

/// The flows that more records may come of. Records come in the order of time, stretch by stretch.
#[derive(Debug)]
pub(super) struct Sightings {
    open: HashMap<Tuple, Flows, Seeded>,
    /// The stretch that they are of.
    stretch: u64,
    /// How many there may be before those that are over are looked for.
    room: usize,
}

impl Sightings {
    pub(super) fn new() -> Self {
        Self { open: HashMap::default(), stretch: 0, room: MIN_OPEN }
    }

    /// What becomes of a record. Of rows before batch `first_kept` it is settled.
    pub(super) fn judge(&mut self, tuple: Tuple, sighting: Sighting, first_kept: u64) -> Verdict {
        if sighting.stretch != self.stretch {
            self.stretch = sighting.stretch;
            self.begin_anew();
        }
        if self.open.len() >= self.room {
            self.forget(&sighting);
        }
        match self.open.entry(tuple) {
            Entry::Occupied(mut flows) => flows.get_mut().judge(sighting, first_kept),
            Entry::Vacant(none) => {
                none.insert(Flows { oldest: Flow::new(sighting), more: Vec::new() });
                Verdict::Stays
            }
        }
    }

    /// Forgets all flows: none of a stretch goes on in the next one. Most stretches are short, so few
    /// flows stay in few lines of the processor's cache.
    fn begin_anew(&mut self) {
        if self.open.capacity() > 4 * MIN_OPEN {
            self.open = HashMap::with_hasher(self.open.hasher().clone());
        } else {
            self.open.clear();
        }
        self.room = MIN_OPEN;
    }

    /// Forgets the flows that were over before `now`.
    fn forget(&mut self, now: &Sighting) {
        self.open.retain(|_, flows| flows.all().any(|flow| flow.is_open(now)));
        if self.open.len() > MAX_OPEN {
            self.open.retain(|_, flows| flows.all().any(|flow| flow.is_young(now)));
        }
        self.room = MIN_OPEN.max(2 * self.open.len());
    }
}

impl Flows {
    fn all(&self) -> impl Iterator<Item = &Flow> {
        once(&self.oldest).chain(&self.more)
    }

    fn judge(&mut self, sighting: Sighting, first_kept: u64) -> Verdict {
        let all = once(&mut self.oldest).chain(&mut self.more);
        if let Some(verdict) = all.into_iter().find_map(|flow| flow.judge(&sighting, first_kept)) {
            return verdict;
        }
        self.more.retain(|flow| flow.is_open(&sighting));
        self.more.push(Flow::new(sighting));
        if !self.oldest.is_open(&sighting) || self.more.len() == MAX_OF_ONE {
            self.oldest = self.more.remove(0);
        }
        Verdict::Stays
    }
}

impl Flow {
    fn new(best: Sighting) -> Self {
        Self { began_ms: best.first_ms, best, others: Vec::new() }
    }

    /// Whether records that begin now may be of its beginning.
    fn is_young(&self, now: &Sighting) -> bool {
        self.best.stretch == now.stretch && now.first_ms <= self.began_ms + JITTER_MS
    }

    /// Whether records that begin now may be of it.
    fn is_open(&self, now: &Sighting) -> bool {
        let is_under_way = now.first_ms <= self.best.last_ms + JITTER_MS;
        self.is_young(now) || self.best.stretch == now.stretch && is_under_way
    }

    /// What becomes of a record, if it is of this flow.
    fn judge(&mut self, sighting: &Sighting, first_kept: u64) -> Option<Verdict> {
        let place = sighting.place;
        if place == self.best.place || !self.is_open(sighting) {
            return None;
        }
        if !self.is_young(sighting) || self.others.contains(&place) {
            return self.covers(sighting).then_some(Verdict::Falls);
        }
        if self.others.len() == MAX_OF_ONE {
            return Some(Verdict::Falls);
        }
        if sighting.is_better(&self.best) && self.best.at.0 >= first_kept {
            self.others.push(self.best.place);
            let worse = std::mem::replace(&mut self.best, *sighting);
            return Some(Verdict::Replaces(worse.at));
        }
        self.others.push(place);
        Some(Verdict::Falls)
    }

    /// Whether the record that counts tells what one tells that began later: another router may have
    /// cut the flow at other times, and where packets are sampled the first of them is late.
    fn covers(&self, later: &Sighting) -> bool {
        let Sighting { first_ms, last_ms, .. } = self.best;
        // Where a record ends the next one of a long flow begins, and may seem to begin before that.
        let overlaps = later.first_ms + JITTER_MS <= last_ms;
        let is_long = first_ms + JITTER_MS < last_ms;
        let is_within = later.last_ms <= last_ms + JITTER_MS;
        overlaps || is_within && (is_long || later.first_ms <= last_ms)
    }
}

impl Sighting {
    /// Whether it tells more of a flow than `other`: what is sampled tells about how much there was, and
    /// the greatest of several such numbers is too great.
    fn is_better(&self, other: &Self) -> bool {
        let rank = |of: &Self| (of.sampling, std::cmp::Reverse(of.octets));
        rank(self) < rank(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple() -> Tuple {
        Tuple { src: 1, dst: 2, ports: [3, 4], protocol: 17 }
    }

    /// The record of that number, made by an interface, at a millisecond, of a flow of an hour.
    fn sighting(number: u32, interface: u32, first_ms: u64) -> Sighting {
        let place = Place { engine: 0, interfaces: [interface, 0], direction: 0 };
        let last_ms = first_ms + 3_600_000;
        let (sampling, octets) = (1, 1);
        Sighting { place, stretch: 0, first_ms, last_ms, sampling, octets, at: (0, number) }
    }

    #[test]
    fn of_one_sender_few_flows_and_few_places_are_kept_in_mind() {
        let mut of_flows = Sightings::new();
        let mut of_places = Sightings::new();
        for number in 0..20_000 {
            let flow = sighting(number, 1, number.into());
            assert_eq!(of_flows.judge(tuple(), flow, 0), Verdict::Stays, "{number}");
            let seen = of_places.judge(tuple(), sighting(number, number, 0), 0);
            let expected = if number == 0 { Verdict::Stays } else { Verdict::Falls };
            assert_eq!(seen, expected, "{number}");
        }
        let kept = |sightings: &Sightings| {
            let flows = &sightings.open[&tuple()];
            let places: usize = flows.all().map(|flow| flow.others.len()).sum();
            (flows.all().count(), places)
        };
        assert_eq!(kept(&of_flows), (MAX_OF_ONE, 0));
        assert_eq!(kept(&of_places), (1, MAX_OF_ONE));
    }
}
