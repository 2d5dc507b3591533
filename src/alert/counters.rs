//! How many alerts were raised, and how messages went, since the process began.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Fate, Source};

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often alerts were raised, by source.
    pub raised: BTreeMap<Source, u64>,
    /// By way.
    pub ways: BTreeMap<String, WayCounts>,
}

/// What is counted of a way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WayCounts {
    /// Messages that were taken.
    pub sent: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Messages that were given up.
    pub undelivered: u64,
    /// Messages that wait, where that can be told.
    pub waiting: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<Counts>);

impl Counters {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts from nothing for each of these ways, so that one that is never used is told, too.
    pub(super) fn know<'a>(&self, ways: impl Iterator<Item = &'a str>) {
        let mut counts = self.lock();
        for way in ways {
            counts.ways.entry(way.to_owned()).or_default();
        }
    }

    pub(super) fn raised(&self, source: Source) {
        *self.lock().raised.entry(source).or_default() += 1;
    }

    pub(super) fn overflowed(&self, way: &str) {
        self.lock().ways.entry(way.to_owned()).or_default().undelivered += 1;
    }

    pub(super) fn settled(&self, way: &str, fate: &Fate) {
        let mut counts = self.lock();
        let way = counts.ways.entry(way.to_owned()).or_default();
        match fate {
            Fate::Sent(_) => way.sent += 1,
            Fate::Again(..) => way.failed += 1,
            Fate::GivenUp(_) => {
                way.failed += 1;
                way.undelivered += 1;
            }
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }
}
