//! Why a question was not answered, and what its client is told of that.

use std::io;

use axum::http::StatusCode;

use crate::answer::AnswerError;
use crate::request::{AskError, Place, Refused};
use crate::service::problem::{Fault, Problem};
use crate::store::StoreError;

/// What a question may meet.
#[derive(Debug, thiserror::Error)]
pub(in crate::service) enum Failure {
    /// It means nothing.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed, or the answer was given up.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client takes no more.
    #[error("the client takes no more")]
    Gone(#[source] io::Error),
    /// More was found than an answer may have.
    #[error("more than {0} rows were found; ask for fewer with limit, or for a page of them")]
    TooMany(u64),
    /// Something else, of which it is known what to say.
    #[error("{0:?}")]
    Other(Problem),
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refused) => refused.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Store(error) => error.into(),
            AnswerError::Output(error) => Self::Gone(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

impl Failure {
    /// What the client is told.
    pub(in crate::service) fn into_problem(self) -> Problem {
        match self {
            Self::Refused(refused) if refused.ours => Problem::internal(refused.message),
            Self::Refused(refused) => told(refused),
            Self::Other(problem) => problem,
            Self::TooMany(_) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, self.to_string()),
            Self::Gone(error) => Problem::internal(error),
            Self::Store(StoreError::Stopped) => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the answer was given up, as it took longer than an answer may; ask for less, or \
                 have a job do it",
            ),
            Self::Store(error @ StoreError::Missing { .. }) => {
                Problem::unavailable("there is no store yet; load something into it", error)
            }
            Self::Store(error @ StoreError::Unreachable { .. }) => {
                Problem::unavailable("the store cannot be reached", error)
            }
            Self::Store(error) => Problem::internal(error),
        }
    }
}

fn told(refused: Refused) -> Problem {
    let Refused { parameter, message, place, .. } = refused;
    let (detail, mut fault) = match place {
        None => (message, Fault::default()),
        Some(place) => {
            let Place { problem, file, line, column, length, expected, hint } = *place;
            let within = file.map(|file| format!("in {file}: ")).unwrap_or_default();
            let line = if line > 1 { format!("line {line}, ") } else { String::new() };
            let detail = format!("{within}{line}column {column}: {problem}");
            let nearest = hint.as_deref().and_then(nearest);
            let fault = Fault {
                column: Some(column),
                length: Some(length),
                expected,
                nearest,
                hint,
                ..Fault::default()
            };
            (detail, fault)
        }
    };
    let Some(parameter) = parameter else { return Problem::bad_request(detail) };
    // The message of an option begins with its name.
    let prefix = format!("--{parameter}: ");
    let detail = detail.strip_prefix(&prefix).map(str::to_owned).unwrap_or(detail);
    fault.parameter.clone_from(&parameter);
    Problem::bad_request(format!("{parameter}: {detail}")).with_errors(vec![fault])
}

/// The word that a hint says may have been meant.
fn nearest(hint: &str) -> Option<String> {
    hint.strip_prefix("did you mean ")?.strip_suffix('?').map(str::to_owned)
}
