//! Why the work of a job came to no end.

use std::error::Error;

use crate::request::{AskError, Refused};
use crate::store::StoreError;

/// Why the work of a job came to no end.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It asks for what cannot be.
    #[error("{0}")]
    Refused(String),
    /// Something failed.
    #[error("{0}")]
    Failed(String),
    /// Whoever watches gave it up.
    #[error("it was stopped")]
    Stopped,
}

impl WorkError {
    /// Something failed because of `error`.
    pub fn failed(error: impl Error) -> Self {
        Self::Failed(crate::load::chain(&error))
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stopped => Self::Stopped,
            error => Self::failed(error),
        }
    }
}

impl From<Refused> for WorkError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.message)
    }
}

impl From<AskError> for WorkError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refused) => refused.into(),
            AskError::Store(error) => error.into(),
        }
    }
}
