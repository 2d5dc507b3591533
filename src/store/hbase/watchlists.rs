//! Watch lists of a store in HBase: what is asked of them, and a look at what is written.
//!
//! Hits are written before their flows, and a row names the flow: so a flow that is there was looked
//! at, and one that is written again counts once.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::gateways::Gateways;
use super::shelf::{Kept, KeptHit, Lists, Shelf, hits_of};
use super::tables::Layout;
use crate::flow::{TimeRange, UnixMillis};
use crate::store::watchlist::{Hit, Hits, Listed, MAX_LISTS, Matcher, WatchList, in_place_of};
use crate::store::{Result, StoreError, Watch, WatchLists, WriteBatch};

/// The watch lists of the store behind gateways.
pub(super) struct StoreLists(pub(super) Gateways);

impl StoreLists {
    fn shelf(&self) -> Result<Shelf> {
        Layout::read(&self.0, &mut self.0.session())?;
        Ok(Shelf::new(&self.0))
    }
}

impl WatchLists for StoreLists {
    fn lists(&self) -> Result<Vec<Listed>> {
        let mut place = self.shelf()?;
        let lists = place.lists()?.lists;
        let listed = |kept: Kept| {
            let hits = place.hits(&kept.listed.name)?;
            Ok(kept.listed.with(&hits))
        };
        lists.into_values().map(listed).collect()
    }

    fn hits(&self, name: &str) -> Result<Option<Vec<Hit>>> {
        let mut place = self.shelf()?;
        let Some(kept) = place.lists()?.lists.remove(name) else { return Ok(None) };
        let list = place.read(&kept)?;
        Ok(Some(place.hits(name)?.told(&list)))
    }

    fn list(&self, name: &str) -> Result<Option<WatchList>> {
        let mut place = self.shelf()?;
        let kept = place.lists()?.lists.remove(name);
        kept.map(|kept| place.read(&kept)).transpose()
    }

    fn add(&self, list: &WatchList, watch: &Watch) -> Result<()> {
        let mut place = self.shelf()?;
        let mut lists = place.lists()?;
        let known = lists.lists.get(&list.name).cloned();
        if known.is_none() && lists.lists.len() >= MAX_LISTS {
            let detail = format!("there are {MAX_LISTS} lists, and room for no more");
            return Err(StoreError::refused(self.0.location().to_string(), "watch", detail));
        }
        // What is damaged is replaced.
        let before = known.as_ref().and_then(|known| place.read(known).ok());
        let list = in_place_of(list, before.as_ref(), &mut Hits::default());
        let fresh: HashSet<String> = list.fresh().map(ToString::to_string).collect();
        place.delete(&hits_of(&list.name), |hit| {
            let hit: Result<KeptHit, _> = serde_json::from_slice(hit);
            known.is_none() || hit.map_or(true, |hit| fresh.contains(&hit.indicator))
        })?;
        lists.revision += 1;
        let since = lists.revision;
        let new = place.write(&list, since)?;
        lists.lists.insert(list.name.clone(), new.clone());
        place.put_lists(&lists)?;
        place.forget(known.as_ref())?;
        if fresh.is_empty() {
            return Ok(());
        }
        // Whoever writes from now on looks at what he writes, or looks again when he commits.
        let list = Arc::new(list);
        place.hunt(&Matcher::of_fresh(Arc::clone(&list)), TimeRange::ALL, watch)?;
        let sought = place.write(&Arc::unwrap_or_clone(list).sought(), since)?;
        let mut lists = place.lists()?;
        match lists.lists.get_mut(&sought.listed.name) {
            Some(known) if known.since == since => *known = sought,
            // Another one has its name by now, or none.
            _ => return place.forget(Some(&sought)),
        }
        place.put_lists(&lists)?;
        place.forget(Some(&new))
    }

    fn remove(&self, name: &str) -> Result<bool> {
        let mut place = self.shelf()?;
        let mut lists = place.lists()?;
        let Some(known) = lists.lists.remove(name) else { return Ok(false) };
        lists.revision += 1;
        place.put_lists(&lists)?;
        place.delete(&hits_of(name), |_| true)?;
        place.forget(Some(&known))?;
        Ok(true)
    }
}

/// Looks at what is written.
pub(super) struct Looking {
    shelf: Shelf,
    lists: Lists,
    matchers: BTreeMap<String, Arc<Matcher>>,
    /// From when to when flows began that were written since it was seen which lists there are.
    written: Option<(UnixMillis, UnixMillis)>,
    /// Hits that nobody was told of.
    pub(super) hits: u64,
}

impl Looking {
    pub(super) fn open(gateways: &Gateways) -> Result<Self> {
        let (shelf, lists) = (Shelf::new(gateways), Lists::default());
        let matchers = BTreeMap::new();
        let mut looking = Self { shelf, lists, matchers, written: None, hits: 0 };
        looking.catch_up()?;
        Ok(looking)
    }

    /// Keeps what flows hit that are to be written next.
    pub(super) fn look(&mut self, batch: &WriteBatch) -> Result<()> {
        for flows in [&batch.v4, &batch.v6] {
            let firsts = flows.first_ms.iter().copied().map(UnixMillis);
            if let Some((first, last)) = firsts.clone().min().zip(firsts.max()) {
                let (known_first, known_last) = self.written.unwrap_or((first, last));
                self.written = Some((first.min(known_first), last.max(known_last)));
            }
            for matcher in self.matchers.values() {
                let found = matcher.look(flows);
                if !found.is_empty() {
                    self.shelf.enter(matcher, flows, &found)?;
                    self.hits += found.len() as u64;
                }
            }
        }
        Ok(())
    }

    /// Sees which lists there are by now. For those that came since it was last seen, what was written
    /// meanwhile is looked through again.
    pub(super) fn catch_up(&mut self) -> Result<()> {
        let lists = self.shelf.lists()?;
        if lists.revision != self.lists.revision {
            match self.matchers_of(&lists) {
                Ok(matchers) => (self.lists, self.matchers) = (lists, matchers),
                // A list may just be replaced. Flows are worth more: the next commit tries again.
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::warn!("watch lists are as they were: {error}");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.written = None;
        Ok(())
    }

    fn matchers_of(&mut self, lists: &Lists) -> Result<BTreeMap<String, Arc<Matcher>>> {
        let mut matchers = BTreeMap::new();
        for (name, kept) in &lists.lists {
            let known = self.lists.lists.get(name).filter(|known| known.since == kept.since);
            let matcher = match known.and_then(|_| self.matchers.get(name)) {
                Some(matcher) => Arc::clone(matcher),
                None => Arc::new(self.begin(kept)?),
            };
            matchers.insert(name.clone(), matcher);
        }
        Ok(matchers)
    }

    fn begin(&mut self, kept: &Kept) -> Result<Matcher> {
        let matcher = Matcher::new(Arc::new(self.shelf.read(kept)?));
        if let Some((first, last)) = self.written {
            let time = TimeRange { since: first, until: last + 1 };
            self.shelf.hunt(&matcher, time, &Watch::default())?;
        }
        Ok(matcher)
    }
}
