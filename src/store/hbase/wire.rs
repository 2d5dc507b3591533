//! Thrift's binary protocol, unframed, as far as reading a scan's rows takes.
//!
//! The generated client makes a map, a vector and three allocations of every row; a scan of
//! everything spends most of its time in them. Here a reply is read where it lies.

use std::io::{self, ErrorKind, Read};

use crate::flow::saturated_u32;
use byteorder::{BigEndian, ByteOrder};

/// Types of fields, by their numbers in the protocol.
pub(super) mod kind {
    pub(in super::super) const STOP: u8 = 0;
    pub(super) const BOOL: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const DOUBLE: u8 = 4;
    pub(super) const I16: u8 = 6;
    pub(in super::super) const I32: u8 = 8;
    pub(super) const I64: u8 = 10;
    pub(in super::super) const STRING: u8 = 11;
    pub(in super::super) const STRUCT: u8 = 12;
    pub(in super::super) const MAP: u8 = 13;
    pub(super) const SET: u8 = 14;
    pub(in super::super) const LIST: u8 = 15;
}

/// The first bytes of a message: version 1, and what kind of message it is.
const VERSION: u32 = 0x8001_0000;
const CALL: u32 = 1;
const REPLY: u32 = 2;
const EXCEPTION: u32 = 3;

/// No part of a reply that is read here is longer: a row key, a cell, an error's text.
const MAX_BYTES: usize = 16 << 20;
/// Structures within each other beyond this are no reply of HBase's.
const MAX_DEPTH: usize = 16;
const BUFFER_BYTES: usize = 256 << 10;

/// Bytes that are no message, as an error of reading.
pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("not a reply as HBase gives it: {what}"))
}

/// Appends the head of a call.
pub(super) fn put_call(name: &str, sequence: i32, to: &mut Vec<u8>) {
    to.extend_from_slice(&(VERSION | CALL).to_be_bytes());
    put_bytes(name.as_bytes(), to);
    to.extend_from_slice(&sequence.to_be_bytes());
}

/// Appends the head of a field; its value must follow.
pub(super) fn put_field(kind: u8, id: i16, to: &mut Vec<u8>) {
    to.push(kind);
    to.extend_from_slice(&id.to_be_bytes());
}

/// Appends a field that is a number.
pub(super) fn put_i32(id: i16, value: i32, to: &mut Vec<u8>) {
    put_field(kind::I32, id, to);
    to.extend_from_slice(&value.to_be_bytes());
}

fn put_length(length: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(&saturated_u32(length).to_be_bytes());
}

/// Appends bytes with their length.
pub(super) fn put_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    put_length(bytes.len(), to);
    to.extend_from_slice(bytes);
}

/// Appends the head of a field that is a list; its elements must follow.
pub(super) fn put_list(id: i16, element: u8, elements: usize, to: &mut Vec<u8>) {
    put_field(kind::LIST, id, to);
    to.push(element);
    put_length(elements, to);
}

/// Appends a field that is a map of texts.
pub(super) fn put_map(id: i16, entries: &[(&str, &str)], to: &mut Vec<u8>) {
    put_field(kind::MAP, id, to);
    to.extend_from_slice(&[kind::STRING, kind::STRING]);
    put_length(entries.len(), to);
    for (key, value) in entries {
        put_bytes(key.as_bytes(), to);
        put_bytes(value.as_bytes(), to);
    }
}

/// Reads replies from `from`, through a buffer.
pub(super) struct WireReader<R> {
    from: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// Bytes read from the start.
    bytes: u64,
}

impl<R: Read> WireReader<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, buffer: vec![0; BUFFER_BYTES], at: 0, end: 0, bytes: 0 }
    }

    /// What is read from.
    pub(super) fn get_ref(&self) -> &R {
        &self.from
    }

    /// How many bytes were read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.at < count {
            self.fill(count)?;
        }
        let from = self.at;
        self.at += count;
        self.bytes += count as u64;
        Ok(&self.buffer[from..from + count])
    }

    fn fill(&mut self, count: usize) -> io::Result<()> {
        if count > MAX_BYTES {
            return Err(invalid("a part of it is too long"));
        }
        self.buffer.copy_within(self.at..self.end, 0);
        self.end -= self.at;
        self.at = 0;
        if self.buffer.len() < count {
            self.buffer.resize(count, 0);
        }
        while self.end < count {
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn byte(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn i32(&mut self) -> io::Result<i32> {
        Ok(BigEndian::read_i32(self.take(4)?))
    }

    /// A length, or a number of elements.
    pub(super) fn length(&mut self) -> io::Result<usize> {
        usize::try_from(self.i32()?).map_err(|_| invalid("a length below zero"))
    }

    pub(super) fn string(&mut self) -> io::Result<&[u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// The type and the id of the next field; None at the end of the structure.
    pub(super) fn field(&mut self) -> io::Result<Option<(u8, i16)>> {
        let kind = self.byte()?;
        if kind == kind::STOP {
            return Ok(None);
        }
        Ok(Some((kind, BigEndian::read_i16(self.take(2)?))))
    }

    /// Reads the head of the reply to the call `name` with this sequence number. Gives whether what
    /// follows is an answer; else it is an exception of the protocol's own.
    pub(super) fn reply(&mut self, name: &str, sequence: i32) -> io::Result<bool> {
        let head = self.i32()?.cast_unsigned();
        if self.string()? != name.as_bytes() {
            return Err(invalid("an answer to another question"));
        }
        if self.i32()? != sequence {
            return Err(invalid("an answer to an earlier question"));
        }
        match head {
            head if head == VERSION | REPLY => Ok(true),
            head if head == VERSION | EXCEPTION => Ok(false),
            _ => Err(invalid("another version of the protocol")),
        }
    }

    /// The text of an exception: the first field of its structure.
    pub(super) fn text(&mut self) -> io::Result<String> {
        let mut text = String::new();
        while let Some((kind, id)) = self.field()? {
            if (kind, id) == (kind::STRING, 1) {
                text = String::from_utf8_lossy(self.string()?).into_owned();
            } else {
                self.skip(kind)?;
            }
        }
        Ok(text)
    }

    /// Passes over a value of this type.
    pub(super) fn skip(&mut self, kind: u8) -> io::Result<()> {
        self.skip_within(kind, MAX_DEPTH)
    }

    fn skip_within(&mut self, kind: u8, depth: usize) -> io::Result<()> {
        let depth = depth.checked_sub(1).ok_or_else(|| invalid("too deep"))?;
        match kind {
            kind::BOOL | kind::BYTE => drop(self.take(1)?),
            kind::I16 => drop(self.take(2)?),
            kind::I32 => drop(self.take(4)?),
            kind::I64 | kind::DOUBLE => drop(self.take(8)?),
            kind::STRING => drop(self.string()?),
            kind::STRUCT => {
                while let Some((kind, _)) = self.field()? {
                    self.skip_within(kind, depth)?;
                }
            }
            kind::MAP => {
                let (key, value) = (self.byte()?, self.byte()?);
                for _ in 0..self.length()? {
                    self.skip_within(key, depth)?;
                    self.skip_within(value, depth)?;
                }
            }
            kind::SET | kind::LIST => {
                let element = self.byte()?;
                for _ in 0..self.length()? {
                    self.skip_within(element, depth)?;
                }
            }
            _ => return Err(invalid("a type that there is not")),
        }
        Ok(())
    }
}
