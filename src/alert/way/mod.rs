//! Ways on which alerts go out. What exporters, lists or rules say goes into the forms of others
//! here, and breaks none of them.

pub mod cef;
pub mod command;
mod connection;
mod http;
mod line;
pub mod mail;
mod secret;
pub mod slack;
mod smtp;
pub mod syslog;
mod text;
mod view;
pub mod webhook;

pub use secret::Secret;

use std::time::Duration;

use super::{Kept, Terms};

/// A way, and what goes by it.
pub struct Way {
    /// What it is called, and what goes by it.
    pub terms: Terms,
    /// What carries messages.
    pub carrier: Box<dyn Carrier>,
}

/// Carries messages to a receiver. It comes back within some seconds, whatever the receiver does.
pub trait Carrier: Send + Sync {
    /// Sends what is to be told of these alerts, in one message where they are several; gives what
    /// the receiver said.
    ///
    /// # Errors
    ///
    /// [`Failure`] if not all of it is delivered, as far as that can be known.
    fn send(&self, alerts: &[&Kept]) -> Result<String, Failure>;

    /// So many alerts go in one message.
    fn most_at_once(&self) -> u64 {
        1
    }

    /// So long lies between two messages.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }
}

/// Why a message is not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It may be delivered later.
    Passing {
        /// Why not now.
        told: String,
        /// When the receiver wants to be tried again, if he says it.
        after: Option<Duration>,
    },
    /// It will not be, however often it is tried.
    Lasting(String),
}

impl Failure {
    pub(super) fn passing(told: impl std::fmt::Display) -> Self {
        Self::Passing { told: told.to_string(), after: None }
    }

    /// The same, as one that may pass.
    pub(super) fn for_now(self) -> Self {
        match self {
            Self::Lasting(told) => Self::Passing { told, after: None },
            passing @ Self::Passing { .. } => passing,
        }
    }
}

/// So long an answer of a receiver is waited for.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Why a way cannot be as it is set.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WayError(pub String);
