//! Signals: Ctrl-C and the other ways to ask a process to end, and the limit of a file's size.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use anyhow::Context;

use super::failure::INTERRUPTED;
use super::output::say;

/// Has a write beyond the limit of a file's size (`ulimit -f`) fail as one to a full disk does,
/// rather than end the process where it stands.
pub(crate) fn outlive_file_size_limit() {
    // The flag is of no interest: that somebody handles the signal is what keeps it from killing.
    // It fails only where the system has no such signal.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

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
