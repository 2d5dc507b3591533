//! Where watch lists are: what there is in one row behind the ledger, each list in a few, and every hit
//! in one of its own, which is named by its flow: so it is there once, however often the flow is
//! written or looked at.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hbase_thrift::Attributes;
use hbase_thrift::hbase::{BatchMutation, THbaseSyncClient};
use serde::{Deserialize, Serialize};

use super::gateways::{Gateways, Session};
use super::order::key_at;
use super::region::{Bounds, open_scanner};
use super::snapshot::HbaseSnapshot;
use super::tables::{Layout, Tables, deletion, get, mutation, put, put_in_place, unwritable};
use crate::flow::{FlowBatch, TimeRange};
use crate::row::Order;
use crate::store::watchlist::{COLUMNS, Found, Hits, Listed, Matcher, Sum, WatchList, hunt_each};
use crate::store::{Result, Scan, StoreError, Watch};

/// The row that says what lists there are. It sorts behind all entries, as the names do.
const LISTS_ROW: &[u8] = b"watch";
/// So many bytes of a list are in a row.
const PIECE_BYTES: usize = 1 << 20;
/// Rows of one call that writes, and of one that reads.
const CALL_ROWS: usize = 2_000;
const READ_ROWS: i32 = 2_000;

/// Which lists there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lists {
    /// Another number whenever a list came or went.
    pub(super) revision: u64,
    /// By their names.
    #[serde(rename = "lists")]
    pub(super) by_name: BTreeMap<String, Kept>,
    /// What this was read from; nothing where there was no such row.
    #[serde(skip)]
    pub(super) read_from: Vec<u8>,
}

/// Where a list is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) listed: Listed,
    /// A number that no other list had: several may be added at once, also of one name.
    pub(super) since: u64,
    /// In how many rows it is.
    pieces: usize,
}

/// A hit as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptHit {
    pub(super) indicator: String,
    other: IpAddr,
    sum: Sum,
}

impl Kept {
    /// The rows that hold it. As long as not all was looked through for it they have other names.
    fn rows(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let Self { listed: Listed { name, unsought, .. }, since, pieces } = self;
        let state = if *unsought > 0 { "new" } else { "list" };
        (0..*pieces)
            .map(move |piece| format!("watch/{name}/{state}/{since}/{piece:05}").into_bytes())
    }
}

/// What the rows of hits of the list `name` begin with.
pub(super) fn hits_of(name: &str) -> String {
    format!("watch/{name}/hit/")
}

/// The row keys that begin with `prefix`, which ends with a slash.
fn beginning_with(prefix: &str) -> Bounds {
    let start = prefix.as_bytes().to_vec();
    let mut stop = start.clone();
    stop.pop();
    stop.push(b'/' + 1);
    Bounds { start, stop }
}

/// The lists of a store, over one connection.
pub(super) struct Shelf {
    gateways: Gateways,
    session: Session,
    table: String,
}

impl Shelf {
    pub(super) fn new(gateways: &Gateways) -> Self {
        let table = Tables::of(gateways).loads();
        Self { gateways: gateways.clone(), session: gateways.session(), table }
    }

    /// Which lists there are.
    pub(super) fn lists(&mut self) -> Result<Lists> {
        let text = get(&mut self.session, "read the watch lists", &self.table, LISTS_ROW)?;
        let Some(read_from) = text else { return Ok(Lists::default()) };
        Ok(Lists { read_from: read_from.clone(), ..self.parse(&read_from)? })
    }

    /// Says which lists there are from now on, unless somebody else did so since these were read; whether
    /// that is so now.
    pub(super) fn put_lists(&mut self, lists: &Lists) -> Result<bool> {
        const DOING: &str = "write the watch lists";
        let text = serde_json::to_vec(lists).map_err(unwritable(&self.gateways, DOING))?;
        let place = (&*self.table, LISTS_ROW);
        put_in_place(&mut self.session, DOING, place, &lists.read_from, &text)
    }

    fn parse<T: for<'a> Deserialize<'a>>(&self, text: &[u8]) -> Result<T> {
        serde_json::from_slice(text).map_err(|error| StoreError::Damaged {
            place: self.table.clone(),
            detail: format!("a watch list: {error}"),
        })
    }

    /// The list.
    pub(super) fn read(&mut self, kept: &Kept) -> Result<WatchList> {
        let mut text = Vec::new();
        for row in kept.rows() {
            let piece = get(&mut self.session, "read a watch list", &self.table, &row)?;
            text.extend(piece.unwrap_or_default());
        }
        self.parse(&text)
    }

    /// Writes the rows of `list`, which has that number.
    pub(super) fn write(&mut self, list: &WatchList, since: u64) -> Result<Kept> {
        let text = serde_json::to_vec(list);
        let text = text.map_err(unwritable(&self.gateways, "write a watch list"))?;
        let pieces: Vec<&[u8]> = text.chunks(PIECE_BYTES).collect();
        let kept = Kept { listed: Listed::of(list), since, pieces: pieces.len() };
        for (row, piece) in kept.rows().zip(pieces) {
            put(&mut self.session, "write a watch list", &self.table, &row, piece)?;
        }
        Ok(kept)
    }

    fn change(&mut self, rows: &[BatchMutation]) -> Result<()> {
        for rows in rows.chunks(CALL_ROWS) {
            self.session.call("write hits", |gateway| {
                let table = self.table.as_str().into();
                gateway.client().mutate_rows(table, rows.to_vec(), Attributes::new())
            })?;
        }
        Ok(())
    }

    /// Keeps what `matcher` found among flows that have their origins.
    pub(super) fn enter(
        &mut self,
        matcher: &Matcher,
        flows: &FlowBatch,
        found: &[Found],
    ) -> Result<()> {
        let list = matcher.list();
        let prefix = hits_of(&list.name);
        let row = |found: &Found| {
            let indicator = list.indicators[found.place as usize].to_string();
            let mut key = prefix.clone().into_bytes();
            key_at(flows, found.row, Order::Src).encode(&mut key);
            key.push(if found.by_src { b's' } else { b'd' });
            key.extend_from_slice(indicator.as_bytes());
            let sum = Sum::of(flows, found.row);
            let hit = KeptHit { indicator, other: found.other, sum };
            let hit = serde_json::to_vec(&hit).map_err(unwritable(&self.gateways, "write hits"))?;
            Ok(mutation(key, hit))
        };
        let rows: Vec<BatchMutation> = found.iter().map(row).collect::<Result<_>>()?;
        self.change(&rows)
    }

    /// Has `each` called with the rows within `bounds`, some at a time.
    fn each_page(
        &mut self,
        mut bounds: Bounds,
        mut each: impl FnMut(&mut Self, &[(Vec<u8>, Vec<u8>)]) -> Result<()>,
    ) -> Result<()> {
        loop {
            let page = self.session.call("read hits", |gateway| {
                let scanner = open_scanner(gateway, &self.table, &bounds, READ_ROWS, None)?;
                let rows = gateway.client().scanner_get_list(scanner, READ_ROWS)?;
                gateway.client().scanner_close(scanner)?;
                Ok(rows)
            })?;
            let cell = |columns: BTreeMap<_, hbase_thrift::hbase::TCell>| {
                columns.into_values().next().and_then(|cell| cell.value)
            };
            let page: Vec<(Vec<u8>, Vec<u8>)> = page
                .into_iter()
                .filter_map(|row| Some((row.row?, row.columns.and_then(cell)?)))
                .collect();
            let Some((last, _)) = page.last() else { return Ok(()) };
            bounds.start.clone_from(last);
            bounds.start.push(0);
            each(self, &page)?;
        }
    }

    /// What was hit of the list `name`.
    pub(super) fn hits(&mut self, name: &str) -> Result<Hits> {
        let mut hits = Hits::default();
        self.each_page(beginning_with(&hits_of(name)), |shelf, page| {
            for (_, hit) in page {
                let KeptHit { indicator, other, sum } = shelf.parse(hit)?;
                hits.enter(indicator, other, &sum);
            }
            hits.bound();
            Ok(())
        })?;
        Ok(hits)
    }

    /// Deletes the rows that begin with `prefix` and whose contents are `meant`.
    pub(super) fn delete(&mut self, prefix: &str, meant: impl Fn(&[u8]) -> bool) -> Result<()> {
        self.each_page(beginning_with(prefix), |shelf, page| {
            let meant = page.iter().filter(|(_, content)| meant(content));
            let rows: Vec<_> = meant.map(|(key, _)| deletion(key.clone())).collect();
            shelf.change(&rows)
        })
    }

    /// Looks through what is stored of `time`, and keeps what `matcher` finds.
    pub(super) fn hunt(&self, matcher: &Matcher, time: TimeRange, watch: &Watch) -> Result<()> {
        let layout = Layout::read(&self.gateways, &mut self.gateways.session())?;
        let snapshot = HbaseSnapshot::new(self.gateways.clone(), layout).with_origins();
        let scan = Scan { time, watch: watch.clone(), ..Scan::all(COLUMNS) };
        hunt_each(&snapshot, matcher, &scan, &|flows, found| {
            Self::new(&self.gateways).enter(matcher, flows, found)
        })
    }

    /// Deletes the rows of a list.
    pub(super) fn forget(&mut self, kept: Option<&Kept>) -> Result<()> {
        let rows: Vec<_> = kept.into_iter().flat_map(Kept::rows).map(deletion).collect();
        self.change(&rows)
    }
}
