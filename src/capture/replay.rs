//! Sends the datagrams of captures again, at a pace.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{CaptureError, Datagram, Input, Sink, read};
use crate::flow::UnixMillis;

/// Every exporter's port is sent from a port of its own, up to so many: what tells streams of
/// sequence numbers apart is kept so.
const MAX_SOCKETS: usize = 512;

/// A pause shorter than this is not worth it: what is due in it is sent together.
const SHORTEST_PAUSE: Duration = Duration::from_micros(200);

/// So long is slept at most before the order to stop is looked for.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// How fast datagrams are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many times as fast as they were captured.
    Speed(f64),
    /// So many in a second.
    Rate(f64),
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// Datagrams sent.
    pub datagrams: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Datagrams of which the host that they went to said that nobody takes them.
    pub refused: u64,
    /// Datagrams that the capture does not hold whole, or that are too large to be sent.
    pub unsent: u64,
    /// Datagrams that nothing stands for, where others are sent in place of those of the captures.
    pub left_out: u64,
    /// Places where the captures are damaged, and files that are none.
    pub faults: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Why sending ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A capture cannot be opened.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The system does not send.
    #[error("send to {to}")]
    Send {
        /// Where to.
        to: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// What is sent in place of a datagram's payload, if anything is.
pub type Rewrite<'a> = dyn FnMut(&Datagram<'_>) -> Option<Vec<u8>> + 'a;

/// Sends the payload of every datagram in `inputs` to `to`, or what `rewrite` has for it, until it is
/// told to `stop`.
///
/// # Errors
///
/// [`ReplayError`] if an input cannot be opened, or the system does not send.
pub fn replay(
    inputs: &[Input],
    to: SocketAddr,
    pace: Pace,
    rewrite: Option<&mut Rewrite<'_>>,
    stop: &AtomicBool,
) -> Result<Replayed, ReplayError> {
    let begun = Instant::now();
    let mut sender = Sender {
        to,
        pace,
        rewrite,
        stop,
        begun,
        first: None,
        sockets: HashMap::new(),
        done: Replayed::default(),
        failure: None,
    };
    for input in inputs {
        let report = read(input, &AtomicU64::new(0), &mut sender)?;
        let done = &mut sender.done;
        done.faults += report.faults.len() as u64 + report.more_faults + report.other_files;
        if report.stopped {
            break;
        }
    }
    sender.done.took_ms = begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    match sender.failure {
        None => Ok(sender.done),
        Some(source) => Err(ReplayError::Send { to, source }),
    }
}

struct Sender<'a, 'b> {
    to: SocketAddr,
    pace: Pace,
    rewrite: Option<&'a mut Rewrite<'b>>,
    stop: &'a AtomicBool,
    begun: Instant,
    /// When the first datagram was captured.
    first: Option<UnixMillis>,
    sockets: HashMap<(IpAddr, u16), UdpSocket>,
    done: Replayed,
    failure: Option<io::Error>,
}

impl Sink for Sender<'_, '_> {
    fn poll(&mut self) -> ControlFlow<()> {
        if self.stop.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn idle(&mut self) -> ControlFlow<()> {
        self.poll()
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) -> ControlFlow<()> {
        self.wait_for(datagram.received);
        if let Err(error) = self.send(datagram) {
            self.failure = Some(error);
            return ControlFlow::Break(());
        }
        self.poll()
    }
}

impl Sender<'_, '_> {
    /// Sleeps until it is time for a datagram that was captured at `received`.
    fn wait_for(&mut self, received: UnixMillis) {
        let first = *self.first.get_or_insert(received);
        let due_secs = match self.pace {
            Pace::Speed(speed) => received.0.saturating_sub(first.0) as f64 / 1000.0 / speed,
            Pace::Rate(rate) => {
                let Replayed { datagrams, unsent, left_out, .. } = self.done;
                (datagrams + unsent + left_out) as f64 / rate
            }
        };
        let due = Duration::try_from_secs_f64(due_secs).unwrap_or(Duration::MAX);
        while !self.stop.load(Relaxed) {
            let left = due.saturating_sub(self.begun.elapsed());
            if left < SHORTEST_PAUSE {
                return;
            }
            thread::sleep(left.min(LONGEST_SLEEP));
        }
    }

    fn send(&mut self, datagram: &Datagram<'_>) -> io::Result<()> {
        if datagram.payload.len() < datagram.declared_bytes {
            self.done.unsent += 1;
            return Ok(());
        }
        let rewritten = match &mut self.rewrite {
            None => None,
            Some(rewrite) => match rewrite(datagram) {
                None => {
                    self.done.left_out += 1;
                    return Ok(());
                }
                payload => payload,
            },
        };
        let payload = rewritten.as_deref().unwrap_or(datagram.payload);
        let socket = self.socket(datagram)?;
        let mut sent = socket.send(payload);
        if refused(&sent) {
            // It is one of the last datagrams that was refused; this one is yet to go.
            self.done.refused += 1;
            sent = self.socket(datagram)?.send(payload);
        }
        match sent {
            Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EMSGSIZE as i32) => {
                self.done.unsent += 1;
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => self.done.refused += 1,
            sent => {
                self.done.datagrams += 1;
                self.done.bytes += sent? as u64;
            }
        }
        Ok(())
    }

    fn socket(&mut self, datagram: &Datagram<'_>) -> io::Result<&UdpSocket> {
        let mut from = (datagram.exporter, datagram.src_port);
        if !self.sockets.contains_key(&from) && self.sockets.len() >= MAX_SOCKETS {
            from = (Ipv4Addr::UNSPECIFIED.into(), 0);
        }
        match self.sockets.entry(from) {
            std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let any: IpAddr = match self.to {
                    SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                let socket = UdpSocket::bind((any, 0))?;
                socket.connect(self.to)?;
                Ok(entry.insert(socket))
            }
        }
    }
}

fn refused(sent: &io::Result<usize>) -> bool {
    sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
