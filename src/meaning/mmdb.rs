//! Databases in `MaxMind`'s format, by the field names of those who publish them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::entries::Entries;
use super::{Attribute, MeaningError};
use crate::flow::canonical;
use crate::row::AddressRange;

/// What the last bytes of such a file have in them, before what is said of it.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// So many bytes before the end the marker is at most (`MaxMind` DB 2.0).
const MARKER_BYTES: usize = 128 << 10;

/// A record, as far as any vendor's says something that is asked for.
#[derive(Debug, Deserialize)]
struct Record {
    country: Option<Said>,
    country_code: Option<Said>,
    city: Option<Said>,
    autonomous_system_number: Option<Said>,
    asn: Option<Said>,
    autonomous_system_organization: Option<Said>,
    as_name: Option<Said>,
    /// Of the autonomous system, in databases of these.
    name: Option<Said>,
}

/// A text, or what has it in it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
    Text(String),
    Number(u32),
    Named { iso_code: Option<String>, names: Option<BTreeMap<String, String>> },
    Other(IgnoredAny),
}

/// Whether `bytes` are such a database.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let end = &bytes[bytes.len().saturating_sub(MARKER_BYTES)..];
    end.windows(MARKER.len()).any(|window| window == MARKER)
}

/// A database in memory, of which single addresses are asked.
#[derive(Debug)]
pub(super) struct Database {
    file: PathBuf,
    reader: Reader<Vec<u8>>,
}

/// What was found of an address.
pub(super) struct Found<'a>(LookupResult<'a, Vec<u8>>);

impl Database {
    /// The database that `bytes` are, which were read from `file`.
    pub(super) fn open(file: &Path, bytes: Vec<u8>) -> Result<Self, MeaningError> {
        match Reader::from_source(bytes) {
            Ok(reader) => Ok(Self { file: file.to_owned(), reader }),
            Err(error) => Err(damaged(file, error)),
        }
    }

    /// The record of `address`, and where it is: many addresses share one.
    pub(super) fn find(
        &self,
        address: IpAddr,
    ) -> Result<Option<(Found<'_>, usize)>, MaxMindDbError> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        let found = self.reader.lookup(address)?;
        Ok(found.offset().map(|at| (Found(found), at)))
    }

    /// The error that this database is not what was written.
    pub(super) fn damaged(&self, error: MaxMindDbError) -> MeaningError {
        damaged(&self.file, error)
    }
}

impl Found<'_> {
    /// What it says by `attribute`; empty where it says nothing.
    pub(super) fn said(&self, attribute: Attribute) -> Result<String, MaxMindDbError> {
        let record = self.0.decode::<Record>()?;
        Ok(record.and_then(|record| record.said(attribute)).unwrap_or_default())
    }
}

/// The error that `file` is no such database, or a damaged one.
pub(super) fn damaged(file: &Path, error: MaxMindDbError) -> MeaningError {
    let source = io::Error::new(io::ErrorKind::InvalidData, error);
    MeaningError::File { file: file.to_owned(), source }
}

/// What the database says of addresses by `attribute`.
pub(super) fn read(
    bytes: Vec<u8>,
    attribute: Attribute,
    entries: &mut Entries,
) -> Result<Vec<(AddressRange, u32)>, MaxMindDbError> {
    let reader = Reader::from_source(bytes)?;
    let mut found: Vec<(AddressRange, u32)> = Vec::new();
    // Many networks share a record.
    let mut labels: HashMap<Option<usize>, u32> = HashMap::new();
    for network in reader.networks(WithinOptions::default())? {
        let network = network?;
        let label = if let Some(&label) = labels.get(&network.offset()) {
            label
        } else {
            let record = network.decode::<Record>()?;
            let text = record.and_then(|record| record.said(attribute));
            let label = entries.label(&text.unwrap_or_default());
            labels.insert(network.offset(), label);
            label
        };
        let block = network.network()?;
        let ends = [block.network(), last(block.network(), block.prefix())].map(canonical);
        found.extend(AddressRange::new(ends[0], ends[1]).map(|range| (range, label)));
    }
    Ok(found)
}

/// The last address of the block from `first`.
fn last(first: IpAddr, prefix: u8) -> IpAddr {
    match first {
        IpAddr::V4(v4) => {
            IpAddr::V4((u32::from(v4) | u32::MAX.checked_shr(prefix.into()).unwrap_or(0)).into())
        }
        IpAddr::V6(v6) => {
            IpAddr::V6((u128::from(v6) | u128::MAX.checked_shr(prefix.into()).unwrap_or(0)).into())
        }
    }
}

impl Record {
    fn said(self, attribute: Attribute) -> Option<String> {
        let said = match attribute {
            Attribute::Country => [self.country, self.country_code, None],
            Attribute::City => [self.city, None, None],
            Attribute::Asn => [self.autonomous_system_number, self.asn, None],
            Attribute::AsName => [self.autonomous_system_organization, self.as_name, self.name],
            _ => [None, None, None],
        };
        // IPinfo's free database has the name of a country beside its code.
        let mut texts: Vec<String> = said.into_iter().flatten().filter_map(Said::text).collect();
        if attribute == Attribute::Country {
            texts.sort_by_key(String::len);
        }
        let text = texts.into_iter().next()?;
        // IPinfo writes AS64500.
        let number = text.strip_prefix("AS").filter(|_| attribute == Attribute::Asn);
        Some(number.map(str::to_owned).unwrap_or(text))
    }
}

impl Said {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string()),
            Self::Named { iso_code, names } => {
                iso_code.or_else(|| names.and_then(|mut names| names.remove("en")))
            }
            Self::Other(IgnoredAny) => None,
        }
    }
}
