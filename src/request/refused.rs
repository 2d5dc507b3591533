//! Why a request cannot be carried out as it is.

use crate::meaning::MeaningError;
use crate::query::filter::ParseFilterError;
use crate::store::StoreError;

/// A request that means nothing. `Display` is for people: of a filter or a key it shows the place,
/// with marks, on lines of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The parameter that it is about, by the long name of the option.
    pub parameter: Option<String>,
    /// What is wrong, for people.
    pub message: String,
    /// Where in the parameter's text.
    pub place: Option<Box<Place>>,
    /// Whether it is a configured file that is wrong, and not the request.
    pub ours: bool,
}

/// A place in the text of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What is wrong there, on one line.
    pub problem: String,
    /// The file that the place is in, as the text names it. None: the text itself.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: usize,
    /// The character in its line, from 1.
    pub column: usize,
    /// How many characters the wrong part has.
    pub length: usize,
    /// What would have been right.
    pub expected: Option<String>,
    /// What may have been meant, or what to write instead.
    pub hint: Option<String>,
}

impl Refused {
    /// Of no parameter alone.
    pub fn new(message: impl Into<String>) -> Self {
        Self { parameter: None, message: message.into(), place: None, ours: false }
    }

    /// Of the parameter of this name.
    pub fn of(parameter: &str, message: impl Into<String>) -> Self {
        Self { parameter: Some(parameter.to_owned()), ..Self::new(message) }
    }

    /// A filter that is none: `text`, in the parameter of this name.
    pub fn of_filter(parameter: &str, text: &str, error: &ParseFilterError) -> Self {
        let source = error.file.as_ref().map_or(text, |file| &file.text);
        let length = source.get(error.span.clone()).map_or(0, |marked| marked.chars().count());
        let place = Place {
            problem: error.problem.clone(),
            file: error.file.as_ref().map(|file| file.name.clone()),
            line: error.line,
            column: error.column,
            length,
            expected: error.expected.clone(),
            hint: error.hint.clone(),
        };
        let message = format!("--{parameter}: {}\n{}", error.summary(), error.render(text));
        Self { place: Some(Box::new(place)), ours: error.ours, ..Self::of(parameter, message) }
    }
}

impl From<MeaningError> for Refused {
    fn from(error: MeaningError) -> Self {
        Self { ours: error.file().is_some(), ..Self::new(error.to_string()) }
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It means nothing, or asks for more than there may be.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
