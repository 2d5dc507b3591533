//! The documents of a part of a scan, page after page.
//!
//! A page goes on behind the last document of the one before it, by what both were sorted by
//! (`search_after`): the row key, and within it, or alone where no order is wanted, the number that each
//! document has in its shard (`_seq_no`). Documents of several shards may have one number. So of a full
//! page those that stand where its last one does are left to the next.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Body, Client};
use super::document::{Document, Flows, fields};
use super::query::Pushed;
use crate::flow::{Columns, Family, FlowBatch};
use crate::row::{Order, Predicate};
use crate::store::{FlowStream, Reading, Region, Result, SCAN_BATCH_ROWS, Scan, StoreError};

/// The number of a document in its shard.
pub(super) const NUMBER: &str = "_seq_no";
/// So many documents are in the first page, for those who want no more than a few.
const FIRST_PAGE: usize = 1_000;
/// So many are in all others, which is the most that servers give unless they are told otherwise.
const PAGE: usize = 10_000;
const _: () = assert!(PAGE <= SCAN_BATCH_ROWS);
/// A moment that nobody asks for is forgotten after this time.
pub(super) const KEEP_ALIVE: &str = "5m";

/// Where the documents are.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) client: Arc<Client>,
    /// The point in time; none where the server has no such thing.
    pub(super) id: Option<String>,
}

impl Moment {
    /// Asks for what `search` says, as of this moment.
    ///
    /// # Errors
    ///
    /// As [`Client::ask`].
    pub(super) fn search(&self, mut search: Value, scan: &Scan) -> Result<super::Reply> {
        // What a shard does not answer is an error, and not left out.
        const WHOLE: &str = "_search?allow_partial_search_results=false";
        let path = match &self.id {
            Some(id) => {
                search["pit"] = json!({"id": id, "keep_alive": KEEP_ALIVE});
                format!("/{WHOLE}")
            }
            None => format!("/{}/{WHOLE}", self.client.location.index),
        };
        self.client.ask("search", &path, Body::Post(&search), &scan.watch)
    }
}

/// A part of a scan.
pub(super) struct ElasticRegion {
    pub(super) moment: Arc<Moment>,
    pub(super) scan: Arc<Scan>,
    pub(super) family: Family,
    pub(super) pushed: Pushed,
    /// The numbers of its documents, where it is a part of those of one query.
    pub(super) numbers: Option<Range<u64>>,
    /// How many documents it looks at, where that is known.
    pub(super) documents: Option<u64>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(rename = "_id", borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "_source", borrow, default)]
    source: Document<'a>,
    sort: Vec<Value>,
}

impl Region for ElasticRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let mut reader =
            Reader { columns: self.columns(), search: self.search(), region: *self, ended: false };
        Box::new(std::iter::from_fn(move || {
            let next = reader.next_batch().transpose();
            reader.ended |= matches!(next, None | Some(Err(_)));
            next
        }))
    }

    fn rows(&self) -> Option<u64> {
        self.documents
    }
}

impl ElasticRegion {
    /// What is read of the documents.
    fn columns(&self) -> Columns {
        let tested = self.pushed.rest.as_ref().map_or(Columns::NONE, Predicate::columns);
        (self.scan.columns | tested) & Columns::ALL
    }

    /// The search for the first page.
    fn search(&self) -> Value {
        let mut filters = self.pushed.filters.clone();
        if let Some(Range { start, end }) = &self.numbers {
            filters.push(json!({"range": {NUMBER: {"gte": start, "lt": end}}}));
        }
        let fields = fields(self.columns());
        json!({
            "size": FIRST_PAGE,
            "track_total_hits": false,
            "_source": if fields.is_empty() { json!(false) } else { json!(fields) },
            "sort": if self.scan.ordered { in_key_order(self.scan.order) } else { json!([NUMBER]) },
            "query": {"bool": {"filter": filters}},
        })
    }
}

fn in_key_order(order: Order) -> Value {
    match order {
        Order::Dst => json!(["dstAddress", "time", "srcAddress", NUMBER]),
        Order::Src | Order::Nat => json!(["srcAddress", "time", "dstAddress", NUMBER]),
    }
}

/// Reads page after page.
struct Reader {
    region: ElasticRegion,
    columns: Columns,
    search: Value,
    ended: bool,
}

impl Reader {
    fn next_batch(&mut self) -> Result<Option<FlowBatch>> {
        while !self.ended {
            let batch = self.page()?;
            if !batch.is_empty() {
                let found = batch.len() as u64;
                self.region.scan.meter.add(Reading { found, ..Reading::default() });
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Reads the next page, and gives what the scan finds in it.
    fn page(&mut self) -> Result<FlowBatch> {
        let Self { region: ElasticRegion { moment, scan, family, .. }, .. } = self;
        let client = &moment.client;
        let reply = moment.search(self.search.clone(), scan)?;
        let answer: Answer<'_> = client.read("search", &reply)?;
        if answer.timed_out || answer.shards.failed > 0 {
            return Err(client.refuse("search", "not all shards answered"));
        }
        let mut hits = &answer.hits.hits[..];
        let size = self.search["size"].as_u64().unwrap_or_default();
        if hits.len() as u64 == size {
            hits = &hits[..whole_places(hits)];
            let last = hits.last().ok_or_else(|| {
                client.refuse("search", format!("{size} documents stand in one place"))
            })?;
            self.search["search_after"] = json!(last.sort);
            self.search["size"] = json!(PAGE);
        } else {
            self.ended = true;
        }
        scan.count(Reading {
            pages: 1,
            bytes: reply.body.len() as u64,
            rows: hits.len() as u64,
            ..Reading::default()
        })?;
        let mut flows = Flows::new(*family, hits.len());
        for hit in hits {
            flows.push(&hit.source, self.columns).map_err(|problem| StoreError::Damaged {
                place: client.place(),
                detail: format!("document {}: {problem}", hit.id),
            })?;
        }
        Ok(self.select(flows.finish()))
    }

    /// The rows of `batch` that pass what no server tested, with the columns asked for.
    fn select(&self, batch: FlowBatch) -> FlowBatch {
        let ElasticRegion { scan, pushed, .. } = &self.region;
        let Some(rest) = &pushed.rest else { return batch.project(scan.columns) };
        let rows: Vec<u32> = (0..)
            .zip(rest.evaluate(&batch))
            .filter_map(|(row, pass)| pass.then_some(row))
            .collect();
        batch.take_rows(&rows).project(scan.columns)
    }
}

/// How many of the first hits stand before the place of the last one.
fn whole_places(hits: &[Hit<'_>]) -> usize {
    let Some(last) = hits.last() else { return 0 };
    hits.partition_point(|hit| hit.sort != last.sort)
}
