//! What the threads that carry alerts work with, and how alerts are kept and told.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::counters::Counters;
use super::{Fate, Keeper, Kept, Result, Status, Terms};
use crate::flow::UnixMillis;

/// How alerts are kept and told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What was sent is sent again so long after, if it was raised again by then.
    pub resend: Duration,
    /// So long alerts are kept since they were raised last.
    pub keep: Duration,
    /// So many messages wait by one way. What is queued beyond them is given up, and told.
    pub waiting: u64,
    /// After so long without success a message is given up.
    pub patience: Duration,
    /// The pause after the first failure; each one after it is twice as long, up to an hour.
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            resend: Duration::from_hours(24),
            keep: Duration::from_hours(90 * 24),
            waiting: 10_000,
            patience: Duration::from_hours(24),
            pause: Duration::from_secs(5),
        }
    }
}

/// How often it is looked for alerts that are too old.
const UPKEEP: Duration = Duration::from_hours(1);

/// What the threads work with.
pub(super) struct Shared {
    pub(super) keeper: Box<dyn Keeper>,
    pub(super) options: Options,
    pub(super) counters: Counters,
    /// By the names of the ways, in their order.
    pub(super) terms: Vec<Terms>,
    signal: Mutex<Signal>,
    changed: Condvar,
}

/// What threads that wait are told.
#[derive(Debug, Default, Clone, Copy)]
struct Signal {
    /// How often something was queued.
    queued: u64,
    ending: bool,
}

const FULL: &str = "too many messages wait already";

impl Shared {
    pub(super) fn new(keeper: Box<dyn Keeper>, terms: Vec<Terms>, options: Options) -> Self {
        let counters = Counters::default();
        counters.know(terms.iter().map(|terms| terms.name.as_str()));
        let (signal, changed) = (Mutex::default(), Condvar::new());
        Self { keeper, options, counters, terms, signal, changed }
    }

    /// Gives up what is queued now by a way by which too much waits.
    ///
    /// One that takes the place of one that waited has room.
    pub(super) fn give_up_overflow(
        &self,
        kept: &mut Kept,
        before: Option<&Kept>,
        now: UnixMillis,
    ) -> Result<()> {
        let count = kept.count;
        let had_room = |way: &str| {
            let message = before.and_then(|before| before.message(way));
            message.is_some_and(|message| message.status == Status::Waiting)
        };
        for message in kept
            .messages
            .iter_mut()
            .filter(|message| message.count == count && message.status == Status::Waiting)
        {
            if !had_room(&message.way) && self.keeper.waiting(&message.way)? >= self.options.waiting
            {
                message.status = Status::Undelivered;
                message.tried = Some(now);
                message.said = Some(FULL.to_owned());
            }
        }
        Ok(())
    }

    pub(super) fn tell_overflow(&self, kept: &Kept) {
        for message in &kept.messages {
            if message.count == kept.count && message.said.as_deref() == Some(FULL) {
                let id = &kept.alert.id;
                tracing::error!("alert {id} does not go out by {}: {FULL}", message.way);
                self.counters.overflowed(&message.way);
            }
        }
    }

    /// Keeps how the message by `way` of that count went.
    pub(super) fn settle(
        &self,
        (id, way, count): (&str, &str, u64),
        now: UnixMillis,
        fate: &Fate,
    ) -> Result<()> {
        // An alert that was forgotten meanwhile needs no more.
        while let Some(kept) = self.keeper.alert(id)? {
            if self.keeper.replace(&kept.settled(way, count, now, fate))? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn upkeep(&self) {
        loop {
            let keep = self.options.keep.as_millis() as u64;
            let then = UnixMillis(UnixMillis::now().0.saturating_sub(keep));
            match self.keeper.forget(then) {
                Ok(0) => {}
                Ok(some) => tracing::info!("{some} alerts were kept long enough and are forgotten"),
                Err(error) => tracing::warn!("old alerts are not forgotten: {error}"),
            }
            if self.wait_for_end(UPKEEP) {
                return;
            }
        }
    }

    pub(super) fn end(&self) {
        self.signal.lock().unwrap_or_else(PoisonError::into_inner).ending = true;
        self.changed.notify_all();
    }

    pub(super) fn wake(&self) {
        let mut signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        signal.queued = signal.queued.wrapping_add(1);
        drop(signal);
        self.changed.notify_all();
    }

    /// How often something was queued until now.
    pub(super) fn queued(&self) -> u64 {
        self.signal.lock().unwrap_or_else(PoisonError::into_inner).queued
    }

    /// Waits until something is queued that was not when `known` was told, or `pause` is over; says
    /// whether all is to end.
    pub(super) fn wait_for_more(&self, known: u64, pause: Duration) -> bool {
        self.wait(pause, |signal| signal.queued == known)
    }

    /// Waits until `pause` is over; says whether all is to end.
    pub(super) fn wait_for_end(&self, pause: Duration) -> bool {
        self.wait(pause, |_| true)
    }

    fn wait(&self, pause: Duration, goes_on: impl Fn(&Signal) -> bool) -> bool {
        let signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(signal, pause, |signal| !signal.ending && goes_on(signal));
        let (signal, _) = waited.unwrap_or_else(PoisonError::into_inner);
        signal.ending
    }
}
