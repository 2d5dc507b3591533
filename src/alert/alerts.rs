//! The alerts of a server: raised, kept, asked for, told.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::courier::Courier;
use super::shared::Shared;
use super::{Alert, Counts, Keeper, Kept, Options, State, Terms, Verdict, Wanted, Way};
use crate::flow::UnixMillis;
use crate::keep::KeepError;

/// What became of an alert that was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raised {
    /// It is a new one.
    New,
    /// It is known, and was raised for the so-manieth time.
    Known(u64),
}

/// What cannot be done about an alert.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertsError {
    /// There is none of this id.
    #[error("there is no alert {0:?}")]
    Unknown(String),
    /// The place where alerts are kept.
    #[error(transparent)]
    Keeper(#[from] KeepError),
}

type Result<T, E = AlertsError> = std::result::Result<T, E>;

/// The alerts of a server. When it goes, what waits is left to the next process.
pub struct Alerts {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Alerts {
    /// Alerts that `keeper` keeps, and that go out by `ways` once [`Self::begin`] is called.
    pub fn new(keeper: Box<dyn Keeper>, ways: &[Way], options: Options) -> Self {
        let terms: Vec<Terms> = ways.iter().map(|way| way.terms.clone()).collect();
        let shared = Shared::new(keeper, terms, options);
        Self { shared: Arc::new(shared), threads: Mutex::default() }
    }

    /// Has what waits sent, by a thread for each of `ways`, also what an earlier process left.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub fn begin(&self, ways: Vec<Way>) -> io::Result<()> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for way in ways {
            let courier = Courier::new(Arc::clone(&self.shared), way);
            let name = "alert-way".to_owned();
            threads.push(thread::Builder::new().name(name).spawn(move || courier.run())?);
        }
        let shared = Arc::clone(&self.shared);
        let upkeep = thread::Builder::new().name("alert-upkeep".to_owned());
        threads.push(upkeep.spawn(move || shared.upkeep())?);
        Ok(())
    }

    /// Has the threads end; waits `patience` for messages that are being sent.
    pub fn close(&self, patience: Duration) {
        self.shared.end();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        join_within(threads.drain(..), patience);
    }

    /// Keeps `alert`, and queues the messages about it in the same step.
    ///
    /// # Errors
    ///
    /// [`AlertsError::Keeper`].
    pub fn raise(&self, alert: &Alert, now: UnixMillis) -> Result<Raised> {
        self.raise_after(alert, now, self.shared.options.resend)
    }

    /// As [`Self::raise`]; what was sent is sent again `resend` after, as whoever raises it has a
    /// cool-down of his own.
    ///
    /// # Errors
    ///
    /// As [`Self::raise`].
    pub fn raise_after(&self, alert: &Alert, now: UnixMillis, resend: Duration) -> Result<Raised> {
        let shared = &self.shared;
        let keeper = &*shared.keeper;
        let (kept, raised) = loop {
            let known = keeper.alert(&alert.id)?;
            let (mut kept, raised) = match &known {
                None => (Kept::new(alert, now, &shared.terms), Raised::New),
                Some(known) => {
                    let ways = (&shared.terms[..], resend);
                    let kept = known.again(alert, now, ways);
                    let count = kept.count;
                    (kept, Raised::Known(count))
                }
            };
            shared.give_up_overflow(&mut kept, known.as_ref(), now)?;
            let done = match &known {
                None => keeper.add(&kept)?,
                Some(_) => keeper.replace(&kept)?,
            };
            // Somebody else changed it in between.
            if done {
                break (kept, raised);
            }
        };
        shared.counters.raised(alert.source);
        shared.tell_overflow(&kept);
        if kept.waiting().next().is_some() {
            shared.wake();
        }
        Ok(raised)
    }

    /// The alert with this id.
    ///
    /// # Errors
    ///
    /// [`AlertsError`].
    pub fn get(&self, id: &str) -> Result<Kept> {
        self.shared.keeper.alert(id)?.ok_or_else(|| AlertsError::Unknown(id.to_owned()))
    }

    /// The alerts that are wanted, those raised last first.
    ///
    /// # Errors
    ///
    /// [`AlertsError::Keeper`].
    pub fn list(&self, wanted: &Wanted) -> Result<Vec<Kept>> {
        Ok(self.shared.keeper.alerts(wanted)?)
    }

    /// Keeps what somebody makes of an alert; gives the alert as it stands then.
    ///
    /// # Errors
    ///
    /// [`AlertsError`].
    pub fn judge(&self, id: &str, state: State, verdict: &Verdict) -> Result<Kept> {
        loop {
            let judged = self.get(id)?.judged(state, verdict.clone());
            if self.shared.keeper.replace(&judged)? {
                return Ok(judged);
            }
        }
    }

    /// What happened since the process began, and what waits.
    pub fn counts(&self) -> Counts {
        let mut counts = self.shared.counters.counts();
        for (way, counts) in &mut counts.ways {
            counts.waiting = self.shared.keeper.waiting(way).ok();
        }
        counts
    }
}

impl Drop for Alerts {
    fn drop(&mut self) {
        self.shared.end();
    }
}

/// Waits for threads that were told to end; for all of them at most for `patience`.
pub(crate) fn join_within(threads: impl Iterator<Item = JoinHandle<()>>, patience: Duration) {
    let until = Instant::now() + patience;
    for thread in threads {
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() {
            let _ = thread.join();
        }
    }
}
