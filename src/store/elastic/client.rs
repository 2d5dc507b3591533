//! Calls to the nodes of a cluster.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::options::{Options, Secret, authorization_of, certificates};
use super::reply::Reply;
use super::{Location, Server};
use crate::store::{Result, StoreError, Watch};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The first pause before a call is repeated; each is twice the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A cluster, to which calls are made from any thread, each over a connection of its own.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) location: Location,
    agent: Agent,
    authorization: Option<Secret>,
    recovery: Duration,
    /// The node that is asked next.
    next: AtomicUsize,
    pub(super) server: OnceLock<Server>,
}

/// What goes along with a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    /// Nothing: something is to be got.
    Get,
    /// Something is to be done, of which the path says all.
    Do,
    /// Something is to be put at the path.
    Put(&'a Value),
    /// Something is asked, or to be done.
    Post(&'a Value),
    /// Lines of actions and documents, which go compressed.
    Bulk(&'a [u8]),
    /// What is to be deleted.
    Delete(&'a Value),
}

impl Client {
    /// The cluster at `location`. Nothing is reached yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] and [`StoreError::Damaged`] if the file of certificates is none.
    pub(crate) fn new(location: Location, options: &Options) -> Result<Self> {
        let roots = match &options.ca {
            Some(path) => certificates(path)?,
            None => RootCerts::WebPki,
        };
        let tls = TlsConfig::builder().root_certs(roots).build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .tls_config(tls)
            .max_idle_connections_per_host(options.connections.max(8))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT.min(options.answer)))
            .timeout_send_body(Some(options.answer))
            .timeout_recv_response(Some(options.answer))
            .timeout_recv_body(Some(options.answer))
            .user_agent(concat!("earlgrey-hbase/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let authorization = location.credentials.as_ref().or(options.credentials.as_ref());
        Ok(Self {
            agent,
            authorization: authorization.map(authorization_of),
            recovery: options.recovery,
            next: AtomicUsize::new(0),
            server: OnceLock::new(),
            location,
        })
    }

    /// Which server it is.
    ///
    /// # Errors
    ///
    /// As [`Self::call`], and [`StoreError::NotAStore`] if none answers that is known.
    pub(crate) fn server(&self, watch: &Watch) -> Result<Server> {
        if let Some(&server) = self.server.get() {
            return Ok(server);
        }
        let reply = self.call("greet", "/", Body::Get, watch)?;
        // Elasticsearch says it in every answer, also to those who may not ask for the version.
        let server =
            if reply.is_elastic { Some(Server::Elastic) } else { Server::of_greeting(&reply.body) };
        let found = || format!("no Elasticsearch that is known answers: {}", reply.told());
        let server =
            server.ok_or_else(|| StoreError::NotAStore { place: self.place(), found: found() })?;
        Ok(*self.server.get_or_init(|| server))
    }

    /// The name of the place in messages.
    pub(crate) fn place(&self) -> String {
        self.location.to_string()
    }

    /// Calls `path` of whichever node answers, and repeats it where that is of use: every call is
    /// harmless when it is made again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if no node answers; [`StoreError::Refused`] if none has time, or
    /// who asks may not; [`StoreError::Stopped`].
    pub(crate) fn call(
        &self,
        doing: &'static str,
        path: &str,
        body: Body<'_>,
        watch: &Watch,
    ) -> Result<Reply> {
        let began = Instant::now();
        // What was never reached is most likely not there: nobody is kept waiting for it.
        let patience = if self.server.get().is_some() { self.recovery } else { Duration::ZERO };
        let mut pause = FIRST_PAUSE;
        let mut failed = 0;
        loop {
            watch.check()?;
            let (problem, wanted) = match self.once(path, body) {
                Ok(reply) => match reply.status {
                    401 | 403 => return Err(self.refused(doing, &reply)),
                    429 | 502 | 503 | 504 => (self.refused(doing, &reply), reply.retry_after),
                    _ => return Ok(reply),
                },
                Err(error) if is_of_tls(&error) => {
                    return Err(self.refuse(doing, format!("encrypted connection: {error}")));
                }
                Err(error) => {
                    let source = error.into_io();
                    (StoreError::Unreachable { place: self.place(), source }, None)
                }
            };
            failed += 1;
            // Another node may answer at once.
            if failed < self.location.nodes.len() {
                continue;
            }
            if began.elapsed() + pause > patience {
                return Err(problem);
            }
            tracing::info!("{doing}: {problem}; again in {pause:?}");
            watch.pause(self.with_jitter(wanted.unwrap_or(pause).min(LONGEST_PAUSE)))?;
            pause = (pause * 2).min(LONGEST_PAUSE);
            failed = 0;
        }
    }

    /// As [`Self::call`], of what must go well; gives what the answer says.
    ///
    /// # Errors
    ///
    /// As [`Self::call`], and [`StoreError::Refused`] if the server will not, or answers nonsense.
    pub(crate) fn ask(
        &self,
        doing: &'static str,
        path: &str,
        body: Body<'_>,
        watch: &Watch,
    ) -> Result<Reply> {
        let reply = self.call(doing, path, body, watch)?;
        if reply.is_ok() { Ok(reply) } else { Err(self.refused(doing, &reply)) }
    }

    /// What a server will not do.
    pub(crate) fn refused(&self, doing: &'static str, reply: &Reply) -> StoreError {
        self.refuse(doing, reply.told())
    }

    pub(crate) fn refuse(&self, doing: &'static str, detail: impl Into<String>) -> StoreError {
        StoreError::refused(self.place(), doing, detail.into())
    }

    /// What `reply` says.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if it is not what a server answers.
    pub(crate) fn read<'a, T: Deserialize<'a>>(
        &self,
        doing: &'static str,
        reply: &'a Reply,
    ) -> Result<T> {
        serde_json::from_slice(&reply.body).map_err(|error| {
            let start = String::from_utf8_lossy(&reply.body[..reply.body.len().min(80)]);
            self.refuse(doing, format!("no answer of Elasticsearch: {start:?}: {error}"))
        })
    }

    /// Between half and one and a half of `pause`, so that those who were sent away together do not
    /// come back together.
    pub(crate) fn with_jitter(&self, pause: Duration) -> Duration {
        let random = RandomState::new().hash_one(&self.location.index) % 1000;
        pause / 2 + pause * u32::try_from(random).unwrap_or_default() / 1000
    }

    /// Calls the next node, once.
    pub(super) fn once(&self, path: &str, body: Body<'_>) -> Result<Reply, ureq::Error> {
        let nodes = &self.location.nodes;
        let node = &nodes[self.next.fetch_add(1, Relaxed) % nodes.len()];
        let scheme = if self.location.tls { "https" } else { "http" };
        let url = format!("{scheme}://{node}{path}");
        let json = |value: &Value| value.to_string().into_bytes();
        let (request, bytes) = match body {
            Body::Get => {
                let request = self.signed(self.agent.get(url));
                return Reply::read(request.call()?, 0);
            }
            Body::Do => {
                let request = self.signed(self.agent.post(url));
                return Reply::read(request.send_empty()?, 0);
            }
            Body::Put(value) => (self.agent.put(url), json(value)),
            Body::Post(value) => (self.agent.post(url), json(value)),
            Body::Delete(value) => (self.agent.delete(url).force_send_body(), json(value)),
            Body::Bulk(lines) => {
                (self.agent.post(url).header("content-encoding", "gzip"), gzipped(lines)?)
            }
        };
        let kind = match body {
            Body::Bulk(_) => "application/x-ndjson",
            _ => "application/json",
        };
        let request = self.signed(request.header("content-type", kind));
        Reply::read(request.send(&bytes[..])?, bytes.len() as u64)
    }

    fn signed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(Secret(header)) => request.header("authorization", header),
            None => request,
        }
    }
}

fn gzipped(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut to = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    to.write_all(bytes)?;
    to.finish()
}

/// Whether it is about certificates, or what is not encrypted: it will not be otherwise next time.
fn is_of_tls(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => true,
        ureq::Error::Io(error) => error.kind() == io::ErrorKind::InvalidData,
        _ => false,
    }
}
