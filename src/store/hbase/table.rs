//! One table as it should be, and as a statement of HBase's shell.

use std::fmt;

use serde::Serialize;

use super::filter;
use crate::row::Order;

/// The family of all tables.
pub(super) const FAMILY: &str = "f";

/// Bytes of a row key in `order` that a Bloom filter tells apart: family and IPv4 address, or an
/// address behind a NAT, which is as long as one of IPv6.
pub(super) const fn bloom_prefix_bytes(order: Order) -> u32 {
    match order {
        Order::Src | Order::Dst => 5,
        Order::Nat => 17,
    }
}

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

/// One table as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub name: String,
    /// The order of the flows that it holds; else it is the ledger.
    pub order: Option<Order>,
    pub compression: Compression,
    pub ttl_secs: Option<u32>,
    pub splits: Vec<Vec<u8>>,
}

impl Table {
    /// Bytes of the row key that its Bloom filter is of.
    pub(super) fn bloom_prefix_bytes(&self) -> Option<u32> {
        self.order.map(bloom_prefix_bytes)
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
