//! A connection to one Thrift gateway.

use std::io::{self, ErrorKind, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use hbase_thrift::hbase::{HbaseSyncClient, THbaseSyncClient, TThriftServerType};
use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};
use thrift::transport::TBufferedReadTransport;

use super::reply::{self, Rows};
use super::transport::{Framing, Socket, Transport};
use super::wire::WireReader;
use crate::store::{LOOK_EVERY, Watch};

type Client = HbaseSyncClient<
    TBinaryInputProtocol<TBufferedReadTransport<Transport>>,
    TBinaryOutputProtocol<Transport>,
>;

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

const BUFFER_BYTES: usize = 64 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Somebody who accepts and is no gateway, or one that hangs, is found out after this.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);
/// A gateway closes connections that were idle for 60 s without a word.
const MAX_IDLE: Duration = Duration::from_secs(40);

/// An open connection. Calls on it are strictly one after the other.
pub(super) struct Gateway {
    /// No other connection of this process has it.
    pub id: u64,
    /// Its place in the list of gateways.
    pub place: usize,
    /// What this gateway wants.
    pub framing: Framing,
    client: Client,
    /// The same connection, for the calls whose replies are read here and not by the client.
    requests: Transport,
    wire: WireReader<Transport>,
    sequence: i32,
    /// The rows that were asked for last.
    asked: usize,
    used: Instant,
}

impl Gateway {
    /// Connects to `address`, and sees that a Thrift gateway answers there; one that hangs up on
    /// messages with this framing is asked with the other.
    pub(super) fn connect(
        place: usize,
        address: &str,
        framing: Framing,
        timeout: Duration,
        watch: &Watch,
    ) -> thrift::Result<Self> {
        let open = |framing| Self::open(place, address, framing, timeout, watch);
        let mut gateway = open(framing)?;
        let mut kind = gateway.client.get_thrift_server_type();
        if kind.as_ref().is_err_and(is_hang_up) {
            gateway = open(framing.other())?;
            // What says nothing to one framing and to the other was told by the first.
            kind = gateway.client.get_thrift_server_type().or(kind);
        }
        if kind.map_err(not_a_gateway)? == TThriftServerType::TWO {
            return Err(no_gateway("it is a Thrift2 gateway, and flows go through Thrift"));
        }
        gateway.socket().wait_at_most(timeout);
        Ok(gateway)
    }

    fn open(
        place: usize,
        address: &str,
        framing: Framing,
        timeout: Duration,
        watch: &Watch,
    ) -> thrift::Result<Self> {
        let stream = open_watched(address, watch)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(timeout))?;
        let socket = Arc::new(Socket::new(stream, GREETING_TIMEOUT.min(timeout))?);
        socket.watch(watch);
        let end = || Transport::new(Arc::clone(&socket), framing);
        let client = Client::new(
            TBinaryInputProtocol::new(
                TBufferedReadTransport::with_capacity(BUFFER_BYTES, end()),
                true,
            ),
            TBinaryOutputProtocol::new(end(), true),
        );
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            place,
            framing,
            client,
            requests: end(),
            wire: WireReader::new(end()),
            sequence: 0,
            asked: 0,
            used: Instant::now(),
        })
    }

    /// The generated client.
    pub(super) fn client(&mut self) -> &mut Client {
        self.used = Instant::now();
        &mut self.client
    }

    /// Whose answers come over it from now on.
    pub(super) fn watch(&self, watch: &Watch) {
        self.socket().watch(watch);
    }

    fn socket(&self) -> &Socket {
        self.wire.get_ref().socket()
    }

    /// Whether the gateway may have closed the connection by now.
    pub(super) fn is_stale(&self) -> bool {
        self.used.elapsed() > MAX_IDLE
    }

    /// Asks for the next rows of a scanner; [`Self::receive_rows`] must be the next call.
    pub(super) fn request_rows(&mut self, scanner: i32, rows: i32) -> thrift::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        self.asked = usize::try_from(rows).unwrap_or(0);
        self.requests.write_all(&reply::request(scanner, rows, self.sequence))?;
        self.requests.flush()?;
        Ok(())
    }

    /// Reads the rows that were asked for into `rows`; gives how many bytes their reply had.
    pub(super) fn receive_rows(&mut self, rows: &mut Rows) -> thrift::Result<u64> {
        let before = self.wire.bytes();
        reply::read(&mut self.wire, self.sequence, self.asked, rows)?;
        self.used = Instant::now();
        Ok(self.wire.bytes() - before)
    }
}

/// As [`open`], on a thread that is left alone when the answer is given up: neither the search for a
/// name nor a connection that is being made can be ended.
fn open_watched(address: &str, watch: &Watch) -> io::Result<TcpStream> {
    let (to_us, opened) = mpsc::sync_channel(1);
    let address = address.to_owned();
    thread::Builder::new().name("connect".into()).spawn(move || to_us.send(open(&address)))?;
    loop {
        match opened.recv_timeout(LOOK_EVERY) {
            Ok(opened) => return opened,
            Err(RecvTimeoutError::Timeout) => watch.check().map_err(io::Error::other)?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("its thread ended before it was there"));
            }
        }
    }
}

/// Connects to the first of the addresses that `address` has and that answers.
pub(super) fn open(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "its name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether the other end closed the connection: so gateways answer messages that they cannot read.
fn is_hang_up(error: &thrift::Error) -> bool {
    use thrift::TransportErrorKind::{EndOfFile, NotOpen};
    match error {
        thrift::Error::Transport(error) => {
            matches!(error.kind, EndOfFile | NotOpen) || error.message.contains("Broken pipe")
        }
        _ => false,
    }
}

/// The first call says whether the other end speaks this protocol at all.
fn not_a_gateway(error: thrift::Error) -> thrift::Error {
    match error {
        // A gateway whose cluster is not well may say so; it is one.
        thrift::Error::User(_) | thrift::Error::Application(_) => error,
        _ => no_gateway(&super::error::line(&error)),
    }
}

fn no_gateway(what: &str) -> thrift::Error {
    thrift::Error::Transport(thrift::TransportError {
        kind: thrift::TransportErrorKind::Unknown,
        message: format!(
            "connected, but what answers is no HBase Thrift gateway with the binary protocol \
             ({what})"
        ),
    })
}
