//! Regions read in their order, the next ones ahead of time on rayon's threads (prefetching).
//!
//! No thread of the pool ever waits in here: one that has filled its region's queue puts the
//! region back and goes. So the pool may be as small as it likes, and may be the caller's own.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::vec;

use crate::flow::FlowBatch;
use crate::store::{FlowStream, Region, Result};

/// How many batches of one region may wait to be taken.
const QUEUED_BATCHES: usize = 4;

/// The batches of `regions`, one region after the other, reading up to `ahead` regions beyond the
/// one that is being taken from. After an error nothing follows.
///
/// A stream that is read `beside` another begins at once, before anything is taken.
pub(super) fn read_in_order(
    regions: Vec<Box<dyn Region>>,
    ahead: usize,
    beside: bool,
) -> FlowStream {
    let regions = regions.into_iter();
    if !beside && (ahead == 0 || regions.len() < 2) {
        return Box::new(UntilError(Some(Box::new(regions.flat_map(Region::read)))));
    }
    let mut stream = Ahead { unread: regions, open: VecDeque::new(), most_open: ahead + 1 };
    if beside {
        stream.open_more();
    }
    Box::new(UntilError(Some(Box::new(stream))))
}

/// A stream that ends with its first error.
struct UntilError(Option<FlowStream>);

impl Iterator for UntilError {
    type Item = Result<FlowBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.0.as_mut()?.next();
        if !matches!(batch, Some(Ok(_))) {
            self.0 = None;
        }
        batch
    }
}

struct Ahead {
    unread: vec::IntoIter<Box<dyn Region>>,
    open: VecDeque<Arc<Lane>>,
    most_open: usize,
}

/// One region that is being read.
struct Lane {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    /// What was read and not yet taken.
    batches: VecDeque<Result<FlowBatch>>,
    /// The rest of the region. None while somebody reads it, and at its end.
    rest: Option<Rest>,
    /// Whether nothing more will be queued.
    ended: bool,
}

enum Rest {
    Unread(Box<dyn Region>),
    Reading(FlowStream),
}

impl Iterator for Ahead {
    type Item = Result<FlowBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.open_more();
            match self.open.front()?.take() {
                Some(batch) => return Some(batch),
                None => drop(self.open.pop_front()),
            }
        }
    }
}

impl Ahead {
    fn open_more(&mut self) {
        while self.open.len() < self.most_open
            && let Some(region) = self.unread.next()
        {
            let lane = Arc::new(Lane::new(region));
            lane.read_in_background();
            self.open.push_back(lane);
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        for lane in &self.open {
            let mut queue = lane.lock();
            queue.ended = true;
            queue.rest = None;
        }
    }
}

impl Lane {
    fn new(region: Box<dyn Region>) -> Self {
        let queue = Queue {
            batches: VecDeque::with_capacity(QUEUED_BATCHES),
            rest: Some(Rest::Unread(region)),
            ended: false,
        };
        Self { queue: Mutex::new(queue), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch, read here and now where nobody else is at it.
    fn take(self: &Arc<Self>) -> Option<Result<FlowBatch>> {
        let mut queue = self.lock();
        loop {
            if let Some(batch) = queue.batches.pop_front() {
                let read_on = queue.batches.len() < QUEUED_BATCHES / 2 && queue.rest.is_some();
                drop(queue);
                if read_on {
                    self.read_in_background();
                }
                return Some(batch);
            }
            if queue.ended {
                return None;
            }
            if queue.rest.is_some() {
                drop(queue);
                self.read(1);
                queue = self.lock();
            } else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn read_in_background(self: &Arc<Self>) {
        let lane = Arc::clone(self);
        rayon::spawn_fifo(move || lane.read(QUEUED_BATCHES));
    }

    /// Reads on until `full` batches are queued, or the region is at its end.
    fn read(&self, full: usize) {
        let mut queue = self.lock();
        // Its reader may have been faster than the pool, and have read for itself since.
        if queue.batches.len() >= full {
            return;
        }
        let Some(rest) = queue.rest.take() else { return };
        drop(queue);
        let mut stream = match rest {
            Rest::Unread(region) => region.read(),
            Rest::Reading(stream) => stream,
        };
        loop {
            let batch = stream.next();
            let mut queue = self.lock();
            queue.ended |= !matches!(batch, Some(Ok(_)));
            queue.batches.extend(batch);
            self.changed.notify_one();
            if queue.ended {
                return;
            }
            if queue.batches.len() >= full {
                queue.rest = Some(Rest::Reading(stream));
                return;
            }
        }
    }
}
