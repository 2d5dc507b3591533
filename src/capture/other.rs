//! Streams that are no captures, for a sink that wants them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, process};

use super::live::Shared;
use super::window::{Damage, Window};

/// So much of a stream is looked at to tell what it is: the first line of a text may be long.
pub(super) const START_BYTES: usize = 16 << 10;

/// Gives the stream to `sink`, from its first byte to its last.
///
/// # Errors
///
/// [`Damage`] where it cannot be read on.
pub(super) fn bytes<R: Read>(
    window: &mut Window<R>,
    sink: &Shared<'_>,
) -> Result<ControlFlow<()>, Damage> {
    while !window.data().is_empty() || window.fill(1)? {
        if sink.bytes(window.data()).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        window.advance(window.data().len());
    }
    Ok(sink.end())
}

/// Gives the stream to `sink` as a file that has no name, and is gone when nobody reads it any more.
///
/// # Errors
///
/// [`Damage`] where it cannot be read on, or there is no room for it.
pub(super) fn whole<R: Read>(
    window: &mut Window<R>,
    sink: &Shared<'_>,
) -> Result<ControlFlow<()>, Damage> {
    let mut file = unnamed().map_err(|error| Damage::unreadable(0, &error))?;
    while !window.data().is_empty() || window.fill(1)? {
        let written = file.write_all(window.data());
        written.map_err(|error| Damage::unreadable(window.offset(), &error))?;
        window.advance(window.data().len());
    }
    Ok(sink.whole(file))
}

/// A file in the folder of temporary files whose name is taken away at once.
fn unnamed() -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = env::temp_dir().join(format!("earlgrey-import-{}-{number}", process::id()));
    let mut options = OpenOptions::new();
    // It lies among everybody's, for a moment.
    options.read(true).write(true).create_new(true).mode(0o600);
    let file = options.open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}
