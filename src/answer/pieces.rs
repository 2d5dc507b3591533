//! Text to an output, piece by piece.

use std::io::{self, Write};

/// The output is given pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// Text on its way. A reader that has had enough (a closed pipe) is no error: the rest is not
/// written.
pub(super) struct Pieces<W> {
    to: W,
    /// What was not passed on yet.
    pub(super) text: Vec<u8>,
    closed: bool,
}

impl<W: Write> Pieces<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, text: Vec::with_capacity(PIECE_BYTES + 1024), closed: false }
    }

    /// Whether the reader of the output had enough.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Passes on what is enough for a piece.
    #[inline]
    pub(super) fn pass_on_full(&mut self) -> io::Result<()> {
        if self.text.len() >= PIECE_BYTES { self.pass_on() } else { Ok(()) }
    }

    /// Passes on all that there is.
    pub(super) fn pass_on(&mut self) -> io::Result<()> {
        if !self.closed {
            self.closed = or_closed(self.to.write_all(&self.text))?;
        }
        self.text.clear();
        Ok(())
    }

    /// Passes on the rest, and flushes the output; says whether its reader had enough.
    pub(super) fn finish(mut self) -> io::Result<bool> {
        self.pass_on()?;
        if !self.closed {
            self.closed = or_closed(self.to.flush())?;
        }
        Ok(self.closed)
    }
}

/// Whether the output is closed, which is no error.
pub(super) fn or_closed(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error),
    }
}
