//! How many peers a key dealt with in each window.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use crate::aggregate::Aggregate;
use crate::flow::{Column, Columns, FlowBatch};
use crate::store::Result;

/// So many peers are told apart in all.
const MOST: usize = 1_000_000;

/// Peers by window.
pub(super) struct Peers {
    window_ms: u64,
    /// Whether the peers are those that flows come from.
    are_sources: bool,
    by_window: BTreeMap<u64, HashSet<IpAddr>>,
    count: usize,
}

impl Peers {
    pub(super) const COLUMNS: Columns = Columns::of(&[Column::First, Column::Src, Column::Dst]);

    pub(super) fn new(window_ms: u64, are_sources: bool) -> Self {
        Self { window_ms, are_sources, by_window: BTreeMap::new(), count: 0 }
    }

    /// How many there were in the window that begins then.
    pub(super) fn at(&self, since_ms: u64) -> u64 {
        self.by_window.get(&(since_ms / self.window_ms)).map_or(0, |peers| peers.len() as u64)
    }

    fn add(&mut self, window: u64, peer: IpAddr) {
        if self.count < MOST && self.by_window.entry(window).or_default().insert(peer) {
            self.count += 1;
        }
    }
}

impl Aggregate for Peers {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        for row in 0..flows.len() {
            let peer = if self.are_sources { flows.src.get(row) } else { flows.dst.get(row) };
            self.add(flows.first_ms[row] / self.window_ms, peer);
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        for (window, peers) in other.by_window {
            for peer in peers {
                self.add(window, peer);
            }
        }
        Ok(())
    }
}
