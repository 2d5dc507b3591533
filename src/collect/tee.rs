//! What was received, sent on to others as it came.
//!
//! Each of them has a thread and a queue of its own: who takes nothing costs neither the spool nor
//! the others a datagram.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::CollectError;
use crate::capture::udp::Forwarder;

/// So many bytes may wait to be sent to one of them.
const MAX_WAITING_BYTES: usize = 8 << 20;
/// What goes wrong for long is said so often.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What was sent on to an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeeStatus {
    /// Where to.
    pub to: SocketAddr,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Datagrams that were not sent, as too many waited for it.
    pub dropped: u64,
    /// Datagrams that the system did not send.
    pub failed: u64,
    /// What it said last.
    pub failure: Option<String>,
    /// Whether they come there from whom they came. Else from this machine, as this process may not
    /// send in the name of others.
    pub keeps_sources: bool,
}

/// Datagrams that came together.
#[derive(Debug, Default, Clone)]
pub(super) struct Passed {
    payloads: Vec<u8>,
    /// Who sent each, and where it ends.
    ends: Vec<(SocketAddr, usize)>,
}

impl Passed {
    pub(super) fn clear(&mut self) {
        self.payloads.clear();
        self.ends.clear();
    }

    pub(super) fn push(&mut self, src: SocketAddr, payload: &[u8]) {
        self.payloads.extend_from_slice(payload);
        self.ends.push((src, self.payloads.len()));
    }

    fn each(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let mut from = 0;
        self.ends.iter().map(move |&(src, end)| {
            let payload = &self.payloads[from..end];
            from = end;
            (src, payload)
        })
    }
}

/// Everybody to whom is sent what comes.
#[derive(Debug, Default)]
pub(super) struct Tees(Vec<Tee>);

#[derive(Debug)]
struct Tee {
    to: SocketAddr,
    queue: Sender<Option<Arc<Passed>>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    datagrams: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    waiting_bytes: AtomicUsize,
    keeps_sources: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Tees {
    /// Begins to send to each of `all`, and gives the threads that do.
    ///
    /// # Errors
    ///
    /// [`CollectError::Tee`] if a socket cannot be opened, [`CollectError::Thread`] for a thread.
    pub(super) fn start(all: &[SocketAddr]) -> Result<(Self, Vec<JoinHandle<()>>), CollectError> {
        let (mut tees, mut threads) = (Vec::new(), Vec::new());
        for &to in all {
            let refused = |source| CollectError::Tee { to, source };
            let forwarder = Forwarder::open(to).map_err(refused)?;
            if !forwarder.keeps_sources() {
                tracing::warn!(
                    "tee {to}: datagrams come from this machine there, and not from their \
                     exporters, as this process may not send as others (CAP_NET_RAW)"
                );
            }
            let counts = Arc::new(Counts::default());
            counts.keeps_sources.store(forwarder.keeps_sources(), Relaxed);
            let (queue, passed) = channel();
            let counting = Arc::clone(&counts);
            let thread = thread::Builder::new()
                .name("tee".to_owned())
                .spawn(move || send(&forwarder, &passed, &counting, to))
                .map_err(CollectError::Thread)?;
            tees.push(Tee { to, queue, counts });
            threads.push(thread);
        }
        Ok((Self(tees), threads))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has `passed` sent to all of them. It waits for none.
    pub(super) fn pass(&self, passed: &Passed) {
        if self.0.is_empty() || passed.ends.is_empty() {
            return;
        }
        let passed = Arc::new(passed.clone());
        for Tee { queue, counts, .. } in &self.0 {
            let bytes = passed.payloads.len();
            let is_full = counts.waiting_bytes.load(Relaxed) + bytes > MAX_WAITING_BYTES;
            if is_full || queue.send(Some(Arc::clone(&passed))).is_err() {
                counts.dropped.fetch_add(passed.ends.len() as u64, Relaxed);
            } else {
                counts.waiting_bytes.fetch_add(bytes, Relaxed);
            }
        }
    }

    /// Nothing more comes: their threads end when they have sent what waits.
    pub(super) fn close(&self) {
        for tee in &self.0 {
            let _ = tee.queue.send(None);
        }
    }

    pub(super) fn status(&self) -> Vec<TeeStatus> {
        let of = |Tee { to, counts, .. }: &Tee| TeeStatus {
            to: *to,
            datagrams: counts.datagrams.load(Relaxed),
            dropped: counts.dropped.load(Relaxed),
            failed: counts.failed.load(Relaxed),
            failure: counts.failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            keeps_sources: counts.keeps_sources.load(Relaxed),
        };
        self.0.iter().map(of).collect()
    }
}

/// Sends what is passed until nothing more comes.
fn send(
    forwarder: &Forwarder,
    passed: &Receiver<Option<Arc<Passed>>>,
    counts: &Counts,
    to: SocketAddr,
) {
    let mut said: Option<Instant> = None;
    while let Ok(Some(passed)) = passed.recv() {
        for (src, payload) in passed.each() {
            match forwarder.send(src, payload) {
                Ok(()) => {
                    counts.datagrams.fetch_add(1, Relaxed);
                }
                Err(error) => {
                    counts.failed.fetch_add(1, Relaxed);
                    fail(counts, to, &error, &mut said);
                }
            }
        }
        counts.waiting_bytes.fetch_sub(passed.payloads.len(), Relaxed);
    }
}

fn fail(counts: &Counts, to: SocketAddr, error: &io::Error, said: &mut Option<Instant>) {
    if said.is_none_or(|said| said.elapsed() >= SAID_EVERY) {
        *said = Some(Instant::now());
        tracing::warn!("tee {to}: {error}");
    }
    *counts.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_nothing_gets_no_more_than_fits_and_costs_the_others_nothing() {
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        let tee = || {
            let (queue, passed) = channel();
            (Tee { to, queue, counts: Arc::default() }, passed)
        };
        let ((slow, waiting), (quick, passing)) = (tee(), tee());
        let counts = Arc::clone(&quick.counts);
        let tees = Tees(vec![slow, quick]);
        let mut passed = Passed::default();
        for number in 0..64_u8 {
            passed.push(to, &[number; 1500]);
        }
        let bytes = 64 * 1500;
        let rounds = 3 * MAX_WAITING_BYTES / bytes;
        for _ in 0..rounds {
            tees.pass(&passed);
            let sent = passing.recv().unwrap().unwrap();
            assert_eq!(sent.each().count(), 64);
            assert!(sent.each().zip(0..).all(|((_, payload), n)| payload == [n; 1500]));
            counts.waiting_bytes.fetch_sub(bytes, Relaxed);
        }
        let fitting = MAX_WAITING_BYTES / bytes;
        let dropped: Vec<u64> = tees.status().iter().map(|status| status.dropped).collect();
        assert_eq!(dropped, [64 * (rounds - fitting) as u64, 0]);
        assert_eq!(waiting.try_iter().count(), fitting);
    }
}
