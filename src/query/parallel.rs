//! Regions read side by side, each thread folding what it reads into a value of its own.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::flow::FlowBatch;
use crate::store::{Region, Result};

/// Folds the batches of `regions` on rayon's threads: one value of `make` for each thread that
/// takes part, in no order. A `step` that breaks ends the reading everywhere, as an error does.
///
/// A value for a thread, and not one for a region, because an aggregate's value may be large.
pub(crate) fn fold_regions<A: Send>(
    regions: Vec<Box<dyn Region>>,
    make: impl Fn() -> A + Sync,
    step: impl Fn(&mut A, &FlowBatch) -> Result<ControlFlow<()>> + Sync,
) -> Result<Vec<A>> {
    let threads = rayon::current_num_threads().min(regions.len());
    let regions = Mutex::new(regions.into_iter());
    let ended = AtomicBool::new(false);
    let next = || {
        if ended.load(Relaxed) {
            return None;
        }
        regions.lock().unwrap_or_else(PoisonError::into_inner).next()
    };
    let work = || -> Result<A> {
        let mut value = make();
        while let Some(region) = next() {
            for batch in region.read() {
                if step(&mut value, &batch?)?.is_break() {
                    ended.store(true, Relaxed);
                }
                if ended.load(Relaxed) {
                    break;
                }
            }
        }
        Ok(value)
    };
    (0..threads)
        .into_par_iter()
        .with_max_len(1)
        .map(|_| work().inspect_err(|_| ended.store(true, Relaxed)))
        .collect()
}
