//! The manifest: which files are the store, as of one commit.
//!
//! Manifests are numbered, and the one with the highest number counts. Each is a line of JSON that
//! says its format and a checksum of all that follows, then the body in JSON.
//! `schema/embedded.md` writes the format down.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize, de};
use xxhash_rust::xxh3::xxh3_64;

use super::file_names::manifest_name;
use super::places::PlaceRange;
use super::run_columns::RunColumns;
use crate::flow::{Column, Columns, Family, Source, UnixMillis};
use crate::row::{AddressRange, Bounds, Order};
use crate::store::durable::{NewFile, sync_dir};
use crate::store::watchlist::Listed;
use crate::store::{Result, StoreError};

/// The last format that this version reads, and writes where hits of a watch list are in several files:
/// who does not know them would lose some.
pub(crate) const FORMAT: u32 = 6;
/// What it writes where there are watch lists, each with all of its hits in one file: who does not know
/// lists would commit flows that nobody looked at.
const FORMAT_OF_WATCHED: u32 = 5;
/// What it writes where there are none, and a run has sums, or a file in the order of addresses behind
/// a NAT.
const FORMAT_OF_SUMS: u32 = 4;
/// What it writes where none has, and a run has more than the columns that all have.
const FORMAT_OF_COLUMNS: u32 = 3;
/// What it writes where none has any, so that all versions before read it, too.
const FORMAT_OF_BASE: u32 = 1;

/// The files of a store as of one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// The number in its file's name: the commits up to it.
    #[serde(skip)]
    pub(crate) number: u64,
    /// The checksum of its body as it was read, or written.
    #[serde(skip)]
    pub(crate) checksum: Checksum,
    /// The number that the next run or identity file gets.
    pub(crate) next: u64,
    /// Who exported the flows. Runs hold indexes into this list: a place is given to another source
    /// only when no run refers to it.
    pub(crate) sources: Vec<Source>,
    /// The runs, in the order in which they were committed.
    pub(crate) runs: Vec<Run>,
    /// The files of datagram identities.
    pub(crate) identities: Vec<IdentityFile>,
    /// Runs with this number and later ones have a file in the order of addresses behind a NAT if any
    /// of their flows has one. Of runs before that it is not known, unless they have such a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nat_since: Option<u64>,
    /// What is watched for, by name. All flows of the runs were looked at, but for indicators that are
    /// marked in the list's file: of these only what came after the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) watched: Vec<Watched>,
}

/// A watch list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// What it is.
    #[serde(flatten)]
    pub(crate) listed: Listed,
    /// The name of the file that it is in.
    pub(crate) list: String,
    /// The name of the file of what was hit, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hits: Option<String>,
    /// The names of files of what was hit since that one was written.
    #[serde(default, rename = "laterHits", skip_serializing_if = "Vec::is_empty")]
    pub(crate) later_hits: Vec<String>,
}

impl Watched {
    /// The names of its files.
    pub(crate) fn file_names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.list).chain(&self.hits).chain(&self.later_hits)
    }
}

/// Flows of one family in files each of which is sorted in another order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// The number in its files' names; it is never given again.
    pub(crate) number: u64,
    /// The family of all of its flows.
    pub(crate) family: Family,
    /// The columns of its files. Format 1 has one list of them for all runs, and format 2 says of
    /// each whether it has extras as well.
    #[serde(default, alias = "extras", skip_serializing_if = "RunColumns::are_base")]
    pub(crate) columns: RunColumns,
    /// Whether its flows are of days that wrong clocks and forgers name, and so many: such runs are
    /// merged with each other, not by day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stranger: bool,
    /// How many flows each of the files holds.
    pub(crate) rows: u64,
    /// When its earliest flow began.
    pub(crate) min_first: UnixMillis,
    /// When its latest flow began.
    pub(crate) max_first: UnixMillis,
    /// The longest that a flow of it lasted, or more, in ms; None where that is not known, in runs
    /// of versions before 2026-11-29.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_duration: Option<u32>,
    /// The places in the list of sources that its flows refer to, rising, and perhaps others; None
    /// where that is not known, in runs of versions before 2026-11-29.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sources: Option<Vec<PlaceRange>>,
    /// A file for each order that is kept.
    pub(crate) files: Vec<RunFile>,
    /// What its flows come to; None where nobody summed them up yet, none where it did not pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sums: Option<Vec<SumsFile>>,
}

/// Sums of the flows of a run: the rows of its parts, one after the other, each from a row group of
/// its own on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SumsFile {
    /// The file; its order is that of the flows as they were summed up.
    pub(crate) file: RunFile,
    /// The columns of the file.
    pub(crate) columns: RunColumns,
    /// The parts that pay.
    pub(crate) parts: Vec<SumsPart>,
}

/// Sums of flows that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SumsPart {
    /// The names of the columns that the flows of a row are alike in.
    pub(crate) by: Vec<String>,
    /// They began within the same stretch of so many milliseconds since 1970.
    pub(crate) within_ms: u64,
    /// Whether counters are spread over the time that flows lasted: a row has what was sent in the
    /// stretch that it begins, and how many flows began in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) shares: bool,
    /// How many rows it has.
    pub(crate) rows: u64,
}

impl SumsPart {
    /// The columns that the flows of a row are alike in, as far as they are known here.
    pub(crate) fn columns(&self) -> Columns {
        let names = |column: &Column| self.by.iter().any(|name| name == column.name());
        Column::ALL.into_iter().filter(names).collect()
    }

    /// Whether it is made of the same flows in the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        *self == Self { rows: self.rows, ..other.clone() }
    }
}

/// A run in one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunFile {
    /// The order of its rows.
    pub(crate) order: Order,
    /// Its name in the store's folder.
    pub(crate) name: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// Where the pages end, and the page indexes and the footer begin.
    pub(crate) tail_offset: u64,
    /// XXH3-64 of everything from there on. Pages have checksums of their own.
    pub(crate) tail_hash: Checksum,
    /// The least and the greatest leading address.
    #[serde(with = "lead")]
    pub(crate) lead: AddressRange,
}

/// The identities of datagrams whose flows are in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdentityFile {
    /// Its name in the store's folder.
    pub(crate) name: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// XXH3-64 of the whole file.
    pub(crate) hash: Checksum,
    /// How many identities it holds.
    pub(crate) count: u64,
    /// The stretches of export times that they lie in, rising.
    pub(crate) spans: Vec<Span>,
    /// When the latest flow of these datagrams began, or later. A file that does not say it stays.
    #[serde(default = "unknown", skip_serializing_if = "UnixMillis::is_max")]
    pub(crate) latest: UnixMillis,
}

const fn unknown() -> UnixMillis {
    UnixMillis::MAX
}

/// A stretch of export times from the first to the last, both included, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span(pub(crate) u32, pub(crate) u32);

/// An XXH3-64 hash; in JSON 16 hexadecimal digits, as a number would lose bits in some readers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Checksum(pub(crate) u64);

impl Checksum {
    /// The checksum of `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(xxh3_64(bytes))
    }
}

impl Run {
    /// The file in `order`, if that order is kept.
    pub(crate) fn file(&self, order: Order) -> Option<&RunFile> {
        self.files.iter().find(|file| file.order == order)
    }

    /// The bounds of `column` in all of its flows, where they are known.
    pub(crate) fn bounds(&self, column: Column) -> Option<Bounds> {
        match column {
            Column::First => Some((self.min_first.0.into(), self.max_first.0.into())),
            Column::Duration => Some((0, self.max_duration?.into())),
            _ => None,
        }
    }

    /// What its files take on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.all_files().map(|file| file.bytes).sum()
    }

    /// Its files, those of its sums among them.
    pub(crate) fn all_files(&self) -> impl Iterator<Item = &RunFile> {
        let sums = self.sums.iter().flatten().map(|sums| &sums.file);
        self.files.iter().chain(sums)
    }
}

impl Manifest {
    /// How many flows the store holds.
    pub(crate) fn flows(&self) -> u64 {
        self.runs.iter().map(|run| run.rows).sum()
    }

    /// What runs and identities take on disk.
    pub(crate) fn bytes(&self) -> u64 {
        let identities = self.identities.iter().map(|file| file.bytes);
        self.runs.iter().map(Run::bytes).chain(identities).sum()
    }

    /// The names of all runs, identity files, watch lists and their hits.
    pub(crate) fn file_names(&self) -> impl Iterator<Item = &str> {
        let runs = self.runs.iter().flat_map(Run::all_files).map(|file| file.name.as_str());
        let watched = self.watched.iter().flat_map(Watched::file_names).map(String::as_str);
        runs.chain(self.identities.iter().map(|file| file.name.as_str())).chain(watched)
    }

    /// Whether each flow of `run` that has an address behind a NAT is in the file in their order.
    pub(crate) fn has_all_behind_nat(&self, run: &Run) -> bool {
        run.file(Order::Nat).is_some()
            || !run.columns.have(Column::Extras)
            || self.nat_since.is_some_and(|since| run.number >= since)
    }

    /// From which run on that is certain: as long as there is such a file, which no earlier version
    /// reads, all runs are of versions that write them.
    fn nat_since(&self) -> Option<u64> {
        let mut led = self.runs.iter().filter(|run| run.file(Order::Nat).is_some());
        let first = led.next()?.number;
        Some(self.nat_since.unwrap_or(first))
    }

    /// The least format that has all that is in it.
    fn format(&self) -> u32 {
        let has_sums = self.runs.iter().any(|run| run.sums.is_some());
        if self.watched.iter().any(|watched| !watched.later_hits.is_empty()) {
            FORMAT
        } else if !self.watched.is_empty() {
            FORMAT_OF_WATCHED
        } else if has_sums || self.nat_since.is_some() {
            FORMAT_OF_SUMS
        } else if self.runs.iter().all(|run| run.columns.are_base()) {
            FORMAT_OF_BASE
        } else {
            FORMAT_OF_COLUMNS
        }
    }

    /// What the manifest's file holds.
    ///
    /// # Errors
    ///
    /// None in practice: every value in it can be written as JSON.
    fn encode(&self) -> serde_json::Result<(Checksum, Vec<u8>)> {
        let body = serde_json::to_vec(self)?;
        let checksum = Checksum::of(&body);
        let mut bytes = serde_json::to_vec(&Header { format: self.format(), checksum })?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&body);
        Ok((checksum, bytes))
    }

    /// Reads what a manifest's file holds; `path` is for messages.
    ///
    /// # Errors
    ///
    /// [`StoreError::Newer`] if a later version wrote it, [`StoreError::Damaged`] if it is not
    /// what was written.
    pub(crate) fn decode(path: &Path, number: u64, bytes: &[u8]) -> Result<Self> {
        let (Header { format, checksum }, body) = split(path, bytes)?;
        let manifest: Self = serde_json::from_slice(body)
            .map_err(|error| StoreError::damaged(path, error.to_string()))?;
        if (format == FORMAT_OF_BASE) != (manifest.format() == FORMAT_OF_BASE) {
            return Err(StoreError::damaged(path, format!("format {format} has no such runs")));
        }
        Ok(Self { number, checksum, ..manifest })
    }

    /// Reads the manifest in `file`; `known` is given back where it is the same.
    ///
    /// # Errors
    ///
    /// As [`Self::decode`], and [`StoreError::Io`].
    pub(crate) fn read(
        path: &Path,
        mut file: &File,
        number: u64,
        known: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(StoreError::io(path, "read"))?;
        let (Header { checksum, .. }, _) = split(path, &bytes)?;
        if let Some(known) = known
            && (known.number, known.checksum) == (number, checksum)
        {
            return Ok(Arc::clone(known));
        }
        Self::decode(path, number, &bytes).map(Arc::new)
    }

    /// Makes this the manifest that counts, durably, together with the names of the files in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(crate) fn write(&mut self, dir: &Path) -> Result<()> {
        self.nat_since = self.nat_since();
        let mut file = NewFile::create(&dir.join(manifest_name(self.number)))?;
        let path = file.path().to_owned();
        let (checksum, bytes) = self
            .encode()
            .map_err(|error| StoreError::io(&path, "write")(std::io::Error::other(error)))?;
        file.write_all(&bytes).map_err(StoreError::io(&path, "write"))?;
        // The files that it names must be there for certain before it is.
        sync_dir(dir)?;
        // Two who commit at once is what locks are against; but where one was deleted, neither may
        // take the other's place without a word.
        file.finish_new()?;
        sync_dir(dir)?;
        self.checksum = checksum;
        Ok(())
    }
}

/// The first line of a manifest.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    checksum: Checksum,
}

/// At most so long is the first line; a later format may add to it.
const MAX_HEADER_BYTES: usize = 4096;

/// A manifest's first line, and the body, which has the checksum that it says.
fn split<'a>(path: &Path, bytes: &'a [u8]) -> Result<(Header, &'a [u8])> {
    #[derive(Deserialize)]
    struct AnyFormat {
        format: u32,
    }
    let damaged = |detail: &str| StoreError::damaged(path, detail);
    let end = bytes
        .iter()
        .take(MAX_HEADER_BYTES)
        .position(|&byte| byte == b'\n')
        .ok_or_else(|| damaged("its first line does not end"))?;
    let line = &bytes[..end];
    let AnyFormat { format } = serde_json::from_slice(line)
        .map_err(|_| damaged("its first line is no manifest header"))?;
    if format > FORMAT {
        let place = path.display().to_string();
        return Err(StoreError::Newer { place, found: format, known: FORMAT });
    }
    let header: Header = serde_json::from_slice(line)
        .map_err(|_| damaged("its first line is no manifest header"))?;
    if format == 0 {
        return Err(damaged("its format is 0"));
    }
    let body = &bytes[end + 1..];
    if Checksum::of(body) != header.checksum {
        return Err(damaged("its checksum does not match"));
    }
    Ok((header, body))
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Checksum {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = <&str>::deserialize(deserializer)?;
        let plain = digits.len() == 16
            && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(digits, 16).ok().filter(|_| plain);
        number.map(Self).ok_or_else(|| de::Error::custom("a checksum has 16 hexadecimal digits"))
    }
}

/// A range of addresses as `[first, last]`.
mod lead {
    use super::{AddressRange, Deserialize, IpAddr, Result, Serialize, de};

    pub(crate) fn serialize<S: serde::Serializer>(
        range: &AddressRange,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        [range.first(), range.last()].serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<AddressRange, D::Error> {
        let [first, last] = <[IpAddr; 2]>::deserialize(deserializer)?;
        AddressRange::new(first, last)
            .ok_or_else(|| de::Error::custom("the addresses of a range are in no order"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
