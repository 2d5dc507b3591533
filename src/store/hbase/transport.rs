//! Messages on a socket: one after the other, or each behind its length, as the gateway wants it.
//!
//! A gateway that is set to `hbase.regionserver.thrift.framed` reads and writes frames: four bytes
//! of length, then a message. The other kind, which is HBase's default, has messages alone.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use byteorder::{BigEndian, ByteOrder};

use super::wire::invalid;
use crate::flow::saturated_u32;

/// The length of a frame, before its message.
const LENGTH_BYTES: usize = 4;
/// No reply is longer: 2,000 rows of flows are some 300 kB, an error a few kilobytes.
const MAX_FRAME_BYTES: usize = 256 << 20;

/// How messages are told apart on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// By what is in them.
    None,
    /// By their lengths.
    Length,
}

impl Framing {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::None => Self::Length,
            Self::Length => Self::None,
        }
    }
}

/// One end of a connection that reads messages, or writes them. Each message is read by one reader
/// to its end, so that several may take turns on one socket.
#[derive(Debug)]
pub(super) struct Transport {
    /// One descriptor for all ends.
    stream: Arc<TcpStream>,
    framing: Framing,
    /// Bytes of the present frame that are not read yet.
    unread: usize,
    /// The message being written, with room for its length.
    message: Vec<u8>,
}

impl Transport {
    /// Reads from and writes to `stream`.
    pub(super) fn new(stream: Arc<TcpStream>, framing: Framing) -> Self {
        Self { stream, framing, unread: 0, message: vec![0; LENGTH_BYTES] }
    }

    /// How long bytes are waited for, by this end and all others of the connection.
    pub(super) fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(timeout))
    }
}

impl Transport {
    /// The error in words that say what happened: the system's are "temporarily unavailable".
    fn told(&self, error: io::Error) -> io::Error {
        if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
            return error;
        }
        let waited = self.stream.read_timeout().ok().flatten().unwrap_or_default();
        io::Error::new(ErrorKind::TimedOut, format!("no answer within {waited:?}"))
    }
}

impl Read for Transport {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.framing == Framing::None {
            return (&*self.stream).read(to).map_err(|error| self.told(error));
        }
        if self.unread == 0 {
            let mut length = [0; LENGTH_BYTES];
            (&*self.stream).read_exact(&mut length).map_err(|error| self.told(error))?;
            self.unread = BigEndian::read_u32(&length) as usize;
            if !(1..=MAX_FRAME_BYTES).contains(&self.unread) {
                return Err(invalid("a frame of an impossible length"));
            }
        }
        let most = to.len().min(self.unread);
        let read = (&*self.stream).read(&mut to[..most]).map_err(|error| self.told(error))?;
        self.unread -= read;
        Ok(read)
    }
}

impl Write for Transport {
    /// Adds to the message.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.message.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Sends the message.
    fn flush(&mut self) -> io::Result<()> {
        let bytes = saturated_u32(self.message.len() - LENGTH_BYTES);
        BigEndian::write_u32(&mut self.message, bytes);
        let from = match self.framing {
            Framing::None => LENGTH_BYTES,
            Framing::Length => 0,
        };
        let sent = (&*self.stream).write_all(&self.message[from..]);
        self.message.truncate(LENGTH_BYTES);
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Both ends of a connection.
    fn pair(framing: Framing) -> (Transport, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Transport::new(Arc::new(stream), framing), listener.accept().unwrap().0)
    }

    #[test]
    fn a_message_goes_out_behind_its_length_where_that_is_wanted() {
        for (framing, expected) in
            [(Framing::None, &b"abcd"[..]), (Framing::Length, b"\0\0\0\x03abc\0\0\0\x01d")]
        {
            let (mut ours, mut theirs) = pair(framing);
            for message in [&b"abc"[..], b"d"] {
                ours.write_all(message).unwrap();
                ours.flush().unwrap();
            }
            drop(ours);
            let mut sent = Vec::new();
            theirs.read_to_end(&mut sent).unwrap();
            assert_eq!(sent, expected, "{framing:?}");
        }
    }

    #[test]
    fn a_reader_takes_no_more_than_one_frame_at_a_time() {
        let (mut ours, mut theirs) = pair(Framing::Length);
        theirs.write_all(b"\0\0\0\x03abc\0\0\0\x02de").unwrap();
        let mut bytes = [0; 16];
        assert_eq!(ours.read(&mut bytes).unwrap(), 3);
        assert_eq!(&bytes[..3], b"abc");
        assert_eq!(ours.read(&mut bytes).unwrap(), 2);
        theirs.write_all(b"HTTP/1.1 400").unwrap();
        let error = ours.read(&mut bytes).unwrap_err();
        assert!(error.to_string().contains("impossible length"), "{error}");
    }

    #[test]
    fn silence_is_told_as_such() {
        let (mut ours, _theirs) = pair(Framing::None);
        ours.set_read_timeout(Duration::from_millis(20)).unwrap();
        assert_eq!(ours.read(&mut [0]).unwrap_err().to_string(), "no answer within 20ms");
    }
}
