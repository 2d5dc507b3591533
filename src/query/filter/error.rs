//! What is wrong with a filter, and where.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// So many characters of a long line are shown.
const SHOWN_CHARS: usize = 100;

/// Why text is no filter. `Display` says it all on one line; [`Self::render`] shows the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{}", self.summary(), joined(", expected ", self.expected.as_ref()), joined("; ", self.hint.as_ref()))]
pub struct ParseFilterError {
    /// Where, in bytes of the text, or of the file that this is in.
    pub span: Range<usize>,
    /// What is wrong.
    pub problem: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What may have been meant, or what to write instead.
    pub hint: Option<String>,
    /// The file that the place is in. None: the text itself.
    pub file: Option<Arc<Included>>,
    /// The line of the place, from 1.
    pub line: usize,
    /// The character of the place in its line, from 1.
    pub column: usize,
    /// Whether a configured file is wrong that it asks for, and not the filter.
    pub ours: bool,
}

/// A file of which a filter is made.
#[derive(Debug, PartialEq, Eq)]
pub struct Included {
    /// Its name, as the filter has it.
    pub name: String,
    /// What it holds.
    pub text: String,
}

fn joined(with: &str, text: Option<&String>) -> String {
    text.map(|text| format!("{with}{text}")).unwrap_or_default()
}

impl ParseFilterError {
    pub(super) fn at(span: Range<usize>, problem: impl Into<String>) -> Self {
        Self {
            span,
            problem: problem.into(),
            expected: None,
            hint: None,
            file: None,
            line: 1,
            column: 1,
            ours: false,
        }
    }

    #[must_use]
    pub(super) fn expecting(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    #[must_use]
    pub(super) fn hinting(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Counts lines and characters, once it is known which text the place is in.
    #[must_use]
    pub(super) fn located(self, text: &str) -> Self {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            ..self
        }
    }

    /// Where it is, and what is wrong, on one line.
    pub fn summary(&self) -> String {
        // Writing to a string cannot fail.
        let mut text = String::new();
        if let Some(file) = &self.file {
            let _ = write!(text, "{}: ", shown(&file.name));
        }
        if self.line > 1 {
            let _ = write!(text, "line {}, ", self.line);
        }
        text + &format!("column {}: {}", self.column, self.problem)
    }

    /// The line of the place in `text`, which was parsed, with marks under the place and what was
    /// expected there; then the hint, if there is one. Each line begins with two blanks, and the
    /// last one ends without a line feed.
    pub fn render(&self, text: &str) -> String {
        let text = self.file.as_ref().map_or(text, |file| &file.text);
        let start = self.span.start.min(text.len());
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].split('\n').next().unwrap_or_default().trim_end();
        let from = self.column.saturating_sub(1);
        let marked = text.get(self.span.clone()).unwrap_or_default();
        let marked =
            marked.split('\n').next().unwrap_or_default().trim_end().chars().count().max(1);

        // Of a long line, what lies around the place.
        let skipped = from.saturating_sub(SHOWN_CHARS / 2);
        let skipped = if line.chars().count() <= SHOWN_CHARS { 0 } else { skipped };
        let cut = if skipped > 0 { "…" } else { "" };
        let part: String = line.chars().skip(skipped).take(SHOWN_CHARS).collect();
        let more = if line.chars().count() > skipped + SHOWN_CHARS { "…" } else { "" };
        let blanks = from - skipped + cut.chars().count();
        let marks = marked.min((skipped + SHOWN_CHARS).saturating_sub(from).max(1));

        let mut shown_lines = format!("  {cut}{}{more}\n  ", shown(&part));
        let _ = write!(shown_lines, "{:blanks$}{:^<marks$}", "", "");
        if let Some(expected) = &self.expected {
            let _ = write!(shown_lines, " expected {expected}");
        }
        if let Some(hint) = &self.hint {
            let _ = write!(shown_lines, "\n  {hint}");
        }
        shown_lines
    }
}

/// `text` with a blank for each character that would move the cursor.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why a value is none; the place is known to whom it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) problem: String,
    pub(super) expected: Option<String>,
    pub(super) hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), expected: None, hint: None }
    }

    #[must_use]
    pub(super) fn expecting(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    #[must_use]
    pub(super) fn hinting(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_marked_and_what_was_expected_told() {
        let text = "proto tcp\nand\tipp 10.0.0.1 # one";
        let error = ParseFilterError::at(14..17, "unknown word \"ipp\"")
            .expecting("a term")
            .hinting("did you mean ip?")
            .located(text);
        assert_eq!(
            error.to_string(),
            "line 2, column 5: unknown word \"ipp\", expected a term; did you mean ip?"
        );
        assert_eq!(
            error.render(text),
            "  and ipp 10.0.0.1 # one\n      ^^^ expected a term\n  did you mean ip?"
        );
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let text = format!("{}port 70000{}", "ip 10.0.0.1 or ".repeat(30), " or tcp".repeat(30));
        let error = ParseFilterError::at(455..460, "too large").located(&text);
        let rendered = error.render(&text);
        let mut lines = rendered.lines();
        let (line, marks) = (lines.next().unwrap(), lines.next().unwrap());
        let at = line.chars().position(|c| c == '7').unwrap();
        assert_eq!(marks, format!("{}^^^^^", " ".repeat(at)));
        assert!(line.starts_with("  …") && line.ends_with('…'), "{line}");
    }

    #[test]
    fn the_end_of_the_text_has_a_place() {
        let error = ParseFilterError::at(5..5, "too short").located("port ");
        assert_eq!(error.render("port "), "  port\n       ^");
        assert_eq!(ParseFilterError::at(0..0, "none").located("").render(""), "  \n  ^");
    }
}
