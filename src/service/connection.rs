//! One connection: plain or encrypted, and closed when its reader takes nothing for long.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;

/// So long may a reader take nothing of what is sent to it. Until then it holds what waits for it.
const STALLS: Duration = Duration::from_mins(1);

/// Who is connected to what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connected {
    /// Who asks: a proxy, perhaps.
    pub(crate) peer: SocketAddr,
    /// Which of our addresses.
    pub(crate) local: SocketAddr,
    /// Whether nobody between them can listen.
    pub(crate) encrypted: bool,
}

/// The bytes of a connection.
pub(super) enum Bytes {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// A connection that ends with an error when it has stalled.
pub(super) struct Connection {
    bytes: Bytes,
    /// Until when the reader must take something, where it has something to take.
    stalls: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    pub(super) fn of(bytes: Bytes) -> Self {
        Self { bytes, stalls: None }
    }

    /// What becomes of a `write` that the reader does not make room for, or does.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.stalls = None;
            return write;
        }
        let stalls = self.stalls.get_or_insert_with(|| Box::pin(sleep(STALLS)));
        if stalls.as_mut().poll(context).is_ready() {
            stalls.as_mut().reset(Instant::now() + STALLS);
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

/// Calls a method of whichever stream there is.
macro_rules! either {
    ($connection:expr, $stream:ident => $call:expr) => {
        match &mut $connection.bytes {
            Bytes::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Bytes::Encrypted(stream) => {
                let $stream = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(context, into))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = either!(self, stream => stream.poll_write(context, from));
        self.watch(context, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = either!(self, stream => stream.poll_write_vectored(context, from));
        self.watch(context, write)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.bytes {
            Bytes::Plain(stream) => stream.is_write_vectored(),
            Bytes::Encrypted(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = either!(self, stream => stream.poll_flush(context));
        self.watch(context, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shutdown = either!(self, stream => stream.poll_shutdown(context));
        self.watch(context, shutdown)
    }
}
