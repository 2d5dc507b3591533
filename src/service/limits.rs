//! How much may be asked for: a second, and in all.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::caller::Caller;
use super::problem::Problem;

/// How much may be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the body of a request may be.
    pub body_bytes: usize,
    /// How many rows an answer may have.
    pub rows: usize,
    /// How long an answer may take.
    pub run: Duration,
    /// How many questions of one caller are answered at once.
    pub questions: usize,
    /// How many requests a second one caller may make.
    pub requests_per_sec: u32,
    /// How many connections are open at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            rows: 1_000_000,
            run: Duration::from_mins(2),
            questions: 256,
            requests_per_sec: 10_000,
            connections: 4096,
        }
    }
}

/// So many callers, or addresses, are told apart.
const MAX_TOLD_APART: usize = 10_000;
/// So often a second may an address be refused for what it says it is, and so often in a row.
const REFUSALS_PER_SEC: f64 = 1.0;
const REFUSALS_AT_ONCE: f64 = 20.0;

/// Keeps callers within the limits.
pub(super) struct Limiter {
    callers: Buckets<Who>,
    refusals: Buckets<IpAddr>,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// Those of a caller, by name.
    Caller(String),
    /// Those from an address of whoever is not known.
    Address(IpAddr),
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        let rate = f64::from(limits.requests_per_sec);
        Self {
            callers: Buckets::new(rate, rate * 2.0),
            refusals: Buckets::new(REFUSALS_PER_SEC, REFUSALS_AT_ONCE),
        }
    }

    /// Counts a request.
    pub(super) fn request(&self, caller: Option<&Caller>, from: IpAddr) -> Result<(), Problem> {
        let who = match caller {
            Some(caller) => Who::Caller(caller.owner()),
            None => Who::Address(network(from)),
        };
        let told = "there are too many requests of yours; ask less often";
        self.callers.take(who, Instant::now()).map_err(|wait| Problem::too_many(told, wait))
    }

    /// Whether what `from` says it is may be looked at; it may not when it was wrong too often.
    pub(super) fn may_prove(&self, from: IpAddr) -> Result<(), Problem> {
        let told = "wrong tokens or passwords came from this address too often; wait";
        let wait = self.refusals.lacks(&network(from), Instant::now());
        wait.map_or(Ok(()), |wait| Err(Problem::too_many(told, wait)))
    }

    /// Counts that `from` was wrong.
    pub(super) fn was_wrong(&self, from: IpAddr) {
        let _ = self.refusals.take(network(from), Instant::now());
    }
}

/// Whoever has an IPv6 address has a network of them.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        IpAddr::V4(_) => address,
    }
}

/// Token buckets: each fills at a rate, up to a size, and a request takes one token.
pub(super) struct Buckets<K> {
    per_sec: f64,
    size: f64,
    /// What is in each, and when that was so. One that is not here is full.
    table: Mutex<HashMap<K, (f64, Instant)>>,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(super) fn new(per_sec: f64, size: f64) -> Self {
        Self { per_sec, size, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<K, (f64, Instant)>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn level(&self, &(level, since): &(f64, Instant), now: Instant) -> f64 {
        let filled = now.saturating_duration_since(since).as_secs_f64() * self.per_sec;
        (level + filled).min(self.size)
    }

    /// How long one whose bucket is empty waits until there is something in it.
    fn lacks(&self, key: &K, now: Instant) -> Option<Duration> {
        let level = self.table().get(key).map_or(self.size, |bucket| self.level(bucket, now));
        (level < 1.0).then(|| Duration::from_secs_f64((1.0 - level) / self.per_sec))
    }

    /// Takes a token out of a bucket.
    ///
    /// # Errors
    ///
    /// How long it takes until there is one.
    pub(super) fn take(&self, key: K, now: Instant) -> Result<(), Duration> {
        if let Some(wait) = self.lacks(&key, now) {
            return Err(wait);
        }
        let mut table = self.table();
        if table.len() >= MAX_TOLD_APART && !table.contains_key(&key) {
            table.retain(|_, bucket| self.level(bucket, now) < self.size);
            // Where all are in use, whoever floods the table begins anew as everybody else.
            if table.len() >= MAX_TOLD_APART {
                table.clear();
            }
        }
        let level = table.get(&key).map_or(self.size, |bucket| self.level(bucket, now));
        table.insert(key, (level - 1.0, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_at_its_rate_and_no_further_than_its_size() {
        let buckets = Buckets::new(2.0, 3.0);
        let began = Instant::now();
        let take = |key, ms| buckets.take(key, began + Duration::from_millis(ms)).is_ok();
        assert_eq!([0, 0, 0, 0].map(|ms| take("a", ms)), [true, true, true, false]);
        assert!(take("b", 0), "each has its own");
        assert!(!take("a", 400) && take("a", 500) && !take("a", 600));
        assert_eq!([9000, 9000, 9000, 9000].map(|ms| take("a", ms)), [true, true, true, false]);
        let wait = buckets.lacks(&"a", began + Duration::from_secs(9));
        assert_eq!(wait, Some(Duration::from_millis(500)));
    }

    #[test]
    fn the_table_of_buckets_does_not_grow_without_end() {
        let buckets = Buckets::new(1.0, 2.0);
        let began = Instant::now();
        for key in 0..3 * MAX_TOLD_APART {
            assert!(buckets.take(key, began).is_ok());
        }
        assert!(buckets.table().len() <= MAX_TOLD_APART);
    }

    #[test]
    fn addresses_of_one_network_are_counted_together() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:9"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
