//! From bytes to lines, from lines to pieces.

use std::collections::BTreeSet;
use std::mem::take;
use std::ops::ControlFlow;

use super::{Dialect, Line, NO_ADDRESSES, Wrong, wrong};
use crate::import::assembly::Assembly;
use crate::import::draft::Draft;
use crate::import::{Import, Options, Pieces};

/// A line is no longer than this; what is longer is passed over.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Reads a text.
pub(in crate::import) struct Lines {
    assembly: Assembly,
    dialect: Box<dyn Dialect>,
    draft: Draft,
    /// The beginning of a line whose end has not come.
    waiting: Vec<u8>,
    /// Whether that is longer than any line may be.
    is_too_long: bool,
    number: u64,
    /// For which reasons lines were wrong: of each the first is told.
    told: BTreeSet<&'static str>,
}

impl Lines {
    pub(super) fn new(format: &'static str, options: &Options, dialect: Box<dyn Dialect>) -> Self {
        Self {
            assembly: Assembly::new(format, options),
            dialect,
            draft: Draft::default(),
            waiting: Vec::new(),
            is_too_long: false,
            number: 0,
            told: BTreeSet::new(),
        }
    }

    fn line(&mut self, line: &[u8], to: &mut dyn Pieces) -> ControlFlow<()> {
        self.number += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let read = if take(&mut self.is_too_long) {
            Err(wrong("line too long", format!("it is longer than {MAX_LINE_BYTES} bytes")))
        } else if line.iter().all(u8::is_ascii_whitespace) {
            Ok(Line::Beside)
        } else {
            self.draft.clear();
            let text = str::from_utf8(line);
            text.map_err(|_| wrong("no text", "it is not in UTF-8"))
                .and_then(|line| self.dialect.line(line, &mut self.draft))
        };
        match read {
            Ok(Line::Beside) => return ControlFlow::Continue(()),
            Ok(Line::Flow) => self.assembly.take(line, &self.draft),
            Err(Wrong { reason, detail }) => {
                self.assembly.reject(line, reason);
                if reason != NO_ADDRESSES && self.told.insert(reason) {
                    to.wrong(format!("line {}: {detail}", self.number));
                }
            }
        }
        if self.assembly.is_full() { self.hand_over(to) } else { ControlFlow::Continue(()) }
    }

    fn hand_over(&mut self, to: &mut dyn Pieces) -> ControlFlow<()> {
        self.assembly.finish().map_or(ControlFlow::Continue(()), |piece| to.piece(piece))
    }
}

impl Import for Lines {
    fn bytes(&mut self, mut bytes: &[u8], to: &mut dyn Pieces) -> ControlFlow<()> {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.waiting.is_empty() {
                self.line(line, to)?;
            } else {
                let mut whole = take(&mut self.waiting);
                whole.extend_from_slice(line);
                self.line(&whole, to)?;
            }
        }
        if self.waiting.len() + bytes.len() > MAX_LINE_BYTES {
            self.is_too_long = true;
            self.waiting.clear();
        }
        if !self.is_too_long {
            self.waiting.extend_from_slice(bytes);
        }
        ControlFlow::Continue(())
    }

    fn end(&mut self, to: &mut dyn Pieces) -> ControlFlow<()> {
        let last = take(&mut self.waiting);
        if !last.is_empty() || self.is_too_long {
            self.line(&last, to)?;
        }
        self.hand_over(to)
    }
}
