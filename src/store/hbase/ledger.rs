//! What was loaded: a table with a row for each load, oldest first. What exporters call their
//! interfaces, and what is remembered of a topic, lie in rows behind them.

use std::collections::BTreeMap;

use hbase_thrift::hbase::THbaseSyncClient;
use serde::de::DeserializeOwned;

use super::gateways::{Gateways, Session};
use super::region::{Bounds, open_scanner};
use super::tables::{Tables, get, put, unwritable};
use crate::flow::{Names, Remembered, Topic};
use crate::store::{Load, Result, StoreError};

/// The row of the names. It sorts behind all entries, as the layout's mark does.
const NAMES_ROW: &[u8] = b"names";
/// Layout, names and memos lie behind all entries; the first byte of their times is below this.
const END_ROW: &[u8] = b"a";
/// So many entries are read at a time: one may be large.
const ROWS: i32 = 50;

/// Enters `load`, in place of an earlier entry with its id.
pub(super) fn record(gateways: &Gateways, session: &mut Session, load: &Load) -> Result<()> {
    let mut row = load.started.0.to_be_bytes().to_vec();
    row.extend_from_slice(load.id.as_bytes());
    let entry = serde_json::to_vec(load).map_err(unwritable(gateways, "write the ledger"))?;
    put(session, "write the ledger", &Tables::of(gateways).loads(), &row, &entry)
}

/// Keeps `names`, in place of earlier ones of the same things.
pub(super) fn name(gateways: &Gateways, session: &mut Session, names: &Names) -> Result<()> {
    let known = self::names(gateways, session)?;
    let mut all = known.clone();
    all.merge(names);
    if all == known {
        return Ok(());
    }
    let text = serde_json::to_vec(&all).map_err(unwritable(gateways, "write the names"))?;
    put(session, "write the names", &Tables::of(gateways).loads(), NAMES_ROW, &text)
}

/// What exporters call their interfaces, VRFs and applications.
pub(super) fn names(gateways: &Gateways, session: &mut Session) -> Result<Names> {
    read_row(gateways, session, NAMES_ROW)
}

/// Keeps `memos` of `topic`, in place of earlier ones with their names.
pub(super) fn remember(
    gateways: &Gateways,
    session: &mut Session,
    topic: Topic,
    memos: &Remembered,
) -> Result<()> {
    let known = remembered(gateways, session, topic)?;
    let mut all = known.clone();
    all.take_in(memos);
    if all == known {
        return Ok(());
    }
    let text = serde_json::to_vec(&all).map_err(unwritable(gateways, "write memos"))?;
    put(session, "write memos", &Tables::of(gateways).loads(), topic.name().as_bytes(), &text)
}

/// What is remembered of `topic`.
pub(super) fn remembered(
    gateways: &Gateways,
    session: &mut Session,
    topic: Topic,
) -> Result<Remembered> {
    read_row(gateways, session, topic.name().as_bytes())
}

/// What a row behind the entries holds; nothing where there is none.
fn read_row<T: DeserializeOwned + Default>(
    gateways: &Gateways,
    session: &mut Session,
    row: &[u8],
) -> Result<T> {
    let table = Tables::of(gateways).loads();
    let Some(text) = get(session, "read the ledger", &table, row)? else {
        return Ok(T::default());
    };
    serde_json::from_slice(&text).map_err(|error| StoreError::Damaged {
        place: table,
        detail: format!("the {}: {error}", String::from_utf8_lossy(row)),
    })
}

/// All entries, oldest first.
pub(super) fn read(gateways: &Gateways, session: &mut Session) -> Result<Vec<Load>> {
    let table = Tables::of(gateways).loads();
    // The whole list again if anything comes between: it is short.
    let entries = session.call("read the ledger", |gateway| {
        let bounds = Bounds { start: Vec::new(), stop: END_ROW.to_vec() };
        let scanner = open_scanner(gateway, &table, &bounds, ROWS, None)?;
        let client = gateway.client();
        let mut entries = Vec::new();
        loop {
            let rows = client.scanner_get_list(scanner, ROWS)?;
            if rows.is_empty() {
                break;
            }
            let cells = rows.into_iter().filter_map(|row| row.columns);
            entries.extend(cells.flat_map(BTreeMap::into_values).filter_map(|cell| cell.value));
        }
        client.scanner_close(scanner)?;
        Ok(entries)
    })?;
    let damaged = |error: serde_json::Error| StoreError::Damaged {
        place: table.clone(),
        detail: format!("an entry of the ledger: {error}"),
    };
    entries.iter().map(|entry| serde_json::from_slice(entry).map_err(damaged)).collect()
}
