//! The table of sources that a batch's rows count in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::Source;

/// So many sources are told apart. Engines and sampling come over the network, so a forger could
/// make any number of them.
pub const MAX_SOURCES: usize = 65_536;
/// So many of one exporter, so that it does not take the room of all others. Records that say
/// themselves how they were sampled make at most half of them.
pub const MAX_SOURCES_OF_EXPORTER: usize = 8192;

/// Sources, each at a place that it keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceTable {
    list: Arc<Vec<Source>>,
    places: HashMap<Source, u32>,
    by_exporter: HashMap<IpAddr, usize>,
}

impl SourceTable {
    /// The place of `source`, which is entered if it is new; None if there is no room for it.
    pub(super) fn place(&mut self, source: Source) -> Option<u32> {
        self.place_within(source, MAX_SOURCES_OF_EXPORTER)
    }

    /// Likewise of one whose sampling a record says itself.
    pub(super) fn place_of_record(&mut self, source: Source) -> Option<u32> {
        self.place_within(source, MAX_SOURCES_OF_EXPORTER / 2)
    }

    fn place_within(&mut self, source: Source, limit: usize) -> Option<u32> {
        if let Some(&place) = self.places.get(&source) {
            return Some(place);
        }
        if self.list.len() >= MAX_SOURCES {
            return None;
        }
        let of_exporter = self.by_exporter.entry(source.exporter).or_default();
        if *of_exporter >= limit {
            return None;
        }
        *of_exporter += 1;
        let place = self.list.len() as u32;
        Arc::make_mut(&mut self.list).push(source);
        self.places.insert(source, place);
        Some(place)
    }

    /// Every source so far, in place.
    pub(super) fn list(&self) -> Arc<Vec<Source>> {
        Arc::clone(&self.list)
    }
}
