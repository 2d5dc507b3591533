//! Signals: Ctrl-C and the other ways to ask a process to end, what a collector is told, and the
//! limit of a file's size.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::failure::INTERRUPTED;
use super::output::say;
use super::whole_file;
use crate::store::Watch;

/// Has a write beyond the limit of a file's size (`ulimit -f`) fail as one to a full disk does,
/// rather than end the process where it stands.
pub(crate) fn outlive_file_size_limit() {
    // The flag is of no interest: that somebody handles the signal is what keeps it from killing.
    // It fails only where the system has no such signal.
    let _ = flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

/// A flag that the first interrupt sets; the second one ends the process.
///
/// # Errors
///
/// If the system refuses.
pub(crate) fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    handled(|| {
        say("stopping: what was read is being made durable; interrupt again to leave at once");
    })
}

/// As [`stop_flag`], where there is nothing to wait for, and so nothing to say.
///
/// # Errors
///
/// If the system refuses.
pub(crate) fn quiet_stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    handled(|| {})
}

fn handled(tell: impl Fn() + Send + 'static) -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if set.swap(true, SeqCst) {
            process::exit(INTERRUPTED);
        }
        tell();
    })
    .context("interrupts")?;
    Ok(flag)
}

/// What a collector is told by signals.
pub(crate) struct Orders {
    /// To end: by Ctrl-C, or by SIGTERM. A second one ends the process.
    pub(crate) stop: Arc<AtomicBool>,
    /// To read its configuration again: by SIGHUP.
    pub(crate) reload: Arc<AtomicBool>,
}

/// Has signals set flags.
///
/// # Errors
///
/// If the system refuses.
pub(crate) fn orders() -> anyhow::Result<Orders> {
    let orders = Orders { stop: Arc::default(), reload: Arc::default() };
    let register = || {
        for signal in [SIGTERM, SIGINT] {
            // In this order: the first signal finds the flag unset.
            flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&orders.stop))?;
            flag::register(signal, Arc::clone(&orders.stop))?;
        }
        flag::register(SIGHUP, Arc::clone(&orders.reload))
    };
    register().context("signals")?;
    Ok(orders)
}

/// Who waits for an answer: an interrupt stops this watch. So what is half done is given up in good
/// order: a file on its way goes, and a server is told that nobody wants its rows any more. What does
/// not come to an end within a second ends with the process, as it does at a second interrupt.
///
/// # Errors
///
/// If the system refuses.
pub(crate) fn stop_watch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if WATCH.is_stopped() {
            leave();
        }
        WATCH.stop();
        // A thread that cannot be had is no reason to wait for ever.
        let patience = || {
            thread::sleep(PATIENCE);
            leave();
        };
        if thread::Builder::new().spawn(patience).is_err() {
            leave();
        }
    })
    .context("interrupts")
}

/// The watch that [`stop_watch`] stops.
pub(crate) fn watch() -> Watch {
    WATCH.clone()
}

static WATCH: LazyLock<Watch> = LazyLock::new(Watch::default);

/// How long what was given up may take to end.
const PATIENCE: Duration = Duration::from_millis(900);

/// Ends the process; what is half written goes.
fn leave() {
    whole_file::with_none_unfinished(|| process::exit(INTERRUPTED));
}

/// An interrupt ends the process at once, with the exit status for that; what is half written goes.
///
/// # Errors
///
/// If the system refuses.
pub(crate) fn end_at_once() -> anyhow::Result<()> {
    ctrlc::set_handler(leave).context("interrupts")
}
