//! Sums that the server makes, in place of flows: the buckets of a composite aggregation, page after
//! page.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::document::number_field;
use super::query::Pushed;
use super::region::Moment;
use crate::flow::{Column, Columns, Family, FlowBatch, Numbers, Origin};
use crate::store::{FlowStream, Reading, Region, Result, Rows, Scan};

/// So many buckets are in a page.
const PAGE: usize = 10_000;
/// The server adds up in floating point, which is exact below this.
const MOST: f64 = 9_007_199_254_740_992.0;
/// Counters that are added up.
const COUNTERS: [(Column, &str); 2] = [(Column::Octets, "bytes"), (Column::Packets, "packets")];

/// The region of the sums that stand for the flows of a scan, where the server makes them exactly: no
/// test is left to be made here, and of each row no more is asked than what it is alike in and one
/// counter. With two it would matter whether flows without traffic are kept apart.
///
/// # Errors
///
/// As [`Moment::search`].
pub(super) fn region(
    moment: &Arc<Moment>,
    scan: &Arc<Scan>,
    family: Family,
    pushed: &Pushed,
) -> Result<Option<Box<dyn Region>>> {
    let Rows::Sums { by, within_ms: 0 } = scan.rows else { return Ok(None) };
    let Some(fields) = fields(by) else { return Ok(None) };
    let counters: Vec<_> =
        COUNTERS.into_iter().filter(|(column, _)| scan.columns.contains(*column)).collect();
    let counted = counters.iter().fold(by, |all, (column, _)| all | Columns::of(&[*column]));
    let all_known = scan.columns.without(counted).is_empty();
    let is_plain = pushed.rest.is_none() && !scan.ordered && counters.len() < 2;
    if by.is_empty() || !all_known || !is_plain || !are_exact(moment, scan, pushed, &counters)? {
        return Ok(None);
    }
    let source =
        |&(column, field): &(Column, &str)| json!({column.name(): {"terms": {"field": field}}});
    let sums =
        counters.iter().map(|(_, field)| ((*field).to_owned(), json!({"sum": {"field": field}})));
    let search = json!({
        "size": 0,
        "track_total_hits": false,
        "query": {"bool": {"filter": pushed.filters}},
        "aggs": {"rows": {
            "composite": {"size": PAGE, "sources": fields.iter().map(source).collect::<Vec<_>>()},
            "aggs": sums.collect::<serde_json::Map<_, _>>(),
        }},
    });
    Ok(Some(Box::new(SumsRegion {
        moment: Arc::clone(moment),
        scan: Arc::clone(scan),
        family,
        search,
    })))
}

/// The fields of these columns, as far as a server tells apart what is in them.
fn fields(columns: Columns) -> Option<Vec<(Column, &'static str)>> {
    let field = |column| {
        Some((
            column,
            match column {
                Column::Src => "srcAddress",
                Column::Dst => "dstAddress",
                // What does not fit into a `long` is not in the index.
                Column::Octets | Column::Packets => return None,
                column => number_field(column)?,
            },
        ))
    };
    columns.iter().map(field).collect()
}

/// Whether the server's sums of all flows that `pushed` finds are exact, and so is every part of them.
fn are_exact(
    moment: &Moment,
    scan: &Scan,
    pushed: &Pushed,
    counters: &[(Column, &'static str)],
) -> Result<bool> {
    for (_, field) in counters {
        let search = json!({
            "size": 0,
            "track_total_hits": false,
            "query": {"bool": {"filter": pushed.filters}},
            "aggs": {"sum": {"sum": {"field": field}}, "lost": {"missing": {"field": field}}},
        });
        let reply = moment.search(search, scan)?;
        let answer: Value = moment.client.read("sum up", &reply)?;
        let found = &answer["aggregations"];
        let sum = found["sum"]["value"].as_f64();
        if found["lost"]["doc_count"] != 0 || sum.is_none_or(|sum| sum >= MOST) {
            return Ok(false);
        }
    }
    Ok(true)
}

struct SumsRegion {
    moment: Arc<Moment>,
    scan: Arc<Scan>,
    family: Family,
    search: Value,
}

#[derive(Deserialize)]
struct Answer {
    aggregations: Aggregations,
}

#[derive(Deserialize)]
struct Aggregations {
    rows: Page,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after_key: Option<Value>,
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    key: HashMap<String, Key>,
    doc_count: u64,
    #[serde(default)]
    bytes: Sum,
    #[serde(default)]
    packets: Sum,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    Number(u64),
    Address(IpAddr),
}

#[derive(Default, Deserialize)]
struct Sum {
    value: f64,
}

impl Region for SumsRegion {
    fn read(mut self: Box<Self>) -> FlowStream {
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let page = self.page();
            ended = matches!(page, Ok((_, true)) | Err(_));
            match page {
                Ok((batch, _)) if batch.is_empty() => None,
                Ok((batch, _)) => Some(Ok(batch)),
                Err(error) => Some(Err(error)),
            }
        }))
    }
}

impl SumsRegion {
    /// The next sums, and whether they are the last.
    fn page(&mut self) -> Result<(FlowBatch, bool)> {
        let reply = self.moment.search(self.search.clone(), &self.scan)?;
        let Answer { aggregations: Aggregations { rows } } =
            self.moment.client.read("sum up", &reply)?;
        let mut batch = FlowBatch::new(self.family);
        for bucket in &rows.buckets {
            self.push(&mut batch, bucket);
        }
        batch.origin.clear();
        let sums = batch.len() as u64;
        self.scan.count(Reading {
            sums,
            pages: 1,
            bytes: reply.body.len() as u64,
            rows: sums,
            found: batch.flow_count(),
            ..Reading::default()
        })?;
        let is_last = rows.buckets.len() < PAGE || rows.after_key.is_none();
        if let Some(after) = rows.after_key {
            self.search["aggs"]["rows"]["composite"]["after"] = after;
        }
        let columns = self.scan.columns | Columns::of(&[Column::Flows]);
        Ok((batch.project(columns), is_last))
    }

    fn push(&self, batch: &mut FlowBatch, bucket: &Bucket) {
        let mut ends = [self.family.address(0); 3];
        let mut numbers = Numbers::default();
        for column in Column::ALL {
            match (bucket.key.get(column.name()), column) {
                (Some(&Key::Address(address)), Column::Src) => ends[0] = self.own(address),
                (Some(&Key::Address(address)), Column::Dst) => ends[1] = self.own(address),
                (Some(&Key::Number(number)), column) => numbers[column] = number,
                _ => {}
            }
        }
        numbers[Column::Octets] = whole(bucket.bytes.value);
        numbers[Column::Packets] = whole(bucket.packets.value);
        batch.push_numbers(ends, &numbers, Origin(0), &[]);
        batch.flows.push(bucket.doc_count);
    }

    /// An address of the family: the server names one of IPv4 in the form of IPv6 as one of IPv4.
    fn own(&self, address: IpAddr) -> IpAddr {
        match (self.family, address) {
            (Family::V6, IpAddr::V4(address)) => address.to_ipv6_mapped().into(),
            _ => address,
        }
    }
}

/// A sum below [`MOST`].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a whole number that the type holds"
)]
fn whole(sum: f64) -> u64 {
    sum as u64
}
