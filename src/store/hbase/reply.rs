//! The rows of one reply to `scannerGetList`.

use std::io::{self, Read};

use thrift::{ApplicationError, ApplicationErrorKind};

use super::wire::{WireReader, invalid, kind, put_call, put_i32};
use crate::flow::saturated_u32;

const NAME: &str = "scannerGetList";

/// The rows of one reply, keys and cells together, take no more. It bounds what a server without
/// frames can make this process hold; 2,000 rows of flows are some 300 kB.
const MAX_ROWS_BYTES: usize = 32 << 20;

/// Rows as they came: keys and cells in one piece.
#[derive(Debug, Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    /// Where each key ends, and where the cell ends that follows it.
    ends: Vec<(u32, u32)>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn key(&self, row: usize) -> &[u8] {
        &self.bytes[self.start(row)..self.ends[row].0 as usize]
    }

    pub(super) fn cell(&self, row: usize) -> &[u8] {
        &self.bytes[self.ends[row].0 as usize..self.ends[row].1 as usize]
    }

    fn start(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.ends[before].1 as usize)
    }

    /// Appends bytes of a row; gives where they end.
    fn push(&mut self, bytes: &[u8]) -> io::Result<u32> {
        let end = self.bytes.len() + bytes.len();
        let end = u32::try_from(end).ok().filter(|_| end <= MAX_ROWS_BYTES);
        let end = end.ok_or_else(|| invalid("rows of too many bytes"))?;
        self.bytes.extend_from_slice(bytes);
        Ok(end)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// The request for the next `rows` rows of a scanner.
pub(super) fn request(scanner: i32, rows: i32, sequence: i32) -> Vec<u8> {
    let mut call = Vec::with_capacity(64);
    put_call(NAME, sequence, &mut call);
    put_i32(1, scanner, &mut call);
    put_i32(2, rows, &mut call);
    call.push(kind::STOP);
    call
}

/// Reads the reply to a request for at most so many rows into `rows`, in place of what they hold.
///
/// # Errors
///
/// As the generated client: an error of the transport, of the protocol, or one that HBase gave.
pub(super) fn read<R: Read>(
    wire: &mut WireReader<R>,
    sequence: i32,
    most: usize,
    rows: &mut Rows,
) -> thrift::Result<()> {
    rows.clear();
    if !wire.reply(NAME, sequence)? {
        return Err(read_protocol_exception(wire)?.into());
    }
    let mut error = None;
    while let Some((kind, id)) = wire.field()? {
        match (kind, id) {
            (kind::LIST, 0) => read_rows(wire, most, rows)?,
            (kind::STRUCT, 1 | 2) => error = Some(read_exception(wire, id == 1)?),
            _ => wire.skip(kind)?,
        }
    }
    error.map_or(Ok(()), Err)
}

fn read_rows<R: Read>(wire: &mut WireReader<R>, most: usize, rows: &mut Rows) -> io::Result<()> {
    if wire.byte()? != kind::STRUCT {
        return Err(invalid("a list of something else than rows"));
    }
    let count = wire.length()?;
    if rows.len() + count > most {
        return Err(invalid("more rows than were asked for"));
    }
    for _ in 0..count {
        let (mut key_end, mut cells) = (None, 0);
        while let Some((kind, id)) = wire.field()? {
            match (kind, id) {
                (kind::STRING, 1) => {
                    key_end = Some(rows.push(wire.string()?)?);
                }
                (kind::MAP, 2) if key_end.is_some() => {
                    let kinds = (wire.byte()?, wire.byte()?);
                    if kinds != (kind::STRING, kind::STRUCT) {
                        return Err(invalid("columns of another kind"));
                    }
                    for _ in 0..wire.length()? {
                        wire.string()?;
                        read_cell(wire, rows)?;
                        cells += 1;
                    }
                }
                _ => wire.skip(kind)?,
            }
        }
        let (Some(key_end), 1) = (key_end, cells) else {
            return Err(invalid("a row without its one cell"));
        };
        // That it fits was seen to when the bytes were taken.
        rows.ends.push((key_end, saturated_u32(rows.bytes.len())));
    }
    Ok(())
}

fn read_cell<R: Read>(wire: &mut WireReader<R>, rows: &mut Rows) -> io::Result<()> {
    while let Some((kind, id)) = wire.field()? {
        if (kind, id) == (kind::STRING, 1) {
            rows.push(wire.string()?)?;
        } else {
            wire.skip(kind)?;
        }
    }
    Ok(())
}

fn read_exception<R: Read>(wire: &mut WireReader<R>, io: bool) -> io::Result<thrift::Error> {
    let message = Some(wire.text()?);
    Ok(thrift::Error::User(if io {
        Box::new(hbase_thrift::hbase::IOError { message, can_retry: None })
    } else {
        Box::new(hbase_thrift::hbase::IllegalArgument { message })
    }))
}

fn read_protocol_exception<R: Read>(wire: &mut WireReader<R>) -> io::Result<ApplicationError> {
    let message = wire.text()?;
    Ok(ApplicationError { kind: ApplicationErrorKind::InternalError, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hbase::wire::{put_bytes, put_field, put_list};

    /// A reply with rows of these keys, each with a cell of so many bytes.
    fn reply(keys: &[&[u8]], cell_bytes: usize) -> Vec<u8> {
        let mut reply = Vec::new();
        reply.extend_from_slice(&0x8001_0002_u32.to_be_bytes());
        put_bytes(NAME.as_bytes(), &mut reply);
        reply.extend_from_slice(&7i32.to_be_bytes());
        put_list(0, kind::STRUCT, keys.len(), &mut reply);
        for key in keys {
            put_field(kind::STRING, 1, &mut reply);
            put_bytes(key, &mut reply);
            put_field(kind::MAP, 2, &mut reply);
            reply.extend_from_slice(&[kind::STRING, kind::STRUCT, 0, 0, 0, 1]);
            put_bytes(b"f:", &mut reply);
            put_field(kind::STRING, 1, &mut reply);
            put_bytes(&vec![1; cell_bytes], &mut reply);
            reply.extend_from_slice(&[kind::STOP, kind::STOP]);
        }
        reply.push(kind::STOP);
        reply
    }

    #[test]
    fn a_reply_of_more_rows_than_were_asked_for_is_none() {
        let mut rows = Rows::default();
        let reply = reply(&[b"a", b"bc", b""], 4);
        read(&mut WireReader::new(&reply[..]), 7, 3, &mut rows).unwrap();
        assert_eq!((rows.len(), rows.key(1), rows.cell(2)), (3, &b"bc"[..], &[1; 4][..]));
        let error = read(&mut WireReader::new(&reply[..]), 7, 2, &mut rows).unwrap_err();
        assert!(format!("{error:?}").contains("more rows than were asked for"), "{error:?}");
        assert!(rows.is_empty());
    }

    #[test]
    fn rows_of_too_many_bytes_are_no_reply() {
        let mut rows = Rows::default();
        let many = reply(&[&b"a"[..]; 5], 8 << 20);
        let error = read(&mut WireReader::new(&many[..]), 7, 5, &mut rows).unwrap_err();
        assert!(format!("{error:?}").contains("rows of too many bytes"), "{error:?}");
    }
}
