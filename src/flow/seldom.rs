//! Saying what happens again and again at a bounded rate.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// It is said once in so long at most.
const EVERY: Duration = Duration::from_mins(1);

/// Counts what happens again and again, as long as it is not to be said again.
#[derive(Debug)]
pub(crate) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// It never happened.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// It happened `times` more. Gives how often since it was said last, if it is to be said now.
    pub(crate) fn again(&self, times: u64) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, count) = &mut *state;
        *count += times;
        if said.is_some_and(|said| said.elapsed() < EVERY) {
            return None;
        }
        *said = Some(Instant::now());
        Some(std::mem::take(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_again_at_once_is_not_said_again() {
        let seldom = Seldom::new();
        assert_eq!((seldom.again(3), seldom.again(4), seldom.again(5)), (Some(3), None, None));
        if let Some(long_ago) = Instant::now().checked_sub(EVERY) {
            seldom.0.lock().unwrap().0 = Some(long_ago);
            assert_eq!(seldom.again(1), Some(10));
        }
    }
}
