//! Making tables over HBase's second Thrift interface, which can say what the first cannot:
//! regions from the start, encoding, and a Bloom filter on the first bytes of the row key.

use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::schema::Table;
use super::tables::FAMILY;
use super::wire::{WireReader, kind, put_bytes, put_call, put_field, put_i32, put_list, put_map};
use crate::store::{Result, StoreError};

/// Making a table waits until all of its regions are open.
const TIMEOUT: Duration = Duration::from_secs(120);
const CREATE: &str = "createTable";
const BLOOM_ROW_PREFIX: i32 = 3;
const ENCODING_FAST_DIFF: i32 = 4;

/// A connection to a Thrift2 gateway.
#[derive(Debug)]
pub(super) struct Thrift2 {
    address: String,
    stream: TcpStream,
    sequence: i32,
}

impl Thrift2 {
    pub(super) fn connect(address: &str) -> Result<Self> {
        let unreachable =
            |source| StoreError::Unreachable { place: format!("Thrift2 at {address}"), source };
        let mut addresses = address.to_socket_addrs().map_err(unreachable)?;
        let first =
            addresses.next().ok_or_else(|| unreachable(std::io::ErrorKind::NotFound.into()))?;
        let stream =
            TcpStream::connect_timeout(&first, Duration::from_secs(5)).map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        stream.set_read_timeout(Some(TIMEOUT)).map_err(unreachable)?;
        Ok(Self { address: address.to_owned(), stream, sequence: 0 })
    }

    /// Makes `table`; one that is there already is left as it is.
    pub(super) fn create(&mut self, table: &Table, store: &str) -> Result<()> {
        self.sequence += 1;
        let mut call = Vec::new();
        put_call(CREATE, self.sequence, &mut call);
        put_field(kind::STRUCT, 1, &mut call);
        put_description(table, &mut call);
        if !table.splits.is_empty() {
            put_list(2, kind::STRING, table.splits.len(), &mut call);
            for key in &table.splits {
                put_bytes(key, &mut call);
            }
        }
        call.push(kind::STOP);
        let refusal = self.exchange(&call).map_err(|source| StoreError::Unreachable {
            place: format!("Thrift2 at {}", self.address),
            source,
        })?;
        match refusal {
            Some(text) if !text.contains("TableExistsException") => {
                let first = text.lines().next().unwrap_or_default();
                let detail = first.chars().take(400).collect();
                Err(StoreError::refused(store.to_owned(), "create a table", detail))
            }
            _ => Ok(()),
        }
    }

    /// Sends the call; gives what the server has against it.
    fn exchange(&mut self, call: &[u8]) -> std::io::Result<Option<String>> {
        self.stream.write_all(call)?;
        let mut wire = WireReader::new(&self.stream);
        if !wire.reply(CREATE, self.sequence)? {
            return wire.text().map(Some);
        }
        let mut refusal = None;
        while let Some((kind, id)) = wire.field()? {
            if (kind, id) == (kind::STRUCT, 1) {
                refusal = Some(wire.text()?);
            } else {
                wire.skip(kind)?;
            }
        }
        Ok(refusal)
    }
}

/// A `TTableDescriptor`.
fn put_description(table: &Table, to: &mut Vec<u8>) {
    put_field(kind::STRUCT, 1, to);
    put_name(&table.name, to);
    put_list(2, kind::STRUCT, 1, to);
    put_field(kind::STRING, 1, to);
    put_bytes(FAMILY.as_bytes(), to);
    if let Some(bytes) = table.bloom_prefix_bytes() {
        put_map(3, &[("RowPrefixBloomFilter.prefix_length", &bytes.to_string())], to);
        put_i32(5, BLOOM_ROW_PREFIX, to);
    }
    put_i32(6, table.compression.number(), to);
    if table.flows {
        put_i32(8, ENCODING_FAST_DIFF, to);
    }
    put_i32(10, 1, to);
    if let Some(secs) = table.ttl_secs {
        put_i32(13, secs.min(i32::MAX as u32) as i32, to);
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
