//! Documents whose ids are taken: whether by the same flow, or by another that is equal to it in every
//! field.
//!
//! Where captures are loaded, each document names the record that it came by. One of the same record
//! is there already; one of another record is another flow, which stands before this one among equal
//! flows. Documents that were exported from a store name none, as it keeps none: each of them stands for
//! one of the equal flows.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::{Value, json};

use super::By;
use super::piece::Piece;
use super::send::Shared;
use crate::flow::Origin;
use crate::sink::Written;
use crate::sink::identity::Content;
use crate::store::Result;
use crate::store::elastic::Body;

/// So many ids are looked up at once.
const MAX_IDS: usize = 5_000;
/// So many of one content are.
const MAX_ORDINALS: u32 = 2_000;

#[derive(Deserialize)]
struct Found {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "found", default)]
    is_there: bool,
    #[serde(rename = "_source", default)]
    source: Source,
}

#[derive(Default, Deserialize)]
struct Source {
    origin: Option<String>,
}

/// The records of documents by their ids.
type Origins = HashMap<String, Option<String>>;

impl Shared {
    /// Counts those among `there`, documents whose ids are taken, that are there already; the others
    /// get a higher ordinal, and are given back.
    pub(super) fn settle(
        &self,
        piece: &mut Piece,
        there: Vec<usize>,
        written: &mut Written,
    ) -> Result<Vec<usize>> {
        let (unknown, known): (Vec<usize>, Vec<usize>) =
            there.into_iter().partition(|&at| piece.documents[at].origin.is_some());
        written.already += known.len() as u64;
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let mut groups: HashMap<Content, Vec<usize>> = HashMap::new();
        for at in unknown {
            groups.entry(piece.documents[at].content).or_default().push(at);
        }
        let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (content, group) in &groups {
            let index = self.index_of(&piece.documents[group[0]]);
            ids.entry(index).or_default().extend(window(piece, group).map(|n| content.id(n)));
        }
        let mut origins = Origins::new();
        for (index, ids) in ids {
            for ids in ids.chunks(MAX_IDS) {
                origins.extend(self.look_up(&index, ids, true)?);
            }
        }
        let mut again = Vec::new();
        for (content, group) in groups {
            again.extend(settle_group(piece, content, group, &origins, written));
        }
        Ok(again)
    }

    /// Those of the documents at `places` whose ids are taken in a data stream.
    pub(super) fn known_in_stream(&self, piece: &Piece, places: &[usize]) -> Result<Vec<usize>> {
        let id = |at: usize| piece.documents[at].content.id(piece.documents[at].ordinal);
        let ids: Vec<String> = places.iter().map(|&at| id(at)).collect();
        let taken = self.look_up(&self.client.location.index, &ids, false)?;
        Ok(places.iter().copied().filter(|&at| taken.contains_key(&id(at))).collect())
    }

    /// The documents of `ids` that are there. In a data stream they are searched for, where those
    /// that were written a moment ago are only found after a refresh, for which `fresh` asks.
    fn look_up(&self, index: &str, ids: &[String], fresh: bool) -> Result<Origins> {
        const DOING: &str = "look for documents";
        let client = &self.client;
        let mut found: Vec<Found> = Vec::new();
        if self.target.by == By::Stream {
            if fresh {
                let path = format!("/{index}/_refresh");
                client.call(DOING, &path, Body::Do, &self.watch)?;
            }
            let search = json!({
                "size": ids.len(),
                "_source": ["origin"],
                "query": {"ids": {"values": ids}},
            });
            let path = format!("/{index}/_search?allow_partial_search_results=false");
            let reply = client.call(DOING, &path, Body::Post(&search), &self.watch)?;
            if reply.status == 404 {
                return Ok(Origins::new());
            }
            if !reply.is_ok() {
                return Err(client.refused(DOING, &reply));
            }
            let mut answer: Value = client.read(DOING, &reply)?;
            let hits = serde_json::from_value(answer["hits"]["hits"].take());
            let hits: Vec<Found> = hits.map_err(|error| client.refuse(DOING, error.to_string()))?;
            found.extend(hits.into_iter().map(|hit| Found { is_there: true, ..hit }));
        } else {
            let ask = |id: &String| {
                let mut ask = json!({"_index": index, "_id": id, "_source": ["origin"]});
                if self.has_types() {
                    ask["_type"] = json!("_doc");
                }
                ask
            };
            let asked = json!({"docs": ids.iter().map(ask).collect::<Vec<_>>()});
            let reply = client.ask(DOING, "/_mget", Body::Post(&asked), &self.watch)?;
            let mut answer: Value = client.read(DOING, &reply)?;
            let docs = serde_json::from_value(answer["docs"].take());
            found = docs.map_err(|error| client.refuse(DOING, error.to_string()))?;
        }
        let there = found.into_iter().filter(|document| document.is_there);
        Ok(there.map(|document| (document.id, document.source.origin)).collect())
    }
}

/// The ordinals that are looked up for documents of one content: those that they tried, and as many
/// behind these as they need.
fn window(piece: &Piece, group: &[usize]) -> RangeInclusive<u32> {
    let tried = || group.iter().map(|&at| piece.documents[at].ordinal);
    let first = tried().min().unwrap_or_default();
    let more = u32::try_from(group.len()).unwrap_or(u32::MAX);
    let last = tried().max().unwrap_or_default().saturating_add(more);
    first..=last.min(first.saturating_add(MAX_ORDINALS))
}

/// Settles documents of one content, by the records of those that are there: those that are not among
/// them get the ordinals that are free.
fn settle_group(
    piece: &mut Piece,
    content: Content,
    mut group: Vec<usize>,
    origins: &Origins,
    written: &mut Written,
) -> Vec<usize> {
    let window = window(piece, &group);
    let behind = window.end().saturating_add(1);
    let mut free = Vec::new();
    let mut nameless = 0;
    for ordinal in window {
        let place = match origins.get(&content.id(ordinal)) {
            None => {
                free.push(ordinal);
                continue;
            }
            Some(None) => {
                nameless += 1;
                continue;
            }
            Some(Some(origin)) => group.iter().position(|&at| {
                let own = piece.documents[at].origin;
                own.is_some_and(|Origin(own)| format!("{own:016x}") == *origin)
            }),
        };
        if let Some(place) = place {
            group.remove(place);
            written.already += 1;
        }
    }
    let stood_for = nameless.min(group.len());
    written.already += stood_for as u64;
    let again = group.split_off(stood_for);
    let mut free = free.into_iter();
    for &at in &again {
        piece.documents[at].ordinal = free.next().unwrap_or(behind);
    }
    again
}
