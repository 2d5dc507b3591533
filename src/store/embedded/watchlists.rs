//! Watch lists, and what was hit of each: files of their own, which the manifest names. So flows and
//! their hits are there together or not at all, and of a commit nothing counts twice.

use std::collections::HashMap;
use std::fs;
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

/// So many files of later hits there are of a list at most.
const MAX_LATER: usize = 32;

/// Looks at what is written; what it read of lists it keeps.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// By the names of the files.
    matchers: HashMap<String, Matcher>,
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
        let is_named = |name: &String| manifest.watched.iter().any(|known| known.list == *name);
        self.matchers.retain(|name, _| is_named(name));
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
            more.bound();
            write_later(dir, hits_name(number), watched, more)?;
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

    fn list_names(&self) -> Result<Vec<String>> {
        let held = Held::open(self.dir(), None)?;
        let name = |watched: &Watched| watched.listed.name.clone();
        Ok(held.manifest().watched.iter().map(name).collect())
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
            lists.insert(at, Watched::default());
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
            let (listed, later_hits) = (Listed::of(list), Vec::new());
            *watched = Watched { listed, list: name, hits: hits_name, later_hits };
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
    let mut hits = Hits::default();
    for name in watched.hits.iter().chain(&watched.later_hits) {
        hits.merge(checked::read_existing(&dir.join(name))?);
    }
    Ok(hits)
}

/// Writes what else was hit of a list to the file `name`: by itself, as commits may come every second and
/// all that was ever hit is large; and now and then with all that was hit before, so that there are few
/// files, and little is written more than a few times.
fn write_later(dir: &Path, name: String, watched: &mut Watched, more: Hits) -> Result<()> {
    let bytes = |files: &mut dyn Iterator<Item = &String>| -> u64 {
        files.filter_map(|name| fs::metadata(dir.join(name)).ok()).map(|file| file.len()).sum()
    };
    let later = bytes(&mut watched.later_hits.iter());
    if later >= bytes(&mut watched.hits.iter()) || watched.later_hits.len() >= MAX_LATER {
        let mut hits = read_hits(dir, watched)?;
        hits.merge(more);
        checked::write(&dir.join(&name), &hits)?;
        (watched.hits, watched.later_hits) = (Some(name), Vec::new());
    } else {
        checked::write(&dir.join(&name), &more)?;
        watched.later_hits.push(name);
    }
    Ok(())
}

fn commit(draft: Draft) -> Result<()> {
    draft.commit().map(drop).map_err(|NotCommitted { error, .. }| error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::UnixMillis;
    use crate::store::watchlist::Sum;

    fn hits(first: u64, indicators: std::ops::Range<u32>) -> Hits {
        let mut hits = Hits::default();
        for indicator in indicators {
            let (first, last) = (UnixMillis(first), UnixMillis(first + 5));
            let sum = Sum { first, last, flows: 1, packets: 2, octets: 3 };
            hits.enter(indicator.to_string(), [10, 0, 0, 1].into(), &sum);
        }
        hits
    }

    /// Of 1,000 indicators that were hit, each of 100 commits hits one.
    #[test]
    fn what_is_hit_later_is_written_by_itself_and_now_and_then_with_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let (mut watched, mut expected) = (Watched::default(), Hits::default());
        let (mut written, mut whole) = (0, 0);
        for commit in 0..=100_u32 {
            let more = if commit == 0 { hits(0, 0..1_000) } else { hits(7, commit..commit + 1) };
            expected.merge(more.clone());
            let name = format!("{commit}");
            write_later(dir.path(), name.clone(), &mut watched, more).unwrap();
            written += fs::metadata(dir.path().join(&name)).unwrap().len();
            whole += u64::from(watched.hits.as_ref() == Some(&name));
            assert_eq!(read_hits(dir.path(), &watched).unwrap(), expected, "{commit}");
            assert!(watched.later_hits.len() <= MAX_LATER);
        }
        let base = fs::metadata(dir.path().join(watched.hits.as_ref().unwrap())).unwrap().len();
        // All of them at first, and behind each 32 that came later: at the 33rd, 66th and 99th.
        assert_eq!((whole, watched.later_hits.len()), (4, 1));
        assert!(written < 5 * base, "{written} of {base}");
    }
}
