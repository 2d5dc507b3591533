//! Text to an output, piece by piece.

use std::io::{self, Write};

use super::AnswerError;
use crate::store::Result as StoreResult;

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

/// What was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// How many flows or rows were handed over.
    pub flows: u64,
    /// Whether the reader of the output had enough before the end.
    pub closed: bool,
}

/// Writes what `push` makes of each of `items`, or of as many as the reader of the output takes,
/// between `start` and `end`; both closures are told how many were written before.
///
/// # Errors
///
/// [`AnswerError::Store`] for what `items` meet, when what came before is written;
/// [`AnswerError::Output`] for what the output meets, but for a closed pipe.
pub(super) fn write_each<T>(
    items: impl Iterator<Item = StoreResult<T>>,
    to: impl Write,
    start: &str,
    mut push: impl FnMut(&mut Vec<u8>, T, u64),
    end: impl FnOnce(u64) -> String,
) -> Result<Written, AnswerError> {
    let mut to = Pieces::new(to);
    to.text.extend_from_slice(start.as_bytes());
    let mut written = 0;
    for item in items {
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                to.pass_on().map_err(AnswerError::Output)?;
                return Err(error.into());
            }
        };
        if to.is_closed() {
            break;
        }
        push(&mut to.text, item, written);
        written += 1;
        to.pass_on_full().map_err(AnswerError::Output)?;
    }
    to.text.extend_from_slice(end(written).as_bytes());
    Ok(Written { flows: written, closed: to.finish().map_err(AnswerError::Output)? })
}

/// Writes `text`, or as much as the reader of the output takes.
///
/// # Errors
///
/// [`AnswerError::Output`] for what the output meets, but for a closed pipe.
pub(super) fn write_text(text: &str, mut to: impl Write) -> Result<(), AnswerError> {
    let written = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    or_closed(written).map(drop).map_err(AnswerError::Output)
}

/// Whether the output is closed, which is no error.
fn or_closed(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error),
    }
}
