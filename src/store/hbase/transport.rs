//! Messages on a socket: one after the other, or each behind its length, as the gateway wants it.
//!
//! A gateway that is set to `hbase.regionserver.thrift.framed` reads and writes frames: four bytes
//! of length, then a message. The other kind, which is HBase's default, has messages alone.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use byteorder::{BigEndian, ByteOrder};

use super::wire::invalid;
use crate::flow::saturated_u32;
use crate::store::{LOOK_EVERY, Watch};

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

/// The socket of a connection, and how long it is waited for.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    most: Duration,
    /// Who gives up waiting before that.
    watch: Watch,
}

impl Socket {
    /// Has reads of `stream` wait for bytes for so long at most.
    pub(super) fn new(stream: TcpStream, most: Duration) -> io::Result<Self> {
        // The system waits in short stretches, to look between them whether to go on.
        stream.set_read_timeout(Some(most.min(LOOK_EVERY)))?;
        let waiting = Mutex::new(Waiting { most, watch: Watch::default() });
        Ok(Self { stream, waiting })
    }

    /// How long bytes are waited for from now on.
    pub(super) fn wait_at_most(&self, most: Duration) {
        self.waiting().most = most;
    }

    /// Whose answer is waited for from now on.
    pub(super) fn watch(&self, watch: &Watch) {
        self.waiting().watch.clone_from(watch);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for &Socket {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut silent_since = None;
        loop {
            let began = Instant::now();
            let read = (&self.stream).read(to);
            if !read.as_ref().is_err_and(is_silence) {
                return read;
            }
            let silent = silent_since.get_or_insert(began).elapsed();
            let Waiting { most, watch } = &*self.waiting();
            if let Err(stopped) = watch.check() {
                return Err(io::Error::other(stopped));
            }
            if silent >= *most {
                // The system's words for it are "temporarily unavailable".
                let told = format!("no answer within {most:?}");
                return Err(io::Error::new(ErrorKind::TimedOut, told));
            }
        }
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// One end of a connection that reads messages, or writes them. Each message is read by one reader
/// to its end, so that several may take turns on one socket.
#[derive(Debug)]
pub(super) struct Transport {
    /// One descriptor for all ends.
    socket: Arc<Socket>,
    framing: Framing,
    /// Bytes of the present frame that are not read yet.
    unread: usize,
    /// The message being written, with room for its length.
    message: Vec<u8>,
}

impl Transport {
    /// Reads from and writes to `socket`.
    pub(super) fn new(socket: Arc<Socket>, framing: Framing) -> Self {
        Self { socket, framing, unread: 0, message: vec![0; LENGTH_BYTES] }
    }

    /// What all ends of the connection share.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl Read for Transport {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.framing == Framing::None {
            return (&*self.socket).read(to);
        }
        if self.unread == 0 {
            let mut length = [0; LENGTH_BYTES];
            (&*self.socket).read_exact(&mut length)?;
            self.unread = BigEndian::read_u32(&length) as usize;
            if !(1..=MAX_FRAME_BYTES).contains(&self.unread) {
                return Err(invalid("a frame of an impossible length"));
            }
        }
        let most = to.len().min(self.unread);
        let read = (&*self.socket).read(&mut to[..most])?;
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
        let sent = (&self.socket.stream).write_all(&self.message[from..]);
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
        let socket = Socket::new(stream, Duration::from_mins(1)).unwrap();
        (Transport::new(Arc::new(socket), framing), listener.accept().unwrap().0)
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
        for most in [20, 250] {
            ours.socket().wait_at_most(Duration::from_millis(most));
            let told = ours.read(&mut [0]).unwrap_err().to_string();
            assert_eq!(told, format!("no answer within {most}ms"));
        }
    }

    #[test]
    fn nobody_waits_for_what_was_given_up() {
        let (mut ours, _theirs) = pair(Framing::Length);
        let watch = Watch::default();
        ours.socket().watch(&watch);
        let began = Instant::now();
        let reader = std::thread::spawn(move || ours.read(&mut [0]).unwrap_err().to_string());
        std::thread::sleep(Duration::from_millis(150));
        watch.stop();
        assert_eq!(reader.join().unwrap(), "stopped before the end");
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}
