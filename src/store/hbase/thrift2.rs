//! Making and describing tables over HBase's second Thrift interface, which can say what the first
//! cannot: regions from the start, encoding, and a Bloom filter on the first bytes of the row key.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::table::{FAMILY, Table};
use super::transport::{Framing, Socket, Transport};
use super::wire::{WireReader, kind, put_bytes, put_call, put_field, put_i32, put_list, put_map};
use crate::store::{Result, StoreError};

/// Making a table waits until all of its regions are open.
const TIMEOUT: Duration = Duration::from_mins(2);
const GREETING: &str = "getThriftServerType";
const CREATE: &str = "createTable";
const DESCRIBE: &str = "getTableDescriptor";
const BLOOM_ROW_PREFIX: i32 = 3;
const BLOOM_PREFIX: &str = "RowPrefixBloomFilter.prefix_length";
/// The number of `FAST_DIFF` among the encodings.
pub(super) const ENCODING_FAST_DIFF: i32 = 4;

/// What the first interface does not tell of a table's family.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FamilyDescription {
    /// The number of the encoding of its blocks.
    pub encoding: i32,
    /// Bytes of the row key that its Bloom filter is of.
    pub bloom_prefix: Option<String>,
}

impl FamilyDescription {
    /// HBase's name of the encoding.
    pub(super) const fn encoding_name(&self) -> &'static str {
        match self.encoding {
            0 => "NONE",
            2 => "PREFIX",
            3 => "DIFF",
            ENCODING_FAST_DIFF => "FAST_DIFF",
            7 => "ROW_INDEX_V1",
            _ => "unknown",
        }
    }
}

/// A connection to a Thrift2 gateway.
pub(super) struct Thrift2 {
    address: String,
    requests: Transport,
    wire: WireReader<Transport>,
    sequence: i32,
}

impl Thrift2 {
    /// Connects to `address`, and finds out whether it wants frames: one that hangs up on a message
    /// without, is asked within one.
    pub(super) fn connect(address: &str) -> Result<Self> {
        let mut thrift2 = Self::open(address, Framing::None)?;
        if thrift2.call(GREETING, &[], WireReader::skip).is_err() {
            thrift2 = Self::open(address, Framing::Length)?;
            thrift2.call(GREETING, &[], WireReader::skip)?;
        }
        Ok(thrift2)
    }

    fn open(address: &str, framing: Framing) -> Result<Self> {
        let open = || -> io::Result<Self> {
            let stream = super::gateway::open(address)?;
            stream.set_nodelay(true)?;
            let socket = Arc::new(Socket::new(stream, TIMEOUT)?);
            let end = || Transport::new(Arc::clone(&socket), framing);
            let (requests, wire) = (end(), WireReader::new(end()));
            Ok(Self { address: address.to_owned(), requests, wire, sequence: 0 })
        };
        open().map_err(|source| StoreError::Unreachable {
            place: format!("Thrift2 at {address}"),
            source,
        })
    }

    /// Makes `table`; one that is there already is left as it is.
    pub(super) fn create(&mut self, table: &Table, store: &str) -> Result<()> {
        let mut arguments = Vec::new();
        put_field(kind::STRUCT, 1, &mut arguments);
        put_description(table, &mut arguments);
        if !table.splits.is_empty() {
            put_list(2, kind::STRING, table.splits.len(), &mut arguments);
            for key in &table.splits {
                put_bytes(key, &mut arguments);
            }
        }
        match self.call(CREATE, &arguments, WireReader::skip)? {
            Answer::Refusal(text) if !text.contains("TableExistsException") => {
                Err(refused(store, "create a table", &text))
            }
            _ => Ok(()),
        }
    }

    /// The family of the table `name`.
    pub(super) fn describe(&mut self, name: &str, store: &str) -> Result<FamilyDescription> {
        let mut arguments = Vec::new();
        put_field(kind::STRUCT, 1, &mut arguments);
        put_name(name, &mut arguments);
        match self.call(DESCRIBE, &arguments, |wire, _| read_description(wire))? {
            Answer::Result(description) => Ok(description),
            Answer::Refusal(text) => Err(refused(store, "describe a table", &text)),
            Answer::Nothing => Err(refused(store, "describe a table", "it says nothing")),
        }
    }

    /// Makes a call, and reads its result with `read`, which is given the result's type.
    fn call<T>(&mut self, name: &str, arguments: &[u8], read: ReadResult<T>) -> Result<Answer<T>> {
        self.sequence += 1;
        let mut call = Vec::new();
        put_call(name, self.sequence, &mut call);
        call.extend_from_slice(arguments);
        call.push(kind::STOP);
        self.exchange(name, &call, read).map_err(|source| StoreError::Unreachable {
            place: format!("Thrift2 at {}", self.address),
            source,
        })
    }

    fn exchange<T>(
        &mut self,
        name: &str,
        call: &[u8],
        read: ReadResult<T>,
    ) -> io::Result<Answer<T>> {
        self.requests.write_all(call)?;
        self.requests.flush()?;
        let wire = &mut self.wire;
        if !wire.reply(name, self.sequence)? {
            return Ok(Answer::Refusal(wire.text()?));
        }
        let mut answer = Answer::Nothing;
        while let Some((kind, id)) = wire.field()? {
            match (kind, id) {
                (kind, 0) => answer = Answer::Result(read(wire, kind)?),
                (kind::STRUCT, 1) => answer = Answer::Refusal(wire.text()?),
                (kind, _) => wire.skip(kind)?,
            }
        }
        Ok(answer)
    }
}

/// Reads the result of a call, of a type that it is given.
type ReadResult<T> = fn(&mut WireReader<Transport>, u8) -> io::Result<T>;

/// What came of a call.
enum Answer<T> {
    Result(T),
    /// What the server has against it.
    Refusal(String),
    /// It went through, and there is nothing to be told.
    Nothing,
}

fn refused(store: &str, doing: &'static str, text: &str) -> StoreError {
    let first = text.lines().next().unwrap_or_default();
    StoreError::refused(store.to_owned(), doing, first.chars().take(400).collect())
}

/// Reads a `TTableDescriptor` for its first family.
fn read_description<R: io::Read>(wire: &mut WireReader<R>) -> io::Result<FamilyDescription> {
    let mut description = FamilyDescription::default();
    while let Some((kind, id)) = wire.field()? {
        if (kind, id) != (kind::LIST, 2) {
            wire.skip(kind)?;
            continue;
        }
        let element = wire.byte()?;
        for number in 0..wire.length()? {
            if number == 0 && element == kind::STRUCT {
                description = read_family(wire)?;
            } else {
                wire.skip(element)?;
            }
        }
    }
    Ok(description)
}

/// Reads a `TColumnFamilyDescriptor`.
fn read_family<R: io::Read>(wire: &mut WireReader<R>) -> io::Result<FamilyDescription> {
    let mut family = FamilyDescription::default();
    while let Some((kind, id)) = wire.field()? {
        match (kind, id) {
            (kind::MAP, 3) => {
                let (_, value) = (wire.byte()?, wire.byte()?);
                for _ in 0..wire.length()? {
                    if wire.string()? == BLOOM_PREFIX.as_bytes() && value == kind::STRING {
                        let bytes = wire.string()?;
                        family.bloom_prefix = Some(String::from_utf8_lossy(bytes).into_owned());
                    } else {
                        wire.skip(value)?;
                    }
                }
            }
            (kind::I32, 8) => family.encoding = wire.i32()?,
            _ => wire.skip(kind)?,
        }
    }
    Ok(family)
}

/// A `TTableDescriptor`.
fn put_description(table: &Table, to: &mut Vec<u8>) {
    put_field(kind::STRUCT, 1, to);
    put_name(&table.name, to);
    put_list(2, kind::STRUCT, 1, to);
    put_field(kind::STRING, 1, to);
    put_bytes(FAMILY.as_bytes(), to);
    if let Some(bytes) = table.bloom_prefix_bytes() {
        put_map(3, &[(BLOOM_PREFIX, &bytes.to_string())], to);
        put_i32(5, BLOOM_ROW_PREFIX, to);
    }
    put_i32(6, table.compression.number(), to);
    if table.order.is_some() {
        put_i32(8, ENCODING_FAST_DIFF, to);
    }
    put_i32(10, 1, to);
    if let Some(secs) = table.ttl_secs {
        put_i32(13, secs.try_into().unwrap_or(i32::MAX), to);
    }
    // The family ends, and the table.
    to.extend_from_slice(&[kind::STOP, kind::STOP]);
}

/// A `TTableName`.
fn put_name(name: &str, to: &mut Vec<u8>) {
    let (namespace, name) = name.split_once(':').unwrap_or(("default", name));
    put_field(kind::STRING, 1, to);
    put_bytes(namespace.as_bytes(), to);
    put_field(kind::STRING, 2, to);
    put_bytes(name.as_bytes(), to);
    to.push(kind::STOP);
}
