//! A table that forgets what was entered longest ago.

use std::collections::HashMap;
use std::sync::Arc;

use super::FlowKey;

/// A table of two ages: what was entered since the younger one was begun, and what was before. Once
/// the younger one is full, the older one is forgotten. A session is kept with every commit, so
/// both are shared until they change.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ages<V> {
    young: Arc<HashMap<FlowKey, V>>,
    old: Arc<HashMap<FlowKey, V>>,
}

impl<V> Default for Ages<V> {
    fn default() -> Self {
        Self { young: Arc::default(), old: Arc::default() }
    }
}

impl<V: Copy> Ages<V> {
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn contains(&self, key: FlowKey) -> bool {
        self.young.contains_key(&key) || self.old.contains_key(&key)
    }

    /// Takes the value of `key` out.
    pub(super) fn take(&mut self, key: FlowKey) -> Option<V> {
        Arc::make_mut(self.table(key)?).remove(&key)
    }

    pub(super) fn get_mut(&mut self, key: FlowKey) -> Option<&mut V> {
        Arc::make_mut(self.table(key)?).get_mut(&key)
    }

    /// Enters the value of a key that has none; gives how many others were forgotten for it, of
    /// which so many are kept at least.
    pub(super) fn put(&mut self, key: FlowKey, value: V, at_least: usize) -> usize {
        Arc::make_mut(&mut self.young).insert(key, value);
        if self.young.len() >= at_least { self.grow_older() } else { 0 }
    }

    /// Forgets the older half, and says how many that were.
    pub(super) fn grow_older(&mut self) -> usize {
        let forgotten = self.old.len();
        self.old = std::mem::take(&mut self.young);
        forgotten
    }

    fn table(&mut self, key: FlowKey) -> Option<&mut Arc<HashMap<FlowKey, V>>> {
        [&mut self.young, &mut self.old].into_iter().find(|table| table.contains_key(&key))
    }
}
