//! Connections to the page: so many, and each for so long, that they never take the descriptors that
//! the spool and the store need.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep};

/// So many are open at once. For one more the oldest is closed: who asks is answered at once, so
/// that is one that says nothing.
const MAX_CONNECTIONS: usize = 32;
/// So long does one last, whatever it is doing.
const LASTS: Duration = Duration::from_secs(10);
/// After an error, of descriptors for one, the next connection is waited for a while later.
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// Takes connections of a socket.
pub(super) struct Connections {
    listener: TcpListener,
    /// Those that are open, the oldest first: each is closed when this end goes.
    open: VecDeque<oneshot::Sender<()>>,
}

impl Connections {
    pub(super) fn of(listener: TcpListener) -> Self {
        Self { listener, open: VecDeque::new() }
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = loop {
            match self.listener.accept().await {
                Ok(accepted) => break accepted,
                Err(error) => {
                    tracing::debug!("a connection to the page: {error}");
                    sleep(AFTER_ERROR).await;
                }
            }
        };
        self.open.retain(|connection| !connection.is_closed());
        if self.open.len() >= MAX_CONNECTIONS {
            self.open.pop_front();
            // Before the next one is taken, this one lets go of its descriptor.
            yield_now().await;
        }
        let (open, closed) = oneshot::channel();
        self.open.push_back(open);
        (Connection { stream, over: false, closed, until: Box::pin(sleep(LASTS)) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection.
pub(super) struct Connection {
    stream: TcpStream,
    over: bool,
    closed: oneshot::Receiver<()>,
    until: Pin<Box<Sleep>>,
}

impl Connection {
    /// The stream, as long as it is not over.
    fn stream(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        self.over = self.over
            || Pin::new(&mut self.closed).poll(context).is_ready()
            || self.until.as_mut().poll(context).is_ready();
        if self.over { Err(ErrorKind::TimedOut.into()) } else { Ok(Pin::new(&mut self.stream)) }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream(context)?.poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_shutdown(context)
    }
}
