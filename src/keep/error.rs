//! What the place meets where something is kept.

use std::error::Error;

/// What the place meets where something is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// Another process has it.
    #[error("{place}: in use by another process")]
    InUse {
        /// The file.
        place: String,
    },
    /// A later version wrote it.
    #[error("{place}: format {found}, this version reads up to {known}")]
    Newer {
        /// The file.
        place: String,
        /// The format found.
        found: u32,
        /// The last format known here.
        known: u32,
    },
    /// The place does not answer just now.
    #[error("{place}: cannot be reached: {problem}")]
    Unreachable {
        /// The server.
        place: String,
        /// Why not.
        problem: String,
    },
    /// The place refused, or what is kept there is not what was written.
    #[error("{place}: {doing}")]
    Refused {
        /// The file, or the server.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl KeepError {
    /// Whether the same call may go well in a moment.
    pub fn may_get_well(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::InUse { .. })
    }
}
