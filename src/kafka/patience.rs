//! How long, and how often, something is tried again.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// The first pause before something is tried again; each is twice the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Who waits looks so often whether he is to go on.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits between tries.
pub(super) struct Patience {
    began: Instant,
    pause: Duration,
    /// None for who never gives up.
    most: Option<Duration>,
}

impl Patience {
    pub(super) fn new(most: Option<Duration>) -> Self {
        Self { began: Instant::now(), pause: FIRST_PAUSE, most }
    }

    /// Pauses, and says whether to try again.
    pub(super) async fn pause(&mut self, stop: &AtomicBool) -> bool {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        if self.most.is_some_and(|most| self.began.elapsed() + pause > most) {
            return false;
        }
        let until = Instant::now() + pause;
        while !stop.load(Relaxed) {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return true;
            }
            sleep(rest.min(LOOK_EVERY)).await;
        }
        false
    }
}
