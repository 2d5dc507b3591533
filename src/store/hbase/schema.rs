//! The tables of a store as they should be, and as statements for HBase's shell; making and
//! deleting them.

use std::fmt::Write as _;
use std::net::IpAddr;

use hbase_thrift::hbase::THbaseSyncClient;
use serde::Serialize;

use super::gateways::{Gateways, Session};
use super::table::{Compression, FAMILY, Table};
use super::tables::{self, BehindNat, Layout, Tables, refuse_disabled};
use super::thrift2::Thrift2;
use crate::flow::{Family, TimeRange};
use crate::row::{AddressRange, KeyRange, Order};
use crate::store::{Result, StoreError};

/// What a store's tables should be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The orders that every flow is kept in.
    pub orders: Vec<Order>,
    /// Whether the table of flows behind a NAT is made at once, and not when the first one comes.
    pub nat: bool,
    /// How blocks are compressed. None: the first of [`Compression::PREFERRED`] that there is.
    pub compression: Option<Compression>,
    /// After how many seconds from when they were written rows go. None: never.
    pub ttl_secs: Option<u32>,
    /// The first addresses of all regions of flows but the first, by order.
    pub splits: [Vec<IpAddr>; 2],
}

impl Schema {
    /// `regions` regions of as many IPv4 addresses each, in both orders.
    pub fn even(regions: u32) -> Self {
        let splits: Vec<IpAddr> = (1..u64::from(regions))
            .map(|region| Family::V4.address(((region << 32) / u64::from(regions)).into()))
            .collect();
        Self {
            orders: Order::ALL.to_vec(),
            nat: false,
            compression: None,
            ttl_secs: None,
            splits: [splits.clone(), splits],
        }
    }

    /// The row keys at which the table in `order` is split.
    fn split_keys(&self, order: Order) -> Vec<Vec<u8>> {
        let key = |&lead: &IpAddr| KeyRange::new(&AddressRange::from(lead), TimeRange::ALL).start;
        self.splits.get(order as usize).into_iter().flatten().map(key).collect()
    }

    fn layout(&self) -> Layout {
        Layout::new(self.orders.clone(), self.nat.then_some(BehindNat::All))
    }

    /// Every table of the store `base`, the ledger first.
    fn tables(&self, base: &Tables, compression: Compression) -> Vec<Table> {
        let ledger = Table {
            name: base.loads(),
            order: None,
            compression: Compression::Gz,
            ttl_secs: None,
            splits: Vec::new(),
        };
        let layout = self.layout();
        let flows = layout.tables().map(|order| Table {
            name: base.flows(order),
            order: Some(order),
            compression,
            ttl_secs: self.ttl_secs,
            splits: self.split_keys(order),
        });
        std::iter::once(ledger).chain(flows).collect()
    }

    /// The compressions to be tried.
    fn compressions(&self) -> Vec<Compression> {
        self.compression.map_or(Compression::PREFERRED.to_vec(), |one| vec![one])
    }
}

/// What making the tables came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// The tables that were made.
    pub tables: Vec<String>,
    /// The tables that were there before, and stay as they are.
    pub there: Vec<String>,
    /// How their blocks are compressed.
    pub compression: Compression,
    /// What is not as it should be, because the gateway's interface cannot say it.
    pub left_out: Vec<&'static str>,
}

impl Created {
    const NOTHING: Self = Self {
        tables: Vec::new(),
        there: Vec::new(),
        compression: Compression::None,
        left_out: Vec::new(),
    };
}

/// The statements of HBase's shell that make the tables of `schema` and mark them.
pub(super) fn statements(gateways: &Gateways, schema: &Schema) -> String {
    let base = Tables::of(gateways);
    let compression = schema.compression.unwrap_or(Compression::PREFERRED[0]);
    let mut text = String::new();
    for table in schema.tables(&base, compression) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{table}");
    }
    let mark = schema.layout();
    let mark = serde_json::to_string(&mark).unwrap_or_default();
    let _ = writeln!(text, "put '{}', 'layout', '{FAMILY}:p', '{mark}'", base.loads());
    text
}

/// Makes the tables: over Thrift2 as they should be, else over Thrift as far as that goes.
pub(super) fn create(
    gateways: &Gateways,
    session: &mut Session,
    schema: &Schema,
    mut thrift2: Option<Thrift2>,
) -> Result<Created> {
    let base = Tables::of(gateways);
    let place = gateways.location().to_string();
    match Layout::read(gateways, session) {
        Ok(found) if found.orders == schema.orders => {
            let flows = found.tables().map(|order| base.flows(order));
            let there = std::iter::once(base.loads()).chain(flows).collect();
            return Ok(Created { there, ..Created::NOTHING });
        }
        Ok(found) => {
            let orders: Vec<String> = found.orders.iter().map(ToString::to_string).collect();
            let detail = format!(
                "they are there, with the orders {}; what they hold would be found in some answers only",
                orders.join(" and ")
            );
            return Err(StoreError::refused(place, "create the tables", detail));
        }
        Err(StoreError::Missing { .. }) => {}
        Err(error) => return Err(error),
    }
    refuse_others(gateways, session)?;
    let mut refusal = None;
    for compression in schema.compressions() {
        let wanted = schema.tables(&base, compression);
        let made = wanted.iter().try_for_each(|table| match &mut thrift2 {
            Some(thrift2) => thrift2.create(table, &place),
            None => tables::create(session, &table.name, compression, table.ttl_secs),
        });
        match made {
            Ok(()) => {
                schema.layout().write(gateways, session)?;
                let left_out = if thrift2.is_some() { Vec::new() } else { LEFT_OUT.to_vec() };
                let tables = wanted.into_iter().map(|table| table.name).collect();
                return Ok(Created { tables, there: Vec::new(), compression, left_out });
            }
            // A cluster without the codec says so; the next one may be there.
            Err(StoreError::Refused { detail, .. })
                if detail.to_ascii_lowercase().contains("compress") =>
            {
                refusal = Some(detail);
            }
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::refused(place, "create a table", refusal.unwrap_or_default()))
}

/// What the first Thrift interface cannot say of a table.
const LEFT_OUT: &[&str] =
    &["regions from the start", "FAST_DIFF encoding", "Bloom filter on the address"];

/// Deletes the tables of the store that are there; gives their names.
pub(super) fn drop(gateways: &Gateways, session: &mut Session) -> Result<Vec<String>> {
    let base = Tables::of(gateways);
    let mut dropped = Vec::new();
    // The ledger with its mark goes last: until then the others can be told to be a store's.
    for name in Order::EVERY.map(|order| base.flows(order)).into_iter().chain([base.loads()]) {
        if let Some(enabled) = tables::is_enabled(session, &name)? {
            let table = || name.clone().into_bytes();
            if enabled {
                session.call("disable a table", |gateway| {
                    match gateway.client().disable_table(table()) {
                        Err(error) if super::error::says(&error, "TableNotEnabledException") => {
                            Ok(())
                        }
                        done => done,
                    }
                })?;
            }
            session.call("delete a table", |gateway| {
                match gateway.client().delete_table(table()) {
                    Err(error) if super::error::says(&error, "TableNotFoundException") => Ok(()),
                    done => done,
                }
            })?;
            dropped.push(name);
        }
    }
    Ok(dropped)
}

/// Makes the tables of a store that are missing, with what the first Thrift interface can set, and
/// marks them. Tables that are there stay as they are.
///
/// # Errors
///
/// [`StoreError::NotAStore`] if there are tables of these names without the mark; else as
/// [`Layout::read`].
pub(super) fn ensure(
    gateways: &Gateways,
    session: &mut Session,
    orders: &[Order],
) -> Result<Layout> {
    match Layout::read(gateways, session) {
        Err(StoreError::Missing { .. }) => {}
        Ok(found) => {
            for order in found.tables() {
                refuse_disabled(gateways, session, &Tables::of(gateways).flows(order))?;
            }
            return Ok(found);
        }
        Err(error) => return Err(error),
    }
    let schema = Schema { orders: orders.to_vec(), ..Schema::even(1) };
    let made = create(gateways, session, &schema, None)?;
    tracing::info!("made the tables {}", made.tables.join(", "));
    Ok(schema.layout())
}

/// Makes the table of flows behind a NAT, if there is none yet, with what the first Thrift interface
/// can say, and marks it. `is_new`: no flow was written before. Its rows go when those of the first
/// table do.
///
/// # Errors
///
/// As [`Layout::read`] and [`tables::create`].
pub(super) fn ensure_nat(gateways: &Gateways, session: &mut Session, is_new: bool) -> Result<()> {
    let mut layout = Layout::read(gateways, session)?;
    if layout.nat.is_some() {
        return Ok(());
    }
    let tables = Tables::of(gateways);
    let first = tables.flows(layout.orders.first().copied().unwrap_or(Order::Src));
    let (compression, ttl_secs) = tables::settings(session, &first)?;
    tables::create(session, &tables.flows(Order::Nat), compression, ttl_secs)?;
    let nat = if is_new { BehindNat::All } else { BehindNat::Later };
    layout = Layout::new(layout.orders, Some(nat));
    layout.write(gateways, session)?;
    tracing::info!("made the table {}", tables.flows(Order::Nat));
    Ok(())
}

/// # Errors
///
/// [`StoreError::NotAStore`] if there are tables of this store's names without its mark.
fn refuse_others(gateways: &Gateways, session: &mut Session) -> Result<()> {
    let tables = Tables::of(gateways);
    let there: Vec<Vec<u8>> =
        session.call("list the tables", |gateway| gateway.client().get_table_names())?;
    let is_there = |name: &str| there.iter().any(|known| known == name.as_bytes());
    // The ledger comes first: where it is, an unfinished beginning is our own.
    let unfinished = is_there(&tables.loads());
    for order in Order::EVERY {
        let name = tables.flows(order);
        if is_there(&name) && !unfinished {
            return Err(StoreError::NotAStore {
                place: gateways.location().to_string(),
                found: format!("there is a table {name} that this program did not make"),
            });
        }
    }
    Ok(())
}
