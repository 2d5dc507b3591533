//! The tables of a store as they should be, and as statements for HBase's shell; making and
//! deleting them.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use hbase_thrift::hbase::THbaseSyncClient;
use serde::Serialize;

use super::filter;
use super::gateways::{Gateways, Session};
use super::tables::{self, FAMILY, Layout, Tables};
use super::thrift2::Thrift2;
use crate::flow::{Family, TimeRange};
use crate::row::{AddressRange, KeyRange, Order};
use crate::store::{Result, StoreError};

/// Bytes of a row key that a Bloom filter tells apart: family and IPv4 address.
pub(super) const BLOOM_PREFIX_BYTES: u32 = 5;

/// How blocks of a table are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "HBase's own names")]
pub enum Compression {
    None,
    Gz,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    /// All of them, the best for flows first.
    pub const ALL: [Self; 5] = [Self::Zstd, Self::Lz4, Self::Snappy, Self::Gz, Self::None];
    /// What is tried where nothing is asked for: the last is in every HBase.
    pub const PREFERRED: [Self; 3] = [Self::Zstd, Self::Lz4, Self::Gz];

    /// Its name in HBase.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Gz => "GZ",
            Self::Snappy => "SNAPPY",
            Self::Lz4 => "LZ4",
            Self::Zstd => "ZSTD",
        }
    }

    /// The number that Thrift2 has for it.
    pub(super) const fn number(self) -> i32 {
        match self {
            Self::Gz => 1,
            Self::None => 2,
            Self::Snappy => 3,
            Self::Lz4 => 4,
            Self::Zstd => 6,
        }
    }
}

/// What a store's tables should be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The orders that flows are kept in.
    pub orders: Vec<Order>,
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
            compression: None,
            ttl_secs: None,
            splits: [splits.clone(), splits],
        }
    }

    /// The row keys at which the table in `order` is split.
    fn split_keys(&self, order: Order) -> Vec<Vec<u8>> {
        let key = |&lead: &IpAddr| KeyRange::new(&AddressRange::from(lead), TimeRange::ALL).start;
        self.splits[order as usize].iter().map(key).collect()
    }

    /// Every table of the store `base`, the ledger first.
    fn tables(&self, base: &Tables, compression: Compression) -> Vec<Table> {
        let ledger = Table {
            name: base.loads(),
            flows: false,
            compression: Compression::Gz,
            ttl_secs: None,
            splits: Vec::new(),
        };
        let flows = self.orders.iter().map(|&order| Table {
            name: base.flows(order),
            flows: true,
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

/// One table as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub name: String,
    /// Whether it holds flows; else it is the ledger.
    pub flows: bool,
    pub compression: Compression,
    pub ttl_secs: Option<u32>,
    pub splits: Vec<Vec<u8>>,
}

impl Table {
    /// Bytes of the row key that its Bloom filter is of.
    pub(super) fn bloom_prefix_bytes(&self) -> Option<u32> {
        self.flows.then_some(BLOOM_PREFIX_BYTES)
    }
}

impl fmt::Display for Table {
    /// A statement of HBase's shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "create '{}', {{NAME => '{FAMILY}', VERSIONS => 1", self.name)?;
        write!(f, ", COMPRESSION => '{}'", self.compression.name())?;
        if let Some(bytes) = self.bloom_prefix_bytes() {
            write!(
                f,
                ", DATA_BLOCK_ENCODING => 'FAST_DIFF', BLOOMFILTER => 'ROWPREFIX_FIXED_LENGTH'"
            )?;
            write!(f, ", CONFIGURATION => {{'RowPrefixBloomFilter.prefix_length' => '{bytes}'}}")?;
        }
        if let Some(secs) = self.ttl_secs {
            write!(f, ", TTL => {secs}")?;
        }
        f.write_str("}")?;
        if !self.splits.is_empty() {
            let keys: Vec<String> =
                self.splits.iter().map(|key| format!("\"{}\"", in_quotes(key))).collect();
            write!(f, ", SPLITS => [{}]", keys.join(", "))?;
        }
        Ok(())
    }
}

/// A key as it stands in the shell's double quotes, where `#` may begin an expression.
fn in_quotes(key: &[u8]) -> String {
    filter::text(key).replace('"', "\\x22").replace('#', "\\x23")
}

/// What making the tables came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Created {
    /// The tables that were made.
    pub tables: Vec<String>,
    /// How their blocks are compressed.
    pub compression: Compression,
    /// What is not as it should be, because the gateway's interface cannot say it.
    pub left_out: Vec<&'static str>,
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
    let mark = Layout { layout: super::LAYOUT_VERSION, orders: schema.orders.clone() };
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
    tables::refuse_others(gateways, session)?;
    let mut refusal = None;
    for compression in schema.compressions() {
        let wanted = schema.tables(&base, compression);
        let made = wanted.iter().try_for_each(|table| match &mut thrift2 {
            Some(thrift2) => thrift2.create(table, &place),
            None => tables::create(session, &table.name, compression, table.ttl_secs),
        });
        match made {
            Ok(()) => {
                let layout =
                    Layout { layout: super::LAYOUT_VERSION, orders: schema.orders.clone() };
                layout.write(gateways, session)?;
                let left_out = if thrift2.is_some() { Vec::new() } else { LEFT_OUT.to_vec() };
                let tables = wanted.into_iter().map(|table| table.name).collect();
                return Ok(Created { tables, compression, left_out });
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
    let there = session.call("list the tables", |gateway| {
        gateway.client().get_table_names_with_is_table_enabled()
    })?;
    let mut dropped = Vec::new();
    // The ledger with its mark goes last: until then the others can be told to be a store's.
    for name in Order::ALL.map(|order| base.flows(order)).into_iter().chain([base.loads()]) {
        if let Some(&enabled) = there.get(name.as_bytes()) {
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
