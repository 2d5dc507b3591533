//! What options say of things: as it was told last, and as a port has it that told it otherwise.

use std::collections::HashMap;
use std::hash::Hash;

use crate::flow::UnixMillis;

/// Of so many things ports may have told otherwise than another port since.
const MAX_OTHERWISE: usize = 1024;
/// What is told again and again is remembered anew after so long.
const AGAIN_MS: u64 = 3_600_000;

/// What was told of the things `K` of one observation domain.
#[derive(Debug, Clone)]
pub(super) struct Told<K, V> {
    newest: HashMap<K, Said<V>>,
    /// What a port told where another one told it, too, or told otherwise since.
    otherwise: HashMap<(K, u16), Said<V>>,
}

/// One value, by which UDP port and when it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said<V> {
    pub(super) value: V,
    pub(super) port: u16,
    pub(super) at: UnixMillis,
}

impl<K, V> Default for Told<K, V> {
    fn default() -> Self {
        Self { newest: HashMap::new(), otherwise: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash, V: Copy + Eq> Told<K, V> {
    /// What `port` told of `key`, else what was told last by any.
    #[inline]
    pub(super) fn get(&self, key: K, port: u16) -> Option<V> {
        // Hardly any domain has these.
        let own = if self.otherwise.is_empty() { None } else { self.otherwise.get(&(key, port)) };
        own.or_else(|| self.newest.get(&key)).map(|said| said.value)
    }

    /// The only thing of which anything was told.
    pub(super) fn only(&self) -> Option<K> {
        self.newest.keys().next().copied().filter(|_| self.newest.len() == 1)
    }

    /// How much was told.
    pub(super) fn len(&self) -> usize {
        self.newest.len() + self.otherwise.len()
    }

    /// Takes in what was said of `key`, within `limit` things; `late`, only where nothing was.
    /// Hands to `changed` what is to be remembered of it: what is the newest now, and what a port
    /// has that told otherwise.
    pub(super) fn tell(
        &mut self,
        key: K,
        said: Said<V>,
        (late, limit): (bool, usize),
        mut changed: impl FnMut(Option<u16>, Said<V>),
    ) {
        let is_full = self.newest.len() >= limit;
        let Some(known) = self.newest.get_mut(&key) else {
            if !is_full {
                self.newest.insert(key, said);
                changed(None, said);
            }
            return;
        };
        if late {
            return;
        }
        let own = self.otherwise.get_mut(&(key, said.port));
        let is_news = |known: &Said<V>| {
            known.value != said.value || said.at.0.abs_diff(known.at.0) >= AGAIN_MS
        };
        if known.port == said.port || known.value == said.value {
            if is_news(known) {
                *known = said;
                changed(None, said);
            }
            if let Some(own) = own {
                if is_news(own) {
                    *own = said;
                    changed(Some(said.port), said);
                }
            } else if known.port != said.port && self.otherwise.len() < MAX_OTHERWISE {
                // It stays with this, whatever the other port tells from now on.
                self.otherwise.insert((key, said.port), said);
                changed(Some(said.port), said);
            }
            return;
        }
        let before = std::mem::replace(known, said);
        changed(None, said);
        self.otherwise.remove(&(key, said.port));
        if self.otherwise.len() < MAX_OTHERWISE {
            self.otherwise.insert((key, before.port), before);
            changed(Some(before.port), before);
        }
    }

    /// Takes in what is remembered of `key`, within `limit` things: the newest before what a port
    /// told otherwise.
    pub(super) fn restore(&mut self, key: K, otherwise: bool, said: Said<V>, limit: usize) {
        match self.newest.get(&key) {
            None if !otherwise && self.newest.len() < limit => {
                self.newest.insert(key, said);
            }
            // What the port told before it told the newest is out of date.
            Some(newest)
                if otherwise
                    && newest.port != said.port
                    && self.otherwise.len() < MAX_OTHERWISE =>
            {
                self.otherwise.insert((key, said.port), said);
            }
            _ => {}
        }
    }

    #[cfg(test)]
    pub(super) fn fill(&mut self, keys: impl Iterator<Item = K>, value: V) {
        let said = Said { value, port: 0, at: UnixMillis(0) };
        self.newest.extend(keys.map(|key| (key, said)));
    }
}
