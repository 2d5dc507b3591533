//! The list of sources in the manifest: a row counts in it, and a place to which no run refers any
//! more is given to another source.
//!
//! Only the one writer gives places, so what it does is based on the list that counts, whatever
//! another process deletes meanwhile: less can be in use then, never more. A snapshot has the list
//! of its own manifest.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use super::manifest::Manifest;
use super::places::Places;
use crate::flow::{FlowBatch, Seldom, Source};
use crate::store::WriteBatch;

/// So many places the list has: exporters, engines and rates come over the network, so a forger can
/// make any number of sources. Those that only others than their exporters sent get one as long as more
/// than half of them is free: who claims them chooses the exporters, so no share would bind him.
const MAX_STORE_SOURCES: usize = 65_536;
/// So many of them may be one exporter's, so that it does not take the room of all others; half as
/// many of what is claimed of it.
const MAX_STORE_SOURCES_OF_EXPORTER: usize = 8_192;
/// What flows are kept under whose own source finds no place.
pub(crate) const STAND_IN: Source = Source::UNKNOWN;

impl Manifest {
    /// The places that its runs refer to; None where a run does not tell, which may be any.
    pub(crate) fn places_in_use(&self) -> Option<Places> {
        let mut places = Places::none(self.sources.len());
        for run in &self.runs {
            for &range in run.sources.as_ref()? {
                places.enter_range(range);
            }
        }
        Some(places)
    }

    /// The sources that flows have.
    pub(crate) fn sources_in_use(&self) -> impl Iterator<Item = &Source> {
        let places = self.places_in_use();
        let in_use = move |place| places.as_ref().is_none_or(|places| places.contains(place));
        (0..).zip(&self.sources).filter(move |(place, _)| in_use(*place)).map(|(_, source)| source)
    }

    /// Cuts off the end of the list to which no run refers.
    pub(crate) fn forget_sources(&mut self) {
        let mut length = 0;
        for run in &self.runs {
            let Some(ranges) = &run.sources else { return };
            length = ranges.iter().map(|range| range.1 as usize + 1).fold(length, usize::max);
        }
        self.sources.truncate(length);
    }
}

/// Counts the sources of batches in the store's list.
#[derive(Debug)]
pub(crate) struct SourceList {
    most: usize,
    most_of_exporter: usize,
}

impl Default for SourceList {
    fn default() -> Self {
        Self::of_at_most(MAX_STORE_SOURCES, MAX_STORE_SOURCES_OF_EXPORTER)
    }
}

impl SourceList {
    /// A list of so many places, at least one, and so many of one exporter.
    pub(crate) fn of_at_most(most: usize, most_of_exporter: usize) -> Self {
        Self { most, most_of_exporter }
    }

    /// Counts the sources of the rows of `batch` in the list of `manifest`, the last that counts, to
    /// which those that are new are added, instead of in the batch's own lists, which go. Gives the
    /// list that must be committed with these rows.
    pub(crate) fn place(&self, batch: &mut WriteBatch, manifest: &Manifest) -> Vec<Source> {
        let mut places: HashMap<Source, Option<u32>> = HashMap::new();
        for flows in [&batch.v4, &batch.v6] {
            places.extend(sources_of(flows).map(|source| (source, None)));
        }
        let mut list = manifest.sources.clone();
        for (source, place) in list.iter().zip(0..) {
            if let Some(known) = places.get_mut(source) {
                known.get_or_insert(place);
            }
        }
        let mut left_out = HashSet::new();
        if places.values().any(Option::is_none) {
            left_out = self.add_new(&mut places, &mut list, &batch.claimed, manifest);
        }
        tell_left_out(batch, &left_out, list.len());
        for flows in [&mut batch.v4, &mut batch.v6] {
            let place = |source: &Source| places.get(source).copied().flatten().unwrap_or(0);
            let stand_in = place(&STAND_IN);
            let of_batch: Vec<u32> = flows.sources.iter().map(place).collect();
            for row in &mut flows.source {
                *row = of_batch.get(*row as usize).copied().unwrap_or(stand_in);
            }
            flows.sources = Arc::default();
        }
        list
    }

    /// Gives a place to every one of `places` that has none yet: one that is free, or a further one.
    /// Those for which there is none get that of what stands in for them; gives these.
    fn add_new(
        &self,
        places: &mut HashMap<Source, Option<u32>>,
        list: &mut Vec<Source>,
        claimed: &HashSet<Source>,
        manifest: &Manifest,
    ) -> HashSet<Source> {
        let mut new: Vec<Source> =
            places.iter().filter(|(_, place)| place.is_none()).map(|(&source, _)| source).collect();
        // Neighbours get neighbouring places, so that runs refer to few ranges.
        new.sort_unstable();
        let mut kept = manifest.places_in_use().unwrap_or_else(|| Places::all(list.len()));
        kept.enter(places.values().copied().flatten());
        let mut of_exporter: HashMap<IpAddr, usize> = HashMap::new();
        for place in kept.iter() {
            *of_exporter.entry(list[place as usize].exporter).or_default() += 1;
        }
        let stand_in =
            list.iter().zip(0..).find(|&(s, place)| *s == STAND_IN && kept.contains(place));
        let mut stand_in = stand_in.map(|(_, place)| place);
        let mut room = Room {
            free: (0..list.len() as u32).filter(|&place| !kept.contains(place)).collect(),
            list,
            most: self.most,
        };
        let mut left_out = HashSet::new();
        for source in new {
            let share = of_exporter.entry(source.exporter).or_default();
            // The last place is for what stands in for all that find none.
            let (keep, most_of_exporter) = if claimed.contains(&source) {
                (self.most / 2, self.most_of_exporter / 2)
            } else {
                (0, self.most_of_exporter)
            };
            let fits = room.places() > keep + usize::from(stand_in.is_none())
                && *share < most_of_exporter
                && source != STAND_IN;
            let place = if fits {
                *share += 1;
                room.take(source)
            } else {
                if source != STAND_IN {
                    left_out.insert(source);
                }
                *stand_in.get_or_insert_with(|| room.take(STAND_IN))
            };
            places.insert(source, Some(place));
        }
        left_out
    }
}

/// Says how many flows of `batch`, whose rows count in its own lists yet, are of sources without a
/// place in the store's list, which is so long.
fn tell_left_out(batch: &WriteBatch, left_out: &HashSet<Source>, length: usize) {
    static FULL: Seldom = Seldom::new();
    let Some(example) = left_out.iter().next() else { return };
    let flows_of = |flows: &FlowBatch| {
        let is_left_out: Vec<bool> =
            flows.sources.iter().map(|source| left_out.contains(source)).collect();
        let rows = flows.source.iter();
        rows.filter(|&&row| is_left_out.get(row as usize) == Some(&true)).count() as u64
    };
    if let Some(flows) = FULL.again(flows_of(&batch.v4) + flows_of(&batch.v6)) {
        tracing::warn!(
            sources = length,
            "there is no room for {} more exporters, engines and rates in the store, one of them \
             of {}: {flows} flows of such were kept without them",
            left_out.len(),
            example.exporter
        );
    }
}

/// Places that may be given.
struct Room<'a> {
    /// Rising.
    free: VecDeque<u32>,
    list: &'a mut Vec<Source>,
    most: usize,
}

impl Room<'_> {
    fn places(&self) -> usize {
        self.free.len() + self.most.saturating_sub(self.list.len())
    }

    fn take(&mut self, source: Source) -> u32 {
        if let Some(place) = self.free.pop_front() {
            self.list[place as usize] = source;
            return place;
        }
        self.list.push(source);
        self.list.len() as u32 - 1
    }
}

/// The sources of the rows of `flows`.
fn sources_of(flows: &FlowBatch) -> impl Iterator<Item = Source> {
    let known = flows.sources.len();
    let used = Places::of(flows.source.iter().copied(), known);
    let unknown = flows.source.iter().any(|&source| source as usize >= known);
    let sources: Vec<Source> = used.iter().map(|place| flows.sources[place as usize]).collect();
    sources.into_iter().chain(unknown.then_some(STAND_IN))
}

#[cfg(test)]
mod tests;
