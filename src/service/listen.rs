//! Sockets, and what keeps those who connect from taking them from each other.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::Service as _;

use super::connection::{Bytes, Connected, Connection};
use super::limits::network;
use super::tls::Certificate;
use super::turns::MOST_THREADS;
use super::{ServiceError, Shared, router};

/// So long may it take to agree on how to encrypt.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// So long may the head of a request take to come, also after the request before it.
const HEAD: Duration = Duration::from_secs(20);
/// What is read ahead, and what waits to be sent, of a connection.
const BUFFER_BYTES: usize = 64 << 10;
/// So many fields may a head have.
const MAX_FIELDS: usize = 100;
/// After an error, of descriptors for one, the next connection is waited for a while later.
const AFTER_ERROR: Duration = Duration::from_millis(200);
/// So long may answers take that are under way when the server ends.
const GRACE: Duration = Duration::from_secs(3);
/// So long is waited for threads that do not look whether they are to end.
const THREADS: Duration = Duration::from_secs(2);

/// A server at work.
pub struct Server {
    service: Shared,
    runtime: Runtime,
    addresses: Vec<SocketAddr>,
    listeners: JoinSet<()>,
}

impl Server {
    /// Listens at the addresses of the service's options, on threads of its own.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if an address cannot be listened at, or the certificate cannot be used.
    pub fn start(service: &Shared) -> Result<Self, ServiceError> {
        let tls = service.options.tls.as_ref().map(Certificate::read).transpose()?;
        let runtime = runtime::Builder::new_multi_thread()
            .thread_name("serve")
            .max_blocking_threads(MOST_THREADS)
            .enable_all()
            .build()
            .map_err(ServiceError::Thread)?;
        let mut sockets = Vec::new();
        for &address in &service.options.listen {
            let listen = |source| ServiceError::Listen { address, source };
            sockets.push(runtime.block_on(TcpListener::bind(address)).map_err(listen)?);
        }
        let addresses: io::Result<Vec<SocketAddr>> =
            sockets.iter().map(TcpListener::local_addr).collect();
        let addresses = addresses.map_err(ServiceError::Thread)?;
        let listening = Arc::new(Listening {
            router: router(service),
            service: Arc::clone(service),
            tls,
            room: Arc::new(Semaphore::new(service.options.limits.connections)),
            open: Mutex::default(),
        });
        let mut listeners = JoinSet::new();
        for socket in sockets {
            listeners.spawn_on(accept(socket, Arc::clone(&listening)), runtime.handle());
        }
        Ok(Self { service: Arc::clone(service), runtime, addresses, listeners })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more connections, and has answers that are under way end within some seconds.
    pub fn finish(mut self) {
        self.service.stop();
        let ended = async { while self.listeners.join_next().await.is_some() {} };
        self.runtime.block_on(ended);
        self.runtime.shutdown_timeout(THREADS);
    }
}

/// What connections have in common.
struct Listening {
    router: Router,
    service: Shared,
    tls: Option<Certificate>,
    room: Arc<Semaphore>,
    /// How many are open, by who is connected.
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Listening {
    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes connections of a socket until the service stops, and then waits for them.
async fn accept(socket: TcpListener, listening: Arc<Listening>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = listening.service.stopped() => break,
            accepted = next(&socket, &listening) => accepted,
            // What has ended is forgotten.
            Some(_) = connections.join_next() => continue,
        };
        if let Some(place) = accepted {
            connections.spawn(place.serve());
        }
    }
    drop(socket);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, ended).await.is_err() {
        tracing::warn!("{} answers were cut short", connections.len());
        connections.shutdown().await;
    }
}

/// The next connection; none where it was not to be had, or is one too many.
async fn next(socket: &TcpListener, listening: &Arc<Listening>) -> Option<Place> {
    // Where there is no room, the system keeps those that wait.
    let room = Arc::clone(&listening.room).acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, peer)) => Place::of(stream, peer, room, Arc::clone(listening)),
        Err(error) => {
            tracing::debug!("accept a connection: {error}");
            sleep(AFTER_ERROR).await;
            None
        }
    }
}

/// A connection with its room among the others.
struct Place {
    stream: TcpStream,
    peer: SocketAddr,
    listening: Arc<Listening>,
    _room: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Place {
    /// None if half of all connections are this peer's already.
    fn of(
        stream: TcpStream,
        peer: SocketAddr,
        room: OwnedSemaphorePermit,
        listening: Arc<Listening>,
    ) -> Option<Self> {
        let counted = Counted::of(network(peer.ip()), &listening)?;
        Some(Self { stream, peer, listening, _room: room, _counted: counted })
    }

    async fn serve(self) {
        let Ok(local) = self.stream.local_addr() else { return };
        // Answers are sent in whole pieces.
        let _ = self.stream.set_nodelay(true);
        let bytes = match &self.listening.tls {
            None => Bytes::Plain(self.stream),
            Some(tls) => match timeout(HANDSHAKE, tls.acceptor().accept(self.stream)).await {
                Ok(Ok(stream)) => Bytes::Encrypted(Box::new(stream)),
                Ok(Err(error)) => return tracing::debug!("{}: {error}", self.peer),
                Err(_) => return tracing::debug!("{}: no handshake", self.peer),
            },
        };
        let encrypted = self.listening.tls.is_some();
        let connected = Connected { peer: self.peer, local, encrypted };
        if let Err(error) = exchange(bytes, connected, &self.listening).await {
            tracing::debug!("{}: {error}", self.peer);
        }
    }
}

/// Answers the requests of a connection.
async fn exchange(
    bytes: Bytes,
    connected: Connected,
    listening: &Listening,
) -> Result<(), hyper::Error> {
    let answer = service_fn(|request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(connected);
        let answer = listening.router.clone().call(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER_BYTES)
        .max_headers(MAX_FIELDS)
        .serve_connection(TokioIo::new(Connection::of(bytes)), answer);
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = listening.service.stopped() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// That a peer has a connection, as long as this is there.
struct Counted {
    peer: IpAddr,
    listening: Arc<Listening>,
}

impl Counted {
    fn of(peer: IpAddr, listening: &Arc<Listening>) -> Option<Self> {
        let share = (listening.service.options.limits.connections / 2).max(1);
        let mut open = listening.open();
        let count = open.entry(peer).or_default();
        if *count >= share {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Self { peer, listening: Arc::clone(listening) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.listening.open();
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}
