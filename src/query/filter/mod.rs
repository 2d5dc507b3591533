//! The filter language: nfdump's, and what its users ask for beyond it. From text to a
//! [`Predicate`], whose `Display` is the language's normal form.
//!
//! `docs/filter.md` describes the language.

mod address;
mod aliases;
mod community;
mod completion;
mod condition;
mod element;
mod error;
mod event;
mod fields;
mod forms;
mod keyword;
mod lexer;
mod list;
mod meant;
mod named;
mod number;
mod parser;
mod refused;
mod shown;
mod sources;
mod term;
mod time;
mod values;
mod words;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;

pub use completion::{Completion, Word, WordKind, complete};
pub use error::{Included, ParseFilterError};
pub use sources::{Files, NoFiles};

use crate::flow::UnixMillis;
use crate::row::Predicate;
use sources::Sources;

/// A filter may be so many bytes long, and so may each file that it includes.
pub const MAX_TEXT_BYTES: usize = 64 << 10;
/// Parentheses and included files may lie so deep in each other.
pub const MAX_NESTING: usize = 100;
/// Files may include each other so deep, as in nfdump.
pub const MAX_INCLUDES: usize = 10;
/// A watch list may be so many bytes long.
pub const MAX_LIST_BYTES: u64 = 1 << 30;

/// What a filter is read in.
pub struct Context<'a> {
    /// The zone of times that name none.
    pub zone: TimeZone,
    /// What times such as `-2h` count from.
    pub now: UnixMillis,
    /// Where `@FILE` is read from, and what exporters call their interfaces is known.
    pub files: &'a dyn Files,
}

/// Reads a filter.
///
/// ```
/// use earlgrey_hbase::UnixMillis;
/// use earlgrey_hbase::query::filter::{Context, NoFiles, parse};
///
/// let context =
///     Context { zone: jiff::tz::TimeZone::UTC, now: UnixMillis::now(), files: &NoFiles };
/// let predicate = parse("src net 10/8 && port 443", &context).unwrap();
/// assert_eq!(predicate.to_string(), "src net 10.0.0.0/8 and port = 443");
///
/// let error = parse("src net 10/8 and prot 443", &context).unwrap_err();
/// assert_eq!(error.span, 17..21);
/// assert_eq!(error.hint.as_deref(), Some("did you mean port?"));
/// ```
///
/// # Errors
///
/// [`ParseFilterError`] with the place, if the text is no filter, is longer or deeper than the
/// limits of this module, or names a file that cannot be read or holds what it should not.
pub fn parse(text: &str, context: &Context<'_>) -> Result<Predicate, ParseFilterError> {
    parser::parse(text, &mut Sources::new(context)).map_err(|error| match error.file {
        None => error.located(text),
        Some(_) => error,
    })
}
