//! A collector: what exporters send goes into a spool on disk, and from there into a store.
//!
//! Receiving knows nothing of the store, so that a slow store costs no datagram, and one that is
//! down costs none as long as the spool has room. Loading takes the spool's segments, in order,
//! through the same feed as any capture, and lets a segment go once the store has acknowledged
//! it: `receive` → `spool` → `loader`. `status` says how all of them stand.

mod exposition;
mod loader;
mod metrics;
mod receive;
mod spool;
mod status;
mod tee;
mod templates;

use std::any::Any;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ipnet::IpNet;

use crate::capture::udp::{Receiver, SocketOptions};
use crate::capture::{Datagram, frame};
use crate::flow::UnixMillis;
use crate::load::{self, Exported, Progress, Session};
use crate::normalise::Rates;
use crate::store::{Account, Load, Store, StoreError};
use loader::{Ended, Loader};
use receive::Intake;
use spool::Spool;
use tee::Tees;

#[cfg(feature = "serve")]
pub(crate) use exposition::Exposition;
pub use metrics::text as metrics;
pub use status::{
    ExporterStatus, Gap, SocketStatus, SpoolStatus, State, Status, StoreStatus, UnreadSegment, read,
};
pub use tee::TeeStatus;

/// How a collector works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where exporters send to; port 0 is one that the system chooses.
    pub listen: Vec<SocketAddr>,
    /// How many sockets share each address, each with a thread of its own. All that comes from one
    /// port of one exporter comes to one of them.
    pub sockets: usize,
    /// How much the system is to keep of what is not taken yet, for each socket.
    pub receive_buffer_bytes: usize,
    /// To whom each datagram is sent on as it came.
    pub tees: Vec<SocketAddr>,
    /// The folder of the spool.
    pub spool: PathBuf,
    /// How large the spool may grow.
    pub spool_bytes: u64,
    /// How many flows the store is given at once.
    pub batch_flows: usize,
    /// How exporters sample, where they do not tell it, or tell it wrongly.
    pub rates: Rates,
    /// What may change while it works.
    pub rules: Rules,
}

/// What may change while a collector works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Whose datagrams are wanted; everybody's if it is empty.
    pub exporters: Vec<IpNet>,
    /// How often what came is committed.
    pub commit_every: Duration,
}

impl Rules {
    fn allow(&self, exporter: IpAddr) -> bool {
        self.exporters.is_empty() || self.exporters.iter().any(|net| net.contains(&exporter))
    }
}

/// Why a collector does not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// A socket cannot be opened.
    #[error("listen at {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Nothing can be sent there.
    #[error("tee {to}")]
    Tee {
        /// Where to.
        to: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Another collector has the spool.
    #[error("{}: in use by another collector", path.display())]
    SpoolInUse {
        /// The spool.
        path: PathBuf,
    },
    /// The spool cannot be used.
    #[error("spool {}: {doing}", path.display())]
    Spool {
        /// The file or folder.
        path: PathBuf,
        /// What was being done to it.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("start a thread")]
    Thread(#[source] io::Error),
    /// The store cannot be used, and waiting would not help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CollectError {
    fn spool(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Spool { path, doing, source }
    }
}

/// A collector at work.
pub struct Collector {
    shared: Arc<Shared>,
    receivers: Vec<JoinHandle<()>>,
    tees: Vec<JoinHandle<()>>,
    loader: JoinHandle<Ended>,
}

/// What a collector leaves behind.
#[derive(Debug)]
pub struct Finished {
    /// What is in the store, as its ledger has it.
    pub load: Load,
    /// How everything stood at the end.
    pub status: Status,
    /// Why some of it is in the spool yet, if that is so.
    pub failure: Option<StoreError>,
}

/// What the threads of a collector have in common.
struct Shared {
    spool: Spool,
    rules: RwLock<Arc<Rules>>,
    sockets: Vec<Socket>,
    tees: Tees,
    told: Mutex<Told>,
    /// The sockets are to be closed.
    closing: AtomicBool,
    /// The sockets are closed, and what they had is in the spool.
    drained: Mutex<bool>,
    changed: Condvar,
    store: String,
    started: UnixMillis,
    gap: Option<Gap>,
}

struct Socket {
    address: SocketAddr,
    buffer_bytes: usize,
    intake: Mutex<Intake>,
}

/// What the loader says of itself.
#[derive(Debug, Default)]
struct Told {
    account: Account,
    exporters: Vec<(Option<IpAddr>, Exported)>,
    commits: u64,
    last_commit: Option<UnixMillis>,
    /// What the store says, if it fails.
    failing: Option<Failing>,
    /// Why what waits for a template cannot be kept.
    spool_failing: Option<Failing>,
}

/// What does not work.
#[derive(Debug, Clone)]
struct Failing {
    why: String,
    since: UnixMillis,
}

impl Failing {
    /// That it fails again, or for the first time.
    fn again(before: Option<Self>, why: String) -> Self {
        Self { why, since: before.map_or_else(UnixMillis::now, |before| before.since) }
    }
}

impl Collector {
    /// Begins to receive, and to load what an earlier collector left in the spool.
    ///
    /// A store that is out of reach or in use is waited for; what comes meanwhile is spooled.
    ///
    /// # Errors
    ///
    /// [`CollectError`] if a socket or the spool cannot be opened, or the store can not be used.
    pub fn start(store: Box<dyn Store>, options: &Options) -> Result<Self, CollectError> {
        let spool = Spool::open(&options.spool, options.spool_bytes)?;
        let started = UnixMillis::now();
        let gap = status::gap(&spool, started);
        let receivers = bind(options)?;
        not_to_ourselves(&receivers, &options.tees)?;
        let (tees, tee_threads) = Tees::start(&options.tees)?;
        let sockets = receivers
            .iter()
            .map(|receiver| Socket {
                address: receiver.local(),
                buffer_bytes: receiver.buffer_bytes(),
                intake: Mutex::default(),
            })
            .collect();
        let shared = Arc::new(Shared {
            spool,
            rules: RwLock::new(Arc::new(options.rules.clone())),
            sockets,
            tees,
            told: Mutex::default(),
            closing: AtomicBool::new(false),
            drained: Mutex::new(false),
            changed: Condvar::new(),
            store: store.to_string(),
            started,
            gap,
        });
        // The store is opened first: if it never can be, nothing is received in vain.
        let loader = load(Arc::clone(&shared), store, options.batch_flows, options.rates.clone());
        let loader = loader.inspect_err(|_| shared.tees.close())?;
        let mut collector = Self { shared, receivers: Vec::new(), tees: tee_threads, loader };
        for (at, receiver) in receivers.into_iter().enumerate() {
            let shared = Arc::clone(&collector.shared);
            let started = thread::Builder::new()
                .name(format!("receive-{at}"))
                .spawn(move || receive::run(receiver, &shared, &shared.sockets[at].intake));
            match started {
                Ok(thread) => collector.receivers.push(thread),
                Err(error) => {
                    collector.finish();
                    return Err(CollectError::Thread(error));
                }
            }
        }
        Ok(collector)
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<_> =
            self.shared.sockets.iter().map(|socket| socket.address).collect();
        addresses.dedup();
        addresses
    }

    /// The rules by which it works.
    pub fn rules(&self) -> Arc<Rules> {
        self.shared.rules()
    }

    /// Works by other rules from now on.
    pub fn set_rules(&self, rules: Rules) {
        *self.shared.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// How it stands. A thread that has ended by a panic does not come back: the collector should be
    /// [finished](Self::finish) then, and another be started.
    pub fn status(&self) -> Status {
        match self.failure() {
            None => self.shared.status(State::Running),
            failure => Status { failure, ..self.shared.status(State::Failed) },
        }
    }

    /// Which of its threads has ended before it was to.
    pub fn failure(&self) -> Option<String> {
        let dead = |(thread, socket): (&JoinHandle<()>, &Socket)| {
            thread.is_finished().then(|| panicked(&receiver_at(socket.address), None))
        };
        let receiver = || self.receivers.iter().zip(&self.shared.sockets).find_map(dead);
        let tee = || self.tees.iter().any(JoinHandle::is_finished).then(|| panicked(TEE, None));
        self.loader.is_finished().then(|| panicked(LOADER, None)).or_else(receiver).or_else(tee)
    }

    /// Writes how it stands for [`read`], in place of what it wrote before.
    ///
    /// # Errors
    ///
    /// What the system has against it.
    pub fn write_status(&self) -> io::Result<()> {
        status::write(self.shared.spool.dir(), &self.status())
    }

    /// Closes the sockets, and loads and commits what came.
    pub fn finish(self) -> Finished {
        self.shared.closing.store(true, Relaxed);
        let mut dead = Vec::new();
        for (receiver, socket) in self.receivers.into_iter().zip(&self.shared.sockets) {
            if let Err(panic) = receiver.join() {
                dead.push(panicked(&receiver_at(socket.address), Some(&*panic)));
            }
        }
        self.shared.tees.close();
        for tee in self.tees {
            if let Err(panic) = tee.join() {
                dead.push(panicked(TEE, Some(&*panic)));
            }
        }
        self.shared.drained();
        let Ended { load, failure } = self.loader.join().unwrap_or_else(|panic| {
            dead.push(panicked(LOADER, Some(&*panic)));
            let account = self.shared.told().account.clone();
            Ended { load: Load { account, ..Load::default() }, failure: None }
        });
        self.shared.told().account = load.account.clone();
        let state = if dead.is_empty() { State::Stopped } else { State::Failed };
        let failed = (!dead.is_empty()).then(|| dead.join("; "));
        let status = Status { failure: failed, ..self.shared.status(state) };
        if let Err(error) = status::write(self.shared.spool.dir(), &status) {
            tracing::warn!("write the status: {error}");
        }
        Finished { load, status, failure }
    }
}

/// The name of the thread that takes the spool to the store, as it is told.
const LOADER: &str = "the loader";

/// The name of a thread that sends on, as it is told.
const TEE: &str = "a tee";

/// The name of the thread that receives, as it is told.
fn receiver_at(address: SocketAddr) -> String {
    format!("the receiver at {address}")
}

/// That a thread has panicked, and what it said of that if it is known.
fn panicked(thread: &str, panic: Option<&(dyn Any + Send)>) -> String {
    let said = panic.and_then(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref::<String>().cloned())
    });
    match said {
        Some(said) => format!("{thread} has panicked: {said}"),
        None => format!("{thread} has panicked"),
    }
}

/// Opens all sockets, so that none receives before all of them can.
fn bind(options: &Options) -> Result<Vec<Receiver>, CollectError> {
    let shares_port = |address: &SocketAddr| {
        let port = address.port();
        let shares = |other: &SocketAddr| other.is_ipv4() && other.port() == port;
        address.is_ipv6() && port != 0 && options.listen.iter().any(shares)
    };
    let mut receivers = Vec::new();
    for &address in &options.listen {
        let refused = |source| CollectError::Listen { address, source };
        let alone = SocketOptions {
            buffer_bytes: options.receive_buffer_bytes,
            shared: false,
            only_v6: shares_port(&address),
        };
        let shared = SocketOptions { shared: options.sockets > 1, ..alone };
        // Sockets that share an address would share it with another process, too, and get a part
        // of what comes: one that does not share tells whether there is another.
        if shared.shared && address.port() != 0 {
            drop(Receiver::bind(address, alone).map_err(refused)?);
        }
        let first = Receiver::bind(address, shared).map_err(refused)?;
        let bound = first.local();
        receivers.push(first);
        for _ in 1..options.sockets {
            receivers.push(Receiver::bind(bound, shared).map_err(refused)?);
        }
    }
    for receiver in &receivers {
        if receiver.buffer_bytes() < options.receive_buffer_bytes {
            tracing::info!(
                "{}: the system keeps {} bytes of what is not taken yet, not {} (net.core.rmem_max)",
                receiver.local(),
                receiver.buffer_bytes(),
                options.receive_buffer_bytes
            );
        }
    }
    Ok(receivers)
}

/// What is sent on to where it is received goes round for ever.
fn not_to_ourselves(receivers: &[Receiver], tees: &[SocketAddr]) -> Result<(), CollectError> {
    for &to in tees {
        let is_ours = |receiver: &Receiver| {
            let at = receiver.local();
            at.port() == to.port()
                && (at.ip() == to.ip() || (at.ip().is_unspecified() && to.ip().is_loopback()))
        };
        if receivers.iter().any(is_ours) {
            let source = io::Error::other("it is received here");
            return Err(CollectError::Tee { to, source });
        }
    }
    Ok(())
}

/// Frames a datagram as it was received.
fn frame_of(frames: &mut Vec<u8>, datagram: &Datagram<'_>) {
    let src = (datagram.exporter, datagram.src_port).into();
    let dst = ([0, 0, 0, 0], 0).into();
    // What was received is whole.
    frame::packet(
        frames,
        datagram.received.0 * 1000,
        frame::Path { src, dst },
        0,
        datagram.payload,
        0,
    );
}

/// Starts the thread that loads, which says first whether the store can be used.
fn load(
    shared: Arc<Shared>,
    store: Box<dyn Store>,
    batch_flows: usize,
    rates: Rates,
) -> Result<JoinHandle<Ended>, CollectError> {
    let (opened, answer) = sync_channel(1);
    let work = move || {
        let options = load::Options {
            batch_flows,
            // It commits when a segment ends, and only then.
            commit_every: Duration::MAX,
            live: true,
            rates,
            exporter: None,
            stop: Arc::default(),
        };
        let listed: Vec<String> =
            shared.sockets.iter().map(|socket| format!("udp://{}", socket.address)).collect();
        let mut listed = listed;
        listed.dedup();
        let session = Session::of(listed.join(" "));
        let unopened = session.load().clone();
        let progress = Progress::default();
        match Loader::open(&shared, &*store, session, &options, &progress) {
            Ok(loader) => {
                let _ = opened.send(None);
                loader.run()
            }
            Err(error) => {
                let _ = opened.send(Some(error));
                Ended { load: unopened, failure: None }
            }
        }
    };
    let thread =
        thread::Builder::new().name("load".to_owned()).spawn(work).map_err(CollectError::Thread)?;
    match answer.recv() {
        Ok(Some(error)) => {
            // It holds the spool until it has ended, and the next collector may want it at once.
            let _ = thread.join();
            Err(error.into())
        }
        Ok(None) | Err(_) => Ok(thread),
    }
}

impl Shared {
    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    fn is_drained(&self) -> bool {
        *self.drained.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drained(&self) {
        *self.drained.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits, unless nothing more comes.
    fn wait(&self, time: Duration) {
        let drained = self.drained.lock().unwrap_or_else(PoisonError::into_inner);
        // A poisoned lock is as good as one that was not.
        let _ = self.changed.wait_timeout_while(drained, time, |drained| !*drained);
    }
}

#[cfg(test)]
mod tests;
