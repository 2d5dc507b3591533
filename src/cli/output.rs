//! Standard output and standard error. A reader that has enough, and closed its end, is no error.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Context;

/// How a command writes what it found or did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    #[default]
    Text,
    Json,
}

impl Output {
    /// Prints `found` as JSON, or the text of it.
    pub(crate) fn print<T: serde::Serialize + ?Sized>(
        self,
        found: &T,
        text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        match self {
            Self::Text => print_all(&text(found)),
            Self::Json => print_json(found),
        }
    }
}

/// Whether somebody closed the other end of standard output.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// The reader of standard output went away before it had everything: it has enough, and nothing
/// failed.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub(crate) struct Closed;

/// Whether it was for a closed standard output that a command came to no end.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    error.is::<Closed>()
}

/// Buffered standard output.
pub(crate) struct Stdout(StdoutLock<'static>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).inspect_err(note)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().inspect_err(note)
    }
}

fn note(error: &io::Error) {
    if error.kind() == io::ErrorKind::BrokenPipe {
        CLOSED.store(true, Relaxed);
    }
}

/// Writes to standard output with `write`, and sees that it gets there.
///
/// # Errors
///
/// [`Closed`] where the reader went away; else what `write` or the output meets.
pub(crate) fn print<T>(
    write: impl FnOnce(&mut BufWriter<Stdout>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut out = BufWriter::with_capacity(64 << 10, Stdout(io::stdout().lock()));
    let written = write(&mut out)
        .and_then(|written| out.flush().context("write to standard output").map(|()| written));
    // Whoever reported the closed pipe may have wrapped it beyond recognition.
    written.map_err(|error| if CLOSED.load(Relaxed) { Closed.into() } else { error })
}

/// Prints what a command found or did, which ends as it would if that had been read to its end.
pub(crate) fn print_all(text: &str) -> anyhow::Result<()> {
    let printed = print(|out| Ok(out.write_all(text.as_bytes())?));
    printed.or_else(|error| if is_closed(&error) { Ok(()) } else { Err(error) })
}

/// Prints a value as JSON, on lines of its own; otherwise as [`print_all`].
pub(crate) fn print_json(value: &(impl serde::Serialize + ?Sized)) -> anyhow::Result<()> {
    print_all(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Says a line on standard error; where that is closed, nobody wants to know.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether standard error may be coloured and drawn upon.
pub(crate) fn stderr_is_drawn_on() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the user wants no colours, by <https://no-color.org>.
pub(crate) fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
