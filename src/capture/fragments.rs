//! IP fragments, put together (RFC 791 §3.2, RFC 8200 §4.5).

use std::collections::{BTreeMap, HashMap};

use super::ip::{Fragment, FragmentKey};
use crate::flow::{SteadyClock, UnixMillis};

/// How long, by the capture's clock, the first fragment of a datagram waits for the last: as long
/// as in Linux. An IPv4 exporter uses an identification again after 65,536 datagrams, so waiting
/// longer would mix datagrams of a busy one.
const MAX_AGE_MS: u64 = 30_000;

/// The time of one packet is doubted that lies further than this from the one before.
const REACH_MS: u64 = 2 * MAX_AGE_MS;

/// Datagrams that may wait at a time.
const MAX_WAITING: usize = 4096;

/// Bytes of fragments that may wait, with what keeping each of them costs.
const MAX_WAITING_BYTES: usize = 16 << 20;
const COST_BYTES: usize = 96;

/// The longest IP payload that fragments can make.
const MAX_WHOLE_BYTES: usize = 65_535;

/// Fragments of datagrams that are not whole yet. What is over a limit makes room, oldest first.
#[derive(Default)]
pub(super) struct Fragments {
    waiting: HashMap<FragmentKey, Waiting>,
    /// The keys of `waiting` in the order of their first fragments.
    by_age: BTreeMap<u64, FragmentKey>,
    next_birth: u64,
    clock: SteadyClock,
    /// Those born from here on came with a time that is doubted.
    doubted_birth: u64,
    held_bytes: usize,
    /// Fragments whose datagram came whole, less one for each: the packet that stands for it.
    pub(super) joined: u64,
    /// Fragments whose datagram was given up.
    pub(super) incomplete: u64,
}

struct Waiting {
    birth: u64,
    since: UnixMillis,
    packets: u64,
    /// By offset; they do not overlap.
    parts: BTreeMap<u32, Vec<u8>>,
    part_bytes: usize,
    /// The first fragment's.
    protocol: u8,
    /// Known with the last fragment.
    whole_bytes: Option<usize>,
    /// Fragments contradicted each other: nothing will come of it, and later ones are dropped,
    /// too, lest an attacker's half be joined to an exporter's (RFC 5722).
    spoilt: bool,
}

/// A datagram that came in fragments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) protocol: u8,
    pub(super) payload: Vec<u8>,
}

impl Fragments {
    /// Takes a fragment, and gives the datagram that it makes whole.
    pub(super) fn add(
        &mut self,
        fragment: Fragment,
        protocol: u8,
        payload: &[u8],
        received: UnixMillis,
    ) -> Option<Whole> {
        self.hear(received);
        let now = self.clock.now();
        let new = !self.waiting.contains_key(&fragment.key);
        self.make_room(new, payload.len() + COST_BYTES, now);
        let waiting = self.waiting.entry(fragment.key).or_insert_with(|| {
            self.by_age.insert(self.next_birth, fragment.key);
            self.next_birth += 1;
            Waiting::new(self.next_birth - 1, now)
        });
        waiting.packets += 1;
        let before = waiting.held_bytes();
        waiting.place(fragment, protocol, payload);
        self.held_bytes = self.held_bytes + waiting.held_bytes() - before;
        if !waiting.is_whole() {
            return None;
        }
        let whole = self.remove(fragment.key)?;
        self.joined += whole.packets - 1;
        let payload = whole.parts.into_values().collect::<Vec<_>>().concat();
        Some(Whole { protocol: whole.protocol, payload })
    }

    /// Gives up what still waits: the capture is at its end.
    pub(super) fn finish(&mut self) {
        while let Some((_, &key)) = self.by_age.first_key_value() {
            self.give_up(key);
        }
    }

    /// Takes the time of a packet. That of one alone is not believed where it is far from the
    /// others', so that it neither ages them nor keeps them from ageing.
    fn hear(&mut self, received: UnixMillis) {
        let before = self.clock.now();
        if let Some(doubted) = self.clock.hear(received, REACH_MS) {
            // What came with that time has it after all. If it lies back, all that wait came
            // before it, whatever they say.
            let from = if received < before { 0 } else { self.doubted_birth };
            for key in self.by_age.range(from..).map(|(_, key)| key) {
                if let Some(waiting) = self.waiting.get_mut(key) {
                    waiting.since = doubted;
                }
            }
        }
        self.doubted_birth = self.next_birth;
    }

    fn make_room(&mut self, new: bool, bytes: usize, now: UnixMillis) {
        while let Some((_, &key)) = self.by_age.first_key_value() {
            let since = self.waiting.get(&key).map_or(now, |waiting| waiting.since);
            if now - since <= MAX_AGE_MS
                && (!new || self.waiting.len() < MAX_WAITING)
                && self.held_bytes + bytes <= MAX_WAITING_BYTES
            {
                break;
            }
            self.give_up(key);
        }
    }

    fn give_up(&mut self, key: FragmentKey) {
        if let Some(waiting) = self.remove(key) {
            self.incomplete += waiting.packets;
        }
    }

    fn remove(&mut self, key: FragmentKey) -> Option<Waiting> {
        let waiting = self.waiting.remove(&key)?;
        self.by_age.remove(&waiting.birth);
        self.held_bytes -= waiting.held_bytes();
        Some(waiting)
    }
}

impl Waiting {
    fn new(birth: u64, since: UnixMillis) -> Self {
        Self {
            birth,
            since,
            packets: 0,
            parts: BTreeMap::new(),
            part_bytes: 0,
            protocol: 0,
            whole_bytes: None,
            spoilt: false,
        }
    }

    fn held_bytes(&self) -> usize {
        self.part_bytes + self.parts.len() * COST_BYTES
    }

    fn is_whole(&self) -> bool {
        !self.spoilt && self.whole_bytes == Some(self.part_bytes)
    }

    fn place(&mut self, fragment: Fragment, protocol: u8, payload: &[u8]) {
        let known = self.parts.get(&fragment.offset).is_some_and(|part| part == payload);
        if self.spoilt || (known && self.ends_alike(fragment, payload)) {
            return;
        }
        if !self.fits(fragment, payload) {
            self.spoilt = true;
            self.parts = BTreeMap::new();
            self.part_bytes = 0;
            return;
        }
        if fragment.offset == 0 {
            self.protocol = protocol;
        }
        if !fragment.more {
            self.whole_bytes = Some(fragment.offset as usize + payload.len());
        }
        self.part_bytes += payload.len();
        self.parts.insert(fragment.offset, payload.to_vec());
    }

    /// Whether a fragment that came before says the same about the end.
    fn ends_alike(&self, fragment: Fragment, payload: &[u8]) -> bool {
        let end = fragment.offset as usize + payload.len();
        fragment.more != (self.whole_bytes == Some(end))
    }

    fn fits(&self, fragment: Fragment, payload: &[u8]) -> bool {
        let start = fragment.offset as usize;
        let end = start + payload.len();
        let before = self.parts.range(..=fragment.offset).next_back();
        let after = self.parts.range(fragment.offset..).next();
        let last_end =
            self.parts.last_key_value().map_or(0, |(&at, part)| at as usize + part.len());
        let own_rules = !payload.is_empty()
            && end <= MAX_WHOLE_BYTES
            && (!fragment.more || payload.len().is_multiple_of(8));
        let no_overlap = before.is_none_or(|(&at, part)| at as usize + part.len() <= start)
            && after.is_none_or(|(&at, _)| end <= at as usize);
        let one_end = if fragment.more {
            self.whole_bytes.is_none_or(|whole| end < whole)
        } else {
            self.whole_bytes.is_none() && last_end <= start
        };
        own_rules && no_overlap && one_end
    }
}

#[cfg(test)]
mod tests {
    use super::super::ip::tests::fragment;
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn payload(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at % 251) as u8).collect()
    }

    /// Adds `payload[from..to]` of a datagram, and gives what became whole.
    fn add(
        fragments: &mut Fragments,
        id: u32,
        payload: &[u8],
        from: usize,
        to: usize,
    ) -> Option<Vec<u8>> {
        let piece = fragment(id, from as u32, to < payload.len());
        fragments.add(piece, 17, &payload[from..to], NOW).map(|whole| whole.payload)
    }

    #[test]
    fn fragments_in_any_order_make_the_datagram() {
        let payload = payload(100);
        let cuts = [(0, 40), (40, 64), (64, 72), (72, 100)];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
            let mut fragments = Fragments::default();
            let mut whole = None;
            for (step, cut) in order.into_iter().enumerate() {
                assert_eq!(whole, None, "{order:?} before step {step}");
                let (from, to) = cuts[cut];
                whole = add(&mut fragments, 7, &payload, from, to);
            }
            assert_eq!(whole.as_ref(), Some(&payload), "{order:?}");
            fragments.finish();
            assert_eq!((fragments.joined, fragments.incomplete), (3, 0));
            assert_eq!(fragments.held_bytes, 0);
        }
    }

    #[test]
    fn datagrams_are_kept_apart_and_repeated_fragments_do_no_harm() {
        let (one, two) = (payload(32), vec![9; 24]);
        let mut fragments = Fragments::default();
        assert_eq!(add(&mut fragments, 1, &one, 0, 16), None);
        assert_eq!(add(&mut fragments, 2, &two, 8, 24), None);
        assert_eq!(add(&mut fragments, 1, &one, 0, 16), None);
        assert_eq!(add(&mut fragments, 2, &two, 8, 24), None);
        assert_eq!(add(&mut fragments, 2, &two, 0, 8), Some(two));
        assert_eq!(add(&mut fragments, 1, &one, 16, 32), Some(one));
        assert_eq!((fragments.joined, fragments.incomplete), (4, 0));
    }

    #[test]
    fn fragments_that_contradict_each_other_give_nothing() {
        let payload = payload(64);
        let other = vec![0xff; 64];
        for (name, pieces) in [
            ("overlap", vec![(&payload, 0, 16), (&other, 8, 24), (&payload, 16, 64)]),
            ("same place, other bytes", vec![(&payload, 0, 16), (&other, 0, 16)]),
            ("inside another", vec![(&payload, 0, 32), (&other, 8, 16)]),
            ("around another", vec![(&payload, 8, 16), (&other, 0, 32)]),
        ] {
            let mut fragments = Fragments::default();
            for (payload, from, to) in &pieces {
                assert_eq!(add(&mut fragments, 1, payload, *from, *to), None, "{name}");
            }
            // Nothing that comes later mends it.
            assert_eq!(add(&mut fragments, 1, &payload, 0, 16), None, "{name}");
            assert_eq!(add(&mut fragments, 1, &payload, 16, 64), None, "{name}");
            fragments.finish();
            assert_eq!(fragments.incomplete, pieces.len() as u64 + 2, "{name}");
        }
    }

    #[test]
    fn fragments_that_no_sender_makes_give_nothing() {
        let payload = payload(64);
        let first = fragment(1, 0, true);
        for (name, second, bytes) in [
            ("nothing in it", fragment(1, 16, false), &payload[..0]),
            ("not by eights", fragment(1, 16, true), &payload[..9]),
            ("beyond the end", fragment(1, 65_528, false), &payload[..8]),
            ("an end before what is there", fragment(1, 8, false), &payload[8..16]),
        ] {
            let mut fragments = Fragments::default();
            fragments.add(first, 17, &payload[..16], NOW);
            assert_eq!(fragments.add(second, 17, bytes, NOW), None, "{name}");
            assert!(fragments.waiting.values().all(|waiting| waiting.spoilt), "{name}");
        }
    }

    /// Adds `payload[from..to]` of a datagram at a time, and says whether that made it whole.
    fn add_at(
        fragments: &mut Fragments,
        (id, at): (u32, UnixMillis),
        payload: &[u8],
        from: usize,
        to: usize,
    ) -> bool {
        let piece = fragment(id, from as u32, to < payload.len());
        fragments.add(piece, 17, &payload[from..to], at).is_some()
    }

    #[test]
    fn a_time_that_lies_ahead_keeps_nothing_from_ageing() {
        let payload = payload(24);
        let mut fragments = Fragments::default();
        let at = |secs: u64| NOW + secs * 1000;
        // A damaged time, or a clock that is set back; what comes later is by the right one.
        assert!(!add_at(&mut fragments, (1, at(3600)), &payload, 0, 8));
        assert!(!add_at(&mut fragments, (2, at(0)), &payload, 0, 8));
        // The identification comes again: what is left of the other datagram must be gone.
        assert!(!add_at(&mut fragments, (2, at(40)), &[9; 16], 0, 8));
        assert!(add_at(&mut fragments, (2, at(40)), &[9; 16], 8, 16));
        assert_eq!((fragments.incomplete, fragments.waiting.len()), (2, 0));
    }

    #[test]
    fn one_damaged_time_spoils_no_datagram() {
        let payload = payload(24);
        for damaged in [UnixMillis(u64::from(u32::MAX) * 1000), UnixMillis(0)] {
            let mut fragments = Fragments::default();
            let at = |secs: u64| NOW + secs * 1000;
            assert!(!add_at(&mut fragments, (1, at(0)), &payload, 0, 8));
            // Of the same datagram, and of another one.
            assert!(!add_at(&mut fragments, (1, damaged), &payload, 8, 16));
            assert!(add_at(&mut fragments, (1, at(1)), &payload, 16, 24), "{damaged}");
            assert!(!add_at(&mut fragments, (2, damaged), &payload, 0, 16));
            assert!(add_at(&mut fragments, (2, at(2)), &payload, 16, 24), "{damaged}");
        }
    }

    #[test]
    fn fragments_that_come_rarely_are_put_together_and_age() {
        let payload = payload(24);
        let mut fragments = Fragments::default();
        for round in 0..5 {
            let at = NOW + round * 3_600_000;
            assert!(!add_at(&mut fragments, (7, at), &payload, 0, 16));
            assert!(add_at(&mut fragments, (7, at), &payload, 16, 24), "{round}");
            // Its end never comes.
            assert!(!add_at(&mut fragments, (8, at), &payload, 0, 8), "{round}");
        }
        assert_eq!((fragments.incomplete, fragments.waiting.len()), (4, 1));
    }

    #[test]
    fn what_waits_is_limited_by_age_number_and_bytes() {
        let payload = payload(65_000);
        let mut fragments = Fragments::default();
        add(&mut fragments, 1, &payload, 0, 8);
        let late = fragment(1, 8, false);
        let later = NOW + MAX_AGE_MS + 1;
        assert_eq!(fragments.add(late, 17, &payload[8..16], later), None);
        assert_eq!((fragments.incomplete, fragments.waiting.len()), (1, 1));

        for id in 2..2 + 2 * MAX_WAITING as u32 {
            add(&mut fragments, id, &payload, 0, 8);
            assert!(fragments.waiting.len() <= MAX_WAITING);
        }
        for id in 20_000..21_000 {
            add(&mut fragments, id, &payload, 0, 64_000);
            assert!(fragments.held_bytes <= MAX_WAITING_BYTES);
        }
        assert_eq!(fragments.by_age.len(), fragments.waiting.len());
        let waiting = fragments.waiting.values().map(|waiting| waiting.packets).sum::<u64>();
        assert_eq!(fragments.incomplete + waiting, 2 + 2 * MAX_WAITING as u64 + 1000);
        fragments.finish();
        assert_eq!((fragments.held_bytes, fragments.waiting.len()), (0, 0));
    }
}
