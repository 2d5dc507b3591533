//! Turns: who may have something answered now, by which thread, and for how long.
//!
//! Whatever reads the store for a request does so in a [`Turn`]: it has a thread of those that there
//! are for answers, of what looks at everything only some at once, and it is given up when nobody
//! waits for it any more or it takes too long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use tokio::sync::{AcquireError, OwnedSemaphorePermit as Permit, Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::caller::Caller;
use super::limits::Limits;
use super::problem::Problem;
use super::{Service, Shared};
use crate::store::Watch;

/// So many answers are made at once, whoever asks.
const ANSWERS: usize = 512;
/// Of those that look at everything. Each has all cores, so more of them are no faster.
const EVERYTHING: usize = 4;
/// Of those that send flows as they find them.
const FLOWS: usize = 16;
/// Of those that read what is kept of jobs.
const JOB_READERS: usize = 32;
/// So many answers that read little are at their beginning for each thread of computing: what is over
/// in a moment is so in the order in which it was asked for, and not all of it at the end.
const BEGINNERS: usize = 2;
/// What takes longer begins no more.
const BEGINNING: Duration = Duration::from_millis(50);
/// So many wait at once for the place where jobs are kept, and each of them so long for that.
const JOB_CALLS: usize = 32;
const JOB_CALL_WAITS: Duration = Duration::from_secs(10);
/// Threads for what is no answer: passwords, and the look whether the store can be opened.
const OTHERS: usize = 64;

/// So many threads a server needs at most for what must wait.
pub(super) const MOST_THREADS: usize = ANSWERS + JOB_CALLS + OTHERS;

/// What an answer reads. Of what reads more than a little only some are made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// A few rows, as far as can be told.
    Little,
    /// The whole store, it may be.
    Everything,
    /// Flows that are sent as they are found, of everybody or very many, it may be: it waits for
    /// its client more than for the store.
    Flows,
    /// What is kept of jobs.
    Jobs,
}

/// Turns for what reads more than a little.
struct Few {
    everything: Arc<Semaphore>,
    flows: Arc<Semaphore>,
    jobs: Arc<Semaphore>,
}

impl Few {
    /// A share of all of them: one of so many.
    fn share(of: usize) -> Self {
        let turns = |count: usize| Arc::new(Semaphore::new((count / of).max(1)));
        let everything = turns(Turns::everything());
        Self { everything, flows: turns(FLOWS), jobs: turns(JOB_READERS) }
    }

    fn of(&self, reads: Reads) -> Option<&Arc<Semaphore>> {
        match reads {
            Reads::Little => None,
            Reads::Everything => Some(&self.everything),
            Reads::Flows => Some(&self.flows),
            Reads::Jobs => Some(&self.jobs),
        }
    }
}

/// The turns that there are.
pub(super) struct Turns {
    /// How many one caller has at once.
    most: usize,
    /// How long an answer may take.
    run: Duration,
    answers: Arc<Semaphore>,
    begin: Arc<Semaphore>,
    few: Few,
    job_calls: Arc<Semaphore>,
    callers: Mutex<HashMap<String, Taken>>,
}

/// What a caller has of them.
struct Taken {
    count: usize,
    /// Half of those of which there are few: the rest is for others.
    few: Arc<Few>,
}

impl Turns {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            most: limits.questions,
            run: limits.run,
            answers: Arc::new(Semaphore::new(ANSWERS)),
            begin: Arc::new(Semaphore::new(BEGINNERS * rayon::current_num_threads())),
            few: Few::share(1),
            job_calls: Arc::new(Semaphore::new(JOB_CALLS)),
            callers: Mutex::default(),
        })
    }

    /// How many look at everything at once.
    pub(super) fn everything() -> usize {
        rayon::current_num_threads().min(EVERYTHING)
    }

    fn callers(&self) -> MutexGuard<'_, HashMap<String, Taken>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one for `caller`.
    fn take(self: &Arc<Self>, caller: &str) -> Result<Turn, Problem> {
        let mut callers = self.callers();
        let taken = callers
            .entry(caller.to_owned())
            .or_insert_with(|| Taken { count: 0, few: Arc::new(Few::share(2)) });
        if taken.count >= self.most {
            let told = format!(
                "{} questions of yours are being answered; wait for one to end",
                taken.count
            );
            return Err(Problem::too_many(told, Duration::from_secs(1)));
        }
        taken.count += 1;
        let few = Arc::clone(&taken.few);
        drop(callers);
        Ok(Turn {
            turns: Arc::clone(self),
            caller: caller.to_owned(),
            few,
            watch: Watch::default(),
            until: Instant::now() + self.run,
        })
    }

    /// A place among those who wait for where jobs are kept.
    pub(super) async fn job_call(&self) -> Result<Permit, Problem> {
        let until = Instant::now() + JOB_CALL_WAITS;
        let place = timeout_at(until, Arc::clone(&self.job_calls).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or_else(busy)
    }
}

fn busy() -> Problem {
    let told = "too many others wait for an answer; ask again later";
    Problem { retry_secs: Some(5), ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, told) }
}

/// A caller's right to have one more question answered, as long as this is there. A handler that
/// asks the store, or for jobs, takes one among its arguments.
pub(super) struct Turn {
    turns: Arc<Turns>,
    caller: String,
    few: Arc<Few>,
    /// Stops whoever works for the answer.
    pub(super) watch: Watch,
    /// When the answer is to be at its end, with the time that it waited.
    pub(super) until: Instant,
}

impl Turn {
    /// Has `work` make the answer, on a thread of its own, as soon as there is one for it; gives
    /// what the thread tells first, and by dropping the other part the answer is given up.
    pub(super) async fn answer<T: Send + 'static>(
        self,
        service: &Service,
        reads: Reads,
        work: impl FnOnce(oneshot::Sender<T>) + Send + 'static,
    ) -> Result<(T, Wanted), Problem> {
        let (until, wanted) = (self.until, Wanted(self.watch.clone()));
        let place = tokio::select! {
            place = timeout_at(until, self.place(reads)) => place.ok().and_then(Result::ok),
            () = service.stopped() => None,
        };
        let (place, mut begins) = place.ok_or_else(busy)?;
        let (to, mut told) = oneshot::channel();
        spawn_blocking(move || {
            // Whoever went away leaves a thread behind for a moment: it counts until it ends.
            let _held = (place, self);
            work(to);
        });
        let told = loop {
            tokio::select! {
                told = &mut told => break told,
                () = sleep(BEGINNING), if begins.is_some() => begins = None,
                () = sleep_until(until) => break wanted.stopped(told).await,
                () = service.stopped() => break wanted.stopped(told).await,
            }
        };
        drop(begins);
        // The thread tells something, unless it panics.
        let told = told.map_err(|_| Problem::internal("the thread of an answer ended"))?;
        Ok((told, wanted))
    }

    /// Waits for a thread, and before that for a turn of those of which there are few; and for what
    /// reads little until it may begin, which is told apart.
    async fn place(&self, reads: Reads) -> Result<(Vec<Permit>, Option<Permit>), AcquireError> {
        let few = [self.few.of(reads), self.turns.few.of(reads)];
        let mut place = Vec::new();
        for turns in few.into_iter().flatten().chain([&self.turns.answers]) {
            place.push(Arc::clone(turns).acquire_owned().await?);
        }
        let begins = match reads {
            Reads::Little => Some(Arc::clone(&self.turns.begin).acquire_owned().await?),
            _ => None,
        };
        Ok((place, begins))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut callers = self.turns.callers();
        if let Some(taken) = callers.get_mut(&self.caller) {
            taken.count -= 1;
            if taken.count == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

impl FromRequestParts<Shared> for Turn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Shared) -> Result<Self, Problem> {
        let caller = parts.extensions.get().map(Caller::owner).unwrap_or_default();
        service.turns.take(&caller)
    }
}

/// That somebody waits for an answer, or for the rest of it. When this goes, the work for it stops.
pub(super) struct Wanted(Watch);

impl Wanted {
    async fn stopped<T>(&self, told: oneshot::Receiver<T>) -> Result<T, oneshot::error::RecvError> {
        self.0.stop();
        told.await
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn turns(questions: usize, run: Duration) -> Arc<Turns> {
        Turns::new(&Limits { run, questions, ..Limits::default() })
    }

    #[test]
    fn a_caller_has_so_many_turns_at_once() {
        let turns = turns(2, Duration::ZERO);
        let first = turns.take("anna").ok();
        let second = turns.take("anna").ok();
        let third = turns.take("anna").err().unwrap();
        assert_eq!((third.status, third.retry_secs), (429, Some(1)));
        assert!(second.is_some() && turns.take("berta").is_ok());
        drop(first);
        assert!(turns.take("anna").is_ok());
        drop(second);
        assert!(turns.callers().is_empty());
    }

    #[tokio::test]
    async fn one_caller_does_not_have_all_turns_of_those_that_look_at_everything() {
        let turns = turns(100, Duration::ZERO);
        let half = (Turns::everything() / 2).max(1);
        let of = |caller: &str| turns.take(caller).ok().unwrap();
        let mut held = Vec::new();
        for _ in 0..half {
            let turn = of("anna");
            held.push((turn.place(Reads::Everything).await.unwrap(), turn));
        }
        let waits = of("anna");
        let waiting = waits.place(Reads::Everything);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none(), "she has half of them");
        assert!(waits.place(Reads::Little).now_or_never().is_some());
        let other = of("berta");
        if Turns::everything() > half {
            assert!(other.place(Reads::Everything).now_or_never().is_some());
        }
        drop(held.pop());
        assert!(waiting.as_mut().now_or_never().is_some(), "one of hers ended");
    }

    #[tokio::test]
    async fn what_reads_little_begins_one_after_the_other() {
        let turns = turns(1000, Duration::ZERO);
        let turn = || turns.take("anna").ok().unwrap();
        let mut begun = Vec::new();
        for _ in 0..BEGINNERS * rayon::current_num_threads() {
            begun.push(turn().place(Reads::Little).await.unwrap());
        }
        let waits = turn();
        let waiting = waits.place(Reads::Little);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(turn().place(Reads::Everything).now_or_never().is_some());
        drop(begun.pop());
        assert!(waiting.as_mut().now_or_never().is_some());
    }
}
