//! Several gateways to one cluster: used in turn, and around one that is dead.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{Cause, Remedy, line, remedy};
use super::gateway::Gateway;
use super::location::Location;
use super::transport::Framing;
use crate::store::{Result, StoreError, Watch};

/// The first pause before a call is made again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So many calls may fail at once, one after the other, before there is a pause all the same.
const QUICK_TRIES: u32 = 3;

/// So many connections wait for the next call; as many as a load writes over, and then some.
const MAX_IDLE_CONNECTIONS: usize = 32;

/// A cluster that has not been well for so long is told of, and again after as long.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How long to wait for answers, and for a cluster to get well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For one answer. A call may rightly wait for a region to come back on another server.
    pub answer: Duration,
    /// For a call to go through at all, with all its repeats.
    pub recovery: Duration,
}

/// The gateways, and connections to them that nobody uses just now. Clones share both.
#[derive(Clone)]
pub(super) struct Gateways(Arc<Shared>);

struct Shared {
    location: Location,
    patience: Patience,
    next: AtomicUsize,
    /// What the last connection to each gateway was made with.
    framings: Mutex<Vec<Framing>>,
    idle: Mutex<Vec<Gateway>>,
    /// Whether any gateway ever answered. Before that nobody waits for one to come back.
    reached: AtomicBool,
    /// When it was last told that the cluster is not well.
    told: Mutex<Option<Instant>>,
}

impl Gateways {
    pub(super) fn new(location: Location, patience: Patience) -> Self {
        Self(Arc::new(Shared {
            framings: Mutex::new(vec![Framing::None; location.gateways.len()]),
            location,
            patience,
            next: AtomicUsize::new(0),
            idle: Mutex::default(),
            reached: AtomicBool::new(false),
            told: Mutex::default(),
        }))
    }

    pub(super) fn location(&self) -> &Location {
        &self.0.location
    }

    /// Whether nobody told of the cluster's troubles for a while, though several may meet them.
    fn is_time_to_tell(&self) -> bool {
        let mut told = lock(&self.0.told);
        let time = told.is_none_or(|at| at.elapsed() >= TELL_EVERY);
        if time {
            *told = Some(Instant::now());
        }
        time
    }

    /// Someone's own connection, for calls one after the other.
    pub(super) fn session(&self) -> Session {
        self.watched_session(&Watch::default())
    }

    /// The connection of someone who may give up: no answer is waited for after that.
    pub(super) fn watched_session(&self, watch: &Watch) -> Session {
        Session { gateways: self.clone(), gateway: None, watch: watch.clone() }
    }

    fn connect(&self, watch: &Watch) -> Result<Gateway, (String, thrift::Error)> {
        let idle = lock(&self.0.idle).pop();
        if let Some(gateway) = idle.filter(|gateway| !gateway.is_stale()) {
            return Ok(gateway);
        }
        let addresses = &self.0.location.gateways;
        let place = self.0.next.fetch_add(1, Relaxed) % addresses.len();
        let address = &addresses[place];
        let framing = lock(&self.0.framings)[place];
        let gateway = Gateway::connect(place, address, framing, self.0.patience.answer, watch)
            .map_err(|error| (address.clone(), error))?;
        lock(&self.0.framings)[place] = gateway.framing;
        self.0.reached.store(true, Relaxed);
        Ok(gateway)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Gateways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gateways").field(&self.0.location).finish()
    }
}

/// One connection at a time, replaced by another when it breaks.
pub(super) struct Session {
    gateways: Gateways,
    gateway: Option<Gateway>,
    watch: Watch,
}

impl Session {
    /// Carries out `call` until it goes through, over one gateway or another. It must do no harm
    /// when it is done twice.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] when the cluster did not get well in time;
    /// [`StoreError::Refused`] where repeating is of no use.
    pub(super) fn call<T>(
        &mut self,
        doing: &'static str,
        mut call: impl FnMut(&mut Gateway) -> thrift::Result<T>,
    ) -> Result<T> {
        let mut trial = self.trial();
        loop {
            match self.once(&mut call) {
                Ok(value) => return Ok(value),
                Err(failure) => trial.failed(doing, failure)?,
            }
        }
    }

    /// The repeats of a call that may have to be made more than once.
    pub(super) fn trial(&self) -> Trial {
        Trial {
            gateways: self.gateways.clone(),
            watch: self.watch.clone(),
            began: Instant::now(),
            pause: FIRST_PAUSE,
            failures: 0,
        }
    }

    /// Carries out `call` once.
    pub(super) fn once<T>(
        &mut self,
        call: impl FnOnce(&mut Gateway) -> thrift::Result<T>,
    ) -> Result<T, Failure> {
        let mut gateway = match self.gateway.take().filter(|gateway| !gateway.is_stale()) {
            Some(gateway) => gateway,
            None => self.gateways.connect(&self.watch).map_err(|(address, error)| Failure {
                remedy: Remedy::Now,
                place: address,
                error,
            })?,
        };
        gateway.watch(&self.watch);
        let result = call(&mut gateway);
        let place = &self.gateways.location().gateways[gateway.place];
        match result {
            Ok(value) => {
                self.gateway = Some(gateway);
                Ok(value)
            }
            Err(error) => {
                let failure = Failure { remedy: remedy(&error), place: place.clone(), error };
                // After anything else the connection may hold half an answer.
                if matches!(failure.error, thrift::Error::User(_) | thrift::Error::Application(_)) {
                    self.gateway = Some(gateway);
                }
                Err(failure)
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            let mut idle = lock(&self.gateways.0.idle);
            idle.retain(|gateway| !gateway.is_stale());
            if idle.len() < MAX_IDLE_CONNECTIONS {
                idle.push(gateway);
            }
        }
    }
}

/// A call that failed once, at which gateway, and what helps.
#[derive(Debug)]
pub(super) struct Failure {
    pub remedy: Remedy,
    pub place: String,
    pub error: thrift::Error,
}

/// The repeats of one call: how many there were, and how long they may go on.
pub(super) struct Trial {
    gateways: Gateways,
    watch: Watch,
    began: Instant,
    pause: Duration,
    failures: u32,
}

impl Trial {
    /// Takes note of a failure. Returns when it is time to try again.
    ///
    /// # Errors
    ///
    /// As [`Session::call`], if it is not to be tried again.
    pub(super) fn failed(&mut self, doing: &'static str, failure: Failure) -> Result<()> {
        // What was given up in the middle failed for no other reason.
        self.watch.check()?;
        let Failure { remedy, place, error } = failure;
        let Shared { location, patience, reached, .. } = &*self.gateways.0;
        let (store, what) = (location.to_string(), line(&error));
        if let Remedy::Never(cause) = remedy {
            return Err(refused(store, doing, cause, what));
        }
        self.failures += 1;
        let all_tried = self.failures as usize >= location.gateways.len();
        let left = patience.recovery.saturating_sub(self.began.elapsed());
        if left.is_zero() || all_tried && !reached.load(Relaxed) {
            let source = io::Error::other(format!("{doing} at {place}: {what}"));
            return Err(StoreError::Unreachable { place: store, source });
        }
        let quick = remedy == Remedy::Now && self.failures <= QUICK_TRIES && !all_tried;
        if !quick {
            tracing::info!(gateway = place, "{doing}: {what}; again in {:?}", self.pause);
            if self.began.elapsed() >= TELL_EVERY && self.gateways.is_time_to_tell() {
                tracing::warn!(gateway = place, "{doing}: {what}; trying on for {left:.0?}");
            }
            self.watch.pause(self.pause.min(left))?;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }
}

fn refused(place: String, doing: &'static str, cause: Cause, what: String) -> StoreError {
    match cause {
        Cause::NoTable => StoreError::Missing { place },
        Cause::NoFamily => {
            StoreError::refused(place, doing, "its table has no family f".to_owned())
        }
        Cause::Disabled => StoreError::refused(place, doing, "its table is disabled".to_owned()),
        Cause::Refused => StoreError::refused(place, doing, what),
    }
}
