//! The rows of one reply to `scannerGetList`.

use std::io::{self, Read};

use thrift::{ApplicationError, ApplicationErrorKind};

use super::wire::{WireReader, invalid, kind, put_call, put_i32};

const NAME: &str = "scannerGetList";

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

/// Reads the reply into `rows`, in place of what they hold.
///
/// # Errors
///
/// As the generated client: an error of the transport, of the protocol, or one that HBase gave.
pub(super) fn read<R: Read>(
    wire: &mut WireReader<R>,
    sequence: i32,
    rows: &mut Rows,
) -> thrift::Result<()> {
    rows.clear();
    if !wire.reply(NAME, sequence)? {
        return Err(read_protocol_exception(wire)?.into());
    }
    let mut error = None;
    while let Some((kind, id)) = wire.field()? {
        match (kind, id) {
            (kind::LIST, 0) => read_rows(wire, rows)?,
            (kind::STRUCT, 1 | 2) => error = Some(read_exception(wire, id == 1)?),
            _ => wire.skip(kind)?,
        }
    }
    error.map_or(Ok(()), Err)
}

fn read_rows<R: Read>(wire: &mut WireReader<R>, rows: &mut Rows) -> io::Result<()> {
    if wire.byte()? != kind::STRUCT {
        return Err(invalid("a list of something else than rows"));
    }
    for _ in 0..wire.length()? {
        let (mut key_end, mut cells) = (None, 0);
        while let Some((kind, id)) = wire.field()? {
            match (kind, id) {
                (kind::STRING, 1) => {
                    rows.bytes.extend_from_slice(wire.string()?);
                    key_end = Some(rows.bytes.len());
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
        rows.ends.push((key_end as u32, rows.bytes.len() as u32));
    }
    Ok(())
}

fn read_cell<R: Read>(wire: &mut WireReader<R>, rows: &mut Rows) -> io::Result<()> {
    while let Some((kind, id)) = wire.field()? {
        if (kind, id) == (kind::STRING, 1) {
            rows.bytes.extend_from_slice(wire.string()?);
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
