//! A look at the store that does not go on for ever.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rayon::ThreadPoolBuilder;

use super::super::super::ask::Ask;
use crate::store::wrap::WatchedSnapshot;
use crate::store::{Result, Snapshot, Watch};

/// A picture may take so long to be read.
pub(super) const MOST: Duration = Duration::from_secs(8);
/// So often it is looked whether somebody waits for it still.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Has `read` look at the store as it is now, for [`MOST`] at most; after that, and when nobody waits for
/// the page any more, the store says that it is stopped. It has a thread of its own, so that it does not
/// wait for a look at everything that is under way.
pub(super) fn bounded<T: Send>(
    ask: &Ask<'_>,
    read: impl FnOnce(Box<dyn Snapshot>) -> Result<T> + Send,
) -> Result<T> {
    let watch = Watch::default();
    let snapshot = WatchedSnapshot::new(ask.store.snapshot()?, watch.clone());
    let (ending, ended) = channel::<()>();
    let asked = ask.watch.clone();
    thread::scope(|scope| {
        scope.spawn(move || {
            let until = Instant::now() + MOST;
            while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if Instant::now() >= until || asked.is_stopped() {
                    watch.stop();
                    return;
                }
            }
        });
        let own = ThreadPoolBuilder::new().num_threads(1).build();
        let done = match own {
            Ok(own) => own.install(|| read(Box::new(snapshot))),
            // Where there are no more threads those that all have do it.
            Err(_) => read(Box::new(snapshot)),
        };
        drop(ending);
        done
    })
}

/// What is said where that was too long.
pub(super) fn too_long() -> String {
    format!("Reading took longer than {} s and was given up.", MOST.as_secs())
}
