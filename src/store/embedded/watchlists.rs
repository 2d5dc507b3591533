//! Watch lists, and what was hit of each: files of their own, which the manifest names. So flows and
//! their hits are there together or not at all, and of a commit nothing counts twice.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::checked;
use super::folder::commit::{Draft, NotCommitted};
use super::folder::file_names::{WATCH_LOCK, hits_name, list_name};
use super::folder::lock::{Held, Turn};
use super::folder::manifest::{Manifest, Watched};
use super::snapshot::EmbeddedSnapshot;
use super::store::EmbeddedStore;
use crate::flow::TimeRange;
use crate::store::watchlist::{
    Hit, Hits, Listed, MAX_LISTS, Matcher, WatchList, hunt_hits, in_place_of,
};
use crate::store::{Result, StoreError, Watch, WatchLists, WriteBatch};

/// Looks at what is written; what it read of lists and hits it keeps.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// By the names of the files.
    matchers: HashMap<String, Matcher>,
    hits: HashMap<String, Hits>,
}

impl Looking {
    /// Looks at the flows of `batch`, which `draft` is to commit, and has it commit what was hit as
    /// well. How many hits there are.
    pub(super) fn look(
        &mut self,
        dir: &Path,
        draft: &mut Draft,
        batch: &WriteBatch,
    ) -> Result<u64> {
        let manifest = &mut draft.manifest;
        let named = |name: &String| {
            let mut files = manifest.watched.iter().flat_map(Watched::file_names);
            files.any(|file| file == name)
        };
        self.matchers.retain(|name, _| named(name));
        self.hits.retain(|name, _| named(name));
        let mut count = 0;
        for (place, watched) in manifest.watched.iter_mut().enumerate() {
            match self.look_for(dir, (manifest.number, place), watched, batch) {
                Ok(hits) => count += hits,
                // Flows are worth more; whoever asks for the list is told, and so is who verifies.
                Err(error) if is_damaged(&error) => {
                    tracing::warn!("the list {} is not watched for: {error}", watched.listed.name);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    fn look_for(
        &mut self,
        dir: &Path,
        number: (u64, usize),
        watched: &mut Watched,
        batch: &WriteBatch,
    ) -> Result<u64> {
        if !self.matchers.contains_key(&watched.list) {
            let list: WatchList = checked::read_existing(&dir.join(&watched.list))?;
            self.matchers.insert(watched.list.clone(), Matcher::new(Arc::new(list)));
        }
        let Some(matcher) = self.matchers.get(&watched.list) else { return Ok(0) };
        let (mut more, mut count) = (Hits::default(), 0);
        for flows in [&batch.v4, &batch.v6] {
            let found = matcher.look(flows);
            count += found.len() as u64;
            more.merge(Hits::of(matcher.list(), flows, &found));
        }
        if count > 0 {
            let known = watched.hits.as_ref().and_then(|name| self.hits.remove(name));
            let mut hits = known.map_or_else(|| read_hits(dir, watched), Ok)?;
            hits.merge(more);
            let name = hits_name(number);
            checked::write(&dir.join(&name), &hits)?;
            self.hits.insert(name.clone(), hits);
            watched.hits = Some(name);
        }
        Ok(count)
    }
}

impl WatchLists for EmbeddedStore {
    fn lists(&self) -> Result<Vec<Listed>> {
        let held = Held::open(self.dir(), None)?;
        let listed =
            |watched: &Watched| Ok(watched.listed.clone().with(&read_hits(self.dir(), watched)?));
        held.manifest().watched.iter().map(listed).collect()
    }

    fn hits(&self, name: &str) -> Result<Option<Vec<Hit>>> {
        let held = Held::open(self.dir(), None)?;
        let Some(watched) = find(&held, name) else { return Ok(None) };
        let list: WatchList = checked::read_existing(&self.dir().join(&watched.list))?;
        Ok(Some(read_hits(self.dir(), watched)?.told(&list)))
    }

    fn list(&self, name: &str) -> Result<Option<WatchList>> {
        let held = Held::open(self.dir(), None)?;
        let watched = find(&held, name);
        watched.map(|watched| checked::read_existing(&self.dir().join(&watched.list))).transpose()
    }

    fn add(&self, list: &WatchList, watch: &Watch) -> Result<()> {
        drop(Held::open(self.dir(), None)?);
        let _turn = Turn::wait(self.dir(), WATCH_LOCK)?;
        let (before, list) = self.begin_to_watch(list)?;
        if list.fresh().next().is_none() {
            return Ok(());
        }
        // Whoever commits from now on looks at what he commits; this looks at all that was there.
        let list = Arc::new(list);
        let fresh = Matcher::of_fresh(Arc::clone(&list));
        let found = hunt_hits(&before, &fresh, TimeRange::ALL, watch)?;
        drop((before, fresh));
        self.enter_sought(&Arc::unwrap_or_clone(list).sought(), found)
    }

    fn remove(&self, name: &str) -> Result<bool> {
        drop(Held::open(self.dir(), None)?);
        let _turn = Turn::wait(self.dir(), WATCH_LOCK)?;
        let mut draft = Draft::begin(self.dir(), None)?;
        let watched = &mut draft.manifest.watched;
        let before = watched.len();
        watched.retain(|watched| watched.listed.name != name);
        if watched.len() == before {
            draft.give_up();
            return Ok(false);
        }
        commit(draft)?;
        Ok(true)
    }
}

impl EmbeddedStore {
    /// Has every later commit look for `list`; what was committed before, and the list with what is to
    /// be looked for in that.
    fn begin_to_watch(&self, list: &WatchList) -> Result<(EmbeddedSnapshot, WatchList)> {
        let mut draft = Draft::begin(self.dir(), None)?;
        // Nobody commits meanwhile.
        let snapshot = self.open()?;
        let lists = &mut draft.manifest.watched;
        let place = lists.binary_search_by(|known| known.listed.name.cmp(&list.name));
        if place.is_err() && lists.len() >= MAX_LISTS {
            let detail = format!("there are {MAX_LISTS} lists, and room for no more");
            return Err(StoreError::refused(self.to_string(), "watch", detail));
        }
        let known = place.ok().and_then(|place| lists.get(place));
        // What is damaged is replaced.
        let read = |known: &Watched| checked::read_existing(&self.dir().join(&known.list)).ok();
        let before: Option<WatchList> = known.and_then(read);
        let mut hits =
            known.and_then(|known| read_hits(self.dir(), known).ok()).unwrap_or_default();
        let list = in_place_of(list, before.as_ref(), &mut hits);
        let at = place.unwrap_or_else(|at| at);
        if place.is_err() {
            let (list, hits) = (String::new(), None);
            lists.insert(at, Watched { listed: Listed::default(), list, hits });
        }
        self.write(&mut draft, at, &list, &hits)?;
        commit(draft)?;
        Ok((snapshot, list))
    }

    /// Enters what was found in the history of a list.
    fn enter_sought(&self, list: &WatchList, found: Hits) -> Result<()> {
        let mut draft = Draft::begin(self.dir(), None)?;
        let watched = &draft.manifest.watched;
        let at = watched.binary_search_by(|known| known.listed.name.cmp(&list.name));
        // Who removes it waits until this is done.
        let Some((at, known)) = at.ok().and_then(|at| Some((at, watched.get(at)?))) else {
            return Ok(());
        };
        let mut hits = read_hits(self.dir(), known)?;
        hits.merge(found);
        self.write(&mut draft, at, list, &hits)?;
        commit(draft)
    }

    /// Writes the list in place `at`, and its hits, to files that `draft` names.
    fn write(&self, draft: &mut Draft, at: usize, list: &WatchList, hits: &Hits) -> Result<()> {
        let number = (draft.manifest.number, at);
        let name = list_name(number);
        checked::write(&self.dir().join(&name), list)?;
        let hits_name = (!hits.is_empty()).then(|| hits_name(number));
        if let Some(name) = &hits_name {
            checked::write(&self.dir().join(name), hits)?;
        }
        if let Some(watched) = draft.manifest.watched.get_mut(at) {
            *watched = Watched { listed: Listed::of(list), list: name, hits: hits_name };
        }
        Ok(())
    }
}

/// What is wrong with the lists of `manifest`, which is held, and their hits.
pub(super) fn verify_lists(dir: &Path, manifest: &Manifest) -> Vec<StoreError> {
    let wrong = |watched: &Watched| {
        let list = checked::read_existing::<WatchList>(&dir.join(&watched.list)).err();
        list.into_iter().chain(read_hits(dir, watched).err())
    };
    manifest.watched.iter().flat_map(wrong).collect()
}

/// Whether it says that a file is not as it was written, or gone.
fn is_damaged(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged { .. } => true,
        StoreError::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

fn find<'a>(held: &'a Held, name: &str) -> Option<&'a Watched> {
    held.manifest().watched.iter().find(|watched| watched.listed.name == name)
}

/// What was hit of a list.
fn read_hits(dir: &Path, watched: &Watched) -> Result<Hits> {
    let read = |name| checked::read_existing(&dir.join(name));
    watched.hits.as_ref().map_or_else(|| Ok(Hits::default()), read)
}

fn commit(draft: Draft) -> Result<()> {
    draft.commit().map(drop).map_err(|NotCommitted { error, .. }| error)
}
