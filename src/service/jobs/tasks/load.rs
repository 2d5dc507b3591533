//! Loads, of what lies in the folders that are allowed.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::{Given, Results, WorkError};
use crate::capture::{self, Input};
use crate::load::{self, LoadError, Options, Progress};
use crate::request::Refused;
use crate::service::places::allowed;
use crate::store::{Load, StoreError, Watch};

/// What can be said of a load.
#[derive(Debug, clap::Args)]
struct Parameters {
    /// A capture, or a folder of captures, in one of the folders out of which may be loaded
    #[arg(long, value_name = "PATH")]
    path: String,
}

/// A store that another process writes to is tried again after this.
const IN_USE_PAUSE: Duration = Duration::from_secs(1);

/// How often it is told how far a load is.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// The captures that are to be loaded, by their true places: whatever links are on the way, none of
/// them leads out of the folders.
pub(super) fn inputs(given: &Given<'_>) -> Result<Vec<Input>, Refused> {
    let Parameters { path } = given.read()?;
    let refused = |problem: String| Refused::of("path", problem);
    let outside = format!("{path} is in none of the folders out of which may be loaded");
    let place = allowed(Path::new(&path), &given.tasks.load_folders);
    let place = place.map_err(|_| refused(outside))?;
    let follow = |link: &Path| {
        let outside = || io::Error::other("a link out of the folders out of which may be loaded");
        allowed(link, &given.tasks.load_folders).map_err(|_| outside())
    };
    let inputs = capture::find_plain(&place, follow);
    let inputs = inputs.map_err(|error| refused(load::chain(&error)))?;
    if inputs.is_empty() {
        return Err(refused(format!("there are no files in {path}")));
    }
    Ok(inputs)
}

pub(super) fn load(given: &Given<'_>, results: &mut Results<'_>) -> Result<String, WorkError> {
    let inputs = inputs(given)?;
    let options = Options { stop: given.watch.flag(), ..given.tasks.loads.clone() };
    let entry = match wait_and_load(given, &inputs, &options)? {
        Ok(load) => load,
        Err(LoadError::Open(error)) if is_ours(&error) => {
            let told = "this server collects into the store, which has one writer at a time: load \
                 when it does not, or into another store";
            return Err(WorkError::Refused(told.to_owned()));
        }
        Err(LoadError::Open(error)) => return Err(error.into()),
        Err(error) => return Err(WorkError::failed(error)),
    };
    if entry.interrupted {
        return Err(WorkError::Stopped);
    }
    results.push(&entry)?;
    Ok(String::new())
}

/// Loads, as soon as no other process writes to the store.
fn wait_and_load(
    given: &Given<'_>,
    inputs: &[Input],
    options: &Options,
) -> Result<Result<Load, LoadError>, WorkError> {
    loop {
        let (progress, ended) = (Progress::default(), AtomicBool::new(false));
        let done = thread::scope(|scope| {
            scope.spawn(|| tell(&progress, &given.watch, &ended));
            let done = load::load(&*given.tasks.store, inputs, options, &progress);
            ended.store(true, Relaxed);
            done
        });
        match &done {
            Err(LoadError::Open(error @ StoreError::InUse { .. })) if !is_ours(error) => {
                given.watch.pause(IN_USE_PAUSE)?;
            }
            _ => return Ok(done),
        }
    }
}

/// Whether this process itself has the store: loads go one after the other, so its collector does.
fn is_ours(error: &StoreError) -> bool {
    let this = format!("process {})", std::process::id());
    matches!(error, StoreError::InUse { holder, .. } if holder.ends_with(&this))
}

/// Tells how far a load is, until it is at its end.
fn tell(progress: &Progress, watch: &Watch, ended: &AtomicBool) {
    while !ended.load(Relaxed) {
        let done = progress.done();
        if done.bytes_total > 0 {
            watch.tell(done.bytes_done as f64 / done.bytes_total as f64);
        }
        thread::sleep(TELL_EVERY);
    }
}
