//! The table of sources that a batch's rows count in.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::{Seldom, Source};

/// So many sources are told apart in one table. Engines and sampling come over the network, so a
/// forger could make any number of them.
pub const MAX_SOURCES: usize = 65_536;
/// So many of what one address sends, whatever exporters it claims to speak for, so that it does
/// not take the room of all others. Records that say themselves how they were sampled make at most
/// half of them.
pub const MAX_SOURCES_OF_EXPORTER: usize = 8192;

/// So many sources one address may claim for others, as agents of sFlow do, as long as the session
/// lasts. Of its own it has what a table gives it; what it claims is new every time, and stores keep
/// the source of every flow.
pub const MAX_CLAIMED_SOURCES: usize = 16_384;
/// So many are claimed by all of them together.
const MAX_ALL_CLAIMED_SOURCES: usize = 32_768;

/// Sources, each at a place that it keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceTable {
    list: Arc<Vec<Source>>,
    places: HashMap<Source, u32>,
    by_sender: HashMap<IpAddr, usize>,
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
            return Some(place);
        }
        let of_sender = self.by_sender.entry(sender).or_default();
        let is_full = *of_sender >= limit || self.list.len() >= MAX_SOURCES;
        if is_full || sender != source.exporter && !self.claimed.enter(source, sender) {
            if let Some(times) = FULL.again(1) {
                tracing::warn!(
                    "no room for more engines and samplings: {times} were refused, now one that \
                     {sender} sent"
                );
            }
            return None;
        }
        *of_sender += 1;
        let place = self.list.len() as u32;
        Arc::make_mut(&mut self.list).push(source);
        self.places.insert(source, place);
        Some(place)
    }

    /// Every source so far, in place.
    pub(super) fn list(&self) -> Arc<Vec<Source>> {
        Arc::clone(&self.list)
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
    by_sender: Arc<HashMap<IpAddr, HashSet<Source>>>,
    all: usize,
}

impl Claimed {
    /// Whether `sender` may claim `source`, once more or for the first time.
    fn enter(&mut self, source: Source, sender: IpAddr) -> bool {
        let of_sender = self.by_sender.get(&sender);
        if of_sender.is_some_and(|claimed| claimed.contains(&source)) {
            return true;
        }
        let count = of_sender.map_or(0, HashSet::len);
        if count >= MAX_CLAIMED_SOURCES || self.all >= MAX_ALL_CLAIMED_SOURCES {
            return false;
        }
        self.all += 1;
        Arc::make_mut(&mut self.by_sender).entry(sender).or_default().insert(source)
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
        assert_eq!(table.claimed.all, MAX_ALL_CLAIMED_SOURCES);
        assert!(table.place(source(sender(30), 1), sender(30)).is_some());
    }
}
