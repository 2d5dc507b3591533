//! The table of sources that a batch's rows count in.

use std::collections::HashMap;
use std::sync::Arc;

use super::Source;

/// So many sources are told apart. Engines and sampling come over the network, so a forger could
/// make any number of them.
pub const MAX_SOURCES: usize = 65_536;

/// Sources, each at a place that it keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceTable {
    list: Arc<Vec<Source>>,
    places: HashMap<Source, u32>,
}

impl SourceTable {
    /// The place of `source`, which is entered if it is new; None if there is no room for it.
    pub(super) fn place(&mut self, source: Source) -> Option<u32> {
        if let Some(&place) = self.places.get(&source) {
            return Some(place);
        }
        if self.list.len() >= MAX_SOURCES {
            return None;
        }
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
