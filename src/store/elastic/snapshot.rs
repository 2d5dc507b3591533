//! Scans of an index, in parts that are read side by side.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Body, Client};
use super::query::{self, Pushed};
use super::region::{ElasticRegion, KEEP_ALIVE, Moment, NUMBER};
use super::{Server, sums};
use crate::flow::{Columns, Family};
use crate::store::{Access, Plan, Reading, Region, Result, Scan, Size, Snapshot, Watch};

/// A part of fewer documents is not worth a request of its own.
const MIN_PART: u64 = 20_000;

/// The index as of one moment.
#[derive(Debug)]
pub(super) struct ElasticSnapshot {
    moment: Arc<Moment>,
    server: Server,
}

#[derive(Deserialize)]
struct Counted {
    hits: Total,
    #[serde(default)]
    aggregations: Option<Last>,
}

#[derive(Deserialize)]
struct Total {
    total: Count,
}

/// Elasticsearch 6 gives a number, later ones an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Object { value: u64 },
}

impl Count {
    fn value(&self) -> u64 {
        match *self {
            Self::Number(value) | Self::Object { value } => value,
        }
    }
}

#[derive(Deserialize)]
struct Last {
    last: Number,
}

#[derive(Deserialize)]
struct Number {
    value: Option<f64>,
}

/// The numbers of the documents of a part, and about how many there are; neither where it is all of
/// them.
type Part = (Option<Range<u64>>, Option<u64>);

impl ElasticSnapshot {
    /// The index as it is now.
    ///
    /// # Errors
    ///
    /// As [`Client::ask`].
    pub(super) fn take(client: Arc<Client>, server: Server) -> Result<Self> {
        const DOING: &str = "open a point in time";
        let index = &client.location.index;
        let (path, name) = match server {
            Server::Elastic6 => {
                return Ok(Self { moment: Moment { client, id: None }.into(), server });
            }
            Server::Elastic => (format!("/{index}/_pit?keep_alive={KEEP_ALIVE}"), "id"),
            Server::OpenSearch => {
                (format!("/{index}/_search/point_in_time?keep_alive={KEEP_ALIVE}"), "pit_id")
            }
        };
        let reply = client.ask(DOING, &path, Body::Post(&json!({})), &Watch::default())?;
        let opened: Value = client.read(DOING, &reply)?;
        let id = opened[name].as_str().map(str::to_owned);
        let id = Some(id.ok_or_else(|| client.refuse(DOING, "it has no name"))?);
        Ok(Self { moment: Arc::new(Moment { client, id }), server })
    }

    /// How many documents `pushed` finds, and beyond which number none of them is.
    fn count(&self, pushed: &Pushed, scan: &Scan) -> Result<(u64, u64)> {
        let search = json!({
            "size": 0,
            "track_total_hits": true,
            "query": {"bool": {"filter": pushed.filters}},
            "aggs": {"last": {"max": {"field": NUMBER}}},
        });
        let reply = self.moment.search(search, scan)?;
        let counted: Counted = self.moment.client.read("count", &reply)?;
        let last = counted.aggregations.and_then(|found| found.last.value).unwrap_or_default();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a number of documents, which is none where it is below 0"
        )]
        let end = last as u64 + 1;
        Ok((counted.hits.total.value(), end))
    }

    /// The numbers of the documents of each part.
    fn parts(&self, pushed: &Pushed, scan: &Scan) -> Result<Vec<Part>> {
        if scan.ordered {
            return Ok(vec![(None, None)]);
        }
        let (documents, end) = self.count(pushed, scan)?;
        let most = rayon::current_num_threads() as u64 * 2;
        let parts = (documents / MIN_PART + 1).min(most);
        let step = end.div_ceil(parts).max(1);
        let each = Some(documents / parts);
        let part = |part: u64| (Some(part * step..(part + 1) * step), each);
        Ok(if documents == 0 { Vec::new() } else { (0..parts).map(part).collect() })
    }
}

impl Snapshot for ElasticSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let scan = Arc::new(scan.within_ends());
        let mut regions: Vec<Box<dyn Region>> = Vec::new();
        for family in Family::ALL {
            let Some(pushed) = query::of_scan(&scan, family) else { continue };
            if let Some(region) = sums::region(&self.moment, &scan, family, &pushed)? {
                regions.push(region);
                continue;
            }
            for (numbers, documents) in self.parts(&pushed, &scan)? {
                regions.push(Box::new(ElasticRegion {
                    moment: Arc::clone(&self.moment),
                    scan: Arc::clone(&scan),
                    family,
                    pushed: pushed.clone(),
                    numbers,
                    documents,
                }));
            }
        }
        scan.meter.add(Reading { runs: regions.len() as u64, ..Reading::default() });
        Ok(regions)
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        let scan = &scan.within_ends();
        let mut notes = vec![match self.server {
            Server::Elastic6 => format!("index {}", self.moment.client.location.index),
            _ => format!("index {}, as of one moment", self.moment.client.location.index),
        }];
        for family in Family::ALL {
            let Some(pushed) = query::of_scan(scan, family) else { continue };
            notes.push(format!("{family:?}: {}", json!(pushed.filters)));
            if let Some(rest) = &pushed.rest {
                notes.push(format!("tested here, on each flow: {rest}"));
            }
        }
        Ok(Plan {
            access: if scan.lead.is_some() { Access::Range } else { Access::Filter },
            runs: (1, 1),
            blocks: (0, 0),
            pages: (0, 0),
            notes,
        })
    }

    fn counted(&self) -> Option<u64> {
        let everything = Pushed { filters: Vec::new(), rest: None };
        // Who cannot be asked is asked again when flows are read, and says then why.
        self.count(&everything, &Scan::all(Columns::NONE)).ok().map(|(documents, _)| documents)
    }

    fn size(&self) -> Result<Size> {
        let client = &self.moment.client;
        let path = format!("/{}/_stats/store", client.location.index);
        let reply = client.call("size", &path, Body::Get, &Watch::default())?;
        let stats: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        Ok(Size {
            bytes: stats["_all"]["primaries"]["store"]["size_in_bytes"].as_u64(),
            ..Size::default()
        })
    }

    fn may_be_sampled(&self) -> bool {
        let sampled = json!({"range": {"sampling": {"gt": 1}}});
        let pushed = Pushed { filters: vec![sampled], rest: None };
        self.count(&pushed, &Scan::all(Columns::NONE)).map_or(true, |(documents, _)| documents > 0)
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let (path, named) = match self.client.server.get() {
            Some(Server::OpenSearch) => ("/_search/point_in_time", json!({"pit_id": [id]})),
            _ => ("/_pit", json!({"id": id})),
        };
        // It is good manners and no more: a moment that nobody asks for is forgotten.
        let _ = self.client.once(path, Body::Delete(&named));
    }
}
