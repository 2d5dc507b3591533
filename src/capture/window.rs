//! A window of fixed size that moves over a stream, and knows where it is.

use std::error::Error;
use std::io::{self, BufRead, ErrorKind, Read};

use super::FaultKind;

/// The size of a window, and so the longest thing that can be looked at whole. Large enough that
/// moving a record's beginning to the front is rare, small enough to stay in a core's cache.
pub(super) const WINDOW_BYTES: usize = 1 << 20;

/// Where a stream is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) problem: String,
    pub(super) kind: FaultKind,
}

impl Damage {
    /// Bytes that are not as they should be.
    pub(super) fn new(offset: u64, problem: impl Into<String>) -> Self {
        Self { offset, problem: problem.into(), kind: FaultKind::Damaged }
    }

    /// An error of reading: what the system refused may be whole, what a library says is of bytes.
    pub(super) fn of(offset: u64, error: &io::Error) -> Self {
        let kind = if is_of_the_system(error) { FaultKind::Unreadable } else { FaultKind::Damaged };
        Self { offset, problem: cause(error), kind }
    }

    /// What the system had no means for.
    pub(super) fn unreadable(offset: u64, error: &io::Error) -> Self {
        Self { kind: FaultKind::Unreadable, ..Self::of(offset, error) }
    }
}

/// Whether the operating system speaks, perhaps through the libraries in between.
fn is_of_the_system(error: &io::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.raw_os_error().is_some()) {
            return true;
        }
        // What is wrapped in an error of this kind is not its source, but the source of that is.
        let inner = io.and_then(io::Error::get_ref).map(|inner| inner as &(dyn Error + 'static));
        cause = inner.or_else(|| error.source());
    }
    false
}

/// The bytes of `source` that were read and not yet consumed.
pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, buffer: vec![0; WINDOW_BYTES], start: 0, end: 0, offset: 0 }
    }

    /// The same window over what `wrap` makes of its source.
    pub(super) fn map<S>(self, wrap: impl FnOnce(R) -> S) -> Window<S> {
        let Self { source, buffer, start, end, offset } = self;
        Window { source: wrap(source), buffer, start, end, offset }
    }

    /// What is in the window.
    pub(super) fn data(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Where [`Self::data`] begins in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where [`Self::data`] ends in the stream.
    pub(super) fn end(&self) -> u64 {
        self.offset + (self.end - self.start) as u64
    }

    /// Takes `bytes` out of the window, which holds at least so many.
    pub(super) fn advance(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.end - self.start);
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads on until the window holds `wanted` bytes, and says whether it does: not where the
    /// stream ends before. Never more than [`WINDOW_BYTES`].
    ///
    /// # Errors
    ///
    /// [`Damage`] at the place where the stream cannot be read.
    pub(super) fn fill(&mut self, wanted: usize) -> Result<bool, Damage> {
        let damage = |window: &Self, error: &io::Error| Damage::of(window.end(), error);
        self.fill_io(wanted).map_err(|error| damage(self, &error))
    }

    fn fill_io(&mut self, wanted: usize) -> io::Result<bool> {
        debug_assert!(wanted <= WINDOW_BYTES);
        while self.end - self.start < wanted {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(bytes) => self.end += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Takes `bytes` out of the stream, and says whether there were so many.
    ///
    /// # Errors
    ///
    /// As [`Self::fill`].
    pub(super) fn skip(&mut self, mut bytes: u64) -> Result<bool, Damage> {
        while bytes > 0 {
            if self.data().is_empty() && !self.fill(1)? {
                return Ok(false);
            }
            let part = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.data().len());
            self.advance(part);
            bytes -= part as u64;
        }
        Ok(true)
    }
}

/// An error as the reader of a report wants it, without the operating system's number.
pub(super) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

impl<R: Read> Read for Window<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let bytes = available.len().min(into.len());
        into[..bytes].copy_from_slice(&available[..bytes]);
        self.advance(bytes);
        Ok(bytes)
    }
}

impl<R: Read> BufRead for Window<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill_io(1)?;
        Ok(self.data())
    }

    fn consume(&mut self, bytes: usize) {
        self.advance(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, and fails after the last.
    struct Slow(u8);

    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("Torn cable (os error 5)"));
            }
            self.0 -= 1;
            into[0] = self.0;
            Ok(1)
        }
    }

    #[test]
    fn a_window_moves_over_its_stream_and_knows_where_it_is() {
        let bytes: Vec<u8> = (0..3 * WINDOW_BYTES).map(|index| (index % 251) as u8).collect();
        let mut window = Window::new(&bytes[..]);
        let mut at = 0;
        for step in (1..).map(|step: usize| step * 7919 % 300_000) {
            if !window.fill(step).unwrap() {
                break;
            }
            assert_eq!(window.offset(), at as u64);
            assert_eq!(window.data()[..step], bytes[at..at + step]);
            window.advance(step);
            at += step;
        }
        assert_eq!(window.data(), &bytes[at..]);
        assert_eq!(window.end(), bytes.len() as u64);
        assert!(!window.skip(bytes.len() as u64).unwrap());
    }

    #[test]
    fn what_was_read_before_an_error_stays_and_the_error_has_a_place() {
        let mut window = Window::new(Slow(5));
        assert!(window.fill(3).unwrap());
        assert_eq!(window.fill(6), Err(Damage::new(5, "torn cable")));
        assert_eq!(window.data(), [4, 3, 2, 1, 0]);
    }
}
