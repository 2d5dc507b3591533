//! Ctrl-C, and the other ways to ask a process to end.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use anyhow::Context;

use super::failure::INTERRUPTED;
use super::output::say;

/// A flag that the first interrupt sets; the second one ends the process.
///
/// # Errors
///
/// If the system refuses.
pub(crate) fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if set.swap(true, SeqCst) {
            process::exit(INTERRUPTED);
        }
        say("stopping: what was read is being made durable; interrupt again to leave at once");
    })
    .context("interrupts")?;
    Ok(flag)
}

/// An interrupt ends the process at once, with the exit status for that.
///
/// # Errors
///
/// If the system refuses.
pub(crate) fn end_at_once() -> anyhow::Result<()> {
    ctrlc::set_handler(|| process::exit(INTERRUPTED)).context("interrupts")
}
