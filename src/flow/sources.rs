//! The table of sources that a batch's rows count in.

use std::collections::HashMap;
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

/// Sources, each at a place that it keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceTable {
    list: Arc<Vec<Source>>,
    places: HashMap<Source, u32>,
    by_sender: HashMap<IpAddr, usize>,
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
        if *of_sender >= limit || self.list.len() >= MAX_SOURCES {
            if let Some(times) = FULL.again(1) {
                tracing::warn!(
                    "no room for more engines and samplings among the flows of one batch: {times} \
                     were refused, now one that {sender} sent"
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

    /// Whether one sender's share is more than there is room for.
    pub(super) fn is_nearly_full(&self) -> bool {
        self.list.len() > MAX_SOURCES - MAX_SOURCES_OF_EXPORTER
    }
}
