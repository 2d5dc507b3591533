//! Watch lists of a store in HBase: what is asked of them, and a look at what is written.
//!
//! Hits are written before their flows, and a row names the flow: so a flow that is there was looked
//! at, and one that is written again counts once.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
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
        let lists = place.lists()?.by_name;
        let listed = |kept: Kept| {
            let hits = place.hits(&kept.listed.name)?;
            Ok(kept.listed.with(&hits))
        };
        lists.into_values().map(listed).collect()
    }

    fn list_names(&self) -> Result<Vec<String>> {
        Ok(self.shelf()?.lists()?.by_name.into_keys().collect())
    }

    fn hits(&self, name: &str) -> Result<Option<Vec<Hit>>> {
        let mut place = self.shelf()?;
        let Some(kept) = place.lists()?.by_name.remove(name) else { return Ok(None) };
        let list = place.read(&kept)?;
        Ok(Some(place.hits(name)?.told(&list)))
    }

    fn list(&self, name: &str) -> Result<Option<WatchList>> {
        let mut place = self.shelf()?;
        let kept = place.lists()?.by_name.remove(name);
        kept.map(|kept| place.read(&kept)).transpose()
    }

    fn add(&self, list: &WatchList, watch: &Watch) -> Result<()> {
        let mut place = self.shelf()?;
        let (list, new) = self.begin_to_watch(&mut place, list)?;
        if list.fresh().next().is_none() {
            return Ok(());
        }
        // Whoever writes from now on looks at what he writes, or looks again when he commits.
        let list = Arc::new(list);
        place.hunt(&Matcher::of_fresh(Arc::clone(&list)), TimeRange::ALL, watch)?;
        let sought = place.write(&Arc::unwrap_or_clone(list).sought(), new.since)?;
        self.in_turn(&mut place, |place, lists| {
            match lists.by_name.get_mut(&sought.listed.name) {
                Some(known) if known.since == sought.since => *known = sought.clone(),
                // Another one has its name by now, or none.
                _ => {
                    place.forget(Some(&sought))?;
                    return Ok(Turn::Not(()));
                }
            }
            Ok(Turn::Put(()))
        })?;
        place.forget(Some(&new))
    }

    fn remove(&self, name: &str) -> Result<bool> {
        let mut place = self.shelf()?;
        let known = self.in_turn(&mut place, |place, lists| {
            let Some(known) = lists.by_name.remove(name) else { return Ok(Turn::Not(None)) };
            // Before anybody can add one of this name: hits from then on are that one's. What somebody
            // writes meanwhile who still knows the list goes when there is one of its name again. Who ends
            // in between leaves a list without the hits of before, to be removed again.
            place.delete(&hits_of(name), |_| true)?;
            lists.revision += 1;
            Ok(Turn::Put(Some(known)))
        })?;
        let Some(known) = known else { return Ok(false) };
        place.forget(Some(&known))?;
        Ok(true)
    }
}

/// So often it is tried to change which lists there are, while others do.
const MAX_TURNS: usize = 100;

/// What becomes of lists that were changed, and what is told of it.
enum Turn<T> {
    Put(T),
    Not(T),
}

impl StoreLists {
    /// Has `change` change which lists there are, and does so again from what there is then where somebody
    /// else changed it meanwhile.
    fn in_turn<T>(
        &self,
        place: &mut Shelf,
        mut change: impl FnMut(&mut Shelf, &mut Lists) -> Result<Turn<T>>,
    ) -> Result<T> {
        for _ in 0..MAX_TURNS {
            let mut lists = place.lists()?;
            match change(place, &mut lists)? {
                Turn::Not(told) => return Ok(told),
                Turn::Put(told) if place.put_lists(&lists)? => return Ok(told),
                Turn::Put(_) => {}
            }
        }
        Err(self.refused("others change the lists all the time".to_owned()))
    }

    fn refused(&self, detail: String) -> StoreError {
        StoreError::refused(self.0.location().to_string(), "watch", detail)
    }

    /// Has all who write look for `list` from now on; the list with what is to be looked for in what was
    /// written before, and where it is.
    fn begin_to_watch(&self, place: &mut Shelf, list: &WatchList) -> Result<(WatchList, Kept)> {
        // What was written in a turn in vain, and the hits that were deleted in it.
        let (mut vain, mut deleted) = (None::<Kept>, HashSet::new());
        let (list, known, new) = self.in_turn(place, |place, lists| {
            place.forget(vain.take().as_ref())?;
            let known = lists.by_name.get(&list.name).cloned();
            if known.is_none() && lists.by_name.len() >= MAX_LISTS {
                let detail = format!("there are {MAX_LISTS} lists, and room for no more");
                return Err(self.refused(detail));
            }
            // What is damaged is replaced.
            let before = known.as_ref().and_then(|known| place.read(known).ok());
            let mut list = in_place_of(list, before.as_ref(), &mut Hits::default());
            for indicator in list.indicators.iter_mut().filter(|_| !deleted.is_empty()) {
                indicator.fresh |= deleted.contains(&indicator.to_string());
            }
            deleted.extend(list.fresh().map(ToString::to_string));
            place.delete(&hits_of(&list.name), |hit| {
                let hit: Result<KeptHit, _> = serde_json::from_slice(hit);
                known.is_none() || hit.map_or(true, |hit| deleted.contains(&hit.indicator))
            })?;
            lists.revision += 1;
            let new = place.write(&list, RandomState::new().hash_one(lists.revision))?;
            lists.by_name.insert(list.name.clone(), new.clone());
            vain = Some(new.clone());
            Ok(Turn::Put((list, known, new)))
        })?;
        place.forget(known.as_ref())?;
        Ok((list, new))
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
            let (matchers, all) = self.matchers_of(&lists)?;
            let revision = if all { lists.revision } else { self.lists.revision };
            (self.lists, self.matchers) = (Lists { revision, ..lists }, matchers);
            if !all {
                // The next commit tries again, and looks at what was written since.
                return Ok(());
            }
        }
        self.written = None;
        Ok(())
    }

    /// What looks for each of `lists`, and whether that is all of them.
    fn matchers_of(&mut self, lists: &Lists) -> Result<(BTreeMap<String, Arc<Matcher>>, bool)> {
        let (mut matchers, mut all) = (BTreeMap::new(), true);
        for (name, kept) in &lists.by_name {
            let known = self.lists.by_name.get(name).filter(|known| known.since == kept.since);
            let matcher = match known.and_then(|_| self.matchers.get(name)) {
                Some(matcher) => Arc::clone(matcher),
                None => match self.begin(kept) {
                    Ok(matcher) => Arc::new(matcher),
                    // It may just be replaced. Flows are worth more, and so are the other lists.
                    Err(error @ StoreError::Damaged { .. }) => {
                        tracing::warn!("the list {name} is not watched for: {error}");
                        all = false;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            matchers.insert(name.clone(), matcher);
        }
        Ok((matchers, all))
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
