//! The tables of a store, and the mark that says what is in them.

use hbase_thrift::Attributes;
use hbase_thrift::hbase::{BatchMutation, ColumnDescriptor, Mutation, THbaseSyncClient};
use serde::{Deserialize, Serialize};

use super::gateways::{Gateways, Session};
use super::region::{Bounds, open_scanner};
use super::table::{Compression, FAMILY};
use super::{LAYOUT_OF_ENDS, LAYOUT_VERSION, cell};
use crate::row::Order;
use crate::store::{Result, StoreError};

/// The row of the ledger's table that holds the mark. It sorts behind all entries.
const LAYOUT_ROW: &[u8] = b"layout";

/// The names of the tables of a store.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    base: String,
}

impl Tables {
    pub(super) fn of(gateways: &Gateways) -> Self {
        Self { base: gateways.location().table.clone() }
    }

    /// The flows in `order`.
    pub(super) fn flows(&self, order: Order) -> String {
        match order {
            Order::Src => self.base.clone(),
            Order::Dst | Order::Nat => format!("{}_by_{order}", self.base),
        }
    }

    /// The ledger of loads.
    pub(super) fn loads(&self) -> String {
        format!("{}_loads", self.base)
    }
}

/// What a store's tables hold, as it is written beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layout {
    #[serde(rename = "layout")]
    pub version: u32,
    /// The orders that every flow is written in.
    pub orders: Vec<Order>,
    /// Whether there is a table of flows behind a NAT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat: Option<BehindNat>,
}

/// What is in the table in the order of addresses behind a NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BehindNat {
    /// Every flow that has one.
    All,
    /// Those that came after the table was made: there were flows before.
    Later,
}

impl Layout {
    pub(super) fn new(orders: Vec<Order>, nat: Option<BehindNat>) -> Self {
        let version = if nat.is_some() { LAYOUT_VERSION } else { LAYOUT_OF_ENDS };
        Self { version, orders, nat }
    }

    /// The orders that there are tables in.
    pub(super) fn tables(&self) -> impl Iterator<Item = Order> {
        self.orders.iter().copied().chain(self.nat.map(|_| Order::Nat))
    }

    /// Whether every flow that belongs into `order` is in its table.
    pub(super) fn has(&self, order: Order) -> bool {
        match order {
            Order::Src | Order::Dst => self.orders.contains(&order),
            Order::Nat => self.nat == Some(BehindNat::All),
        }
    }

    /// The layout of the store behind `gateways`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] where there is none, [`StoreError::Newer`] and
    /// [`StoreError::NotAStore`] where it is of another kind; else as [`Session::call`].
    pub(super) fn read(gateways: &Gateways, session: &mut Session) -> Result<Self> {
        let loads = Tables::of(gateways).loads();
        let Some(mark) = get(session, "read the layout", &loads, LAYOUT_ROW)? else {
            return Err(StoreError::Missing { place: gateways.location().to_string() });
        };
        let place = || gateways.location().to_string();
        let found: Self = serde_json::from_slice(&mark).map_err(|error| StoreError::NotAStore {
            place: place(),
            found: format!("the mark of its layout is {error}"),
        })?;
        if found.version > LAYOUT_VERSION {
            let (place, found) = (place(), found.version);
            return Err(StoreError::Newer { place, found, known: LAYOUT_VERSION });
        }
        Ok(found)
    }

    pub(super) fn write(&self, gateways: &Gateways, session: &mut Session) -> Result<()> {
        let loads = Tables::of(gateways).loads();
        let mark = serde_json::to_vec(self).map_err(unwritable(gateways, "write the layout"))?;
        put(session, "write the layout", &loads, LAYOUT_ROW, &mark)
    }
}

/// What cannot be written as JSON, which nothing here should be, is not written at all: a mark or an
/// entry without contents would be damage.
pub(super) fn unwritable(
    gateways: &Gateways,
    doing: &'static str,
) -> impl FnOnce(serde_json::Error) -> StoreError {
    let place = gateways.location().to_string();
    move |error| StoreError::refused(place, doing, error.to_string())
}

/// Reads one row of one cell; None where there is none.
pub(super) fn get(
    session: &mut Session,
    doing: &'static str,
    table: &str,
    row: &[u8],
) -> Result<Option<Vec<u8>>> {
    let cells = session.call(doing, |gateway| {
        let (row, column) = (row.to_vec(), cell::COLUMN.to_vec());
        gateway.client().get(table.into(), row, column, Attributes::new())
    })?;
    Ok(cells.into_iter().next().and_then(|cell| cell.value))
}

/// Writes one row of one cell.
pub(super) fn put(
    session: &mut Session,
    doing: &'static str,
    table: &str,
    row: &[u8],
    value: &[u8],
) -> Result<()> {
    session.call(doing, |gateway| {
        let rows = vec![mutation(row.to_vec(), value.to_vec())];
        gateway.client().mutate_rows(table.into(), rows, Attributes::new())
    })
}

/// Writes one row of one cell, if it still holds what is `before`, of which nothing is that there is none;
/// whether it did. Who may have written it with a call whose answer was lost did so.
pub(super) fn put_in_place(
    session: &mut Session,
    doing: &'static str,
    (table, row): (&str, &[u8]),
    before: &[u8],
    value: &[u8],
) -> Result<bool> {
    let done = session.call(doing, |gateway| {
        let put = Mutation {
            is_delete: Some(false),
            column: Some(cell::COLUMN.to_vec()),
            value: Some(value.to_vec()),
            write_to_w_a_l: Some(true),
        };
        let (row, column) = (row.to_vec(), cell::COLUMN.to_vec());
        let (before, none) = (before.to_vec(), Attributes::new());
        gateway.client().check_and_put(table.into(), row, column, before, put, none)
    })?;
    Ok(done || get(session, doing, table, row)?.is_some_and(|found| found == value))
}

/// A row of one cell, to be written durably.
pub(super) fn mutation(row: Vec<u8>, value: Vec<u8>) -> BatchMutation {
    let put = Mutation {
        is_delete: Some(false),
        column: Some(cell::COLUMN.to_vec()),
        value: Some(value),
        write_to_w_a_l: Some(true),
    };
    BatchMutation { row: Some(row), mutations: Some(vec![put]) }
}

/// A row of one cell, to be deleted durably.
pub(super) fn deletion(row: Vec<u8>) -> BatchMutation {
    let delete = Mutation {
        is_delete: Some(true),
        column: Some(cell::COLUMN.to_vec()),
        value: None,
        write_to_w_a_l: Some(true),
    };
    BatchMutation { row: Some(row), mutations: Some(vec![delete]) }
}

/// Whether `table` is enabled; None where there is none of that name. It is asked for by name: the
/// gateway's list of all tables with their states fails as a whole when somebody else's table goes
/// while it is drawn up.
pub(super) fn is_enabled(session: &mut Session, table: &str) -> Result<Option<bool>> {
    session.call("look for a table", |gateway| {
        match gateway.client().is_table_enabled(table.into()) {
            Err(error) if super::error::says(&error, "TableNotFoundException") => Ok(None),
            enabled => enabled.map(Some),
        }
    })
}

/// Sees that rows can be written to `table`: a gateway tries for minutes to write to one that is
/// disabled, and then says no more than that it could not. It is asked once: where nobody answers,
/// a call that matters will tell.
///
/// # Errors
///
/// [`StoreError::Refused`] if it is disabled.
pub(super) fn refuse_disabled(
    gateways: &Gateways,
    session: &mut Session,
    table: &str,
) -> Result<()> {
    let enabled = session.once(|gateway| gateway.client().is_table_enabled(table.into()));
    if !matches!(enabled, Ok(false)) {
        return Ok(());
    }
    let place = gateways.location().to_string();
    Err(StoreError::refused(
        place,
        "write",
        format!("its table is disabled; enable '{table}' in HBase's shell"),
    ))
}

/// How the blocks of `table` are compressed, and after how many seconds its rows go.
pub(super) fn settings(session: &mut Session, table: &str) -> Result<(Compression, Option<u32>)> {
    let families = session.call("describe a table", |gateway| {
        gateway.client().get_column_descriptors(table.into())
    })?;
    let family = families.into_values().next();
    let name = family.as_ref().and_then(|family| family.compression.clone()).unwrap_or_default();
    let is_meant = |known: &Compression| known.name().eq_ignore_ascii_case(&name);
    let compression = Compression::ALL.into_iter().find(is_meant).unwrap_or(Compression::None);
    let ttl_secs = family.and_then(|family| family.time_to_live).filter(|&secs| secs != i32::MAX);
    Ok((compression, ttl_secs.and_then(|secs| u32::try_from(secs).ok())))
}

/// Whether `table` has no row.
pub(super) fn is_empty(session: &mut Session, table: &str) -> Result<bool> {
    session.call("look for a row", |gateway| {
        let all = Bounds { start: Vec::new(), stop: Vec::new() };
        let scanner = open_scanner(gateway, table, &all, 1, None)?;
        let rows = gateway.client().scanner_get(scanner)?;
        gateway.client().scanner_close(scanner)?;
        Ok(rows.is_empty())
    })
}

/// Makes a table with what the first Thrift interface can say; one that is there stays as it is.
pub(super) fn create(
    session: &mut Session,
    name: &str,
    compression: Compression,
    ttl_secs: Option<u32>,
) -> Result<()> {
    let family = ColumnDescriptor {
        name: Some(format!("{FAMILY}:").into()),
        max_versions: Some(1),
        compression: Some(compression.name().to_owned()),
        in_memory: Some(false),
        bloom_filter_type: Some("NONE".to_owned()),
        bloom_filter_vector_size: Some(0),
        bloom_filter_nb_hashes: Some(0),
        block_cache_enabled: Some(true),
        time_to_live: Some(ttl_secs.map_or(i32::MAX, |secs| secs.try_into().unwrap_or(i32::MAX))),
    };
    session.call("create a table", |gateway| {
        match gateway.client().create_table(name.into(), vec![family.clone()]) {
            // Made by a call before this one whose answer was lost.
            Err(thrift::Error::User(error)) if error.is::<hbase_thrift::hbase::AlreadyExists>() => {
                Ok(())
            }
            done => done,
        }
    })
}
