//! The table of sources that a batch's rows count in.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::{Seldom, Source, UnixMillis, giving_way, saturated_u32};

/// So many sources are told apart in one table. Engines and sampling come over the network, so a
/// forger could make any number of them.
pub const MAX_SOURCES: usize = 65_536;
/// So many of what one address sends, whatever exporters it claims to speak for, so that it does
/// not take the room of all others. Records that say themselves how they were sampled make at most
/// half of them.
pub const MAX_SOURCES_OF_EXPORTER: usize = 8192;

/// So many sources one address may claim for others, as agents of sFlow do: those that it spoke for
/// within `UNUSED_HOURS`. Of its own it has what a table gives it; what it claims is new every
/// time, and stores keep the source of every flow.
pub const MAX_CLAIMED_SOURCES: usize = 16_384;
/// So many that are claimed are remembered of all of them together.
const MAX_ALL_CLAIMED_SOURCES: usize = 32_768;
/// For so many more there is room once some were forgotten.
const ROOM: usize = 4096;
/// What was not spoken for in so long counts in nobody's share.
const UNUSED_HOURS: u64 = 24;
const HOUR_MS: u64 = 3_600_000;

/// Sources, each at a place that it keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceTable {
    list: Arc<Vec<Source>>,
    places: HashMap<Source, u32>,
    by_sender: HashMap<IpAddr, usize>,
    /// Those that others than their exporters sent, and these did not.
    claimed_here: HashSet<Source>,
    /// Outlives the table.
    claimed: Claimed,
}

impl SourceTable {
    /// The place of `source`, which is entered if it is new; None if there is no room for it.
    pub(super) fn place(&mut self, source: Source, sender: IpAddr) -> Option<u32> {
        self.place_within(source, sender, MAX_SOURCES_OF_EXPORTER)
    }

    /// Likewise of one whose sampling a record says itself.
    pub(super) fn place_of_record(&mut self, source: Source, sender: IpAddr) -> Option<u32> {
        self.place_within(source, sender, MAX_SOURCES_OF_EXPORTER / 2)
    }

    fn place_within(&mut self, source: Source, sender: IpAddr, limit: usize) -> Option<u32> {
        static FULL: Seldom = Seldom::new();
        if let Some(&place) = self.places.get(&source) {
            if sender == source.exporter {
                self.claimed_here.remove(&source);
            }
            return Some(place);
        }
        let of_sender = self.by_sender.entry(sender).or_default();
        let is_full = *of_sender >= limit || self.list.len() >= MAX_SOURCES;
        let hour = || UnixMillis::now().0 / HOUR_MS;
        if is_full || sender != source.exporter && !self.claimed.enter(source, sender, hour()) {
            if let Some(times) = FULL.again(1) {
                tracing::warn!(
                    "no room for more engines and samplings: {times} were refused, now one that \
                     {sender} sent"
                );
            }
            return None;
        }
        *of_sender += 1;
        if sender != source.exporter {
            self.claimed_here.insert(source);
        }
        let place = saturated_u32(self.list.len());
        Arc::make_mut(&mut self.list).push(source);
        self.places.insert(source, place);
        Some(place)
    }

    /// Every source so far, in place.
    pub(super) fn list(&self) -> Arc<Vec<Source>> {
        Arc::clone(&self.list)
    }

    /// Those of [`Self::list`] that only others than their exporters sent.
    pub(super) fn claimed(&self) -> &HashSet<Source> {
        &self.claimed_here
    }

    /// Every source so far; the table begins anew.
    pub(super) fn take(&mut self) -> Arc<Vec<Source>> {
        let claimed = std::mem::take(&mut self.claimed);
        std::mem::replace(self, Self { claimed, ..Self::default() }).list
    }

    /// Whether one sender's share is more than there is room for.
    pub(super) fn is_nearly_full(&self) -> bool {
        self.list.len() > MAX_SOURCES - MAX_SOURCES_OF_EXPORTER
    }
}

/// What addresses claimed that are others', by who did.
#[derive(Debug, Clone, Default)]
struct Claimed {
    // A session is kept with every commit, and this seldom changes.
    by_sender: Arc<HashMap<IpAddr, OfSender>>,
    all: usize,
}

/// What one address claimed.
#[derive(Debug, Clone, Default)]
struct OfSender {
    /// The hour in which it was last.
    heard: HashMap<Source, u64>,
    /// The hour in which it was last seen whether any of it is unused.
    looked: u64,
}

impl Claimed {
    /// Whether `sender` may claim `source`, once more or for the first time, in this hour.
    fn enter(&mut self, source: Source, sender: IpAddr, hour: u64) -> bool {
        let of_sender = self.by_sender.get(&sender);
        let heard = of_sender.and_then(|of| of.heard.get(&source));
        if heard == Some(&hour) {
            return true;
        }
        if heard.is_none() {
            if of_sender.is_some_and(|of| of.heard.len() >= MAX_CLAIMED_SOURCES)
                && !self.forget_unused(sender, hour)
            {
                return false;
            }
            if self.all >= MAX_ALL_CLAIMED_SOURCES {
                self.make_room();
            }
            self.all += 1;
        }
        let of_sender = Arc::make_mut(&mut self.by_sender).entry(sender).or_default();
        of_sender.heard.insert(source, hour);
        true
    }

    /// Forgets what `sender` does not speak for any more; whether that was anything.
    fn forget_unused(&mut self, sender: IpAddr, hour: u64) -> bool {
        // A forger is refused again and again: it is looked for once an hour.
        if self.by_sender.get(&sender).is_none_or(|of| of.looked == hour) {
            return false;
        }
        let of_sender = Arc::make_mut(&mut self.by_sender).entry(sender).or_default();
        of_sender.looked = hour;
        let before = of_sender.heard.len();
        of_sender.heard.retain(|_, heard| *heard + UNUSED_HOURS >= hour);
        let gone = before - of_sender.heard.len();
        self.all -= gone;
        gone > 0
    }

    /// Forgets what those claimed who claimed most. It may be claimed again.
    fn make_room(&mut self) {
        static FULL: Seldom = Seldom::new();
        let entries = self.by_sender.iter().flat_map(|(&sender, of)| {
            of.heard.iter().map(move |(&source, &heard)| (sender, heard, source))
        });
        let gone = giving_way(entries.collect(), MAX_ALL_CLAIMED_SOURCES - ROOM);
        if let (Some(times), Some((most, _))) = (FULL.again(gone.len() as u64), gone.first()) {
            tracing::warn!(
                "many addresses speak for other exporters: of what they claimed {times} were \
                 forgotten, now what {most} did, which claimed most"
            );
        }
        self.all -= gone.len();
        let by_sender = Arc::make_mut(&mut self.by_sender);
        for (sender, source) in gone {
            if let Some(of_sender) = by_sender.get_mut(&sender) {
                of_sender.heard.remove(&source);
            }
        }
        by_sender.retain(|_, of| !of.heard.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Sampling;

    #[test]
    fn what_a_sender_claims_for_others_is_limited_over_all_batches() {
        let mut table = SourceTable::default();
        let sender = |number: u8| IpAddr::from([192, 0, 2, number]);
        let source = |exporter, engine| Source { exporter, engine, sampling: Sampling::default() };
        let agent = |number: u32| IpAddr::from(number.to_be_bytes());
        let part = MAX_CLAIMED_SOURCES as u32 / 4;
        for batch in 0..6 {
            for number in batch * part..(batch + 1) * part {
                let placed = table.place(source(agent(number), 0), sender(1)).is_some();
                assert_eq!(placed, batch < 4, "{number}");
            }
            // What was claimed before may be again.
            assert!(table.place(source(agent(7), 0), sender(1)).is_some());
            // It has its own share for itself, and others have theirs.
            assert!(table.place(source(sender(1), batch), sender(1)).is_some());
            assert!(table.place(source(agent(batch), 1), sender(2)).is_some());
            let expected = if batch < 4 { part } else { 0 } + 3 - u32::from(batch == 0);
            assert_eq!(table.take().len() as u32, expected);
        }
        for forger in 3..20 {
            for number in 0..MAX_CLAIMED_SOURCES as u32 {
                table.place(source(agent(number), forger), sender(forger as u8));
                if number % part == 0 {
                    table.take();
                }
            }
        }
        assert!(table.claimed.all <= MAX_ALL_CLAIMED_SOURCES);
        assert!(table.place(source(sender(30), 1), sender(30)).is_some());
    }

    fn claimed_by(number: u8, agent: u32) -> (Source, IpAddr) {
        let exporter = IpAddr::from(agent.to_be_bytes());
        let source = Source { exporter, engine: 0, sampling: Sampling::default() };
        (source, IpAddr::from([192, 0, 2, number]))
    }

    #[test]
    fn an_agent_is_placed_after_forgers_claimed_all_there_is() {
        let mut table = SourceTable::default();
        for forger in 1..=2 {
            for agent in 0..MAX_CLAIMED_SOURCES as u32 {
                let (source, sender) = claimed_by(forger, agent);
                table.place(source, sender);
                if agent % 4096 == 4095 {
                    table.take();
                }
            }
        }
        assert_eq!(table.claimed.all, MAX_ALL_CLAIMED_SOURCES);
        let (agent, sender) = claimed_by(3, u32::MAX);
        assert!(table.place(agent, sender).is_some());
        // It is still known when the forgers fill the room again.
        for agent in 0..MAX_CLAIMED_SOURCES as u32 {
            let (source, sender) = claimed_by(4, agent);
            assert!(table.claimed.enter(source, sender, 0));
        }
        assert!(table.claimed.by_sender[&sender].heard.contains_key(&agent));
        let all = table.claimed.by_sender.values().map(|of| of.heard.len()).sum::<usize>();
        assert_eq!(table.claimed.all, all);
        assert!(all <= MAX_ALL_CLAIMED_SOURCES);
    }

    #[test]
    fn what_an_exporter_sends_itself_is_not_claimed_whoever_came_first() {
        let mut table = SourceTable::default();
        let (first, forger) = claimed_by(1, 1);
        let (second, _) = claimed_by(1, 2);
        table.place(first, forger);
        table.place(second, forger);
        table.place(second, second.exporter);
        table.place(second, forger);
        table.place(Source { engine: 1, ..first }, first.exporter);
        assert_eq!(*table.claimed(), HashSet::from([first]));
        table.take();
        assert!(table.claimed().is_empty());
    }

    #[test]
    fn what_an_address_does_not_speak_for_any_more_makes_room_for_what_it_does() {
        let mut claimed = Claimed::default();
        let mut enter = |agent: usize, hour| {
            let (source, sender) = claimed_by(1, agent as u32);
            claimed.enter(source, sender, hour)
        };
        assert!((0..MAX_CLAIMED_SOURCES).all(|agent| enter(agent, 100)));
        assert!(!enter(MAX_CLAIMED_SOURCES, 100));
        assert!((0..10).all(|agent| enter(agent, 101)));
        assert!(!enter(MAX_CLAIMED_SOURCES, 100 + UNUSED_HOURS));
        let next = MAX_CLAIMED_SOURCES..2 * MAX_CLAIMED_SOURCES - 10;
        assert!(next.clone().all(|agent| enter(agent, 101 + UNUSED_HOURS)));
        assert!(!enter(next.end, 101 + UNUSED_HOURS));
        assert_eq!(claimed.all, MAX_CLAIMED_SOURCES);
    }
}
