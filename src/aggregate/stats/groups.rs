//! Sums by a key that input can choose: the least keys are told apart, the others are one.

use std::collections::BTreeMap;

use crate::aggregate::FlowTotals;

/// So many exporters, and so many days, are told apart: a hundred and eighty years.
pub const MAX_GROUPS: usize = 65_536;

/// The totals of the [`MAX_GROUPS`] least keys, and those of all others together.
///
/// A key that had to go never comes back, for there are as many lesser ones ever after. So which
/// ones are kept does not depend on the order in which they come.
#[derive(Debug)]
pub(super) struct Groups<K> {
    least: BTreeMap<K, FlowTotals>,
    others: FlowTotals,
    most: usize,
}

impl<K: Ord> Groups<K> {
    pub(super) fn new(most: usize) -> Self {
        Self { least: BTreeMap::new(), others: FlowTotals::default(), most }
    }

    pub(super) fn add(&mut self, key: K, totals: &FlowTotals) {
        let known = self.least.entry(key).or_default();
        *known = known.and(totals);
        if self.least.len() > self.most
            && let Some((_, greatest)) = self.least.pop_last()
        {
            self.others = self.others.and(&greatest);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (key, totals) in other.least {
            self.add(key, &totals);
        }
        self.others = self.others.and(&other.others);
    }

    /// The groups in the order of their keys, and the others.
    pub(super) fn finish(self) -> (impl Iterator<Item = (K, FlowTotals)>, FlowTotals) {
        (self.least.into_iter(), self.others)
    }
}

impl<K: Ord> Default for Groups<K> {
    fn default() -> Self {
        Self::new(MAX_GROUPS)
    }
}
